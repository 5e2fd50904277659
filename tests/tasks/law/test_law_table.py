"""The law table: that it holds all its source says, and that what is wrong with a table is told by file and place."""

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tasks.law.law_table import FILTER_KEYS, Law, LawError, UnknownJurisdiction, digest_of, law_of, read_law, references

LAW = read_law()
SOURCE_KEYS = dict(zip(FILTER_KEYS, ("filter", "relationFilter", "fuzzyFilter"), strict=True))
UNREADABLE = {("TR", "motorway", "maxspeed:hgv:conditional")}
"""What the source says that is no speed: `0 @ (trailer)`."""


@pytest.fixture(scope="module")
def source(shared_data: Path) -> dict[str, Any]:
    """The table as its authors' parser gives it: revision 2607051 of the wiki's page, of 2023-10-21."""
    return json.loads((shared_data / "tables/legal_default_speeds.json").read_text())


def test_counts() -> None:
    """The source has 242 jurisdictions, of which 240 state a limit for cars: US and US-HI have none."""
    roads = [road for place in LAW.jurisdictions.values() for road in place.roads]
    silent = {
        code
        for code, place in LAW.jurisdictions.items()
        if not any("maxspeed" in dict(each.tags) for each in place.roads)
    }
    assert (len(LAW.jurisdictions), silent, len(roads)) == (242, {"US", "US-HI"}, 1206)
    assert sum(bool(road_type.filters) for road_type in LAW.road_types.values()) == 172
    assert sum(key.endswith(":conditional") for road in roads for key, _ in road.tags) == 889 - len(UNREADABLE)


def test_all_rules_of_the_source_are_there(source: dict[str, Any]) -> None:
    assert LAW.jurisdictions.keys() == source["speedLimitsByCountryCode"].keys()
    for code, rules in source["speedLimitsByCountryCode"].items():
        ours = [(road.road_type, dict(road.tags)) for road in LAW.jurisdictions[code].roads]
        theirs = [(rule.get("name", ""), _read(code, rule)) for rule in rules]
        assert ours == theirs, code


def _read(code: str, rule: dict[str, Any]) -> dict[str, str]:
    tags = {key: value for key, value in rule["tags"].items() if (code, rule.get("name"), key) not in UNREADABLE}
    is_unlimited = "maxspeed:advisory" in tags and "maxspeed" not in tags
    return tags | ({"maxspeed": "none"} if is_unlimited else {})


def test_all_filters_of_the_source_are_there(source: dict[str, Any]) -> None:
    ours = {
        name: {SOURCE_KEYS[key]: found.text for key in FILTER_KEYS if (found := getattr(road_type, key))}
        for name, road_type in LAW.road_types.items()
        if road_type.filters
    }
    assert ours == source["roadTypesByName"]


def test_all_warnings_of_the_source_are_notes(source: dict[str, Any]) -> None:
    unmapped = Counter(warning for warning in source["warnings"] if "Unable to map" not in warning)
    assert LAW.notes == [f"{count} road types of {warning}" for warning, count in unmapped.items()]
    named = {warning.split("'")[1] for warning in source["warnings"] if "Unable to map" in warning}
    assert named == {name for name, road_type in LAW.road_types.items() if not road_type.filters}
    assert all(LAW.road_types[name].note for name in named)
    assert "maxspeed:hgv:conditional = 0 @ (trailer)" in LAW.jurisdictions["TR"].note


def test_each_jurisdiction_says_when_and_whence() -> None:
    assert {place.date.isoformat() for place in LAW.jurisdictions.values()} == {"2023-10-21"}
    assert {place.source for place in LAW.jurisdictions.values()} == {
        "OpenStreetMap wiki, Default speed limits, revision 2607051"
    }


def test_the_files_say_whose_facts_they_are() -> None:
    for _, text in LAW.texts:
        assert "OpenStreetMap wiki contributors" in text
        assert "Attribution-ShareAlike 2.0" in text


ROAD_TYPES = """\
[road_type.urban]
exact = "zone:traffic~.*urban"

[road_type."living street"]
exact = 'highway=living_street'
fuzzy = "{urban} and service=alley"
"""
PLACES = """\
[jurisdiction.XA]
date = 2025-01-31
source = "Road Traffic Act 5"

[[jurisdiction.XA.road]]
type = "urban"
maxspeed = "50"

[[jurisdiction.XA.road]]
maxspeed = "100"
"""


