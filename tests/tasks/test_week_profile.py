"""Weeks of many groups: against pandas, and the same whoever computes them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tasks.week_profile import WeekMeans, seen_bins, week_means

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Starts, bins, traces and speeds."""


def drawn(sizes: list[int], *, traces: int = 6, bins: int = 2016, seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    count = sum(sizes)
    speed = rng.normal(50, 12, count).astype(np.float32)
    columns = rng.integers(0, bins, count).astype(np.int16), rng.integers(0, traces, count).astype(np.int32), speed
    return np.concatenate([[0], np.cumsum(sizes)]), *columns


def weeks(columns: Columns, k: int) -> WeekMeans:
    starts, week_bin, trace, speed = columns
    return week_means(starts=starts, week_bin=week_bin, trace=trace, speed_kmh=speed, least_traces=k)


def test_each_bin_has_its_sum_and_count() -> None:
    starts, week_bin, _, speed = drawn([0, 1, 300, 0, 5000, 7], bins=40)
    made = seen_bins(starts=starts, week_bin=week_bin, speed_kmh=speed)
    groups = pd.Series(speed.astype(float)).groupby([np.repeat(np.arange(6), np.diff(starts)), week_bin])
    wanted = groups.agg(["sum", "size"])
    told = {
        (group, made.bins[at]): (made.sums[at], made.counts[at])
        for group, (start, end) in enumerate(pairwise(made.starts))
        for at in range(start, end)
    }
    assert len(made.bins) == len(told) == len(wanted)
    assert {key: count for key, (_, count) in told.items()} == wanted["size"].to_dict()
    assert {key: total for key, (total, _) in told.items()} == pytest.approx(wanted["sum"].to_dict())


@pytest.mark.parametrize("k", [1, 3])
def test_groups_do_not_know_of_each_other(k: int) -> None:
    """Each alone, on one thread, gives what it gives among many on three."""
    sizes = [*np.random.default_rng(1).integers(0, 60, 700), 3000]
    columns = drawn(sizes)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMP_NUM_THREADS", "3")
        every = weeks(columns, k)
    for group in (0, 1, 233, 234, 466, 467, 699, 700):
        own = slice(columns[0][group], columns[0][group + 1])
        alone = weeks((np.array([0, own.stop - own.start]), *(each[own] for each in columns[1:])), k)
        for name in WeekMeans._fields:
            assert np.array_equal(getattr(every, name)[group], getattr(alone, name)[0], equal_nan=True), (group, name)


def test_a_group_without_observations_has_no_speed() -> None:
    made = weeks(drawn([0, 2]), 1)
    assert np.isnan(made.kmh[0]).all()
    assert not np.isnan(made.kmh[1]).any()
    assert not made.counts[0].any()
    assert not made.minutes[0].any()


def test_traces_need_not_stand_together() -> None:
    starts, week_bin, trace, speed = drawn([500], traces=4, bins=50)
    mixed, sorted_ = weeks((starts, week_bin, trace, speed), 3), np.argsort(trace, kind="stable")
    together = weeks((starts, week_bin[sorted_], trace[sorted_], speed[sorted_]), 3)
    assert np.array_equal(mixed.minutes, together.minutes)
    assert len(np.unique(mixed.minutes)) > 3
    np.testing.assert_allclose(mixed.kmh, together.kmh, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "most"), [("week_bin", 2016, 2015), ("week_bin", -1, 2015), ("trace", -3, 2**31 - 1)]
)
def test_what_is_no_bin_or_trace_is_told(name: str, value: int, most: int) -> None:
    starts, week_bin, trace, speed = drawn([5])
    {"week_bin": week_bin, "trace": trace}[name][2] = value
    with pytest.raises(ValueError, match=f"{name} {value} of observation 2: expected 0 to {most}"):
        weeks((starts, week_bin, trace, speed), 1)
