"""The hidden Markov model: places where each point may have been, the way between them, and the most probable path.

References
----------
P. Newson and J. Krumm, Hidden Markov Map Matching Through Noise and Sparseness, ACM SIGSPATIAL GIS 2009.
A. Gelb (ed.), Applied Optimal Estimation, MIT Press 1974, section 3.6: errors that hang together in time.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_candidate import degrees_metres, least_distance, near_stretches
from tasks.match_cell import Cells
from tasks.match_graph import BACK_COST, Edges
from tasks.match_kernel import Records, kind, records
from tasks.match_motion import Motion, motion_room
from tasks.match_search import KEPT_COST, Goal, Kept, Search, keep, spread
from tasks.match_stretch import Chords

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

MOST_STATES = 24
"""States of a point: both headings of each stretch near it."""

TAIL = 3.0
"""Standard deviations beyond which the cost of distance grows straight and no longer as a square (Huber 1964)."""

LASTING_S = 5.0
"""Seconds in which the error of a position falls to 1/e of itself, where nothing tells: a compromise between receivers
that filter, whose errors last longer, and errors that are drawn for each point."""

SOONEST_S = 0.1
"""Points closer in time count as so far apart."""

INDEPENDENT_S = 10.0
"""Seconds after which a device's heading is a new witness; what comes sooner says less, by its share of them."""

WORSE_NATS = 12.0
"""A stretch whose distance costs so much more than that of the nearest is no candidate."""

LOOK_SIGMAS = 7.0
"""So far around a point, in standard deviations, most candidates are found."""

SIXTY_EIGHT = 1.5
"""Standard deviations of an axis that hold 68 % of positions."""

WORST_SIGMAS = 6.0
"""Twice what the standard deviation of a piece may be, in usual ones: roads farther off are not looked for."""

HEADING_NATS = 2.5
"""Cost of a heading across the road; against it, twice that."""

STANDING_KMH = 7.0
"""Speed below which a device's heading says nothing."""

BEAM_NATS = 16.0
"""States so much worse than the best one before them are not followed."""

MOST_NATS = 25.0
"""Where the best way costs more than the crow's and this, the point is taken for an outlier, or the route breaks."""

BACKWARD_SIGMAS = 4.0
"""So far back along its edge a standing vehicle may seem to go."""

BACKWARD_M = 10.0
"""Metres that seem backward and cost one nat."""

QUICK = 1.5
"""How much quicker than is typical of the class a vehicle may drive throughout, at no cost."""

STRAY_S = 120.0
"""Seconds after which drivers strayed from the cheapest way so often that a metre costs half."""

HALO_M = 2200.0
"""Half the shorter axis of the widest ellipse that is searched; see `bounds`."""

LEAST_ODDS = 1e-300
"""Keeps divisors from zero."""

KEPT, NO_ROAD, NO_WAY, TOO_SHORT, DROPPED = range(5)
"""What became of a point: `DROPPED` ones are so near the kept one before that they find their place afterwards."""

ALONG, ABOUT, AWAY = range(3)
"""How a vehicle came from one state to the next: along its edge, by turning about on it, or by way of others."""

MISSED_POINTS = 2
"""So many points may be missed, however long it takes."""

MISSED_US = 10_000_000
"""So long points may be missed, however many they are, before the route breaks."""


class Roads(NamedTuple):
    """The graph, as compiled code takes it."""

    edges: Edges
    chords: Chords
    cells: Cells


class Scales(NamedTuple):
    """What the model is scaled by; `MatchParams` says what each means."""

    sigma_m: float
    radius_m: float
    beta_m: float
    apart_sigmas: float
    lasting_s: float
    """Seconds in which an error falls to 1/e of itself."""
    scatter_m: float
    """What neighbouring errors do not share, where points are smoothed; 0 where they are not."""
    left: float
    """Share of an error that smoothing leaves."""


POINT = kind(time="i8", lon="f8", lat="f8", kmh="f8", heading="f8", accuracy="f8", kx="f8", ky="f8")
"""A point of a trace: microseconds since 1970, degrees, km/h, degrees from north, metres; NaN where the device says
nothing; and metres of a degree of longitude and of latitude there."""


