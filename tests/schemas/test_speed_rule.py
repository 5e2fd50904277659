"""Speed rules: our verdict against Overture's examples, counterexamples and official models."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.speed_rule import (
    COMPARISONS,
    HEADINGS,
    LENGTH_UNITS,
    PURPOSES_OF_USE,
    RECOGNIZED_STATUSES,
    SPEED_RULE,
    SPEED_UNITS,
    TRAVEL_MODES,
    UNITS_OF_DIMENSION,
    WEIGHT_UNITS,
    is_between,
    problems,
)

FIFTY = {"max_speed": {"value": 50, "unit": "km/h"}}
AXLES = {"dimension": "axle_count", "comparison": "less_than", "value": 3}


def documents(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the properties of each example in a folder, by file name."""
    yaml = pytest.importorskip("yaml")
    files = [*folder.rglob("*.yaml"), *folder.rglob("*.json")]
    told = {file.name: yaml.safe_load(file.read_text()) for file in files}
    return {name: document["properties"] for name, document in told.items() if "properties" in document}


def betweens(value: object) -> list[object]:
    """Return every value of a key `between`, at any depth."""
    if isinstance(value, dict):
        found = [value["between"]] if "between" in value else []
        return found + [each for part in value.values() for each in betweens(part)]
    return [each for part in value for each in betweens(part)] if isinstance(value, list) else []


def test_overtures_examples_are_accepted(shared_data: Path) -> None:
    told = documents(shared_data / "overture/schema-examples/examples/transportation")
    rules = {name: each["speed_limits"] for name, each in told.items() if "speed_limits" in each}
    assert {"road-restrictions-speed-limits.yaml", "speed-limits-01-simple.yaml"} <= set(rules)
    assert {name: problems(each) for name, each in rules.items() if problems(each)} == {}


def test_linear_references_of_overtures_examples_are_accepted(shared_data: Path) -> None:
    told = documents(shared_data / "overture/schema-examples/examples/transportation")
    found = {name: betweens(each) for name, each in told.items() if betweens(each)}
    assert {"road-with-lr-width.yaml", "road-with-lr-sources.yaml"} <= set(found)
    assert [name for name, each in found.items() if not all(map(is_between, each))] == []


def test_overtures_counterexamples_are_refused(shared_data: Path) -> None:
    told = documents(shared_data / "overture/schema-examples/counterexamples/transportation")
    rules = {name: each["speed_limits"] for name, each in told.items() if "speed_limits" in each}
    assert set(rules) == {
        "bad-speed-limits-empty-rule.json",
        "bad-speed-limits-invalid-type.json",
        "bad-speed-limits-mode.yaml",
    }
    assert [name for name, each in rules.items() if not problems(each)] == []


def test_linear_references_of_overtures_counterexamples_are_refused(shared_data: Path) -> None:
    """The other files with the word have good references: `bad-lr-width-missing-items.json` lacks a value."""
    told = documents(shared_data / "overture/schema-examples/counterexamples/transportation")
    found = {name: betweens(each) for name, each in told.items() if betweens(each)}
    assert {name for name, each in found.items() if not all(map(is_between, each))} == {"bad-source-between.yaml"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], "speed_limits is [], expected a list of one rule or more"),
        ([None], "rule 0: it is None, expected a mapping"),
        ([{}], "rule 0: neither max_speed nor min_speed, expected one of them or both"),
        (
            [{"max_speed": {"value": 351, "unit": "mph"}}],
            "rule 0: max_speed.value is 351, expected an integer from 1 to 350",
        ),
        (
            [{"max_speed": {"value": 50.0, "unit": "mph"}}],
            "rule 0: max_speed.value is 50.0, expected an integer from 1 to 350",
        ),
        (
            [{"min_speed": {"value": True, "unit": "mph"}}],
            "rule 0: min_speed.value is True, expected an integer from 1 to 350",
        ),
        ([{"max_speed": {"value": 50}}], "rule 0: max_speed has no 'unit'"),
        ([FIFTY, FIFTY | {"when": None}], "rule 1: it repeats an earlier rule"),
        (
            [FIFTY | {"between": [0.5, 0.5]}],
            "rule 0: between is [0.5, 0.5], expected two numbers a, b with 0 ≤ a < b ≤ 1",
        ),
        ([FIFTY | {"is_max_speed_variable": 1}], "rule 0: is_max_speed_variable is 1, expected true or false"),
        (
            [FIFTY | {"when": {"heading": ["forward"]}}],
            "rule 0: when.heading is ['forward'], expected forward or backward",
        ),
        ([FIFTY | {"when": {"during": " "}}], "rule 0: when.during is ' ', expected opening hours as OSM writes them"),
        ([FIFTY | {"when": {"mode": ["car", "car"]}}], "rule 0: when.mode[1] repeats an earlier item"),
        ([FIFTY | {"when": {"mode": []}}], "rule 0: when.mode is [], expected a list of one item or more"),
        (
            [FIFTY | {"when": {"vehicle": [AXLES | {"unit": "m"}]}}],
            "rule 0: when.vehicle[0].unit is 'm', expected none for axle_count",
        ),
        (
            [FIFTY | {"when": {"vehicle": [AXLES | {"value": 2.5}]}}],
            "rule 0: when.vehicle[0].value is 2.5, expected a whole number from 1 to 100",
        ),
        (
            [FIFTY | {"when": {"heading": None}}],
            "rule 0: when is empty, expected heading, during, mode, using, recognized or vehicle",
        ),
        (
            [FIFTY | {"speed": 1}],
            "rule 0: it has the key 'speed', expected between, max_speed, min_speed, is_max_speed_variable or when",
        ),
    ],
)
def test_a_problem_is_told_in_words(rules: list[Any], words: str) -> None:
    assert problems(rules) == [words]


