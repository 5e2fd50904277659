"""Local time: published changes of clocks, against datetime moment by moment."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.local_time import time_zones, week_bins

# Moment in UTC, zone, weekday and time that clocks there showed: as their governments published the changes.
CLOCKS = [
    ("2026-03-29T00:59:59", "Europe/Berlin", 6, "01:59"),  # Directive 2000/84/EC: last Sunday of March, 1:00 UTC
    ("2026-03-29T01:00:00", "Europe/Berlin", 6, "03:00"),
    ("2026-10-25T00:59:00", "Europe/Berlin", 6, "02:59"),  # the hour from 2 to 3 comes twice
    ("2026-10-25T01:00:00", "Europe/Berlin", 6, "02:00"),
    ("2026-03-08T06:59:00", "America/New_York", 6, "01:59"),  # Energy Policy Act of 2005: second Sunday of March, 2:00
    ("2026-03-08T07:00:00", "America/New_York", 6, "03:00"),
    ("2026-07-01T12:00:00", "America/Phoenix", 2, "05:00"),  # Arizona keeps standard time
    (
        "2026-04-04T15:59:00",
        "Australia/Sydney",
        6,
        "02:59",
    ),  # southern autumn: first Sunday of April, 3:00 back to 2:00
    ("2026-04-04T16:00:00", "Australia/Sydney", 6, "02:00"),
    ("2026-10-03T16:00:00", "Australia/Sydney", 6, "03:00"),
    ("2026-04-04T14:59:00", "Australia/Lord_Howe", 6, "01:59"),  # by half an hour: 11:00 ahead, then 10:30
    ("2026-04-04T15:00:00", "Australia/Lord_Howe", 6, "01:30"),
    ("2026-10-03T15:29:00", "Australia/Lord_Howe", 6, "01:59"),  # within an hour of UTC
    ("2026-10-03T15:30:00", "Australia/Lord_Howe", 6, "02:30"),
    ("2026-01-04T18:30:00", "Asia/Kolkata", 0, "00:00"),  # 5:30 ahead: Sunday in Greenwich is Monday there
    ("2026-01-04T18:15:00", "Asia/Kathmandu", 0, "00:00"),  # 5:45
    ("2026-01-05T00:00:00", "Pacific/Kiritimati", 0, "14:00"),
    ("2026-01-05T09:59:00", "Pacific/Honolulu", 6, "23:59"),
    ("1969-12-29T00:00:00", "UTC", 0, "00:00"),
]


def moments(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


@pytest.mark.parametrize(("moment", "zone", "weekday", "clock"), CLOCKS)
def test_clocks_show_what_was_published(moment: str, zone: str, weekday: int, clock: str) -> None:
    hour, minute = map(int, clock.split(":"))
    made = week_bins(moments(moment), [zone], np.array([0]))
    assert made.tolist() == [weekday * 288 + (hour * 60 + minute) // 5]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted({clock[1] for clock in CLOCKS})),
            st.integers(63_072_000, 2_100_000_000),  # 1972 to 2036
        ),
        max_size=20,
    )
)
def test_many_moments_are_as_each_alone(drawn: list[tuple[str, int]]) -> None:
    zones = sorted({zone for zone, _ in drawn})
    seconds = np.array([second for _, second in drawn], dtype=np.int64)
    made = week_bins(seconds.astype("datetime64[s]"), zones, np.array([zones.index(zone) for zone, _ in drawn], int))
    for (zone, second), found in zip(drawn, made.tolist(), strict=True):
        local = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
        assert found == local.weekday() * 288 + local.hour * 12 + local.minute // 5


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ((24.94, 60.17), "Europe/Helsinki"),
        ((-74.0, 40.7), "America/New_York"),
        ((159.08, -31.55), "Australia/Lord_Howe"),
        ((1.52, 42.51), "Europe/Andorra"),
        ((9.52, 47.14), "Europe/Vaduz"),
        ((-30.0, 30.0), "Etc/GMT+2"),  # at sea
    ],
)
def test_places_have_their_zone(place: tuple[float, float], zone: str) -> None:
    assert time_zones(*(np.array([each]) for each in place)) == [zone]


@pytest.mark.parametrize("place", [(181.0, 0.0), (0.0, -91.0), (float("nan"), 0.0)])
def test_what_is_no_place_is_told(place: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"place 0 is .*expected ±180° and ±90°"):
        time_zones(*(np.array([each]) for each in place))
