"""Whole simulations against the parameters that they state, within what chance allows (once in 10,000)."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tasks.measure import GEOD, distances
from tasks.simulate_drive import FASTER, SLOWER
from tasks.simulate_network import Network, drive_network
from tasks.simulate_probes import (
    RED_SECONDS,
    RED_SHARE,
    SLOWEST,
    YIELD_SECONDS,
    YIELD_SHARE,
    Simulated,
    SimulationParams,
    simulate_probes,
)
from tasks.simulate_traffic import delay, demand, traffic
from tests.grid_town import grid_town

SHORT: dict[str, Any] = {"min_length_m": 300.0, "max_length_m": 1500.0, "seed": 11}
RARE = 1e-4


def simulated(**given: Any) -> Simulated:
    return simulate_probes(grid_town(), SimulationParams(**(SHORT | given)))


def frame_of(made: Simulated) -> pd.DataFrame:
    """Points with their errors east and north (m)."""
    probes, truth = made.probes.to_pandas(), made.points.to_pandas()
    signs = np.sign(probes[["lon", "lat"]] - truth[["lon", "lat"]])
    east = distances(*(each.to_numpy() for each in (truth["lon"], truth["lat"], probes["lon"], truth["lat"])))
    north = distances(*(each.to_numpy() for each in (truth["lon"], truth["lat"], truth["lon"], probes["lat"])))
    return truth.assign(east=east * signs["lon"], north=north * signs["lat"])


@pytest.mark.parametrize("correlation_s", [10.0, 0.0])
def test_errors_spread_and_last_as_stated(correlation_s: float) -> None:
    """Drives are independent: the variance at a point of each is a chi-square, whatever comes after it."""
    drives, lag = 700, 4
    frame = frame_of(simulated(trips=drives, noise_m=7.0, correlation_s=correlation_s, sampling_s=2.0))
    firsts, laters = (frame[frame["number"] == number].set_index("trace_id") for number in (3, 3 + lag // 2))
    low, high = scipy.stats.chi2.ppf([RARE / 2, 1 - RARE / 2], 2 * drives) / (2 * drives)
    both = firsts[["east", "north"]].to_numpy()
    assert low < (both**2).mean() / 49 / 1.006**2 < high * 1.006**2  # a metre is right to 0.6 %
    keeps = np.exp(-lag / correlation_s) if correlation_s else 0.0
    pairs = firsts.join(laters, rsuffix="_later", how="inner")
    products = np.concatenate([pairs[f"{axis}_later"] * pairs[axis] for axis in ("east", "north")]) / 49
    spread = np.sqrt((1 + keeps**2) / len(products))
    assert abs(products.mean() - keeps) < 4.5 * spread


def test_dense_streets_spread_errors_and_push_them_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times the spread, and one standard deviation to a side of the place's own."""
    monkeypatch.setattr("tests.grid_town.STEP", 0.0006)  # 70 m: 30 km of street on a square kilometre
    given = {"trips": 150, "min_length_m": 150.0, "max_length_m": 500.0, "correlation_s": 0.0}
    frame = frame_of(simulated(canyon=3.0, noise_m=5.0, **given))
    often = frame["segment_id"].value_counts().index[0]
    errors = frame.loc[frame["segment_id"] == often, ["east", "north"]].to_numpy() / 5.0
    assert len(errors) > 500
    mean, spread = errors.mean(axis=0), 3.0 / np.sqrt(len(errors))
    assert abs(np.hypot(*mean) - 1.0) < 4.5 * spread
    assert (errors - mean).std() == pytest.approx(3.0, abs=4.5 * 3.0 / np.sqrt(4 * len(errors)))


def test_outages_take_the_stated_share_of_the_points() -> None:
    """Shares of drives scatter about the stated one with a standard error that they show themselves."""
    whole, torn = (simulated(trips=400, outage_share=share, outage_s=15.0) for share in (0.0, 0.25))
    sizes = whole.probes["trace_id"].to_pandas().value_counts()
    left = torn.probes["trace_id"].to_pandas().value_counts().reindex(sizes.index, fill_value=0)
    lost = sizes - left
    error = np.sqrt(((lost - 0.25 * sizes) ** 2).sum()) / sizes.sum()
    assert abs(lost.sum() / sizes.sum() - 0.25) < 4.5 * error
    assert error < 0.03


