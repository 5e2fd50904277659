"""Witnesses out of tags, signs and laws, and the words of evidence."""

from typing import Any

import pytest

from schemas.vocabulary import Basis, Heading
from tasks.ladder import RELIABILITY, Witness
from tasks.limit_evidence import Around, evidence_rows, explained, own_witnesses, reason_of
from tasks.posted_limit import posted_limit

F, B = Heading.FORWARD, Heading.BACKWARD
NOTHING = Around(0.9, "for: houses", [], [], [], None, None, 0.0, [])


def heard(tags: dict[str, str], heading: Heading = F, around: Around = NOTHING, **given: Any) -> list[Witness]:
    stated = posted_limit(tags=tags, speed_limits=given.get("rules", ()))
    posted = stated.forward if heading is F else stated.backward
    return list(own_witnesses(heading, posted, stated.reason, stated.evidence, around))


@pytest.mark.parametrize(
    ("tags", "forward", "backward"),
    [
        ({}, [], []),
        ({"maxspeed": "50"}, [("posted", "50 km/h")], [("posted", "50 km/h")]),
        ({"maxspeed": "10 knots"}, [("posted", "19 km/h")], [("posted", "19 km/h")]),
        ({"maxspeed": "none"}, [("posted", "none")], [("posted", "none")]),
        ({"maxspeed:forward": "30 mph"}, [("posted", "30 mph")], []),
        ({"zone:maxspeed": "DE:30"}, [("zone", "30 km/h")], [("zone", "30 km/h")]),
        ({"traffic_sign": "DE:274-30"}, [("sign", "30 km/h")], [("sign", "30 km/h")]),
        ({"maxspeed": "50", "maxspeed:hgv": "30"}, [("posted", "50 km/h")], [("posted", "50 km/h")]),
        ({"maxspeed": "50", "maxspeed:conditional": "30 @ wet"}, [("posted", "50 km/h")], [("posted", "50 km/h")]),
        (
            {"maxspeed": "50", "zone:maxspeed": "DE:30"},
            [("posted", "50 km/h"), ("zone", "30 km/h")],
            [("posted", "50 km/h"), ("zone", "30 km/h")],
        ),
        (
            {"maxspeed:forward": "50", "maxspeed": "70", "zone:maxspeed": "DE:30"},
            [("posted", "50 km/h"), ("posted", "70 km/h"), ("zone", "30 km/h")],
            [("posted", "70 km/h"), ("zone", "30 km/h")],
        ),
        ({"maxspeed": "walk"}, [], []),
        ({"maxspeed": "DE:urban"}, [], []),
    ],
    ids=str,
)
def test_witnesses_of_tags(tags: dict[str, str], forward: Any, backward: Any) -> None:
    for heading, expected in ((F, forward), (B, backward)):
        assert [(each.basis.value, each.limit) for each in heard(tags, heading)] == expected


def test_rules_of_the_source_for_others_and_for_parts_are_no_witnesses() -> None:
    rules = [
        {"max_speed": {"value": 80, "unit": "km/h"}, "when": {"heading": "forward"}},
        {"max_speed": {"value": 60, "unit": "km/h"}, "when": {"mode": ["hgv"]}},
        {"max_speed": {"value": 30, "unit": "km/h"}, "between": [0.0, 0.1]},
    ]
    assert [each.limit for each in heard({}, rules=rules)] == ["80 km/h"]


def sign(**given: Any) -> dict[str, Any]:
    row = {"kind": "limit", "value": 30.0, "unit": "km/h", "heading": None, "at": 0.1, "weight": 0.45, "note": "sign"}
    return row | given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [Witness(Basis.SIGN, "30 km/h", 0.5)]),
        ({"weight": 0.95}, [Witness(Basis.SIGN, "30 km/h", 1.0)]),
        ({"heading": "forward", "value": 20.0, "unit": "mph"}, [Witness(Basis.SIGN, "20 mph", 0.5)]),
        ({"heading": "backward"}, []),
        ({"kind": "zone"}, [Witness(Basis.SIGN, "30 km/h", 0.5)]),
        ({"kind": "zone_end"}, []),
        ({"kind": "city_limit", "value": None, "unit": None}, []),
        ({"weight": 0.0}, []),
        ({"value": None, "unit": None}, []),
    ],
)
def test_witnesses_of_signs(given: dict[str, Any], expected: list[Witness]) -> None:
    assert heard({}, around=NOTHING._replace(signs=[sign(**given)])) == expected


