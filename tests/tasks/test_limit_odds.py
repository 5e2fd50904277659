"""Odds of limits where much, little and nothing is known; rows that only see those they should."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.input_file import InputFile
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import habits_of
from tasks.limit_odds import LEAST, ONE_VOICE_M, LimitModel, groups, law_limits, limit_odds, one_voice
from tasks.segment_law import LawFile
from tests.tasks.limit_model.lessons import examples, random_attributes, witness

FI = [{"code": "FI", "between": None}]
LAW = [
    {
        "code": "FI",
        "between": None,
        "urban": {"limit": "50 km/h", "reason": None, "certainty": "exact", "road_type": "urban"},
        "rural": {"limit": "80 km/h", "reason": None, "certainty": "exact", "road_type": "rural"},
    }
]


@pytest.fixture(scope="module")
def habits(tmp_path_factory: pytest.TempPathFactory) -> LimitModel:
    """Habits of Finland, learned from examples; other countries have none."""
    folder = tmp_path_factory.mktemp("habits")
    pq.write_table(habits_of(examples()).to_table(), folder / "FI.parquet")
    return LimitModel(InputFile("1", str(folder)))


def asked(count: int, params: LimitModel, **given_: Any) -> list[list[dict[str, Any]]]:
    lines = [shapely.LineString([(24 + i / 50, 60), (24 + i / 50 + 0.001, 60)]) for i in range(count)]
    columns: dict[str, Any] = {
        "geometry": np.array(lines, dtype=object),
        "length_m": np.full(count, 100.0),
        "sources": [[{"property": "", "record_id": f"w{i}@1"}] for i in range(count)],
        "class_": ["primary"] * count,
        "subclass": [None] * count,
        "built_up": np.full(count, 0.8),
        "attributes": random_attributes(count),
        "jurisdictions": [FI] * count,
        "speed_unit": ["km/h"] * count,
        "witnesses": [[] for _ in range(count)],
        "legal": [LAW] * count,
        "is_own": np.ones(count, dtype=bool),
    }
    return limit_odds(**(columns | given_), params=params).odds


def assert_odds(found: list[dict[str, Any]], least: float = 0.95) -> None:
    chances = [each["probability"] for each in found]
    assert chances == sorted(chances, reverse=True)
    assert all(LEAST <= chance <= 1 for chance in chances)
    assert least < sum(chances) <= 1 + 1e-9
    assert len({each["limit"] for each in found}) == len(found)


def test_odds_are_probabilities_of_the_limits_in_question(habits: LimitModel) -> None:
    for found in asked(30, habits):
        assert_odds(found)
        assert {each["limit"] for each in found} <= {"30 km/h", "50 km/h", "80 km/h", *law_limits(LawFile(), "FI")}


def test_what_stands_along_the_road_counts(habits: LimitModel) -> None:
    strong = witness("40 km/h", near=0.9, far=0.95, named=5.0, alike=6.0, around=9.0)
    weak = {name: value / 50 if name != "limit" else value for name, value in strong.items()}
    chances = []
    for told in ([], [weak], [strong]):
        (found,) = asked(1, habits, witnesses=[told])
        chances.append({each["limit"]: each for each in found}.get("40 km/h", {"probability": 0.0, "along": 0.0}))
    assert chances[0]["probability"] <= chances[1]["probability"] < chances[2]["probability"]
    assert chances[0]["along"] < chances[1]["along"] < 0.5 < chances[2]["along"]


def test_without_habits_the_law_leads(tmp_path: Path) -> None:
    (found,) = asked(1, LimitModel(InputFile("2", str(tmp_path))))
    assert_odds(found, least=0.5)
    assert found[0]["probability"] <= 0.5, "nothing was learned here: as likely wrong as right"
    assert found[0]["limit"] == "50 km/h"
    assert len({each["learned"] for each in found}) == 1


def test_with_one_limit_in_question_it_is_that(tmp_path: Path) -> None:
    """At sea, with nothing but one segment around that has a limit."""
    (found,) = asked(
        1, LimitModel(InputFile("3", str(tmp_path))), jurisdictions=[[]], legal=[[]], speed_unit=[None],
        witnesses=[[witness("60 km/h", far=0.5)]],
    )  # fmt: skip
    assert [each["limit"] for each in found] == ["60 km/h"]


def test_where_nothing_is_known_there_are_no_odds(tmp_path: Path) -> None:
    params = LimitModel(InputFile("4", str(tmp_path)))
    assert asked(2, params, jurisdictions=[[], None], legal=[[], None], speed_unit=[None, None]) == [[], []]


def test_an_unknown_jurisdiction_has_what_stands_around(tmp_path: Path) -> None:
    place = [{"code": "XQ", "between": None}]
    told = [[witness("60 km/h", far=0.5), witness("40 km/h", around=0.2)]]
    (found,) = asked(1, LimitModel(InputFile("5", str(tmp_path))), jurisdictions=[place], legal=[[]], witnesses=told)
    assert_odds(found, least=0.5)
    assert {each["limit"] for each in found} == {"60 km/h", "40 km/h"}
    assert law_limits(LawFile(), "XQ") == []


def test_no_segments(habits: LimitModel) -> None:
    empty = {
        "geometry": np.empty(0, dtype=object),
        "length_m": np.empty(0),
        "attributes": np.empty((0, len(ATTRIBUTES))),
    }
    assert asked(0, habits, **empty) == []
    assert asked(0, habits, **(empty | {"attributes": []})) == []


def test_miles_and_kilometres_of_one_jurisdiction_are_weighed_apart(habits: LimitModel) -> None:
    """A segment whose first part is in a country of kilometres and its longest in one of miles changes no other."""
    (alone,) = asked(1, habits, speed_unit=["km/h"])
    for units in (["mph", "km/h"], ["km/h", "mph"]):
        place = units.index("km/h")
        known = np.repeat(random_attributes(1), 2, axis=0)
        assert asked(2, habits, speed_unit=units, attributes=known)[place] == alone


def test_rows_of_the_halo_lend_their_voice_and_get_no_odds_of_strangers(habits: LimitModel) -> None:
    own = np.array([True, False, False])
    records = [[{"property": "", "record_id": each}] for each in ("w1@1", "w1@1", "w2@1")]
    found = asked(3, habits, is_own=own, sources=records)
    assert found[0]
    assert found[1]
    assert found[2] == []


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 25), st.integers(1, 4), st.sets(st.integers(0, 24)), st.integers(0, 50))
def test_any_cut_between_far_parts_gives_the_same_odds(
    habits: LimitModel, count: int, ways: int, cut: set[int], seed: int
) -> None:
    """Segments 1.1 km apart: whether the others of a way are in sight changes nothing, to the last bit."""
    rng = np.random.default_rng(seed)
    pool = [witness(limit, far=0.4, around=1.0) for limit in ("30 km/h", "65 km/h", "none", "100 km/h")]
    columns: dict[str, Any] = {
        "sources": [[{"property": "", "record_id": f"w{i % ways}@1"}] for i in range(count)],
        "witnesses": [[pool[i] for i in rng.permutation(4)[: rng.integers(4)]] for _ in range(count)],
        "attributes": random_attributes(count, seed),
        "built_up": rng.uniform(0, 1, count),
        "length_m": rng.uniform(10, 900, count),
        "legal": [LAW if rng.random() < 0.7 else [] for _ in range(count)],
    }
    lines = [shapely.LineString([(24 + i / 50, 60), (24 + i / 50 + 0.001, 60)]) for i in range(count)]
    columns["geometry"] = np.array(lines, dtype=object)
    whole = asked(count, habits, **columns)
    rows = sorted(row for row in cut if row < count)
    part = {
        name: column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]
        for name, column in columns.items()
    }
    assert asked(len(rows), habits, **part) == [whole[row] for row in rows]


def test_parts_of_a_way_speak_with_one_voice() -> None:
    """The mean of logarithms by length, against a plain loop; parts beyond the reach are not heard."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1.0, 1.0, 1.0], 12)
    records = np.array(["w1"] * 7 + ["w2"] * 3 + [None, None], dtype=object)
    places = np.column_stack([rng.uniform(0, 3000, 12), np.zeros((12, 2))])
    lengths = rng.uniform(10, 500, 12)
    found = one_voice(shares, records, places, lengths)
    for i in range(12):
        mates = [
            j for j in range(12)
            if j == i or (records[i] and records[i] == records[j] and abs(places[i, 0] - places[j, 0]) <= ONE_VOICE_M)
        ]  # fmt: skip
        naive = np.exp(sum(lengths[j] * np.log(np.maximum(shares[j], 1e-4)) for j in mates) / sum(lengths[mates]))
        assert found[i] == pytest.approx(naive / naive.sum(), rel=1e-6)


def test_groups_are_rows_by_name() -> None:
    asked_for = np.array([True, True, False, True, True])
    told = [each.tolist() for each in groups(["b", "a", "a", "b", "a"], asked_for)]
    assert told == [[1, 4], [0, 3]]
    assert groups([], np.empty(0, dtype=bool)) == []