def test_intervals_are_even_in_their_logarithm() -> None:
    made = simulated(trips=500, sampling_s=1.0, sampling_to_s=60.0, min_length_m=1400.0)
    times = made.probes.to_pandas().groupby("trace_id")["time"]
    intervals = times.apply(lambda each: each.diff().median().total_seconds() if len(each) > 1 else 60.0)
    short = intervals[intervals < 30.0]  # longer ones may see a drive once alone
    assert scipy.stats.kstest(np.log(short) / np.log(30.0), "uniform").pvalue > RARE
    share = np.log(30.0) / np.log(60.0)
    assert scipy.stats.binomtest(len(short), len(intervals), share).pvalue > RARE


def test_drives_begin_by_the_demand_of_local_hours_across_the_change_of_clocks() -> None:
    made = simulated(trips=3000, days=63.0, sampling_s=600.0)  # until 2026-05-04; clocks change on 2026-03-29
    begins = made.probes.to_pandas().groupby("trace_id")["time"].first().dt.tz_convert("Europe/Helsinki")
    summer = begins[begins >= "2026-03-30"]
    assert len(summer) > 1000
    for times in (summer, begins[begins < "2026-03-29"]):
        by_hour = np.bincount(times.dt.hour, minlength=24)
        expected = demand().reshape(7, 24).sum(axis=0) * len(times)
        assert scipy.stats.chisquare(by_hour, expected).pvalue > RARE


def test_speeds_add_up_to_the_metres_driven() -> None:
    """Position and speed are two closed forms of time: trapezoids of one must be the chords of the other."""
    frame = simulated(trips=60).points.to_pandas()
    for _, drive in frame.groupby("trace_id"):
        lon, lat, speed = (drive[name].to_numpy(dtype=np.float64) for name in ("lon", "lat", "speed_kmh"))
        metres = distances(lon[:-1], lat[:-1], lon[1:], lat[1:])
        driven = (speed[1:] + speed[:-1]) / 2 / 3.6
        segment = drive["segment_id"].to_numpy()
        is_straight = segment[1:] == segment[:-1]  # corners are cut by the chord
        assert np.abs(metres - driven)[is_straight].max() < 1.1 * (FASTER + SLOWER) / 8  # one kink in a second
        assert metres[is_straight].sum() == pytest.approx(driven[is_straight].sum(), rel=0.02)


def test_devices_head_where_the_vehicle_goes() -> None:
    """Headings are those of the geodesic to the next true point, but for the error of a Doppler speed."""
    made = simulated(trips=40)
    frame = made.points.to_pandas().assign(told=made.probes["heading_deg"].to_pandas())
    ahead = frame.shift(-1)
    is_way = (frame["trace_id"] == ahead["trace_id"]) & (frame["segment_id"] == ahead["segment_id"])
    is_way &= frame["speed_kmh"] > 36.0
    ends = (each[is_way][name].to_numpy() for each in (frame, ahead) for name in ("lon", "lat"))
    off = (frame["told"][is_way].to_numpy() - GEOD.inv(*ends)[0] + 180) % 360 - 180
    assert len(off) > 200
    assert abs(np.median(off)) < 0.3
    assert np.quantile(np.abs(off), 0.9) < 1.645 * np.degrees(0.3 / 10) * 1.5


def test_drivers_differ_as_stated() -> None:
    """The same drives with and without a driver of their own: the ratio of top speeds is the driver."""
    limits = np.full((grid_town().num_rows, 2), 32.2)
    top = {}
    for sigma in (0.0, 0.2):
        params = SimulationParams(**SHORT | {"min_length_m": 900.0}, trips=600, driver_sigma=sigma, congestion=0.0)
        made = simulate_probes(grid_town(), params, limits)
        top[sigma] = made.points.to_pandas().groupby("trace_id")["speed_kmh"].max()
    own = np.log(top[0.2] / top[0.0])
    low, high = np.sqrt(scipy.stats.chi2.ppf([RARE / 2, 1 - RARE / 2], len(own)) / len(own))
    assert 0.2 * low < own.std() < 0.2 * high
    assert abs(own.mean()) < 4.5 * 0.2 / np.sqrt(len(own))


