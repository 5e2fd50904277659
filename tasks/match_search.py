"""The cheapest way from the end of an edge to the begins of others, and the ways of short steps kept for the next."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_graph import LEAST_COST, Edges
from tasks.match_kernel import Records, kind

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

KEPT_COST = 450.0
"""Cost up to which the ways out of an edge are searched once and kept."""

MOST_KEPT = 3_000_000
"""Entries that are kept; when they are full, all are forgotten, which costs time and changes nothing."""


REACHED = kind(cost="f8", metres="f8", seconds="f8", edge="i4", before="i4")
"""An edge reached: what it costs to come to its begin from the end of the first edge, and the place of the entry of
the edge driven before it, -1 for none. Entries of a search stand cheapest first."""

WAY = kind(start="i8", count="i4")
"""Where the entries of the ways out of an edge are kept, and how many there are; start is -1 for unknown."""

LABEL = kind(stamp="i8", cost="f8", metres="f8", seconds="f8", before="i4")
"""What a search knows of an edge, if the stamp is that of the search."""

HEAP = kind(cost="f8", edge="i4")
"""An entry of the heap."""


class Kept(NamedTuple):
    """Ways out of edges that were searched already."""

    way: Records
    """By edge."""
    used: Ints
    """How many entries are taken; shape (1,)."""
    reached: Records


class Search(NamedTuple):
    """Room for a search."""

    label: Records
    """By edge."""
    now: Ints
    """Stamp of this search; shape (1,)."""
    heap: Records
    reached: Records


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


def search_room(edges: Edges) -> Search:
    """Return room for searches over a graph."""
    count = len(edges.edge)
    heap = np.empty(len(edges.link) + 1, dtype=HEAP)
    return Search(np.zeros(count, dtype=LABEL), np.zeros(1, dtype=np.int64), heap, np.empty(count, dtype=REACHED))


def kept_room(edges: Edges) -> Kept:
    """Return room for the ways out of all edges of a graph."""
    count = len(edges.edge)
    way = np.zeros(count, dtype=WAY)
    way["start"] = -1
    entries = max(count, min(60 * count, MOST_KEPT))
    return Kept(way, np.zeros(1, dtype=np.int64), np.empty(entries, dtype=REACHED))


@compiled
def _is_before(cost: float, edge: int, other_cost: float, other: int) -> bool:
    return cost < other_cost or (cost == other_cost and edge < other)


@compiled
def _push(heap: Records, count: int, cost: float, edge: int) -> None:
    """Put an edge on a binary heap of `count`."""
    hole = count
    while hole > 0:
        above = (hole - 1) >> 1
        if not _is_before(cost, edge, heap[above].cost, heap[above].edge):
            break
        heap[hole].cost, heap[hole].edge = heap[above].cost, heap[above].edge
        hole = above
    heap[hole].cost, heap[hole].edge = cost, edge


@compiled
def _drop(heap: Records, count: int) -> None:
    """Take the least off a binary heap of `count`.

    The hole sinks to a leaf, and the last entry rises from there (Wegener 1993): it came from a leaf and seldom rises
    far, while nobody can guess at which height it would stop on the way down.
    """
    last = count - 1
    hole, below = 0, 1
    while below + 1 < last:
        one, other = heap[below], heap[below + 1]
        if one.cost == other.cost:
            below += other.edge < one.edge
        else:
            below += other.cost < one.cost
        heap[hole].cost, heap[hole].edge = heap[below].cost, heap[below].edge
        hole, below = below, 2 * below + 1
    if below < last:
        heap[hole].cost, heap[hole].edge = heap[below].cost, heap[below].edge
        hole = below
    _push(heap, hole, heap[last].cost, heap[last].edge)


@compiled
def _relax(edges: Edges, search: Search, goal: Goal, edge: int, before: int, size: int, first: float) -> int:
    """Offer the edges behind `edge`, which ends `first` (cost) off, to the heap; return the size of the heap."""
    now = search.now[0]
    metres, seconds = 0.0, 0.0
    if before >= 0:
        metres = search.label[edge].metres + edges.edge[edge].metres
        seconds = search.label[edge].seconds + edges.edge[edge].seconds
    if _is_beyond(edges, goal, edge, first, metres):
        return size
    for link in range(edges.edge[edge].first_link, edges.edge[edge].end_link):
        there = edges.link[link].to
        cost = first + edges.link[link].cost
        if cost > goal.most_cost or (search.label[there].stamp == now and search.label[there].cost <= cost):
            continue
        search.label[there].stamp = now
        search.label[there].cost = cost
        search.label[there].metres = metres
        search.label[there].seconds = seconds
        search.label[there].before = before
        _push(search.heap, size, cost, there)
        size += 1
    return size


@compiled
def _is_beyond(edges: Edges, goal: Goal, edge: int, cost: float, metres: float) -> bool:
    """Whether no way within bounds leads from the end of an edge to the goal."""
    if goal.most_metres == np.inf:
        return False
    east = (edges.edge[edge].end_lon - goal.lon) * goal.kx
    north = (edges.edge[edge].end_lat - goal.lat) * goal.ky
    crow = math.sqrt(east * east + north * north)
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
        cost, edge = search.heap[0].cost, search.heap[0].edge
        _drop(search.heap, size)
        size -= 1
        if cost > search.label[edge].cost or search.label[edge].before == -2:
            continue
        reached[count].edge = edge
        reached[count].cost = cost
        reached[count].metres = search.label[edge].metres
        reached[count].seconds = search.label[edge].seconds
        reached[count].before = search.label[edge].before
        search.label[edge].before = -2
        if slots[edge] >= 0:
            wanted -= 1
        size = _relax(edges, search, goal, edge, count, size, cost + edges.edge[edge].cost)
        count += 1
    return count


@compiled
def keep(edges: Edges, search: Search, kept: Kept, source: int, slots: Places) -> None:
    """Search the short ways out of an edge, if they are not known, and keep them."""
    if kept.way[source].start >= 0:
        return
    everywhere = Goal(0.0, 0.0, 0.0, 0.0, KEPT_COST, np.inf)
    count = spread(edges, search, source, everywhere, slots, len(slots) + 1)
    if kept.used[0] + count > len(kept.reached):
        for edge in range(len(kept.way)):
            kept.way[edge].start = -1
        kept.used[0] = 0
    start = kept.used[0]
    for entry in range(count):
        kept.reached[start + entry] = search.reached[entry]
    kept.way[source].start = start
    kept.way[source].count = count
    kept.used[0] += count
