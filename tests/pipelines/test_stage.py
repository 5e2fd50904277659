import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.limit_stages import POSTED
from pipelines.settings import DEFAULTS, Settings
from pipelines.stage import run_stage
from pipelines.table import Rejects, Table, TableError
from pipelines.tile_run import StageError
from schemas.contract import Contract, field
from schemas.posted_limit import POSTED_LIMIT
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tasks.tile_lift import PerTile
from tests.pipelines.local import all_rows, tile_bytes, written
from tests.pipelines.odd_tasks import Ill, Illness, ill_length, metres_within_sight, picky
from tests.roads import random_roads

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("cluster")]

ROADS = random_roads(300)

VALUE = Contract(
    "value", 1, "segment_id", (field("segment_id", pa.string(), "Id."), field("value", pa.float64(), "Value."))
)


@pytest.mark.parametrize("tiles", [1, 7, 50])
def test_through_ray_comes_what_the_plain_function_gives(tmp_path: Path, tiles: int) -> None:
    table = written(ROADS, tmp_path, tiles=tiles)
    made = run_stage(POSTED, [table], str(tmp_path), DEFAULTS)
    assert len(made.tiles()) == tiles
    naive = POSTED({"road_segment": ROADS.sort_by("segment_id")}).rows
    assert all_rows(tmp_path, POSTED_LIMIT).to_pylist() == naive.to_pylist()


def test_a_second_run_reuses_and_a_shrunken_table_leaves_nothing_behind(tmp_path: Path) -> None:
    made = run_stage(POSTED, [written(ROADS, tmp_path, tiles=7)], str(tmp_path), DEFAULTS)
    before = {tile: made.path(tile).stat().st_mtime_ns for tile in made.tiles()}
    run_stage(POSTED, [Table(ROAD_SEGMENT, tmp_path / "road_segment")], str(tmp_path), DEFAULTS)
    assert {tile: made.path(tile).stat().st_mtime_ns for tile in made.tiles()} == before
    run_stage(POSTED, [written(ROADS.slice(0, 100), tmp_path, tiles=3)], str(tmp_path), DEFAULTS)
    assert len(made.tiles()) == 3
    assert all_rows(tmp_path, POSTED_LIMIT).num_rows == 100


def test_refused_rows_are_kept_and_too_many_fail_the_stage(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=5)
    lift = PerRow(picky, reads=ROAD_SEGMENT, writes=VALUE)
    with pytest.raises(StageError, match=r"value: 100 of 300 rows rejected, more than 5.0%"):
        run_stage(lift, [table], str(tmp_path), DEFAULTS)
    made = run_stage(lift, [table], str(tmp_path), Settings(max_reject_rate=0.5))
    refused = Rejects(tmp_path).rows()
    assert made.rows().num_rows + refused.num_rows == 300
    assert set(refused.column("key").to_pylist()) == {f"w{i}:n{i}-n{i + 1}" for i in range(0, 300, 3)}


@pytest.mark.parametrize(
    ("ill", "reason"), [(Ill.SEGFAULT, "killed"), (Ill.SYSTEM_EXIT, "killed"), (Ill.HANG_IN_C, "too_slow")]
)
def test_a_row_that_ends_its_worker_is_refused_and_the_rest_comes_out(tmp_path: Path, ill: Ill, reason: str) -> None:
    few = ROADS.slice(0, 60)
    table = written(few, tmp_path, tiles=5)
    sick = few.column("segment_id")[7].as_py()
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness((sick,), ill))
    made = run_stage(lift, [table], str(tmp_path), Settings(time_limit_s=2.0))
    assert len(made.tiles()) == 5
    assert [(row["key"], row["reason"]) for row in Rejects(tmp_path).rows().to_pylist()] == [(sick, reason)]
    lengths = {row["segment_id"]: row["length_m"] for row in few.to_pylist() if row["segment_id"] != sick}
    assert {row["segment_id"]: row["value"] for row in made.rows().to_pylist()} == lengths


def test_rows_that_want_all_memory_are_refused_and_the_rest_comes_through(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=3)
    sick = ROADS.column("segment_id")[11].as_py()
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness((sick,), Ill.ALLOCATE))
    made = run_stage(lift, [table], str(tmp_path), Settings(memory_gb=2.0))
    refused = Rejects(tmp_path).rows().to_pylist()
    assert [(row["key"], row["reason"]) for row in refused] == [(sick, "killed")]
    assert "of memory" in refused[0]["message"]
    assert made.rows().num_rows == 299


def test_what_bad_rows_leave_is_what_a_run_without_them_gives(tmp_path: Path) -> None:
    sick = (ROADS.column("segment_id")[3].as_py(), ROADS.column("segment_id")[200].as_py())
    lift = PerRow(ill_length, reads=ROAD_SEGMENT, writes=VALUE, params=Illness(sick, Ill.EXIT))
    made = run_stage(lift, [written(ROADS, tmp_path, tiles=5)], str(tmp_path), DEFAULTS)
    before = {tile: made.path(tile).stat().st_mtime_ns for tile in made.tiles()}
    run_stage(lift, [Table(ROAD_SEGMENT, tmp_path / "road_segment")], str(tmp_path), DEFAULTS)
    assert {tile: made.path(tile).stat().st_mtime_ns for tile in made.tiles()} == before


@pytest.mark.parametrize("tiles", [3, 20])
def test_a_halo_makes_tiles_invisible(tmp_path: Path, tiles: int) -> None:
    lift = PerTile(metres_within_sight, reads=ROAD_SEGMENT, writes=VALUE, halo_m=1200.0)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_stage(lift, [written(ROADS, whole, tiles=1)], str(whole), DEFAULTS)
    run_stage(lift, [written(ROADS, cut, tiles=tiles)], str(cut), DEFAULTS)
    assert all_rows(cut, VALUE).to_pylist() == all_rows(whole, VALUE).to_pylist()


def test_a_repeated_run_writes_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    tables = [run_stage(POSTED, [written(ROADS, into, tiles=7)], str(into), DEFAULTS) for into in (one, other)]
    assert tile_bytes(tables[0]) == tile_bytes(tables[1])


def test_a_full_disk_is_told_and_leaves_no_half_tile(small_disk: Path) -> None:
    rng = np.random.default_rng(0)
    table = written(random_roads(2500), small_disk, tiles=3)
    free = shutil.disk_usage(small_disk).free
    (small_disk / "ballast").write_bytes(rng.bytes(free - 20_000))
    with pytest.raises(TableError, match="No space left on device"):
        run_stage(POSTED, [table], str(small_disk), DEFAULTS)
    for file in (small_disk / "posted_limit").iterdir():
        assert file.suffix == ".parquet" or file.name == "_costs.json"
        assert file.suffix == ".json" or pq.read_table(file).num_rows > 0
    assert table.rows().num_rows == 2500
