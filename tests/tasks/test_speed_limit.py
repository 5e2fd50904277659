from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.speed_rule import problems
from schemas.vocabulary import Heading
from tasks.speed_limit import speed_limit
from tasks.speed_rule import longest_limit

FACTS: list[tuple[dict[str, str], float | None, float | None, str | None]] = [
    ({"maxspeed": "50"}, 50.0, 50.0, None),
    ({"maxspeed:forward": "30", "maxspeed:backward": "50"}, 30.0, 50.0, None),
    ({"maxspeed": "80", "maxspeed:backward": "60"}, 80.0, 60.0, None),
    ({"maxspeed:forward": "40"}, 40.0, None, None),
    ({"maxspeed": "none"}, None, None, "unlimited"),
    ({"maxspeed": "none", "maxspeed:forward": "120"}, 120.0, None, None),
    ({"maxspeed": "signals"}, None, None, "variable"),
    ({"maxspeed": "walk"}, None, None, "walking_pace"),
    ({"maxspeed": "DE:urban"}, None, None, "not_posted"),
    ({"maxspeed": "fast"}, None, None, "unreadable"),
    ({"maxspeed": "fast", "maxspeed:forward": "none"}, None, None, "unlimited"),
    ({}, None, None, "not_posted"),
]


@pytest.mark.parametrize(("tags", "forward", "backward", "reason"), FACTS)
def test_posted_limits(tags: dict[str, str], forward: float | None, backward: float | None, reason: str | None) -> None:
    made = speed_limit(tags={"highway": "primary"} | tags, speed_limits=[])
    assert (made.max_speed_forward_kmh, made.max_speed_backward_kmh, made.reason) == (forward, backward, reason)
    assert (made.basis == "posted") == (reason not in ("not_posted", "unreadable"))
    assert len(made.evidence) == len(tags)


def test_unreadable_values_are_quoted_in_the_evidence() -> None:
    made = speed_limit(tags={"maxspeed": "fast"}, speed_limits=[])
    assert "'fast'" in made.evidence[0]["note"]


def test_rules_stand_general_first() -> None:
    made = speed_limit(tags={"maxspeed:backward": "60", "maxspeed": "80"}, speed_limits=[])
    assert [rule["max_speed"]["value"] for rule in made.speed_limits] == [80, 60]
    assert made.speed_limits[1]["when"] == {"heading": "backward"}


def test_knots_become_whole_kilometres_in_the_rule_and_stay_knots_in_the_evidence() -> None:
    made = speed_limit(tags={"maxspeed": "10 knots"}, speed_limits=[])
    assert made.speed_limits[0]["max_speed"] == {"value": 19, "unit": "km/h"}
    assert (made.evidence[0]["value"], made.evidence[0]["unit"]) == (10.0, "knots")
    assert made.max_speed_forward_kmh == pytest.approx(18.52)


SPEED_TEXT = st.one_of(
    st.integers(-5, 400).map(str),
    st.sampled_from(["30 mph", "none", "walk", "signals", "DE:rural", "7.5", "0.4", "200 knots", "x"]),
)
TAGS = st.dictionaries(st.sampled_from(["maxspeed", "maxspeed:forward", "maxspeed:backward"]), SPEED_TEXT)


@given(TAGS)
def test_every_segment_has_a_number_or_a_reason_and_valid_rules(tags: dict[str, str]) -> None:
    made = speed_limit(tags=tags, speed_limits=[])
    numbers = (made.max_speed_forward_kmh, made.max_speed_backward_kmh)
    assert (made.reason is None) == any(number is not None for number in numbers)
    assert not made.speed_limits or problems(made.speed_limits) == []


def rule(value: int, **parts: Any) -> dict[str, Any]:
    return {"max_speed": {"value": value, "unit": "km/h"}} | parts


RULE_FACTS: list[tuple[list[dict[str, Any]], float | None]] = [
    ([rule(50)], 50.0),
    ([rule(50), rule(30, when={"mode": ["hgv"]})], 50.0),
    ([rule(50), rule(30, when={"mode": ["motor_vehicle"]})], 30.0),
    ([rule(50), rule(30, when={"during": "PH"})], 50.0),
    ([rule(50), rule(30, when={"heading": "backward"})], 50.0),
    ([rule(50, between=[0.0, 0.4]), rule(70, between=[0.4, 1.0])], 70.0),
    ([rule(50, between=[0.0, 0.5]), rule(70, between=[0.5, 1.0])], 50.0),
    ([rule(50, between=[0.0, 0.6])], 50.0),
    ([rule(50, between=[0.0, 0.4])], None),
    ([rule(30), rule(50), rule(20, between=[0.2, 0.5])], 50.0),
    ([{"min_speed": {"value": 60, "unit": "km/h"}}], None),
]


@pytest.mark.parametrize(("rules", "kmh"), RULE_FACTS)
def test_the_last_rule_that_matches_wins_over_the_longest_part(rules: list[dict[str, Any]], kmh: float | None) -> None:
    assert longest_limit(rules, Heading.FORWARD) == kmh


def test_rules_of_the_source_are_kept() -> None:
    rules = [rule(50, between=[0.0, 0.3])]
    made = speed_limit(tags={"maxspeed": "80"}, speed_limits=rules)
    assert made.speed_limits == rules
    assert made.reason == "partly_posted"


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1)), max_size=5))
def test_longest_limit_against_sampling(parts: list[tuple[int, float, float]]) -> None:
    rules = [
        rule(10 * v, between=sorted((round(a, 2), round(b, 2)))) for v, a, b in parts if round(a, 2) != round(b, 2)
    ]
    share: dict[float | None, int] = {}
    for place in [(i + 0.5) / 1000 for i in range(1000)]:
        hit = [r for r in rules if r["between"][0] <= place <= r["between"][1]]
        speed = float(hit[-1]["max_speed"]["value"]) if hit else None
        share[speed] = share.get(speed, 0) + 1
    best = max(share.values())
    assert share.get(longest_limit(rules, Heading.FORWARD), 0) >= best - 1