class Room(NamedTuple):
    """What compiled code works with and forgets."""

    near: Records
    search: Search
    kept: Kept
    slots: Places
    """For each edge the state on it of the point at hand, -1 for none."""
    sample: Floats
    """Distances that a median is taken of; shape (`SAMPLE`,)."""


COLUMN = kind(point="i8", first="i8", block="i8", chosen="i8", confidence="f8", tier="i1")
"""A point of the lattice; its first state; where the weights of the ways to it begin, row by row of the column before,
-1 where a path begins; state of the best path; how sure that is; how far ways to it were searched."""

STATE = kind(
    along="f8",
    distance="f8",
    emission="f8",
    total="f8",
    odds="f8",
    ahead="f8",
    behind="f8",
    off_east="f8",
    off_north="f8",
    sigmas="f8",
    back="i8",
    edge="i4",
    kind="i1",
)
"""A place where a point may have been: metres from the begin of an edge, metres from the point; its cost whatever was
before (nats, as all costs of the model are), that of the best path to it with the state before on that path and how it
came from there; odds of the point itself, of the points before and of those behind, each known but for a factor in its
column; the unit vector across the edge, to the point, and how many standard deviations off the point is."""


class Lattice(NamedTuple):
    """Columns of one piece: states of column c are its `first` up to the `first` of the next."""

    column: Records
    state: Records
    weight: Floats
    """Of the ways between states: nats, and in the end odds."""
    motion: Motion


def track_of(time: Ints, lon: Floats, lat: Floats, kmh: Floats, heading: Floats, accuracy: Floats) -> Records:
    """Return points with metres of a degree at each."""
    kx, ky = degrees_metres(lat)
    return records(POINT, time=time, lon=lon, lat=lat, kmh=kmh, heading=heading, accuracy=accuracy, kx=kx, ky=ky)


def lattice_room(points: int) -> Lattice:
    """Return room for a piece of so many points; pages that are not written cost no memory."""
    states = points * MOST_STATES
    column = np.zeros(points + 1, dtype=COLUMN)
    return Lattice(column, np.empty(states, dtype=STATE), np.empty(states * MOST_STATES), motion_room(points))


@compiled
def sigma_of(accuracy: float, scales: Scales) -> float:
    """Return the standard deviation (m) of a position along each axis; a device's accuracy holds 68 % of positions."""
    if math.isnan(accuracy):
        return scales.sigma_m
    return min(max(scales.left * accuracy / SIXTY_EIGHT, scales.sigma_m), 8 * scales.sigma_m)


@compiled
def distance_nats(distance: float, sigma: float) -> float:
    """Return the cost of a distance: a square, as of a normal distribution, that goes on straight from `TAIL` on.

    Examples
    --------
    >>> distance_nats(5.0, 5.0), distance_nats(25.0, 5.0)
    (0.5, 10.5)
    """
    sigmas = distance / sigma
    return 0.5 * sigmas * sigmas if sigmas < TAIL else TAIL * (sigmas - 0.5 * TAIL)


@compiled
def heading_nats(east: float, north: float, heading: float, kmh: float) -> float:
    """Return the cost of driving along (east, north) while the device says `heading`, degrees from north."""
    if math.isnan(heading) or kmh < STANDING_KMH:
        return 0.0
    size = math.hypot(east, north)
    if size == 0:
        return 0.0
    radians = math.radians(heading)
    cosine = (east * math.sin(radians) + north * math.cos(radians)) / size
    share = 0.5 if math.isnan(kmh) else 1.0
    return share * HEADING_NATS * (1 - cosine)


@compiled
def crow_m(track: Records, one: int, other: int) -> float:
    """Return metres between two points as the crow flies, right to 1e-4 up to 10 km and 70° of latitude."""
    across = abs(track[one].lon - track[other].lon)
    east = 0.5 * min(across, 360 - across) * (track[one].kx + track[other].kx)
    north = (track[one].lat - track[other].lat) * track[one].ky
    return math.sqrt(east * east + north * north)


