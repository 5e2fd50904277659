import numpy as np
import pytest
from pyproj import Geod

from tasks.simulate_network import drive_network
from tasks.simulate_receiver import device, errors_m, kept, reception, shifted
from tests.roads import road_row, road_table

COUNT = 200_000


@pytest.mark.parametrize("correlation_s", [0.0, 5.0, 40.0])
def test_noise_has_the_stated_spread_and_memory(correlation_s: float) -> None:
    rng = np.random.default_rng(1)
    seconds = np.cumsum(rng.choice([1.0, 2.0], COUNT))
    normals = rng.standard_normal((COUNT, 2))
    found = errors_m(seconds, np.full(COUNT, 6.0), np.zeros((COUNT, 2)), correlation_s, normals)
    assert found.std(axis=0) == pytest.approx([6.0, 6.0], rel=0.05)
    for lag in (1.0, 2.0):
        pairs = np.diff(seconds) == lag
        memory = np.mean(found[:-1][pairs] * found[1:][pairs]) / 36
        assert memory == pytest.approx(np.exp(-lag / correlation_s) if correlation_s else 0.0, abs=0.03)


def test_noise_turns_to_the_side_it_is_biased_to() -> None:
    bias = np.tile([8.0, -3.0], (COUNT, 1))
    bias[0] = 0.0
    found = errors_m(np.arange(COUNT) * 1.0, np.full(COUNT, 1.0), bias, 10.0, np.zeros((COUNT, 2)))
    assert found[-1] == pytest.approx([8.0, -3.0])
    assert found[10] == pytest.approx(np.array([8.0, -3.0]) * (1 - np.exp(-1)))


def test_errors_are_metres() -> None:
    lon, lat = shifted(np.array([25.0]), np.array([60.0]), np.array([[30.0, -40.0]]))
    assert Geod(ellps="WGS84").inv(25.0, 60.0, lon[0], lat[0])[2] == pytest.approx(50.0, rel=0.006)
    assert lon[0] > 25.0
    assert lat[0] < 60.0


@pytest.mark.parametrize(("share", "mean_s"), [(0.1, 20.0), (0.5, 60.0)])
def test_outages_take_their_share_and_last(share: float, mean_s: float) -> None:
    heard = kept(np.arange(COUNT) * 1.0, share, mean_s, np.random.default_rng(2))
    assert 1 - heard.mean() == pytest.approx(share, rel=0.08)
    begins = np.count_nonzero(heard[:-1] & ~heard[1:])
    assert (~heard).sum() / begins == pytest.approx(mean_s, rel=0.08)


def test_short_drives_begin_in_outages_too() -> None:
    firsts = [kept(np.array([0.0, 1.0]), 0.3, 20.0, np.random.default_rng(seed))[0] for seed in range(2000)]
    assert np.mean(firsts) == pytest.approx(0.7, abs=0.04)


def test_devices_tell_speed_and_heading_where_they_move() -> None:
    rng = np.random.default_rng(3)
    speed = np.repeat([0.0, 10.0], COUNT // 2)
    found = device(speed, np.full(COUNT, 359.9), np.full(COUNT, 4.0), rng)
    moving = speed > 0
    assert np.isnan(found.heading_deg[~moving]).all()
    off = (found.heading_deg[moving] - 359.9 + 180) % 360 - 180
    assert off.std() == pytest.approx(np.degrees(0.03), rel=0.02)
    assert ((found.heading_deg[moving] >= 0) & (found.heading_deg[moving] < 360)).all()
    assert found.speed_kmh[moving].mean() == pytest.approx(36.0, rel=0.01)
    assert np.median(found.accuracy_m) == pytest.approx(1.515 * 4, rel=0.01)


def test_accuracy_holds_two_thirds_of_errors() -> None:
    errors = np.random.default_rng(4).standard_normal((COUNT, 2))
    assert (np.hypot(*errors.T) < 1.515).mean() == pytest.approx(0.68, abs=0.005)


def test_reception_is_worse_where_streets_are_dense() -> None:
    lines = [[(25 + n / 1e4, 60.0), (25 + n / 1e4, 60.002)] for n in range(30)] + [[(26.0, 60.0), (26.0, 60.02)]]
    streets, tracks, yards = (
        road_table([road_row(f"{n:02}", line, class_=kind) for n, line in enumerate(lines)])
        for kind in ("residential", "track", "service")
    )
    network = drive_network(streets)
    found = reception(network, streets, 3.0, np.random.default_rng(5))
    assert found.factor.tolist() == [3.0] * 30 + [1.0]
    assert np.hypot(*found.bias.T) == pytest.approx([1.0] * 30 + [0.0])
    for thin in (tracks, yards):
        assert (reception(network, thin, 3.0, np.random.default_rng(5)).factor == 1.0).all()
    assert (reception(network, streets, 1.0, np.random.default_rng(5)).bias == 0).all()


def test_nothing_is_heard_in_tunnels() -> None:
    values = [None, "yes", "no", "building_passage", "avalanche_protector"]
    rows = [
        road_row(str(n), [(25, 60), (25.1, 60)], tags={"tunnel": each} if each else {}) for n, each in enumerate(values)
    ]
    roads = road_table(rows)
    found = reception(drive_network(roads), roads, 1.0, np.random.default_rng(0)).is_deaf
    assert found.tolist() == [False, True, False, False, True]
