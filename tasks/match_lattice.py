"""The hidden Markov model: places where each point may have been, the way between them, and the most probable path.

References
----------
P. Newson and J. Krumm, Hidden Markov Map Matching Through Noise and Sparseness, ACM SIGSPATIAL GIS 2009.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.match_candidate import Near, degrees_metres, near_stretches
from tasks.match_graph import BACK_COST, Cells, Chords, Edges
from tasks.match_search import KEPT_COST, Goal, Kept, Reached, Search, keep, spread
from tasks.match_kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int8]

MOST_STATES = 24
"""States of a point: both headings of each stretch near it."""

TAIL = 3.0
"""Standard deviations beyond which the cost of distance grows straight and no longer as a square (Huber 1964)."""

HEADING_NATS = 2.5
"""Cost of a heading across the road; against it, twice that."""

STANDING_KMH = 7.0
"""Speed below which a device's heading says nothing."""

BEAM_NATS = 16.0
"""States so much worse than the best one before them are not followed."""

BACKWARD_SIGMAS = 4.0
"""So far back along its edge a standing vehicle may seem to go."""

BACKWARD_M = 10.0
"""Metres that seem backward and cost one nat."""

QUICK = 1.5
"""How much quicker than is typical of the class a vehicle may drive throughout, at no cost."""

HALO_M = 2200.0
"""Half the shorter axis of the widest ellipse that is searched; see `bounds`."""

NO_ROAD, NO_WAY, TOO_SHORT, DROPPED, KEPT = np.int8(1), np.int8(2), np.int8(3), np.int8(4), np.int8(0)
"""What became of a point: `DROPPED` ones are so near the kept one before that they find their place afterwards."""

ALONG, ABOUT, AWAY = np.int8(0), np.int8(1), np.int8(2)
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


class Track(NamedTuple):
    """Points of all pieces, one after another."""

    time: Ints
    lon: Floats
    lat: Floats
    kmh: Floats
    heading: Floats
    accuracy: Floats
    kx: Floats
    """Metres of a degree of longitude there, and of latitude."""
    ky: Floats


class Room(NamedTuple):
    """What compiled code works with and forgets."""

    near: Near
    search: Search
    kept: Kept
    slots: Places
    """For each edge the state on it of the point at hand, -1 for none."""


class Lattice(NamedTuple):
    """Columns of one piece: states of column c are `first[c]` up to `first[c + 1]`."""

    point: Ints
    """Point of each column."""
    first: Ints
    block: Ints
    """Where the weights of the ways to column c begin in `weight`, row by row of the column before; -1 at a begin."""
    tier: Codes
    """How far ways to column c were searched."""
    edge: Places
    along: Floats
    """Metres from the begin of the edge."""
    distance: Floats
    emission: Floats
    """Nats, as all costs of the model are."""
    total: Floats
    """Of the best path to the state."""
    back: Ints
    """State before it on that path."""
    kind: Codes
    """How it came from there."""
    weight: Floats
    chosen: Ints
    """State of the best path, by column."""
    confidence: Floats
    """By column."""


class Mass(NamedTuple):
    """Room for probabilities of states, each known but for a factor in its column."""

    odds: Floats
    """Of the point where the state is."""
    ahead: Floats
    """Of the points before."""
    behind: Floats
    """Of the points behind."""


def mass_room(points: int) -> Mass:
    """Return room for a piece of so many points."""
    return Mass(*(np.empty(points * MOST_STATES) for _ in range(3)))


def track_of(time: Ints, lon: Floats, lat: Floats, kmh: Floats, heading: Floats, accuracy: Floats) -> Track:
    """Return points with metres of a degree at each."""
    return Track(time, lon, lat, kmh, heading, accuracy, *degrees_metres(lat))


def lattice_room(points: int) -> Lattice:
    """Return room for a piece of so many points; pages that are not written cost no memory."""
    states = points * MOST_STATES
    return Lattice(
        point=np.empty(points, dtype=np.int64),
        first=np.zeros(points + 1, dtype=np.int64),
        block=np.empty(points, dtype=np.int64),
        tier=np.empty(points, dtype=np.int8),
        edge=np.empty(states, dtype=np.int32),
        along=np.empty(states),
        distance=np.empty(states),
        emission=np.empty(states),
        total=np.empty(states),
        back=np.empty(states, dtype=np.int64),
        kind=np.empty(states, dtype=np.int8),
        weight=np.empty(states * MOST_STATES),
        chosen=np.empty(points, dtype=np.int64),
        confidence=np.empty(points),
    )


