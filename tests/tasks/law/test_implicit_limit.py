"""Codes that name a law, against the tables of the OSM wiki and of other open software, and against the law table."""

import re

import pytest

from schemas.vocabulary import SpeedReason
from tasks.law.implicit_limit import UnknownCode, implicit_limit
from tasks.law.law_table import UnknownJurisdiction, read_law
from tasks.law.law_words import BUILT_UP_ROAD_TYPES, NATIONAL_ROAD_TYPES, OTHER_ROADS, ROAD_TYPES, SYNONYMS
from tasks.legal_limit import Certainty
from tasks.maxspeed import UnreadableSpeed, read_maxspeed

LAW = read_law()

PUBLISHED = """
AT:urban 50; AT:rural 100; AT:trunk 100; AT:motorway 130; AT:bicycle_road 30; BE:motorway 120; BE-BRU:rural 70;
BE-BRU:urban 30; BE-VLG:rural 70; BG:motorway 140; BG:trunk 120; BY:urban 60; BY:motorway 110; CA-ON:rural 80;
CH:rural 80; CH:trunk 100; CH:motorway 120; CZ:trunk 110; CZ:rural 90; CZ:urban 50; CZ:motorway 130; CZ:urban_motorway
80; CZ:urban_trunk 80; DE:rural 100; DE:urban 50; DE:bicycle_road 30; DK:rural 80; FR:motorway 130; FR:rural 80;
FR:urban 50; GB:nsl_single 60 mph; GB:nsl_dual 70 mph; GB:motorway 70 mph; UK:nsl_single 60 mph; UK:nsl_dual 70 mph;
UK:motorway 70 mph; HU:living_street 20; HU:motorway 130; HU:rural 90; HU:trunk 110; HU:urban 50; IL:living_street 30;
IL:motorway 110; IN:motorway 120; IN:rural 70; IT:rural 90; IT:motorway 130; IT:trunk 110; IT:urban 50; JP:nsl 60;
JP:express 100; JP:motorway 100; KR:motorway 80; KR:trunk 80; KR:rural 60; LT:rural 90; LT:urban 50; NL:rural 80;
NL:trunk 100; NO:rural 80; NO:urban 50; NO:motorway 110; PL:trunk 120; PL:motorway 140; PT:motorway 120; PT:rural 90;
PT:trunk 100; PT:urban 50; RO:motorway 130; RO:rural 90; RO:trunk 100; RO:urban 50; RU:living_street 20; RU:urban 60;
RU:rural 90; RU:motorway 110; UZ:urban 70; UZ:rural 100; ZA:urban 60; ZA:rural 100
"""
"""Sources: OSM wiki, "Key:maxspeed" (implicit values); the tables of OSRM's car profile, Organic Maps and Osmose."""


@pytest.mark.parametrize(("code", "limit"), re.findall(r"(\S+) (\d+(?: mph)?)", PUBLISHED))
def test_codes_say_what_is_published(code: str, limit: str) -> None:
    found = implicit_limit(LAW, code)
    expected = read_maxspeed(limit)
    assert (found.value, found.unit) == (expected.value, expected.unit)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("DE:motorway", SpeedReason.UNLIMITED),
        ("DE:living_street", SpeedReason.WALKING_PACE),
        ("AT:living_street", SpeedReason.WALKING_PACE),
    ],
)
def test_codes_without_a_number(code: str, reason: SpeedReason) -> None:
    """Sources: StVO § 3 and § 42 with sign 325.1 (DE), StVO § 76c (AT)."""
    found = implicit_limit(LAW, code)
    assert (found.value, found.unit, found.reason) == (None, None, reason)


WORDS = {
    "urban": "urban",
    "living_street": "living street",
    "bicycle_road": "cycle street",
    "pedestrian_zone": "pedestrian zone",
}
IN_TABLE = [
    (code, word, dict(road.tags)["maxspeed"])
    for code, place in LAW.jurisdictions.items()
    for word, name in WORDS.items()
    for road in place.roads
    if road.road_type == name and "maxspeed" in dict(road.tags)
]


@pytest.mark.parametrize(("code", "word", "limit"), IN_TABLE)
def test_codes_say_what_the_table_says(code: str, word: str, limit: str) -> None:
    found = implicit_limit(LAW, f"{code}:{word}")
    expected = read_maxspeed(limit)
    assert found[:3] == (expected.value, expected.unit, expected.reason)
    assert (found.certainty, found.road_type) == (Certainty.EXACT, WORDS[word])


