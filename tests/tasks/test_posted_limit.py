from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.posted_limit import POSTED_LIMIT
from schemas.speed_rule import problems
from tasks.posted_limit import PostedLimit, posted_limit

Tags = dict[str, str]


def read(**tags: str) -> PostedLimit:
    """Read tags whose keys are written with `__` for a colon."""
    return posted_limit(tags={key.replace("__", ":"): value for key, value in tags.items()}, speed_limits=[])


def kmh(value: int, **when: Any) -> dict[str, Any]:
    return {"max_speed": {"value": value, "unit": "km/h"}, "when": when or None}


# OpenStreetMap wiki: Key:maxspeed (directions override), Conditional restrictions (the last clause whose condition is
# met holds; a class overrides the general value), Lanes (a blank lane has the value of the main key)
RULES: list[tuple[Tags, list[dict[str, Any]]]] = [
    ({"maxspeed": "50"}, [kmh(50)]),
    ({"maxspeed:backward": "60", "maxspeed": "80"}, [kmh(80), kmh(60, heading="backward")]),
    ({"maxspeed:hgv": "60", "maxspeed": "80"}, [kmh(80), kmh(60, mode=["hgv"])]),
    ({"maxspeed": "80", "maxspeed:motor_vehicle": "70", "maxspeed:bus": "60"},
     [kmh(80), kmh(70, mode=["motor_vehicle"]), kmh(60, mode=["bus"])]),
    ({"maxspeed:hgv": "80", "maxspeed": "100", "maxspeed:forward": "70"},
     [kmh(100), kmh(80, mode=["hgv"]), kmh(70, heading="forward")]),
    ({"maxspeed": "100", "maxspeed:conditional": "80 @ (22:00-06:00); 120 @ (06:00-20:00)"},
     [kmh(100), kmh(80, during="22:00-06:00"), kmh(120, during="06:00-20:00")]),
    ({"maxspeed": "100", "maxspeed:forward": "none"}, [kmh(100, heading="backward")]),
    ({"maxspeed": "100", "maxspeed:forward": "none", "maxspeed:backward": "walk"}, []),
    ({"maxspeed": "120", "maxspeed:lanes": "100||80"}, [kmh(120)]),
    ({"maxspeed": "80", "maxspeed:lanes": "100||80"}, [kmh(100)]),
    ({"maxspeed": "80", "maxspeed:lanes": "100|80"}, [kmh(100)]),
    ({"maxspeed": "50", "zone:maxspeed": "DE:30"}, [kmh(50)]),
    ({"maxspeed": "walk", "zone:maxspeed": "DE:30"}, []),
    ({"maxspeed": "fast", "zone:maxspeed": "DE:30"}, [kmh(30)]),
    ({"maxspeed": "DE:urban", "zone:maxspeed": "DE:30"}, [kmh(30)]),
    ({"zone:maxspeed": "DE:30", "maxspeed:forward": "50"}, [kmh(30), kmh(50, heading="forward")]),
    ({"maxspeed": "50", "source:maxspeed:forward": "DE:zone30"}, [kmh(50)]),
    ({"source:maxspeed": "DE:zone20", "zone:maxspeed": "DE:30"}, [kmh(30)]),
    ({"traffic_sign": "DE:274-60", "zone:maxspeed": "DE:30"}, [kmh(60)]),
    ({"traffic_sign": "DE:274-60", "maxspeed": "70"}, [kmh(70)]),
    ({"maxspeed": "30", "maxspeed:forward": "50", "maxspeed:backward": "50"},
     [kmh(30), kmh(50, heading="backward"), kmh(50, heading="forward")]),
    ({"maxspeed": "50", "maxspeed:both_ways": "50"}, [kmh(50)]),
]  # fmt: skip


@pytest.mark.parametrize(("tags", "rules"), RULES)
def test_rules_stand_general_first_and_the_stronger_statement_counts(tags: Tags, rules: list[dict[str, Any]]) -> None:
    assert posted_limit(tags=tags, speed_limits=[]).rules == rules


