"""Points of vehicles in Parquet, positions in two columns or, as GeoParquet, in a column of points or lines."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely

from tasks.readers.probe_format import USUAL_LISTS, Named, ProbeBatch, ProbeFormat, named_columns, require
from tasks.readers.probe_rows import Columns, Tally, in_utf8, rows_of
from tasks.readers.probe_time import Place
from tasks.readers.reading import ReadError

ROWS = 250_000
"""Most rows that are read at a time."""

BATCH_BYTES = 64_000_000
"""Most bytes that are read at a time, unless a single row has more: a row may hold a whole line."""

ENCODINGS = ("WKB", "point", "linestring")
"""Encodings of geometries that are read; the last two are those of GeoArrow, with coordinates apart."""

POINT, LINE_STRING, MULTI_POINT, MULTI_LINE_STRING = 0, 1, 4, 5
"""Types of geometries that are read, as shapely numbers them."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Shape(NamedTuple):
    """The column of geometries of a GeoParquet file."""

    name: str
    encoding: str
    crs: pyproj.CRS


class Places(NamedTuple):
    """Positions of the n points of m rows."""

    lon: Floats
    """Degrees; NaN where the row has no position: such a row is one point."""
    lat: Floats
    row: Ints
    """Row of each point; shape (n,)."""
    counts: Ints
    """Points of each row, one or more; shape (m,)."""
    is_line: npt.NDArray[np.bool_]
    """Whether each row is a line, a trace of its own; shape (m,)."""


def read_parquet(path: Path, trace: str, tally: Tally) -> Iterator[ProbeBatch]:
    """Yield the points of a Parquet file.

    Points without a column of traces are one trace, named `trace`; a line without it is one by itself, named by
    `trace` and its row. What the points of a line have stands in lists.

    Raises
    ------
    ReadError
        If it cannot be read, or has no positions.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            named = _named(file.schema_arrow, tally.format, tally.file)
            shape = _shape(file.schema_arrow, tally.file)
            if shape is None or "lon" in dict(tally.format.columns):
                shape = None
                require(named, ("lon", "lat"), names, tally.file)
            yield from _batches(file, named, shape, trace, tally)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{tally.file}: {str(error).splitlines()[0]}; expected Parquet") from None


def _named(schema: pa.Schema, format: ProbeFormat, file: str) -> Named:
    """Return which columns have which role; lists for the points of lines by the usual names of such lists."""
    named = named_columns(schema.names, format, file)
    lists = {
        role: name
        for role, usual in USUAL_LISTS.items()
        for name in reversed(usual)
        if name in schema.names and _is_list(schema.field(name).type)
    }
    return named._replace(columns=lists | named.columns)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _batches(file: pq.ParquetFile, named: Named, shape: Shape | None, trace: str, tally: Tally) -> Iterator[ProbeBatch]:
    roles = {role: name for role, name in named.columns.items() if shape is None or role not in ("lon", "lat")}
    wanted = dict.fromkeys([*roles.values(), *([shape.name] if shape else [])])
    done = 0
    for block in file.iter_batches(batch_size=_rows_at_a_time(file), columns=list(wanted), use_threads=False):
        columns = {role: _plain(block, name, role, tally.file) for role, name in roles.items()}
        at = rows_of(tally.file, done)
        if shape is None:
            columns.setdefault("trace_id", pa.repeat(pa.scalar(trace), len(block)))
            place = at
        else:
            places = _places(_first(block, shape.name), shape, tally.file)
            columns = _at_points(columns, places, trace, done, tally)
            place = partial(_row_of, at, places.row)
        told = Columns(**{name: columns.get(name) for name in Columns._fields})
        yield tally.batch(told, named.speed_unit, place)
        done += len(block)


def _row_of(at: Place, row: Ints, point: int) -> str:
    """Return file and row of a point."""
    return at(int(row[point]))


def _rows_at_a_time(file: pq.ParquetFile) -> int:
    groups = file.metadata.num_row_groups
    held = sum(file.metadata.row_group(group).total_byte_size for group in range(groups))
    return max(1, min(ROWS, int(BATCH_BYTES * file.metadata.num_rows / max(1, held))))


def _first(block: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column; of two with one name the first."""
    return block.column(block.schema.get_all_field_indices(name)[0])


def _plain(block: pa.RecordBatch, name: str, role: str, file: str) -> pa.Array:
    """Return a column of single values, or of lists of them, as its role wants it.

    Raises
    ------
    ReadError
        If it is of a type that the role cannot be.
    """
    column = _first(block, name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    inner = column.type.value_type if _is_list(column.type) else column.type
    is_list_wrong = _is_list(column.type) and role in ("trace_id", "lon", "lat")
    if pa.types.is_nested(inner) or is_list_wrong:
        raise ReadError(f"{file}: column {name!r} for {role} is of type {column.type}, expected single values")
    if _is_text(column.type):
        return in_utf8(column)
    return column.cast(pa.string()) if role == "trace_id" else column


def _is_text(kind: pa.DataType) -> bool:
    told = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_it(kind) for is_it in told)


