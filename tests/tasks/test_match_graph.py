import numpy as np
import pytest

from tasks.match_graph import BACK_COST, DEAD_END_COST, TURN_COST, match_graph
from tests.roads import GEOD, random_roads, road_row, road_table


def at(name: str, where: float) -> dict[str, object]:
    return {"connector_id": name, "at": where}


def cross() -> object:
    """A street from west to east with a side street in its middle, which is no vertex of it."""
    street = road_row("a", [(9.0, 47.0), (9.004, 47.0)], connectors=[at("w", 0.0), at("m", 0.5), at("e", 1.0)])
    side = road_row("b", [(9.002, 47.0), (9.002, 47.002)], connectors=[at("m", 0.0), at("n", 1.0)], one_way="forward")
    return match_graph(road_table([street, side]))


def links(graph) -> dict[tuple[int, int], float]:
    """Cost of the turn for each pair of edges that follow each other."""
    edge, link = graph.edges.edge, graph.edges.link
    return {
        (source, int(link[place]["to"])): float(link[place]["cost"])
        for source in range(len(edge))
        for place in range(edge[source]["first_link"], edge[source]["end_link"])
    }


def test_a_segment_is_cut_at_its_connectors() -> None:
    graph = cross()
    assert graph.spans["segment"].tolist() == [0, 0, 1]
    assert graph.spans["to_at"].tolist() == [0.5, 1.0, 1.0]
    half = GEOD.inv(9.0, 47.0, 9.002, 47.0)[2]
    assert graph.edges.edge["metres"][:4] == pytest.approx(half, rel=1e-6)


def test_turns_cost_by_their_angle_and_turning_back_most() -> None:
    found = links(cross())
    assert found[0, 2] == pytest.approx(0, abs=1e-3)  # straight on
    assert found[0, 4] == pytest.approx(TURN_COST / 2, rel=0.01)  # left, into the side street
    assert found[0, 1] == BACK_COST
    assert found[2, 3] == DEAD_END_COST
    assert not any(5 in pair for pair in found), "the one-way is closed backward"
    assert not [pair for pair in found if pair[0] == 4], "nothing leads out of its end"


def test_an_end_without_connector_gets_one_of_its_own() -> None:
    graph = match_graph(road_table([road_row("a", [(9.0, 47.0), (9.004, 47.0)], connectors=[at("m", 0.25)])]))
    assert graph.spans["from_at"].tolist() == [0.0, 0.25]
    assert graph.spans["to_at"].tolist() == [0.25, 1.0]


def test_a_loop_leads_into_itself() -> None:
    ring = [(9.0, 47.0), (9.001, 47.0), (9.001, 47.001), (9.0, 47.0)]
    graph = match_graph(road_table([road_row("a", ring, connectors=[at("x", 0.0), at("x", 1.0)])]))
    assert {(0, 2), (2, 4), (4, 0), (1, 5)} <= set(links(graph))


def test_chords_make_up_their_stretches() -> None:
    graph = match_graph(random_roads(200, seed=3))
    sums = np.bincount(graph.chords.chord["stretch"], weights=graph.chords.chord["metres"])
    assert sums == pytest.approx(graph.edges.edge["metres"][::2], abs=1e-6)


def test_no_roads_make_an_empty_graph() -> None:
    graph = match_graph(road_table([]))
    assert len(graph.edges.edge) == len(graph.chords.chord) == len(graph.cells.chord) == 0


def test_a_hairpin_is_cut_where_it_bends() -> None:
    places = [(9.0, 47.0), (9.004, 47.0), (9.0041, 47.0002), (9.004, 47.0004), (9.0, 47.0004)]
    graph = match_graph(road_table([road_row("a", places), road_row("b", places[:2])]))
    assert graph.spans["segment"].tolist() == [0, 0, 0, 1]
    assert set(links(graph)) >= {(0, 2), (2, 4), (5, 3), (3, 1)}
