"""Tables: a contract and a folder of Parquet files, one for each tile, each committed whole or not at all."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.contract import BBOX, Contract
from schemas.receipt import RECEIPT_KEY, Receipt
from schemas.reject import REJECT
from tasks.fingerprint import digest
from tasks.tiling import Grid, box_centres, total_box

COMPRESSION = "zstd"
COMPRESSION_LEVEL = 1


class TableError(ValueError):
    """A table's folder cannot be used as it is; the message names the folder and says what to do."""


@dataclass(frozen=True)
class Table:
    """A contract and the folder that holds its tiles as `q….parquet`, readable by any Parquet reader."""

    contract: Contract
    folder: Path

    def path(self, tile: str) -> Path:
        """Return the file of a tile."""
        return self.folder / f"{tile}.parquet"

    def tiles(self) -> list[str]:
        """Return the committed tiles in quadkey order."""
        return sorted(file.stem for file in self.folder.glob("q*.parquet"))

    def receipt(self, tile: str) -> Receipt | None:
        """Return the receipt of a committed tile, or None where there is none.

        Raises
        ------
        TableError
            If the file was written under another contract or version of it.
        """
        file = self.path(tile)
        try:
            metadata = pq.read_metadata(file).metadata or {}
        except FileNotFoundError:
            return None
        except pa.ArrowInvalid as error:
            raise TableError(f"{file}: not a Parquet file ({error}): remove it") from error
        self._check_contract(file, metadata)
        written = metadata.get(RECEIPT_KEY)
        return Receipt.from_json(written) if written else None

    def _check_contract(self, file: Path, metadata: dict[bytes, bytes]) -> None:
        ours = self.contract
        theirs = json.loads(metadata.get(b"waysmith", b"{}"))
        if (theirs.get("contract"), theirs.get("version")) != (ours.name, ours.version):
            found = f"{theirs['contract']} v{theirs['version']}" if theirs else "no Waysmith table"
            raise TableError(f"{file}: holds {found}, expected {ours.name} v{ours.version}: use another folder")

    def receipts(self) -> dict[str, Receipt]:
        """Return the receipts of all committed tiles, in quadkey order."""
        found = {tile: self.receipt(tile) for tile in self.tiles()}
        return {tile: receipt for tile, receipt in found.items() if receipt}

    def read(self, tile: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of a tile, sorted by key; an empty table where the tile holds none."""
        names = list(columns) if columns is not None else list(self.contract.names)
        if not self.path(tile).exists():
            return self.contract.empty().select(names)
        return pq.ParquetFile(self.path(tile)).read(columns=names, use_threads=False)

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of all tiles, in quadkey order."""
        parts = [self.read(tile, columns) for tile in self.tiles()]
        names = list(columns) if columns is not None else list(self.contract.names)
        return pa.concat_tables(parts) if parts else self.contract.empty().select(names)

    def commit(self, rows: pa.Table, receipt: Receipt) -> Receipt:
        """Write one tile and return its receipt completed; the file appears under its name when it is whole."""
        complete, content = self.encoded(rows, receipt)
        write_whole(self.path(receipt.tile), content)
        return complete

    def encoded(self, rows: pa.Table, receipt: Receipt) -> tuple[Receipt, memoryview]:
        """Return a tile as a Parquet file, sorted by key, with its receipt completed and put into the footer.

        The bytes follow from rows and receipt alone.
        """
        ordered = sorted_by_key(rows, self.contract.key)
        box = total_box(ordered.column(BBOX)) if BBOX in self.contract.names else None
        sink = BytesIO()
        with pq.ParquetWriter(
            sink, self.contract.schema, compression=COMPRESSION, compression_level=COMPRESSION_LEVEL
        ) as writer:
            writer.write_table(ordered)
            # all pages are written by now and only the footer is missing: the pages are the rows
            complete = replace(receipt, digest=digest(sink.getvalue()), rows_out=rows.num_rows, bbox=box)
            writer.add_key_value_metadata({RECEIPT_KEY: complete.to_json()})
        return complete, sink.getbuffer()

    def keep_only(self, tiles: set[str]) -> None:
        """Remove the tiles that are not among `tiles`."""
        for tile in set(self.tiles()) - tiles:
            self.path(tile).unlink(missing_ok=True)
        for draft in self.folder.glob(".*.draft"):  # of a process that was killed
            draft.unlink(missing_ok=True)


def open_table(contract: Contract, into: str | Path) -> Table:
    """Return the table of `contract` below the folder `into`, made if absent.

    Raises
    ------
    TableError
        If what lies there was written under another version, or the folder cannot be made.
    """
    table = Table(contract, Path(into).absolute() / contract.name)  # workers may stand elsewhere
    try:
        table.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TableError(f"{table.folder}: cannot make this folder: {error.strerror}") from error
    _check_first(table)
    return table


def check_folder(into: Path, contracts: Iterable[Contract]) -> None:
    """Make the folder `into` and look into its tables, before anything is read.

    Raises
    ------
    TableError
        If it cannot be written, or holds a table of another version.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=into):
            pass
    except OSError as error:
        raise TableError(f"{into}: cannot write into this folder: {error.strerror}") from error
    for contract in contracts:
        _check_first(Table(contract, into / contract.name))


def _check_first(table: Table) -> None:
    if tiles := table.tiles():
        table.receipt(tiles[0])


def existing(contract: Contract, folder: str | Path) -> Table:
    """Return a table that a run has written.

    Raises
    ------
    TableError
        If it is not there, or was written under another version.
    """
    table = Table(contract, Path(folder).absolute() / contract.name)
    if not table.folder.is_dir():
        raise TableError(f"{table.folder}: no such table: run a flow into {folder} first")
    _check_first(table)
    return table


def write_whole(file: Path, content: bytes | memoryview) -> None:
    """Write a file so that it appears under its name whole or not at all; errors as in `write_together`."""
    write_together([(file, content)])


def write_together(files: Iterable[tuple[Path, bytes | memoryview]]) -> None:
    """Write files so that none appears under its name before all are written.

    Raises
    ------
    TableError
        If the disk is full or a folder cannot be written; what was there before is untouched.
    """
    drafts: list[tuple[Path, Path]] = []
    try:
        for file, content in files:
            draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
            drafts.append((draft, file))
            _write(draft, file, content)
        for draft, file in drafts:
            draft.replace(file)
    except OSError as error:
        raise TableError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)


def _write(draft: Path, file: Path, content: bytes | memoryview) -> None:
    try:
        draft.write_bytes(content)
    except OSError as error:
        raise TableError(f"{file}: cannot write {len(content)} bytes: {error.strerror}") from error


def sorted_by_key(rows: pa.Table, key: str) -> pa.Table:
    """Return `rows` sorted by a column; rows of one key keep their order."""
    keys = rows.column(key)
    if len(keys) < 2 or pc.all(pc.less_equal(keys.slice(0, len(keys) - 1), keys.slice(1))).as_py():
        return rows
    return rows.take(pc.sort_indices(keys))


def split_by_tile(rows: pa.Table, grid: Grid, key: str) -> dict[str, pa.Table]:
    """Return the rows that each tile of the grid owns, sorted by key; tiles without rows are left out."""
    owners = grid.owners(*box_centres(rows.column(BBOX)))
    sort_keys = pa.table({"owner": owners, "key": rows.column(key)})
    order = pc.sort_indices(sort_keys, sort_keys=[("owner", "ascending"), ("key", "ascending")])
    starts = np.searchsorted(owners[order.to_numpy()], np.arange(len(grid.tiles) + 1))
    return {
        tile: rows.take(order.slice(starts[i], starts[i + 1] - starts[i]))
        for i, tile in enumerate(grid.tiles)
        if starts[i] < starts[i + 1]
    }


class Rejects:
    """The reject table of a folder: one file for each tile of a stage that refused rows."""

    def __init__(self, into: str | Path) -> None:
        self.folder = open_table(REJECT, into).folder
        if not (self.folder / "none.parquet").exists():  # so that the table can be read before anything is refused
            write_whole(*self.encoded("none", REJECT.empty()))

    def commit(self, stage: str, tile: str, rows: pa.Table) -> None:
        """Put `rows` in place of what the stage refused of this tile before."""
        if rows.num_rows:
            write_whole(*self.encoded(f"{stage}-{tile}", rows))
        else:
            (self.folder / f"{stage}-{tile}.parquet").unlink(missing_ok=True)

    def encoded(self, name: str, rows: pa.Table) -> tuple[Path, memoryview]:
        """Return the file of this name and its content."""
        sink = BytesIO()
        pq.write_table(REJECT.conform(rows), sink, compression=COMPRESSION)
        return self.folder / f"{name}.parquet", sink.getbuffer()

    def keep_only(self, stage: str, tiles: set[str]) -> None:
        """Remove what the stage refused of tiles that are not among `tiles`."""
        for file in self.folder.glob(f"{stage}-q*.parquet"):
            if file.stem.removeprefix(f"{stage}-") not in tiles:
                file.unlink(missing_ok=True)

    def rows(self) -> pa.Table:
        """Return all rows refused, by stage and tile."""
        files = sorted(self.folder.glob("*.parquet"))
        return pa.concat_tables([pq.read_table(file) for file in files]) if files else REJECT.empty()
