"""Learn how each country drives from the segments of a run that are driven and whose limit the map states."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.lesson import Lesson, encoded, is_stated
from pipelines.table import SUFFIX, Table
from tasks.input_file import InputFile
from tasks.limit_model.driving import driven_of
from tasks.limit_model.driving_fit import Lesson as Examples
from tasks.limit_model.driving_fit import learn_from

MOST_EXAMPLES = 20_000
"""Examples of one country at most; of more those are taken whose id has the lowest checksum: a fair draw that stays."""

FEWEST_TRACES = 5
"""Traces that an example has at least."""

DRIVING = Lesson("driving", (__name__, "tasks.limit_model.driving_fit"))


Row = dict[str, Any]


class Taught(NamedTuple):
    """What the roads of one country teach."""

    lesson: Examples
    stated: tuple[str, ...]
    """All limits that they state, driven or not."""


def country_lessons(tiles: Iterable[pa.Table]) -> dict[str, Taught]:
    """Return what tiles of PROBE_SPEED teach of each country that states a limit."""
    rows: dict[str, list[Row]] = {}
    limits: dict[str, set[str]] = {}
    for tile in tiles:
        stated = tile.filter(is_stated(tile))
        for country, limit in set(zip(stated["country"].to_pylist(), stated["limit"].to_pylist(), strict=True)):
            limits.setdefault(country, set()).add(limit)
        for row in stated.filter(_is_driven(stated)).to_pylist():
            if row["driven"][-1]["traces"] >= FEWEST_TRACES:
                rows.setdefault(row["country"], []).append(row)
    return {
        country: Taught(_lesson(rows.get(country, [])), tuple(sorted(limits[country]))) for country in sorted(limits)
    }


def _lesson(rows: Sequence[Row]) -> Examples:
    """Return the examples of one country, by segment id."""
    sums = {row["segment_id"]: zlib.crc32(row["segment_id"].encode()) for row in rows}
    drawn = sorted(rows, key=lambda row: (sums[row["segment_id"]], row["segment_id"]))[:MOST_EXAMPLES]
    chosen = sorted(drawn, key=lambda row: row["segment_id"])
    kinds, context = [row["kind"] for row in chosen], np.array([row["context"] for row in chosen])
    driven = driven_of(kinds, context, [row["driven"][-1] for row in chosen])
    return Examples(driven, [row["limit"] for row in chosen], [row["record"] or row["segment_id"] for row in chosen])


def driving_files(taught: Mapping[str, Taught]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of the file of each country."""
    for country, each in taught.items():
        yield f"{country}{SUFFIX}", encoded(learn_from(each.lesson, each.stated).to_table())


@task(name="driving", task_run_name="driving", cache_policy=NO_CACHE)
def learn_driving(speeds: Table, into: str, *, relearn: bool = False) -> InputFile:
    """Learn how each country drives out of PROBE_SPEED, and return the folder that says so.

    As with habits, it is not learned again until enough of the rows that teach have changed, unless `relearn` asks.
    """

    def make() -> dict[str, bytes]:
        return dict(driving_files(country_lessons(speeds.read(tile) for tile in speeds.tiles())))

    return DRIVING.learned(speeds, into, make, relearn=relearn)


def _is_driven(speeds: pa.Table) -> pa.ChunkedArray:
    return pc.greater(pc.list_value_length(speeds["driven"]), 0)
