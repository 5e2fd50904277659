"""Raw rows of a table with many rows for each segment, put into the tiles of the segments."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate, chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from pipelines.table import Rejects, Table, TableError, open_table
from pipelines.tile_run import StageError
from schemas.contract import Contract, ContractError
from schemas.receipt import Receipt
from schemas.reject import REJECT
from schemas.vocabulary import RejectReason
from tasks.grouped import owned_by_place, places

HEAP_BYTES = 256_000_000
"""Raw rows that are sorted at once, in bytes of Arrow; the rest of the work takes some three times as much."""

PLACE = "_place"
"""Column of a spilled file: the place of the row's segment among all segments, instead of its key."""


class Homes(NamedTuple):
    """All segments, tile by tile, and in each tile by key."""

    keys: pa.ChunkedArray
    tiles: tuple[str, ...]
    ends: npt.NDArray[np.int64]
    """Where each tile ends among `keys`."""

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """Yield each tile with its first place and the one behind its last."""
        yield from zip(self.tiles, [0, *self.ends[:-1].tolist()], self.ends.tolist(), strict=True)


class Spilled(NamedTuple):
    """Rows sorted by place in a file on local disk, a few record batches for each tile."""

    file: Path
    batches: dict[str, range]


def partition(
    batches: Iterable[pa.Table],
    contract: Contract,
    segments: Table,
    into: str | Path,
    *,
    heap_bytes: int = HEAP_BYTES,
) -> Table:
    """Write rows that each name their segment into the tile of that segment, sorted by key; return the table.

    Rows of one segment keep their order. Batches are read once; `heap_bytes` of them (in Arrow) are sorted at a time
    and lie in the folder of temporary files meanwhile. Memory is needed for the keys of all segments and for the rows
    of the largest tiles, one for each core. Rows of unknown segments, and rows with a null that `contract` does not
    allow, are rejected by key, under the name of the contract and the tile `q`.

    Raises
    ------
    ContractError
        If a column is missing or of another type; it says in which rows.
    StageError
        If rows got lost.
    TableError
        If the folder of temporary files or the table cannot be written.
    """
    if contract.is_key_unique:
        raise ContractError(f"{contract.name} v{contract.version}: one row for a key, expected is_key_unique=False")
    target, homes = open_table(contract, into), _homes(segments)
    rejects, given = [REJECT.empty()], 0
    with TemporaryDirectory(prefix="waysmith-") as folder:
        spilled: list[Spilled] = []
        for heap in _heaps(batches, heap_bytes):
            rows, refused = _checked(_typed(heap, contract, given), contract)
            placed, unknown = _placed(rows, contract, homes, segments.contract.name)
            spilled.append(_spill(placed, homes, Path(folder) / f"{len(spilled)}.arrow"))
            rejects += [refused, unknown]
            given += heap.num_rows
        rejected = pa.concat_tables(rejects)
        Rejects(into).commit(contract.name, "q", rejected)
        receipts = _commit(spilled, target, homes)
    out = sum(receipt.rows_out for receipt in receipts)
    if given != out + rejected.num_rows:
        raise StageError(f"{contract.name}: {given} rows in, but {out} out and {rejected.num_rows} rejected")
    target.keep_only({receipt.tile for receipt in receipts})
    return target


def _homes(segments: Table) -> Homes:
    tiles = segments.tiles()
    key = segments.contract.key
    parts = [segments.read(tile, [key]).column(key) for tile in tiles]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    chunks = [chunk for part in parts for chunk in part.chunks]
    return Homes(pa.chunked_array(chunks, segments.contract[key].type), tuple(tiles), ends)


def _heaps(batches: Iterable[pa.Table], heap_bytes: int) -> Iterator[pa.Table]:
    """Yield batches put together to about `heap_bytes`; looking up keys and sorting has a fixed price for each."""
    heap: list[pa.Table] = []
    held = 0
    for batch in batches:
        heap.append(batch)
        held += batch.nbytes
        if held >= heap_bytes:
            yield pa.concat_tables(heap)
            heap, held = [], 0
    if heap:
        yield pa.concat_tables(heap)


def _typed(heap: pa.Table, contract: Contract, start: int) -> pa.Table:
    """Return the columns of `contract` in its types; nulls may be left in them."""
    told = f"{contract.name} v{contract.version}: rows {start}–{start + heap.num_rows - 1}"
    columns = []
    for field in contract.fields:
        if field.name not in heap.column_names:
            raise ContractError(f"{told}: no column {field.name!r}")
        try:
            columns.append(heap.column(field.name).cast(field.type))
        except pa.ArrowException as error:
            raise ContractError(f"{told}: {field.name!r}: {error}, expected {field.type}") from error
    return pa.table(columns, names=list(contract.names)).combine_chunks()


