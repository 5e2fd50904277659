import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from schemas.speed_profile import WEEK_BINS
from tasks.week_shape import Weeks, hourly, rush_kmh, week_runs, weeks
from tests.probed_streets import profile_row, profile_table


def week(kmh: float = 50.0, minutes: int = 60) -> Weeks:
    shape = (1, WEEK_BINS)
    return Weeks(np.full(shape, kmh), np.ones(shape, dtype=int), np.full(shape, minutes))


def at(day: int, hour: float) -> int:
    return day * 288 + round(hour * 12)


@given(
    nst.arrays(np.float64, (3, WEEK_BINS), elements=st.sampled_from([20.2, 20.4, 31.0, np.nan])),
    nst.arrays(np.int64, (3, WEEK_BINS), elements=st.sampled_from([0, 5, 60])),
    st.integers(0, 9),
)
def test_runs_spell_out_the_week_again(kmh: np.ndarray, minutes: np.ndarray, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 9, kmh.shape)
    for row, flat in enumerate(week_runs(Weeks(kmh, counts, minutes))):
        runs = np.array(flat).reshape(-1, 4)
        assert np.repeat(runs[:, 1], runs[:, 0]).tolist() == np.nan_to_num(np.round(kmh[row]), nan=-1).tolist()
        assert np.repeat(runs[:, 2], runs[:, 0]).tolist() == minutes[row].tolist()
        ends = np.cumsum(runs[:, 0])
        assert runs[:, 3].tolist() == [counts[row, a:b].sum() for a, b in zip([0, *ends[:-1]], ends, strict=True)]
        assert (np.diff(runs[:, 1:3], axis=0) != 0).any(axis=1).all()


def test_no_weeks() -> None:
    nothing = np.empty((0, WEEK_BINS))
    assert week_runs(Weeks(nothing, nothing.astype(int), nothing.astype(int))) == []


@pytest.mark.parametrize(
    ("day", "start", "end", "slow"),
    [
        (0, 7, 9, 46.0),  # one morning of five at 30 km/h
        (4, 16, 19, 46.0),
        (5, 7, 9, 50.0),
        (0, 9, 16, 50.0),
        (2, 19, 24, 50.0),
    ],
)
def test_rush_hour_is_on_weekdays(day: int, start: int, end: int, slow: float) -> None:
    one = week()
    one.kmh[0, at(day, start) : at(day, end)] = 30.0
    assert rush_kmh(one).tolist() == pytest.approx([slow])


def test_the_slower_rush_hour_counts() -> None:
    one = week()
    for day in range(5):
        one.kmh[0, at(day, 7) : at(day, 9)] = 40.0
        one.kmh[0, at(day, 16) : at(day, 19)] = 35.0
    assert rush_kmh(one).tolist() == [35.0]


def test_means_of_the_week_do_not_tell_of_rush_hour() -> None:
    assert np.isnan(rush_kmh(week(minutes=0))).all()
    one = week(minutes=0)
    one.minutes[0, at(1, 8)], one.kmh[0, at(1, 8)] = 5, 22.0
    assert rush_kmh(one).tolist() == [22.0]


def test_a_week_of_another_size_is_refused() -> None:
    table = profile_table([profile_row("a"), profile_row("b", week_count=[1] * 168)])
    with pytest.raises(ValueError, match=r"segment_id 'b': 168 values in 'week_count', not 2016"):
        weeks(table)


@given(
    nst.arrays(np.float64, (2, WEEK_BINS), elements=st.sampled_from([20.0, 31.0, 47.5, np.nan])),
    nst.arrays(np.int64, (2, WEEK_BINS), elements=st.sampled_from([0, 5, 15, 300, 3600])),
)
def test_hours_are_those_of_a_loop(kmh: np.ndarray, minutes: np.ndarray) -> None:
    made = hourly(Weeks(kmh, np.ones(kmh.shape, dtype=int), minutes))
    for row, hour in [(0, 0), (1, 80), (0, 167)]:
        own = slice(12 * hour, 12 * hour + 12)
        known = [each for each in kmh[row, own].tolist() if each == each]
        expected = sum(known) / len(known) if known else np.nan
        assert made.kmh[row, own] == pytest.approx([expected] * 12, nan_ok=True)
        widths = minutes[row, own].tolist()
        assert made.minutes[row, own].tolist() == [0 if 0 in widths else max(60, *widths)] * 12
