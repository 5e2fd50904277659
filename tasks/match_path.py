"""From the best path to routes: every point gets its place on the way, and the steps that led there."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_graph import Edges
from tasks.match_kernel import Records, kind
from tasks.match_lattice import ABOUT, ALONG, DROPPED, KEPT, TOO_SHORT, Lattice, Roads, Room, Scales, gap_of, ways
from tasks.match_stretch import Chords

Places = npt.NDArray[np.int32]


PLACED = kind(place="f8", distance="f8", confidence="f8", steps="i8", edge="i4", status="i1")
"""What becomes of a point: metres from the begin of an edge, metres off, how sure, and how many steps lead to it."""

DRIVEN = kind(begin="f8", end="f8", enter="i8", leave="i8", segment="i4", is_back="?")
"""A step: fractions of a segment, and microseconds since 1970."""

LEG = kind(begin="f8", end="f8", edge="i4")
"""A part of an edge, in metres from its begin."""


class Legs(NamedTuple):
    """Room for the parts of edges that lead from one point of the lattice to the next."""

    leg: Records
    spare: Places


def placed_room(points: int) -> Records:
    """Return room for what becomes of so many points, none of them matched."""
    placed = np.zeros(points, dtype=PLACED)
    placed["edge"] = -1
    return placed


def legs_room(edges: Edges) -> Legs:
    """Return room for the longest way of a graph."""
    count = len(edges.edge) + 2
    return Legs(np.empty(count, dtype=LEG), np.empty(count, dtype=np.int32))


@compiled
def place_on_edge(
    edges: Edges, chords: Chords, edge: int, low: float, high: float, track: Records, point: int
) -> tuple[float, float]:
    """Return metres along an edge, between `low` and `high`, of the place nearest to a point, and how far it is (m)."""
    lon, lat, kx, ky = track[point].lon, track[point].lat, track[point].kx, track[point].ky
    stretch, length = edge >> 1, edges.edge[edge].metres
    near, far = (low, high) if edge & 1 == 0 else (length - high, length - low)
    best, place = np.inf, low
    for chord in range(chords.start[stretch], chords.start[stretch + 1]):
        metres = chords.chord[chord].metres
        if metres <= 0 or chords.chord[chord].along > far or chords.chord[chord].along + metres < near:
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
    east, north = (chords.chord[chord].lon - lon) * kx, (chords.chord[chord].lat - lat) * ky
    across, up = chords.chord[chord].dlon * kx, chords.chord[chord].dlat * ky
    start, metres = chords.chord[chord].along, chords.chord[chord].metres
    share = -(east * across + north * up) / max(across * across + up * up, 1e-12)
    share = min(max(share, (near - start) / metres, 0.0), (far - start) / metres, 1.0)
    east, north = east + share * across, north + share * up
    return start + share * metres, math.sqrt(east * east + north * north)


@compiled
def fraction_of(edges: Edges, spans: Records, edge: int, place: float) -> float:
    """Return a place on an edge as a fraction of its segment; ends of stretches come out exactly."""
    stretch, length = edge >> 1, edges.edge[edge].metres
    low, high = spans[stretch].from_at, spans[stretch].to_at
    if edge & 1 == 1:
        low, high = high, low
    if place <= 0:
        return float(low)
    return float(high if place >= length else low + (high - low) * (place / length))


@compiled
def legs_between(
    roads: Roads, track: Records, scales: Scales, room: Room, lattice: Lattice, column: int, place: float, legs: Legs
) -> int:
    """Write the way from `place` on the edge of the column before to the state of this one; return how many legs."""
    edges = roads.edges
    state, before = lattice.column[column].chosen, lattice.column[column - 1].chosen
    target, source = lattice.state[state].edge, lattice.state[before].edge
    along = lattice.state[state].along
    if lattice.state[state].kind == ALONG:
        legs.leg[0].edge, legs.leg[0].begin, legs.leg[0].end = source, place, max(place, along)
        return 1
    if lattice.state[state].kind == ABOUT:
        turn = max(place, edges.edge[target].metres - along)
        legs.leg[0].edge, legs.leg[0].begin, legs.leg[0].end = source, place, turn
        legs.leg[1].edge, legs.leg[1].begin, legs.leg[1].end = target, edges.edge[target].metres - turn, along
        return 2
    return _legs_away(roads, track, scales, room, lattice, column, place, legs)


@compiled
def _legs_away(
    roads: Roads, track: Records, scales: Scales, room: Room, lattice: Lattice, column: int, place: float, legs: Legs
) -> int:
    """Write the way by other edges: it is searched once more, for its end alone."""
    edges = roads.edges
    state, before = lattice.column[column].chosen, lattice.column[column - 1].chosen
    target, source = lattice.state[state].edge, lattice.state[before].edge
    rest = edges.edge[source].metres - lattice.state[before].along
    rest_cost = edges.edge[source].cost * (rest / edges.edge[source].metres)
    one, other = lattice.column[column - 1].point, lattice.column[column].point
    gap = gap_of(track, one, other, lattice.column[column].tier, scales)
    room.slots[target] = 0
    reached, start, end = ways(edges, room, gap.goal, source, rest, rest_cost, 1)
    room.slots[target] = -1
    entry = start
    while entry < end - 1 and reached[entry].edge != target:
        entry += 1
    count = 0
    entry = reached[entry].before
    while entry >= 0:
        legs.spare[count] = reached[start + entry].edge
        entry = reached[start + entry].before
        count += 1
    legs.leg[0].edge, legs.leg[0].begin, legs.leg[0].end = source, place, edges.edge[source].metres
    for index in range(count):
        edge = legs.spare[count - 1 - index]
        legs.leg[index + 1].edge, legs.leg[index + 1].begin, legs.leg[index + 1].end = (
            edge,
            0.0,
            edges.edge[edge].metres,
        )
    legs.leg[count + 1].edge, legs.leg[count + 1].begin, legs.leg[count + 1].end = (
        target,
        0.0,
        lattice.state[state].along,
    )
    return count + 2


class Cursor(NamedTuple):
    """Where on its legs a vehicle is."""

    leg: int
    place: float
    time: int


@compiled
def walk(edges: Edges, spans: Records, legs: Legs, cursor: Cursor, to: Cursor, steps: Records, used: int) -> int:
    """Write the steps from one place on the legs to another from `used` on, at an even speed; return how many."""
    total = 0.0
    for leg in range(cursor.leg, to.leg + 1):
        total += _part(legs, cursor, to, leg)
    if total <= 0:
        edge = legs.leg[to.leg].edge
        at = fraction_of(edges, spans, edge, to.place)
        _write(steps, used, spans[edge >> 1].segment, edge & 1 == 1, at, at, cursor.time, to.time)
        return 1
    count, driven, enter = 0, 0.0, cursor.time
    for leg in range(cursor.leg, to.leg + 1):
        metres = _part(legs, cursor, to, leg)
        if metres <= 0:
            continue
        driven += metres
        leave = cursor.time + round((to.time - cursor.time) * min(driven / total, 1.0))
        edge = legs.leg[leg].edge
        low = cursor.place if leg == cursor.leg else legs.leg[leg].begin
        high = to.place if leg == to.leg else legs.leg[leg].end
        begin, end = fraction_of(edges, spans, edge, low), fraction_of(edges, spans, edge, high)
        segment, is_back = spans[edge >> 1].segment, edge & 1 == 1
        last = used + count - 1
        if count and steps[last].segment == segment and steps[last].is_back == is_back and steps[last].end == begin:
            begin, enter, count = steps[last].begin, steps[last].enter, count - 1
        _write(steps, used + count, segment, is_back, begin, end, enter, leave)
        count, enter = count + 1, leave
    return count


@compiled
def _part(legs: Legs, cursor: Cursor, to: Cursor, leg: int) -> float:
    """Return metres of a leg between two places."""
    low = cursor.place if leg == cursor.leg else legs.leg[leg].begin
    high = to.place if leg == to.leg else legs.leg[leg].end
    return high - low


@compiled
def _write(
    steps: Records, place: int, segment: int, is_back: bool, begin: float, end: float, enter: int, leave: int
) -> None:
    steps[place].segment = segment
    steps[place].is_back = is_back
    steps[place].begin = begin
    steps[place].end = end
    steps[place].enter = enter
    steps[place].leave = leave


@compiled
def nearest_on_legs(
    edges: Edges, chords: Chords, legs: Legs, count: int, cursor: Cursor, track: Records, point: int
) -> tuple[Cursor, float]:
    """Return where on the legs, not before the cursor, a point is nearest, and how far off (m)."""
    best, leg_at, place_at = np.inf, cursor.leg, cursor.place
    for leg in range(cursor.leg, count):
        low = cursor.place if leg == cursor.leg else legs.leg[leg].begin
        place, distance = place_on_edge(edges, chords, legs.leg[leg].edge, low, legs.leg[leg].end, track, point)
        if distance < best:
            best, leg_at, place_at = distance, leg, place
    return Cursor(leg_at, place_at, track[point].time), best


@compiled
def settle(
    placed: Records, point: int, edge: int, place: float, distance: float, confidence: float, steps: int
) -> None:
    """Note where a point is."""
    placed[point].status = KEPT
    placed[point].edge = edge
    placed[point].place = place
    placed[point].distance = distance
    placed[point].confidence = confidence
    placed[point].steps = steps


@compiled
def tell_distances(roads: Roads, placed: Records, track: Records, first: int, end: int) -> None:
    """Note how far points from `first` up to `end` are from their places (m)."""
    for point in range(first, end):
        edge, place = placed[point].edge, placed[point].place
        if edge >= 0:
            placed[point].distance = place_on_edge(roads.edges, roads.chords, edge, place, place, track, point)[1]


@compiled
def refuse_chain(placed: Records, first: int, end: int) -> None:
    """Note that points from `first` up to `end` that could have had a place are too few for one."""
    for point in range(first, end):
        if placed[point].status == DROPPED or placed[point].status == KEPT:
            placed[point].status = TOO_SHORT
