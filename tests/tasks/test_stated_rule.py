"""Which statement counts: facts of two tags each; more in test_posted_limit.py, where the rules are compared whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import Heading
from tasks.limit_statement import Refusal, read_tag
from tasks.speed_rule import longest_limit, longest_speed, speed_in_kmh
from tasks.stated_rule import judge, rules_of, without_repeats

Pair = tuple[str, str]

# The first of each pair counts: the segment's own tag before signs, signs before zones, classes of cars before all
STRONGER: list[tuple[Pair, Pair, str]] = [
    (("maxspeed", "50"), ("traffic_sign", "DE:274-30"), "not counted, since maxspeed=50 says otherwise"),
    (("maxspeed", "50"), ("zone:maxspeed", "DE:30"), "not counted, since maxspeed=50 says otherwise"),
    (("maxspeed", "none"), ("zone:maxspeed", "DE:30"), "not counted, since maxspeed=none says otherwise"),
    (("traffic_sign", "DE:274-60"), ("zone:maxspeed", "DE:30"),
     "not counted, since traffic_sign=DE:274-60 says otherwise"),
    (("maxspeed:motorcar", "70"), ("maxspeed", "50"), "not counted, since maxspeed:motorcar=70 is said of cars"),
    (("maxspeed:lanes", "70|60"), ("maxspeed", "50"), "not counted, since maxspeed:lanes=70|60 says otherwise"),
    (("maxspeed", "80"), ("maxspeed:lanes", "70||60"), "not counted, since maxspeed=80 says otherwise"),
    (("maxspeed", "50"), ("zone:maxspeed:forward", "DE:30"), "not counted, since maxspeed=50 says otherwise"),
]  # fmt: skip


def statements(*tags: Pair) -> list[Any]:
    read = [read_tag(key, value) for key, value in tags]
    return [each for told in read if not isinstance(told, Refusal) for each in told]


@pytest.mark.parametrize(("counts", "does_not", "why"), STRONGER)
@pytest.mark.parametrize("is_turned", [False, True])
def test_the_stronger_statement_counts_wherever_it_stands(
    counts: Pair, does_not: Pair, why: str, is_turned: bool
) -> None:
    pair = [does_not, counts] if is_turned else [counts, does_not]
    judged = {each.statement.key: each for each in judge(statements(*pair))}
    assert (judged[counts[0]].weight, judged[does_not[0]].weight) == (1.0, 0.0)
    assert judged[does_not[0]].why == why


APART = [
    (("maxspeed", "80"), ("maxspeed:hgv", "60")),
    (("maxspeed", "80"), ("maxspeed:forward", "60")),
    (("maxspeed", "80"), ("maxspeed:conditional", "60 @ (22:00-06:00)")),
    (("zone:maxspeed", "DE:30"), ("maxspeed:forward", "60")),
]


@pytest.mark.parametrize(("general", "special"), APART)
def test_statements_for_other_traffic_do_not_compete(general: Pair, special: Pair) -> None:
    judged = judge(statements(general, special))
    assert all(each.is_rule for each in judged)
    assert [rule["when"] is None for rule in rules_of(judged)] == [True, False]


def test_of_equal_rules_the_last_is_kept() -> None:
    assert without_repeats([{"a": 1}, {"a": 2}, {"a": 1}]) == [{"a": 2}, {"a": 1}]


PART = st.tuples(st.integers(0, 9), st.integers(1, 10)).map(lambda part: [part[0] / 20, part[0] / 20 + part[1] / 20])
SPEED = st.tuples(st.integers(1, 99), st.sampled_from(["km/h", "mph"])).map(lambda s: {"value": s[0], "unit": s[1]})
RULE = st.fixed_dictionaries({"max_speed": SPEED}, optional={"between": PART})


@given(st.lists(RULE, max_size=4), st.sampled_from(list(Heading)))
def test_the_longest_speed_is_that_of_a_rule_and_the_longest_limit_in_kmh(
    rules: list[dict[str, Any]], heading: Heading
) -> None:
    speed, limit = longest_speed(rules, heading), longest_limit(rules, heading)
    assert speed is None or speed in [rule["max_speed"] for rule in rules]
    assert (speed and speed_in_kmh(speed)) == limit
