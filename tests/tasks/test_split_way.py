"""The split against a naive one that counts nodes in a dict."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.split_way import ordinals, run_edges, split_ways, without_repeats


def naive_split(ways: Sequence[Sequence[int]], lost: frozenset[int] = frozenset()) -> list[tuple[int, tuple[int, ...]]]:
    """Return (way, nodes) of each segment, one way and one node after another."""
    uses = Counter(node for way in ways for node in way)
    segments = []
    for number, way in enumerate(ways):
        for is_lost, run in groupby(way, key=lambda node: node in lost):
            nodes = list(run)
            if is_lost:
                continue
            cuts = [at for at, node in enumerate(nodes) if uses[node] > 1 or at in (0, len(nodes) - 1)]
            segments += [(number, tuple(nodes[a : b + 1])) for a, b in pairwise(cuts)]
    return segments


def split(ways: Sequence[Sequence[int]], lost: frozenset[int] = frozenset()) -> list[tuple[int, tuple[int, ...]]]:
    nodes = np.array([node for way in ways for node in way], dtype=np.int64)
    offsets = np.cumsum([0] + [len(way) for way in ways])
    pieces = split_ways(nodes, offsets, ~np.isin(nodes, list(lost)))
    rows = zip(*(column.tolist() for column in pieces), strict=True)
    return [(way, tuple(nodes[first : last + 1].tolist())) for way, first, last in rows]


def is_without_repeats(way: list[int]) -> bool:
    return all(a != b for a, b in pairwise(way))


ways = st.lists(st.lists(st.integers(0, 12), max_size=8).filter(is_without_repeats), max_size=8)
lost_nodes = st.frozensets(st.integers(0, 12), max_size=4)


@given(ways, lost_nodes)
def test_same_as_naive(network: list[list[int]], lost: frozenset[int]) -> None:
    assert split(network, lost) == naive_split(network, lost)


@given(ways)
def test_segments_join_to_their_ways(network: list[list[int]]) -> None:
    joined: dict[int, list[int]] = {}
    for way, nodes in split(network):
        before = joined.setdefault(way, [nodes[0]])
        assert before[-1] == nodes[0]
        before += nodes[1:]
    assert joined == {number: way for number, way in enumerate(network) if len(way) > 1}


@given(ways)
def test_connectors_stand_at_ends_alone(network: list[list[int]]) -> None:
    uses = Counter(node for way in network for node in way)
    for _, nodes in split(network):
        assert all(uses[node] == 1 for node in nodes[1:-1])


def test_closed_way_that_meets_nobody_is_one_segment() -> None:
    assert split([[5, 6, 7, 5]]) == [(0, (5, 6, 7, 5))]


def test_closed_way_splits_where_it_is_met() -> None:
    assert split([[5, 6, 7, 5], [7, 8]]) == [(0, (5, 6, 7)), (0, (7, 5)), (1, (7, 8))]


def test_way_that_crosses_itself() -> None:
    assert split([[1, 2, 3, 4, 2, 5]]) == [(0, (1, 2)), (0, (2, 3, 4, 2)), (0, (2, 5))]


def test_crossing_at_a_lost_node_cuts_both() -> None:
    assert split([[1, 2, 3, 4, 5], [6, 3, 7]], lost=frozenset([3])) == [(0, (1, 2)), (0, (4, 5))]


@given(st.lists(st.lists(st.integers(0, 3), max_size=8), max_size=8))
def test_without_repeats(network: list[list[int]]) -> None:
    refs = np.array([node for way in network for node in way], dtype=np.int64)
    kept, offsets = without_repeats(refs, np.cumsum([0] + [len(way) for way in network]))
    expected = [[node for node, _ in groupby(way)] for way in network]
    assert [kept[a:b].tolist() for a, b in pairwise(offsets)] == expected


@given(ways)
def test_ordinals_tell_same_ends_apart(network: list[list[int]]) -> None:
    nodes = np.array([node for way in network for node in way], dtype=np.int64)
    pieces = split_ways(nodes, np.cumsum([0] + [len(way) for way in network]), np.ones(len(nodes), dtype=bool))
    seen: Counter[tuple[int, int, int]] = Counter()
    expected = []
    for way, first, last in zip(*pieces, strict=True):
        ends = (int(way), int(nodes[first]), int(nodes[last]))
        seen[ends] += 1
        expected.append(seen[ends])
    assert ordinals(pieces, nodes).tolist() == expected


def test_run_edges_of_nothing() -> None:
    starts, ends = run_edges(np.array([0, 0]), np.zeros(0, dtype=bool))
    assert len(starts) == len(ends) == 0