@pytest.mark.parametrize("code", LAW.jurisdictions)
def test_rural_is_the_rural_road_or_all_others(code: str) -> None:
    place = LAW.jurisdictions[code]
    listed = {road.road_type: dict(road.tags).get("maxspeed") for road in place.roads}
    limit = listed.get("rural", listed.get(""))
    if limit is None:
        with pytest.raises(UnknownCode):
            implicit_limit(LAW, f"{code}:rural")
    else:
        expected = read_maxspeed(limit)
        assert implicit_limit(LAW, f"{code}:rural")[:2] == (expected.value, expected.unit)


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [("FR:zone30", 30, "km/h"), ("DE:zone:20", 20, "km/h"), ("DE:30", 30, "km/h"), ("GB:zone20", 20, "mph")],
)
def test_a_number_in_the_code_is_the_answer(code: str, value: int, unit: str) -> None:
    found = implicit_limit(LAW, code)
    assert found[:2] == (value, unit)
    assert found.rules == [{"max_speed": {"value": value, "unit": unit}, "when": None}]


@pytest.mark.parametrize(
    ("code", "is_built_up", "value"),
    [
        ("CZ:motorway", None, 130),
        ("CZ:motorway", False, 130),
        ("CZ:motorway", True, 80),
        ("CZ:urban_motorway", False, 80),
        ("CZ:motorway:rural", True, 130),
        ("CZ:urban", False, 50),
        ("US-MO:motorway", True, 60),
        ("US-MO:motorway", False, 70),
    ],
)
def test_what_a_word_leaves_open_is_asked(code: str, is_built_up: bool | None, value: int) -> None:
    assert implicit_limit(LAW, code, is_built_up=is_built_up).value == value


@pytest.mark.parametrize(
    ("code", "certainty", "limit"),
    [
        ("JP:urban", Certainty.FALLBACK, (60, "km/h")),  # the law of Japan knows no built-up areas
        ("HK:urban", Certainty.FALLBACK, (50, "km/h")),
        ("GB:urban", Certainty.FUZZY, (30, "mph")),  # restricted roads are those with lamps, not those in towns
        ("AE:urban", Certainty.FUZZY, (40, "km/h")),  # single carriageways; dual ones have 60
    ],
)
def test_urban_where_no_road_type_is_just_that(code: str, certainty: Certainty, limit: tuple[int, str]) -> None:
    found = implicit_limit(LAW, code)
    assert (found[:2], found.certainty) == (limit, certainty)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "DE:trunk",
            "DE:trunk: the law table knows no such road in DE, only living street, cycle street, urban, other",
        ),
        ("UZ:motorway", "UZ:motorway: the law table knows no such road in UZ, only urban residential district, urban"),
        ("US-OR:urban", "US-OR:urban: the law table knows no such road in US-OR, only alley, school zone, business"),
        ("MX:urban", "MX:urban: the law table knows no such road in MX, only "),
        ("DE:nsl_single", "DE:nsl_single: the law table knows no such road"),
        ("CY:rural", "CY:rural: the law table knows no such road in CY, only urban"),
        ("US:urban", "US:urban: the law table states no limit there"),
        ("BE:urban", "BE:urban: the law differs between BE-BRU, BE-VLG, BE-WAL, expected one of them"),
        ("DE:nonsense", "DE:nonsense: the law table knows no such road"),
    ],
)
def test_what_the_table_does_not_know_is_refused_by_name(code: str, message: str) -> None:
    with pytest.raises(UnknownCode, match=f"^{re.escape(message)}"):
        implicit_limit(LAW, code)


def test_unknown_places_and_what_is_no_code() -> None:
    with pytest.raises(UnknownJurisdiction, match="XQ: the law table has no such jurisdiction"):
        implicit_limit(LAW, "XQ:urban")
    with pytest.raises(UnreadableSpeed):
        implicit_limit(LAW, "sign")


def test_words_stand_for_road_types_of_the_table() -> None:
    listed = {road.road_type for place in LAW.jurisdictions.values() for road in place.roads}
    for words in (ROAD_TYPES, BUILT_UP_ROAD_TYPES, NATIONAL_ROAD_TYPES):
        assert {name for names in words.values() for name in names} <= listed | {OTHER_ROADS}
    assert set(SYNONYMS.values()) <= ROAD_TYPES.keys()
    assert BUILT_UP_ROAD_TYPES.keys() <= ROAD_TYPES.keys()


def test_the_rules_of_a_code_are_those_of_the_road_type() -> None:
    rules = implicit_limit(LAW, "AT:motorway").rules
    assert [(rule["max_speed"]["value"], sorted(rule["when"] or {})) for rule in rules] == [
        (130, []),
        (80, ["vehicle"]),
        (100, ["mode"]),
        (80, ["mode"]),
    ]
