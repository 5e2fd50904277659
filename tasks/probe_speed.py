"""How fast each segment is driven freely, and what it is like: what limits are told by where nobody posts them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from tasks.grouped import Grouped
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import road_kind

Floats = npt.NDArray[np.float64]
Row = Mapping[str, Any]

DEGREE_KM = 111.195
"""Kilometres in a degree of a great circle."""
BENDS_GON_PER_KM = 400.0
"""Curvature change rate that counts as half of all there may be."""
SHORT_M = 50.0
"""Length that counts as half short: junctions at its ends slow the traffic on all of it."""
BROAD_LANES = 3.0
"""Lanes of one direction from which on a road counts as broad."""
SPEEDS = ("free_flow_kmh", "spread_kmh", "p85_kmh")
"""Columns of SPEED_PROFILE that are asked."""
BUILT_UP, LANES = ATTRIBUTES.index("built_up"), ATTRIBUTES.index("lanes")


class ProbeSpeed(NamedTuple):
    """The columns of PROBE_SPEED that the task makes."""

    country: list[str | None]
    record: list[str | None]
    kind: list[str]
    limit: list[str | None]
    context: npt.NDArray[np.float32]
    """Shape (n, len(ROAD_CONTEXT))."""
    driven: list[list[dict[str, Any]]]


def probe_speed(
    *,
    geometry: "npt.NDArray[shapely.LineString]",
    length_m: Floats,
    sources: Sequence[Sequence[Row]],
    class_: Sequence[str],
    subclass: Sequence[str | None],
    country: Sequence[str | None],
    limit: Sequence[str | None],
    attributes: Floats,
    forward: Sequence[Row | None],
    backward: Sequence[Row | None],
    heading: Grouped,
    traces: Grouped,
    free_flow_kmh: Grouped,
    spread_kmh: Grouped,
    p85_kmh: Grouped,
) -> ProbeSpeed:
    """Return the speeds in free flow of each segment, with what speeds depend on beside the limit.

    Parameters
    ----------
    sources
        As in ROAD_SEGMENT; the first record is the way that a segment is a part of.
    country, limit, attributes
        As in ROAD_ATTRIBUTE. A limit that does not hold for both headings is left out.
    forward, backward
        As in POSTED_LIMIT.
    heading, traces, free_flow_kmh, spread_kmh, p85_kmh
        As in SPEED_PROFILE.
    """
    alike = [None if a and b and a != b else each for each, a, b in zip(limit, forward, backward, strict=True)]
    kinds = [road_kind(*each) for each in zip(class_, subclass, strict=True)]
    known = np.asarray(attributes, dtype=np.float64).reshape(len(kinds), len(ATTRIBUTES))
    columns = [
        np.clip(known[:, BUILT_UP], 0.0, 1.0),
        bends(geometry),
        SHORT_M / (SHORT_M + length_m),
        np.clip((known[:, LANES] - 1) / (BROAD_LANES - 1), 0.0, 1.0),
    ]
    context = np.column_stack(columns).astype(np.float32)
    driven = list(_driven(heading, traces, free_flow_kmh, spread_kmh, p85_kmh))
    records = [parts[0]["record_id"] if parts else None for parts in sources]
    return ProbeSpeed(list(country), records, kinds, alike, context, driven)


def _driven(heading: Grouped, traces: Grouped, *speeds: Grouped) -> Iterator[list[dict[str, Any]]]:
    """Yield the speeds of each segment, those of both headings together last."""
    for ways, counts, *told in zip(heading, traces, *speeds, strict=True):
        rows = [
            {"heading": way, "traces": int(count)} | dict(zip(SPEEDS, map(float, each), strict=True))
            for way, count, *each in zip(ways, counts, *told, strict=True)
            if count > 0 and np.isfinite(each[0])
        ]
        yield [*rows, together(rows)] if len(rows) > 1 else rows


def together(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the speeds of several headings as one, each trace counted alike.

    Examples
    --------
    >>> together([
    ...     {"heading": "forward", "traces": 1, "free_flow_kmh": 30.0, "spread_kmh": 4.0, "p85_kmh": 36.0},
    ...     {"heading": "backward", "traces": 3, "free_flow_kmh": 50.0, "spread_kmh": 4.0, "p85_kmh": 56.0},
    ... ])
    {'heading': None, 'traces': 4, 'free_flow_kmh': 45.0, 'spread_kmh': 4.0, 'p85_kmh': 51.0}
    """
    counts = np.array([row["traces"] for row in rows], dtype=np.float64)
    share = counts / counts.sum()
    mean, spread, p85 = (
        (share * [row[name] ** power for row in rows]).sum() for name, power in zip(SPEEDS, (1, 2, 1), strict=True)
    )
    told = (float(mean), float(np.sqrt(spread)), float(p85))
    return {"heading": None, "traces": int(counts.sum())} | dict(zip(SPEEDS, told, strict=True))


def bends(geometry: "npt.NDArray[shapely.LineString]") -> Floats:
    """Return how winding lines in degrees are: 0 for a straight one, 0.5 at a change of 400 gon a kilometre.

    The curvature change rate is the sum of all turns over the length (R. Lamm et al., Highway Design and Traffic Safety
    Engineering Handbook, 1999).

    Examples
    --------
    >>> bends(shapely.from_wkt(["LINESTRING (0 0, 1 0)", "LINESTRING (0 0, 0.001 0, 0.001 0.001)"])).round(2).tolist()
    [0.0, 0.53]
    """
    spots, line = shapely.get_coordinates(geometry, return_index=True)
    steps = np.diff(spots, axis=0)
    steps[:, 0] *= np.cos(np.radians(spots[:-1, 1]))
    is_inside = (line[1:] == line[:-1]) & steps.any(axis=1)
    steps, line = steps[is_inside], line[:-1][is_inside]
    headings = np.arctan2(steps[:, 1], steps[:, 0])
    turns = np.abs((np.diff(headings) + np.pi) % (2 * np.pi) - np.pi)
    same = line[1:] == line[:-1]
    gon = np.bincount(line[1:][same], turns[same], minlength=len(geometry)) * 200 / np.pi
    km = np.bincount(line, np.hypot(*steps.T), minlength=len(geometry)) * DEGREE_KM
    rate = gon / np.maximum(km, 1e-6)
    share: Floats = rate / (rate + BENDS_GON_PER_KM)
    return share
