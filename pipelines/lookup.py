"""Find the rows of one feature in the tables of a folder, for people who want to look at it."""

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.table import Table, TableError, existing
from schemas.contract import Contract
from tasks.lift import PerRow


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
    name = table.contract.key
    for tile in table.tiles():
        here = pc.equal(table.read(tile, [name]).column(name), key)
        if pc.any(here).as_py():
            return Found(tile, table.read(tile).filter(here))
    raise TableError(f"{table.folder}: no {name} {key!r} in {len(table.tiles())} tiles")


def row_of(into: str | Path, contract: Contract, key: str) -> dict[str, Any]:
    """Return the row of `key` in a folder's table of `contract`, as Python values; maps are dicts."""
    found = find(existing(contract, into), key)
    row: dict[str, Any] = found.rows.to_pylist(maps_as_pydicts="strict")[0]
    return row


def arguments_of(lift: PerRow, into: str | Path, key: str) -> dict[str, Any]:
    """Return what the task of a lift would be called with for the row of `key`."""
    first = lift.sources[0]
    tile, rows = find(existing(first, into), key)
    tables = {each.name: existing(each, into).read(tile) for each in lift.sources[1:]}
    return next(lift.arguments({first.name: rows, **tables}))
