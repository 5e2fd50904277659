"""From the best path to routes: every point gets its place on the way, and the steps that led there."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.match_graph import Chords, Edges
from tasks.match_lattice import ABOUT, ALONG, DROPPED, KEPT, TOO_SHORT, Lattice, Roads, Room, Track, ways
from tasks.match_kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]


class Spans(NamedTuple):
    """Which part of which segment each stretch is."""

    segment: Places
    from_at: Floats
    to_at: Floats


class Placed(NamedTuple):
    """What becomes of each point of all pieces."""

    status: Codes
    edge: Places
    place: Floats
    """Metres from the begin of the edge."""
    distance: Floats
    confidence: Floats
    steps: Ints
    """How many steps lead to it."""


class Steps(NamedTuple):
    """Steps of all routes, in order of the points that they lead to."""

    segment: Places
    is_back: Flags
    begin: Floats
    """Fraction of the segment."""
    end: Floats
    enter: Ints
    """Microseconds since 1970."""
    leave: Ints


class Legs(NamedTuple):
    """Room for the parts of edges that lead from one point of the lattice to the next."""

    edge: Places
    begin: Floats
    """Metres from the begin of the edge."""
    end: Floats
    spare: Places


def placed_room(points: int) -> Placed:
    """Return room for what becomes of so many points, none of them matched."""
    return Placed(
        np.zeros(points, dtype=np.int8),
        np.full(points, -1, dtype=np.int32),
        np.full(points, np.nan),
        np.full(points, np.nan),
        np.full(points, np.nan),
        np.zeros(points, dtype=np.int64),
    )


def steps_room(count: int) -> Steps:
    """Return room for steps."""
    return Steps(
        np.empty(count, dtype=np.int32),
        np.empty(count, dtype=np.bool_),
        np.empty(count),
        np.empty(count),
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.int64),
    )


def legs_room(edges: Edges) -> Legs:
    """Return room for the longest way of a graph."""
    count = len(edges.metres) + 2
    return Legs(np.empty(count, dtype=np.int32), np.empty(count), np.empty(count), np.empty(count, dtype=np.int32))


@compiled
def place_on_edge(
    edges: Edges, chords: Chords, edge: int, low: float, high: float, track: Track, point: int
) -> tuple[float, float]:
    """Return metres along an edge, between `low` and `high`, of the place nearest to a point, and how far it is (m)."""
    lon, lat, kx, ky = track.lon[point], track.lat[point], track.kx[point], track.ky[point]
    stretch, length = edge >> 1, edges.metres[edge]
    near, far = (low, high) if edge & 1 == 0 else (length - high, length - low)
    best, place = np.inf, low
    for chord in range(chords.start[stretch], chords.start[stretch + 1]):
        metres = chords.metres[chord]
        if metres <= 0 or chords.along[chord] > far or chords.along[chord] + metres < near:
            continue
        along, distance = _on_part(chords, chord, near, far, lon, lat, kx, ky)
        if distance < best:
            best, place = distance, along if edge & 1 == 0 else length - along
    return min(max(place, low), high), best


@compiled
def _on_part(
    chords: Chords, chord: int, near: float, far: float, lon: float, lat: float, kx: float, ky: float
) -> tuple[float, float]:
    """Return metres along the stretch of the place nearest to a point on a part of a chord, and how far it is (m)."""
    east, north = (chords.lon[chord] - lon) * kx, (chords.lat[chord] - lat) * ky
    across, up = chords.dlon[chord] * kx, chords.dlat[chord] * ky
    start, metres = chords.along[chord], chords.metres[chord]
    share = -(east * across + north * up) / max(across * across + up * up, 1e-12)
    share = min(max(share, (near - start) / metres, 0.0), (far - start) / metres, 1.0)
    return start + share * metres, math.hypot(east + share * across, north + share * up)


@compiled
def fraction_of(edges: Edges, spans: Spans, edge: int, place: float) -> float:
    """Return a place on an edge as a fraction of its segment; ends of stretches come out exactly."""
    stretch, length = edge >> 1, edges.metres[edge]
    low, high = spans.from_at[stretch], spans.to_at[stretch]
    if edge & 1 == 1:
        low, high = high, low
    if place <= 0:
        return low
    return high if place >= length else low + (high - low) * (place / length)


@compiled
def legs_between(
    roads: Roads, track: Track, room: Room, lattice: Lattice, column: int, place: float, legs: Legs
) -> int:
    """Write the way from `place` on the edge of the column before to the state of this one; return how many legs."""
    edges = roads.edges
    state, before = lattice.chosen[column], lattice.chosen[column - 1]
    target, source = lattice.edge[state], lattice.edge[before]
    along = lattice.along[state]
    if lattice.kind[state] == ALONG:
        legs.edge[0], legs.begin[0], legs.end[0] = source, place, max(place, along)
        return 1
    if lattice.kind[state] == ABOUT:
        turn = max(place, edges.metres[target] - along)
        legs.edge[0], legs.begin[0], legs.end[0] = source, place, turn
        legs.edge[1], legs.begin[1], legs.end[1] = target, edges.metres[target] - turn, along
        return 2
    return _legs_away(roads, track, room, lattice, column, place, legs)


@compiled
def _legs_away(
    roads: Roads, track: Track, room: Room, lattice: Lattice, column: int, place: float, legs: Legs
) -> int:
    """Write the way by other edges: it is searched once more, for its end alone."""
    edges = roads.edges
    state, before = lattice.chosen[column], lattice.chosen[column - 1]
    target, source = lattice.edge[state], lattice.edge[before]
    rest = edges.metres[source] - lattice.along[before]
    rest_cost = edges.cost[source] * (rest / edges.metres[source])
    room.slots[target] = 0
    one, other = lattice.point[column - 1], lattice.point[column]
    reached, start, end, _ = ways(roads, track, room, source, rest, rest_cost, one, other, lattice.tier[column], 1)
    room.slots[target] = -1
    entry = start
    while entry < end - 1 and reached.edge[entry] != target:
        entry += 1
    count = 0
    entry = reached.before[entry]
    while entry >= 0:
        legs.spare[count] = reached.edge[start + entry]
        entry = reached.before[start + entry]
        count += 1
    legs.edge[0], legs.begin[0], legs.end[0] = source, place, edges.metres[source]
    for index in range(count):
        edge = legs.spare[count - 1 - index]
        legs.edge[index + 1], legs.begin[index + 1], legs.end[index + 1] = edge, 0.0, edges.metres[edge]
    legs.edge[count + 1], legs.begin[count + 1], legs.end[count + 1] = target, 0.0, lattice.along[state]
    return count + 2


class Cursor(NamedTuple):
    """Where on its legs a vehicle is."""

    leg: int
    place: float
    time: int


@compiled
def walk(
    edges: Edges, spans: Spans, legs: Legs, cursor: Cursor, to: Cursor, steps: Steps, used: int
) -> int:
    """Write the steps from one place on the legs to another from `used` on, at an even speed; return how many."""
    total = 0.0
    for leg in range(cursor.leg, to.leg + 1):
        total += _part(legs, cursor, to, leg)
    if total <= 0:
        edge = legs.edge[to.leg]
        at = fraction_of(edges, spans, edge, to.place)
        _write(steps, used, spans.segment[edge >> 1], edge & 1 == 1, at, at, cursor.time, to.time)
        return 1
    count, driven, enter = 0, 0.0, cursor.time
    for leg in range(cursor.leg, to.leg + 1):
        metres = _part(legs, cursor, to, leg)
        if metres <= 0:
            continue
        driven += metres
        leave = cursor.time + int(round((to.time - cursor.time) * min(driven / total, 1.0)))
        edge = legs.edge[leg]
        low = cursor.place if leg == cursor.leg else legs.begin[leg]
        high = to.place if leg == to.leg else legs.end[leg]
        begin, end = fraction_of(edges, spans, edge, low), fraction_of(edges, spans, edge, high)
        segment, is_back = spans.segment[edge >> 1], edge & 1 == 1
        last = used + count - 1
        if count and steps.segment[last] == segment and steps.is_back[last] == is_back and steps.end[last] == begin:
            begin, enter, count = steps.begin[last], steps.enter[last], count - 1
        _write(steps, used + count, segment, is_back, begin, end, enter, leave)
        count, enter = count + 1, leave
    return count


@compiled
def _part(legs: Legs, cursor: Cursor, to: Cursor, leg: int) -> float:
    """Return metres of a leg between two places."""
    low = cursor.place if leg == cursor.leg else legs.begin[leg]
    high = to.place if leg == to.leg else legs.end[leg]
    return high - low


@compiled
def _write(
    steps: Steps, place: int, segment: int, is_back: bool, begin: float, end: float, enter: int, leave: int
) -> None:
    steps.segment[place] = segment
    steps.is_back[place] = is_back
    steps.begin[place] = begin
    steps.end[place] = end
    steps.enter[place] = enter
    steps.leave[place] = leave


@compiled
def nearest_on_legs(
    edges: Edges, chords: Chords, legs: Legs, count: int, cursor: Cursor, track: Track, point: int
) -> tuple[Cursor, float]:
    """Return where on the legs, not before the cursor, a point is nearest, and how far off (m)."""
    best, leg_at, place_at = np.inf, cursor.leg, cursor.place
    for leg in range(cursor.leg, count):
        low = cursor.place if leg == cursor.leg else legs.begin[leg]
        place, distance = place_on_edge(
            edges, chords, legs.edge[leg], low, legs.end[leg], track, point
        )
        if distance < best:
            best, leg_at, place_at = distance, leg, place
    return Cursor(leg_at, place_at, track.time[point]), best


@compiled
def settle(placed: Placed, point: int, edge: int, place: float, distance: float, confidence: float, steps: int) -> None:
    """Note where a point is."""
    placed.status[point] = KEPT
    placed.edge[point] = edge
    placed.place[point] = place
    placed.distance[point] = distance
    placed.confidence[point] = confidence
    placed.steps[point] = steps


@compiled
def refuse_chain(placed: Placed, first: int, end: int) -> None:
    """Note that points from `first` up to `end` that could have had a place are too few for one."""
    for point in range(first, end):
        if placed.status[point] == DROPPED or placed.status[point] == KEPT:
            placed.status[point] = TOO_SHORT
