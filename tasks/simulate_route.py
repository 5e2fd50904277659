"""Ways that drivers take: from a place to one some way off, by the roads that seem fastest to them."""

from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled
from tasks.simulate_network import Network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FARTHER = 0.5
"""How much longer than the nearest place that is far enough a drive may take, as a share."""
OPINIONS = 4096
"""How many factors one driver's idea of the network is made of."""


class Reach(NamedTuple):
    """How far drives go (m)."""

    least: float
    wanted: float
    most: float


class Scratch(NamedTuple):
    """Arrays that searches share, so that none has to clear them; rows count where `stamp` is its own."""

    stamp: Ints
    cost: Floats
    metres: Floats
    before: Ints


def scratch(count: int) -> Scratch:
    """Return room for searches on `count` edges."""
    return Scratch(np.zeros(count, dtype=np.int64), np.empty(count), np.empty(count), np.empty(count, dtype=np.int64))


def find_way(
    network: Network, seconds: Floats, opinion: Floats, *, origin: int, is_end: Flags, reach: Reach, extra: float,
    room: Scratch, number: int,
) -> Ints:  # fmt: skip
    """Return the edges of the fastest way from one edge to some edge `reach.wanted` metres off or farther.

    Parameters
    ----------
    seconds
        Time that each edge takes.
    opinion
        Factors on it; shape (OPINIONS,). What an edge seems to take is off by the factor that its number falls on.
    is_end
        Edges where drives may end.
    reach
        The way ends at an edge that is at least `least` and at most `most` metres off, if need be nearer than wanted;
        an empty array says that there is none.
    extra
        0 to 1: once an edge that is far enough is reached, the drive goes to the last one, at least `least` metres off,
        that is reached within (1 + FARTHER × `extra`) times the time of the first.
    number
        Of this search, above those of all searches before it with the same `room`.
    """
    last = _search(
        network.follow.starts, network.follow.edge, network.follow.seconds, network.edges.metres, seconds, opinion,
        origin, is_end, reach, 1 + FARTHER * extra, room, number,
    )  # fmt: skip
    return _traced(room.before, last) if last >= 0 else np.empty(0, dtype=np.int64)


@compiled
def _search(
    starts: Ints,
    targets: Ints,
    turns: Floats,
    metres: Floats,
    seconds: Floats,
    opinion: Floats,
    origin: int,
    is_end: Flags,
    reach: Reach,
    stretch: float,
    room: Scratch,
    number: int,
) -> int:
    """Return the edge where the drive ends, -1 if there is none: Dijkstra (1959) from edge to edge, with turns."""
    best = -1
    limit = np.inf
    room.stamp[origin], room.cost[origin], room.metres[origin], room.before[origin] = number, 0.0, 0.0, -1
    heap = [(0.0, origin)]
    while len(heap) > 0:
        cost, here = heappop(heap)
        if cost > room.cost[here]:
            continue
        if cost > limit:
            break
        far = room.metres[here]
        if is_end[here] and reach.least <= far <= reach.most:
            best = here
            if far >= reach.wanted and limit == np.inf:
                limit = cost * stretch
        if far > reach.most:
            continue
        for link in range(starts[here], starts[here + 1]):
            there = targets[link]
            price = cost + turns[link] + seconds[there] * opinion[(there * 7919) % len(opinion)]
            if room.stamp[there] != number or price < room.cost[there]:
                room.stamp[there], room.cost[there] = number, price
                room.metres[there], room.before[there] = far + metres[there], here
                heappush(heap, (price, there))
    return best


@compiled
def _traced(before: Ints, last: int) -> Ints:
    """Return the edges that lead to `last`, in the order driven."""
    count = 0
    here = last
    while here >= 0:
        count += 1
        here = before[here]
    way = np.empty(count, dtype=np.int64)
    here = last
    for place in range(count - 1, -1, -1):
        way[place] = here
        here = before[here]
    return way
