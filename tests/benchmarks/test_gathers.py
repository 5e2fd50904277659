"""Each segment with all its observations: percentiles of their speeds, by several engines, with equal results.

Run as `python -m tests.benchmarks.test_gathers [OBSERVATIONS] [SEGMENTS] [RUNS]`. First in memory, from columns in no
order to a row for each segment:

- Waysmith: `owned(...).grouped(...).percentile(...)`, one thread, with the ids of the segments at hand;
- polars and DuckDB: group by and quantiles, on all cores.

Then from observations in memory to a Parquet table of percentiles, on all cores:

- Waysmith: `partition` into the tiles of the segments, then the stage, for a task of a whole tile and of one row;
- Ray Data: `groupby(...).map_groups(...)`, and `join` with the segments followed by the same loop over groups.

Last, one segment that has all observations (`one` as the only word: this alone): partition, stage, peak of the worker.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.costs import Costs
from pipelines.partition import partition
from pipelines.settings import DEFAULTS
from pipelines.table import Table
from tasks.grouped import owned
from tasks.lift import PerRow
from tasks.tile_lift import PerTile
from tests.benchmarks.observations import (
    PACE,
    PASSAGE,
    PERCENT,
    STREET,
    drawn,
    in_batches,
    names,
    numbers,
    pace,
    paces,
    streets,
)

COLUMNS = [f"p{each:.0f}" for each in PERCENT]
Observations = tuple[pa.ChunkedArray, pa.Array]
"""Ids of the segments of the observations, and their speeds."""


def by_waysmith(seen: Observations, keys: pa.ChunkedArray) -> pa.Table:
    speeds = owned(seen[0], keys).grouped(seen[1].to_numpy()).percentile(*PERCENT)
    return pa.table([keys, *speeds.T], names=["id", *COLUMNS])


def by_polars(seen: Observations, keys: pa.ChunkedArray) -> pa.Table:
    frame = pl.DataFrame({"id": seen[0], "speed": seen[1]})
    shares = zip(PERCENT, COLUMNS, strict=True)
    made = frame.group_by("id").agg([pl.col("speed").quantile(p / 100, "linear").alias(name) for p, name in shares])
    return made.to_arrow()


def by_duckdb(seen: Observations, keys: pa.ChunkedArray) -> pa.Table:
    observations = pa.table(list(seen), names=["id", "speed"])  # noqa: F841  (DuckDB finds it by its name)
    shares = [each / 100 for each in PERCENT]
    return duckdb.sql(f"select id, quantile_cont(speed, {shares}) p from observations group by id").to_arrow_table()


IN_MEMORY: dict[str, Callable[[Observations, pa.ChunkedArray], pa.Table]] = {
    "waysmith": by_waysmith,
    "polars": by_polars,
    "duckdb": by_duckdb,
}


def percentiles_of(made: pa.Table) -> np.ndarray:
    """Percentiles by id, whatever form they came in."""
    ordered = made.sort_by(made.column_names[0])
    if "p" in ordered.column_names:
        return np.array(ordered.column("p").combine_chunks().flatten().to_numpy()).reshape(-1, len(PERCENT))
    return np.stack([ordered.column(name).to_numpy() for name in COLUMNS], axis=1)


def in_memory(seen: Observations, keys: pa.ChunkedArray, runs: int) -> dict[str, float]:
    """Median seconds of each engine, one after another in each round; their results are equal."""
    seconds: dict[str, list[float]] = {name: [] for name in IN_MEMORY}
    for _ in range(runs):
        results = []
        for name, way in IN_MEMORY.items():
            started = time.perf_counter()
            results.append(way(seen, keys))
            seconds[name].append(time.perf_counter() - started)
        for other in results[1:]:  # the others round to the type of the column
            np.testing.assert_allclose(percentiles_of(other), percentiles_of(results[0]), rtol=1e-6)
    return {name: statistics.median(each) for name, each in seconds.items()}


def through_tiles(lift: Any) -> Callable[[pa.ChunkedArray, Any, Table, Path], pa.Table]:
    def run(keys: pa.ChunkedArray, speeds: Any, segments: Table, into: Path) -> pa.Table:
        from pipelines.stage import run_stage

        shutil.rmtree(into / PACE.name, ignore_errors=True)
        seen = partition(in_batches(keys, speeds), PASSAGE, segments, into)
        return run_stage(lift, [segments, seen], str(into), DEFAULTS).rows()

    return run


def percentile_frame(group: pd.DataFrame) -> pd.DataFrame:
    values = np.percentile(group["speed"].to_numpy(np.float64), PERCENT)
    return pd.DataFrame({"segment_id": group["segment_id"].iloc[:1], **dict(zip(COLUMNS, values, strict=True))})


def ray_groupby(keys: pa.ChunkedArray, speeds: Any, segments: Table, into: Path) -> pa.Table:
    import ray.data

    target = into / "groupby"
    shutil.rmtree(target, ignore_errors=True)
    dataset = ray.data.from_arrow(list(in_batches(keys, speeds.astype(np.float32))))
    dataset.groupby("segment_id").map_groups(percentile_frame, batch_format="pandas").write_parquet(str(target))
    return pq.read_table(target)


def percentiles_of_block(block: pa.Table) -> pa.Table:
    """The loop over groups that `ray_join` needs once all rows of a segment are in one block."""
    order = np.argsort(block.column("segment_id").to_numpy(zero_copy_only=False), kind="stable")
    ids = block.column("segment_id").to_numpy(zero_copy_only=False)[order]
    values = block.column("speed").to_numpy()[order].astype(np.float64)
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else np.empty(0, int)
    made = [np.percentile(part, PERCENT) for part in np.split(values, starts[1:])] if len(ids) else []
    columns = np.array(made).reshape(-1, len(PERCENT)).T
    return pa.table([pa.array(ids[starts], pa.string()), *columns], names=["segment_id", *COLUMNS])


def ray_join(keys: pa.ChunkedArray, speeds: Any, segments: Table, into: Path) -> pa.Table:
    import ray.data

    target = into / "join"
    shutil.rmtree(target, ignore_errors=True)
    seen = ray.data.from_arrow(list(in_batches(keys, speeds.astype(np.float32))))
    streets = ray.data.from_arrow(segments.rows())
    joined = seen.join(streets, join_type="inner", num_partitions=16, on=("segment_id",))
    made = joined.map_batches(percentiles_of_block, batch_format="pyarrow", batch_size=None)
    made.write_parquet(str(target))
    return pq.read_table(target)


TO_TABLES: Mapping[str, Callable[[pa.ChunkedArray, Any, Table, Path], pa.Table]] = {
    "waysmith, PerTile": through_tiles(PerTile(paces, reads=STREET, gathers=(PASSAGE,), writes=PACE)),
    "waysmith, PerRow": through_tiles(PerRow(pace, reads=STREET, gathers=(PASSAGE,), writes=PACE)),
    "ray data join": ray_join,
    "ray data groupby": ray_groupby,
}


def to_tables(observations: int, segments: int, tiles: int, into: Path) -> dict[str, float]:
    """Seconds of each way, once; their results are equal."""
    keys, (rows, speeds) = names(numbers(segments)), drawn(segments, observations)
    table, owners = streets(keys, tiles, into), pa.chunked_array([keys.take(pa.array(rows))])
    seconds, first = {}, None
    for name, way in TO_TABLES.items():
        started = time.perf_counter()
        made = way(owners, speeds, table, into)
        seconds[name] = time.perf_counter() - started
        found = percentiles_of(made)
        first = found if first is None else first
        np.testing.assert_allclose(found, first, rtol=1e-12)
        assert made.num_rows == segments
    return seconds


def one_segment(observations: int, into: Path) -> dict[str, float]:
    """Seconds to partition and to compute all observations of a single segment, and the peak of the worker (MB)."""
    from pipelines.stage import run_stage

    keys, (rows, speeds) = names(numbers(1)), drawn(1, observations)
    segments, owners = streets(keys, 1, into), pa.chunked_array([keys.take(pa.array(rows))])
    started = time.perf_counter()
    seen = partition(in_batches(owners, speeds), PASSAGE, segments, into)
    partitioned = time.perf_counter()
    made = run_stage(PerRow(pace, reads=STREET, gathers=(PASSAGE,), writes=PACE), [segments, seen], str(into), DEFAULTS)
    ended = time.perf_counter()
    (tile,) = Costs(made).tiles.values()
    np.testing.assert_array_equal(percentiles_of(made.rows())[0], np.percentile(speeds.astype(np.float32), PERCENT))
    return {"partition": partitioned - started, "stage": ended - partitioned, "peak_mb": tile.peak_mb}


@pytest.mark.bench
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_engines_agree(kind: type) -> None:
    rows, speeds = drawn(50, 2000)
    for keys in (pa.array(numbers(50)), names(numbers(50))):
        seen = pa.chunked_array([keys.take(pa.array(rows))]), pa.array(speeds.astype(kind))
        assert set(in_memory(seen, pa.chunked_array([keys]), 1)) == set(IN_MEMORY)


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster")
def test_ways_to_tables_agree(tmp_path: Path) -> None:
    assert set(to_tables(2000, 50, 3, tmp_path)) == set(TO_TABLES)


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster")
def test_one_segment_may_have_all_observations(tmp_path: Path) -> None:
    assert one_segment(2000, tmp_path)["peak_mb"] > 50


def print_one(observations: int = 10_000_000) -> None:
    """Print what a single segment with all observations takes."""
    with tempfile.TemporaryDirectory() as folder:
        told = one_segment(observations, Path(folder))
    print(
        f"one segment, {observations:,} observations: partition {told['partition']:.1f} s, stage with the start of Ray "
        f"{told['stage']:.1f} s, peak of the worker {told['peak_mb']:.0f} MB"
    )


def main(observations: int = 10_000_000, segments: int = 200_000, runs: int = 5) -> None:
    """Print all comparisons."""
    rows, speeds = drawn(segments, observations)
    for label, keys in (("int64", pa.array(numbers(segments))), ("text", names(numbers(segments)))):
        owners = pa.chunked_array([keys.take(pa.array(rows))])
        for kind in (np.float32, np.float64):
            seen = owners, pa.array(speeds.astype(kind))
            for name, seconds in in_memory(seen, pa.chunked_array([keys]), runs).items():
                print(f"in memory, ids {label}, {kind.__name__}: {name:<10} {seconds:6.2f} s", flush=True)
    from pipelines.stage import connect

    connect(DEFAULTS)
    with tempfile.TemporaryDirectory() as folder:
        to_tables(2000, 50, 3, Path(folder) / "warm")  # workers start and import
        for name, seconds in to_tables(observations, segments, 20, Path(folder)).items():
            print(f"to tables: {name:<20} {seconds:6.1f} s", flush=True)
    print_one(observations)


if __name__ == "__main__":
    if sys.argv[1:] == ["one"]:
        print_one()
    else:
        main(*(int(word) for word in sys.argv[1:]))
