"""How likely each limit is on each segment of a tile, by the law, the roads around, and the habits of the country."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import shapely

from schemas.vocabulary import SpeedUnit
from tasks.input_file import InputFile
from tasks.law.law_table import LawError
from tasks.legal_limit import legal_values
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.candidates import FEATURES, GROUNDS, Segments, candidates, limits_of, speed_order
from tasks.limit_model.combiner import MOST_SURE, Combiner, read_combiner
from tasks.limit_model.habits import Habits
from tasks.limit_model.row_sum import row_sums
from tasks.road_attribute import country_of
from tasks.road_graph import places_m
from tasks.segment_law import LawFile

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
Row = Mapping[str, Any]

LEAST = 0.001
"""Probability below which a limit is not worth a row."""
PART = 4000
"""Segments weighed in one go: memory goes by this times the number of limits."""
LEAST_SAID = 0.004
"""Share below which what a ground says of a limit is not worth weighing."""
NOWHERE = ""
"""Code of a segment at sea."""
LEARNED, FAR = GROUNDS.index("learned"), GROUNDS.index("far")

ONE_VOICE_M = 1000.0
"""Segments of one record so far apart speak with one voice: mappers cut a way where its limit changes."""
DOUBT = 1e-4
"""Probability that no limit falls below when voices are joined."""


@dataclass(frozen=True)
class LimitModel:
    """The files that odds are made from; a changed content is a changed parameter, another place is none."""

    habits: InputFile
    """Folder with one Parquet file for each country, named by its code."""
    law: LawFile = field(default_factory=LawFile)
    combiner: InputFile | None = None
    """None for the combiner that comes with Waysmith."""
    combiner_digest: str = ""
    """Digest of the combiner that comes with Waysmith, where that is asked."""


class LimitOdds(NamedTuple):
    """For each segment its likely limits, likeliest first."""

    odds: list[list[dict[str, Any]]]


class Known(NamedTuple):
    """What is weighed of each segment; columns as in the parameters of `limit_odds`."""

    class_: Sequence[str]
    subclass: Sequence[str | None]
    built_up: Floats
    attributes: Floats
    jurisdictions: Sequence[Sequence[Row]]
    speed_unit: Sequence[str | None]
    witnesses: Sequence[Sequence[Row]]
    legal: Sequence[Sequence[Row]]


class Weighed(NamedTuple):
    """Segments of one jurisdiction and unit, and all that speaks for each limit there."""

    rows: Rows
    limits: list[str]
    candidates: Floats
    """Shape (rows, limits, features)."""
    allowed: Flags
    """Which limits each segment may have; shape (rows, limits)."""
    code: str
    unit: str
    examples: int
    """Segments of the country whose limit is stated."""


class Voices(NamedTuple):
    """What segments of one jurisdiction say, each by itself."""

    rows: Rows
    limits: list[str]
    shares: Floats
    """Probability of each limit, before calibration; shape (rows, limits), 0 where it is out of question."""
    grounds: Floats
    """What such roads have, and what the road has farther on; shape (rows, limits, 2)."""
    unit: str
    examples: int


def limit_odds(
    *,
    geometry: "npt.NDArray[shapely.LineString]",
    length_m: Floats,
    sources: Sequence[Sequence[Row]],
    class_: Sequence[str],
    subclass: Sequence[str | None],
    built_up: Floats,
    attributes: Floats,
    jurisdictions: Sequence[Sequence[Row]],
    speed_unit: Sequence[str | None],
    witnesses: Sequence[Sequence[Row]],
    legal: Sequence[Sequence[Row]],
    is_own: Flags,
    params: LimitModel,
) -> LimitOdds:
    """Return the probability of each limit on each segment; what its own tags state of its limit plays no part.

    Each segment is weighed by itself; then the parts of one record within `ONE_VOICE_M` are averaged.

    Parameters
    ----------
    sources
        As in ROAD_SEGMENT; the first record is the way that a segment is a part of.
    attributes
        As in ROAD_ATTRIBUTE; shape (n, attributes).
    jurisdictions, speed_unit
        As in JURISDICTION; of several the first one counts.
    witnesses, legal
        As in CONTINUITY and LEGAL_LIMIT.
    is_own
        Which rows are asked for; the others lend their voice.
    """
    combiner = _combiner_of(params)
    records = np.array([parts[0]["record_id"] if parts else None for parts in sources], dtype=object)
    voiced = {each for each in records[is_own] if each}
    asked = is_own | np.array([each in voiced for each in records], dtype=bool)
    middle = shapely.line_interpolate_point(geometry, 0.5, normalized=True)
    places = places_m(shapely.get_x(middle), shapely.get_y(middle))
    odds: list[list[dict[str, Any]]] = [[] for _ in class_]
    known = Known(class_, subclass, built_up, attributes, jurisdictions, speed_unit, witnesses, legal)
    for voices in voices_of(combiner, weigh(known, asked, params)):
        rows = voices.rows
        shares = one_voice(voices.shares, records[rows], places[rows], length_m[rows])
        found = _odds(voices, combiner.calibrated(shares, voices.unit))
        for row, told in zip(rows.tolist(), found, strict=True):
            odds[row] = told
    return LimitOdds(odds)


def weigh(known: Known, asked: Flags, params: LimitModel) -> Iterator[Weighed]:
    """Yield all that speaks for each limit of the segments asked for, jurisdiction by jurisdiction, in parts."""
    attributes = np.array(known.attributes, dtype=np.float64).reshape(len(asked), len(ATTRIBUTES))
    codes = [parts[0]["code"] if parts else NOWHERE for parts in known.jurisdictions]
    units = [unit or str(SpeedUnit.KMH) for unit in known.speed_unit]
    for rows in groups([f"{code} {unit}" for code, unit in zip(codes, units, strict=True)], asked):
        code, unit = codes[rows[0]], units[rows[0]]
        habits = habits_in(params.habits.uri, country_of(code), params.habits.digest)
        common = {*(habits.limits if habits else ()), *law_limits(params.law, code)}
        for part in np.array_split(rows, -(-len(rows) // PART)):
            segments = Segments(
                attributes[part],
                [known.class_[i] for i in part],
                [known.subclass[i] for i in part],
                known.built_up[part],
                [known.witnesses[i] for i in part],
                [known.legal[i] for i in part],
                is_mph=unit == SpeedUnit.MPH,
            )
            limits, allowed = limits_of(segments, common)
            if limits:
                said = candidates(segments, habits, limits, allowed)
                yield Weighed(
                    part, limits, said, allowed & is_worth_weighing(said), code, unit, habits.examples if habits else 0
                )


def is_worth_weighing(said: Floats) -> Flags:
    """Return for which limits any ground or law speaks at all; shape (n, limits)."""
    strongest: Floats = said[:, :, 1 : len(GROUNDS)].max(axis=2)
    is_said: Flags = (strongest >= LEAST_SAID) | (said[:, :, FEATURES.index("law")] > 0)
    return is_said


def voices_of(combiner: Combiner, parts: Iterable[Weighed]) -> Iterator[Voices]:
    """Yield what all segments of each jurisdiction and unit say, its parts put together."""
    for _, of_code in groupby(parts, key=lambda part: (part.code, part.unit)):
        said = list(of_code)
        limits = sorted({limit for part in said for limit in part.limits}, key=speed_order)
        rows = np.concatenate([part.rows for part in said])
        shares, grounds = np.zeros((len(rows), len(limits))), np.zeros((len(rows), len(limits), 2))
        start = 0
        for part in said:
            columns = [limits.index(limit) for limit in part.limits]
            here = np.arange(start, start + len(part.rows))[:, None]
            shares[here, columns] = combiner.probabilities(part.candidates, part.allowed)
            grounds[here, columns] = part.candidates[:, :, [LEARNED, FAR]]
            start += len(part.rows)
        yield Voices(rows, limits, shares, grounds, said[0].unit, said[0].examples)


def one_voice(shares: Floats, records: npt.NDArray[np.object_], places: Floats, length_m: Floats) -> Floats:
    """Return probabilities of which each is the mean over the parts of its record nearby, by length.

    The mean is that of logarithms: one part that is sure outweighs several that hesitate.

    Parameters
    ----------
    shares
        Shape (n, limits).
    records
        Record of each segment, None where it is none's part.
    places
        Middles in metres; shape (n, 3).

    Examples
    --------
    >>> shares = np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]])
    >>> records = np.array(["w1", "w1", "w2"], dtype=object)
    >>> one_voice(shares, records, np.zeros((3, 3)), np.ones(3)).round(2).tolist()
    [[0.75, 0.25], [0.75, 0.25], [0.5, 0.5]]
    """
    joined = shares.copy()
    logs = np.log(np.maximum(shares, DOUBT))
    for rows in groups([each or "" for each in records], np.array([bool(each) for each in records], dtype=bool)):
        if len(rows) < 2:
            continue
        spots = places[rows]
        for row, spot in zip(rows, spots, strict=True):  # one by one: a table of all pairs grows as their square
            apart = np.linalg.norm(spots - spot, axis=1)
            near = rows[apart <= ONE_VOICE_M]  # those alone: sums round otherwise where farther ones are in sight too
            if len(near) > 1:
                mean = (length_m[near, None] * logs[near]).sum(axis=0) / length_m[near].sum()
                joined[row] = np.where(joined[row] > 0, np.exp(mean), 0.0)
    shared: Floats = joined / np.maximum(row_sums(joined), DOUBT)
    return shared


def groups(names: Sequence[str], asked: Flags) -> list[Rows]:
    """Return the rows asked for by their name, in the order of the names."""
    rows = np.flatnonzero(asked)
    named = np.array(names, dtype=str)[rows]
    order = np.argsort(named, kind="stable")
    bounds = np.flatnonzero(named[order][1:] != named[order][:-1]) + 1
    return [part for part in np.split(rows[order], bounds) if len(part)]


def law_limits(law: LawFile, code: str) -> list[str]:
    """Return the limits that the law of a place knows for cars, as text; none where it has no law."""
    try:
        return [f"{value} {unit}" for value, unit in legal_values(law.law, code)]
    except LawError:
        return []


def _combiner_of(params: LimitModel) -> Combiner:
    file = params.combiner
    return read_combiner(file.uri, file.digest) if file else read_combiner(None, params.combiner_digest)


@lru_cache(maxsize=64)
def habits_in(folder: str, country: str, digest: str) -> Habits | None:  # noqa: ARG001  (other content, other habits)
    """Return the habits of a country out of a folder, None where it has none."""
    file = Path(folder) / f"{country}.parquet"
    return Habits.from_table(pq.read_table(file)) if country and file.exists() else None


def _odds(voices: Voices, chances: Floats) -> Iterator[list[dict[str, Any]]]:
    """Yield the likely limits of each segment.

    However sure the trees are, n examples allow no more than (n + 1) / (n + 2) (Laplace's rule of succession): maps
    with few were not among those that calibrated them.
    """
    most = min(MOST_SURE, (voices.examples + 1) / (voices.examples + 2))
    order = np.argsort(-chances, axis=1, kind="stable").tolist()
    told = np.concatenate([np.minimum(chances, most)[:, :, None], voices.grounds], axis=2).tolist()
    for row, cells in zip(order, told, strict=True):
        yield [
            {"limit": voices.limits[i], "probability": cells[i][0], "learned": cells[i][1], "along": cells[i][2]}
            for i in row
            if cells[i][0] >= LEAST
        ]
