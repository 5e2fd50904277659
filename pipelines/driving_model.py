"""Learn how each country drives from the segments of a run that are driven and whose limit the map states."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.table import SUFFIX
from tasks.limit_model.driving import CONTEXT, Driven
from tasks.limit_model.driving_fit import Lesson, learn_from

MOST_EXAMPLES = 20_000
"""Examples of one country at most; of more those are taken whose id has the lowest checksum: a fair draw that stays."""

FEWEST_TRACES = 5
"""Traces that an example has at least."""

FOLDER, NOTE = "driving", "_driving.json"
"""Where it stands in a run how each country drives, and what that was learned from."""


Row = dict[str, Any]


class Taught(NamedTuple):
    """What the roads of one country teach."""

    lesson: Lesson
    stated: tuple[str, ...]
    """All limits that they state, driven or not."""


def country_lessons(tiles: Iterable[pa.Table]) -> dict[str, Taught]:
    """Return what tiles of PROBE_SPEED teach of each country that states a limit."""
    rows: dict[str, list[Row]] = {}
    limits: dict[str, set[str]] = {}
    for tile in tiles:
        stated = tile.filter(_is_stated(tile))
        for country, limit in set(zip(stated["country"].to_pylist(), stated["limit"].to_pylist(), strict=True)):
            limits.setdefault(country, set()).add(limit)
        for row in stated.filter(_is_driven(stated)).to_pylist():
            if row["driven"][-1]["traces"] >= FEWEST_TRACES:
                rows.setdefault(row["country"], []).append(row)
    return {
        country: Taught(_lesson(rows.get(country, [])), tuple(sorted(limits[country]))) for country in sorted(limits)
    }


def _lesson(rows: Sequence[Row]) -> Lesson:
    """Return the examples of one country, by segment id."""
    sums = {row["segment_id"]: zlib.crc32(row["segment_id"].encode()) for row in rows}
    drawn = sorted(rows, key=lambda row: (sums[row["segment_id"]], row["segment_id"]))[:MOST_EXAMPLES]
    chosen = sorted(drawn, key=lambda row: row["segment_id"])
    speeds, spreads, traces = (
        np.array([row["driven"][-1][name] for row in chosen], dtype=np.float64)
        for name in ("free_flow_kmh", "spread_kmh", "traces")
    )
    context = np.array([row["context"] for row in chosen], dtype=np.float64).reshape(len(chosen), len(CONTEXT))
    driven = Driven([row["kind"] for row in chosen], context, speeds, spreads, traces)
    return Lesson(driven, [row["limit"] for row in chosen], [row["record"] or row["segment_id"] for row in chosen])


def driving_files(taught: Mapping[str, Taught]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of the file of each country."""
    for country, each in taught.items():
        yield f"{country}{SUFFIX}", _encoded(learn_from(each.lesson, each.stated).to_table())


def _is_stated(speeds: pa.Table) -> pa.ChunkedArray:
    return pc.and_(pc.is_valid(speeds["limit"]), pc.is_valid(speeds["country"]))


def _is_driven(speeds: pa.Table) -> pa.ChunkedArray:
    return pc.greater(pc.list_value_length(speeds["driven"]), 0)


def _encoded(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
