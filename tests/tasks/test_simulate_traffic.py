import numpy as np
import pytest

from tasks.simulate_network import drive_network
from tasks.simulate_traffic import ROAD_SIGMA, delay, demand, posted_kmh, traffic
from tests.grid_town import grid_town


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
