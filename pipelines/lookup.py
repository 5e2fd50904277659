"""Find the rows of one feature in the tables of a folder, for people who want to look at it."""

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.table import Table, TableError, existing, table_in
from schemas.contract import Contract
from tasks.lift import PerRow

Row = dict[str, Any]


class Found(NamedTuple):
    """Where a feature is and what stands there."""

    tile: str
    rows: pa.Table


def find(table: Table, key: str) -> Found:
    """Return the rows of `key` and the tile that holds them.

    Raises
    ------
    TableError
        If no tile has it.
    """
    found = _search(table, key)
    if found is None:
        raise TableError(f"{table.uri}: no {table.contract.key} {key!r} in {len(table.tiles())} tiles")
    return found


def _search(table: Table, key: str) -> Found | None:
    name = table.contract.key
    for tile in table.tiles():
        if table.read(tile, [name], keys=(key, key)).num_rows:
            return Found(tile, table.read(tile, keys=(key, key)))
    return None


def row_of(into: str | Path, contract: Contract, key: str) -> Row:
    """Return the row of `key` in a folder's table of `contract`, as Python values; maps are dicts.

    Raises
    ------
    TableError
        If there is no such table, or it has no such row.
    """
    return _values(find(existing(contract, into), key))


def row_if_there(into: str | Path, contract: Contract, key: str) -> Row | None:
    """Return the same, None where the folder has no such table or the table no such row."""
    if not table_in(contract, into).store.is_there():
        return None
    found = _search(existing(contract, into), key)
    return _values(found) if found else None


def _values(found: Found) -> Row:
    row: Row = found.rows.to_pylist(maps_as_pydicts="strict")[0]
    return row


def arguments_of(lift: PerRow, into: str | Path, key: str) -> Row:
    """Return what the task of a lift would be called with for the row of `key`."""
    first = lift.sources[0]
    tile, rows = find(existing(first, into), key)
    tables = {each.name: existing(each, into).read(tile) for each in lift.sources[1:]}
    return next(lift.arguments({first.name: rows, **tables}))
