"""Weekly profiles of many observations, by several engines side by side, with equal results.

Run as `python -m tests.benchmarks.test_profiles [OBSERVATIONS] [SEGMENTS] [RUNS]`. All start from one Arrow table,
observations in no order: segment, trace, bin of the week, speed, of the types of SPEED_OBSERVATION with numbers for
names. All end with an Arrow table, in any order of rows, on all cores (`OMP_NUM_THREADS` and `POLARS_MAX_THREADS` say
otherwise). Told are medians of wall and of processor seconds.

- percentiles: 15, 50 and 85 of each segment;
- bins: mean and count of every five minutes of a segment that have observations;
- whole week: 2,016 bins for each segment, each backed by coarser ones where fewer than 5 different traces passed; of a
  tenth of the segments and observations, since DuckDB needs all memory for more. A list of 2,016 in each row;
- whole week against bins: what the whole week costs Waysmith for all observations, tile by tile, beside what DuckDB
  takes for the bins that have observations alone. The results differ, so nobody compares them.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from tasks.grouped import FEW, owned_by_place
from tasks.week_profile import CELLS, seen_bins, week_means

PERCENT = (15.0, 50.0, 85.0)
LEAST = 5
"""Different traces below which a bin speaks with the voice of a coarser one."""
TILE = 20_000
"""Segments whose weeks are made at a time, as a tile's are."""

Way = Callable[[pa.Table, int], pa.Table]


class Cost(NamedTuple):
    """Seconds."""

    wall: float
    processor: float


def drawn(segments: int, count: int, seed: int = 0) -> pa.Table:
    """Observations, most by day, each of one of a hundred traces of its segment."""
    rng = np.random.default_rng(seed)
    segment = np.concatenate([np.arange(segments), rng.integers(0, segments, count - segments)])
    rng.shuffle(segment)
    hour = np.clip(rng.normal(13, 4.5, count), 0, 23.9)
    return pa.table(
        {
            "segment": segment.astype(np.int32),
            "trace": rng.integers(0, 100, count).astype(np.int32),
            "week_bin": (rng.integers(0, 7, count) * 288 + hour * 12).astype(np.int16),
            "speed": rng.normal(50, 12, count).astype(np.float32),
        }
    )


def percentiles_by_waysmith(seen: pa.Table, segments: int) -> pa.Table:
    speeds = owned_by_place(seen["segment"].to_numpy(), segments).grouped(seen["speed"].to_numpy())
    return pa.table([np.arange(segments), *speeds.percentile(*PERCENT).T], names=["segment", *map(str, PERCENT)])


def percentiles_by_polars(seen: pa.Table, segments: int) -> pa.Table:
    shares = [pl.col("speed").quantile(each / 100, "linear").alias(str(each)) for each in PERCENT]
    return pl.from_arrow(seen).group_by("segment").agg(shares).to_arrow()


def percentiles_by_duckdb(seen: pa.Table, segments: int) -> pa.Table:
    shares = [each / 100 for each in PERCENT]
    made = duckdb.sql(f"select segment, quantile_cont(speed, {shares}) p from seen group by segment").to_arrow_table()
    values = made["p"].combine_chunks().flatten().to_numpy().reshape(-1, len(PERCENT)).T
    return pa.table([made["segment"], *values], names=["segment", *map(str, PERCENT)])


def bins_by_waysmith(seen: pa.Table, segments: int) -> pa.Table:
    owned = owned_by_place(seen["segment"].to_numpy(), segments)
    week_bin, speed = (owned.grouped(seen[name].to_numpy()).values for name in ("week_bin", "speed"))
    made = seen_bins(starts=owned.starts, week_bin=week_bin, speed_kmh=speed)
    segment = np.repeat(np.arange(segments, dtype=np.int32), np.diff(made.starts))
    return pa.table({"segment": segment, "week_bin": made.bins, "mean": made.sums / made.counts, "count": made.counts})


def bins_by_duckdb(seen: pa.Table, segments: int) -> pa.Table:
    query = "select segment, week_bin, avg(speed) mean, count(*) count from seen group by segment, week_bin"
    return duckdb.sql(query).to_arrow_table()


def bins_by_polars(seen: pa.Table, segments: int) -> pa.Table:
    means = pl.col("speed").cast(pl.Float64).mean().alias("mean"), pl.len().alias("count")
    return pl.from_arrow(seen).group_by("segment", "week_bin").agg(*means).to_arrow()


