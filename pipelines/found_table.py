"""Tables in a folder whose contract this version of Waysmith does not know: what their files say of themselves."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.store import Store, is_local, open_store
from pipelines.table import TableError
from schemas.contract import Contract, Field


def contracts_in(folder: str | Path) -> list[Contract]:
    """Return the contracts of all tables in a folder, by name; in an object store none, since it has no folders."""
    place = open_store(folder)
    names = sorted(each.name for each in Path(place.uri).glob("*") if each.is_dir()) if is_local(folder) else []
    found = [contract_of(place.child(name)) for name in names]
    return [contract for contract in found if contract]


def contract_named(folder: str | Path, name: str) -> Contract:
    """Return the contract of the table of this name.

    Raises
    ------
    TableError
        If there is no such table.
    """
    place = open_store(folder).child(name)
    contract = contract_of(place)
    if contract is None:
        raise TableError(f"{place.uri}: no such table: run a flow into {folder} first")
    return contract


def contract_of(store: Store) -> Contract | None:
    """Return the contract that the first tile of a table was written under, None where there is no such table."""
    tile = next((name for name in store.names() if name.startswith("q") and name.endswith(".parquet")), None)
    if tile is None:
        return None
    try:
        with store.open(tile) as file:
            schema = pq.read_schema(file)
    except pa.ArrowInvalid as error:
        raise TableError(f"{store.uri}/{tile}: not a Parquet file ({error}): remove it") from error
    told = json.loads((schema.metadata or {}).get(b"waysmith", b"{}"))
    if not told:
        return None
    fields = tuple(_field(each) for each in schema)
    geo = json.loads(schema.metadata.get(b"geo", b"{}"))
    types = tuple(next(iter(geo["columns"].values()))["geometry_types"]) if geo else ("LineString",)
    return Contract(told["contract"], told["version"], told["key"], fields, False, types)


def _field(column: pa.Field) -> Field:
    notes = {key.decode(): value.decode() for key, value in (column.metadata or {}).items()}
    return Field(column.name, column.type, notes.get("meaning", ""), notes.get("unit"), column.nullable)
