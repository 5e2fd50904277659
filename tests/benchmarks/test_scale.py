"""What a segment costs, and how much memory a worker takes, as tables grow from 0.1 to 10 million segments.

Run as `python -m tests.benchmarks.test_scale [SEGMENTS …]`: two stages, one row by row (what the map states) and one
that sees its surroundings (the road around each segment), each from committed table to committed table. Ray is up and
its workers have run once before the clock starts.
"""

import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.costs import Costs
from pipelines.limit_stages import POSTED
from pipelines.settings import DEFAULTS
from pipelines.table import Table
from schemas.contract import Contract, field
from schemas.road import ROAD_SEGMENT
from tasks.lift import Lift
from tasks.tile_lift import PerTile
from tests.benchmarks.road_around import REACH_M, road_around
from tests.benchmarks.shifted_roads import base_roads, lay_out

AROUND = Contract(
    "road_around",
    1,
    "segment_id",
    (
        field("segment_id", pa.string(), "Id of the segment."),
        field("metres", pa.float64(), "Road whose middle lies in sight.", unit="m"),
    ),
)

STAGES: tuple[Lift, ...] = (
    POSTED,
    PerTile(road_around, reads=ROAD_SEGMENT, writes=AROUND, halo_m=REACH_M),
)


def measured(lift: Lift, table: Table, into: Path) -> dict[str, float]:
    """Seconds of a stage, and the highest resident memory of a worker in it (MB)."""
    from pipelines.stage import run_stage

    started = time.perf_counter()
    made = run_stage(lift, [table], str(into), DEFAULTS)
    seconds = time.perf_counter() - started
    assert sum(receipt.rows_out for receipt in made.receipts().values()) == rows_in(table)
    return {"seconds": seconds, "peak_mb": max(tile.peak_mb for tile in Costs(made).tiles.values())}


def rows_in(table: Table) -> int:
    return sum(receipt.rows_out for receipt in table.receipts().values())


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster")
def test_both_stages_come_through_and_report_memory(tmp_path: Path) -> None:
    table = lay_out(base_roads().slice(0, 500), 1000, tmp_path)
    for lift in STAGES:
        assert 50 < measured(lift, table, tmp_path)["peak_mb"] < 5000


def main(*sizes: int) -> None:
    """Print seconds, cost of a segment and peak memory, one line for each size and stage."""
    from pipelines.stage import connect

    connect(DEFAULTS)
    base = base_roads()
    with tempfile.TemporaryDirectory() as folder:
        warm = lay_out(base, 50_000, Path(folder) / "warm")
        for lift in STAGES:
            measured(lift, warm, Path(folder) / "warm")
        for size in sizes or (100_000, 1_000_000, 10_000_000):
            into = Path(folder) / str(size)
            table = lay_out(base, size, into)
            for lift in STAGES:
                told = measured(lift, table, into)
                each = 1e6 * told["seconds"] / rows_in(table)
                print(
                    f"{rows_in(table):>11,} segments {len(table.tiles()):>5} tiles  {lift.writes.name:<14} "
                    f"{told['seconds']:8.1f} s {each:6.2f} µs a segment  {told['peak_mb']:6.0f} MB a worker",
                    flush=True,
                )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
