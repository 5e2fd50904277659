import networkx as nx
import numpy as np
import pytest

from tasks.match_graph import Edges, match_graph
from tasks.match_search import Goal, keep, kept_room, search_room, spread
from tests.tasks.match_town import town

EVERYWHERE = Goal(0.0, 0.0, 0.0, 0.0, np.inf, np.inf)


def naive(edges: Edges, source: int) -> dict[int, float]:
    """Cost from the end of an edge to the begin of all others, by networkx over edges as nodes."""
    graph = nx.DiGraph()
    for edge in range(len(edges.edge)):
        for place in range(edges.edge[edge]["first_link"], edges.edge[edge]["end_link"]):
            to, turn = int(edges.link[place]["to"]), float(edges.link[place]["cost"])
            graph.add_edge(edge, to, cost=float(edges.edge[edge]["cost"]) + turn)
            if edge == source:
                graph.add_edge("end", to, cost=turn)
    if "end" not in graph:
        return {}
    costs = nx.single_source_dijkstra_path_length(graph, "end", weight="cost")
    return {edge: cost for edge, cost in costs.items() if edge != "end"}


@pytest.mark.parametrize("seed", range(5))
def test_costs_are_those_of_networkx(seed: int) -> None:
    edges = match_graph(town(seed)).edges
    search, slots = search_room(edges), np.full(len(edges.edge), -1, dtype=np.int32)
    for source in np.flatnonzero(edges.edge["is_open"])[::7]:
        count = spread(edges, search, source, EVERYWHERE, slots, 1)
        reached = search.reached[:count]
        assert dict(zip(reached["edge"].tolist(), reached["cost"].tolist(), strict=True)) == pytest.approx(
            naive(edges, source)
        )
        assert np.all(np.diff(reached["cost"]) >= 0)


def test_a_way_is_told_by_what_came_before() -> None:
    edges = match_graph(town(1)).edges
    search, slots = search_room(edges), np.full(len(edges.edge), -1, dtype=np.int32)
    count = spread(edges, search, 0, EVERYWHERE, slots, 1)
    for entry in search.reached[:count]:
        metres, before = 0.0, entry["before"]
        while before >= 0:
            metres += edges.edge[search.reached[before]["edge"]]["metres"]
            before = search.reached[before]["before"]
        assert metres == pytest.approx(entry["metres"])


def test_a_search_ends_when_all_that_is_wanted_is_reached() -> None:
    edges = match_graph(town(2)).edges
    search, slots = search_room(edges), np.full(len(edges.edge), -1, dtype=np.int32)
    whole = spread(edges, search, 0, EVERYWHERE, slots, 1)
    wanted = int(search.reached[whole // 2]["edge"])
    slots[wanted] = 0
    assert search.reached[spread(edges, search, 0, EVERYWHERE, slots, 1) - 1]["edge"] == wanted


def test_kept_ways_are_those_of_a_search_whatever_was_forgotten() -> None:
    edges = match_graph(town(3)).edges
    search, slots = search_room(edges), np.full(len(edges.edge), -1, dtype=np.int32)
    kept = kept_room(edges)
    small = kept._replace(reached=kept.reached[: len(edges.edge)])
    for source in np.flatnonzero(edges.edge["is_open"]):
        keep(edges, search, small, source, slots)
        way = small.way[source]
        mine = small.reached[way["start"] : way["start"] + way["count"]].copy()
        near = {edge: cost for edge, cost in naive(edges, int(source)).items() if cost <= 450.0}
        assert dict(zip(mine["edge"].tolist(), mine["cost"].tolist(), strict=True)) == pytest.approx(near)
