"""A city in one tile: what a stage takes where one of 20 tiles holds 60 % of all rows, and where all are alike.

Run as `python -m tests.benchmarks.test_skew [SEGMENTS] [RUNS]`, a task of 20 µs, after one run that starts the workers.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.settings import DEFAULTS
from pipelines.table import Table, open_table
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tests.benchmarks.slow_task import EFFORT, Rounds, effort
from tests.benchmarks.test_stage_overhead import turns_for
from tests.roads import random_roads

TILES = tuple(f"q{first}{second}{third}" for first in "0123" for second in "0123" for third in "01")[:20]

CITY = 0.6
"""Share of all rows in the one heavy tile."""


def cut(rows: pa.Table, shares: list[float], into: Path) -> Table:
    """Commit rows in tiles of these shares, whatever lies where: the task does not look."""
    table = open_table(ROAD_SEGMENT, into)
    ends = np.round(np.cumsum([0.0, *shares]) * rows.num_rows).astype(int)
    for tile, start, end in zip(TILES, ends[:-1], ends[1:], strict=True):
        part = rows.slice(start, end - start)
        metres = pc.sum(part.column("length_m")).as_py()
        table.commit(part, Receipt(tile, "", "", part.num_rows, part.num_rows, 0, metres))
    return table


def seconds(table: Table, params: Rounds, into: Path) -> float:
    """Seconds of the stage; what its tiles cost is known from the run before."""
    from pipelines.stage import run_stage

    for tile in (into / EFFORT.name).glob("q*.parquet"):
        tile.unlink()
    started = time.perf_counter()
    run_stage(PerRow(effort, reads=ROAD_SEGMENT, writes=EFFORT, params=params), [table], str(into), DEFAULTS)
    return time.perf_counter() - started


def compare(count: int, runs: int, turns: int, into: Path) -> tuple[float, float]:
    """Median seconds with even tiles and with a city."""
    rows = random_roads(count)
    others = (1 - CITY) / (len(TILES) - 1)
    shares = {"even": [1 / len(TILES)] * len(TILES), "city": [others] * 7 + [CITY] + [others] * (len(TILES) - 8)}
    tables = {name: cut(rows, each, into / name) for name, each in shares.items()}
    took: dict[str, list[float]] = {name: [] for name in shares}
    for _ in range(runs + 1):  # the first starts workers and measures tiles
        for name, table in tables.items():
            took[name].append(seconds(table, Rounds(turns), into / name))
    return statistics.median(took["even"][1:]), statistics.median(took["city"][1:])


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster")
def test_both_come_through(tmp_path: Path) -> None:
    assert all(each > 0 for each in compare(400, 1, 1, tmp_path))


def main(count: int = 400_000, runs: int = 3) -> None:
    """Print seconds of both and their ratio."""
    from pipelines.stage import connect

    connect(DEFAULTS)
    with tempfile.TemporaryDirectory() as folder:
        even, city = compare(count, runs, turns_for(20), Path(folder))
    print(f"{count:,} segments, {len(TILES)} tiles: even {even:.2f} s, one with {CITY:.0%} {city:.2f} s", end="")
    print(f", × {city / even:.2f}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