def test_a_law_that_the_map_names_is_a_witness_for_its_heading() -> None:
    law = {"key": "maxspeed", "code": "DE:urban", "limit": "50 km/h", "reason": None, "heading": "forward", "note": ""}
    around = NOTHING._replace(implied=[law, law | {"limit": None}])
    assert heard({}, F, around) == [Witness(Basis.IMPLICIT, "50 km/h")]
    assert heard({}, B, around) == []


@pytest.mark.parametrize(
    ("tags", "forward", "backward"),
    [
        ({}, "not_posted", "not_posted"),
        ({"maxspeed": "50"}, None, None),
        ({"maxspeed": "none"}, "unlimited", "unlimited"),
        ({"maxspeed": "none", "maxspeed:forward": "120"}, None, "unlimited"),
        ({"maxspeed:forward": "walk", "maxspeed:backward": "30"}, "walking_pace", None),
        ({"maxspeed:forward": "none", "maxspeed:backward": "walk"}, "unlimited", "walking_pace"),
        ({"maxspeed:forward": "none"}, "unlimited", None),
        ({"maxspeed": "walk", "maxspeed:forward": "signals"}, "variable", "walking_pace"),
        ({"maxspeed": "fast"}, "unreadable", "unreadable"),
        ({"maxspeed": "DE:urban", "maxspeed:forward": "30"}, None, None),
    ],
    ids=str,
)
def test_words_in_place_of_numbers_hold_for_their_heading(
    tags: dict[str, str], forward: str | None, backward: str | None
) -> None:
    told = posted_limit(tags=tags, speed_limits=[])
    found = [
        reason_of(F, told.forward, told.reason, told.evidence),
        reason_of(B, told.backward, told.reason, told.evidence),
    ]
    assert found == [forward, backward]


ANSWER = {"limit": "50 km/h", "reason": None, "certainty": "exact", "road_type": "urban"}


def law_notes(built_up: float, urban: dict[str, Any], rural: dict[str, Any]) -> list[tuple[str, float, str]]:
    around = NOTHING._replace(built_up=built_up, legal=[{"code": "DE", "urban": urban, "rural": rural}])
    return [(row["basis"], round(row["weight"], 3), row["note"]) for row in evidence_rows([], around)]


def test_the_law_is_told_for_each_area_that_is_likely() -> None:
    rural = ANSWER | {"limit": "100 km/h", "certainty": "fuzzy", "road_type": "rural"}
    place = "built up 0.80 (for: houses)"
    assert law_notes(0.8, ANSWER, rural) == [
        ("law", 0.8, f"law of DE, urban: urban (exact); {place}"),
        ("fuzzy", 0.2, f"law of DE, rural: rural (fuzzy); {place}"),
    ]
    assert [weight for _, weight, _ in law_notes(0.99, ANSWER, rural)] == [0.99]
    assert law_notes(0.02, ANSWER, ANSWER) == [("law", 1.0, "law of DE: urban (exact)")]


def test_a_law_without_a_number_says_what_it_says() -> None:
    free = {"limit": "none", "reason": "unlimited", "certainty": "exact", "road_type": "motorway"}
    walk = {"limit": None, "reason": "walking_pace", "certainty": "exact", "road_type": "living street"}
    assert law_notes(0.5, free, free) == [("law", 1.0, "law of DE: motorway: no limit (exact)")]
    assert law_notes(0.5, walk, walk) == [("law", 0.0, "law of DE: living street: walking_pace (exact)")]


def test_statements_that_are_not_followed_say_what_counts() -> None:
    rows = evidence_rows([], NOTHING._replace(signs=[sign(), sign(value=50.0), sign(heading="backward")]))
    choices = {F: ("50 km/h", Basis.POSTED), B: ("30 km/h", Basis.SIGN)}
    assert [row["note"] for row in explained(rows, choices)] == ["sign"] * 3
    one = explained(rows, {F: ("50 km/h", Basis.POSTED)})
    assert [row["note"] for row in one] == ["sign; not followed: 50 km/h (posted) counts", "sign", "sign"]
    assert [row["note"] for row in rows] == ["sign"] * 3


def test_weights_of_signs_are_how_often_such_are_right() -> None:
    (row,) = evidence_rows([], NOTHING._replace(signs=[sign(weight=0.45)]))
    assert row["weight"] == pytest.approx(RELIABILITY[Basis.SIGN] / 2)
