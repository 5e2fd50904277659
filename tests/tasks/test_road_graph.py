"""The graph of segments, against SciPy's shortest paths and geometry by hand."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from tasks.road_graph import degrees_of, ends_of, graph_of, places_m, reach


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, targets, metres and penalties of links both ways, at most one from one segment to another."""
    count = draw(st.integers(1, 14))
    pairs = draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40))
    pairs = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    costs = {pair: (draw(st.integers(1, 900)), draw(st.integers(0, 12)) / 8) for pair in sorted(pairs)}
    both = sorted([(a, b, *costs[a, b]) for a, b in pairs] + [(b, a, *costs[a, b]) for a, b in pairs])
    source, target, metres, penalties = (np.array(column) for column in zip(*both, strict=True)) if both else [[]] * 4
    offsets = np.searchsorted(np.array(source, dtype=np.int64), np.arange(count + 1))
    return (
        offsets.astype(np.int64),
        np.array(target, dtype=np.int64),
        np.array(metres, dtype=np.float64),
        np.array(penalties, dtype=np.float64),
    )


@settings(max_examples=150, deadline=None)
@given(graphs(), st.floats(0.1, 6), st.data())
def test_reach_is_what_scipy_finds(graph: tuple[np.ndarray, ...], most: float, data: st.DataObject) -> None:
    offsets, target, metres, penalties = graph
    count = len(offsets) - 1
    sources = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1)))), dtype=np.int64)
    found_s, found_t, found_m, found_p = reach(offsets, target, metres, penalties, sources, 600.0, most)
    ours = {(s, t): m / 600 + p for s, t, m, p in zip(found_s, found_t, found_m, found_p, strict=True)}
    theirs = dijkstra(csr_array((metres / 600 + penalties, target, offsets), shape=(count, count)), indices=sources)
    reachable = {
        (source, to): cost
        for source, costs in zip(sources.tolist(), theirs.tolist(), strict=True)
        for to, cost in enumerate(costs)
        if to != source and cost <= most - 1e-9
    }
    assert len(ours) == len(found_s)
    assert {pair for pair, cost in ours.items() if cost <= most - 1e-9} == set(reachable)
    assert all(ours[pair] == pytest.approx(cost) for pair, cost in reachable.items())
    assert max(ours.values(), default=0.0) <= most


def test_the_arrays_grow_where_much_is_reached() -> None:
    """A chain of 60 segments that all reach each other: 3,540 pairs, more than there is room for at first."""
    count = 60
    links = [(i, j) for i in range(count) for j in (i - 1, i + 1) if 0 <= j < count]
    target = np.array([j for _, j in links], dtype=np.int64)
    offsets = np.searchsorted(np.array([i for i, _ in links]), np.arange(count + 1)).astype(np.int64)
    ones, zeros = np.ones(len(links)), np.zeros(len(links))
    source, reached, metres, penalty = reach(offsets, target, ones, zeros, np.arange(count), 1.0, 100.0)
    assert len(source) == count * (count - 1)
    assert np.array_equal(metres, np.abs(source - reached))
    assert not penalty.any()


def test_nothing_is_reached_from_nowhere() -> None:
    empty, none = np.empty(0, dtype=np.int64), np.empty(0)
    assert [len(each) for each in reach(np.zeros(1, dtype=np.int64), empty, none, none, empty, 1.0, 1.0)] == [0] * 4


def touching(*names: str) -> list[dict[str, Any]]:
    return [{"connector_id": name, "at": at} for name, at in zip(names, (0.0, 1.0), strict=True)]


def graph(lines: list[shapely.LineString], connectors: list[list[dict[str, Any]]]) -> tuple[Any, list[dict[str, Any]]]:
    found = graph_of(
        ends_of(connectors), np.array(lines, dtype=object), np.array([100.0 * (i + 1) for i in range(len(lines))])
    )
    rows = np.repeat(np.arange(len(lines)), np.diff(found.offsets)).tolist()
    told = zip(rows, found.target.tolist(), found.metres.tolist(), found.cosine.tolist(), strict=True)
    return found, [{"from": a, "to": b, "m": m, "cosine": round(c, 6)} for a, b, m, c in told]


