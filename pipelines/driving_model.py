"""Learn how each country drives from the segments of a run that are driven and whose limit the map states."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from pipelines.limit_model import FEW_CHANGED, Stated
from pipelines.store import Store, open_store
from pipelines.table import SUFFIX, Table
from schemas.receipt import Receipt
from tasks.fingerprint import contents_digest, digest, file_digest, source_digest
from tasks.input_file import InputFile
from tasks.limit_model.driving import driven_of
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
    kinds, context = [row["kind"] for row in chosen], np.array([row["context"] for row in chosen])
    driven = driven_of(kinds, context, [row["driven"][-1] for row in chosen])
    return Lesson(driven, [row["limit"] for row in chosen], [row["record"] or row["segment_id"] for row in chosen])


def driving_files(taught: Mapping[str, Taught]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of the file of each country."""
    for country, each in taught.items():
        yield f"{country}{SUFFIX}", _encoded(learn_from(each.lesson, each.stated).to_table())


@task(name="driving", task_run_name="driving", cache_policy=NO_CACHE)
def learn_driving(speeds: Table, into: str, *, relearn: bool = False) -> InputFile:
    """Learn how each country drives out of PROBE_SPEED, and return the folder that says so.

    As with habits, it is not learned again until more than `FEW_CHANGED` of the rows that teach have changed, unless
    `relearn` asks for it.
    """
    home = open_store(into)
    store, note = home.child(FOLDER), _note(home)
    receipts = speeds.receipts()
    teaching = _teaching(speeds, receipts, note)
    lying = _digest_of(store)
    code = source_digest([__name__, "tasks.limit_model.driving_fit"])
    is_known = not relearn and note.get("code") == code and note.get("driving") == lying
    if plan := foresight.current():
        at_worst = teaching | {tile: Stated(foresight.UNKNOWN, teaching[tile].rows) for tile in plan.open_tiles(speeds)}
        return plan.file(InputFile(lying, store.uri), is_sure=is_known and _is_like(_known(note), at_worst))
    if is_known and _is_like(_known(note), teaching):
        return InputFile(lying, store.uri)
    files = dict(driving_files(country_lessons(speeds.read(tile) for tile in speeds.tiles())))
    store.make()
    store.write_together(files.items())
    store.remove(set(store.names()) - set(files))
    lying = _digest_of(store)
    rows = {tile: receipt.digest for tile, receipt in receipts.items()}
    told = {"code": code, "driving": lying, "rows": rows, "teaching": teaching}
    home.write(NOTE, json.dumps(told, sort_keys=True).encode())
    return InputFile(lying, store.uri)


def _note(home: Store) -> dict[str, Any]:
    """Return what the last learning has written down, nothing if that cannot be read."""
    try:
        told = json.loads(home.read(NOTE))
    except (OSError, ValueError):
        return {}
    kinds = {"code": str, "driving": str, "rows": dict, "teaching": dict}
    is_whole = isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in kinds.items())
    return told if is_whole else {}


def _known(note: Mapping[str, Any]) -> dict[str, Stated]:
    return {tile: Stated(*told) for tile, told in note.get("teaching", {}).items()}


def _teaching(speeds: Table, receipts: Mapping[str, Receipt], note: Mapping[str, Any]) -> dict[str, Stated]:
    """Return what each tile teaches; tiles whose rows are those of the note are not read."""
    known, rows = _known(note), note.get("rows", {})
    return {
        tile: known[tile] if rows.get(tile) == receipt.digest and tile in known else _taught_in(speeds.read(tile))
        for tile, receipt in receipts.items()
    }


def _taught_in(speeds: pa.Table) -> Stated:
    rows = speeds.filter(_is_stated(speeds))
    return Stated(digest(_encoded(rows)), rows.num_rows)


def _is_like(before: Mapping[str, Stated], now: Mapping[str, Stated]) -> bool:
    """Whether few enough of the rows that teach lie in tiles that teach something else than before."""
    none = Stated("", 0)
    pairs = [(before.get(tile, none), now.get(tile, none)) for tile in {*before, *now}]
    changed = sum(max(old.rows, new.rows) for old, new in pairs if old.digest != new.digest and old.rows + new.rows)
    return changed <= FEW_CHANGED * sum(old.rows for old, _ in pairs)


def _digest_of(store: Store) -> str:
    """Return the digest of the files in a store, as `InputFile.of` gives it for a folder."""
    if store.is_local:
        return file_digest(Path(store.uri)) if store.is_there() else ""
    return contents_digest((name, [store.read(name)]) for name in store.names())


def _is_stated(speeds: pa.Table) -> pa.ChunkedArray:
    return pc.and_(pc.is_valid(speeds["limit"]), pc.is_valid(speeds["country"]))


def _is_driven(speeds: pa.Table) -> pa.ChunkedArray:
    return pc.greater(pc.list_value_length(speeds["driven"]), 0)


def _encoded(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
