from collections import Counter
from itertools import pairwise

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
import shapely
from pyproj import Geod

from tasks.simulate_network import SLIGHT_DEG, TURN_SECONDS, Network, drive_network
from tests.grid_town import grid_town

GEOD = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def roads() -> pa.Table:
    return grid_town()


@pytest.fixture(scope="module")
def network(roads: pa.Table) -> Network:
    return drive_network(roads)


def naive_edges(roads: pa.Table) -> set[tuple[str, bool, str, str]]:
    """Segment, whether forward, and the connectors from and to."""
    found = set()
    for row in roads.to_pylist():
        names = [each["connector_id"] for each in row["connectors"]]
        for one, other in pairwise(names):
            if ("access", "private") in row["tags"]:
                continue
            if row["one_way"] != "backward":
                found.add((row["segment_id"], True, one, other))
            if row["one_way"] != "forward":
                found.add((row["segment_id"], False, other, one))
    return found


def named_edges(roads: pa.Table, network: Network) -> list[tuple[str, bool, str, str]]:
    edges, rows = network.edges, roads.to_pylist()
    found = []
    for number, segment in enumerate(edges.segment):
        by_place = {round(each["at"], 9): each["connector_id"] for each in rows[segment]["connectors"]}
        names = [by_place[round(float(each[number]), 9)] for each in (edges.begin, edges.end)]
        found.append((rows[segment]["segment_id"], bool(edges.is_forward[number]), *names))
    return found


def test_edges_are_the_open_headings_between_connectors(roads: pa.Table, network: Network) -> None:
    named = named_edges(roads, network)
    assert len(named) == len(set(named))
    assert set(named) == naive_edges(roads)
    assert ((network.edges.begin < network.edges.end) == network.edges.is_forward).all()


def test_metres_are_those_of_the_stretch(roads: pa.Table, network: Network) -> None:
    shapes = shapely.from_wkb(roads["geometry"].to_pylist())
    one = int(np.flatnonzero(network.edges.segment == 0)[0])
    first_block = shapely.get_coordinates(shapes[0])[:2]
    assert network.edges.metres[one] == pytest.approx(GEOD.geometry_length(shapely.LineString(first_block)), rel=1e-9)


def test_whoever_begins_where_an_edge_ends_follows_it(roads: pa.Table, network: Network) -> None:
    named = named_edges(roads, network)
    for number, (segment, forward, came, to) in enumerate(named):
        starts = network.follow.starts
        found = {named[each] for each in network.follow.edge[starts[number] : starts[number + 1]]}
        out = {each for each in named if each[2] == to}
        back = (segment, not forward, to, came)
        assert found == out - {back}


def test_turns_either_way_cost_time(network: Network) -> None:
    lines, edges = network.lines, network.edges

    def azimuth(number: int, *, at_begin: bool) -> float:
        low, high = lines.starts[edges.segment[number]], lines.starts[edges.segment[number] + 1]
        along, at = lines.along[low:high], edges.begin[number] if at_begin else edges.end[number]
        vertex = int(np.argmin(np.abs(along - at)))
        step = 1 if edges.is_forward[number] else -1
        one, other = (vertex, vertex + step) if at_begin else (vertex - step, vertex)
        return float(GEOD.inv(*((lines.lon[low + v], lines.lat[low + v])[k] for v in (one, other) for k in (0, 1)))[0])

    kinds: Counter[tuple[bool, bool]] = Counter()
    for number in range(len(edges.segment)):
        for link in range(network.follow.starts[number], network.follow.starts[number + 1]):
            turn = azimuth(network.follow.edge[link], at_begin=True) - azimuth(number, at_begin=False)
            off = abs((turn + 180) % 360 - 180)
            kinds[bool(turn % 360 < 180), off > SLIGHT_DEG] += 1
            assert abs(off - SLIGHT_DEG) < 1 or network.follow.seconds[link] == TURN_SECONDS * (off > SLIGHT_DEG)
    assert len(kinds) == 4  # slight and sharp, right and left


@pytest.mark.parametrize("first", ["w0:west-east", "w400:trap"])
def test_origins_lead_into_the_largest_strong_component(roads: pa.Table, first: str) -> None:
    start = roads["segment_id"].to_pylist().index(first)
    network = drive_network(pa.concat_tables([roads.slice(start), roads.slice(0, start)]))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(network.edges.segment)))
    for number in range(len(network.edges.segment)):
        starts = network.follow.starts
        graph.add_edges_from((number, each) for each in network.follow.edge[starts[number] : starts[number + 1]])
    largest = max(nx.strongly_connected_components(graph), key=len)
    origins = set(np.flatnonzero(network.is_origin).tolist())
    assert origins == largest | nx.ancestors(graph, next(iter(largest)))
    assert len(largest) < len(origins) < len(network.edges.segment)