def test_links_go_both_ways_from_middle_to_middle_and_know_the_turn() -> None:
    """Straight on east, then a right angle at the equator: 0 → 1 goes on, 1 → 2 turns."""
    lines = [shapely.LineString(line) for line in ([(0, 0), (1, 0)], [(1, 0), (2, 0)], [(2, 0), (2, 1)])]
    _, links = graph(lines, [touching("a", "b"), touching("b", "c"), touching("c", "d")])
    assert links == [
        {"from": 0, "to": 1, "m": 150.0, "cosine": 1.0},
        {"from": 1, "to": 0, "m": 150.0, "cosine": 1.0},
        {"from": 1, "to": 2, "m": 250.0, "cosine": 0.0},
        {"from": 2, "to": 1, "m": 250.0, "cosine": 0.0},
    ]


def test_a_turn_is_told_in_metres_and_not_in_degrees() -> None:
    """At 60° N a degree of longitude is half one of latitude: a line over 2° by 1° runs to the north-east."""
    lines = [shapely.LineString([(-1, 60), (0, 60)]), shapely.LineString([(0, 60), (2, 61)])]
    _, links = graph(lines, [touching("a", "b"), touching("b", "c")])
    assert links[0]["cosine"] == pytest.approx(np.cos(np.pi / 4), abs=1e-6)


def test_back_again_is_a_turn_of_180_degrees() -> None:
    lines = [shapely.LineString([(0, 0), (1, 0)]), shapely.LineString([(1, 0), (0.5, 0)])]
    _, links = graph(lines, [touching("a", "b"), touching("b", "c")])
    assert links[0]["cosine"] == -1.0


def test_a_loop_does_not_meet_itself_and_two_ways_between_two_places_meet_twice() -> None:
    loop = shapely.LineString([(0, 0), (1, 1), (1, 0), (0, 0)])
    one, other = shapely.LineString([(0, 0), (1, 0)]), shapely.LineString([(0, 0), (0.5, 1), (1, 0)])
    _, links = graph([loop, one, other], [touching("a", "a"), touching("a", "b"), touching("a", "b")])
    told = [(link["from"], link["to"]) for link in links]
    assert told == [(0, 1), (0, 1), (0, 2), (0, 2), (1, 0), (1, 0), (1, 2), (1, 2), (2, 0), (2, 0), (2, 1), (2, 1)]


def test_inner_connectors_stand_where_they_are() -> None:
    """A side road that meets the first at 0.3 of its 100 m is 20 m from its middle."""
    lines = [shapely.LineString([(0, 0), (1, 0)]), shapely.LineString([(0.3, 0), (0.3, 1)])]
    joined = [[*touching("a", "b"), {"connector_id": "c", "at": 0.3}], touching("c", "d")]
    _, links = graph(lines, joined)
    assert [link["m"] for link in links] == pytest.approx([20.0 + 100.0] * 2)


@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(0, 360), st.floats(1, 2500))
def test_places_are_as_far_apart_as_on_the_ground(lon: float, lat: float, course: float, metres: float) -> None:
    """Against the ellipsoid of pyproj: a sphere is off by 0.7 % at most."""
    import pyproj

    there = pyproj.Geod(ellps="WGS84").fwd(lon, lat, course, metres)
    spots = places_m(np.array([lon, there[0]]), np.array([lat, there[1]]))
    assert np.linalg.norm(spots[1] - spots[0]) == pytest.approx(metres, rel=0.007)


def test_a_window_in_degrees_holds_the_distance() -> None:
    assert degrees_of(111_195.08) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("count", "links"), [(3, 6), (100, 9900), (101, 0), (20_000, 0)])
def test_a_connector_of_far_too_many_segments_is_no_junction(count: int, links: int) -> None:
    """Links grow as the square of the segments at one place: 20,000 would take tens of gigabytes."""
    lines = np.full(count, shapely.LineString([(9, 47), (9.001, 47)]), dtype=object)
    ends = ends_of([[{"connector_id": "everywhere", "at": 0.0}]] * count)
    assert len(graph_of(ends, lines, np.full(count, 76.0)).target) == links