def test_a_folder_of_files_is_one_table(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ROAD_TYPES)
    (tmp_path / "b.toml").write_text(PLACES)
    law = read_law(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one/both.toml").write_text(ROAD_TYPES + PLACES)
    for each in (law, read_law(tmp_path / "one/both.toml")):
        assert each.jurisdictions["XA"].source == "Road Traffic Act 5"
        assert list(each.road_types) == ["urban", "living street"]


BROKEN = [
    ("highway=living_street", "highway=living_street or", "5:34: living street: exact: found the end, expected !"),
    ("{urban} and service", "{urban} and lanes>=two and service", "6:29: living street: fuzzy: found 'two', ex"),
    (".*urban", ".*(urban", "2:25: urban: exact: found '.*(urban', expected a regular expression"),
    ("{urban} and", "{ruban} and", "6:11: living street: {ruban} is no road type, expected such as urban"),
    ('"zone:traffic~.*urban"', '"{living street}"', "1:1: urban: its filters lead back to itself"),
    ("exact = 'high", "exakt = 'high", "5:1: living street: 'exakt', expected one of exact, fuzzy, note, relation"),
    ("'highway=living_street'", "5", "5:1: living street: exact is 5, expected a filter in quotes"),
    ('type = "urban"', 'type = "Urban"', "13:9: XA: 'Urban' is no road type, expected such as urban"),
    ('maxspeed = "50"', 'maxspeed = "fifty"', "14:13: XA: maxspeed: 'fifty' is no speed"),
    ('maxspeed = "100"', "maxspeed = 100", "17:1: XA: maxspeed is 100, expected words in quotes"),
    ('maxspeed = "100"', '"maxspeed:hgv" = "none"', "17:19: XA: maxspeed:hgv: 'none', expected a whole number"),
    ('maxspeed = "100"', '"maxspeed:hvg" = "80"', "17:2: XA: maxspeed:hvg: expected maxspeed, minspeed"),
    ('maxspeed = "100"', '"maxspeed:conditional" = "80 trailer"', "17:27: XA: maxspeed:conditional: '80 trailer' is"),
    ("date = 2025-01-31", 'date = "2025"', "9:1: XA: date is '2025', expected a day such as 2023-10-21"),
    ('source = "Road Traffic Act 5"', "", "8:1: XA: source is None, expected words"),
    ('type = "urban"\n', "", "8:1: XA: two roads without a type"),
    ("[jurisdiction.XA]", "[jurisdiction.XA", "at line 8, column 17"),
    ("[road_type.urban]", "[roadtype.urban]", "1:2: roadtype: it is not known, expected table, road_type"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BROKEN, ids=[message for _, _, message in BROKEN])
def test_it_says_where_a_table_is_broken(old: str, new: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "law.toml"
    text = ROAD_TYPES + "\n" + PLACES
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    with pytest.raises(LawError) as raised:
        read_law(file)
    assert str(raised.value).startswith(str(file))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_name_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ROAD_TYPES + PLACES)
    (tmp_path / "b.toml").write_text("\n\n" + PLACES)
    with pytest.raises(LawError, match=r"b.toml:3:1: XA: it is in .*a.toml too"):
        read_law(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent", None, "No such file or directory, expected a law table"),
        ("empty", {}, "no .toml file in this folder"),
        ("law.toml", b"\xff\xfe", "byte 0 is no UTF-8"),
    ],
)
def test_what_is_no_table_is_told(
    name: str, content: dict[str, str] | bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    with pytest.raises(LawError, match=message):
        read_law(path)


def test_a_table_travels_and_is_read_once() -> None:
    """A worker gets the text of the table, so that it needs no file; in one process it is parsed once."""
    law = read_law()
    assert read_law() is law
    assert pickle.loads(pickle.dumps(law)) is law
    law_of.cache_clear()
    other = pickle.loads(pickle.dumps(law))
    assert other is not law
    assert other == law
    assert hash(other) == hash(law)


def test_the_digest_tells_tables_apart() -> None:
    texts = (("a.toml", ROAD_TYPES), ("b.toml", PLACES))
    assert digest_of(texts) == digest_of((("x.toml", ROAD_TYPES), ("y.toml", PLACES)))
    changed = (("a.toml", ROAD_TYPES), ("b.toml", PLACES.replace("50", "30")))
    assert digest_of(texts) != digest_of(changed)
    assert Law(texts) != Law(changed)


def test_order_of_trying() -> None:
    """Below the general rule from the last up, above it from the first down; without one from the last up."""
    assert [road.road_type for road in LAW.jurisdictions["NL"].in_order()] == [
        *("rural motorway", "rural motorroad", "rural"),
        *("living street", "urban"),
    ]
    assert [road.road_type for road in LAW.jurisdictions["CY"].in_order()] == ["urban"]
    assert LAW.jurisdictions["CY"].others() is None
    only_others = LAW.jurisdictions["HK"]
    assert only_others.in_order() == []
    assert only_others.others() is only_others.roads[0]


def test_references_go_through_others() -> None:
    found = references(LAW, "Alabama: rural highway with 2 or more lanes in each direction")
    assert {"Alabama: rural highway", "road with 2 or more lanes in each direction", "rural", "oneway"} <= found


@pytest.mark.parametrize(
    ("asked", "code"), [("DE", "DE"), ("DE-BY", "DE"), ("US-OR", "US-OR"), ("US-ZZ", "US"), ("BE-VLG", "BE-VLG")]
)
def test_code_of(asked: str, code: str) -> None:
    assert LAW.code_of(asked) == code


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("BE", "BE: the law table has no rules for it, only for its parts BE-BRU, BE-VLG, BE-WAL"),
        ("BE-XX", "BE-XX: the law table has no rules for it, only for its parts BE-BRU, BE-VLG, BE-WAL"),
        ("XQ", "XQ: the law table has no such jurisdiction, expected such as XK"),
        ("de", "de: the law table has no such jurisdiction"),
    ],
)
def test_unknown_codes_are_told(asked: str, message: str) -> None:
    with pytest.raises(UnknownJurisdiction, match=message):
        LAW.code_of(asked)
