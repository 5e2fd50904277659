"""Learn the habits of each country from the segments of a run whose limit the map states."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines import foresight
from pipelines.store import Store, open_store
from pipelines.table import SUFFIX, Table
from schemas.receipt import Receipt
from tasks.fingerprint import contents_digest, digest, file_digest, source_digest
from tasks.input_file import InputFile
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import Examples, habits_of, road_kind

MOST_EXAMPLES = 50_000
"""Examples of one country at most; of more those are taken whose id has the lowest checksum: a fair draw that stays."""

CHECKSUM = "checksum"

FEW_CHANGED = 0.01
"""Share of the stated segments that may change before habits are learned again."""

NOTE = "_habits.json"
"""File of a run that says what its habits were learned from."""

FEW = ("segment_id", "class", "subclass", "length_m")
"""Columns of ROAD_SEGMENT that are needed beside the attributes."""


def country_examples(tiles: Iterable[tuple[pa.Table, pa.Table]]) -> dict[str, Examples]:
    """Return the segments of each country whose limit is stated, out of tiles of ROAD_ATTRIBUTE and ROAD_SEGMENT."""
    kept: dict[str, pa.Table] = {}
    for attributes, roads in tiles:
        stated = attributes.filter(_is_stated(attributes))
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
        yield f"{country}{SUFFIX}", _encoded(habits_of(each).to_table())


class Stated(NamedTuple):
    """What habits were learned from in one tile: a digest of the rows whose limit is stated, and how many there are."""

    digest: str
    rows: int


@task(name="habits", task_run_name="habits", cache_policy=NO_CACHE)
def learn_habits(described: Table, segments: Table, into: str, *, relearn: bool = False) -> InputFile:
    """Learn the habits of each country and return the folder that holds them.

    They are not learned again until more than `FEW_CHANGED` of the stated segments have changed, unless `relearn`
    asks for it: all odds rest on them, and an edit of a few streets says little of the habits of a country.
    """
    home = open_store(into)
    store, note = home.child("habits"), _note(home)
    receipts = described.receipts()
    stated = _stated(described, receipts, note)
    lying = _digest_of(store)
    code = source_digest([__name__, "tasks.limit_model.habits"])
    is_known = not relearn and note.get("code") == code and note.get("habits") == lying
    if plan := foresight.current():
        at_worst = stated | {tile: Stated(foresight.UNKNOWN, stated[tile].rows) for tile in plan.open_tiles(described)}
        return plan.file(InputFile(lying, store.uri), is_sure=is_known and _is_like(_known(note), at_worst))
    if is_known and _is_like(_known(note), stated):
        return InputFile(lying, store.uri)
    _learn(described, segments, store)
    lying = _digest_of(store)
    rows = {tile: receipt.digest for tile, receipt in receipts.items()}
    told = {"code": code, "habits": lying, "rows": rows, "stated": stated}
    home.write(NOTE, json.dumps(told, sort_keys=True).encode())
    return InputFile(lying, store.uri)


def _learn(described: Table, segments: Table, store: Store) -> None:
    """Write the habits of each country into a store, and remove those of countries that no longer state a limit."""
    tiles = ((described.read(tile), segments.read(tile, FEW)) for tile in described.tiles())
    files = dict(habit_files(country_examples(tiles)))
    store.make()
    store.write_together(files.items())
    store.remove(set(store.names()) - set(files))


def _note(home: Store) -> dict[str, Any]:
    """Return what the last learning has written down, nothing if that cannot be read."""
    try:
        told = json.loads(home.read(NOTE))
    except (OSError, ValueError):
        return {}
    kinds = {"code": str, "habits": str, "rows": dict, "stated": dict}
    is_whole = isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in kinds.items())
    return told if is_whole else {}


def _known(note: Mapping[str, Any]) -> dict[str, Stated]:
    return {tile: Stated(*told) for tile, told in note.get("stated", {}).items()}


def _stated(described: Table, receipts: Mapping[str, Receipt], note: Mapping[str, Any]) -> dict[str, Stated]:
    """Return what each tile states; tiles whose rows are those of the note are not read."""
    known, rows = _known(note), note.get("rows", {})
    return {
        tile: known[tile] if rows.get(tile) == receipt.digest and tile in known else _stated_in(described.read(tile))
        for tile, receipt in receipts.items()
    }


def _stated_in(attributes: pa.Table) -> Stated:
    rows = attributes.filter(_is_stated(attributes))
    return Stated(digest(_encoded(rows)), rows.num_rows)


def _is_stated(attributes: pa.Table) -> pa.ChunkedArray:
    return pc.and_(pc.is_valid(attributes["limit"]), pc.is_valid(attributes["country"]))


def _is_like(before: dict[str, Stated], now: dict[str, Stated]) -> bool:
    """Whether few enough of the stated segments lie in tiles that state something else than before."""
    none = Stated("", 0)
    pairs = [(before.get(tile, none), now.get(tile, none)) for tile in {*before, *now}]
    changed = sum(max(old.rows, new.rows) for old, new in pairs if old.digest != new.digest and old.rows + new.rows)
    return changed <= FEW_CHANGED * sum(old.rows for old, _ in pairs)


def _digest_of(store: Store) -> str:
    """Return the digest of the files in a store, as `InputFile.of` gives it for a folder."""
    if store.is_local:
        return file_digest(Path(store.uri)) if store.is_there() else ""
    return contents_digest((name, [store.read(name)]) for name in store.names())


def _encoded(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