class Gap(NamedTuple):
    """What lies between two points of the lattice."""

    crow: float
    """Metres as the crow flies."""
    passed: float
    """Seconds."""
    slack: float
    """Metres that a vehicle may seem to go back."""
    kept: float
    """Share of an error of the first point that the second still has."""
    goal: Goal
    """The point behind, and how far a search for it may go."""


@compiled
def gap_of(track: Records, one: int, other: int, tier: int, scales: Scales) -> Gap:
    """Return what lies between two points."""
    crow = crow_m(track, one, other)
    most_cost, most_metres = bounds(crow, tier)
    sigma = max(sigma_of(track[one].accuracy, scales), sigma_of(track[other].accuracy, scales))
    there = track[other]
    goal = Goal(there.lon, there.lat, there.kx, there.ky, most_cost, most_metres)
    passed = 1e-6 * (there.time - track[one].time)
    kept = math.exp(-max(passed, SOONEST_S) / scales.lasting_s)
    return Gap(crow, passed, BACKWARD_SIGMAS * sigma, kept, goal)


@compiled
def bounds(crow: float, tier: int) -> tuple[float, float]:
    """Return the greatest cost and the greatest length (m) of a way between points `crow` metres apart.

    A way of length L between foci c apart lies in an ellipse whose shorter half axis is √(L² − c²) / 2. That is never
    more than `HALO_M`, so who sees the roads so far around the points, and 150 m more for candidates, sees all.
    """
    widest = math.sqrt(crow * crow + 4 * HALO_M * HALO_M)
    if tier == 0:
        return 2.0 * crow + 250.0, min(2.0 * crow + 1000.0, widest)
    return 4.0 * crow + 2000.0, min(4.0 * crow + 2000.0, widest)


@compiled
def way_nats(cost: float, metres: float, seconds: float, passed: float, scales: Scales) -> float:
    """Return the cost of a way: what drivers avoid, and too little time for it.

    `seconds` is what the way takes at typical speeds, `passed` the time between the points. Metres count for less the
    longer that is: Newson and Krumm found the same.
    """
    nats = cost / (scales.beta_m * (1.0 + passed / STRAY_S))
    late = seconds / QUICK - passed
    if late > 0:
        nats += late / (3.0 + 0.1 * passed)
    too_far = metres - 60.0 * (passed + 1.0) - 30.0
    if too_far > 0:
        nats += too_far / 20.0
    return nats


@compiled
def add_states(
    roads: Roads, track: Records, point: int, scales: Scales, room: Room, lattice: Lattice, column: int, share: float
) -> int:
    """Write the states of a point into a column; return how many there are.

    `share` is how much of a new witness the point is, 0 to 1.
    """
    sigma = sigma_of(track[point].accuracy, scales)
    near = room.near
    count, most = _near(roads.cells, track, point, sigma, scales, near)
    state = lattice.column[column].first
    for index in range(count):
        base = distance_nats(near[index].distance, sigma)
        if base > most:
            continue
        for back in range(2):
            edge = 2 * near[index].stretch + back
            if not roads.edges.edge[edge].is_open:
                continue
            sign = 1.0 - 2.0 * back
            along = near[index].along if back == 0 else roads.edges.edge[edge].metres - near[index].along
            lattice.state[state].edge = edge
            lattice.state[state].along = min(max(along, 0.0), roads.edges.edge[edge].metres)
            lattice.state[state].distance = near[index].distance
            lattice.state[state].sigmas = near[index].distance / sigma
            lattice.state[state].off_east, lattice.state[state].off_north = _across(near[index])
            lattice.state[state].emission = share * heading_nats(
                sign * near[index].east, sign * near[index].north, track[point].heading, track[point].kmh
            )
            lattice.state[state].total = np.inf
            state += 1
    lattice.column[column + 1].first = state
    lattice.column[column].point = point
    return int(state - lattice.column[column].first)


@compiled
def _across(near: Any) -> tuple[float, float]:
    """Return the unit vector across a stretch (east, north), to the point; nothing where it has no direction."""
    size = math.copysign(max(math.hypot(near.east, near.north), LEAST_ODDS), near.side)
    return -near.north / size, near.east / size


