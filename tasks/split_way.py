"""Split ways where they meet: from node references to segments."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Pieces(NamedTuple):
    """Segments as index ranges into the node references, in drawing order of each way."""

    way: Ints
    """Row of the way that each segment is a part of."""
    first: Ints
    """Where the segment's first node stands among the references."""
    last: Ints
    """Where its last node stands."""


def split_ways(nodes: Ints, offsets: Ints, usable: Flags) -> Pieces:
    """Return the segments between places where ways meet: nodes used by two ways, or twice by one.

    Way i has the nodes from offsets[i] up to, but not with, offsets[i + 1]; the same number is the same node, and
    no way repeats a node at once (`without_repeats`). A segment never runs over a node that is not `usable`:
    it ends before it, and runs of fewer than two nodes give none.

    Parameters
    ----------
    nodes
        Node of each reference, as a row number from 0.
    offsets
        Where each way starts among the references, with the end of the last one.
    usable
        Whether the node of each reference has a place.

    Examples
    --------
    >>> nodes, offsets = np.array([0, 1, 2, 3, 1]), np.array([0, 3, 5])
    >>> split_ways(nodes, offsets, np.ones(5, dtype=bool))
    Pieces(way=array([0, 0, 1]), first=array([0, 1, 3]), last=array([1, 2, 4]))
    """
    starts, ends = run_edges(offsets, usable)
    cuts = np.flatnonzero(usable & (starts | ends | (np.bincount(nodes)[nodes] > 1)))
    run = np.cumsum(starts)[cuts]
    within = np.flatnonzero(run[1:] == run[:-1])
    first, last = cuts[within], cuts[within + 1]
    return Pieces(np.searchsorted(offsets, first, side="right") - 1, first, last)


def run_edges(offsets: Ints, usable: Flags) -> tuple[Flags, Flags]:
    """Return which references start and which end a run of usable nodes of one way.

    Examples
    --------
    >>> run_edges(np.array([0, 2, 5]), np.array([True, True, True, False, True]))
    (array([ True, False,  True, False,  True]), array([False,  True,  True, False,  True]))
    """
    starts, ends = usable.copy(), usable.copy()
    starts[1:] &= ~usable[:-1]
    ends[:-1] &= ~usable[1:]
    filled = np.flatnonzero(np.diff(offsets))
    head, tail = offsets[filled], offsets[filled + 1] - 1
    starts[head], ends[tail] = usable[head], usable[tail]
    return starts, ends


def without_repeats(refs: Ints, offsets: Ints) -> tuple[Ints, Ints]:
    """Return references and offsets without a node that stands directly behind itself in one way.

    Examples
    --------
    >>> without_repeats(np.array([7, 7, 8, 8, 9]), np.array([0, 3, 5]))
    (array([7, 8, 8, 9]), array([0, 2, 4]))
    """
    is_new = np.ones(len(refs), dtype=bool)
    is_new[1:] = refs[1:] != refs[:-1]
    is_new[offsets[offsets < len(refs)]] = True
    before = np.concatenate(([0], np.cumsum(is_new)))
    return refs[is_new], before[offsets]


def ordinals(pieces: Pieces, nodes: Ints) -> Ints:
    """Return 1 for each segment, or 2, 3 … where its way ran from the same node to the same node before.

    Examples
    --------
    >>> nodes = np.array([0, 1, 2, 0, 1])
    >>> ordinals(Pieces(np.array([0, 0, 0]), np.array([0, 1, 3]), np.array([1, 3, 4])), nodes)
    array([1, 1, 2])
    """
    counts = np.ones(len(pieces.way), dtype=np.int64)
    starts = pieces.way * (nodes.max(initial=0) + 1) + nodes[pieces.first]
    _, which, uses = np.unique(starts, return_inverse=True, return_counts=True)
    rivals = np.flatnonzero(uses[which] > 1)  # few: only ways that come back to a node
    seen: dict[tuple[int, int], int] = {}
    for row, start, end in zip(*(a.tolist() for a in (rivals, which[rivals], nodes[pieces.last[rivals]])), strict=True):
        counts[row] = seen[start, end] = seen.get((start, end), 0) + 1
    return counts
