"""Limits as text: there and back, and the miles behind whole kilometres."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.limit_text import limit_kmh, limit_speed, limit_text

UNITS = st.sampled_from(["km/h", "mph"])


@given(st.integers(1, 350), UNITS)
def test_there_and_back(value: int, unit: str) -> None:
    speed = {"value": value, "unit": unit}
    text = limit_text(speed)
    assert text is not None
    assert limit_speed(text) == speed
    assert limit_kmh(text) == pytest.approx(value * (1.609344 if unit == "mph" else 1.0))


@given(st.integers(1, 70))
def test_a_sign_in_miles_that_was_turned_into_whole_kilometres_is_found_again(fives: int) -> None:
    """One international mile is 1.609344 km (agreement of 1959)."""
    kmh = round(5 * fives * 1.609344)
    assert limit_text({"value": kmh, "unit": "km/h"}, speed_unit="mph") == f"{5 * fives} mph"
    assert limit_text({"value": kmh, "unit": "km/h"}, speed_unit="km/h") == f"{kmh} km/h"


@pytest.mark.parametrize("kmh", [1, 2, 10, 20, 30, 50, 60, 70, 90, 100, 110, 120, 130])
def test_round_kilometres_that_are_no_sign_in_miles_stay(kmh: int) -> None:
    assert limit_text({"value": kmh, "unit": "km/h"}, speed_unit="mph") == f"{kmh} km/h"


def test_no_limit_is_known_and_not_a_gap() -> None:
    assert limit_text(None, "unlimited") == "none"
    assert limit_kmh("none") == math.inf
    assert limit_speed("none") is None
    assert [limit_text(None, reason) for reason in (None, "not_posted", "variable", "walking_pace")] == [None] * 4