@compiled
def error_nats(one: Any, other: Any, kept: float) -> float:
    """Return the cost of the error of a state after that of another, of which `kept` is left if both point one way.

    Errors are taken for Gauss–Markov processes of first order, and are seen across the roads alone. What is new in an
    error costs as `distance_nats`; that it can be less where roads run the same way is its due, and costs elsewhere.
    """
    alike = one.off_east * other.off_east + one.off_north * other.off_north
    kept_there = kept * alike
    rest = 1 - kept_there * kept_there
    new = abs(other.sigmas - kept_there * one.sigmas) / math.sqrt(rest)
    return distance_nats(new, 1.0) + 0.5 * math.log(rest / (1 - kept * kept))


@compiled
def _near(cells: Cells, track: Records, point: int, sigma: float, scales: Scales, near: Records) -> tuple[int, float]:
    """Write the stretches near a point into `near`; return how many there are, and the greatest cost of a distance.

    It looks `LOOK_SIGMAS` around first; stretches farther off would be no candidates where the nearest is near enough.
    """
    here = track[point]
    radius = min(scales.radius_m * sigma / scales.sigma_m, 3 * scales.radius_m, 150.0)
    look = min(radius, LOOK_SIGMAS * sigma)
    while True:
        count = near_stretches(cells, here.lon, here.lat, here.kx, here.ky, look, near)
        most = distance_nats(least_distance(near, count), sigma) + WORSE_NATS
        if look >= radius or most <= distance_nats(look, sigma):
            return count, most
        look = radius


@compiled
def begin(lattice: Lattice, column: int) -> None:
    """Let a path begin at a column."""
    lattice.column[column].block = -1
    for state in range(lattice.column[column].first, lattice.column[column + 1].first):
        lattice.state[state].emission += distance_nats(lattice.state[state].sigmas, 1.0)
        lattice.state[state].total = lattice.state[state].emission
        lattice.state[state].back = -1


@compiled
def advance(roads: Roads, track: Records, scales: Scales, room: Room, lattice: Lattice, column: int, used: int) -> bool:
    """Find the best ways from the column before to this one; tell whether there is any.

    Weights of the ways are written from `used` on.
    """
    low, high = lattice.column[column - 1].first, lattice.column[column].first
    end = lattice.column[column + 1].first
    for state in range(high, end):
        room.slots[lattice.state[state].edge] = state
    lattice.column[column].block = used
    for place in range(used, used + (high - low) * (end - high)):
        lattice.weight[place] = np.inf
    best = _least_total(lattice, low, high)
    one, other = lattice.column[column - 1].point, lattice.column[column].point
    is_found = False
    for tier in range(2):
        lattice.column[column].tier = tier
        gap = gap_of(track, one, other, tier, scales)
        for state in range(low, high):
            if lattice.state[state].total <= best + BEAM_NATS:
                _follow(roads, gap, scales, room, lattice, column, state)
        is_found = _least_total(lattice, high, end) <= best + MOST_NATS + 2 * gap.crow / scales.beta_m
        if is_found:
            break
    for state in range(high, end):
        room.slots[lattice.state[state].edge] = -1
        lattice.state[state].total += lattice.state[state].emission
    return is_found


@compiled
def _follow(roads: Roads, gap: Gap, scales: Scales, room: Room, lattice: Lattice, column: int, state: int) -> None:
    """Follow all ways from one state into a column."""
    edges = roads.edges
    edge, along = lattice.state[state].edge, lattice.state[state].along
    _stay(edges, lattice, column, state, room.slots[edge], gap, scales)
    _turn_about(edges, lattice, column, state, room.slots[edge ^ 1], gap, scales)
    rest = edges.edge[edge].metres - along
    rest_cost, rest_seconds = _share(edges, edge, rest)
    count = lattice.column[column + 1].first - lattice.column[column].first
    reached, start, end = ways(edges, room, gap.goal, edge, rest, rest_cost, count)
    most = gap.goal.most_cost - rest_cost
    for place in range(start, end):
        if reached[place].cost > most:
            break
        target = room.slots[reached[place].edge]
        if target < 0:
            continue
        along = lattice.state[target].along
        cost, seconds = _share(edges, lattice.state[target].edge, along)
        metres = rest + reached[place].metres + along
        cost, seconds = rest_cost + reached[place].cost + cost, rest_seconds + reached[place].seconds + seconds
        _offer(lattice, column, state, target, way_nats(cost, metres, seconds, gap.passed, scales), AWAY, gap)


