"""Whole simulations against the parameters that they state, within what chance allows (once in 10,000)."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tasks.measure import GEOD, distances
from tasks.simulate_drive import FASTER, SLOWER
from tasks.simulate_probes import Simulated, SimulationParams, simulate_probes
from tasks.simulate_traffic import demand
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
