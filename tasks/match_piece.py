"""The matcher's one compiled call: pieces of traces in, a place for each point and the steps to it out."""

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_candidate import near_room
from tasks.match_confidence import weigh
from tasks.match_graph import MatchGraph, beside
from tasks.match_kernel import Records
from tasks.match_lattice import (
    DROPPED,
    INDEPENDENT_S,
    KEPT,
    MISSED_POINTS,
    MISSED_US,
    NO_ROAD,
    NO_WAY,
    Lattice,
    Roads,
    Room,
    Scales,
    add_states,
    advance,
    begin,
    choose,
    crow_m,
    lattice_room,
    sigma_of,
)
from tasks.match_motion import restore
from tasks.match_path import (
    DRIVEN,
    Cursor,
    Legs,
    legs_between,
    legs_room,
    nearest_on_legs,
    place_on_edge,
    placed_room,
    refuse_chain,
    settle,
    tell_distances,
    walk,
)
from tasks.match_scale import SAMPLE, piece_scales
from tasks.match_search import kept_room, search_room

Ints = npt.NDArray[np.int64]

STEPS_A_POINT = 3
"""Room for steps that is made at first; more is made when it is full."""


def match_points(
    graph: MatchGraph, room: Room, track: Records, offsets: Ints, own_from: Ints, own_to: Ints, scales: Scales
) -> tuple[Records, Records]:
    """Return what becomes of each point and the steps of all routes, in order of the own points they lead to.

    Piece i has the points from offsets[i] up to offsets[i + 1]; its own ones lie between places own_from[i] and
    own_to[i] of the piece. Steps lead to own points alone. Longitudes of `track` are moved to the turn of the earth on
    which the roads lie. `room` is that of the graph; what it keeps of earlier calls saves time and changes nothing.
    """
    track["lon"] = beside(graph, track["lon"])
    roads = Roads(graph.edges, graph.chords, graph.cells)
    longest = int(np.diff(offsets).max(initial=0))
    lattice, legs = lattice_room(longest), legs_room(graph.edges)
    placed, steps = placed_room(len(track)), np.empty(STEPS_A_POINT * len(track) + 64, dtype=DRIVEN)
    piece, used = 0, 0
    while True:
        piece, used = _match_pieces(
            roads,
            graph.spans,
            track,
            offsets,
            own_from,
            own_to,
            scales,
            room,
            lattice,
            legs,
            placed,
            steps,
            piece,
            used,
        )
        if piece == len(offsets) - 1:
            return placed, steps[:used]
        steps = np.concatenate([steps, np.empty_like(steps)])


def room_of(graph: MatchGraph) -> Room:
    """Return room for matching on a graph."""
    near, sample = near_room(), np.empty(SAMPLE)
    slots = np.full(len(graph.edges.edge), -1, dtype=np.int32)
    return Room(near, search_room(graph.edges), kept_room(graph.edges), slots, sample)


@compiled
def _match_pieces(
    roads: Roads,
    spans: Records,
    track: Records,
    offsets: Ints,
    own_from: Ints,
    own_to: Ints,
    scales: Scales,
    room: Room,
    lattice: Lattice,
    legs: Legs,
    placed: Records,
    steps: Records,
    piece: int,
    used: int,
) -> tuple[int, int]:
    """Match pieces from `piece` on until all are done or `steps` is full; return the next piece and steps written."""
    while piece < len(offsets) - 1:
        first, end = offsets[piece], offsets[piece + 1]
        mine = piece_scales(roads, track, first, end, scales, room, lattice)
        columns = _build(roads, track, first, end, mine, room, lattice, placed)
        own = (first + own_from[piece], first + own_to[piece])
        written = _route(
            roads, spans, track, mine, room, lattice, legs, placed, steps, columns, end, own[0], own[1], used
        )
        if mine.scatter_m > 0:
            restore(track, first, end, lattice.motion.phase)
            tell_distances(roads, placed, track, first, end)
        if written < 0:
            break
        used = written
        piece += 1
    return piece, used


@compiled
def _build(
    roads: Roads, track: Records, first: int, end: int, scales: Scales, room: Room, lattice: Lattice, placed: Records
) -> int:
    """Build the lattice of one piece; return how many columns it has.

    A point that no way leads to is missed and the next one tried; when too many are missed, a new chain begins at
    the first of them.
    """
    columns, used, missed, first_missed = 0, 0, 0, -1
    is_fresh = True
    point = first
    while point < end or (not is_fresh and first_missed >= 0):
        if point == end or _is_lost(track, lattice, columns, missed, point):
            point, is_fresh, missed, first_missed = first_missed, True, 0, -1
        if not is_fresh and point < end - 1 and _is_close(track, lattice.column[columns - 1].point, point, scales):
            placed[point].status = DROPPED
            point, missed, first_missed = point + 1, 0, -1
            continue
        share = 1.0
        if not is_fresh:
            share = min(1e-6 * (track[point].time - track[lattice.column[columns - 1].point].time) / INDEPENDENT_S, 1.0)
        count = add_states(roads, track, point, scales, room, lattice, columns, share)
        if count > 0 and is_fresh:
            begin(lattice, columns)
        elif count == 0 or not advance(roads, track, scales, room, lattice, columns, used):
            placed[point].status = NO_ROAD if count == 0 else NO_WAY
            if not is_fresh:
                missed += 1
                first_missed = point if first_missed < 0 else first_missed
            point += 1
            continue
        if not is_fresh:
            used += count * (lattice.column[columns].first - lattice.column[columns - 1].first)
        placed[point].status = KEPT
        columns, point, is_fresh, missed, first_missed = columns + 1, point + 1, False, 0, -1
    return columns


