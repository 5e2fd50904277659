from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from pipelines.partition import partition
from pipelines.plan import plan_stage
from pipelines.stage_run import check_all, check_rejects
from pipelines.table import Table, open_table
from pipelines.tile_run import StageError, TileRun
from schemas.contract import Contract, field
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from tasks.lift import Lifted, PerRow, Tables
from tasks.tile_lift import PerTile
from tests.pipelines.local import written
from tests.roads import random_roads

ROADS = random_roads(60)

SEEN = Contract(
    "seen", 1, "segment_id", (field("segment_id", pa.string(), "Id."), field("speed", pa.float64(), "Speed.")),
    is_key_unique=False,
)  # fmt: skip

FAST = Contract("fast", 1, "segment_id", (field("segment_id", pa.string(), "Id."), field("top", pa.float64(), "Top.")))


class Top(NamedTuple):
    top: float


def top_speed(*, speed: npt.NDArray[np.float64], length_m: float) -> Top:
    """Highest speed seen, 0 without any, in cases that the length makes differ."""
    return Top(float(speed.max(initial=0.0)) + length_m * 0)


LIFT = PerRow(top_speed, reads=ROAD_SEGMENT, gathers=(SEEN,), writes=FAST)


def observed(into: Path) -> tuple[Table, Table]:
    """Roads in one tile, and 5,000 speeds seen on them."""
    roads = written(ROADS, into, tiles=1)
    rng = np.random.default_rng(0)
    owners = ROADS.column("segment_id").take(pa.array(rng.integers(0, 50, 5000)))
    return roads, partition([pa.table({"segment_id": owners, "speed": rng.random(5000)})], SEEN, roads, into)


@pytest.mark.parametrize("parts", [2, 7, 60])
def test_a_tile_computed_in_parts_is_the_same_file(tmp_path: Path, parts: int) -> None:
    tables = observed(tmp_path)
    target = open_table(FAST, tmp_path)
    (plan,) = plan_stage(LIFT, tables, target).todo
    run = TileRun(LIFT, tables, str(tmp_path))
    run(plan)
    whole = target.path(plan.tile).read_bytes()
    target.path(plan.tile).unlink()
    run(plan._replace(parts=parts))
    assert target.path(plan.tile).read_bytes() == whole
    assert pa.compute.sum(target.rows().column("top")).as_py() > 10


@dataclass(frozen=True)
class Forgetful:
    """A lift that spoils what another one makes."""

    lift: PerRow
    how: str

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "lift"), name)

    def __call__(self, tables: Tables) -> Lifted:
        rows, rejects = self.lift(tables)
        if self.how == "loses a row":
            return Lifted(rows.slice(1), rejects)
        keys = rows.column("segment_id").to_pylist()
        keys[0] = keys[1] if self.how == "gives a key twice" else "w0:other"
        return Lifted(rows.set_column(0, rows.schema.field(0), pa.array(keys)), rejects)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("loses a row", "60 rows in, but 59 out and 0 rejected"),
        ("gives a key twice", "went in once, but came out otherwise"),
        ("gives a key of its own", "key 'w0:other' went in once, but came out otherwise"),
    ],
)
def test_a_lift_that_loses_rows_or_keys_fails_the_tile_and_commits_nothing(
    tmp_path: Path, how: str, words: str
) -> None:
    tables = observed(tmp_path)
    (plan,) = plan_stage(LIFT, tables, open_table(FAST, tmp_path)).todo
    with pytest.raises(StageError, match=words):
        TileRun(Forgetful(LIFT, how), tables, str(tmp_path))(plan)  # type: ignore[arg-type]
    assert open_table(FAST, tmp_path).tiles() == []


def test_a_stage_that_does_not_add_up_fails_with_the_numbers(tmp_path: Path) -> None:
    given = written(ROADS, tmp_path, tiles=4).receipts()
    receipts = [replace(each, rows_in=each.rows_out) for each in given.values()]
    check_all("fast", given, receipts)
    with pytest.raises(StageError, match="fast: 4 tiles in, but 3 out"):
        check_all("fast", given, receipts[1:])
    with pytest.raises(StageError, match="fast: 60 rows in, but 59 out and 0 rejected"):
        check_all("fast", given, [replace(receipts[0], rows_out=receipts[0].rows_out - 1), *receipts[1:]])
    with pytest.raises(StageError, match=r"fast: \d+\.\d m of road in, but \d+\.\d m out"):
        check_all("fast", given, [replace(receipts[0], metres=receipts[0].metres + 1), *receipts[1:]])


def test_road_that_changes_under_a_stage_is_missed(tmp_path: Path) -> None:
    roads, seen = observed(tmp_path)
    plan = plan_stage(LIFT, (roads, seen), open_table(FAST, tmp_path))
    (tile,) = plan.todo
    rows = roads.read(tile.tile)
    longer = pa.compute.multiply(rows["length_m"], 1.01)
    stretched = rows.set_column(rows.column_names.index("length_m"), "length_m", longer)
    roads.commit(ROAD_SEGMENT.conform(stretched), plan.given[0][tile.tile])
    done = TileRun(LIFT, (roads, seen), str(tmp_path))(tile)
    with pytest.raises(StageError, match=r"fast: \d+\.\d m of road in, but \d+\.\d m out"):
        check_all("fast", plan.given[0], [done.receipt])


class Halves(NamedTuple):
    row: npt.NDArray[np.int64]
    top: npt.NDArray[np.float64]


def halves(*, length_m: npt.NDArray[np.float64]) -> Halves:
    """Each road as two halves."""
    return Halves(np.repeat(np.arange(len(length_m)), 2), np.repeat(length_m / 2, 2))


HALF = replace(FAST, name="half", is_key_unique=False)
SPREADING = PerTile(halves, reads=ROAD_SEGMENT, writes=HALF, spreads=True)


def test_rows_that_vanish_under_a_stage_that_spreads_are_missed(tmp_path: Path) -> None:
    roads = written(ROADS, tmp_path, tiles=1)
    plan = plan_stage(SPREADING, (roads,), open_table(HALF, tmp_path))
    (tile,) = plan.todo
    work = TileRun(SPREADING, (roads,), str(tmp_path))
    whole = work(tile).receipt
    assert (whole.rows_in, whole.rows_out, whole.rows_rejected) == (60, 120, 0)
    check_all("half", plan.given[0], [whole], is_one_to_one=False)
    roads.commit(roads.read(tile.tile).slice(1), plan.given[0][tile.tile])
    with pytest.raises(StageError, match="half: 60 rows in, but 59 out and 0 rejected"):
        check_all("half", plan.given[0], [work(tile).receipt], is_one_to_one=False)


def test_too_many_rejects_fail_a_stage() -> None:
    receipt = Receipt("q", "", "", 100, 94, 6, 0.0)
    check_rejects("fast", [receipt], 0.06)
    with pytest.raises(StageError, match=r"fast: 6 of 100 rows rejected, more than 5.0%"):
        check_rejects("fast", [receipt], 0.05)
