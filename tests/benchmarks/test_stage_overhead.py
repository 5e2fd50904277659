"""What the engine costs over the bare loop: one plain function over a million segments, three ways.

Run as `python -m tests.benchmarks.test_stage_overhead [SEGMENTS] [RUNS] [MICROSECONDS …]`.

- bare loops: one process a core, started and rows loaded before the clock, `out.append(task(**row))`;
- Waysmith: GeoParquet tiles in, GeoParquet tiles out, receipts, checks;
- plain Ray Data: `read_parquet(columns) -> map_batches(the same loop, batch_size=10_000) -> write_parquet`.
"""

import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from pipelines.settings import DEFAULTS
from pipelines.table import Table
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tests.benchmarks.shifted_roads import base_roads, lay_out
from tests.benchmarks.slow_task import EFFORT, Rounds, effort

COLUMNS = ["segment_id", "length_m", "one_way"]
CORES = multiprocessing.cpu_count()


def turns_for(microseconds: float) -> int:
    """How many turns of the task take so long on this machine."""
    row = {"segment_id": "w1:n1-n2", "length_m": 100.0, "one_way": "no"}

    def seconds(turns: int) -> float:
        started = time.perf_counter()
        for _ in range(20_000):
            effort(**row, params=Rounds(turns))
        return (time.perf_counter() - started) / 20_000

    fixed, slow = (statistics.median(seconds(turns) for _ in range(5)) for turns in (0, 400))
    return max(0, round((microseconds * 1e-6 - fixed) / (slow - fixed) * 400))


def _loop(table: Table, part: int, params: Rounds, barrier: Any, results: Any) -> None:
    tiles = table.tiles()[part::CORES]
    rows = [row | {"params": params} for tile in tiles for row in table.read(tile, COLUMNS).to_pylist()]
    barrier.wait()
    started = time.perf_counter()
    out = []
    for row in rows:
        out.append(effort(**row))
    results.put((started, time.perf_counter(), len(out)))


def bare_loops(table: Table, params: Rounds, into: Path) -> float:
    """Seconds from the first row of any process to the last of all."""
    spawn = multiprocessing.get_context("spawn")  # Ray does not survive a fork of its driver
    barrier, results = spawn.Barrier(CORES), spawn.Queue()
    children = [spawn.Process(target=_loop, args=(table, part, params, barrier, results)) for part in range(CORES)]
    for child in children:
        child.start()
    told = [results.get() for _ in children]
    for child in children:
        child.join()
    return max(end for _, end, _ in told) - min(start for start, _, _ in told)


def waysmith_stage(table: Table, params: Rounds, into: Path) -> float:
    """Seconds of the stage, from call to committed table."""
    from pipelines.stage import run_stage

    lift = PerRow(effort, reads=ROAD_SEGMENT, writes=EFFORT, params=params)
    for tile in (into / EFFORT.name).glob("q*.parquet"):  # what it cost stays known, as in any second run
        tile.unlink()
    started = time.perf_counter()
    made = run_stage(lift, [table], str(into), DEFAULTS)
    seconds = time.perf_counter() - started
    assert sum(receipt.rows_out for receipt in made.receipts().values()) == rows_in(table)
    return seconds


def plain_ray_data(table: Table, params: Rounds, into: Path) -> float:
    """Seconds of Ray Data's own read, map and write."""
    import ray.data

    def batch(rows: pa.Table) -> pa.Table:
        values = [effort(**row, params=params).value for row in rows.to_pylist()]
        return pa.table({"segment_id": rows["segment_id"], "value": pa.array(values, pa.float64())})

    target = into / "plain"
    shutil.rmtree(target, ignore_errors=True)
    files = [str(table.path(tile)) for tile in table.tiles()]
    started = time.perf_counter()
    dataset = ray.data.read_parquet(files, columns=COLUMNS)
    dataset.map_batches(batch, batch_format="pyarrow", batch_size=10_000).write_parquet(str(target))
    return time.perf_counter() - started


def rows_in(table: Table) -> int:
    return sum(receipt.rows_out for receipt in table.receipts().values())


WAYS: dict[str, Callable[[Table, Rounds, Path], float]] = {
    "bare loops": bare_loops,
    "waysmith": waysmith_stage,
    "plain ray data": plain_ray_data,
}


def compare(table: Table, microseconds: float, runs: int, into: Path) -> Iterator[str]:
    """Lines of a table: seconds and ratio to the bare loops of the same round, medians of `runs` rounds."""
    params = Rounds(turns_for(microseconds))
    rounds = [{name: way(table, params, into) for name, way in WAYS.items()} for _ in range(runs)]
    for name in WAYS:
        seconds = statistics.median(each[name] for each in rounds)
        ratio = statistics.median(each[name] / each["bare loops"] for each in rounds)
        yield f"{microseconds:5.0f} µs  {name:<15} {seconds:8.2f} s  × {ratio:.2f}"


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster")
def test_all_ways_do_the_same_work(tmp_path: Path) -> None:
    table = lay_out(base_roads().slice(0, 500), 1000, tmp_path)
    for line in compare(table, 1, 1, tmp_path):
        assert "×" in line
    made = waysmith_rows(tmp_path)
    plain = pa.concat_tables([pa.parquet.read_table(file) for file in (tmp_path / "plain").glob("*.parquet")])
    assert made.sort_by("segment_id").to_pylist() == plain.sort_by("segment_id").to_pylist()


def waysmith_rows(into: Path) -> pa.Table:
    return Table(EFFORT, into / EFFORT.name).rows()


def main(count: int = 2_000_000, runs: int = 3, *efforts: int) -> None:
    """Print the comparison for tasks of some microseconds (5 and 20), after one run that starts the workers."""
    from pipelines.stage import connect

    connect(DEFAULTS)
    with tempfile.TemporaryDirectory() as folder:
        table = lay_out(base_roads(), count, Path(folder))
        print(f"{rows_in(table):,} segments, {len(table.tiles())} tiles, {CORES} cores, medians of {runs}")
        waysmith_stage(table, Rounds(0), Path(folder))
        for microseconds in efforts or (5, 20):
            print("\n".join(compare(table, microseconds, runs, Path(folder))), flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
