"""Cleaning of traces, against plain Python that looks at one point after another, and by cases with a known answer."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.clean_trace import REASONS, Cleaned, CleanParams, clean_traces

NOTHING = CleanParams(stop_s=1e9, park_s=1e9, min_points=1)
"""Cleans without looking for stops."""


def clean(
    time: list[float],
    east: list[float],
    north: list[float] | None = None,
    *,
    speed: list[float] | None = None,
    **told: Any,
) -> Cleaned:
    """Clean one trace, in seconds and metres from 25° E on the equator."""
    lon = 25 + np.array(east) / 111_195
    lat = np.array(north if north is not None else np.zeros(len(east))) / 111_195
    known = np.array(speed, dtype=float) if speed is not None else np.full(len(east), np.nan)
    us = np.rint(np.array(time) * 1e6).astype(np.int64)
    starts = np.array([0, len(east)])
    return clean_traces(starts=starts, time=us, lon=lon, lat=lat, speed=known, params=CleanParams(**told))


def reasons(cleaned: Cleaned) -> list[str | None]:
    return [REASONS[code - 1].value if code else None for code in cleaned.code]


def driven(count: int, step: float = 15.0) -> list[float]:
    return [step * i for i in range(count)]


def test_a_sound_trace_stays_as_it_is() -> None:
    cleaned = clean(list(range(50)), driven(50))
    assert cleaned.kept.tolist() == list(range(50))
    assert set(cleaned.trip.tolist()) == {0}


def test_points_out_of_order_are_put_in_order_and_kept() -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(60)
    cleaned = clean(order.tolist(), [15.0 * i for i in order])
    assert order[cleaned.kept].tolist() == list(range(60))
    assert set(reasons(cleaned)) == {None}


def test_of_points_of_one_time_the_first_stays() -> None:
    assert reasons(clean([0, 1, 1, 2, 2, 2], [0, 15, 16, 30, 30, 31])) == [
        None,
        None,
        "duplicate",
        None,
        *["duplicate"] * 2,
    ]


@pytest.mark.parametrize("far", [200.0, 5_000.0, 5_000_000.0])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_outliers_go_and_those_around_them_stay(far: float, count: int) -> None:
    """Several that lie together go as well: the trace comes back to where it was."""
    east = driven(30)
    for i in range(10, 10 + count):
        east[i] += far * (1 if count < 4 else 2)
    cleaned = clean(list(range(30)), east, min_points=1)
    assert [i for i, each in enumerate(reasons(cleaned)) if each == "jump"] == list(range(10, 10 + count))
    assert len(set(cleaned.trip.tolist())) == 1


def test_outliers_at_the_ends_and_one_after_another_in_different_places() -> None:
    east = driven(30)
    east[0] += 900
    east[12], east[13], east[14] = 5000.0, -5000.0, 9000.0
    east[29] += 900
    cleaned = clean(list(range(30)), east)
    assert [i for i, each in enumerate(reasons(cleaned)) if each] == [0, 12, 13, 14, 29]


def test_a_displacement_that_lasts_cuts_the_trace_and_drops_nothing() -> None:
    cleaned = clean(list(range(40)), [15.0 * i + (3000 if i >= 20 else 0) for i in range(40)])
    assert set(reasons(cleaned)) == {None}
    assert np.flatnonzero(np.diff(cleaned.trip)).tolist() == [19]


def test_of_two_vehicles_under_one_id_the_one_with_more_points_stays() -> None:
    time, east = list(range(60)), [15.0 * i + (20_000 if i % 3 == 0 else 0) for i in range(60)]
    cleaned = clean(time, east)
    assert [i for i, each in enumerate(reasons(cleaned)) if each == "jump"] == list(range(0, 60, 3))


@pytest.mark.parametrize(("gap", "trips"), [(299.0, 1), (301.0, 2)])
def test_gaps_in_time(gap: float, trips: int) -> None:
    cleaned = clean([0, 1, 2, 2 + gap, 3 + gap], [0, 15, 30, 45, 60])
    assert len(set(cleaned.trip.tolist())) == trips
    assert len(cleaned.kept) == 5


def test_gaps_in_space() -> None:
    cleaned = clean([0, 10, 200, 210], [0, 100, 5200, 5300])
    assert cleaned.trip.tolist() == [0, 0, 1, 1]


def test_a_trace_over_180_degrees_is_cut() -> None:
    lon = np.array([179.9995, 179.9999, -179.9998, -179.9994])
    time = np.arange(4) * 2_000_000
    cleaned = clean_traces(
        starts=np.array([0, 4]), time=time, lon=lon, lat=np.zeros(4), speed=np.full(4, np.nan), params=CleanParams()
    )
    assert cleaned.trip.tolist() == [0, 0, 1, 1]


def test_lonely_points_go() -> None:
    assert reasons(clean([0], [0])) == ["lonely"]
    assert reasons(clean([0, 1000, 1001, 5000], [0, 0, 15, 15])) == ["lonely", None, None, "lonely"]


@pytest.mark.parametrize(("first", "last"), [(20, 30), (5, 30)])
def test_a_clock_that_jumps_back_loses_what_it_tells_again(first: int, last: int) -> None:
    """40 points, then the clock goes back to `first` for `last` more: no more than told these times before."""
    time = [*range(40), *range(first, first + last)]
    cleaned = clean(time, driven(len(time)))
    dropped = [i for i, each in enumerate(reasons(cleaned)) if each == "clock_step"]
    assert dropped == [i for i in range(40, len(time)) if time[i] <= 39]
    assert all(b > a for a, b in pairwise(np.array(time)[cleaned.kept]))
    assert "jump" not in reasons(cleaned)


def test_a_clock_that_is_put_right_loses_what_it_told_before() -> None:
    """Three points with a clock ten minutes ahead, then a drive with the right one through that time."""
    time = [600, 601, 602, *range(900)]
    cleaned = clean(time, driven(len(time)))
    assert [i for i, each in enumerate(reasons(cleaned)) if each] == [0, 1, 2]
    assert reasons(cleaned)[0] == "clock_step"


def test_a_late_point_is_no_clock_step() -> None:
    time = [0, 1, 2, 4, 5, 3, 6, 7]
    assert set(reasons(clean(time, [15.0 * t for t in time]))) == {None}


def test_a_stop_keeps_its_first_and_last_point() -> None:
    rng = np.random.default_rng(1)
    east = [*driven(20), *(300 + rng.uniform(-4, 4, 60)), *(300 + np.array(driven(20)))]
    cleaned = clean(list(range(100)), east)
    stopped = [i for i, each in enumerate(reasons(cleaned)) if each == "stop"]
    assert stopped == list(range(stopped[0], stopped[-1] + 1))
    assert stopped[0] in (21, 22)
    assert stopped[-1] in (78, 79)
    assert set(reasons(cleaned)) == {None, "stop"}


@pytest.mark.parametrize(
    ("step", "count", "speed"),
    [(1.5, 60, None), (2.0, 60, None), (0.1, 9, None), (0.1, 60, [20.0] * 60)],
    ids=["5 km/h", "7 km/h", "under 10 s", "a device that says it moves"],
)
def test_slow_traffic_is_no_stop(step: float, count: int, speed: list[float] | None) -> None:
    assert set(reasons(clean(list(range(count)), driven(count, step), speed=speed))) == {None}


def test_points_a_minute_apart_are_thinned_only_where_the_vehicle_stands() -> None:
    cleaned = clean([0, 60, 120, 180, 240], [0, 800, 803, 799, 1600])
    assert reasons(cleaned) == [None, None, "stop", None, None]


@pytest.mark.parametrize("reach", [0.0, 200.0])
def test_ends_of_trips(reach: float) -> None:
    """Points until the first that lies farther than that from the end, though the trip comes by again."""
    east = [*driven(40), *driven(40)[::-1][1:]]
    cleaned = clean(list(range(len(east))), east, trip_end_m=reach)
    ends = np.flatnonzero(cleaned.is_trip_end).tolist()
    assert ends == ([*range(14), *range(len(east) - 14, len(east))] if reach else [])
    loop = [*driven(40), *driven(40)[::-1], *driven(60)]
    cleaned = clean(list(range(len(loop))), loop, trip_end_m=reach)
    assert not cleaned.is_trip_end[14:100].any()


def test_where_a_vehicle_parks_is_an_end_though_the_trace_goes_on() -> None:
    time = [*range(60), *range(500, 560)]
    east = [*driven(60), *(885 + np.array(driven(60)))]
    for parked in (290, 301):
        cleaned = clean(
            [t if t < 100 else t - 500 + 59 + parked for t in time], east, gap_s=1000, park_m=50, trip_end_m=200
        )
        assert cleaned.is_trip_end[46:74].all() == (parked > 300)
        assert not cleaned.is_trip_end[20:40].any()


def naive_metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    north = math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    east = math.sin(math.radians(b[0] - a[0]) / 2) ** 2
    half = north + math.cos(math.radians(a[1])) * math.cos(math.radians(b[1])) * east
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


def naive_trips(points: list[tuple[int, float, float]], params: CleanParams) -> list[int]:
    """Number of the chain of each point (µs, degrees), -1 for those that go; points ascend in time."""
    chains: list[list[int]] = []
    recent: list[int] = []
    for i, (time, *place) in enumerate(points):
        for number in recent[:8]:
            last = points[chains[number][-1]]
            far = naive_metres((last[1], last[2]), (place[0], place[1]))
            passed = (time - last[0]) / 1e6
            possible = far <= params.gap_m and far <= params.max_kmh / 3.6 * passed + params.slack_m
            if passed <= params.gap_s and possible:
                chains[number].append(i)
                break
        else:
            number = len(chains)
            chains.append([i])
        recent = [number, *(each for each in recent if each != number)]
    stack: list[int] = []
    for number, chain in enumerate(chains):
        while stack and chains[stack[-1]][-1] > chain[0] and len(chain) > len(chains[stack[-1]]):
            stack.pop()
        if not stack or chains[stack[-1]][-1] < chain[0]:
            stack.append(number)
    made = [-1] * len(points)
    for number in stack:
        for i in chains[number]:
            made[i] = number
    return made


MOVES = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from([0, 3, 40, 70, 200, 900, 5100, -30, -800])), max_size=60
)


@given(MOVES)
def test_jumps_and_gaps_as_plain_python_finds_them(moves: list[tuple[int, int]]) -> None:
    time = np.cumsum([each for each, _ in moves]).astype(np.int64) * 1_000_000
    lon = np.cumsum([far for _, far in moves]) / 111_195
    lat = np.full(len(moves), 0.0)
    cleaned = clean_traces(
        starts=np.array([0, len(moves)]), time=time, lon=lon, lat=lat, speed=np.full(len(moves), np.nan), params=NOTHING
    )
    expected = naive_trips(list(zip(time.tolist(), lon.tolist(), lat.tolist(), strict=True)), NOTHING)
    made = [-1] * len(moves)
    for place, trip in zip(cleaned.kept.tolist(), cleaned.trip.tolist(), strict=True):
        made[place] = trip
    assert made == expected


TRACES = st.lists(st.lists(st.tuples(st.integers(0, 2000), st.integers(-3000, 3000)), max_size=25), max_size=5)


@given(TRACES)
def test_traces_do_not_see_each_other(traces: list[list[tuple[int, int]]]) -> None:
    """Many at once give what each gives alone; every point is kept or has a reason; kept times ascend in a trace."""
    flat = [point for trace in traces for point in trace]
    starts = np.concatenate([[0], np.cumsum([len(trace) for trace in traces])]).astype(np.int64)
    time = np.array([t for t, _ in flat], dtype=np.int64) * 1_000_000
    lon = np.array([x for _, x in flat], dtype=float) / 111_195
    zero, none = np.zeros(len(flat)), np.full(len(flat), np.nan)
    together = clean_traces(starts=starts, time=time, lon=lon, lat=zero, speed=none, params=CleanParams())
    assert sorted(together.kept.tolist()) == np.flatnonzero(together.code == 0).tolist()
    assert np.all(np.diff(together.trip) >= 0)
    for i in range(len(traces)):
        part = slice(starts[i], starts[i + 1])
        n = int(starts[i + 1] - starts[i])
        alone = clean_traces(
            starts=np.array([0, n]),
            time=time[part],
            lon=lon[part],
            lat=zero[part],
            speed=none[part],
            params=CleanParams(),
        )
        here = (together.kept >= starts[i]) & (together.kept < starts[i + 1])
        assert together.code[part].tolist() == alone.code.tolist()
        assert (together.kept[here] - starts[i]).tolist() == alone.kept.tolist()
        assert together.is_trip_end[here].tolist() == alone.is_trip_end.tolist()
        assert np.all(np.diff(time[together.kept[here]]) > 0)


@pytest.mark.parametrize(("name", "value"), [("gap_s", -1.0), ("max_kmh", float("nan")), ("min_points", 0)])
def test_parameters_that_mean_nothing(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*, expected"):
        CleanParams(**{name: value})  # type: ignore[arg-type]
