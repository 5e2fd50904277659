"""A layer of lines of one's own network, as its file tells it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj

from tasks.readers.line import Shapes, lines_of
from tasks.readers.mapping import Mapping
from tasks.readers.reading import ReadError


class Layer(NamedTuple):
    """Features of a file as they stand there."""

    shapes: Shapes
    crs: pyproj.CRS
    columns: dict[str, list[Any]]
    """Values of the columns that the mapping names."""


def read_layer(file: Path, mapping: Mapping) -> Layer:
    """Return the geometries of a line layer, its coordinate system, and the columns that the mapping names.

    Raises
    ------
    ReadError
        If the file or its layer cannot be read, lacks a column that the mapping names, or says no coordinate system.
    """
    return _read_parquet(file, mapping) if _is_parquet(file) else _read_vector(file, mapping)


def _is_parquet(file: Path) -> bool:
    if file.is_dir() or not file.exists():
        return False
    with file.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _read_vector(file: Path, mapping: Mapping) -> Layer:
    """Return a layer as GDAL reads it."""
    try:
        name = _layer(file, mapping.layer)
        info = pyogrio.read_info(file, layer=name)
        _check_columns(file, list(info["fields"]), mapping)
        meta, table = pyogrio.read_arrow(file, layer=name, columns=list(mapping.columns))
    except pyogrio.errors.DataSourceError as error:
        raise ReadError(f"{file}: {error}; expected a line layer that GDAL reads") from error
    crs = _crs(file, meta["crs"])
    return Layer(lines_of(table[meta["geometry_name"] or "wkb_geometry"]), crs, _columns(table, mapping))


def _layer(file: Path, wanted: str | None) -> str:
    """Return the layer asked for, or the only one with geometries."""
    layers: dict[str, str | None] = dict(pyogrio.list_layers(file))
    if wanted is not None:
        if wanted not in layers:
            raise ReadError(f"{file}: no layer {wanted!r}, there are {', '.join(layers)}")
        return wanted
    spatial = [name for name, kind in layers.items() if kind is not None]
    if len(spatial) != 1:
        raise ReadError(f"{file}: {len(spatial)} layers ({', '.join(spatial)}), expected `layer` in the mapping")
    return spatial[0]


def _read_parquet(file: Path, mapping: Mapping) -> Layer:
    """Return a GeoParquet file as a layer."""
    try:
        schema = pq.read_schema(file)
        geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
        name = geo.get("primary_column", "geometry")
        if name not in schema.names:
            raise ReadError(f"{file}: no column {name!r}, expected GeoParquet with a column of lines")
        _check_columns(file, schema.names, mapping)
        table = pq.read_table(file, columns=list({*mapping.columns, name}))
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{file}: {str(error).splitlines()[0]}; expected GeoParquet") from error
    column = geo.get("columns", {}).get(name, {})
    if column.get("encoding", "WKB") != "WKB":
        raise ReadError(f"{file}: geometry encoding {column['encoding']!r}, expected WKB")
    return Layer(lines_of(table[name]), _crs(file, column.get("crs", "OGC:CRS84")), _columns(table, mapping))


def _check_columns(file: Path, names: list[str], mapping: Mapping) -> None:
    for column, key in mapping.columns.items():
        if column not in names:
            raise ReadError(f"{file}: no column {column!r} ({key} in the mapping), there are {', '.join(names)}")


def _crs(file: Path, told: Any) -> pyproj.CRS:
    if told is None:
        raise ReadError(f"{file}: no coordinate reference system, expected one (a Shapefile keeps it in a .prj file)")
    try:
        return pyproj.CRS(told)
    except pyproj.exceptions.CRSError as error:
        raise ReadError(f"{file}: coordinate reference system {told!r} is not known to PROJ") from error


def _columns(table: pa.Table, mapping: Mapping) -> dict[str, list[Any]]:
    return {name: table[name].to_pylist() for name in mapping.columns}
