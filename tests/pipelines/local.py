"""Tables for tests: written as the flows write them, and stages run in this process, tile by tile."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipelines.input_files import localized
from pipelines.plan import plan_stage
from pipelines.road_segments import commit_reading, lay_grid
from pipelines.table import Table, file_of, open_table, table_in
from pipelines.tile_run import TileRun
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.lift import Lift
from tasks.readers.reading import Reading


def written(segments: pa.Table, into: Path | str, *, tiles: int | None = None) -> Table:
    """Road segments committed in `tiles` tiles."""
    return commit_reading(Reading(segments, REJECT.empty(), segments.num_rows), lay_grid(segments, tiles, 20_000), into)


def run_here(lift: Lift, *tables: Table, into: Path | str) -> list[str]:
    """Run a stage without Ray and return the tiles that were computed."""
    target = open_table(lift.writes, into)
    plan = plan_stage(lift, tables, target)
    work = TileRun(replace(lift, params=localized(lift.params)), tables, str(into))
    for tile in plan.todo:
        work(tile)
    return [tile.tile for tile in plan.todo]


def all_rows(into: Path | str, contract: object = ROAD_SEGMENT) -> pa.Table:
    """Rows of a table, sorted by key, whatever the tiles."""
    table = table_in(contract, into)  # type: ignore[arg-type]
    return table.rows().sort_by(table.contract.key)


def tile_bytes(table: Table) -> dict[str, bytes]:
    """Content of the Parquet files of a table, by tile."""
    return {tile: table.store.read(file_of(tile)) for tile in table.tiles()}
