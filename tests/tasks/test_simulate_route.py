from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from tasks.simulate_network import Network, drive_network
from tasks.simulate_route import OPINIONS, Reach, find_way, scratch
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


def test_ways_are_the_fastest(network: Network) -> None:
    rng = np.random.default_rng(5)
    seconds = rng.uniform(5, 60, len(network.edges.segment))
    graph = nx.DiGraph()
    for one in range(len(seconds)):
        for link in range(network.follow.starts[one], network.follow.starts[one + 1]):
            other = int(network.follow.edge[link])
            graph.add_edge(one, other, weight=seconds[other] + network.follow.seconds[link])
    is_end, room = np.ones(len(seconds), dtype=bool), scratch(len(seconds))
    for number, origin in enumerate(np.flatnonzero(network.is_origin), 1):
        reach = Reach(300.0, float(rng.uniform(300, 1500)), 2000.0)
        way = find_way(
            network, seconds, AGREED, origin=int(origin), is_end=is_end, reach=reach, extra=float(rng.random()),
            room=room, number=number,
        ).tolist()  # fmt: skip
        assert way[0] == origin
        assert reach.least <= network.edges.metres[way[1:]].sum() <= reach.most
        assert cost(network, seconds, way) == pytest.approx(nx.dijkstra_path_length(graph, origin, way[-1]))


def test_drives_end_where_they_may(network: Network) -> None:
    seconds = network.edges.metres / 10
    is_end = np.zeros(len(seconds), dtype=bool)
    is_end[(origin := int(np.flatnonzero(network.is_origin)[0])) + 8] = True
    asked = {"origin": origin, "is_end": is_end, "extra": 0.5, "room": scratch(len(seconds))}
    way = find_way(network, seconds, AGREED, reach=Reach(1.0, 1.0, 1e6), number=1, **asked)
    assert way[-1] == origin + 8
    none = find_way(network, seconds, AGREED, reach=Reach(1e5, 1e5, 1e6), number=2, **asked)
    assert none.tolist() == []
