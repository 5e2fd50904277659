from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import shapely

from pipelines.limit_stages import POSTED
from pipelines.map_features import commit_features
from pipelines.plan import Fingerprint, plan_stage
from pipelines.road_segments import lay_grid
from pipelines.table import Table, TableError, open_table
from schemas.contract import Contract, field
from schemas.map_feature import MAP_FEATURE
from schemas.posted_limit import POSTED_LIMIT
from schemas.receipt import Receipt
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks import fingerprint
from tasks.lift import Lift, PerRow
from tasks.readers.features import FeatureReading
from tasks.tile_lift import PerTile
from tests.pipelines.local import run_here, written
from tests.roads import random_roads, road_row, road_table
from tests.town import feature_table

ROADS = random_roads(80)

COUNT = Contract(
    "count", 1, "segment_id",
    (field("segment_id", pa.string(), "Id."), field("value", pa.float64(), "Value.")),
)  # fmt: skip


class Value(NamedTuple):
    value: list[float]


class One(NamedTuple):
    value: float


@dataclass(frozen=True)
class Scale:
    by: float


def scaled(*, length_m: float, params: Scale) -> One:
    return One(length_m * params.by)


def company(*, length_m: np.ndarray, is_own: np.ndarray) -> Value:
    """How many metres of road the task was shown."""
    return Value([float(length_m.sum())] * len(length_m))


def test_a_second_run_computes_nothing(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=7)
    assert run_here(POSTED, table, into=tmp_path) == table.tiles()
    assert run_here(POSTED, table, into=tmp_path) == []


def test_a_changed_tile_is_computed_again_alone(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=7)
    run_here(POSTED, table, into=tmp_path)
    rows = ROADS.to_pylist()
    rows[5]["tags"] = [("maxspeed", "90")]
    table = written(road_table(rows), tmp_path, tiles=7)
    changed = [tile for tile in table.tiles() if rows[5]["segment_id"] in table.read(tile)["segment_id"].to_pylist()]
    assert run_here(POSTED, table, into=tmp_path) == changed


@pytest.mark.parametrize(("module", "again"), [("tasks.maxspeed", True), ("tasks.readers.osm", False)])
def test_a_changed_algorithm_computes_what_rests_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, again: bool
) -> None:
    table = written(ROADS, tmp_path, tiles=3)
    run_here(POSTED, table, into=tmp_path)
    read = fingerprint._source
    monkeypatch.setattr(fingerprint, "_source", lambda name: read(name) + "\nEDITED = 1" * (name == module))
    assert run_here(POSTED, table, into=tmp_path) == (table.tiles() if again else [])


def test_a_changed_parameter_computes_all_again(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=3)
    once, twice = (PerRow(scaled, reads=ROAD_SEGMENT, writes=COUNT, params=Scale(by)) for by in (1.0, 2.0))
    assert run_here(once, table, into=tmp_path) == table.tiles()
    assert run_here(once, table, into=tmp_path) == []
    assert run_here(twice, table, into=tmp_path) == table.tiles()


def test_with_a_halo_the_neighbours_of_a_changed_tile_are_computed_again(tmp_path: Path) -> None:
    """Four roads in a row, 1.1 km apart, one in each tile: a halo of 1.5 km sees the next one, not the one after."""
    roads = [road_row(f"r{i}", [(0.01 * i, 0.001), (0.01 * i + 0.0001, 0.001)]) for i in range(4)]
    table = written(road_table(roads), tmp_path, tiles=4)
    lift = PerTile(company, reads=ROAD_SEGMENT, writes=COUNT, halo_m=1500.0)
    assert run_here(lift, table, into=tmp_path) == table.tiles()
    shown = open_table(COUNT, tmp_path).rows().sort_by("segment_id")["value"].to_pylist()
    lengths = [road["length_m"] for road in roads]
    naive = [sum(lengths[max(0, i - 1) : i + 2]) for i in range(4)]
    assert shown == pytest.approx(naive)
    roads[3]["name"] = "New Road"
    owner = {table.read(tile)["segment_id"].to_pylist()[0]: tile for tile in table.tiles()}
    table = written(road_table(roads), tmp_path, tiles=4)
    assert sorted(run_here(lift, table, into=tmp_path)) == sorted([owner["r2"], owner["r3"]])