def test_vehicles_stand_as_often_and_as_long_as_stated() -> None:
    """At each junction passed: how many stand there, and for how long, by a finer sampling than any stand."""
    every, roads = 0.2, grid_town()
    made = simulated(trips=250, sampling_s=every)
    network = drive_network(roads)
    told = traffic(network, roads, np.random.default_rng((SHORT["seed"], 0)))
    points = made.points.to_pandas()
    points["forward"] = points["heading"] == "forward"
    points["edge"] = edge_of(network, points)
    runs = (points["edge"].diff().ne(0) | points["trace_id"].ne(points["trace_id"].shift())).cumsum()
    passed = points.groupby(runs).agg(trace_id=("trace_id", "first"), edge=("edge", "first"))
    stands = (points["speed_kmh"] == 0) & (points["number"] > 0)  # a drive begins standing
    passed["stood_s"] = every * stands.groupby(runs).sum()
    passed = passed[passed["trace_id"] == passed["trace_id"].shift(-1)]  # it went on behind the junction
    for flags, share, (least, most) in (
        (told.has_signal, RED_SHARE, RED_SECONDS),
        (told.gives_way, YIELD_SHARE, YIELD_SECONDS),
    ):
        here = passed[flags[passed["edge"]]]
        stood = here["stood_s"][here["stood_s"] > 0]
        assert scipy.stats.binomtest(len(stood), len(here), share).pvalue > RARE
        spread = (most - least) / np.sqrt(12 * len(stood))
        assert abs(stood.mean() - (least + most) / 2) < 4.5 * spread + every
        assert least - every <= stood.min() < stood.max() <= most + every
    assert passed["stood_s"][~(told.has_signal | told.gives_way)[passed["edge"]]].max() == 0


def test_congestion_slows_by_the_local_hour_and_the_road() -> None:
    """Where a free drive reaches the speed of its road, the same drive in the hour's traffic reaches the slowed one."""
    network = drive_network(grid_town())
    told = traffic(network, grid_town(), np.random.default_rng((12, 0)))
    fastest = {}
    for share in (0.0, 1.0):
        points = simulated(seed=12, trips=400, driver_sigma=0.0, congestion=share).points.to_pandas()
        points["forward"] = points["heading"] == "forward"
        points["edge"] = edge_of(network, points)
        fastest[share] = points.groupby(["trace_id", "edge"])["speed_kmh"].max()
        begins = points.groupby("trace_id")["time"].first().dt.tz_convert("Europe/Helsinki")
    both = pd.DataFrame(fastest).dropna().reset_index()
    free = told.free_kmh[both["edge"]]
    is_reached = np.isclose(both[0.0], free, rtol=1e-5)
    hours = (begins - pd.Timestamp("2026-03-02", tz="Europe/Helsinki")).dt.total_seconds() / 3600
    late = both["trace_id"].map({trace: delay(hour) for trace, hour in hours.items()}).to_numpy()
    slowed = free * np.maximum(1 - late * told.crowding[both["edge"]], SLOWEST)
    assert is_reached.sum() > 300
    assert (slowed[is_reached] == SLOWEST * free[is_reached]).any()  # the avenue feels 1.3 of the hour's delay
    assert (late[is_reached] > 0.5).sum() > 20
    np.testing.assert_allclose(both[1.0][is_reached], slowed[is_reached], rtol=1e-4)


def edge_of(network: Network, points: pd.DataFrame) -> np.ndarray:
    """The edge that each point is on, by segment, heading and fraction."""
    rows = pd.Index(network.segment_id.to_pylist()).get_indexer(points["segment_id"])
    edges, found = network.edges, np.full(len(points), -1)
    for number in range(len(edges.segment)):
        low, high = sorted((edges.begin[number], edges.end[number]))
        is_on = (rows == edges.segment[number]) & (points["forward"] == edges.is_forward[number])
        found[is_on & points["fraction"].between(low, high)] = number
    return found
