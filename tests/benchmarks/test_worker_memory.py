"""Peak memory of the workers: does it grow with the number of segments?

Run as `python -m tests.benchmarks.test_worker_memory [SEGMENTS …]`: the stage that reads what the map states over ever
more segments, each size with a Ray session of its own, and the highest resident memory that any worker reports
(`_costs.json`).
"""

import sys
import tempfile
from pathlib import Path

import pytest

from pipelines.costs import Costs
from pipelines.limit_stages import POSTED
from pipelines.settings import DEFAULTS
from pipelines.table import Table
from tests.benchmarks.shifted_roads import base_roads, lay_out


def peak_mb(table: Table, into: Path) -> float:
    """Highest resident memory (MB) of a worker in the stage that reads the limits stated."""
    from pipelines.stage import run_stage

    made = run_stage(POSTED, [table], str(into), DEFAULTS)
    return max(tile.peak_mb for tile in Costs(made).tiles.values())


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster")
def test_memory_is_reported(tmp_path: Path) -> None:
    assert 50 < peak_mb(lay_out(base_roads().slice(0, 500), 1000, tmp_path), tmp_path) < 5000


def main(*sizes: int) -> None:
    """Print segments, tiles and peak memory, one line a size."""
    import ray

    from pipelines.stage import connect

    for size in sizes or (250_000, 500_000, 1_000_000, 2_000_000):
        with tempfile.TemporaryDirectory() as folder:
            table = lay_out(base_roads(), size, Path(folder))
            connect(DEFAULTS)
            peak = peak_mb(table, Path(folder))
            ray.shutdown()
            rows = sum(receipt.rows_out for receipt in table.receipts().values())
            print(f"{rows:>10,} segments {len(table.tiles()):>5} tiles  peak {peak:6.0f} MB a worker", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
