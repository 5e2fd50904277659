"""The promise one table makes: its fields, their types, units and meaning, declared once."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

GEOMETRY = "geometry"
"""Name of the column that holds well-known binary, in every contract that has a geometry."""

BBOX = "bbox"
"""Name of the column that covers the geometry, as GeoParquet 1.1 describes it."""


class ContractError(ValueError):
    """A table breaks its contract; the message names the contract, the field and what is wrong."""


@dataclass(frozen=True)
class Field:
    """One column: name, Arrow type, meaning, unit and whether it may be null."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str | None = None
    nullable: bool = False

    @property
    def arrow(self) -> pa.Field:
        """The Arrow field, its meaning and unit kept as metadata."""
        notes = {"meaning": self.meaning} | ({"unit": self.unit} if self.unit else {})
        return pa.field(self.name, self.type, nullable=self.nullable, metadata=notes)


def field(name: str, type: pa.DataType, meaning: str, *, unit: str | None = None, nullable: bool = False) -> Field:
    """Return one column of a contract, written on one line."""
    return Field(name, type, meaning, unit, nullable)


@dataclass(frozen=True)
class Contract:
    """One table's promise; validation, Parquet metadata and the schema page come from it.

    Examples
    --------
    >>> GRADE = Contract(
    ...     name="grade", version=1, key="segment_id",
    ...     fields=(field("segment_id", pa.string(), "Stable id."), field("mean", pa.float32(), "Mean.", unit="%")),
    ... )
    >>> GRADE.validate(pa.table({"segment_id": ["a"]}))
    Traceback (most recent call last):
        ...
    schemas.contract.ContractError: grade v1: no column 'mean'
    """

    name: str
    version: int
    key: str
    """The column that names the feature a row belongs to; tables are joined and rows sorted by it."""
    fields: tuple[Field, ...]
    is_key_unique: bool = True
    """False for a table of observations: many rows for one key."""
    geometry_types: tuple[str, ...] = ("LineString",)
    """What the geometry column may hold, as GeoParquet lists it; unused without that column."""

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema with the file metadata of every Parquet file of the table."""
        return pa.schema([f.arrow for f in self.fields], metadata=self.metadata)

    @cached_property
    def metadata(self) -> dict[bytes, bytes]:
        """File metadata: name, version and key of the contract and, with a geometry, GeoParquet 1.1."""
        told = {"contract": self.name, "version": self.version, "key": self.key}
        notes = {b"waysmith": json.dumps(told).encode()}
        if self.has_geometry:
            notes[b"geo"] = json.dumps(self.geo).encode()
        return notes

    @property
    def has_geometry(self) -> bool:
        """Whether the table has a geometry column."""
        return GEOMETRY in self.names

    @cached_property
    def geo(self) -> dict[str, Any]:
        """The `geo` metadata of the GeoParquet 1.1 specification: WKB in OGC:CRS84, covered by `bbox`."""
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": list(self.geometry_types)}
        if BBOX in self.names:
            column["covering"] = {BBOX: {side: [BBOX, side] for side in ("xmin", "ymin", "xmax", "ymax")}}
        return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(f.name for f in self.fields)

    def __getitem__(self, name: str) -> Field:
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(f"{self.name} v{self.version} has no field {name!r}")

    def validate(self, table: pa.Table) -> None:
        """Raise `ContractError` unless `table` has the columns, types, non-null values and key promised.

        Only what Arrow can say of whole columns is checked here: values inside a row are the task's business.
        """
        for f in self.fields:
            if f.name not in table.column_names:
                raise ContractError(f"{self.name} v{self.version}: no column {f.name!r}")
            column = table.column(f.name)
            if not column.type.equals(f.type):
                raise ContractError(f"{self.name} v{self.version}: {f.name!r} is {column.type}, not {f.type}")
            if column.null_count and not f.nullable:
                raise ContractError(f"{self.name} v{self.version}: {column.null_count} nulls in {f.name!r}")
        if self.is_key_unique:
            self._validate_unique(table.column(self.key))

    def _validate_unique(self, keys: pa.ChunkedArray) -> None:
        counts = keys.value_counts()
        if len(counts) == len(keys):
            return
        repeated = next(row["values"] for row in counts.to_pylist() if row["counts"] > 1)
        raise ContractError(f"{self.name} v{self.version}: {self.key} {repeated!r} stands more than once")

    def conform(self, table: pa.Table) -> pa.Table:
        """Return `table` with the contract's columns in order, its types and its metadata, validated."""
        missing = [name for name in self.names if name not in table.column_names]
        if missing:
            raise ContractError(f"{self.name} v{self.version}: no column {missing[0]!r}")
        columns = [table.column(f.name).cast(f.type) for f in self.fields]
        shaped = pa.Table.from_arrays(columns, schema=self.schema)
        self.validate(shaped)
        return shaped

    def empty(self) -> pa.Table:
        """Return a table of this contract without rows."""
        return self.schema.empty_table()


def as_json(contract: Contract) -> dict[str, Any]:
    """Return a contract as plain JSON values: what the golden files and the schema page are made of."""
    return {
        "name": contract.name,
        "version": contract.version,
        "key": contract.key,
        "fields": [
            {"name": f.name, "type": str(f.type), "meaning": f.meaning, "unit": f.unit, "nullable": f.nullable}
            for f in contract.fields
        ],
    }
