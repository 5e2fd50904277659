import numpy as np
import pytest

from tasks.simulate_network import drive_network
from tasks.simulate_traffic import ROAD_SIGMA, delay, demand, posted_kmh, traffic
from tests.grid_town import grid_town
from tests.roads import road_row, road_table


def test_limits_are_those_of_the_tags() -> None:
    roads = grid_town()
    stated = posted_kmh(roads)
    row = roads["segment_id"].to_pylist().index("w2:west-east")
    assert stated[row].tolist() == [50.0, 50.0]
    assert np.isnan(np.delete(stated, row, axis=0)).all()


def test_free_flow_is_that_of_limits_then_of_classes() -> None:
    roads = grid_town()
    network = drive_network(roads)
    limits = np.full((roads.num_rows, 2), np.nan)
    limits[0] = [48.3, np.inf]
    free = np.array([traffic(network, roads, np.random.default_rng(n), limits).free_kmh for n in range(300)])
    mean = np.exp(np.log(free).mean(axis=0))
    edges = network.edges
    assert mean[(edges.segment == 0) & edges.is_forward] == pytest.approx(49.9, rel=0.02)
    assert mean[(edges.segment == 0) & ~edges.is_forward] == pytest.approx(135.0, rel=0.02)
    assert mean[edges.segment == 1] == pytest.approx(35.0, rel=0.02)
    assert np.log(free).std(axis=0) == pytest.approx(np.full(free.shape[1], ROAD_SIGMA), rel=0.2)


def test_slip_roads_are_slower_and_crowds_go_by_class() -> None:
    kinds = [("motorway", None), ("motorway", "link"), ("residential", None), ("secondary", "link")]
    line = [(25.0, 60.0), (25.01, 60.0)]
    names = [{"connector_id": name, "at": at} for name, at in (("a", 0.0), ("b", 1.0))]
    roads = road_table(
        [road_row(str(i), line, class_=kind, subclass=sub, connectors=names) for i, (kind, sub) in enumerate(kinds)]
    )
    network = drive_network(roads)
    made = [traffic(network, roads, np.random.default_rng(n)) for n in range(400)]
    free = np.exp(np.mean([np.log(each.free_kmh) for each in made], axis=0))
    crowding = np.array([each.crowding for each in made])
    for row, (kmh, crowd) in enumerate([(110.0, 0.9), (77.0, 0.9), (35.0, 0.3), (43.4, 0.9)]):
        own = network.edges.segment == row
        assert free[own] == pytest.approx(kmh, rel=0.02)
        assert crowding[:, own].mean() == pytest.approx(crowd, rel=0.05)
        assert (
            crowd * 0.5 <= crowding[:, own].min() < crowd * 0.55 < crowd * 1.45 < crowding[:, own].max() < crowd * 1.5
        )
    assert [bool(made[0].is_end[network.edges.segment == row].all()) for row in range(4)] == [False, False, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_half_of_the_large_junctions_have_lights(seed: int) -> None:
    """Junctions of three roads or more; a road that is cut, or that ends, has none."""
    roads = grid_town()
    network = drive_network(roads)
    edges = network.edges
    met: dict[int, set[int]] = {}
    for stretch, *ends in zip(edges.stretch.tolist(), edges.tail.tolist(), edges.head.tolist(), strict=True):
        for node in ends:
            met.setdefault(node, set()).add(stretch)
    has_signal = np.array([traffic(network, roads, np.random.default_rng((seed, n))).has_signal for n in range(200)])
    avenue = edges.segment == roads["segment_id"].to_pylist().index("w2:west-east")
    may = np.array([len(met[node]) >= 3 and node in edges.head[avenue] for node in edges.head.tolist()])
    assert not has_signal[:, ~may].any()
    assert has_signal[:, may].mean() == pytest.approx(0.5, abs=4.5 * 0.5 / np.sqrt(200 * len(set(edges.head[may]))))


def test_the_hour_is_that_of_a_week_that_repeats() -> None:
    assert delay(8.0 + 3 * 168) == delay(8.0) == 1.0
    assert delay(5 * 24 + 8.0) < 0.05


def test_lights_and_larger_roads_stop_drives_at_junctions() -> None:
    roads = grid_town()
    network = drive_network(roads)
    told = traffic(network, roads, np.random.default_rng(0))
    edges = network.edges
    avenue = roads["segment_id"].to_pylist().index("w2:west-east")
    is_avenue = edges.segment == avenue
    meets = np.isin(edges.head, edges.head[is_avenue])
    assert told.has_signal.any()
    assert not told.has_signal[~meets].any()
    assert told.gives_way.any()
    assert not told.gives_way[is_avenue].any()
    assert not (told.gives_way & told.has_signal).any()


def test_rush_hours_are_on_working_days() -> None:
    hours = np.arange(0, 168, 0.25)
    delays = np.array([delay(hour) for hour in hours])
    assert hours[delays.argmax()] % 24 == 8.0
    assert delays[hours < 120].max() > 2 * delays[hours >= 120].max()
    shares = demand()
    assert shares.sum() == pytest.approx(1.0)
    assert shares[8] > 3 * shares[3]


def test_where_two_roads_meet_nobody_stands() -> None:
    ends = [[{"connector_id": a, "at": 0.0}, {"connector_id": b, "at": 1.0}] for a, b in ("ab", "bc")]
    lines = [[(25.0, 60.0), (25.01, 60.0)], [(25.01, 60.0), (25.02, 60.0)]]
    kinds = ["primary", "residential"]
    roads = road_table([road_row(str(i), lines[i], class_=kinds[i], connectors=ends[i]) for i in range(2)])
    network = drive_network(roads)
    made = [traffic(network, roads, np.random.default_rng(n)) for n in range(50)]
    assert not any(each.has_signal.any() or each.gives_way.any() for each in made)