@compiled
def ways(
    edges: Edges, room: Room, goal: Goal, edge: int, rest: float, rest_cost: float, wanted: int
) -> tuple[Records, int, int]:
    """Return what is reached from the end of an edge, and from which to which entry.

    `rest` is what of the edge is still to drive (m). Entries may cost more than the goal's bound.
    """
    if goal.most_cost <= KEPT_COST:
        keep(edges, room.search, room.kept, edge, room.slots)
        start = room.kept.way[edge].start
        return room.kept.reached, start, start + room.kept.way[edge].count
    left = Goal(goal.lon, goal.lat, goal.kx, goal.ky, goal.most_cost - rest_cost, goal.most_metres - rest)
    return room.search.reached, 0, spread(edges, room.search, edge, left, room.slots, wanted)


@compiled
def _share(edges: Edges, edge: int, metres: float) -> tuple[float, float]:
    """Return cost and seconds of some metres of an edge."""
    if edges.edge[edge].metres <= 0:
        return 0.0, 0.0
    share = metres / edges.edge[edge].metres
    return share * edges.edge[edge].cost, share * edges.edge[edge].seconds


@compiled
def _stay(edges: Edges, lattice: Lattice, column: int, state: int, target: int, gap: Gap, scales: Scales) -> None:
    """Offer going on along the edge, or standing where the point only seems to go back."""
    if target < 0:
        return
    step = lattice.state[target].along - lattice.state[state].along
    if step < -gap.slack:
        return
    cost, seconds = _share(edges, lattice.state[target].edge, max(step, 0.0))
    nats = way_nats(cost, max(step, 0.0), seconds, gap.passed, scales) + max(-step, 0.0) / BACKWARD_M
    _offer(lattice, column, state, target, nats, ALONG, gap)


@compiled
def _turn_about(edges: Edges, lattice: Lattice, column: int, state: int, target: int, gap: Gap, scales: Scales) -> None:
    """Offer turning about in the middle of the edge."""
    if target < 0:
        return
    edge = lattice.state[state].edge
    there = edges.edge[edge].metres - lattice.state[target].along
    turn = max(lattice.state[state].along, there)
    metres = 2 * turn - lattice.state[state].along - there
    cost, seconds = _share(edges, edge, metres)
    _offer(lattice, column, state, target, way_nats(cost + BACK_COST, metres, seconds, gap.passed, scales), ABOUT, gap)


@compiled
def _offer(lattice: Lattice, column: int, state: int, target: int, nats: float, kind: int, gap: Gap) -> None:
    """Take a way into account: the best one to its end counts, and the best one between its ends is kept."""
    low, high = lattice.column[column - 1].first, lattice.column[column].first
    width = lattice.column[column + 1].first - high
    place = lattice.column[column].block + (state - low) * width + target - high
    nats += error_nats(lattice.state[state], lattice.state[target], gap.kept)
    lattice.weight[place] = min(lattice.weight[place], nats)
    if lattice.state[state].total + nats < lattice.state[target].total:
        lattice.state[target].total = lattice.state[state].total + nats
        lattice.state[target].back = state
        lattice.state[target].kind = kind


@compiled
def choose(lattice: Lattice, start: int, end: int) -> None:
    """Write the states of the best path through columns `start` up to `end` into `chosen`."""
    low, high = lattice.column[end - 1].first, lattice.column[end].first
    state = low
    for other in range(low + 1, high):
        if lattice.state[other].total < lattice.state[state].total:
            state = other
    for column in range(end - 1, start - 1, -1):
        lattice.column[column].chosen = state
        state = lattice.state[state].back


@compiled
def _least_total(lattice: Lattice, low: int, high: int) -> float:
    least = np.inf
    for state in range(low, high):
        least = min(least, lattice.state[state].total)
    return least
