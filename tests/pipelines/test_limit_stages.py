"""The stages together: any tiling of a random town gives the same rows, bit for bit."""

from pathlib import Path

import pyarrow as pa
import pytest
import shapely
from shapely.ops import substring

from pipelines.limit_model import learn_habits
from pipelines.limit_stages import ATTRIBUTES, CONTINUED, LIMITS, POSTED, SIGNS, built, lawful, likely, places
from pipelines.map_features import commit_features
from pipelines.road_segments import commit_reading, lay_grid
from schemas.reject import REJECT
from schemas.speed_rule import problems
from schemas.vocabulary import Heading
from tasks.built_up import BuiltUpParams
from tasks.built_up_model.evidence import drawn, seen_in
from tasks.lift import Lift
from tasks.limit_odds import LimitModel
from tasks.limit_text import limit_kmh
from tasks.readers.features import FeatureReading
from tasks.readers.reading import Reading
from tasks.segment_law import LawFile
from tasks.speed_rule import longest_limit
from tests.pipelines.local import all_rows, run_here
from tests.roads import road_row, road_table
from tests.town import town

BEFORE_HABITS: list[Lift] = [POSTED, places(None), SIGNS]


def limits(segments: pa.Table, features: pa.Table, into: Path, tiles: int) -> dict[str, pa.Table]:
    """All tables of a run without Ray, by name, as one table each, sorted by key."""
    grid = lay_grid(segments, tiles, 20_000)
    tables = {"road_segment": commit_reading(Reading(segments, REJECT.empty(), segments.num_rows), grid, into)}
    assert len(tables["road_segment"].tiles()) == tiles
    tables["map_feature"] = commit_features(FeatureReading(features, REJECT.empty(), features.num_rows), grid, into)
    seen = seen_in(segments["class"].to_pylist(), segments["length_m"].to_numpy(), features)
    lifts = [*BEFORE_HABITS, built(BuiltUpParams(drawn(seen))), CONTINUED, lawful(LawFile()), ATTRIBUTES]
    for lift in lifts:
        run(lift, tables, into)
    habits = learn_habits.fn(tables["road_attribute"], tables["road_segment"], str(into))
    for lift in (likely(LimitModel(habits)), LIMITS):
        run(lift, tables, into)
    return {name: all_rows(into, table.contract) for name, table in tables.items()}


def run(lift: Lift, tables: dict, into: Path) -> None:
    from pipelines.table import open_table

    sources = [tables[contract.name] for contract in lift.sources]
    run_here(lift, *sources, into=into)
    tables[lift.writes.name] = open_table(lift.writes, into)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    return limits(*town(), tmp_path_factory.mktemp("whole"), 1)


@pytest.mark.parametrize("tiles", [4, 9])
def test_any_tiling_gives_the_same_rows(whole: dict[str, pa.Table], tmp_path: Path, tiles: int) -> None:
    made = limits(*town(), tmp_path, tiles)
    for name, table in whole.items():
        for column in table.column_names:
            assert made[name][column].equals(table[column]), (name, column, first_difference(made[name], table, column))


def first_difference(one: pa.Table, other: pa.Table, column: str) -> object:
    pairs = zip(one[column].to_pylist(), other[column].to_pylist(), strict=True)
    ids = one.column(0).to_pylist()
    return next(((key, pair) for key, pair in zip(ids, pairs, strict=True) if pair[0] != pair[1]), None)


def test_the_town_asks_for_everything(whole: dict[str, pa.Table]) -> None:
    """A town without signs, laws or a border would prove nothing."""
    limits_ = whole["speed_limit"].to_pylist()
    assert {row["basis"] for row in limits_} >= {"posted", "sign", "implicit", "continuity", "learned"}
    assert {row["jurisdiction"] for row in limits_} == {"IE", "GB-NIR"}
    assert {row["reason"] for row in limits_} >= {None, "unlimited", "walking_pace"}
    assert any(len(row["jurisdictions"]) == 2 for row in whole["jurisdiction"].to_pylist())
    assert any(row["signs"] for row in whole["sign_limit"].to_pylist())
    assert sum(len(row["odds"]) > 1 for row in whole["limit_odds"].to_pylist()) > 100


def test_every_segment_has_a_number_or_a_reason_and_rules_that_say_it(whole: dict[str, pa.Table]) -> None:
    for row in whole["speed_limit"].to_pylist():
        numbers = {way: row[f"max_speed_{way}_kmh"] for way in Heading}
        assert (row["reason"] is None) == any(number is not None for number in numbers.values())
        assert not row["speed_limits"] or problems(row["speed_limits"]) == [], row["segment_id"]
        assert row["confidence"] is None or 0 < row["confidence"] <= 1
        if row["reason"] not in ("variable", "walking_pace"):
            assert {way: longest_limit(row["speed_limits"], way) for way in Heading} == numbers, row["segment_id"]


def halves(segments: pa.Table) -> pa.Table:
    """Each segment as two, a and b, that meet in its middle."""
    rows = []
    for row, line in zip(segments.to_pylist(), shapely.from_wkb(segments["geometry"].to_numpy()), strict=True):
        start, end = (each["connector_id"] for each in row["connectors"])
        middle = f"middle of {row['segment_id']}"
        for name, low, high, ends in (("a", 0.0, 0.5, (start, middle)), ("b", 0.5, 1.0, (middle, end))):
            part = substring(line, low, high, normalized=True)
            touched = [{"connector_id": each, "at": at} for each, at in zip(ends, (0.0, 1.0), strict=True)]
            kept = {key: row[key] for key in ("name", "ref", "one_way", "sources")} | {"connectors": touched}
            key = f"{row['segment_id']}/{name}"
            rows.append(road_row(key, list(part.coords), class_=row["class"], tags=dict(row["tags"]), **kept))
    return road_table(rows)


def test_splitting_segments_leaves_what_is_said_of_them(whole: dict[str, pa.Table], tmp_path: Path) -> None:
    """Where tags decide, both halves have the limits of the whole; where nothing is said, they agree mostly."""
    segments, features = town()
    made = limits(halves(segments), features, tmp_path, 1)["speed_limit"].to_pylist()
    found = {row["segment_id"]: row for row in made}
    divided = {row["segment_id"] for row in whole["jurisdiction"].to_pylist() if len(row["jurisdictions"]) > 1}
    inferred = []
    for row in whole["speed_limit"].to_pylist():
        one, other = (found[f"{row['segment_id']}/{name}"] for name in "ab")
        told = [[each[f"max_speed_{way}_kmh"] for way in Heading] for each in (row, one, other)]
        if row["segment_id"] in divided:
            continue
        if row["basis"] == "posted":
            assert told[0] == told[1] == told[2]
            assert row["reason"] == one["reason"] == other["reason"]
            assert row["speed_limits"] == one["speed_limits"] == other["speed_limits"]
        elif "sign" not in (row["basis"], one["basis"], other["basis"]):
            inferred.append(told[1] == told[2])
    assert len(inferred) > 100
    assert sum(inferred) > 0.95 * len(inferred)


def test_odds_are_probabilities_likeliest_first(whole: dict[str, pa.Table]) -> None:
    for row in whole["limit_odds"].to_pylist():
        chances = [each["probability"] for each in row["odds"]]
        assert chances == sorted(chances, reverse=True)
        assert 0.97 < sum(chances) <= 1 + 1e-6
        assert len({limit_kmh(each["limit"]) for each in row["odds"]}) == len(chances)
