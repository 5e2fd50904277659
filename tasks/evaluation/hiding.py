"""Which limits are hidden for a test, and the map without them.

Cells of the zoom-15 quadkey grid that hold segments with a stated limit are drawn by lot. Each record (OSM way, or what
an Overture segment was made from) that such a cell owns is hidden whole: no record stands on both sides. Roads that go
on as another record do, as they do in a map whose gaps are filled.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from tasks.speed_rule import Rule
from tasks.tiling import DEEPEST, cell_codes

ZOOM = 15
"""Cells of about 1.2 km at the equator, 0.6 km at 60° N."""

Source = Mapping[str, Any]
Flags = npt.NDArray[np.bool_]

SPEED_WORD = "speed"
KEPT = re.compile(r"(^|:)minspeed|internet")
"""Keys with the word `speed` that say nothing of the highest one."""
SIGN_KEY = re.compile(r"(^|:)traffic_sign(:|$)|(^|:)zone:traffic(:|$)")
"""Signs on the way (a limit, a zone, the edge of a town) and the law that the map names for it."""
TEXT_KEY = re.compile(r"(^|:)(note|description|fixme|comment|inscription)(_|:|$)")
TEXT_ON_SPEED = re.compile(r"speed|limit|tempo|km/?h|mph|\bzone", re.IGNORECASE)


class EvaluationError(ValueError):
    """The limits of a map cannot be put to the test; the message says what is missing."""


@dataclass(frozen=True)
class Hidden:
    """What is hidden in a run."""

    records: tuple[str, ...]
    """Records whose limits are hidden, sorted."""

    @cached_property
    def known(self) -> frozenset[str]:
        """The same for looking one up."""
        return frozenset(self.records)


class HiddenLimits(NamedTuple):
    """The columns of ROAD_SEGMENT that change."""

    tags: list[tuple[str, str]]
    speed_limits: list[Rule]


def tells_limit(key: str, value: str) -> bool:
    """Return whether a tag tells the highest speed, or repeats what another tells of it.

    `maxspeed` with all its parts, sources, zones and former or proposed values; `zone:traffic`; traffic signs on the
    way; and notes that speak of speed.

    Examples
    --------
    >>> tells_limit("source:maxspeed", "DE:urban"), tells_limit("minspeed", "60"), tells_limit("note", "Tempo 30")
    (True, False, True)
    """
    if SPEED_WORD in key:
        return KEPT.search(key) is None
    if TEXT_KEY.search(key):
        return TEXT_ON_SPEED.search(value) is not None
    return SIGN_KEY.search(key) is not None


def hide_limits(
    *,
    segment_id: str,
    sources: Sequence[Source],
    tags: Mapping[str, str],
    speed_limits: Sequence[Rule],
    params: Hidden,
) -> HiddenLimits:
    """Return what stays of a segment's tags and rules: all of them, unless a record of the segment is hidden.

    Examples
    --------
    >>> hide_limits(
    ...     segment_id="w7:n1-n2", sources=[{"property": "", "record_id": "w7@3"}],
    ...     tags={"highway": "primary", "maxspeed": "50"}, speed_limits=[], params=Hidden(("w7",)),
    ... )
    HiddenLimits(tags=[('highway', 'primary')], speed_limits=[])
    """
    if params.known.isdisjoint(records_of(segment_id, sources)):
        return HiddenLimits(list(tags.items()), list(speed_limits))
    return HiddenLimits([pair for pair in tags.items() if not tells_limit(*pair)], [])


def records_of(segment_id: str, sources: Sequence[Source]) -> set[str]:
    """Return the records that a segment as a whole was made from, without their version; else the segment itself.

    Examples
    --------
    >>> records_of("w7:n1-n2", [{"property": "", "record_id": "w7@3"}])
    {'w7'}
    >>> records_of("08f", [])
    {'08f'}
    """
    named = {each["record_id"].partition("@")[0] for each in sources if each["record_id"] and not each["property"]}
    return named or {segment_id}


def cells_at(lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the number of the zoom-15 cell of each point in degrees; shape (n,).

    Examples
    --------
    >>> [cell_name(code) for code in cells_at(np.array([24.94]), np.array([60.17]))]
    ['q120120211013310']
    """
    codes: npt.NDArray[np.int64] = cell_codes(lon, lat) >> 2 * (DEEPEST - ZOOM)
    return codes


def cell_name(code: int) -> str:
    """Return the quadkey of a cell, behind a `q`."""
    return "q" + np.base_repr(code, 4).zfill(ZOOM)


def draw_cells(cells: npt.NDArray[np.int64], *, seed: int, share: float) -> npt.NDArray[np.int64]:
    """Return a share of the distinct cells, drawn by lot; at least one is drawn and one left.

    Raises
    ------
    EvaluationError
        If all lie in one cell.

    Examples
    --------
    >>> draw_cells(np.array([4, 4, 7, 9, 9, 12]), seed=0, share=0.5).tolist()
    [4, 9]
    """
    distinct = np.unique(cells)
    if len(distinct) < 2:
        place = f"the one cell {cell_name(int(distinct[0]))}" if len(distinct) else "no cell"
        raise EvaluationError(
            f"limits are stated in {place} at zoom {ZOOM} alone: two are needed, one to hide and one to learn from"
        )
    count = min(max(round(share * len(distinct)), 1), len(distinct) - 1)
    return np.sort(np.random.default_rng(seed).permutation(distinct)[:count])


def hidden_segments(
    geometry: "npt.NDArray[shapely.LineString]", records: Sequence[set[str]], cells: npt.NDArray[np.int64]
) -> Flags:
    """Return which segments are hidden: all parts of each record that one of the cells owns.

    A cell owns a record if the centre of its bounding box lies there, as a tile owns a feature. What shares a record
    with a hidden segment is hidden too. Shapes: n lines in degrees, n sets of records, m cells; n flags come back.
    """
    known = _owned(geometry, records, cells)
    while True:
        flags = np.array([not known.isdisjoint(each) for each in records], dtype=bool)
        grown = known.union(*(records[row] for row in np.flatnonzero(flags).tolist()))
        if grown == known:
            return flags
        known = grown


def _owned(
    geometry: "npt.NDArray[shapely.LineString]", records: Sequence[set[str]], cells: npt.NDArray[np.int64]
) -> set[str]:
    """Return the records that the cells own."""
    names = sorted(set().union(*records))
    place = {name: number for number, name in enumerate(names)}
    pairs = [(place[name], row) for row, each in enumerate(records) for name in each]
    record, row = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    bounds = shapely.bounds(geometry)[row]
    low, high = np.full((len(names), 2), np.inf), np.full((len(names), 2), -np.inf)
    np.minimum.at(low, record, bounds[:, :2])
    np.maximum.at(high, record, bounds[:, 2:])
    is_inside = np.isin(cells_at(*((low + high) / 2).T), cells)
    return {names[number] for number in np.flatnonzero(is_inside)}


def hidden_records(flags: Flags, records: Sequence[set[str]]) -> Hidden:
    """Return the records of hidden segments."""
    return Hidden(tuple(sorted(set().union(*(records[row] for row in np.flatnonzero(flags).tolist())))))