LIMITS: list[tuple[Tags, int | None, int | None, str | None]] = [
    ({"maxspeed:forward": "30", "maxspeed:backward": "50"}, 30, 50, None),
    ({"maxspeed:forward": "40"}, 40, None, None),
    ({"maxspeed": "none", "maxspeed:forward": "120"}, 120, None, None),
    ({"maxspeed": "100", "maxspeed:motorcar": "120"}, 120, 120, None),
    ({"maxspeed": "100", "maxspeed:hgv": "80"}, 100, 100, None),
    ({"maxspeed": "100", "maxspeed:conditional": "80 @ (22:00-06:00)"}, 100, 100, None),
    ({"maxspeed:hgv": "80"}, None, None, "partly_posted"),
    ({"maxspeed:conditional": "80 @ wet"}, None, None, "partly_posted"),
    ({"maxspeed": "90;30;90"}, None, None, "partly_posted"),
    ({"maxspeed": "none", "maxspeed:conditional": "120 @ (06:00-20:00)"}, None, None, "unlimited"),
    ({"maxspeed": "signals"}, None, None, "variable"),
    ({"maxspeed:variable": "weather"}, None, None, "variable"),
    ({"maxspeed": "walk"}, None, None, "walking_pace"),
    ({"maxspeed": "fast"}, None, None, "unreadable"),
    ({"maxspeed": "fast", "maxspeed:forward": "none"}, None, None, "unlimited"),
    ({"maxspeed": "DE:urban"}, None, None, "not_posted"),
    ({"maxspeed:advisory": "40"}, None, None, "not_posted"),
    ({"minspeed": "60"}, None, None, "not_posted"),
    ({"source:maxspeed": "sign"}, None, None, "not_posted"),
    ({}, None, None, "not_posted"),
]


@pytest.mark.parametrize(("tags", "forward", "backward", "reason"), LIMITS)
def test_what_a_car_may_drive_at_any_hour(
    tags: Tags, forward: int | None, backward: int | None, reason: str | None
) -> None:
    found = posted_limit(tags={"highway": "primary"} | tags, speed_limits=[])
    assert [speed and speed["value"] for speed in (found.forward, found.backward)] == [forward, backward]
    assert found.reason == reason


def test_a_number_in_miles_keeps_its_unit() -> None:
    assert read(maxspeed="30 mph").forward == {"value": 30, "unit": "mph"}


def test_knots_become_whole_kilometres_in_the_rule_and_stay_knots_in_the_evidence() -> None:
    found = read(maxspeed="10 knots")
    assert found.rules == [kmh(19)]
    assert (found.evidence[0]["value"], found.evidence[0]["unit"]) == (10.0, "knots")


def test_contradictions_are_told_with_the_choice() -> None:
    counted, other = read(maxspeed="50", zone__maxspeed="DE:30").evidence
    assert (counted["weight"], counted["note"]) == (1.0, "maxspeed=50")
    assert (other["weight"], other["basis"], other["value"]) == (0.0, "zone", 30.0)
    assert other["note"] == "zone:maxspeed=DE:30; not counted, since maxspeed=50 says otherwise"


def test_statements_that_agree_all_count() -> None:
    found = read(maxspeed="30", zone__maxspeed="DE:30", source__maxspeed="DE:zone30")
    assert found.rules == [kmh(30)]
    assert [(row["basis"], row["weight"]) for row in found.evidence] == [("posted", 1.0), ("zone", 1.0), ("zone", 1.0)]


def test_a_number_that_both_directions_override_is_told() -> None:
    found = posted_limit(tags={"maxspeed": "30", "maxspeed:forward": "50", "maxspeed:backward": "50"}, speed_limits=[])
    notes = {row["note"]: row["weight"] for row in found.evidence}
    assert notes["maxspeed=30; not counted, since both directions have a limit of their own"] == 0.0


def test_codes_name_key_and_heading() -> None:
    found = posted_limit(tags={"source:maxspeed": "UK:nsl_dual", "maxspeed:forward": "GB:motorway"}, speed_limits=[])
    assert found.codes == [
        {"key": "maxspeed:forward", "code": "GB:motorway", "heading": "forward"},
        {"key": "source:maxspeed", "code": "GB:nsl_dual", "heading": None},
    ]


def test_the_lowest_speed_stands_in_the_rule_for_the_same_traffic() -> None:
    both = read(maxspeed="120", minspeed="60")
    assert both.rules == [kmh(120) | {"min_speed": {"value": 60, "unit": "km/h"}}]
    apart = posted_limit(tags={"maxspeed": "120", "minspeed:forward": "80"}, speed_limits=[])
    assert [sorted(rule) for rule in apart.rules] == [["min_speed", "when"], ["max_speed", "when"]]


def test_signals_that_may_lower_the_limit_are_told_in_the_rule() -> None:
    assert read(maxspeed="120", maxspeed__variable="yes").rules == [kmh(120) | {"is_max_speed_variable": True}]
    one_way = posted_limit(tags={"maxspeed": "120", "maxspeed:variable:forward": "yes"}, speed_limits=[])
    assert one_way.rules == [kmh(120), kmh(120, heading="forward") | {"is_max_speed_variable": True}]


def test_rules_of_the_source_are_kept_as_they_are() -> None:
    rules = [kmh(50) | {"between": [0.0, 0.3]}]
    found = posted_limit(tags={"maxspeed": "80"}, speed_limits=rules)
    assert (found.rules, found.forward, found.reason) == (rules, None, "partly_posted")
    assert [row["note"] for row in found.evidence] == ["speed_limits rule between 0 and 0.3"]


def test_callers_have_lists_of_their_own() -> None:
    read(maxspeed="50").rules.clear()
    assert read(maxspeed="50").rules == [kmh(50)]


