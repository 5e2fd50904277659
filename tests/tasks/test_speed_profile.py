"""Speed profiles: against pandas, group by group and bin by bin."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.grouped import Grouped
from tasks.grouped_words import GroupedWords
from tasks.speed_profile import SpeedProfiles, SpeedProfiling, free_tiers, speed_profile

SEGMENTS = 4


def profiled(seen: pd.DataFrame, params: SpeedProfiling, segments: int = SEGMENTS) -> SpeedProfiles:
    """Profiles of observations, one row each: segment, heading, trace, bin, kind, speed."""
    rows = seen.sort_values("segment", kind="stable")
    starts = np.searchsorted(rows["segment"], np.arange(segments + 1))
    words = {name: GroupedWords.of(rows[name].to_list(), starts) for name in ("heading", "trace_id", "kind")}
    bins, speeds = (Grouped(rows[name].to_numpy(kind), starts) for name, kind in (("week_bin", "i2"), ("speed", "f4")))
    return speed_profile(**words, week_bin=bins, speed_kmh=speeds, params=params)


def drawn(count: int, seed: int, *, traces: int = 8, bins: int = 2016) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "segment": rng.integers(0, SEGMENTS, count),
            "heading": rng.choice(["forward", "backward"], count).astype(object),
            "trace_id": rng.choice([f"t{i}" for i in range(traces)], count).astype(object),
            "week_bin": rng.choice(rng.integers(0, 2016, bins), count).astype(np.int16),
            "kind": rng.choice(["route", "device"], count).astype(object),
            "speed": rng.normal(50, 12, count).astype(np.float32).astype(float),
        }
    )


def pooled(week_bin: int) -> list[tuple[int, Any]]:
    """Cells that a bin speaks through, fine to coarse: minutes pooled, and what tells the cell from others."""
    day, minute = divmod(week_bin * 5, 1440)
    hour, is_weekend = minute // 60, day >= 5
    part = "night" if hour < 7 or hour >= 19 else "day"
    if part == "day" and not is_weekend:
        part = "morning" if hour < 9 else "midday" if hour < 16 else "evening"
    hours = {"night": 12, "day": 12, "morning": 2, "midday": 7, "evening": 3}[part]
    days = 2 if is_weekend else 5
    return [
        (5, week_bin),
        (15, week_bin // 3),
        (60, week_bin // 12),
        (60 * days, (is_weekend, hour)),
        (60 * days * hours, (is_weekend, part)),
        (0, None),
    ]


CELLS = [pooled(each) for each in range(2016)]
KEYS = np.array([pd.factorize(np.array([str(cell[level]) for cell in CELLS]))[0] for level in range(6)])
MINUTES = np.array([[cell[level][0] for cell in CELLS] for level in range(6)])


def wanted_week(own: pd.DataFrame, k: int) -> np.ndarray:
    """Mean, count and minutes of each bin, as one reads the definition."""
    told = np.zeros((2016, 3))
    for level in range(6)[::-1]:
        cells = cells_of(own, level)
        keys = KEYS[level]
        says = np.isin(keys, cells.index[(cells["traces"] >= k) | (level == 5)])
        found = cells.loc[keys[says]]
        told[says, 0], told[says, 1], told[says, 2] = found["mean"], found["count"] * (level == 0), MINUTES[level][says]
    return told


def cells_of(own: pd.DataFrame, level: int) -> pd.DataFrame:
    """Mean, traces and count of each cell of a level, found one by one."""
    groups = own.groupby(KEYS[level][own["week_bin"]])
    return groups.agg(mean=("speed", "mean"), traces=("trace_id", "nunique"), count=("speed", "size"))


def tier(week_bin: int) -> int:
    minutes = dict(enumerate(pooled(week_bin)))[4][0]
    return {3600: 0, 2100: 1, 600: 2, 900: 2}.get(minutes, 0 if pooled(week_bin)[4][1][1] == "night" else 1)


TIERS = np.array([tier(each) for each in range(2016)])


def wanted_free(own: pd.DataFrame, params: SpeedProfiling) -> tuple[float, float]:
    tiers, least = TIERS[own["week_bin"]], (max(params.free_traces, params.least_traces), params.least_traces, 0)
    reach = next(each for each in range(3) if own[tiers <= each]["trace_id"].nunique() >= least[each])
    free = own[tiers <= reach]["speed"]
    speed = free.quantile(0.75 if reach == 2 else 0.5)
    return speed, 1.4826022 * (free - speed).abs().median() * len(free) / (len(free) - 0.8)


def check(seen: pd.DataFrame, params: SpeedProfiling) -> int:
    """Compare each profile with the definition; return how many there are."""
    made = profiled(seen, params)
    row = 0
    for segment in range(SEGMENTS):
        for heading in ("forward", "backward"):
            own = seen[(seen["segment"] == segment) & (seen["heading"] == heading)]
            kinds = [own[own["kind"] == kind] for kind in ("route", "device")]
            counting = [each for each in kinds if each["trace_id"].nunique() >= params.least_traces and len(each)]
            if not counting:
                continue
            best = counting[0]
            assert (made.row[row], made.heading[row]) == (segment, heading)
            assert (made.traces[row], made.observations[row]) == (best["trace_id"].nunique(), len(best))
            shares = [best["speed"].quantile(share) for share in (0.15, 0.5, 0.85)]
            assert [made.p15_kmh[row], made.p50_kmh[row], made.p85_kmh[row]] == pytest.approx(shares)
            free = wanted_free(best, params)
            assert (made.free_flow_kmh[row], made.spread_kmh[row]) == pytest.approx(free)
            means, counts, minutes = wanted_week(best, params.least_traces).T
            np.testing.assert_allclose(made.week_kmh[row], means, rtol=1e-6)
            assert made.week_count[row].tolist() == counts.tolist()
            assert made.week_minutes[row].tolist() == minutes.tolist()
            row += 1
    assert row == len(made.row)
    return row


@settings(max_examples=15, deadline=None)  # compiles; the oracle takes its time
@given(st.integers(0, 400), st.integers(0, 99), st.integers(1, 12), st.sampled_from([3, 40, 2016]), st.integers(1, 6))
def test_profiles_are_as_pandas_finds_them(count: int, seed: int, traces: int, bins: int, k: int) -> None:
    check(drawn(count, seed, traces=traces, bins=bins), SpeedProfiling(k, 5))


def test_many_observations_of_many_traces() -> None:
    assert check(drawn(4000, 1, traces=300, bins=60), SpeedProfiling()) == 2 * SEGMENTS


def one_segment(**columns: Any) -> pd.DataFrame:
    count = len(columns["speed"])
    plain = {"segment": [0] * count, "heading": ["forward"] * count, "kind": ["route"] * count}
    plain |= {"trace_id": [f"t{i}" for i in range(count)], "week_bin": [0] * count}
    return pd.DataFrame(plain | columns)


@pytest.mark.parametrize(("traces", "rows"), [(["a"] * 50, 0), (list("abcd") * 10, 0), (list("abcde"), 1)])
def test_fewer_traces_than_k_are_not_published(traces: list[str], rows: int) -> None:
    made = profiled(one_segment(speed=[50.0] * len(traces), trace_id=traces), SpeedProfiling())
    assert len(made.row) == rows


@pytest.mark.parametrize("k", [2, 5])
def test_every_mean_rests_on_k_traces(k: int) -> None:
    """Whatever a bin says can be had from at least k traces: no bin shows the speed of one that came alone."""
    seen = one_segment(speed=[50.0] * (k - 1) + [99.0], week_bin=[5] * (k - 1) + [1400])
    made = profiled(seen, SpeedProfiling(least_traces=k))
    np.testing.assert_allclose(made.week_kmh[0], (50.0 * (k - 1) + 99.0) / k, rtol=1e-6)
    assert not made.week_count.any()


def crowded(seed: int) -> pd.DataFrame:
    """Few traces, most of them with many observations of few bins, one that is everywhere, some that came once."""
    rng = np.random.default_rng(seed)
    seen = drawn(3000, seed, traces=7, bins=40)
    seen.loc[rng.random(len(seen)) < 0.3, "trace_id"] = "everywhere"
    lonely = rng.choice(len(seen), 30, replace=False)
    seen.loc[lonely, "trace_id"] = [f"once {each}" for each in lonely]
    return seen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [2, 5, 8])
def test_whatever_is_published_is_recounted_to_k_traces(seed: int, k: int) -> None:
    seen = crowded(seed)
    made = profiled(seen, SpeedProfiling(k, free_traces=1))
    assert len(made.row)
    for row, (segment, heading) in enumerate(zip(made.row, made.heading, strict=True)):
        every = seen[(seen["segment"] == segment) & (seen["heading"] == heading)]
        kinds = [every[every["kind"] == kind] for kind in ("route", "device")]
        own = next(each for each in kinds if each["trace_id"].nunique() >= k)
        assert made.traces[row] == own["trace_id"].nunique() >= k
        assert made.observations[row] == len(own)
        free = [part for each in (0, 1) if (part := own[TIERS[own["week_bin"]] <= each])["trace_id"].nunique() >= k]
        speeds = [*(part["speed"].median() for part in free), own["speed"].quantile(0.75)]
        assert any(made.free_flow_kmh[row] == pytest.approx(each) for each in speeds)
        for level, keys in enumerate(KEYS):
            cells = cells_of(own, level)
            told = np.flatnonzero(made.week_minutes[row] == MINUTES[level])
            found = cells.loc[keys[told]]
            assert (found["traces"] >= k).all()
            np.testing.assert_allclose(made.week_kmh[row, told], found["mean"], rtol=1e-6)
            assert np.array_equal(made.week_count[row, told], found["count"] * (level == 0))


def test_free_flow_never_rests_on_fewer_traces_than_k() -> None:
    """Two by night and two at noon are too few, alone and together, whatever number is enough by night."""
    speed, week_bin = [90.0] * 2 + [60.0] * 2 + [30.0] * 6, [2 * 12] * 2 + [12 * 12] * 2 + [8 * 12] * 6
    made = profiled(one_segment(speed=speed, week_bin=week_bin), SpeedProfiling(least_traces=5, free_traces=1))
    assert made.free_flow_kmh.tolist() == [np.percentile(speed, 75)]


def test_routes_and_devices_are_never_mixed() -> None:
    speeds, kinds = [40.0] * 4 + [60.0] * 6, ["route"] * 4 + ["device"] * 6
    seen = one_segment(speed=speeds, kind=kinds)
    assert profiled(seen, SpeedProfiling(4)).free_flow_kmh.tolist() == [40.0]
    assert profiled(seen, SpeedProfiling(5)).free_flow_kmh.tolist() == [60.0]


def test_night_tells_free_flow_where_enough_drive_then() -> None:
    night, noon, rush = [2 * 12] * 10, [12 * 12] * 20, [8 * 12] * 70
    seen = one_segment(speed=[60.0] * 10 + [50.0] * 20 + [20.0] * 70, week_bin=night + noon + rush)
    for free_traces, least_traces, speed in ((10, 5, 60.0), (11, 5, 50.0), (31, 30, 50.0), (31, 31, 50.0)):
        made = profiled(seen, SpeedProfiling(least_traces, free_traces))
        assert made.free_flow_kmh.tolist() == [speed]


def test_a_few_that_stopped_do_not_move_free_flow() -> None:
    rng = np.random.default_rng(3)
    free = rng.normal(50, 5, 4000)
    free[::4] = rng.uniform(3, 20, 1000)  # a quarter waited at a red light
    made = profiled(one_segment(speed=free, week_bin=rng.integers(0, 84, 4000)), SpeedProfiling())
    assert made.free_flow_kmh[0] == pytest.approx(50, abs=3)
    assert made.p15_kmh[0] < 20


def test_the_spread_is_a_standard_deviation_in_few_as_in_many() -> None:
    """Of normal numbers the mean estimate is their deviation within a tenth, from 5 on."""
    rng = np.random.default_rng(4)
    for count in (5, 10, 20, 100):
        segments = 400
        seen = one_segment(speed=rng.normal(80, 9, count * segments), segment=np.repeat(np.arange(segments), count))
        made = profiled(seen, SpeedProfiling(), segments)
        assert made.spread_kmh.mean() == pytest.approx(9, rel=0.1), count


def test_tiers_of_the_week() -> None:
    tiers = free_tiers().reshape(7, 288)
    assert tiers[0, [0, 83, 84, 107, 108, 191, 192, 227, 228]].tolist() == [0, 0, 2, 2, 1, 1, 2, 2, 0]
    assert tiers[5, [0, 83, 84, 107, 192, 227, 228]].tolist() == [0, 0, 1, 1, 1, 1, 0]
    assert (tiers[:5] == tiers[0]).all()
    assert (tiers[5:] == tiers[5]).all()
