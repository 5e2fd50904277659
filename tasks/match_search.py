"""The cheapest way from the end of an edge to the begins of others, and the ways of short steps kept for the next."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.match_graph import LEAST_COST, Edges
from tasks.match_kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

KEPT_COST = 450.0
"""Cost up to which the ways out of an edge are searched once and kept."""

MOST_KEPT = 3_000_000
"""Entries that are kept; when they are full, all are forgotten, which costs time and changes nothing."""


class Reached(NamedTuple):
    """Edges reached, cheapest first: what it costs to come to the begin of each from the end of the first edge."""

    edge: Places
    cost: Floats
    metres: Floats
    seconds: Floats
    before: Places
    """Place of the edge driven before it, -1 for none."""


class Kept(NamedTuple):
    """Ways out of edges that were searched already: those of edge e are `count[e]` entries from `start[e]` on."""

    start: Ints
    count: Places
    used: Ints
    """How many entries are taken; shape (1,)."""
    reached: Reached


class Search(NamedTuple):
    """Room for a search; entries of an edge count where its stamp is that of the search."""

    stamp: Ints
    now: Ints
    """Stamp of this search; shape (1,)."""
    cost: Floats
    metres: Floats
    seconds: Floats
    before: Places
    heap_cost: Floats
    heap_edge: Places
    reached: Reached


class Goal(NamedTuple):
    """Where a search leads to, and how far it may go."""

    lon: float
    lat: float
    kx: float
    """Metres of a degree of longitude there."""
    ky: float
    most_cost: float
    most_metres: float
    """Metres driven and those left as the crow flies are no more than this: an ellipse."""


def reached_room(count: int) -> Reached:
    """Return room for entries."""
    return Reached(
        np.empty(count, dtype=np.int32),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count, dtype=np.int32),
    )


def search_room(edges: Edges) -> Search:
    """Return room for searches over a graph."""
    count, links = len(edges.metres), len(edges.link_to)
    return Search(
        np.zeros(count, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.empty(count, dtype=np.int32),
        np.empty(links + 1),
        np.empty(links + 1, dtype=np.int32),
        reached_room(count),
    )


def kept_room(edges: Edges) -> Kept:
    """Return room for the ways out of all edges of a graph."""
    count = len(edges.metres)
    return Kept(
        np.full(count, -1, dtype=np.int64),
        np.zeros(count, dtype=np.int32),
        np.zeros(1, dtype=np.int64),
        reached_room(max(count, min(60 * count, MOST_KEPT))),
    )


@compiled
def _push(costs: Floats, items: Places, count: int, cost: float, item: int) -> None:
    """Put an item on a binary heap of `count`."""
    hole = count
    while hole > 0:
        above = (hole - 1) >> 1
        if costs[above] < cost or (costs[above] == cost and items[above] <= item):
            break
        costs[hole], items[hole] = costs[above], items[above]
        hole = above
    costs[hole], items[hole] = cost, item


@compiled
def _drop(costs: Floats, items: Places, count: int) -> None:
    """Take the least off a binary heap of `count`."""
    last = count - 1
    cost, item = costs[last], items[last]
    hole = 0
    while True:
        below = 2 * hole + 1
        if below >= last:
            break
        other = below + 1
        if other < last and (
            costs[other] < costs[below] or (costs[other] == costs[below] and items[other] < items[below])
        ):
            below = other
        if cost < costs[below] or (cost == costs[below] and item <= items[below]):
            break
        costs[hole], items[hole] = costs[below], items[below]
        hole = below
    costs[hole], items[hole] = cost, item


@compiled
def _relax(edges: Edges, search: Search, goal: Goal, edge: int, before: int, size: int, first: float) -> int:
    """Offer the edges behind `edge`, which ends `first` (cost) off, to the heap; return the size of the heap."""
    now = search.now[0]
    metres, seconds = 0.0, 0.0
    if before >= 0:
        metres = search.metres[edge] + edges.metres[edge]
        seconds = search.seconds[edge] + edges.seconds[edge]
    if _is_beyond(edges, goal, edge, first, metres):
        return size
    for link in range(edges.link_start[edge], edges.link_start[edge + 1]):
        there = edges.link_to[link]
        cost = first + edges.link_cost[link]
        if cost > goal.most_cost or (search.stamp[there] == now and search.cost[there] <= cost):
            continue
        search.stamp[there] = now
        search.cost[there] = cost
        search.metres[there] = metres
        search.seconds[there] = seconds
        search.before[there] = before
        _push(search.heap_cost, search.heap_edge, size, cost, there)
        size += 1
    return size


@compiled
def _is_beyond(edges: Edges, goal: Goal, edge: int, cost: float, metres: float) -> bool:
    """Whether no way within bounds leads from the end of an edge to the goal."""
    if goal.most_metres == np.inf:
        return False
    crow = math.hypot((edges.end_lon[edge] - goal.lon) * goal.kx, (edges.end_lat[edge] - goal.lat) * goal.ky)
    return metres + crow > goal.most_metres or cost + LEAST_COST * max(crow - 150.0, 0.0) > goal.most_cost


@compiled
def spread(edges: Edges, search: Search, source: int, goal: Goal, slots: Places, wanted: int) -> int:
    """Write what is reached from the end of `source` into `search.reached`; return how many entries there are.

    Dijkstra (1959) over directed edges, so that turns cost what they cost; of two at one cost the edge of lower
    number comes first. It ends early when `wanted` edges whose slot is not -1 are reached.
    """
    search.now[0] += 1
    reached = search.reached
    size = _relax(edges, search, goal, source, -1, 0, 0.0)
    count = 0
    while size > 0 and wanted > 0:
        cost, edge = search.heap_cost[0], search.heap_edge[0]
        _drop(search.heap_cost, search.heap_edge, size)
        size -= 1
        if cost > search.cost[edge] or search.before[edge] == -2:
            continue
        reached.edge[count] = edge
        reached.cost[count] = cost
        reached.metres[count] = search.metres[edge]
        reached.seconds[count] = search.seconds[edge]
        reached.before[count] = search.before[edge]
        search.before[edge] = -2
        if slots[edge] >= 0:
            wanted -= 1
        size = _relax(edges, search, goal, edge, count, size, cost + edges.cost[edge])
        count += 1
    return count


@compiled
def keep(edges: Edges, search: Search, kept: Kept, source: int, slots: Places) -> None:
    """Search the short ways out of an edge, if they are not known, and keep them."""
    if kept.start[source] >= 0:
        return
    everywhere = Goal(0.0, 0.0, 0.0, 0.0, KEPT_COST, np.inf)
    count = spread(edges, search, source, everywhere, slots, len(slots) + 1)
    if kept.used[0] + count > len(kept.reached.edge):
        kept.start[:] = -1
        kept.used[0] = 0
    start = kept.used[0]
    for place in range(count):
        kept.reached.edge[start + place] = search.reached.edge[place]
        kept.reached.cost[start + place] = search.reached.cost[place]
        kept.reached.metres[start + place] = search.reached.metres[place]
        kept.reached.seconds[start + place] = search.reached.seconds[place]
        kept.reached.before[start + place] = search.reached.before[place]
    kept.start[source] = start
    kept.count[source] = count
    kept.used[0] += count
