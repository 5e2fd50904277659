"""Rules that are inferred: where they stand among those that are stated, and for whom."""

from typing import Any

import pyarrow as pa
import pytest

from schemas.speed_rule import SPEED_RULE, problems
from schemas.vocabulary import Heading
from tasks.inferred_rule import inferred_rules

F, B = Heading.FORWARD, Heading.BACKWARD
HGV = {"max_speed": {"value": 60, "unit": "km/h"}, "when": {"mode": ["hgv"]}}
BUS = {"max_speed": {"value": 90, "unit": "km/h"}, "when": {"mode": ["bus"]}}


def rule(value: int, heading: str | None = None, **parts: Any) -> dict[str, Any]:
    return {"max_speed": {"value": value, "unit": "km/h"}, "when": {"heading": heading} if heading else None} | parts


def part(code: str, urban: str | None, rural: str | None, between: Any = None, rules: Any = ()) -> dict[str, Any]:
    answers = {"urban": {"limit": urban}, "rural": {"limit": rural}}
    return {"code": code, "between": between, **answers, "urban_rules": list(rules), "rural_rules": list(rules)}


def inferred(forward: str | None, backward: str | None, **given: Any) -> list[dict[str, Any]]:
    limits = {heading: limit for heading, limit in ((F, forward), (B, backward)) if limit}
    columns: dict[str, Any] = {"rules": [], "posted": {F: None, B: None}, "legal": [], "built_up": 0.9}
    made = inferred_rules(limits=limits, **(columns | given))
    assert not made or problems(made) == []
    return made


@pytest.mark.parametrize(
    ("forward", "backward", "rules"),
    [
        ("50 km/h", "50 km/h", [rule(50)]),
        ("50 km/h", "30 km/h", [rule(50, "forward"), rule(30, "backward")]),
        ("50 km/h", None, [rule(50, "forward")]),
        ("none", "50 km/h", [rule(50, "backward")]),
        ("none", "none", []),
        (None, None, []),
    ],
)
def test_one_rule_where_both_headings_agree(forward: str | None, backward: str | None, rules: Any) -> None:
    assert inferred(forward, backward) == rules


def test_what_is_stated_stays_as_it_is() -> None:
    stated = {F: {"value": 50, "unit": "km/h"}, B: {"value": 50, "unit": "km/h"}}
    made = inferred("50 km/h", "50 km/h", rules=[rule(50), HGV], posted=stated, legal=[part("DE", "50 km/h", None)])
    assert made == [rule(50), HGV]


def test_the_law_of_vehicles_stands_between_the_limit_and_what_is_stated() -> None:
    legal = [part("DE", "50 km/h", "100 km/h", rules=[rule(100), HGV, BUS])]
    stated = rule(20, between=[0.0, 0.1])
    assert inferred("100 km/h", "100 km/h", legal=legal, rules=[stated]) == [rule(100), HGV, BUS, stated]
    assert inferred("80 km/h", "80 km/h", legal=legal, rules=[stated]) == [rule(80), HGV, stated]
    assert inferred("none", "none", legal=legal) == [HGV, BUS]
    assert inferred("60 km/h", "30 km/h", legal=legal) == [rule(60, "forward"), rule(30, "backward")]


def test_further_jurisdictions_have_rules_for_their_part_by_the_likelier_area() -> None:
    legal = [
        part("FR", "50 km/h", "80 km/h", [0.0, 0.4], [HGV]),
        part("DE", "50 km/h", "100 km/h", [0.4, 0.9]),
        part("LU", None, "none", [0.9, 1.0]),
    ]
    made = inferred("80 km/h", "80 km/h", legal=legal, built_up=0.2)
    assert made == [rule(80), rule(100, between=[0.4, 0.9]), HGV | {"between": [0.0, 0.4]}]


def test_a_rule_is_not_said_twice_whatever_is_null() -> None:
    """Rules that came through Arrow have nulls where others have nothing."""
    (stated,) = pa.array([HGV], SPEED_RULE).to_pylist()
    made = inferred("100 km/h", "100 km/h", legal=[part("DE", None, None, rules=[HGV])], rules=[stated])
    assert made == [rule(100), stated]


def test_what_overrules_a_stated_limit_follows_the_rules_for_all_cars() -> None:
    stated = {F: {"value": 30, "unit": "km/h"}, B: {"value": 30, "unit": "km/h"}}
    lorries = HGV | {"max_speed": {"value": 10, "unit": "km/h"}}
    given: dict[str, Any] = {"rules": [rule(30), lorries], "posted": stated}
    assert inferred("20 km/h", "20 km/h", **given) == [rule(30), rule(20), lorries]
    assert inferred("20 km/h", "30 km/h", **given) == [rule(30), rule(20, "forward"), lorries]
    assert inferred("30 km/h", "30 km/h", **given) == [rule(30), lorries]
