"""What may be driven: facts of single segments, and what must hold for any tags, signs, laws and odds."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.speed_rule import problems
from schemas.vocabulary import Basis, Heading, RoadClass
from tasks.law.law_table import read_law
from tasks.limit_text import limit_kmh, limit_text
from tasks.posted_limit import posted_limit
from tasks.segment_law import LawFile, segment_law
from tasks.speed_limit import SpeedLimit, speed_limit
from tasks.speed_rule import longest_limit

Row = dict[str, Any]


def odds_of(**chances: float) -> list[Row]:
    """`_50=0.7` is 50 km/h with a probability of 0.7; `none=…` is no limit."""
    found = [
        {
            "limit": f"{name[1:]} km/h" if name != "none" else name,
            "probability": chance,
            "learned": chance,
            "along": 0.0,
        }
        for name, chance in chances.items()
    ]
    return sorted(found, key=lambda row: -row["probability"])


USUAL = odds_of(_50=0.7, _30=0.2, _80=0.1)


def limit(
    tags: dict[str, str] | None = None,
    *,
    speed_limits: Sequence[Row] = (),
    class_: str = "tertiary",
    jurisdictions: Sequence[Row] = ({"code": "DE", "between": None},),
    **given: Any,
) -> SpeedLimit:
    """The chain over one segment: its tags, the law of its place, and what is `given` around it."""
    stated = posted_limit(tags=tags or {}, speed_limits=speed_limits)
    law = segment_law(
        class_=class_, subclass=None, tags={"highway": class_} | (tags or {}), one_way="no", ref=None, name=None,
        routes=[], jurisdictions=jurisdictions, codes=stated.codes, params=LawFile(),
    )  # fmt: skip
    around: Row = {
        "built_up": 0.9,
        "built_up_note": "for: houses",
        "signs": [],
        "nearest_id": None,
        "nearest_limit": None,
        "nearest_m": 0.0,
        "odds": USUAL,
        **law._asdict(),
    }
    told = {name: getattr(stated, name) for name in ("rules", "forward", "backward", "reason", "evidence")}
    return speed_limit(jurisdictions=jurisdictions, **(told | around | given))


def sign(value: float, *, heading: str | None = None, weight: float = 0.9, kind: str = "limit") -> Row:
    note = f"sign {value:g}, on the road"
    return {"kind": kind, "value": value, "unit": "km/h", "heading": heading, "at": 0.5, "weight": weight, "note": note}


def numbers(made: SpeedLimit) -> tuple[float | None, float | None]:
    return made.max_speed_forward_kmh, made.max_speed_backward_kmh


FACTS: list[tuple[dict[str, str], tuple[float | None, float | None], str | None, str | None]] = [
    ({"maxspeed": "50"}, (50.0, 50.0), "posted", None),
    ({"maxspeed": "30 mph"}, (30 * 1.609344, 30 * 1.609344), "posted", None),
    ({"maxspeed:forward": "30", "maxspeed:backward": "50"}, (30.0, 50.0), "posted", None),
    ({"maxspeed": "80", "maxspeed:backward": "60"}, (80.0, 60.0), "posted", None),
    ({"maxspeed:forward": "40"}, (40.0, 50.0), "posted", None),
    ({"maxspeed": "none"}, (None, None), "posted", "unlimited"),
    ({"maxspeed": "none", "maxspeed:forward": "120"}, (120.0, None), "posted", None),
    ({"maxspeed:forward": "none", "maxspeed:backward": "walk"}, (None, None), "posted", "unlimited"),
    ({"maxspeed:forward": "walk", "maxspeed:backward": "30"}, (None, 30.0), "posted", None),
    ({"maxspeed": "signals"}, (None, None), "posted", "variable"),
    ({"maxspeed": "walk"}, (None, None), "posted", "walking_pace"),
    ({"zone:maxspeed": "DE:30"}, (30.0, 30.0), "zone", None),
    ({"maxspeed": "DE:urban"}, (50.0, 50.0), "implicit", None),
    ({"maxspeed": "DE:rural"}, (100.0, 100.0), "implicit", None),
    ({"maxspeed": "DE:motorway"}, (None, None), "implicit", "unlimited"),
    ({"maxspeed": "fast"}, (50.0, 50.0), "law", None),
    ({"maxspeed": "fast", "maxspeed:forward": "none"}, (None, 50.0), "posted", None),
    ({}, (50.0, 50.0), "law", None),
]
"""Germany: 50 km/h inside and 100 km/h outside built-up areas, none on motorways (StVO § 3)."""


@pytest.mark.parametrize(("tags", "kmh", "basis", "reason"), FACTS, ids=str)
def test_what_tags_come_to(
    tags: dict[str, str], kmh: tuple[float | None, float | None], basis: str | None, reason: str | None
) -> None:
    made = limit(tags)
    assert numbers(made) == pytest.approx(kmh)
    assert (made.basis, made.reason, made.jurisdiction) == (basis, reason, "DE")
    quoted = [row["note"] for row in made.evidence]
    assert all(any(note.startswith((f"{key}={value}", f"{key}: ")) for note in quoted) for key, value in tags.items())


def test_an_unreadable_tag_is_quoted_and_the_limit_inferred() -> None:
    made = limit({"maxspeed": "fast"})
    assert any("'fast'" in row["note"] for row in made.evidence)
    assert made.confidence == pytest.approx(0.7)
    assert made.speed_limits[0] == {"max_speed": {"value": 50, "unit": "km/h"}, "when": None}


def test_knots_become_whole_kilometres_in_the_rule_and_stay_knots_in_the_evidence() -> None:
    made = limit({"maxspeed": "10 knots"})
    assert made.speed_limits[0]["max_speed"] == {"value": 19, "unit": "km/h"}
    assert (made.evidence[0]["value"], made.evidence[0]["unit"]) == (10.0, "knots")
    assert made.max_speed_forward_kmh == 19.0


@pytest.mark.parametrize(
    ("tags", "loser"),
    [
        (
            {"maxspeed": "50", "zone:maxspeed": "DE:30"},
            "zone:maxspeed=DE:30; not counted, since maxspeed=50 says otherwise",
        ),
        ({"maxspeed": "50", "traffic_sign": "DE:274-30"}, "traffic_sign=DE:274-30; not counted, since maxspeed=50"),
        ({"maxspeed": "80", "source:maxspeed": "DE:urban"}, "source:maxspeed=DE:urban: urban; not followed: 80 km/h"),
    ],
)
def test_contradictory_tags_are_both_heard_and_the_choice_is_explained(tags: dict[str, str], loser: str) -> None:
    made, alone = limit(tags), limit({"maxspeed": tags["maxspeed"]})
    assert numbers(made) == numbers(alone)
    assert made.basis == "posted"
    assert alone.confidence is not None
    assert made.confidence is not None
    assert made.confidence < alone.confidence - 0.001
    assert any(row["note"].startswith(loser) for row in made.evidence)
    assert any(row["note"] == f"maxspeed={tags['maxspeed']}" for row in made.evidence)


@pytest.mark.parametrize(
    "tags",
    [
        {"maxspeed:hgv": "30", "maxspeed:hgv:lanes": "40|40"},
        {"maxspeed:conditional": "30 @ (22:00-06:00)"},
        {"maxspeed:advisory": "30"},
        {"minspeed": "30"},
        {"maxspeed:bus": "30"},
    ],
    ids=str,
)
def test_what_is_said_of_others_contradicts_nothing(tags: dict[str, str]) -> None:
    assert limit({"maxspeed": "50"} | tags).confidence == limit({"maxspeed": "50"}).confidence


def test_a_sign_beats_the_law_and_a_tag_beats_the_sign() -> None:
    by_sign = limit(signs=[sign(30)])
    assert (by_sign.basis, numbers(by_sign)) == ("sign", (30.0, 30.0))
    both = limit({"maxspeed": "50"}, signs=[sign(30)])
    assert (both.basis, numbers(both)) == ("posted", (50.0, 50.0))
    alone = limit({"maxspeed": "50"})
    assert both.confidence is not None
    assert alone.confidence is not None
    assert both.confidence < alone.confidence
    (row,) = [row for row in both.evidence if row["basis"] == "sign"]
    assert row["note"].endswith("; not followed: 50 km/h (posted) counts")
    agreeing = limit({"maxspeed": "50"}, signs=[sign(50)])
    assert agreeing.confidence is not None
    assert agreeing.confidence > alone.confidence
    assert not any("not followed" in row["note"] for row in agreeing.evidence)


def test_a_sign_beats_a_zone_and_its_rule_follows_that_of_the_zone() -> None:
    """What is said of lorries still comes last."""
    made = limit({"zone:maxspeed": "DE:30", "maxspeed:hgv": "10"}, signs=[sign(20)])
    assert (made.basis, numbers(made)) == ("sign", (20.0, 20.0))
    told = [(rule["max_speed"]["value"], (rule["when"] or {}).get("mode")) for rule in made.speed_limits]
    assert told == [(30, None), (20, None), (10, ["hgv"])]
    one = limit({"zone:maxspeed": "DE:30"}, signs=[sign(20, heading="forward")])
    assert (numbers(one), one.speed_limits[-1]["when"]) == ((20.0, 30.0), {"heading": "forward"})


def test_a_sign_for_one_heading_leaves_the_other() -> None:
    made = limit(signs=[sign(30, heading="backward")])
    assert numbers(made) == (50.0, 30.0)
    assert [rule["when"] for rule in made.speed_limits[:2]] == [{"heading": "forward"}, {"heading": "backward"}]


@pytest.mark.parametrize("kind", ["limit_end", "city_limit", "zone_end"])
def test_signs_that_end_a_limit_show_none(kind: str) -> None:
    assert numbers(limit(signs=[sign(30, kind=kind)])) == (50.0, 50.0)


def test_a_sign_at_the_far_end_is_weighed_but_does_not_decide() -> None:
    """Where 50 km/h was likely at .7, a sign that is wrong more often than right raises 30 km/h and no more."""
    made = limit(signs=[sign(30, weight=0.1)])
    assert (made.basis, numbers(made)) == ("law", (50.0, 50.0))
    unsure = limit(signs=[sign(30, weight=0.4)])
    assert unsure.confidence is not None
    assert unsure.confidence < 0.7
    assert limit(signs=[sign(30, weight=0.6)]).max_speed_forward_kmh == 30.0


def test_walking_pace_and_variable_signs_are_no_gap_to_fill() -> None:
    for tags in ({"maxspeed": "walk"}, {"maxspeed": "signals"}, {"maxspeed:variable": "yes"}):
        made = limit(tags, signs=[sign(30)])
        assert (numbers(made), made.confidence, made.speed_limits) == ((None, None), None, [])
        assert any(row["basis"] == "sign" for row in made.evidence)


def test_an_unlimited_motorway_keeps_the_limits_of_lorries() -> None:
    """StVO § 18 (5): vehicles above 3.5 t 80 km/h, on motorways where cars have no limit."""
    made = limit(class_="motorway", built_up=0.05, odds=odds_of(none=0.8, _120=0.2))
    assert (numbers(made), made.reason, made.basis) == ((None, None), "unlimited", "law")
    assert made.confidence == pytest.approx(0.8)
    assert {rule["max_speed"]["value"] for rule in made.speed_limits} >= {80}
    assert all(rule["when"] for rule in made.speed_limits)


def test_rules_of_the_law_for_others_stand_only_below_the_limit_of_cars() -> None:
    """Germany, outside built-up areas: lorries above 3.5 t 80, above 7.5 t 60 (StVO § 3)."""
    fast = limit(built_up=0.05, odds=odds_of(_100=0.9, _70=0.1))
    slow = limit(built_up=0.05, odds=odds_of(_70=0.9, _100=0.1))
    assert {rule["max_speed"]["value"] for rule in fast.speed_limits} >= {100, 80, 60}
    assert {rule["max_speed"]["value"] for rule in slow.speed_limits} == {70, 60}
    assert fast.speed_limits[0]["when"] is None


def test_the_rules_that_the_map_states_for_others_come_last() -> None:
    made = limit({"maxspeed:hgv": "40"}, built_up=0.05, odds=odds_of(_100=1.0))
    assert made.speed_limits[0]["max_speed"]["value"] == 100
    assert made.speed_limits[-1] == {"max_speed": {"value": 40, "unit": "km/h"}, "when": {"mode": ["hgv"]}}


def test_rules_of_the_source_are_kept_and_the_rest_inferred() -> None:
    rule = {"max_speed": {"value": 50, "unit": "km/h"}, "between": [0.0, 0.3]}
    made = limit(speed_limits=[rule], built_up=0.05, odds=odds_of(_80=0.9, _50=0.1))
    assert made.speed_limits[0]["max_speed"]["value"] == 80
    assert made.speed_limits[-1] == rule
    assert numbers(made) == (80.0, 80.0)


BORDER = ({"code": "FR", "between": [0.0, 0.3]}, {"code": "DE", "between": [0.3, 1.0]})


def test_over_a_border_each_law_has_its_part_and_the_longest_gives_the_number() -> None:
    """Outside built-up areas France has 80 km/h (R413-2 code de la route), Germany 100."""
    made = limit(jurisdictions=BORDER, built_up=0.05, odds=odds_of(_80=0.9, _100=0.1))
    assert made.jurisdiction == "FR"
    general = [rule for rule in made.speed_limits if not rule.get("when")]
    assert general == [
        {"max_speed": {"value": 80, "unit": "km/h"}, "when": None},
        {"max_speed": {"value": 100, "unit": "km/h"}, "between": [0.3, 1.0], "when": None},
    ]
    assert numbers(made) == (100.0, 100.0)
    assert {"law of FR", "law of DE"} <= {row["note"].partition(",")[0] for row in made.evidence}


def test_at_sea_there_is_no_law() -> None:
    made = limit(jurisdictions=[], odds=[])
    assert made == SpeedLimit(None, [], None, None, None, None, "no_law", made.evidence)
    posted = limit({"maxspeed": "50"}, jurisdictions=[], odds=[])
    assert (numbers(posted), posted.basis) == ((50.0, 50.0), "posted")
    assert posted.confidence == pytest.approx(0.98)


def test_without_odds_the_law_alone_counts_and_is_hardly_sure() -> None:
    made = limit(odds=[])
    assert (numbers(made), made.basis) == ((50.0, 50.0), "law")
    assert made.confidence is not None
    assert made.confidence < 0.05


@pytest.mark.parametrize(
    ("given_", "basis"),
    [
        ({"odds": odds_of(_50=0.9, _30=0.1)}, "law"),
        ({"odds": odds_of(_40=0.9, _30=0.1)}, "learned"),
        ({"odds": odds_of(_40=0.9), "nearest_limit": "40 km/h", "nearest_id": "w1", "nearest_m": 9.0}, "learned"),
        (
            {"odds": [USUAL[0] | {"along": 0.8}], "nearest_limit": "50 km/h", "nearest_id": "w1", "nearest_m": 9.0},
            "continuity",
        ),
        ({"odds": odds_of(_50=0.9, _30=0.1), "built_up": 0.4}, "learned"),
    ],
)
def test_the_basis_of_what_is_inferred_is_the_strongest_rung_that_says_so(given_: Row, basis: str) -> None:
    assert limit(**given_).basis == basis


def test_evidence_goes_from_the_strongest_rung_down() -> None:
    made = limit({"maxspeed": "50", "source:maxspeed": "DE:urban"}, signs=[sign(30)], nearest_limit="50 km/h")
    ranks = [list(Basis).index(Basis(row["basis"])) for row in made.evidence]
    assert ranks == sorted(ranks)
    assert {"posted", "sign", "implicit", "continuity", "law", "learned"} <= {row["basis"] for row in made.evidence}


def test_where_nothing_was_learned_nothing_says_so() -> None:
    """Without examples all limits are alike likely to have been learned."""
    even = [{"limit": f"{kmh} km/h", "probability": 0.5, "learned": 0.5, "along": 0.0} for kmh in (50, 80)]
    assert not any(row["basis"] == "learned" for row in limit(odds=even).evidence)
    assert any(row["basis"] == "learned" for row in limit().evidence)


def test_a_law_that_is_the_same_everywhere_is_told_once_with_full_weight() -> None:
    made = limit(class_="motorway", built_up=0.02)
    (row,) = [row for row in made.evidence if row["basis"] == "law"]
    assert row["note"] == "law of DE: motorway: no limit (exact)"
    (french,) = (
        row
        for row in limit(class_="motorway", built_up=0.02, jurisdictions=[{"code": "FR", "between": None}]).evidence
        if row["basis"] == "law"
    )
    assert (french["value"], french["weight"]) == (130.0, 1.0)


SPEED_TEXT = st.one_of(
    st.integers(-5, 400).map(str),
    st.sampled_from(["30 mph", "none", "walk", "signals", "DE:rural", "DE:urban", "7.5", "0.4", "200 knots", "x"]),
)


@pytest.mark.parametrize(
    ("tags", "kmh", "general"),
    [
        ({"maxspeed": "none"}, (None, None), []),
        ({"maxspeed": "none", "maxspeed:forward": "walk"}, (None, None), []),
        ({"maxspeed:forward": "none"}, (None, 100.0), [("backward", 80, None), ("backward", 100, [0.3, 1.0])]),
        ({"maxspeed:forward": "30", "maxspeed:backward": "walk"}, (30.0, None), [("forward", 30, None)]),
    ],
    ids=str,
)
def test_a_word_holds_beyond_a_border_too(
    tags: dict[str, str], kmh: tuple[float | None, float | None], general: Any
) -> None:
    """Where the map states that there is no limit, or a walking pace, no law of the next country is inferred."""
    made = limit(tags, jurisdictions=BORDER, built_up=0.05, odds=odds_of(_80=0.9, _100=0.1))
    assert numbers(made) == kmh
    rules = [(rule.get("when") or {}, rule) for rule in made.speed_limits]
    told = [
        (when.get("heading"), rule["max_speed"]["value"], rule.get("between"))
        for when, rule in rules
        if set(when) <= {"heading"}
    ]
    assert told == general


KEYS = ["maxspeed", "maxspeed:forward", "maxspeed:backward", "zone:maxspeed", "source:maxspeed", "maxspeed:hgv"]
TAGS = st.dictionaries(st.sampled_from(KEYS), SPEED_TEXT)
ODDS = st.dictionaries(
    st.sampled_from(["_20", "_30", "_50", "_80", "_120", "none"]), st.floats(0.01, 1.0), max_size=5
).map(lambda parts: odds_of(**{name: part / sum(parts.values()) for name, part in parts.items()}))
SIGNS = st.lists(
    st.builds(sign, st.sampled_from([20.0, 30.0, 50.0]), heading=st.sampled_from([None, "forward", "backward"]),
              weight=st.floats(0, 0.9), kind=st.sampled_from(["limit", "zone", "city_limit"])),
    max_size=3,
)  # fmt: skip
PLACES = st.sampled_from(
    [
        [],
        [{"code": "DE", "between": None}],
        [{"code": "US-OR", "between": None}],
        [{"code": "GB", "between": None}],
        [*BORDER],
    ]
)
AROUND = {
    "odds": ODDS,
    "signs": SIGNS,
    "built_up": st.floats(0, 1),
    "jurisdictions": PLACES,
    "class_": st.sampled_from(["motorway", "trunk", "tertiary", "residential", "living_street", "service"]),
}


@settings(max_examples=300, deadline=None)
@given(TAGS, st.fixed_dictionaries(AROUND))
def test_every_segment_has_a_number_or_a_reason_and_rules_that_say_it(tags: dict[str, str], around: Row) -> None:
    made = limit(tags, **around)
    assert (made.reason is None) == any(number is not None for number in numbers(made))
    assert not made.speed_limits or problems(made.speed_limits) == []
    assert made.confidence is None or 0 < made.confidence <= 1
    assert (made.basis is None) == (made.reason == "no_law")
    if made.reason not in ("variable", "walking_pace"):
        for heading, number in zip(Heading, numbers(made), strict=True):
            is_word = posted_limit(tags=tags, speed_limits=[]).reason is None and number is None
            assert is_word or longest_limit(made.speed_limits, heading) == number


def swapped(row: Row) -> Row:
    """The same with forward for backward."""
    turn = {"forward": "backward", "backward": "forward", None: None}
    return row | {"heading": turn[row["heading"]]}


def turned_rule(rule: Row) -> Row:
    when = rule.get("when") or {}
    if not when.get("heading"):
        return rule
    return rule | {"when": swapped(when)}


@settings(max_examples=200, deadline=None)
@given(TAGS, st.fixed_dictionaries(AROUND | {"jurisdictions": PLACES.filter(lambda parts: len(parts) < 2)}))
def test_a_segment_drawn_the_other_way_has_its_directions_swapped(tags: dict[str, str], around: Row) -> None:
    turn = {"forward": "backward", "backward": "forward"}
    back = {":".join(turn.get(part, part) for part in key.split(":")): value for key, value in tags.items()}
    there, again = (
        limit(tags, **around),
        limit(back, **(around | {"signs": [swapped(each) for each in around["signs"]]})),
    )
    assert numbers(there) == numbers(again)[::-1]
    assert (there.basis, there.confidence, there.reason) == (again.basis, again.confidence, again.reason)
    ours, theirs = (sorted(map(repr, rules)) for rules in ([*map(turned_rule, there.speed_limits)], again.speed_limits))
    assert ours == theirs


@settings(max_examples=100, deadline=None)
@given(TAGS, st.fixed_dictionaries(AROUND | {"jurisdictions": PLACES.filter(lambda parts: len(parts) < 2)}))
def test_the_parts_of_a_segment_have_its_limits(tags: dict[str, str], around: Row) -> None:
    """The chain reads nothing of a segment's shape or length: two halves with the same tags have the same limits."""
    whole, *halves = (limit(dict(tags), **around) for _ in range(3))
    assert halves == [whole, whole]


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(AROUND | {"jurisdictions": PLACES.filter(lambda parts: len(parts) < 2)}),
    st.sampled_from(["posted", "sign", "implicit"]),
    st.sampled_from([20, 30, 50]),
    st.floats(0, 0.9),
)
def test_true_evidence_never_lowers_the_probability_of_the_truth(
    around: Row, kind: str, truth: int, weight: float
) -> None:
    """Whoever says the truth: if it was chosen before, it still is, and no less surely."""
    before = limit(**around)
    more: Row = {"signs": around["signs"]}
    tags = {"maxspeed": str(truth)} if kind == "posted" else {}
    if kind == "sign":
        more = {"signs": [*around["signs"], sign(truth, weight=weight)]}
    elif kind == "implicit":
        law = {
            "key": "maxspeed",
            "code": "XX:urban",
            "limit": f"{truth} km/h",
            "reason": None,
            "heading": None,
            "note": "",
        }
        more = {"signs": around["signs"], "implied": [law]}
    after = limit(tags, **(around | more))
    if numbers(before) == (truth, truth) and before.confidence is not None:
        assert numbers(after) == (truth, truth)
        assert after.confidence is not None
        assert after.confidence >= before.confidence - 1e-9


def test_no_limit_is_above_every_limit() -> None:
    assert limit_kmh(limit_text(None, "unlimited") or "") == math.inf


@pytest.mark.parametrize("built_up", [0.02, 0.98])
def test_rules_of_every_law_are_overtures(built_up: float) -> None:
    """All jurisdictions and classes: the rules out of the law are such as the schema allows, and say the number."""
    for code in read_law().jurisdictions:
        place = [{"code": code, "between": None}]
        for class_ in RoadClass:
            made = limit(class_=str(class_), jurisdictions=place, built_up=built_up, odds=[])
            assert not made.speed_limits or problems(made.speed_limits) == [], (code, class_)
            assert made.reason or longest_limit(made.speed_limits, Heading.FORWARD) == made.max_speed_forward_kmh


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
