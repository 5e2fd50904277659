"""Tables: a contract and a place for Parquet files, one for each tile, each committed whole or not at all."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.store import Store, location, open_store
from pipelines.store import TableError as TableError
from pipelines.store import write_together as write_together
from pipelines.store import write_whole as write_whole
from pipelines.tile_bytes import COMPRESSION, encoded
from schemas.contract import BBOX, Contract
from schemas.receipt import RECEIPT_KEY, Receipt
from schemas.reject import REJECT
from tasks.tiling import Grid, box_centres

MANIFEST = "_manifest.json"
"""File beside the tiles that repeats their receipts, so that not every footer must be read."""

MANIFEST_VERSION = 1

READERS = 16
"""Footers that are read at a time: an object store takes long to answer and answers many at once."""

SUFFIX = ".parquet"

Each = TypeVar("Each")


class Entry(NamedTuple):
    """What is known of a tile without reading its rows."""

    version: str
    """Of the file, as the store tells it: its size first."""
    receipt: Receipt | None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return int(self.version.partition("-")[0])


@dataclass(frozen=True)
class Table:
    """A contract and the place that holds its tiles as `q….parquet`, readable by any Parquet reader."""

    contract: Contract
    place: str | Path
    """Folder, or URI in an object store; kept as an absolute path or URI."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", location(self.place))

    @property
    def uri(self) -> str:
        """The absolute path of the folder, or the URI."""
        return str(self.place)

    @cached_property
    def store(self) -> Store:
        """Where the files of the table lie."""
        return open_store(self.place)

    @property
    def folder(self) -> Path:
        """The folder of a table on a disk.

        Raises
        ------
        TableError
            If the table lies in an object store.
        """
        if self.store.is_local:
            return Path(self.uri)
        raise TableError(f"{self.uri}: is not a folder of this machine")

    def path(self, tile: str) -> Path:
        """Return the file of a tile of a table on a disk."""
        return self.folder / file_of(tile)

    def tiles(self) -> list[str]:
        """Return the committed tiles in quadkey order."""
        return [tile_of(name) for name in self.store.names() if is_tile(name)]

    def receipt(self, tile: str) -> Receipt | None:
        """Return the receipt of a committed tile, or None where there is none.

        Raises
        ------
        TableError
            If the file was written under another contract or version of it.
        """
        file = f"{self.uri}/{file_of(tile)}"
        try:
            with self.store.open(file_of(tile)) as source:
                metadata = pq.read_metadata(source).metadata or {}
        except FileNotFoundError:
            return None
        except pa.ArrowInvalid as error:
            raise TableError(f"{file}: not a Parquet file ({error}): remove it") from error
        self._check_contract(file, metadata)
        written = metadata.get(RECEIPT_KEY)
        return Receipt.from_json(written) if written else None

    def _check_contract(self, file: str, metadata: dict[bytes, bytes]) -> None:
        ours = self.contract
        theirs = json.loads(metadata.get(b"waysmith", b"{}"))
        if (theirs.get("contract"), theirs.get("version")) != (ours.name, ours.version):
            found = f"{theirs['contract']} v{theirs['version']}" if theirs else "no Waysmith table"
            raise TableError(f"{file}: holds {found}, expected {ours.name} v{ours.version}: use another folder")

    def receipts(self) -> dict[str, Receipt]:
        """Return the receipts of all committed tiles, in quadkey order."""
        return {tile: entry.receipt for tile, entry in self.entries().items() if entry.receipt}

    def entries(self) -> dict[str, Entry]:
        """Return what is known of each tile: by the manifest where that still holds, else by the footers."""
        versions = self._versions()
        noted = self._manifest() if versions else {}
        known = {tile: noted[tile] for tile, version in versions.items() if _holds(noted.get(tile), version)}
        asked = [tile for tile in versions if tile not in known]
        read = dict(zip(asked, _mapped(self.receipt, asked), strict=True))
        return {tile: known.get(tile) or Entry(versions[tile], read[tile]) for tile in versions}

    def _versions(self) -> dict[str, str]:
        return {tile_of(name): version for name, version in self.store.versions().items() if is_tile(name)}

    def _manifest(self) -> dict[str, Entry]:
        """Return what the manifest says; one that cannot be read, or is of another version, says nothing."""
        try:
            told = json.loads(self.store.read(MANIFEST))
            if told["is"] != self._manifest_head():
                return {}
            return {tile: Entry(version, Receipt.from_json(each)) for tile, (version, each) in told["tiles"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _manifest_head(self) -> list[object]:
        return [MANIFEST_VERSION, self.contract.name, self.contract.version]

    def save_manifest(self, receipts: Iterable[Receipt]) -> None:
        """Write down the receipts of all tiles with the versions of their files, for those who read them next."""
        versions = self._versions()
        tiles = {each.tile: (versions[each.tile], each.to_json()) for each in receipts if each.tile in versions}
        told = {"is": self._manifest_head(), "tiles": tiles}
        self.store.write(MANIFEST, json.dumps(told, sort_keys=True).encode())

    def read(
        self, tile: str, columns: Sequence[str] | None = None, keys: tuple[object, object] | None = None
    ) -> pa.Table:
        """Return the rows of a tile, sorted by key; an empty table where the tile holds none.

        Parameters
        ----------
        columns
            Names of the columns to read; all without it.
        keys
            First and last key of the rows wanted: of a large tile only the groups of rows that may hold such are read.
        """
        names = list(columns) if columns is not None else list(self.contract.names)
        try:
            source = self.store.open(file_of(tile))
        except FileNotFoundError:
            return self.contract.empty().select(names)
        with source:
            file = pq.ParquetFile(source, pre_buffer=not self.store.is_local)
            if keys is None:
                return file.read(columns=names, use_threads=False)
            return self._between(file, names, *keys)

    def _between(self, file: pq.ParquetFile, names: Sequence[str], first: object, last: object) -> pa.Table:
        """Return the rows of a file whose keys lie between two, these included."""
        key = self.contract.key
        groups = _groups_between(file.metadata, key, first, last)
        rows = file.read_row_groups(groups, columns=[*dict.fromkeys([*names, key])], use_threads=False)
        here = pc.and_(pc.greater_equal(rows[key], first), pc.less_equal(rows[key], last))
        return rows.filter(here).select(names)

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of all tiles, in quadkey order."""
        parts = _mapped(lambda tile: self.read(tile, columns), self.tiles())
        names = list(columns) if columns is not None else list(self.contract.names)
        return pa.concat_tables(parts) if parts else self.contract.empty().select(names)

    def commit(self, rows: pa.Table, receipt: Receipt) -> Receipt:
        """Write one tile and return its receipt completed; the file appears under its name when it is whole."""
        complete, content = self.encoded(rows, receipt)
        self.store.write(file_of(receipt.tile), content)
        return complete

    def encoded(self, rows: pa.Table, receipt: Receipt) -> tuple[Receipt, memoryview]:
        """Return a tile as a Parquet file, sorted by key, with its receipt completed and put into the footer.

        The bytes follow from rows and receipt alone.
        """
        return encoded(self.contract, sorted_by_key(rows, self.contract.key), receipt)

    def keep_only(self, tiles: set[str]) -> None:
        """Remove the tiles that are not among `tiles`, and what killed processes have left."""
        self.store.remove(file_of(tile) for tile in set(self.tiles()) - tiles)
        self.store.remove_drafts()


def file_of(tile: str) -> str:
    """Return the name of the file of a tile."""
    return f"{tile}{SUFFIX}"


def is_tile(name: str) -> bool:
    """Whether a file of this name is a tile."""
    return name.startswith("q") and name.endswith(SUFFIX)


def tile_of(name: str) -> str:
    """Return the tile whose file has this name."""
    return name.removesuffix(SUFFIX)


def _holds(entry: Entry | None, version: str) -> bool:
    return entry is not None and entry.version == version


def _mapped(function: Callable[[str], Each], tiles: Sequence[str]) -> list[Each]:
    """Return what a function gives for each tile, several asked for at a time."""
    if len(tiles) < 2:
        return [function(tile) for tile in tiles]
    with ThreadPoolExecutor(min(READERS, len(tiles))) as pool:
        return list(pool.map(function, tiles))


def _groups_between(metadata: pq.FileMetaData, key: str, first: object, last: object) -> list[int]:
    """Return the groups of rows that may hold a key between `first` and `last`; one without statistics may."""
    column = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == key)
    found = []
    for group in range(metadata.num_row_groups):
        told = metadata.row_group(group).column(column).statistics
        if told is None or not told.has_min_max or (told.max >= first and told.min <= last):
            found.append(group)
    return found


def open_table(contract: Contract, into: str | Path) -> Table:
    """Return the table of `contract` below the folder or URI `into`, made if absent.

    Raises
    ------
    TableError
        If what lies there was written under another version, or the folder cannot be made.
    """
    table = table_in(contract, into)
    table.store.make()
    _check_first(table)
    return table


def table_in(contract: Contract, into: str | Path) -> Table:
    """Return the table of `contract` below the folder or URI `into`; nothing is asked of what lies there."""
    return Table(contract, open_store(into).child(contract.name).uri)


def check_folder(into: str | Path, contracts: Iterable[Contract]) -> None:
    """Make the folder `into` and look into its tables, before anything is read.

    Raises
    ------
    TableError
        If it cannot be written, or holds a table of another version.
    """
    open_store(into).check_writable()
    for contract in contracts:
        _check_first(table_in(contract, into))


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
    table = table_in(contract, folder)
    if not table.store.is_there():
        raise TableError(f"{table.uri}: no such table: run a flow into {folder} first")
    _check_first(table)
    return table


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
    """The reject table of a run: one file for each tile of a stage that refused rows."""

    def __init__(self, into: str | Path) -> None:
        self.store = open_store(into).child(REJECT.name)

    def prepare(self) -> None:
        """Write an empty file, so that the table can be read before anything is refused."""
        self.store.make()
        if EMPTY not in self.store.names():
            self.store.write(EMPTY, _as_rejects(REJECT.empty()))

    def commit(self, stage: str, tile: str, rows: pa.Table) -> None:
        """Put `rows` in place of what the stage refused of this tile before."""
        if rows.num_rows:
            self.store.make()
            self.store.write(*self.encoded(stage, tile, rows))
        else:
            self.store.remove([file_of(f"{stage}-{tile}")])

    def encoded(self, stage: str, tile: str, rows: pa.Table) -> tuple[str, memoryview]:
        """Return the name and the content of the file with what a stage refused of a tile."""
        return file_of(f"{stage}-{tile}"), _as_rejects(rows)

    def keep_only(self, stage: str, tiles: set[str]) -> None:
        """Remove what the stage refused of tiles that are not among `tiles`."""
        self.prepare()
        refused = [name for name in self.store.names() if name.startswith(f"{stage}-q")]
        self.store.remove(name for name in refused if tile_of(name).removeprefix(f"{stage}-") not in tiles)
        self.store.remove_drafts()

    def rows(self) -> pa.Table:
        """Return all rows refused, by stage and tile."""
        names = [name for name in self.store.names() if name.endswith(SUFFIX) and name != EMPTY]
        return pa.concat_tables([REJECT.empty(), *_mapped(self._read, names)])

    def _read(self, name: str) -> pa.Table:
        with self.store.open(name) as source:
            return pq.ParquetFile(source).read(use_threads=False)


EMPTY = file_of("none")
"""File of the reject table that holds no rows."""


def _as_rejects(rows: pa.Table) -> memoryview:
    """Return rows of the reject table as a Parquet file."""
    sink = BytesIO()
    pq.write_table(REJECT.conform(rows), sink, compression=COMPRESSION)
    return sink.getbuffer()
