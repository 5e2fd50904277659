from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from tasks.simulate_network import Network, drive_network
from tasks.simulate_route import FARTHER, OPINIONS, Reach, find_way, scratch
from tests.grid_town import grid_town

AGREED = np.ones(OPINIONS)


@pytest.fixture(scope="module")
def network() -> Network:
    return drive_network(grid_town())


def cost(network: Network, seconds: np.ndarray, way: list[int]) -> float:
    """What a way takes: its edges but the first, and the turns into them; fails where one does not follow."""
    total = 0.0
    for one, other in pairwise(way):
        links = range(network.follow.starts[one], network.follow.starts[one + 1])
        total += seconds[other] + next(
            network.follow.seconds[link] for link in links if network.follow.edge[link] == other
        )
    return total


def test_ways_are_the_fastest_to_the_last_edge_within_reach(network: Network) -> None:
    """As networkx finds them, with times as the driver thinks of them."""
    rng = np.random.default_rng(5)
    opinion = np.exp(0.4 * rng.standard_normal(OPINIONS))
    edges = network.edges
    seconds = rng.uniform(5, 60, len(edges.segment))
    thought = seconds * opinion[np.arange(len(seconds)) * 7919 % OPINIONS]
    graph = nx.DiGraph()
    for one in range(len(seconds)):
        for link in range(network.follow.starts[one], network.follow.starts[one + 1]):
            other = int(network.follow.edge[link])
            graph.add_edge(one, other, weight=thought[other] + network.follow.seconds[link])
    is_end, room = rng.random(len(seconds)) < 0.8, scratch(len(seconds))
    went_on = 0
    for number, origin in enumerate(np.flatnonzero(network.is_origin).tolist(), 1):
        reach, extra = Reach(300.0, float(rng.uniform(300, 1500)), 2000.0), float(rng.random())
        way = find_way(
            network, seconds, opinion, origin=origin, is_end=is_end, reach=reach, extra=extra, room=room, number=number
        ).tolist()
        costs, paths = nx.single_source_dijkstra(graph, origin)
        metres = {edge: edges.metres[path[1:]].sum() for edge, path in paths.items()}
        ends = [edge for edge in paths if is_end[edge] and reach.least <= metres[edge] <= reach.most]
        first = min(costs[edge] for edge in ends if metres[edge] >= reach.wanted)
        last = max((edge for edge in ends if costs[edge] <= first * (1 + FARTHER * extra)), key=costs.__getitem__)
        assert way == paths[last]
        assert cost(network, thought, way) == pytest.approx(costs[last])
        went_on += costs[last] > first
    assert went_on > 20


def test_drives_end_where_they_may(network: Network) -> None:
    seconds = network.edges.metres / 10
    is_end = np.zeros(len(seconds), dtype=bool)
    is_end[(origin := int(np.flatnonzero(network.is_origin)[0])) + 8] = True
    asked = {"origin": origin, "is_end": is_end, "extra": 0.5, "room": scratch(len(seconds))}
    way = find_way(network, seconds, AGREED, reach=Reach(1.0, 1.0, 1e6), number=1, **asked)
    assert way[-1] == origin + 8
    none = find_way(network, seconds, AGREED, reach=Reach(1e5, 1e5, 1e6), number=2, **asked)
    assert none.tolist() == []