def weeks_by_waysmith(seen: pa.Table, segments: int) -> pa.Table:
    """Weeks tile by tile; those of the last one are given on, the others are let go as tiles are once written."""
    owned = owned_by_place(seen["segment"].to_numpy(), segments)
    week_bin, trace, speed = (owned.grouped(seen[name].to_numpy()).values for name in ("week_bin", "trace", "speed"))
    for first in range(0, segments, TILE):
        starts = owned.starts[first : first + TILE + 1]
        own = slice(starts[0], starts[-1])
        made = week_means(
            starts=starts - starts[0],
            week_bin=week_bin[own],
            trace=trace[own],
            speed_kmh=speed[own],
            least_traces=LEAST,
        )
    segment = np.arange(first, segments)
    return pa.table({"segment": segment, "week": pa.FixedSizeListArray.from_arrays(made.kmh.ravel(), 2016)})


def weeks_by_duckdb(seen: pa.Table, segments: int) -> pa.Table:
    """Means of all cells of each level, then the finest that enough traces passed for each bin of each segment."""
    levels = len(CELLS.of_bin)
    cells = pa.table({"week_bin": np.arange(2016), **{f"l{i}": CELLS.of_bin[i] for i in range(levels)}})
    with duckdb.connect() as connection:
        connection.register("observations", seen)
        connection.register("bins", cells)
        for i in range(levels):
            having = f"having count(distinct trace) >= {LEAST}" if i else ""
            connection.sql(
                f"create table m{i} as select segment, l{i} cell, avg(speed) m from observations "
                f"join bins using (week_bin) group by all {having}"
            )
        joins = " ".join(f"left join m{i} on m{i}.segment = s.segment and m{i}.cell = b.l{i}" for i in range(levels))
        best = ", ".join(f"m{i}.m" for i in reversed(range(levels)))
        every = "(select distinct segment from observations) s cross join bins b"
        means = f"select s.segment, week_bin, coalesce({best})::float m from {every} {joins}"
        weeks = f"select segment, list(m order by week_bin) as week from ({means}) group by segment"
        return connection.sql(weeks).to_arrow_table()


WAYS: Mapping[str, Mapping[str, Way]] = {
    "percentiles": {
        "waysmith": percentiles_by_waysmith,
        "polars": percentiles_by_polars,
        "duckdb": percentiles_by_duckdb,
    },
    "bins": {"waysmith": bins_by_waysmith, "duckdb": bins_by_duckdb, "polars": bins_by_polars},
    "whole week": {"waysmith": weeks_by_waysmith, "duckdb": weeks_by_duckdb},
}
APART: Mapping[str, Way] = {"waysmith": weeks_by_waysmith, "duckdb": bins_by_duckdb}
"""Ways with results that differ."""


def figures(made: pa.Table) -> list[np.ndarray]:
    """All columns, in the order of segment and bin."""
    keys = [name for name in ("segment", "week_bin") if name in made.column_names]
    ordered = made.sort_by([(name, "ascending") for name in keys])
    whole = [column.combine_chunks() for column in ordered.columns]
    return [(each.flatten() if pa.types.is_nested(each.type) else each).to_numpy() for each in whole]


def compared(ways: Mapping[str, Way], seen: pa.Table, segments: int, runs: int, *, are_equal: bool) -> dict[str, Cost]:
    """Medians of each engine, one after another in each round; their results are equal."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for turn in range(runs):
        first: Any = None
        for name, way in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            made = way(seen, segments)
            costs[name].append(Cost(time.perf_counter() - wall, time.process_time() - processor))
            if turn or not are_equal:
                continue
            told = figures(made)
            first = told if first is None else first
            for one, other in zip(told, first, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5)
    return {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in costs.items()}


@pytest.mark.bench
@pytest.mark.parametrize("what", WAYS)
def test_engines_agree(what: str) -> None:
    assert set(compared(WAYS[what], drawn(60, 6000), 60, 1, are_equal=True)) == set(WAYS[what])


def tell(what: str, ways: Mapping[str, Way], observations: int, segments: int, runs: int, *, are_equal: bool) -> None:
    """Print a comparison."""
    made = compared(ways, drawn(segments, observations), segments, runs, are_equal=are_equal)
    for name, cost in made.items():
        ratios = [each / own for each, own in zip(cost, made["waysmith"], strict=True)]
        print(
            f"{what}, {observations:,} observations, {segments:,} segments: {name:<9} wall {cost.wall:6.2f} s "
            f"{ratios[0]:5.1f} ×  processor {cost.processor:6.2f} s {ratios[1]:5.1f} ×",
            flush=True,
        )


def main(observations: int = 10_000_000, segments: int = 200_000, runs: int = 3) -> None:
    """Print all comparisons."""
    for what, ways in WAYS.items():
        part = 10 if what == "whole week" else 1
        compared(ways, drawn(60, 2 * FEW), 60, 1, are_equal=True)  # compiles
        tell(what, ways, observations // part, segments // part, runs, are_equal=True)
    tell("whole week against bins", APART, observations, segments, runs, are_equal=False)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
