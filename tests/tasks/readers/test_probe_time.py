"""Moments of text, numbers and timestamps, against Python's own datetime."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.readers.probe_format import ProbeFormat
from tasks.readers.probe_time import Moments, moments
from tasks.readers.reading import ReadError


def told(values: Any, **format: Any) -> Moments:
    column = values if isinstance(values, pa.Array) else pa.array(values)
    return moments(column, ProbeFormat(**format), lambda row: f"file@{row}")


def us(*moment: int) -> int:
    since = datetime(*moment, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)  # type: ignore[misc,arg-type]
    return since // timedelta(microseconds=1)


NOON = us(2024, 5, 6, 12, 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-06T12:00:00Z", NOON),
        ("2024-05-06 12:00:00+00:00", NOON),
        ("2024-05-06T15:00:00+0300", NOON),
        ("2024-05-06T15:00:00 +03", NOON),
        ("2024/05/06 12:00:00 UTC", NOON),
        ("20240506T120000Z", NOON),
        ("2024-05-06T12:00:00.25Z", NOON + 250_000),
        ("2024-05-06T12:00:00.1234567Z", NOON + 123_456),
        (" 2024-05-06T12:00:00z ", NOON),
        ("1714996800", NOON),
        ("1714996800.5", NOON + 500_000),
        ("1714996800000", NOON),
        ("1714996800000001", NOON + 1),
        ("1714996800000001999", NOON + 1),
        ("2024-13-06T12:00:00Z", None),
        ("yesterday", None),
        ("12", None),
        ("-1714996800", None),
    ],
)
def test_text(text: str, expected: int | None) -> None:
    """Beside a plain one, and alone: as Arrow reads it, and as Python does."""
    for values in ([text], ["2024-05-06T12:00:00Z", text], [text, "1714996800"]):
        made = told(values, time_zone="UTC")
        place = values.index(text)
        assert made.is_bad[place] == (expected is None)
        assert expected is None or made.us[place] == expected


@pytest.mark.parametrize("value", ["", None, "  "])
def test_nothing_is_missing_and_not_bad(value: str | None) -> None:
    made = told([value, "2024-05-06T12:00:00Z"])
    assert (made.is_missing[0], made.is_bad[0]) == (True, False)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@given(moment=st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 30)))
def test_units_of_numbers_are_told_apart(unit: str, moment: datetime) -> None:
    whole = us(*moment.timetuple()[:6])
    number = {"s": whole // 10**6, "ms": whole // 1000, "us": whole, "ns": whole * 1000}[unit]
    assert told([number]).us.tolist() == [whole]
    assert told([str(number)]).us.tolist() == [whole]
    assert told([float(number)]).us[0] == pytest.approx(whole, abs=1)


def test_a_stated_unit_goes_before_the_magnitude() -> None:
    assert told([1_714_996_800], epoch="ms").us.tolist() == [1_714_996_800_000]
    assert told([0], epoch="s").is_bad.tolist() == [False]


@pytest.mark.parametrize("epoch", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", [int, float, str])
def test_a_number_that_no_moment_can_hold_is_bad(kind: type, epoch: str) -> None:
    """And does not come round to one that it can."""
    numbers = [(2**64 + 1_714_996_800_000_000) // 10**6, 10**18, 2**63 - 1]
    made = told([kind(number) for number in numbers], epoch=epoch)
    us = {"s": 10**6, "ms": 1000, "us": 1, "ns": 0}[epoch]
    assert made.is_bad.tolist() == [number * us >= 9e18 for number in numbers]


@given(
    st.datetimes(datetime(1990, 1, 2), datetime(2037, 12, 30)),
    st.sampled_from(["Europe/Helsinki", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_times_of_a_zone(moment: datetime, zone: str) -> None:
    """As zoneinfo; an hour that occurs twice or never is bad."""
    early, late = (moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    expected = (early - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for values in (pa.array([moment]), pa.array([moment.isoformat()])):
        made = told(values, time_zone=zone)
        assert made.is_bad.tolist() == [early != late]
        assert early != late or made.us.tolist() == [expected]


@pytest.mark.parametrize(
    ("text", "is_bad"),
    [
        ("2024-03-31T03:30:00", True),
        ("2024-03-31T02:59:59", False),
        ("2024-10-27T03:30:00", True),
        ("2024-10-27T04:00:00", False),
    ],
)
def test_hours_that_are_left_out_or_told_twice_in_helsinki(text: str, is_bad: bool) -> None:
    assert told([text], time_zone="Europe/Helsinki").is_bad.tolist() == [is_bad]


@given(st.datetimes(datetime(1990, 1, 2), datetime(2099, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_offsets(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert told([zoned.isoformat()]).us.tolist() == [expected]
    assert told(pa.array([zoned], pa.timestamp("us", tz=f"{'+' if minutes >= 0 else '-'}00:00"))).us[0] == expected


@pytest.mark.parametrize(
    "values", [["2024-05-06T12:00:00Z", "2024-05-06T12:00:00"], pa.array([None, datetime(2024, 5, 6)])]
)
def test_a_time_without_an_offset_needs_a_zone(values: Any) -> None:
    with pytest.raises(ReadError, match=r"file@1: time '2024-05-06 \d\d:00:00' has no offset, .* --time-zone"):
        told(values)


def test_an_unknown_zone_is_told() -> None:
    with pytest.raises(ReadError, match="time zone 'Europe/Nowhere'"):
        told(["2024-05-06T12:00:00"], time_zone="Europe/Nowhere")


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("06.05.2024 12:00:00", "%d.%m.%Y %H:%M:%S"),
        ("06.05.2024 12:00:00.000", "%d.%m.%Y %H:%M:%S.%f"),
        ("06.05.2024 14:00:00 +0200", "%d.%m.%Y %H:%M:%S %z"),
    ],
)
def test_a_format_of_its_own(text: str, format: str) -> None:
    made = told([text, "2024", None], time_format=format, time_zone="UTC")
    assert made.us.tolist() == [NOON, 0, 0]
    assert made.is_bad.tolist() == [False, True, False]
    assert made.is_missing.tolist() == [False, False, True]