def _at_points(
    columns: Mapping[str, pa.Array], places: Places, trace: str, done: int, tally: Tally
) -> dict[str, pa.Array]:
    """Return columns of rows as columns of their points."""
    made = {"lon": pa.array(places.lon), "lat": pa.array(places.lat)}
    for role, column in columns.items():
        if role == "trace_id":
            made[role] = column.take(pa.array(places.row))
        elif _is_list(column.type):
            made[role] = _of_lists(column, places, role, tally)
        else:
            is_single = (places.counts == 1)[places.row]
            made[role] = column.take(pa.array(places.row, mask=~is_single))
    if "trace_id" not in made:
        numbered = pc.binary_join_element_wise(trace, pa.array(places.row + done + 1).cast(pa.string()), "#")
        made["trace_id"] = pc.if_else(pa.array(places.is_line[places.row]), numbered, trace)
    return made


def _of_lists(column: pa.Array, places: Places, role: str, tally: Tally) -> pa.Array:
    """Return the values of lists that have one for each point of their row, null for the points of others."""
    lengths = pc.list_value_length(column).fill_null(0).to_numpy()
    is_whole = lengths == places.counts
    if (odd := ~is_whole & (lengths > 0)).any():
        row = int(np.flatnonzero(odd)[0])
        tally.tell(role, f"{lengths[row]} values of {role} for {places.counts[row]} points, expected one each")
    starts = np.cumsum(lengths) - lengths
    begins = np.cumsum(places.counts) - places.counts
    index = (starts - begins)[places.row] + np.arange(len(places.row))
    return column.flatten().take(pa.array(index, mask=~is_whole[places.row]))


def _shape(schema: pa.Schema, file: str) -> Shape | None:
    """Return the column of geometries, None in Parquet without one."""
    try:
        told: Any = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    except ValueError:
        return None
    told = told if isinstance(told, dict) else {}
    name, columns = str(told.get("primary_column")), told.get("columns")
    if name not in schema.names:
        return None
    column = columns.get(name) if isinstance(columns, dict) else None
    column = column if isinstance(column, dict) else {}
    encoding = str(column.get("encoding", "WKB"))
    if encoding not in ENCODINGS:
        raise ReadError(f"{file}: geometry encoding {encoding!r}, expected {' or '.join(ENCODINGS)}")
    try:
        return Shape(name, encoding, pyproj.CRS(column.get("crs") or "OGC:CRS84"))
    except pyproj.exceptions.CRSError:
        raise ReadError(f"{file}: coordinate reference system {column['crs']!r} is not known to PROJ") from None


def _places(column: pa.Array, shape: Shape, file: str) -> Places:
    """Return the positions of rows in WGS 84."""
    if shape.encoding == "WKB":
        counts, x, y, is_line = _of_wkb(column, shape.name, file)
    else:
        counts, x, y, is_line = _of_arrow(column, shape, file)
    lon, lat = _in_wgs84(x, y, shape.crs)
    row = np.repeat(np.arange(len(counts)), np.maximum(counts, 1))
    has_place = (counts > 0)[row]
    spread = np.full((2, len(row)), np.nan)
    spread[:, has_place] = lon, lat
    return Places(spread[0], spread[1], row, np.maximum(counts, 1), is_line)


def _of_wkb(column: pa.Array, name: str, file: str) -> tuple[Ints, Floats, Floats, npt.NDArray[np.bool_]]:
    """Return the points of each row, their coordinates, and which rows are lines; rows without a geometry have none."""
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        raise ReadError(f"{file}: column {name!r} is of type {column.type}, expected WKB")
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    kinds = shapely.get_type_id(shapes)
    is_odd = ~np.isin(kinds, (-1, POINT, LINE_STRING, MULTI_POINT, MULTI_LINE_STRING))
    if is_odd.any():
        raise ReadError(
            f"{file}: a {shapes[is_odd][0].geom_type} in the column of geometries, expected points or lines"
        )
    x, y = shapely.get_coordinates(shapes).T
    return shapely.get_num_coordinates(shapes).astype(np.int64), x, y, kinds > POINT


def _of_arrow(column: pa.Array, shape: Shape, file: str) -> tuple[Ints, Floats, Floats, npt.NDArray[np.bool_]]:
    """Return the same of a column with coordinates apart."""
    is_line = _is_list(column.type)
    points = column.flatten() if is_line else column.drop_null()
    if not pa.types.is_struct(points.type) or {"x", "y"} - {field.name for field in points.type}:
        raise ReadError(f"{file}: column {shape.name!r} is of type {column.type}, expected {shape.encoding} of x and y")
    lengths = pc.list_value_length(column).fill_null(0) if is_line else column.is_valid().cast(pa.int64())
    x, y = (pc.struct_field(points, name).to_numpy(zero_copy_only=False) for name in ("x", "y"))
    return lengths.to_numpy(zero_copy_only=False).astype(np.int64), x, y, np.full(len(column), is_line)


def _in_wgs84(x: Floats, y: Floats, crs: pyproj.CRS) -> tuple[Floats, Floats]:
    """Return longitudes and latitudes, NaN where there is none."""
    if crs.is_geographic and crs.equals(pyproj.CRS("EPSG:4326"), ignore_axis_order=True):
        return x, y
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    is_good = np.isfinite(lon) & np.isfinite(lat)
    return np.where(is_good, lon, np.nan), np.where(is_good, lat, np.nan)
