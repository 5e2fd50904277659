import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tasks.simulate_departure import departure_h, utc_us
from tasks.simulate_traffic import demand

PLACES = {  # by the zone's own name, as pandas knows it
    "Europe/Helsinki": (24.94, 60.17),
    "America/New_York": (-83.0, 39.96),  # Columbus: its longitude alone would say six hours
    "Asia/Kolkata": (77.21, 28.61),
    "Europe/Andorra": (1.52, 42.51),
}


@pytest.mark.parametrize("zone", PLACES)
@pytest.mark.parametrize("days", [0, 6, 20, 40, 250])
def test_clocks_are_those_of_the_place(zone: str, days: int) -> None:
    expected = pd.Timestamp("2026-03-02 08:30:15").tz_localize(zone) + pd.DateOffset(days=days)
    assert utc_us(24 * days + 8.5 + 15 / 3600, *PLACES[zone]) == expected.value // 1000


def test_the_hour_that_is_skipped_stands_for_the_next() -> None:
    hours = 27 * 24 + 3.5  # Sunday, 2026-03-29 03:30, which no clock in Helsinki shows
    assert utc_us(hours, 24.94, 60.17) == pd.Timestamp("2026-03-29 04:30", tz="Europe/Helsinki").value // 1000


def test_hours_are_drawn_by_demand() -> None:
    rng = np.random.default_rng(4)
    hours = np.array([departure_h(7.0, rng) for _ in range(20_000)])
    found = np.bincount(hours.astype(int), minlength=168)
    assert scipy.stats.chisquare(found, 20_000 * demand()).pvalue > 1e-3
    within = hours % 1
    assert scipy.stats.kstest(within, "uniform").pvalue > 1e-3


def test_part_of_a_week_has_the_demand_of_its_hours() -> None:
    rng = np.random.default_rng(5)
    hours = np.array([departure_h(9.5, rng) for _ in range(20_000)])
    shares = np.concatenate([demand(), demand()[: int(2.5 * 24)]])
    found = np.bincount(hours.astype(int), minlength=228)
    assert scipy.stats.chisquare(found, 20_000 * shares / shares.sum()).pvalue > 1e-3
