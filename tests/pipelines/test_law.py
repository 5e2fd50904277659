"""The law in lines: everything the table knows of a place, and every change between two tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.law import law_diff_lines, law_lines, law_table_lines
from tasks.law.law_table import Law, UnknownJurisdiction, law_of, read_law
from tasks.law.vehicle_limit import read_limits

LAW = read_law()
TABLE = """\
[road_type.urban]
exact = "zone:traffic~.*urban"
fuzzy = "highway=residential"

[road_type."living street"]
exact = "highway=living_street"
note = "walking pace where signed"

[road_type."service road"]
exact = "{urban} and highway=service"

[jurisdiction.XA]
date = 2025-01-31
source = "Road Traffic Act 5"
note = "under review"

[[jurisdiction.XA.road]]
type = "living street"
maxspeed = "walk"

[[jurisdiction.XA.road]]
type = "service road"
maxspeed = "none"
"maxspeed:bus" = "30"
"maxspeed:hgv:conditional" = "40 @ (wet); 30 @ (weight>7.5)"
minspeed = "10"

[[jurisdiction.XA.road]]
"maxspeed:advisory" = "60"
"""


def law(text: str = TABLE) -> Law:
    return law_of((("law.toml", text),))


def test_a_jurisdiction() -> None:
    assert law_lines(law(), "XA") == [
        "XA: as of 2025-01-31",
        "  source: Road Traffic Act 5",
        "  note: under review",
        "  Below 'all other roads' the last that matches wins; where none does, above it the first.",
        "  living street: walking pace",
        "    exact: highway=living_street",
        "    note: walking pace where signed",
        "  service road: unlimited",
        "    at least 10 km/h",
        "    30 km/h for bus",
        "    40 km/h for hgv when wet",
        "    30 km/h for hgv when vehicle weight greater than 7.5 t",
        "    exact: {urban} and highway=service",
        "  all other roads: no limit of its own for cars",
        "    advisory 60",
        "  {urban}",
        "    exact: zone:traffic~.*urban",
        "    fuzzy: highway=residential",
    ]


def test_a_part_without_a_law_of_its_own() -> None:
    assert law_lines(law(), "XA-NC")[0] == "XA, whose law holds in XA-NC: as of 2025-01-31"


def test_an_unknown_code_names_near_ones() -> None:
    with pytest.raises(UnknownJurisdiction, match=r"US_OR: .*expected such as US-OR"):
        law_lines(LAW, "US_OR")


@given(st.sampled_from(sorted(LAW.jurisdictions)))
def test_each_jurisdiction_is_told_whole(code: str) -> None:
    lines = law_lines(LAW, code)
    text = "\n".join(lines)
    for road in LAW.jurisdictions[code].roads:
        limits = read_limits(road.tags)
        assert f"\n  {road.road_type or 'all other roads'}: " in text
        assert all(f"    {told}" in lines for told in (*limits.notes, *(each.text for each in limits.vehicles)))
        if limits.car_speed:
            assert f"{road.road_type or 'all other roads'}: {limits.car_speed.value} {limits.car_speed.unit}" in text
        for found in LAW.road_types[road.road_type].filters if road.road_type else ():
            assert found.text in text


def test_the_whole_table() -> None:
    first, *notes, codes = law_table_lines(LAW)
    assert first == "242 jurisdictions, 194 road types"
    assert notes == [
        "note: 5 road types of Transnistria: Unknown country / subdivision",
        "note: 3 road types of Somaliland: Unknown country / subdivision",
        "note: 3 road types of Sint Maarten: Unknown country / subdivision",
    ]
    assert codes.startswith("codes: AD, AE, ")


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ('maxspeed = "walk"', 'maxspeed = "10"', ["~ XA: living street: maxspeed walk -> 10"]),
        ('"maxspeed:bus" = "30"\n', "", ["~ XA: service road: maxspeed:bus 30 -> absent"]),
        ("2025-01-31", "2026-03-01", ["~ XA: date 2025-01-31 -> 2026-03-01"]),
        ("Act 5", "Act 6", ["~ XA: source Road Traffic Act 5 -> Road Traffic Act 6"]),
        ('note = "under review"\n', "", ["~ XA: note under review -> none"]),
        ('{urban} and', "lit=yes and", [
            "~ road type service road: exact {urban} and highway=service -> lit=yes and highway=service",
        ]),
        ('fuzzy = "highway=residential"\n', "", ["~ road type urban: fuzzy highway=residential -> absent"]),
        ('type = "living street"', 'type = "urban"', [
            "- XA: living street: maxspeed=walk",
            "+ XA: urban: maxspeed=walk",
        ]),
        ('[jurisdiction.XA]\n', '[road_type.alley]\nexact = "service=alley"\n[jurisdiction.XA]\n', [
            "+ road type alley",
        ]),
        ('[jurisdiction.XA]\n', '[jurisdiction.XB]\ndate = 2025-01-31\nsource = ""\n[jurisdiction.XA]\n', [
            "+ XB: 0 road types",
        ]),
        ('\n[[jurisdiction.XA.road]]\n"max', '\n[[jurisdiction.XA.road]]\ntype = "urban"\nmaxspeed = "50"\n"max', [
            "+ XA: urban: maxspeed=50, maxspeed:advisory=60",
            "- XA: all other roads: maxspeed:advisory=60",
        ]),
    ],
)  # fmt: skip
def test_changes(old: str, new: str, lines: list[str]) -> None:
    assert TABLE.count(old) == 1
    changed = law(TABLE.replace(old, new))
    assert sorted(law_diff_lines(law(), changed)) == sorted(lines)
    back = law_diff_lines(changed, law())
    assert len(back) == len(lines)
    assert back != lines


def test_no_change_no_lines() -> None:
    assert law_diff_lines(LAW, LAW) == []


def test_the_order_of_road_types_is_told() -> None:
    """Which road type wins rests on it."""
    head, living, service, others = TABLE.partition("[[jurisdiction.XA.road]]")[0], *TABLE.split("[[")[1:]
    swapped = law(f"{head}[[{service}[[{living}[[{others}")
    assert law_diff_lines(law(), swapped) == [
        "~ XA: order of the road types living street, service road, all other roads"
        " -> service road, living street, all other roads"
    ]


def test_a_road_type_that_is_listed_twice() -> None:
    """The law of VN lists `rural single carriageway` twice."""
    assert law_diff_lines(LAW, LAW) == []
    twice = TABLE + '\n[[jurisdiction.XA.road]]\ntype = "living street"\nmaxspeed = "5"\n'
    assert law_diff_lines(law(), law(twice)) == ["+ XA: living street (2): maxspeed=5"]