def test_nulls_of_arrow_count_as_absent() -> None:
    rule = FIFTY | {"when": {"heading": "forward", "vehicle": [AXLES]}, "between": [0, 0.25]}
    through_arrow = pa.array([rule], SPEED_RULE).to_pylist()
    assert through_arrow[0]["min_speed"] is None
    assert problems(through_arrow) == []


def one_of(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Mostly a word that is allowed, at times one that is not."""
    return st.sampled_from([*words, *words, "other"])


def some_of(words: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(one_of(words), max_size=3)


NUMBERS = st.sampled_from([-1, 0, 0.25, 0.5, 1, 1.5, 3, 100, 101])
BETWEEN = st.sampled_from([[0, 0.5], [0.25, 1.0]]) | st.lists(
    st.sampled_from([0, 0.0, 0.25, 0.5, 1, 1.5, -0.1]), min_size=1, max_size=3
)
SPEED = st.fixed_dictionaries(
    {"value": st.sampled_from([*range(1, 350, 20), 350, 351, 0]), "unit": st.sampled_from([*SPEED_UNITS * 5, "kph"])}
)
VEHICLE = st.fixed_dictionaries(
    {"dimension": one_of(tuple(UNITS_OF_DIMENSION)), "comparison": one_of(COMPARISONS)},
    optional={"value": NUMBERS, "unit": one_of(LENGTH_UNITS + WEIGHT_UNITS), "extra": st.just(1)},
)
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "heading": one_of(HEADINGS),
        "during": st.just("Mo-Fr 07:00-17:00"),
        "mode": some_of(TRAVEL_MODES),
        "using": some_of(PURPOSES_OF_USE),
        "recognized": some_of(RECOGNIZED_STATUSES),
        "vehicle": st.lists(VEHICLE, max_size=2),
    },
)
RULE = st.fixed_dictionaries(
    {},
    optional={
        "max_speed": SPEED,
        "min_speed": SPEED,
        "is_max_speed_variable": st.booleans(),
        "between": BETWEEN,
        "when": WHEN,
    },
) | st.fixed_dictionaries({"max_speed": st.just({"value": 30, "unit": "mph"})}, optional={"when": WHEN})


@settings(max_examples=500, deadline=None)
@given(rules=st.lists(RULE, max_size=2))
def test_our_verdict_is_that_of_the_official_models(rules: list[dict[str, Any]]) -> None:
    """Generated rules have the types of JSON alone, and no blank `during`: there we are stricter."""
    models = pytest.importorskip("overture.schema.transportation")
    pydantic = pytest.importorskip("pydantic")
    official = pydantic.TypeAdapter(models.RoadSegment.model_fields["speed_limits"].annotation)
    try:
        is_valid = official.validate_json(json.dumps(rules)) is not None
    except pydantic.ValidationError:
        is_valid = False
    assert (problems(rules) == []) == is_valid