def _checked(rows: pa.Table, contract: Contract) -> tuple[pa.Table, pa.Table]:
    """Return the rows without forbidden nulls, and the others as rejects."""
    is_bad = np.zeros(rows.num_rows, dtype=bool)
    rejects = [REJECT.empty()]
    for field in contract.fields:
        column = rows.column(field.name)
        if field.nullable or not column.null_count:
            continue
        is_null = column.is_null().to_numpy() & ~is_bad
        message = f"null in {field.name!r}, expected {field.type}"
        rejects.append(_rejects(rows.filter(pa.array(is_null)).column(contract.key), contract.name, message))
        is_bad |= is_null
    kept = rows.filter(pa.array(~is_bad)).combine_chunks() if is_bad.any() else rows
    return kept, pa.concat_tables(rejects)


def _rejects(keys: pa.ChunkedArray, name: str, message: str) -> pa.Table:
    """Return a reject for each key, in their order."""
    columns = [keys.cast(pa.string()).fill_null("null")]
    columns += [pa.repeat(word, len(keys)) for word in (name, str(RejectReason.BAD_VALUE), message)]
    return pa.Table.from_arrays(columns, schema=REJECT.schema)


def _placed(rows: pa.Table, contract: Contract, homes: Homes, segment: str) -> tuple[pa.Table, pa.Table]:
    """Return the rows in the order of their segments, with the place for the key; and those of no segment."""
    keys = rows.column(contract.key)
    found = places(keys, homes.keys)
    order = owned_by_place(found, len(homes.keys)).order
    placed = _picked(rows.drop_columns([contract.key]).append_column(PLACE, pa.array(found)), order)
    message = f"no {segment} has this {contract.key}"
    return placed, _rejects(keys.filter(pa.array(found < 0)), contract.name, message)


def _picked(rows: pa.Table, order: npt.NDArray[np.int64] | slice) -> pa.Table:
    if isinstance(order, slice):
        return rows.slice(order.start, order.stop - order.start)
    return rows.take(pa.array(order))


def _spill(rows: pa.Table, homes: Homes, file: Path) -> Spilled:
    """Write sorted rows into a file, tile by tile."""
    bounds = [0, *np.searchsorted(rows.column(PLACE).to_numpy(), homes.ends).tolist()]
    parts = {
        tile: rows.slice(start, end - start).to_batches()
        for tile, (start, end) in zip(homes.tiles, pairwise(bounds), strict=True)
        if start < end
    }
    ends = accumulate(len(each) for each in parts.values())
    try:
        with pa.ipc.new_file(file, rows.schema) as writer:
            for batch in chain.from_iterable(parts.values()):
                writer.write_batch(batch)
    except OSError as error:
        raise TableError(f"{file}: cannot write {rows.nbytes} bytes of rows being sorted: {error}") from error
    return Spilled(file, {tile: range(end - len(parts[tile]), end) for tile, end in zip(parts, ends, strict=True)})


def _commit(spilled: Sequence[Spilled], target: Table, homes: Homes) -> list[Receipt]:
    """Commit all tiles that have rows, as many at once as there are cores."""
    spans = [span for span in homes.spans() if any(span[0] in each.batches for each in spilled)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(partial(_commit_tile, spilled, target, homes.keys), spans))


def _commit_tile(
    spilled: Sequence[Spilled], target: Table, keys: pa.ChunkedArray, span: tuple[str, int, int]
) -> Receipt:
    """Put the rows of one tile together, sort and commit them."""
    tile, start, end = span
    rows = pa.concat_tables([_read(each, tile) for each in spilled if tile in each.batches]).combine_chunks()
    rows = _picked(rows, owned_by_place(rows.column(PLACE).to_numpy() - np.int32(start), end - start).order)
    named = keys.slice(start, end - start).combine_chunks().take(pa.array(rows.column(PLACE).to_numpy() - start))
    columns = [named if name == target.contract.key else rows.column(name) for name in target.contract.names]
    whole = pa.Table.from_arrays(columns, schema=target.contract.schema)
    return target.commit(whole, Receipt(tile, "", "", whole.num_rows, whole.num_rows, 0, 0.0))


def _read(spilled: Spilled, tile: str) -> pa.Table:
    with pa.memory_map(str(spilled.file)) as source, pa.ipc.open_file(source) as reader:
        return pa.Table.from_batches([reader.get_batch(index) for index in spilled.batches[tile]])