@compiled
def _is_lost(track: Records, lattice: Lattice, columns: int, missed: int, point: int) -> bool:
    """Whether so many points were missed before this one that the route breaks."""
    if missed <= MISSED_POINTS:
        return False
    passed: int = track[point].time - track[lattice.column[columns - 1].point].time
    return passed > MISSED_US


@compiled
def _is_close(track: Records, kept: int, point: int, scales: Scales) -> bool:
    """Whether a point tells too little that the kept one before did not."""
    sigma = max(sigma_of(track[kept].accuracy, scales), sigma_of(track[point].accuracy, scales))
    return crow_m(track, kept, point) < scales.apart_sigmas * sigma


@compiled
def _route(
    roads: Roads,
    spans: Records,
    track: Records,
    scales: Scales,
    room: Room,
    lattice: Lattice,
    legs: Legs,
    placed: Records,
    steps: Records,
    columns: int,
    last: int,
    own_from: int,
    own_to: int,
    used: int,
) -> int:
    """Give the points of one piece their places and routes; return how many steps are written, or -1 for no room."""
    start = 0
    while start < columns:
        end = start + 1
        while end < columns and lattice.column[end].block >= 0:
            end += 1
        behind = lattice.column[end].point if end < columns else last
        if end - start < 2:
            refuse_chain(placed, lattice.column[start].point, behind)
        else:
            choose(lattice, start, end)
            weigh(lattice, start, end, spans)
            used = _chain(
                roads,
                spans,
                track,
                scales,
                room,
                lattice,
                legs,
                placed,
                steps,
                start,
                end,
                behind,
                own_from,
                own_to,
                used,
            )
            if used < 0:
                break
        start = end
    return used


@compiled
def _chain(
    roads: Roads,
    spans: Records,
    track: Records,
    scales: Scales,
    room: Room,
    lattice: Lattice,
    legs: Legs,
    placed: Records,
    steps: Records,
    start: int,
    end: int,
    behind: int,
    own_from: int,
    own_to: int,
    used: int,
) -> int:
    """Walk along one chain of columns, whose points end before `behind`."""
    state = lattice.column[start].chosen
    place = lattice.state[state].along
    settle(
        placed,
        lattice.column[start].point,
        lattice.state[state].edge,
        place,
        lattice.state[state].distance,
        lattice.column[start].confidence,
        0,
    )
    for column in range(start + 1, end + 1):
        if column < end:
            count = legs_between(roads, track, scales, room, lattice, column, place, legs)
        else:  # points behind the last column stand on its edge
            edge = lattice.state[lattice.column[end - 1].chosen].edge
            legs.leg[0].edge, legs.leg[0].begin, legs.leg[0].end, count = edge, place, roads.edges.edge[edge].metres, 1
        stop = lattice.column[column].point if column < end else behind
        if used + count + stop - lattice.column[column - 1].point + 2 > len(steps):
            return -1
        cursor, used = _between(
            roads, spans, track, lattice, legs, placed, steps, column, end, count, place, stop, own_from, own_to, used
        )
        if column < end:
            place, used = _arrive(
                roads, spans, track, lattice, legs, placed, steps, column, count, cursor, own_from, own_to, used
            )
    return used


@compiled
def _between(
    roads: Roads,
    spans: Records,
    track: Records,
    lattice: Lattice,
    legs: Legs,
    placed: Records,
    steps: Records,
    column: int,
    end: int,
    count: int,
    place: float,
    stop: int,
    own_from: int,
    own_to: int,
    used: int,
) -> tuple[Cursor, int]:
    """Give the points that were dropped before a column their places on the legs to it."""
    kept = lattice.column[column - 1].point
    cursor = Cursor(0, place, track[kept].time)
    sure = lattice.column[column - 1].confidence
    if column < end:
        sure = min(sure, lattice.column[column].confidence)
    for point in range(kept + 1, stop):
        if placed[point].status != DROPPED:
            continue
        to, distance = nearest_on_legs(roads.edges, roads.chords, legs, count, cursor, track, point)
        written = 0
        if own_from <= point < own_to:
            written = walk(roads.edges, spans, legs, cursor, to, steps, used)
        settle(placed, point, legs.leg[to.leg].edge, to.place, distance, sure, written)
        cursor, used = to, used + written
    return cursor, used


@compiled
def _arrive(
    roads: Roads,
    spans: Records,
    track: Records,
    lattice: Lattice,
    legs: Legs,
    placed: Records,
    steps: Records,
    column: int,
    count: int,
    cursor: Cursor,
    own_from: int,
    own_to: int,
    used: int,
) -> tuple[float, int]:
    """Walk to the place of a column; return it, which is never behind the one before, and steps written."""
    point, state = lattice.column[column].point, lattice.column[column].chosen
    edge, place, distance = legs.leg[count - 1].edge, legs.leg[count - 1].end, lattice.state[state].distance
    if place != lattice.state[state].along:
        distance = place_on_edge(roads.edges, roads.chords, edge, place, place, track, point)[1]
    written = 0
    if own_from <= point < own_to:
        to = Cursor(count - 1, place, track[point].time)
        written = walk(roads.edges, spans, legs, cursor, to, steps, used)
    settle(placed, point, edge, place, distance, lattice.column[column].confidence, written)
    return place, used + written
