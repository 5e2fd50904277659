"""Limits of vehicles as Overture rules: general first, nothing that does not bind, nothing lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.speed_rule import problems
from tasks.law.law_table import read_law
from tasks.law.vehicle_limit import LimitError, Speed, Tags, binding, make_rules, read_limits

LAW = read_law()
ALL_ROADS = [road for place in LAW.jurisdictions.values() for road in place.roads]


def said(tags: dict[str, str]) -> list[tuple[str, str]]:
    """Return what binds beside the limit for cars, as speed and whom it is for."""
    limits = read_limits(tuple(tags.items()))
    return [(f"{limit.speed.value} {limit.speed.unit}", limit.text.partition(limit.speed.unit)[2].strip())
            for limit in binding(limits.car_speed, limits)]  # fmt: skip


@pytest.mark.parametrize(
    ("tags", "left"),
    [
        ({"maxspeed": "60", "maxspeed:hgv": "80", "maxspeed:mofa": "50"}, [("50 km/h", "for mofa")]),
        ({"maxspeed": "35 mph", "maxspeed:hgv": "40 mph", "maxspeed:mofa": "10 mph"}, [("10 mph", "for mofa")]),
        ({"maxspeed": "60", "maxspeed:conditional": "80 @ (trailer); 50 @ (wet)"}, [("50 km/h", "when wet")]),
        ({"maxspeed": "35 mph", "maxspeed:conditional": "35 mph @ (wet); 20 mph @ (snow)"}, [("20 mph", "when snow")]),
        ({"maxspeed": "60", "maxspeed:conditional": "80 @ (trailer); 60 @ (wet)"}, []),
        ({"maxspeed": "20 mph", "maxspeed:conditional": "40 mph @ (trailer); 30 mph @ (wet)"}, []),
        ({"maxspeed": "60", "maxspeed:hgv:conditional": "80 @ (wet); 50 @ (snow)"}, [("50 km/h", "for hgv when snow")]),
        (
            {"maxspeed:hgv": "60", "maxspeed:hgv:conditional": "80 @ (wet); 50 @ (snow)"},
            [("60 km/h", "for hgv"), ("50 km/h", "for hgv when snow")],
        ),
        (
            {"maxspeed:hgv": "30 mph", "maxspeed:hgv:conditional": "40 mph @ (wet); 20 mph @ (snow)"},
            [("30 mph", "for hgv"), ("20 mph", "for hgv when snow")],
        ),
        ({"maxspeed:hgv": "60", "maxspeed:hgv:conditional": "80 @ (wet); 60 @ (snow)"}, [("60 km/h", "for hgv")]),
        ({"maxspeed:hgv": "10 mph", "maxspeed:hgv:conditional": "40 mph @ (wet)"}, [("10 mph", "for hgv")]),
    ],
)
def test_higher_limits_do_not_bind(tags: dict[str, str], left: list[tuple[str, str]]) -> None:
    """Source: LegalDefaultSpeedsTest of osm-legal-default-speeds, tests `removes_…`, with conditions that are read."""
    assert said(tags) == left


@pytest.mark.parametrize(
    ("tags", "rules"),
    [
        ({"maxspeed": "50"}, [{"max_speed": {"value": 50, "unit": "km/h"}, "when": None}]),
        (
            {"minspeed": "50", "maxspeed": "130"},
            [{"max_speed": {"value": 130, "unit": "km/h"}, "min_speed": {"value": 50, "unit": "km/h"}, "when": None}],
        ),
        ({"minspeed": "60", "maxspeed": "none"}, [{"min_speed": {"value": 60, "unit": "km/h"}, "when": None}]),
        ({"maxspeed": "walk"}, []),
        ({"maxspeed": "none"}, []),
    ],
)
def test_rules_for_cars(tags: dict[str, str], rules: list[dict[str, Any]]) -> None:
    limits = read_limits(tuple(tags.items()))
    assert make_rules(limits.car_speed, limits) == rules


@pytest.mark.parametrize(
    ("key", "value", "when"),
    [
        ("maxspeed:hgv", "80", {"mode": ["hgv"]}),
        ("maxspeed:bus", "80", {"mode": ["bus"]}),
        ("maxspeed:motorcycle", "80", {"mode": ["motorcycle"]}),
        ("maxspeed:conditional", "80 @ (06:00-19:00)", {"during": "06:00-19:00"}),
        ("maxspeed:conditional", "80 @ (Dec-Feb)", {"during": "Dec-Feb"}),
        ("maxspeed:conditional", "80 @ (weightrating>3.5)", {"vehicle": [("weight", "greater_than", 3.5, "t")]}),
        ("maxspeed:conditional", "80 @ (weight>10000 lb)", {"vehicle": [("weight", "greater_than", 10000.0, "lb")]}),
        ("maxspeed:hgv:conditional", "80 @ (length>12)",
         {"mode": ["hgv"], "vehicle": [("length", "greater_than", 12.0, "m")]}),
        ("maxspeed:conditional", "80 @ (axles>=3 AND sunset-sunrise)",
         {"during": "sunset-sunrise", "vehicle": [("axle_count", "greater_than_equal", 3.0, None)]}),
    ],
)  # fmt: skip
def test_conditions_that_overture_knows(key: str, value: str, when: dict[str, Any]) -> None:
    limits = read_limits((("maxspeed", "100"), (key, value)))
    rules = make_rules(limits.car_speed, limits)
    assert not problems(rules)
    found = dict(rules[1]["when"])
    if "vehicle" in found:
        found["vehicle"] = [
            (*(each[k] for k in ("dimension", "comparison", "value")), each.get("unit")) for each in found["vehicle"]
        ]
    assert found == when
    assert rules[1]["max_speed"] == {"value": 80, "unit": "km/h"}


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("maxspeed:conditional", "80 @ (trailer)", "80 km/h when trailer"),
        ("maxspeed:conditional", "80 @ (wet)", "80 km/h when wet"),
        ("maxspeed:coach", "80", "80 km/h for coach"),
        ("maxspeed:school_bus", "80", "80 km/h for school bus"),
        ("maxspeed:bus:conditional", "80 @ (weightrating>3.5 AND trailer)",
         "80 km/h for bus when weightrating>3.5 AND trailer"),
        ("maxspeed:coach:conditional", "80 @ (weight>3.5)", "80 km/h for coach when vehicle weight greater than 3.5 t"),
        ("maxspeed:bus:conditional", "80 @ (hgv)", "80 km/h for bus when mode hgv"),
        ("maxspeed:goods:conditional", "80 @ (weightcapacity>3.5)", "80 km/h for goods when weightcapacity>3.5"),
    ],
)  # fmt: skip
def test_conditions_that_overture_does_not_know_are_no_rules(key: str, value: str, text: str) -> None:
    limits = read_limits((("maxspeed", "100"), (key, value)))
    assert len(make_rules(limits.car_speed, limits)) == 1
    assert [limit.text for limit in binding(limits.car_speed, limits)] == [text]


@pytest.mark.parametrize(
    ("key", "value", "note"),
    [
        ("maxspeed:advisory", "130", "advisory 130"),
        ("maxspeed:motorcycle:advisory", "130", "advisory 130 for motorcycle"),
        ("maxspeed:lanes", "80|50", "lanes 80|50"),
        ("tricycle", "no", "tricycle=no"),
    ],
)
def test_what_is_no_limit_is_a_note(key: str, value: str, note: str) -> None:
    assert read_limits(((key, value),)).notes == (note,)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("maxspeed", "fast"),
        ("maxspeed:hgv", "none"),
        ("maxspeed:hgv", "7.5"),
        ("maxspeed:hvg", "80"),
        ("maxspeed:hgv:bus", "80"),
        ("maxspeeed", "80"),
        ("maxspeed:conditional", "80"),
        ("minspeed", "10 knots"),
        ("maxspeed:hgv:conditional", "0 @ (trailer)"),
    ],
)
def test_what_cannot_be_read_is_refused(key: str, value: str) -> None:
    with pytest.raises(LimitError, match=key):
        read_limits(((key, value),))


def test_of_limits_that_hold_at_once_the_lowest_is_last() -> None:
    """A lorry of 8 t must keep to both 80 and 60; in Overture the last rule that matches wins."""
    limits = read_limits((("maxspeed", "100"), ("maxspeed:conditional", "60 @ (weight>7.5); 80 @ (weight>3.5)")))
    assert [rule["max_speed"]["value"] for rule in make_rules(limits.car_speed, limits)] == [100, 80, 60]


def test_two_conditions_that_overture_writes_alike_are_one_rule() -> None:
    limits = read_limits((("maxspeed", "100"), ("maxspeed:conditional", "80 @ (weight>3.5); 80 @ (weightrating>3.5)")))
    rules = make_rules(limits.car_speed, limits)
    assert len(rules) == 2
    assert not problems(rules)


@given(st.sampled_from(ALL_ROADS), st.none() | st.tuples(st.integers(5, 140), st.sampled_from(["km/h", "mph"])))
def test_rules_of_the_table_are_valid_and_lower(road: Any, posted: tuple[int, str] | None) -> None:
    limits = read_limits(road.tags)
    car = Speed(*posted) if posted else limits.car_speed
    rules = make_rules(car, limits)
    assert not rules or not problems(rules)
    general = rules[:1] if car or limits.lowest else []
    assert all(rule["when"] is None for rule in general)
    assert all(rule["when"] for rule in rules[len(general) :])
    if car:
        assert all(Speed(**rule["max_speed"]).kmh < car.kmh for rule in rules[1:])


@pytest.mark.parametrize("road", ALL_ROADS[::7], ids=lambda road: road.road_type)
def test_nothing_is_lost(road: Any) -> None:
    """Each tag is a limit, a note or a rule; each clause of a condition counts."""
    limits = read_limits(road.tags)
    clauses = sum(value.count("@") if key.endswith(":conditional") else 1 for key, value in _others(road.tags))
    assert len(limits.vehicles) + len(limits.notes) == clauses


def _others(tags: Tags) -> list[tuple[str, str]]:
    return [(key, value) for key, value in tags if key not in ("maxspeed", "minspeed")]
