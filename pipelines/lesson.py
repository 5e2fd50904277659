"""What a run learns from rows that state a limit, kept as files, and learned again only when enough of them change."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import foresight
from pipelines.store import Store, open_store
from pipelines.table import Table
from schemas.receipt import Receipt
from tasks.fingerprint import contents_digest, digest, file_digest, source_digest
from tasks.input_file import InputFile

FEW_CHANGED = 0.01
"""Share of the stated segments that may change before they are learned from again."""

KINDS = {"code": str, "made": str, "rows": dict, "stated": dict}
"""What a note holds."""


class Stated(NamedTuple):
    """What was learned from in one tile: a digest of the rows whose limit is stated, and how many there are."""

    digest: str
    rows: int


@dataclass(frozen=True)
class Lesson:
    """A folder of files that are learned from a table with the columns `limit` and `country`."""

    name: str
    """Of the folder; the note of what was learned from stands beside it as `_NAME.json`."""
    modules: Sequence[str]
    """Those whose sources decide what is learned."""

    def learned(
        self, source: Table, into: str, make: Callable[[], Mapping[str, bytes]], *, relearn: bool = False
    ) -> InputFile:
        """Return the folder, its files made anew if more than `FEW_CHANGED` of the rows changed, or `relearn` asks."""
        home = open_store(into)
        store, note = home.child(self.name), self._note(home)
        receipts = source.receipts()
        stated, lying = _stated(source, receipts, note), _digest_of(store)
        code = source_digest(self.modules)
        is_known = not relearn and note.get("code") == code and note.get("made") == lying
        if plan := foresight.current():
            at_worst = stated | {tile: Stated(foresight.UNKNOWN, stated[tile].rows) for tile in plan.open_tiles(source)}
            return plan.file(InputFile(lying, store.uri), is_sure=is_known and _is_like(_known(note), at_worst))
        if is_known and _is_like(_known(note), stated):
            return InputFile(lying, store.uri)
        _replace(store, make())
        lying = _digest_of(store)
        rows = {tile: receipt.digest for tile, receipt in receipts.items()}
        told = {"code": code, "made": lying, "rows": rows, "stated": stated}
        home.write(self._file, json.dumps(told, sort_keys=True).encode())
        return InputFile(lying, store.uri)

    @property
    def _file(self) -> str:
        return f"_{self.name}.json"

    def _note(self, home: Store) -> dict[str, Any]:
        """Return what the last learning has written down, nothing if that cannot be read."""
        try:
            told = json.loads(home.read(self._file))
        except (OSError, ValueError):
            return {}
        is_whole = isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in KINDS.items())
        return told if is_whole else {}


def is_stated(rows: pa.Table) -> pa.ChunkedArray:
    """Return which rows state a limit, in a country that is known."""
    return pc.and_(pc.is_valid(rows["limit"]), pc.is_valid(rows["country"]))


def encoded(table: pa.Table) -> bytes:
    """Return a table as a Parquet file."""
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _replace(store: Store, files: Mapping[str, bytes]) -> None:
    """Write files into a store, and remove those that are not among them."""
    store.make()
    store.write_together(files.items())
    store.remove(set(store.names()) - set(files))


def _known(note: Mapping[str, Any]) -> dict[str, Stated]:
    return {tile: Stated(*told) for tile, told in note.get("stated", {}).items()}


def _stated(source: Table, receipts: Mapping[str, Receipt], note: Mapping[str, Any]) -> dict[str, Stated]:
    """Return what each tile states; tiles whose rows are those of the note are not read."""
    known, rows = _known(note), note.get("rows", {})
    return {
        tile: known[tile] if rows.get(tile) == receipt.digest and tile in known else _stated_in(source.read(tile))
        for tile, receipt in receipts.items()
    }


def _stated_in(rows: pa.Table) -> Stated:
    stated = rows.filter(is_stated(rows))
    return Stated(digest(encoded(stated)), stated.num_rows)


def _is_like(before: Mapping[str, Stated], now: Mapping[str, Stated]) -> bool:
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