SPEED = st.one_of(
    st.integers(-5, 400).map(str),
    st.sampled_from(
        ["30 mph", "none", "walk", "signals", "variable", "DE:rural", "7.5", "0.4", "200 knots", "x", "60|", "50;30"]
    ),
)
CONDITIONAL = st.lists(
    st.tuples(
        SPEED, st.sampled_from(["wet", "(22:00-06:00)", "hgv", "(weight>7.5)", "(hgv AND Mo-Fr)", "(", "delivery"])
    ),
    min_size=1,
    max_size=3,
).map(lambda clauses: "; ".join(f"{value} @ {condition}" for value, condition in clauses))
VALUE = st.one_of(SPEED, CONDITIONAL, st.sampled_from(["DE:30", "GB:20", "FI:361[40]", "DE:274.1", "yes", "sign", ""]))
KEY = st.one_of(
    st.tuples(
        st.sampled_from(["maxspeed", "minspeed"]),
        st.sampled_from(["", ":hgv", ":motorcar", ":vehicle", ":trailer"]),
        st.sampled_from(["", ":forward", ":backward"]),
        st.sampled_from(["", ":lanes", ":conditional"]),
    ).map("".join),
    st.sampled_from(
        [
            "zone:maxspeed",
            "source:maxspeed",
            "source:maxspeed:forward",
            "maxspeed:type:backward",
            "zone:traffic",
            "traffic_sign",
            "traffic_sign:forward",
            "maxspeed:variable",
            "maxspeed:variable:backward",
            "maxspeed:advisory",
            "highway",
        ]
    ),
)
TAGS = st.dictionaries(KEY, VALUE, max_size=6)
SWAP = {"forward": "backward", "backward": "forward"}


@settings(deadline=None)
@given(TAGS)
def test_rules_are_valid_and_there_is_a_number_or_a_reason(tags: Tags) -> None:
    found = posted_limit(tags=tags, speed_limits=[])
    assert not found.rules or problems(found.rules) == []
    assert (found.reason is None) == bool(found.forward or found.backward)
    row = {"segment_id": "w1"} | found._asdict()
    assert pa.Table.from_pylist([row], POSTED_LIMIT.schema).num_rows == 1


@given(TAGS)
def test_nothing_that_states_a_speed_is_lost(tags: Tags) -> None:
    found = posted_limit(tags=tags, speed_limits=[])
    told = {row["note"].split("=")[0].split(": '")[0] for row in found.evidence}
    stating = {key for key in tags if key.startswith(("maxspeed", "minspeed", "zone")) and "type" not in key}
    silent = {key for key in stating if tags[key] == "yes" and key == "zone:maxspeed"}
    assert stating - silent <= told
    assert {row["key"] for row in found.refused} <= told


@given(TAGS, st.randoms())
def test_the_order_of_tags_does_not_matter(tags: Tags, random: Any) -> None:
    pairs = list(tags.items())
    random.shuffle(pairs)
    assert posted_limit(tags=dict(pairs), speed_limits=[]) == posted_limit(tags=tags, speed_limits=[])


def swapped_key(key: str) -> str:
    return ":".join(SWAP.get(part, part) for part in key.split(":"))


def swapped_heading(rule: dict[str, Any]) -> str:
    heading = (rule["when"] or {}).get("heading")
    when = (rule["when"] or {}) | ({"heading": SWAP[heading]} if heading else {})
    return repr(sorted((rule | {"when": sorted(when.items())}).items()))


@given(TAGS)
def test_reversed_keys_give_reversed_limits(tags: Tags) -> None:
    one = posted_limit(tags=tags, speed_limits=[])
    other = posted_limit(tags={swapped_key(key): value for key, value in tags.items()}, speed_limits=[])
    assert (one.forward, one.backward, one.reason) == (other.backward, other.forward, other.reason)
    assert sorted(swapped_heading(rule) for rule in one.rules) == sorted(
        repr(sorted((rule | {"when": sorted((rule["when"] or {}).items())}).items())) for rule in other.rules
    )


PLAIN = st.dictionaries(
    st.sampled_from(["maxspeed", "maxspeed:forward", "maxspeed:backward"]), st.integers(1, 350).map(str)
)


@given(PLAIN)
def test_numbers_by_direction_against_looking_them_up(tags: Tags) -> None:
    found = posted_limit(tags=tags, speed_limits=[])
    for heading, speed in (("forward", found.forward), ("backward", found.backward)):
        wanted = tags.get(f"maxspeed:{heading}", tags.get("maxspeed"))
        assert (speed and speed["value"]) == (int(wanted) if wanted else None)


@given(st.dictionaries(KEY, st.text(max_size=30), max_size=4))
def test_any_text_is_read_or_refused(tags: Tags) -> None:
    found = posted_limit(tags=tags, speed_limits=[])
    assert all("\n" not in row["message"] for row in found.refused)
