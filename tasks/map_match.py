"""On which road each point of a trace was, and the way between the points."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.match import STEP
from schemas.probe import TIME
from schemas.vocabulary import Heading, Unmatched
from tasks.kernel import compiled
from tasks.match_graph import Edges
from tasks.match_ground import ground_of
from tasks.match_kernel import Records
from tasks.match_lattice import LASTING_S, NO_ROAD, NO_WAY, TOO_SHORT, Scales, track_of
from tasks.match_path import fraction_of
from tasks.match_piece import match_points

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BESIDE_M = 2500.0
"""How far around the points roads must be known: the widest search and the farthest candidate fit in it."""

ROAD_COLUMNS = ("segment_id", "geometry", "bbox", "class", "one_way", "connectors")
"""Columns of ROAD_SEGMENT that are read."""


@dataclass(frozen=True)
class MatchParams:
    """What the model is scaled by."""

    sigma_m: float = 5.0
    """Standard deviation of a position along each axis, where the device gives no accuracy, and the least there is."""
    radius_m: float = 50.0
    """How far off roads are candidates; it grows with a point's own standard deviation up to 150 m."""
    beta_m: float = 40.0
    """Metres of detour that make a way less probable by a factor of e."""
    apart_sigmas: float = 2.0
    """Points nearer to the kept one before, in standard deviations, get their place when the route is known."""


class Matched(NamedTuple):
    """Columns of MATCH, one value for each own point; `row` is the place of its piece in the first table."""

    row: Ints
    number: Places
    time: pa.Array
    segment_id: pa.Array
    fraction: pa.Array
    heading: pa.Array
    distance_m: pa.Array
    confidence: pa.Array
    reason: pa.Array
    speed_kmh: pa.Array
    is_trip_end: pa.Array
    route: pa.Array


def map_match(
    *,
    first: Places,
    own_from: Places,
    own_to: Places,
    times: pa.ChunkedArray,
    lons: pa.ChunkedArray,
    lats: pa.ChunkedArray,
    speeds: pa.ChunkedArray,
    headings: pa.ChunkedArray,
    accuracies: pa.ChunkedArray,
    trip_ends: pa.ChunkedArray,
    road_segment: pa.Table,
    params: MatchParams,
) -> Matched:
    """Return where each own point of the pieces was, by the hidden Markov model of Newson and Krumm (2009).

    `road_segment` is what ROAD_SEGMENT holds within `BESIDE_M` metres; its `ROAD_COLUMNS` are read.
    """
    whole = times.combine_chunks()
    offsets = whole.offsets.to_numpy().astype(np.int64)
    offsets = offsets - offsets[0] if len(offsets) else np.zeros(1, dtype=np.int64)
    track = track_of(
        _flat(times), *(_flat(each).astype(np.float64) for each in (lons, lats, speeds, headings, accuracies))
    )
    scales = Scales(params.sigma_m, params.radius_m, params.beta_m, params.apart_sigmas, LASTING_S, 0.0, 1.0)
    own = own_from.astype(np.int64), own_to.astype(np.int64)
    with ground_of(road_segment) as ground:
        graph = ground.graph
        placed, steps = match_points(graph, ground.room, track, offsets, *own, scales)
    row, place = _own(*own)
    point = offsets[row] + place
    fraction = _fractions(graph.edges, graph.spans, placed)
    edge = placed["edge"][point]
    is_lost = edge < 0
    segment = (
        graph.spans["segment"][np.maximum(edge, 0) >> 1] if len(graph.spans) else np.zeros(len(edge), dtype=np.int32)
    )
    return Matched(
        row=row,
        number=(first[row] + place).astype(np.int32),
        time=pa.array(track["time"][point]).cast(TIME),
        segment_id=graph.segment_id.take(pa.array(segment, mask=is_lost)),
        fraction=pa.array(fraction[point], mask=is_lost),
        heading=_headings(edge & 1 == 1, is_lost),
        distance_m=pa.array(placed["distance"][point].astype(np.float32), mask=is_lost),
        confidence=pa.array(placed["confidence"][point].astype(np.float32), mask=is_lost),
        reason=_reasons(placed, point, is_lost),
        speed_kmh=pa.array(track["kmh"][point].astype(np.float32), from_pandas=True),
        is_trip_end=_flat_arrow(trip_ends).take(pa.array(point)),
        route=_routes(graph.segment_id, placed["steps"][point], steps),
    )


def _flat_arrow(lists: pa.ChunkedArray) -> pa.Array:
    return lists.combine_chunks().flatten()


def _flat(lists: pa.ChunkedArray) -> npt.NDArray[Any]:
    flat: npt.NDArray[Any] = _flat_arrow(lists).to_numpy(zero_copy_only=False)
    return flat


def _own(own_from: Ints, own_to: Ints) -> tuple[Ints, Ints]:
    """Return piece and place in it of each own point."""
    count = np.maximum(own_to - own_from, 0)
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + own_from[row]


@compiled
def _fractions(edges: Edges, spans: Records, placed: Records) -> Floats:
    """Return where on its segment each point is, NaN where it is on none."""
    made = np.full(len(placed), np.nan)
    for point in range(len(placed)):
        if placed[point].edge >= 0:
            made[point] = fraction_of(edges, spans, placed[point].edge, placed[point].place)
    return made


HEADINGS = pa.array([str(Heading.FORWARD), str(Heading.BACKWARD)])


def _headings(is_back: Flags, is_lost: Flags | None = None) -> pa.Array:
    return HEADINGS.take(pa.array(is_back.astype(np.int32), mask=is_lost))


def _reasons(placed: Records, point: Ints, is_lost: Flags) -> pa.Array:
    words = {NO_ROAD: Unmatched.NO_ROAD, NO_WAY: Unmatched.NO_WAY, TOO_SHORT: Unmatched.TOO_SHORT}
    known = pa.array([str(words.get(code, "")) for code in range(4)])
    return known.take(pa.array(placed["status"][point].astype(np.int32), mask=~is_lost))


def _routes(segment_id: pa.Array, counts: Ints, steps: Records) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    struct = pa.StructArray.from_arrays(
        [
            segment_id.take(pa.array(steps["segment"])),
            _headings(steps["is_back"]),
            pa.array(steps["begin"]),
            pa.array(steps["end"]),
            pa.array(steps["enter"]).cast(TIME),
            pa.array(steps["leave"]).cast(TIME),
        ],
        fields=list(STEP),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), struct)