@compiled
def sigma_of(accuracy: float, scales: Scales) -> float:
    """Return the standard deviation (m) of a position along each axis; a device's accuracy holds 68 % of positions."""
    if math.isnan(accuracy):
        return scales.sigma_m
    return min(max(accuracy / 1.5, scales.sigma_m), 8 * scales.sigma_m)


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
    size = math.hypot(east, north)
    if math.isnan(heading) or kmh < STANDING_KMH or size == 0:
        return 0.0
    radians = math.radians(heading)
    cosine = (east * math.sin(radians) + north * math.cos(radians)) / size
    share = 0.5 if math.isnan(kmh) else 1.0
    return share * HEADING_NATS * (1 - cosine)


@compiled
def crow_m(track: Track, one: int, other: int) -> float:
    """Return metres between two points as the crow flies, right to 1e-4 up to 10 km and 70° of latitude."""
    across = abs(track.lon[one] - track.lon[other])
    east = 0.5 * min(across, 360 - across) * (track.kx[one] + track.kx[other])
    north = (track.lat[one] - track.lat[other]) * track.ky[one]
    return math.sqrt(east * east + north * north)


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

    `seconds` is what the way takes at typical speeds, `passed` the time between the points.
    """
    late = max(seconds / QUICK - passed - 3.0, 0.0) / (2.0 + 0.1 * passed)
    too_fast = max(metres - 60.0 * (passed + 1.0) - 30.0, 0.0) / 20.0
    return cost / scales.beta_m + late + too_fast


@compiled
def add_states(roads: Roads, track: Track, point: int, scales: Scales, room: Room, lattice: Lattice, column: int) -> int:
    """Write the states of a point into a column; return how many there are."""
    sigma = sigma_of(track.accuracy[point], scales)
    radius = min(scales.radius_m * sigma / scales.sigma_m, 3 * scales.radius_m, 150.0)
    near = room.near
    count = near_stretches(
        roads.cells, track.lon[point], track.lat[point], track.kx[point], track.ky[point], radius, near
    )
    state = lattice.first[column]
    for index in range(count):
        base = distance_nats(near.distance[index], sigma)
        for back in range(2):
            edge = 2 * near.stretch[index] + back
            if not roads.edges.is_open[edge]:
                continue
            sign = 1.0 - 2.0 * back
            along = near.along[index] if back == 0 else roads.edges.metres[edge] - near.along[index]
            lattice.edge[state] = edge
            lattice.along[state] = min(max(along, 0.0), roads.edges.metres[edge])
            lattice.distance[state] = near.distance[index]
            lattice.emission[state] = base + heading_nats(
                sign * near.east[index], sign * near.north[index], track.heading[point], track.kmh[point]
            )
            lattice.total[state] = np.inf
            state += 1
    lattice.first[column + 1] = state
    lattice.point[column] = point
    return state - lattice.first[column]


@compiled
def begin(lattice: Lattice, column: int) -> None:
    """Let a path begin at a column."""
    lattice.block[column] = -1
    for state in range(lattice.first[column], lattice.first[column + 1]):
        lattice.total[state] = lattice.emission[state]
        lattice.back[state] = -1


@compiled
def advance(
    roads: Roads, track: Track, scales: Scales, room: Room, lattice: Lattice, column: int, used: int
) -> bool:
    """Find the best ways from the column before to this one; tell whether there is any.

    Weights of the ways are written from `used` on.
    """
    low, high = lattice.first[column - 1], lattice.first[column]
    end = lattice.first[column + 1]
    for state in range(high, end):
        room.slots[lattice.edge[state]] = state
    lattice.block[column] = used
    lattice.weight[used : used + (high - low) * (end - high)] = np.inf
    best = lattice.total[low:high].min()
    is_found = False
    for tier in range(2):
        lattice.tier[column] = tier
        for state in range(low, high):
            if lattice.total[state] <= best + BEAM_NATS:
                is_found |= _follow(roads, track, scales, room, lattice, column, state)
        if is_found:
            break
    for state in range(high, end):
        room.slots[lattice.edge[state]] = -1
        lattice.total[state] += lattice.emission[state]
    return is_found


@compiled
def _follow(
    roads: Roads, track: Track, scales: Scales, room: Room, lattice: Lattice, column: int, state: int
) -> bool:
    """Follow all ways from one state into a column; tell whether there is any."""
    edges = roads.edges
    edge, along = lattice.edge[state], lattice.along[state]
    one, other = lattice.point[column - 1], lattice.point[column]
    passed = 1e-6 * (track.time[other] - track.time[one])
    slack = BACKWARD_SIGMAS * max(
        sigma_of(track.accuracy[one], scales), sigma_of(track.accuracy[other], scales)
    )
    is_found = _stay(edges, lattice, column, state, room.slots[edge], slack, passed, scales)
    is_found |= _turn_about(edges, lattice, column, state, room.slots[edge ^ 1], passed, scales)
    rest = edges.metres[edge] - along
    rest_cost, rest_seconds = _share(edges, edge, rest)
    count = lattice.first[column + 1] - lattice.first[column]
    reached, start, end, most = ways(roads, track, room, edge, rest, rest_cost, one, other, lattice.tier[column], count)
    for place in range(start, end):
        if reached.cost[place] > most:
            break
        target = room.slots[reached.edge[place]]
        if target < 0:
            continue
        cost, seconds = _share(edges, lattice.edge[target], lattice.along[target])
        metres = rest + reached.metres[place] + lattice.along[target]
        cost, seconds = rest_cost + reached.cost[place] + cost, rest_seconds + reached.seconds[place] + seconds
        _offer(lattice, column, state, target, way_nats(cost, metres, seconds, passed, scales), AWAY)
        is_found = True
    return is_found


@compiled
def ways(
    roads: Roads,
    track: Track,
    room: Room,
    edge: int,
    rest: float,
    rest_cost: float,
    one: int,
    other: int,
    tier: int,
    wanted: int,
) -> tuple[Reached, int, int, float]:
    """Return what is reached from the end of an edge, from which to which entry, and the greatest cost that counts."""
    crow = crow_m(track, one, other)
    most_cost, most_metres = bounds(crow, tier)
    if most_cost <= KEPT_COST:
        keep(roads.edges, room.search, room.kept, edge, room.slots)
        start = room.kept.start[edge]
        return room.kept.reached, start, start + room.kept.count[edge], most_cost - rest_cost
    goal = Goal(track.lon[other], track.lat[other], track.kx[other], track.ky[other], most_cost - rest_cost, most_metres - rest)
    count = spread(roads.edges, room.search, edge, goal, room.slots, wanted)
    return room.search.reached, 0, count, most_cost - rest_cost


@compiled
def _share(edges: Edges, edge: int, metres: float) -> tuple[float, float]:
    """Return cost and seconds of some metres of an edge."""
    if edges.metres[edge] <= 0:
        return 0.0, 0.0
    share = metres / edges.metres[edge]
    return share * edges.cost[edge], share * edges.seconds[edge]


@compiled
def _stay(
    edges: Edges,
    lattice: Lattice,
    column: int,
    state: int,
    target: int,
    slack: float,
    passed: float,
    scales: Scales,
) -> bool:
    """Offer going on along the edge, or standing where the point only seems to go back."""
    if target < 0:
        return False
    step = lattice.along[target] - lattice.along[state]
    if step < -slack:
        return False
    cost, seconds = _share(edges, lattice.edge[target], max(step, 0.0))
    nats = way_nats(cost, max(step, 0.0), seconds, passed, scales) + max(-step, 0.0) / BACKWARD_M
    _offer(lattice, column, state, target, nats, ALONG)
    return True


@compiled
def _turn_about(
    edges: Edges, lattice: Lattice, column: int, state: int, target: int, passed: float, scales: Scales
) -> bool:
    """Offer turning about in the middle of the edge."""
    if target < 0:
        return False
    edge = lattice.edge[state]
    there = edges.metres[edge] - lattice.along[target]
    turn = max(lattice.along[state], there)
    metres = 2 * turn - lattice.along[state] - there
    cost, seconds = _share(edges, edge, metres)
    _offer(lattice, column, state, target, way_nats(cost + BACK_COST, metres, seconds, passed, scales), ABOUT)
    return True


@compiled
def _offer(lattice: Lattice, column: int, state: int, target: int, nats: float, kind: int) -> None:
    """Take a way into account: the best one to its end counts, and the best one between its ends is kept."""
    low, high = lattice.first[column - 1], lattice.first[column]
    width = lattice.first[column + 1] - high
    place = lattice.block[column] + (state - low) * width + target - high
    lattice.weight[place] = min(lattice.weight[place], nats)
    if lattice.total[state] + nats < lattice.total[target]:
        lattice.total[target] = lattice.total[state] + nats
        lattice.back[target] = state
        lattice.kind[target] = kind


@compiled
def choose(lattice: Lattice, start: int, end: int) -> None:
    """Write the states of the best path through columns `start` up to `end` into `chosen`."""
    low, high = lattice.first[end - 1], lattice.first[end]
    state = low + np.argmin(lattice.total[low:high])
    for column in range(end - 1, start - 1, -1):
        lattice.chosen[column] = state
        state = lattice.back[state]


@compiled
def weigh(lattice: Lattice, start: int, end: int, mass: Mass, segment: Places) -> None:
    """Write the probability of the segment and heading chosen in columns `start` up to `end` into `confidence`.

    The forward–backward algorithm (Baum et al. 1970), scaled in each column.
    """
    for column in range(start, end):
        _to_odds(lattice, column, mass.odds, column > start)
    _forward(lattice, start, end, mass)
    _backward(lattice, start, end, mass)
    for column in range(start, end):
        edge = lattice.edge[lattice.chosen[column]]
        mine, all_of_them = 0.0, 0.0
        for state in range(lattice.first[column], lattice.first[column + 1]):
            both = mass.ahead[state] * mass.odds[state] * mass.behind[state]
            all_of_them += both
            other = lattice.edge[state]
            if segment[other >> 1] == segment[edge >> 1] and (other ^ edge) & 1 == 0:
                mine += both
        lattice.confidence[column] = mine / all_of_them if all_of_them > 0 else 0.0


@compiled
def _to_odds(lattice: Lattice, column: int, odds: Floats, has_before: bool) -> None:
    """Make odds out of the costs of a column and of the ways to it, the best of each being 1."""
    low, high = lattice.first[column], lattice.first[column + 1]
    least = lattice.emission[low:high].min()
    for state in range(low, high):
        odds[state] = math.exp(least - lattice.emission[state])
    if has_before:
        size = (low - lattice.first[column - 1]) * (high - low)
        block = lattice.weight[lattice.block[column] : lattice.block[column] + size]
        least = block.min()
        for place in range(size):
            block[place] = math.exp(least - block[place]) if block[place] < np.inf else 0.0


@compiled
def _forward(lattice: Lattice, start: int, end: int, mass: Mass) -> None:
    """Write what the points before say of each state."""
    mass.ahead[lattice.first[start] : lattice.first[start + 1]] = 1.0
    for column in range(start + 1, end):
        low, high, stop = lattice.first[column - 1], lattice.first[column], lattice.first[column + 1]
        mass.ahead[high:stop] = 0.0
        place = lattice.block[column]
        for before in range(low, high):
            share = mass.ahead[before] * mass.odds[before]
            for state in range(high, stop):
                mass.ahead[state] += share * lattice.weight[place]
                place += 1
        _scale(mass.ahead[high:stop])


@compiled
def _backward(lattice: Lattice, start: int, end: int, mass: Mass) -> None:
    """Write what the points behind say of each state."""
    mass.behind[lattice.first[end - 1] : lattice.first[end]] = 1.0
    for column in range(end - 1, start, -1):
        low, high, stop = lattice.first[column - 1], lattice.first[column], lattice.first[column + 1]
        place = lattice.block[column]
        for before in range(low, high):
            share = 0.0
            for state in range(high, stop):
                share += mass.odds[state] * mass.behind[state] * lattice.weight[place]
                place += 1
            mass.behind[before] = share
        _scale(mass.behind[low:high])


@compiled
def _scale(values: Floats) -> None:
    """Let values have the sum 1, if they have any."""
    total = values.sum()
    if total > 0:
        values /= total
