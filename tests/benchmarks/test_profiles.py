"""Weekly profiles of many observations, by several engines side by side, with equal results.

Run as `python -m tests.benchmarks.test_profiles [OBSERVATIONS] [SEGMENTS] [RUNS]`. All start from the same columns in
memory, observations in no order: segment, trace, bin of the week, speed.

- percentiles (15, 50, 85) of each segment: Waysmith against polars and DuckDB;
- the sparse week: mean and count of every five minutes of a segment that have observations: Waysmith, which also makes
  all below, against DuckDB and polars, which make just that;
- the whole week: 2,016 bins for each segment, each backed by coarser ones where fewer than k different traces passed:
  Waysmith against DuckDB, of a tenth of the segments and observations, since DuckDB needs all memory for more.

DuckDB and polars use all cores, Waysmith one.
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

from tasks.grouped import Grouped, owned_by_place
from tasks.week_profile import CELLS, WeekMeans, week_means

PERCENT = (15.0, 50.0, 85.0)
TILE = 20_000
"""Segments whose weeks are made at a time, as a tile's are."""


class Seen(NamedTuple):
    """Observations, one each row."""

    segment: np.ndarray
    trace: np.ndarray
    week_bin: np.ndarray
    speed: np.ndarray

    @property
    def arrow(self) -> pa.Table:
        return pa.table(dict(zip(self._fields, self, strict=True)))


def drawn(segments: int, count: int, seed: int = 0) -> Seen:
    """Observations, most by day, each of one of a hundred traces of its segment."""
    rng = np.random.default_rng(seed)
    segment = np.concatenate([np.arange(segments), rng.integers(0, segments, count - segments)]).astype(np.int64)
    hour = np.clip(rng.normal(13, 4.5, count), 0, 23.9)
    week_bin = (rng.integers(0, 7, count) * 288 + hour * 12).astype(np.int64)
    rng.shuffle(segment)
    speed = rng.normal(50, 12, count).astype(np.float32).astype(np.float64)
    return Seen(segment, rng.integers(0, 100, count), week_bin, speed)


def grouped(seen: Seen, segments: int) -> tuple[np.ndarray, Seen]:
    """Observations segment by segment, and where those of each start."""
    owned = owned_by_place(seen.segment.astype(np.int32), segments)
    return owned.starts, Seen(*(owned.grouped(column).values for column in seen))


def weeks(seen: Seen, segments: int, k: int, take: Callable[[int, WeekMeans], None]) -> None:
    """Make the weeks of all segments, tile by tile, and hand each tile's on."""
    starts, side = grouped(seen, segments)
    for first in range(0, segments, TILE):
        part = starts[first : first + TILE + 1]
        own = slice(part[0], part[-1])
        made = week_means(
            starts=part - part[0],
            week_bin=side.week_bin[own],
            trace=side.trace[own],
            speed_kmh=side.speed[own],
            least_traces=k,
        )
        take(first, made)


def percentiles_by_waysmith(seen: Seen, segments: int) -> np.ndarray:
    owned = owned_by_place(seen.segment.astype(np.int32), segments)
    return Grouped(owned.grouped(seen.speed).values, owned.starts).percentile(*PERCENT)


def percentiles_by_polars(seen: Seen, segments: int) -> np.ndarray:
    shares = [pl.col("speed").quantile(each / 100, "linear").alias(str(each)) for each in PERCENT]
    made = pl.from_arrow(seen.arrow).group_by("segment").agg(shares).sort("segment")
    return made.select([str(each) for each in PERCENT]).to_numpy()


def percentiles_by_duckdb(seen: Seen, segments: int) -> np.ndarray:
    observations = seen.arrow  # noqa: F841  (DuckDB finds it by its name)
    shares = [each / 100 for each in PERCENT]
    made = duckdb.sql(
        f"select segment, quantile_cont(speed, {shares}) p from observations group by segment order by segment"
    ).to_arrow_table()
    return made.column("p").combine_chunks().flatten().to_numpy().reshape(-1, len(PERCENT))


def sparse_by_waysmith(seen: Seen, segments: int) -> np.ndarray:
    """Segment × 2016 + bin, mean and count of bins that have observations; the weeks are made whole."""
    found = []

    def take(first: int, made: WeekMeans) -> None:
        at = np.flatnonzero(made.counts)
        found.append([at + first * 2016, made.kmh.ravel()[at], made.counts.ravel()[at]])

    weeks(seen, segments, 1, take)
    return np.concatenate([np.array(each, dtype=np.float64) for each in found], axis=1).T


