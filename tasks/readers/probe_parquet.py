"""Points of vehicles in Parquet, positions in two columns or, as GeoParquet, in a column of points."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from tasks.readers.probe_format import Named, ProbeBatch, named_columns, require
from tasks.readers.probe_rows import Columns, Tally, rows_of
from tasks.readers.reading import ReadError

ROWS = 250_000
"""Points that are read at a time."""


def read_parquet(path: Path, trace: str, tally: Tally) -> Iterator[ProbeBatch]:
    """Yield the points of a Parquet file; one without a column of traces is one trace, named `trace`.

    Raises
    ------
    ReadError
        If it cannot be read, or has no positions.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            named = named_columns(names, tally.format, tally.file)
            shape = _shape(file.schema_arrow, tally.file)
            if shape is None or "lon" in dict(tally.format.columns):
                shape = None
                require(named, ("lon", "lat"), names, tally.file)
            yield from _batches(file, named, shape, trace, tally)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{tally.file}: {str(error).splitlines()[0]}; expected Parquet") from None


def _batches(
    file: pq.ParquetFile, named: Named, shape: tuple[str, pyproj.CRS] | None, trace: str, tally: Tally
) -> Iterator[ProbeBatch]:
    roles = {role: name for role, name in named.columns.items() if shape is None or role not in ("lon", "lat")}
    wanted = dict.fromkeys([*roles.values(), *([shape[0]] if shape else [])])
    for block in file.iter_batches(batch_size=ROWS, columns=list(wanted), use_threads=False):
        columns: dict[str, pa.Array] = {role: _plain(block.column(name)) for role, name in roles.items()}
        if shape is not None:
            columns["lon"], columns["lat"] = _positions(block.column(shape[0]), shape[1], tally.file)
        ids = columns.get("trace_id")
        columns["trace_id"] = pa.repeat(pa.scalar(trace), len(block)) if ids is None else ids.cast(pa.string())
        told = Columns(**{name: columns.get(name) for name in Columns._fields})
        yield tally.batch(told, named.speed_unit, rows_of(tally.file, tally.read))


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _shape(schema: pa.Schema, file: str) -> tuple[str, pyproj.CRS] | None:
    """Return the column of points and its coordinate system, None in Parquet without a geometry."""
    told: dict[str, Any] = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    name = str(told.get("primary_column"))
    if name not in schema.names:
        return None
    column = told.get("columns", {}).get(name, {})
    if column.get("encoding", "WKB") != "WKB":
        raise ReadError(f"{file}: geometry encoding {column['encoding']!r}, expected WKB")
    try:
        return name, pyproj.CRS(column.get("crs") or "OGC:CRS84")
    except pyproj.exceptions.CRSError:
        raise ReadError(f"{file}: coordinate reference system {column['crs']!r} is not known to PROJ") from None


def _positions(column: pa.Array, crs: pyproj.CRS, file: str) -> tuple[pa.Array, pa.Array]:
    """Return longitudes and latitudes of points in WKB, NaN where there is none."""
    points = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    kinds = shapely.get_type_id(points)
    if (kinds > 0).any():
        kind = points[kinds > 0][0].geom_type
        raise ReadError(f"{file}: a {kind} in the column of geometries, expected points")
    points[shapely.is_empty(points)] = None
    x, y = shapely.get_x(points), shapely.get_y(points)
    if crs.is_geographic and crs.equals(pyproj.CRS("EPSG:4326"), ignore_axis_order=True):
        return pa.array(x), pa.array(y)
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    is_good = np.isfinite(lon) & np.isfinite(lat)
    return pa.array(np.where(is_good, lon, np.nan)), pa.array(np.where(is_good, lat, np.nan))
