"""The law of a segment: against the law asked directly, part by part, code by code."""

from pathlib import Path
from typing import Any

import pytest

from tasks.law.law_table import read_law
from tasks.legal_limit import legal_limit
from tasks.segment_law import LawFile, SegmentLaw, segment_law


def law(class_: str = "tertiary", parts: tuple[tuple[str, Any], ...] = (("DE", None),), **given: Any) -> SegmentLaw:
    columns: dict[str, Any] = {
        "class_": class_, "subclass": None, "tags": {"highway": class_}, "one_way": "no", "ref": None, "name": None,
        "routes": [], "jurisdictions": [{"code": code, "between": between} for code, between in parts], "codes": [],
        "params": LawFile(),
    }  # fmt: skip
    return segment_law(**(columns | given))


@pytest.mark.parametrize("class_", ["motorway", "primary", "tertiary", "residential", "living_street", "track"])
@pytest.mark.parametrize("code", ["DE", "FR", "GB", "US-OR", "FI", "CH"])
def test_each_area_has_the_answer_of_the_law(code: str, class_: str) -> None:
    (part,) = law(class_, ((code, None),)).legal
    for area, is_built_up in (("urban", True), ("rural", False)):
        found = legal_limit(read_law(), jurisdiction=code, tags={"highway": class_}, is_built_up=is_built_up)
        said = None if found.value is None else f"{found.value} {found.unit}"
        said = "none" if found.reason == "unlimited" else said
        assert part[area] == {
            "limit": said,
            "reason": found.reason.value if found.reason else None,
            "certainty": found.certainty.value,
            "road_type": found.road_type,
        }
        assert part[f"{area}_rules"] == found.rules


def test_each_jurisdiction_has_its_part_and_one_without_a_law_has_none() -> None:
    made = law(parts=(("FR", [0.0, 0.2]), ("XQ", [0.2, 0.5]), ("DE", [0.5, 1.0])))
    assert [(part["code"], part["between"]) for part in made.legal] == [("FR", [0.0, 0.2]), ("DE", [0.5, 1.0])]
    assert law(parts=()).legal == []


@pytest.mark.parametrize(
    ("code", "limit", "reason"),
    [
        ("DE:urban", "50 km/h", None),
        ("DE:rural", "100 km/h", None),
        ("DE:motorway", "none", "unlimited"),
        ("FR:rural", "80 km/h", None),
        ("GB:nsl_single", "60 mph", None),
        ("DE:zone30", "30 km/h", None),
    ],
)
def test_codes_are_resolved(code: str, limit: str | None, reason: str | None) -> None:
    """StVO § 3; R413-2 code de la route; Road Traffic Regulation Act 1984, as the table dates them."""
    (row,) = law(codes=[{"key": "maxspeed", "code": code, "heading": "forward"}]).implied
    assert (row["limit"], row["reason"]) == (limit, reason)
    assert (row["key"], row["code"], row["heading"]) == ("maxspeed", code, "forward")


@pytest.mark.parametrize("code", ["XQ:urban", "DE:nonsense", "urban"])
def test_a_code_that_says_nothing_is_kept_with_what_is_wrong(code: str) -> None:
    (row,) = law(codes=[{"key": "maxspeed", "code": code, "heading": None}]).implied
    assert (row["limit"], row["reason"], row["code"]) == (None, None, code)
    assert code.partition(":")[0] in row["note"]


def test_another_table_is_another_law(tmp_path: Path) -> None:
    file = tmp_path / "law.toml"
    file.write_text(TABLE, encoding="utf-8")
    made = law(parts=(("XA", None), ("DE", None)), params=LawFile.of(file))
    assert [(part["code"], part["rural"]["limit"]) for part in made.legal] == [("XA", "70 km/h")]
    file.write_text(TABLE.replace("70", "90"), encoding="utf-8")
    again = law(parts=(("XA", None),), params=LawFile.of(file))
    assert again.legal[0]["rural"]["limit"] == "90 km/h"


TABLE = """\
[jurisdiction.XA]
date = 2025-01-31
source = "Road Traffic Act 5"

[[jurisdiction.XA.road]]
maxspeed = "70"
"""


def test_an_area_that_the_map_names_is_not_the_limit() -> None:
    """A living street in a German town: StVO Anlage 3, sign 325.1, sets walking pace, not the 50 km/h of the town."""
    code = {"key": "zone:traffic", "code": "DE:urban", "heading": None}
    (walk,) = law("living_street", codes=[code]).implied
    (town,) = law("residential", codes=[code]).implied
    (country,) = law("motorway", codes=[code | {"code": "DE:rural"}]).implied
    assert (walk["limit"], walk["reason"]) == (None, "walking_pace")
    assert (town["limit"], country["limit"]) == ("50 km/h", "none")


def test_a_living_street_names_its_law() -> None:
    (told,) = law("living_street", (("FI", None),)).implied
    assert (told["code"], told["limit"]) == ("FI:living_street", "20 km/h")
    assert law("living_street", (("US-OH", None),)).implied == []
    assert law("residential", (("FI", None),)).implied == []
