import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import Heading
from tasks.evaluation.truth import number_of, stated_number, step_of, stretches
from tasks.speed_rule import longest_limit

KMH_50, MPH_30 = {"value": 50, "unit": "km/h"}, {"value": 30, "unit": "mph"}


@pytest.mark.parametrize(
    ("forward", "backward", "reason", "kmh"),
    [
        (30.0, 50.0, None, 50.0),
        (None, 50.0, None, 50.0),
        (50.0, None, "unlimited", 50.0),
        (None, None, "unlimited", math.inf),
        (None, None, "walking_pace", math.nan),
        (None, None, "variable", math.nan),
        (None, None, None, math.nan),
    ],
)
def test_a_limit_as_one_number(forward: float | None, backward: float | None, reason: str | None, kmh: float) -> None:
    assert number_of(forward=forward, backward=backward, reason=reason) == pytest.approx(kmh, nan_ok=True)


def test_miles_and_kilometres_are_compared_in_kilometres() -> None:
    assert stated_number(forward=KMH_50, backward=MPH_30, reason=None) == 50.0
    assert stated_number(forward=None, backward=MPH_30, reason=None) == pytest.approx(48.28, abs=0.01)


@pytest.mark.parametrize(
    ("forward", "unit", "step"),
    [(MPH_30, None, 8.04672), (KMH_50, "mph", 10.0), (None, "mph", 8.04672), (None, "km/h", 10.0), (None, None, 10.0)],
)
def test_steps(forward: dict[str, Any] | None, unit: str | None, step: float) -> None:
    assert step_of(forward=forward, backward=None, unit=unit) == pytest.approx(step)


def rule(value: int, between: list[float] | None = None, **when: Any) -> dict[str, Any]:
    return {"max_speed": {"value": value, "unit": "km/h"}, "between": between, "when": when or None}


# Overture Maps schema, segment speed_limits: rules apply in order, the last that matches wins
@pytest.mark.parametrize(
    ("rules", "parts"),
    [
        ([rule(50)], [(0.0, 1.0, 50.0)]),
        ([rule(50), rule(30, [0.4, 1.0])], [(0.0, 0.4, 50.0), (0.4, 1.0, 30.0)]),
        ([rule(50), rule(50, [0.4, 1.0])], [(0.0, 1.0, 50.0)]),
        ([rule(50), rule(30, [0.0, 0.5], heading="forward")], [(0.0, 1.0, 50.0)]),
        ([rule(50), rule(70, [0.0, 0.5], heading="forward")], [(0.0, 0.5, 70.0), (0.5, 1.0, 50.0)]),
        ([rule(50), rule(30, [0.0, 0.5], mode=["hgv"])], [(0.0, 1.0, 50.0)]),
        ([rule(30, [0.0, 0.5])], [(0.0, 0.5, 30.0), (0.5, 1.0, math.nan)]),
        ([{"min_speed": {"value": 60, "unit": "km/h"}}, rule(120)], [(0.0, 1.0, 120.0)]),
        ([], [(0.0, 1.0, math.nan)]),
    ],
)
def test_parts_of_a_segment(rules: list[dict[str, Any]], parts: list[tuple[float, float, float]]) -> None:
    found = stretches(rules)
    assert [each[:2] for each in found] == [each[:2] for each in parts]
    assert [each.kmh for each in found] == pytest.approx([each[2] for each in parts], nan_ok=True)


PLACES = st.tuples(st.integers(0, 9), st.integers(1, 10)).filter(lambda ends: ends[0] < ends[1])
RULES = st.lists(
    st.tuples(st.integers(2, 12).map(lambda n: 10 * n), PLACES).map(
        lambda told: rule(told[0], [told[1][0] / 10, told[1][1] / 10])
    ),
    max_size=4,
)


@given(RULES, st.integers(20, 130))
def test_the_longest_part_is_the_limit_of_the_segment(rules: list[dict[str, Any]], first: int) -> None:
    told = [rule(first), *rules]
    found = stretches(told)
    assert (found[0].low, found[-1].high) == (0.0, 1.0)
    lengths: dict[float, float] = {}
    for each in found:
        lengths[each.kmh] = lengths.get(each.kmh, 0.0) + each.high - each.low
    longest = longest_limit(told, Heading.FORWARD)
    assert longest is not None
    assert lengths[longest] == pytest.approx(max(lengths.values()))