def reasons(lift: Lift, *tables: Table, into: Path) -> dict[str, str]:
    return dict(plan_stage(lift, tables, open_table(lift.writes, into)).reasons)


def test_a_plan_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing that a tile rests on is changed by itself, then all at once."""
    rows = [road_row(f"r{i}", [(0.01 * i, 0.001), (0.01 * i + 0.0001, 0.001)]) for i in range(4)]
    table = written(road_table(rows), tmp_path, tiles=4)
    lift = PerTile(company, reads=ROAD_SEGMENT, writes=COUNT, halo_m=1500.0)
    assert set(reasons(lift, table, into=tmp_path).values()) == {"never computed"}
    run_here(lift, table, into=tmp_path)
    assert reasons(lift, table, into=tmp_path) == {}
    owner = {table.read(tile)["segment_id"].to_pylist()[0]: tile for tile in table.tiles()}
    rows[3]["name"] = "New Road"
    table = written(road_table(rows), tmp_path, tiles=4)
    near, own = "a neighbour within 1,500 m changed", "its input changed"
    assert reasons(lift, table, into=tmp_path) == {owner["r2"]: near, owner["r3"]: own}
    wider = replace(lift, halo_m=1600.0)
    assert reasons(wider, table, into=tmp_path)[owner["r0"]] == "parameters changed"
    finer = replace(COUNT, fields=(COUNT.fields[0], replace(COUNT.fields[1], meaning="Another value.")))
    assert reasons(replace(lift, writes=finer), table, into=tmp_path)[owner["r0"]] == "a contract changed"
    read = fingerprint._source
    monkeypatch.setattr(fingerprint, "_source", lambda name: read(name) + "\nEDITED = 1" * (name == "tasks.tile_lift"))
    assert reasons(lift, table, into=tmp_path)[owner["r0"]] == "code of company changed"
    assert reasons(wider, table, into=tmp_path)[owner["r3"]] == (f"code of company changed, parameters changed, {own}")


def test_tiles_of_an_older_fingerprint_are_computed_again(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=1)
    target = open_table(POSTED_LIMIT, tmp_path)
    target.commit(POSTED_LIMIT.empty(), replace(blank(table.tiles()[0]), fingerprint="0123456789abcdef"))
    assert list(reasons(POSTED, table, into=tmp_path).values()) == ["made by another version of Waysmith"]


def test_a_fingerprint_is_read_back() -> None:
    made = Fingerprint("a", "b", "c", "d", "e")
    assert str(made) == "a.b.c.d-e"
    assert Fingerprint.parse(str(made)) == made
    assert Fingerprint.parse("0123456789abcdef") is None


def test_a_stage_without_input_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no tiles: make this table first"):
        plan_stage(POSTED, [open_table(ROAD_SEGMENT, tmp_path)], open_table(POSTED_LIMIT, tmp_path))


SIGHT = Contract(
    "sight", 1, "segment_id",
    (field("segment_id", pa.string(), "Id."), field("speed", pa.float64(), "Speed.", unit="km/h")),
    is_key_unique=False,
)  # fmt: skip


def slowest(*, speed: np.ndarray) -> One:
    return One(float(speed.min()) if len(speed) else -1.0)


def test_observations_are_gathered_tile_by_tile(tmp_path: Path) -> None:
    """Each segment with all its observations, against a plain dict; a new observation computes its tile alone."""
    table = written(ROADS, tmp_path, tiles=5)
    sights = open_table(SIGHT, tmp_path)
    rng, naive = np.random.default_rng(0), dict.fromkeys(ROADS["segment_id"].to_pylist(), -1.0)

    def observe(tile: str) -> None:
        keys = rng.choice(table.read(tile)["segment_id"].to_pylist()[1:] or [""], 40).tolist()
        speeds = rng.uniform(5, 100, 40)
        naive.update({key: min(s for k, s in zip(keys, speeds, strict=True) if k == key) for key in keys})
        sights.commit(pa.table({"segment_id": keys, "speed": speeds}, SIGHT.schema), blank(tile))

    tiles = [tile for tile in table.tiles() if table.read(tile).num_rows > 1]
    for tile in tiles[:-1]:  # the last one has no file of observations
        observe(tile)
    lift = PerRow(slowest, reads=ROAD_SEGMENT, gathers=(SIGHT,), writes=COUNT)
    assert run_here(lift, table, sights, into=tmp_path) == table.tiles()
    made = open_table(COUNT, tmp_path).rows()
    assert dict(zip(made["segment_id"].to_pylist(), made["value"].to_pylist(), strict=True)) == naive
    observe(tiles[-1])
    assert run_here(lift, table, sights, into=tmp_path) == [tiles[-1]]


def near(*, length_m: np.ndarray, map_feature: pa.Table) -> Value:
    """How many features the task was shown."""
    return Value([float(map_feature.num_rows)] * len(length_m))


def test_tables_beside_are_seen_by_place_and_count_in_the_fingerprint(tmp_path: Path) -> None:
    """Four roads 1.1 km apart, each in its tile, a feature at each: a halo of 1.5 km sees the next ones' too."""
    roads = road_table([road_row(f"r{i}", [(0.01 * i, 0.001), (0.01 * i + 0.0001, 0.001)]) for i in range(4)])
    table, grid = written(roads, tmp_path, tiles=4), lay_grid(roads, 4, 20_000)
    owner = {table.read(tile)["segment_id"].to_pylist()[0]: tile for tile in table.tiles()}

    def features(*values: str) -> Table:
        rows = [("street_lamp", value, shapely.Point(0.01 * i, 0.0012), {}) for i, value in enumerate(values)]
        return commit_features(FeatureReading(feature_table(rows), REJECT.empty(), len(rows)), grid, tmp_path)

    lift = PerTile(near, reads=ROAD_SEGMENT, beside=(MAP_FEATURE,), writes=COUNT, halo_m=1500.0)
    lamps = features("a", "b", "c", "d")
    assert len(lamps.tiles()) == 4
    assert run_here(lift, table, lamps, into=tmp_path) == table.tiles()
    shown = open_table(COUNT, tmp_path).rows().sort_by("segment_id")["value"].to_pylist()
    assert shown == [2.0, 3.0, 3.0, 2.0]
    assert run_here(lift, table, lamps, into=tmp_path) == []
    changed = run_here(lift, table, features("a", "b", "c", "x"), into=tmp_path)
    assert sorted(changed) == sorted([owner["r2"], owner["r3"]])
    fewer = run_here(lift, table, features("a", "b", "c"), into=tmp_path)
    assert sorted(fewer) == sorted([owner["r2"], owner["r3"]])