def sparse_by_duckdb(seen: Seen, segments: int) -> np.ndarray:
    observations = seen.arrow  # noqa: F841
    made = duckdb.sql(
        "select segment * 2016 + week_bin k, avg(speed) m, count(*) c from observations group by all order by k"
    ).fetchnumpy()
    return np.stack([made[name] for name in "kmc"], axis=1)


def sparse_by_polars(seen: Seen, segments: int) -> np.ndarray:
    made = (
        pl.from_arrow(seen.arrow)
        .group_by((pl.col("segment") * 2016 + pl.col("week_bin")).alias("k"))
        .agg(pl.col("speed").mean(), pl.len())
        .sort("k")
    )
    return made.to_numpy()


def whole_by_waysmith(seen: Seen, segments: int) -> np.ndarray:
    made = np.empty((segments, 2016), dtype=np.float32)

    def take(first: int, week: WeekMeans) -> None:
        made[first : first + len(week.kmh)] = week.kmh

    weeks(seen, segments, 5, take)
    return made


def whole_by_duckdb(seen: Seen, segments: int) -> np.ndarray:
    """Means of all cells of each level, then the finest that five traces passed for each bin of each segment."""
    levels = len(CELLS.of_bin)
    tables = {"observations": seen.arrow, "cells": pa.table({f"l{i}": CELLS.of_bin[i] for i in range(levels)})}
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        connection.sql("create table bins as select row_number() over () - 1 week_bin, * from cells")
        for i in range(levels):
            having = "having count(distinct trace) >= 5" if i else ""
            connection.sql(
                f"create table m{i} as select segment, l{i} cell, avg(speed) m from observations "
                f"join bins using (week_bin) group by all {having}"
            )
        joins = " ".join(f"left join m{i} on m{i}.segment = s.segment and m{i}.cell = b.l{i}" for i in range(levels))
        best = ", ".join(f"m{i}.m" for i in reversed(range(levels)))
        made = connection.sql(
            f"select coalesce({best})::float m from (select distinct segment from observations) s cross join bins b "
            f"{joins} order by s.segment, b.week_bin"
        ).fetchnumpy()
    return np.asarray(made["m"]).reshape(segments, 2016)


Way = Callable[[Seen, int], np.ndarray]
WAYS: Mapping[str, Mapping[str, Way]] = {
    "percentiles": {
        "waysmith": percentiles_by_waysmith,
        "polars": percentiles_by_polars,
        "duckdb": percentiles_by_duckdb,
    },
    "sparse week": {"waysmith": sparse_by_waysmith, "duckdb": sparse_by_duckdb, "polars": sparse_by_polars},
    "whole week": {"waysmith": whole_by_waysmith, "duckdb": whole_by_duckdb},
}


def compared(ways: Mapping[str, Way], seen: Seen, segments: int, runs: int) -> dict[str, float]:
    """Median seconds of each engine, one after another in each round; their results are equal."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        first: Any = None
        for name, way in ways.items():
            started = time.perf_counter()
            made = way(seen, segments)
            seconds[name].append(time.perf_counter() - started)
            first = made if first is None else first
            np.testing.assert_allclose(made, first, rtol=1e-5)
    return {name: statistics.median(each) for name, each in seconds.items()}


@pytest.mark.bench
@pytest.mark.parametrize("what", WAYS)
def test_engines_agree(what: str) -> None:
    assert set(compared(WAYS[what], drawn(60, 6000), 60, 1)) == set(WAYS[what])


def main(observations: int = 10_000_000, segments: int = 200_000, runs: int = 3) -> None:
    """Print all comparisons."""
    for what, ways in WAYS.items():
        part = 10 if what == "whole week" else 1
        seen = drawn(segments // part, observations // part)
        compared(ways, drawn(60, 6000), 60, 1)  # compiles
        seconds = compared(ways, seen, segments // part, runs)
        for name, each in seconds.items():
            print(
                f"{what}, {observations // part:,} observations, {segments // part:,} segments: "
                f"{name:<9} {each:6.2f} s  {each / seconds['waysmith']:5.1f} ×",
                flush=True,
            )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
