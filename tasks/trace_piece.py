"""Trips cut into pieces that are matched one by one, each with some points of its neighbours on either side.

A trip is cut by itself, where a piece grows too wide or too long, never by tiles: so every grid gives the same pieces.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.geometry import BOX
from schemas.probe import TRACE_PIECE
from tasks.clean_trace import metres
from tasks.kernel import compiled

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PieceParams:
    """How large a piece may grow, and how much of its neighbours it sees."""

    side_m: float = 10_000.0
    """Longest side of the box around the points of a piece (m)."""
    most: int = 5000
    """Most points of a piece."""
    context: int = 10
    """Fewest points of context on a side where the trip goes on."""
    context_m: float = 1000.0
    """Shortest way of context (m)."""
    context_s: float = 60.0
    """Shortest time of context (s)."""
    context_most: int = 200
    """Most points of context on a side, however short their way and time."""


class Pieces(NamedTuple):
    """Pieces of the trips of n points: the lists of piece i hold the points low[i] up to, not with, high[i]."""

    low: Ints
    own_from: Ints
    """First point that is the piece's own."""
    own_to: Ints
    """The point behind its last own one."""
    high: Ints


def cut_trips(*, trip: Ints, time: Ints, lon: Floats, lat: Floats, params: PieceParams) -> Pieces:
    """Return the pieces of trips whose points lie trip by trip in the order of time (µs, degrees).

    Every point is own to one piece. Context never reaches into another trip.

    Examples
    --------
    >>> cut_trips(
    ...     trip=np.array([0, 0, 0, 1]), time=np.arange(4), lon=np.array([0.0, 0.06, 0.12, 0.12]), lat=np.zeros(4),
    ...     params=PieceParams(),
    ... )
    Pieces(low=array([0, 0, 3]), own_from=array([0, 2, 3]), own_to=array([2, 3, 4]), high=array([3, 3, 4]))
    """
    own_from = _cuts(trip, lon, lat, params.side_m, params.most)
    own_to = np.append(own_from[1:], len(trip))[: len(own_from)]
    told = (params.context, params.context_m, params.context_s * 1e6, params.context_most)
    low = _contexts(own_from, -1, trip, time, lon, lat, *told)
    high = _contexts(own_to - 1, 1, trip, time, lon, lat, *told) + 1
    return Pieces(low, own_from, own_to, high)


@compiled
def _cuts(trip: Ints, lon: Floats, lat: Floats, side_m: float, most: int) -> Ints:
    """Return the first own point of each piece: a piece grows until the next point makes it too wide or too long."""
    starts = np.empty(len(trip), dtype=np.int64)
    count = 0
    west, east, south, north = 0.0, 0.0, 0.0, 0.0
    for i in range(len(trip)):
        if count and trip[i] == trip[i - 1]:
            west, east = min(west, lon[i]), max(east, lon[i])
            south, north = min(south, lat[i]), max(north, lat[i])
            middle = (south + north) / 2
            is_wide = metres(west, middle, east, middle) > side_m or metres(west, south, west, north) > side_m
            if not is_wide and i - starts[count - 1] < most:
                continue
        starts[count] = i
        count += 1
        west, east, south, north = lon[i], lon[i], lat[i], lat[i]
    return starts[:count].copy()


@compiled
def _contexts(
    edges: Ints,
    step: int,
    trip: Ints,
    time: Ints,
    lon: Floats,
    lat: Floats,
    fewest: int,
    way_m: float,
    time_us: float,
    most: int,
) -> Ints:
    """Return for the outermost own point of each piece the outermost point of the context on its side."""
    outer = edges.copy()
    for piece in range(len(edges)):
        edge = edges[piece]
        here, far, count = edge, 0.0, 0
        while count < most and (count < fewest or far < way_m or abs(time[here] - time[edge]) < time_us):
            beyond = here + step
            if beyond < 0 or beyond >= len(trip) or trip[beyond] != trip[edge]:
                break
            far += metres(lon[here], lat[here], lon[beyond], lat[beyond])
            here = beyond
            count += 1
        outer[piece] = here
    return outer


class Points(NamedTuple):
    """Kept points of traces, trace by trace in the order of time."""

    trace_id: pa.Array
    number: Ints
    """Place in the trace."""
    trip: Ints
    time: Ints
    """µs since 1970."""
    lon: Floats
    lat: Floats
    speed: npt.NDArray[np.float32]
    heading: npt.NDArray[np.float32]
    accuracy: npt.NDArray[np.float32]
    is_trip_end: Bools


def trace_pieces(points: Points, params: PieceParams) -> tuple[pa.Table, Ints]:
    """Return rows of TRACE_PIECE, and for each point the row that it is own to."""
    pieces = cut_trips(trip=points.trip, time=points.time, lon=points.lon, lat=points.lat, params=params)
    counts = pieces.high - pieces.low
    offsets = np.concatenate([[0], np.cumsum(counts)])
    row = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - pieces.low, counts)
    trace_id = points.trace_id.take(pa.array(pieces.own_from))
    number = _numbered(points.number[pieces.own_from])
    columns = {
        "piece_id": pc.binary_join_element_wise(trace_id, pa.array(number).cast(pa.string()), "#"),
        "trace_id": trace_id,
        "bbox": _boxes(points.lon[row], points.lat[row], offsets[:-1]),
        "first": points.number[pieces.low],
        "own_from": pieces.own_from - pieces.low,
        "own_to": pieces.own_to - pieces.low,
    }
    lists: dict[str, npt.NDArray[Any]] = {
        "times": points.time,
        "lons": points.lon,
        "lats": points.lat,
        "speeds": points.speed,
        "headings": points.heading,
        "accuracies": points.accuracy,
        "trip_ends": points.is_trip_end,
    }
    listed = {name: _lists(values[row], offsets) for name, values in lists.items()}
    whole = pa.table({**columns, **listed})
    owner = np.repeat(np.arange(len(counts)), pieces.own_to - pieces.own_from)
    return whole.cast(TRACE_PIECE.schema), owner


def _numbered(first: Ints) -> Ints:
    """Return the number of each piece in its trace, from 0; a trace begins with the point numbered 0."""
    place = np.arange(len(first))
    begins = np.maximum.accumulate(np.where(first == 0, place, 0)) if len(first) else place
    numbers: Ints = place - begins
    return numbers


def _boxes(lon: Floats, lat: Floats, starts: Ints) -> pa.Array:
    if not len(starts):
        return pa.array([], BOX)
    sides = [
        np.minimum.reduceat(lon, starts),
        np.minimum.reduceat(lat, starts),
        np.maximum.reduceat(lon, starts),
        np.maximum.reduceat(lat, starts),
    ]
    return pa.StructArray.from_arrays([pa.array(side) for side in sides], fields=list(BOX))


def _lists(values: npt.NDArray[Any], offsets: Ints) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values))
