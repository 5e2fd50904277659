"""Learn the habits of each country from the segments of a run whose limit the map states."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.lesson import Lesson, encoded, is_stated
from pipelines.store import open_store
from pipelines.table import SUFFIX, Table
from tasks.input_file import InputFile
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import Examples, habits_of, road_kind

MOST_EXAMPLES = 50_000
"""Examples of one country at most; of more those are taken whose id has the lowest checksum: a fair draw that stays."""

CHECKSUM = "checksum"

HABITS = Lesson("habits", (__name__, "tasks.limit_model.habits"))

FEW = ("segment_id", "class", "subclass", "length_m")
"""Columns of ROAD_SEGMENT that are needed beside the attributes."""


def country_examples(tiles: Iterable[tuple[pa.Table, pa.Table]]) -> dict[str, Examples]:
    """Return the segments of each country whose limit is stated, out of tiles of ROAD_ATTRIBUTE and ROAD_SEGMENT."""
    kept: dict[str, pa.Table] = {}
    for attributes, roads in tiles:
        stated = attributes.filter(is_stated(attributes))
        rows = pc.index_in(stated["segment_id"], value_set=roads["segment_id"].combine_chunks())
        joined = roads.select(FEW).take(rows)
        for name in ("country", "limit", "attributes"):
            joined = joined.append_column(name, stated[name])
        sums = [zlib.crc32(each.encode()) for each in joined["segment_id"].to_pylist()]
        joined = joined.append_column(CHECKSUM, pa.array(sums, pa.uint32()))
        for country in joined["country"].unique().to_pylist():
            here = joined.filter(pc.equal(joined["country"], country))
            kept[country] = _drawn(pa.concat_tables([kept[country], here]) if country in kept else here)
    return {country: _examples(table) for country, table in sorted(kept.items())}


def _drawn(rows: pa.Table) -> pa.Table:
    """Return at most `MOST_EXAMPLES` of the rows, those of the lowest checksums, by segment id."""
    order = pc.sort_indices(rows, sort_keys=[(CHECKSUM, "ascending"), ("segment_id", "ascending")])[:MOST_EXAMPLES]
    return rows.take(order).sort_by("segment_id").combine_chunks()


def _examples(rows: pa.Table) -> Examples:
    values = pc.list_flatten(rows["attributes"]).to_numpy().astype(np.float64)
    kinds = zip(rows["class"].to_pylist(), rows["subclass"].to_pylist(), strict=True)
    return Examples(
        values.reshape(-1, len(ATTRIBUTES)),
        rows["limit"].to_pylist(),
        [road_kind(*kind) for kind in kinds],
        rows["length_m"].to_numpy(),
    )


def write_habits(examples: dict[str, Examples], into: str | Path) -> None:
    """Write the habits of each country as a Parquet file."""
    open_store(into).write_together(habit_files(examples))


def habit_files(examples: dict[str, Examples]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of the file of each country."""
    for country, each in examples.items():
        yield f"{country}{SUFFIX}", encoded(habits_of(each).to_table())


@task(name="habits", task_run_name="habits", cache_policy=NO_CACHE)
def learn_habits(described: Table, segments: Table, into: str, *, relearn: bool = False) -> InputFile:
    """Learn the habits of each country and return the folder that holds them.

    They are not learned again until more than `FEW_CHANGED` of the stated segments have changed, unless `relearn`
    asks for it: all odds rest on them, and an edit of a few streets says little of the habits of a country.
    """

    def make() -> dict[str, bytes]:
        tiles = ((described.read(tile), segments.read(tile, FEW)) for tile in described.tiles())
        return dict(habit_files(country_examples(tiles)))

    return HABITS.learned(described, into, make, relearn=relearn)