def test_a_road_that_changes_leaves_those_that_see_the_same_features(tmp_path: Path) -> None:
    """Without a halo a tile rests on its own roads, and on the features that meet the box around them."""
    roads = [road_row(f"r{i}", [(0.01 * i, 0.001), (0.01 * i + 0.0001, 0.001)]) for i in range(4)]
    table, grid = written(road_table(roads), tmp_path, tiles=4), lay_grid(road_table(roads), 4, 20_000)
    wide = feature_table([("boundary", "FI", shapely.box(0.005, 0, 0.025, 0.01), {})])
    places = commit_features(FeatureReading(wide, REJECT.empty(), 1), grid, tmp_path)
    lift = PerTile(near, reads=ROAD_SEGMENT, beside=(MAP_FEATURE,), writes=COUNT)
    assert run_here(lift, table, places, into=tmp_path) == table.tiles()
    shown = open_table(COUNT, tmp_path).rows().sort_by("segment_id")["value"].to_pylist()
    assert shown == [0.0, 1.0, 1.0, 0.0]
    owner = {table.read(tile)["segment_id"].to_pylist()[0]: tile for tile in table.tiles()}
    roads[1]["name"] = "New Road"
    table = written(road_table(roads), tmp_path, tiles=4)
    assert run_here(lift, table, places, into=tmp_path) == [owner["r1"]]
    other = feature_table([("boundary", "SE", shapely.box(0.005, 0, 0.025, 0.01), {})])
    places = commit_features(FeatureReading(other, REJECT.empty(), 1), grid, tmp_path)
    assert len(places.tiles()) == 1
    assert sorted(run_here(lift, table, places, into=tmp_path)) == sorted([owner["r1"], owner["r2"]])


def blank(tile: str) -> Receipt:
    return Receipt(tile, "", "", 0, 0, 0, 0.0)
