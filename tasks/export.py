"""One table as one file that other programs open: GeoParquet, FlatGeobuf, GeoPackage, GeoJSON or CSV."""

import json
import math
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from schemas.contract import BBOX, GEOMETRY, Contract

ROWS_PER_BATCH = 65_536
"""Rows flattened at a time, and rows of a Parquet row group; a larger table costs no more memory than this."""

CRS = "OGC:CRS84"
"""WGS 84 with x before y, the only coordinate system of the contracts."""

GEOJSON_DECIMALS = "9"
"""Decimals of a degree in GeoJSON: 0.1 mm. RFC 7946 finds 6 enough; OSM and Overture keep 7."""

JOURNALS = ("-journal", "-wal", "-shm")
"""What SQLite leaves beside a GeoPackage; an old one would spoil a new file of the same name."""


class ExportError(ValueError):
    """A table cannot be exported: one line with the file, what is wrong and what was expected."""


def export(table: pa.Table, contract: Contract, to: Path) -> None:
    """Write `table`, rows of `contract`, as the one file `to`; its suffix says the format.

    Parquet keeps nested columns (as GeoParquet 1.1); in the other formats they are JSON text, or JSON values in
    GeoJSON. CSV holds the geometry as well-known text. An existing file is replaced at once or not at all.

    Raises
    ------
    ExportError
        If the suffix is unknown, the format needs a geometry that the table lacks, or the file cannot be written.
    ContractError
        If the table breaks its contract.

    Examples
    --------
    >>> from schemas.reject import REJECT
    >>> export(REJECT.empty(), REJECT, Path("reject.shp"))
    Traceback (most recent call last):
        ...
    tasks.export.ExportError: reject.shp: no format '.shp'; known are .parquet, .fgb, .gpkg, .geojson, .csv
    """
    write = _writer(contract, to)
    shaped = contract.conform(table)
    with _replacing(to) as temporary:
        write(shaped, contract, temporary)


Writer = Callable[[pa.Table, Contract, Path], None]


def check_format(contract: Contract, to: Path) -> None:
    """Raise unless rows of `contract` can be written in the format that the suffix of `to` names.

    Raises
    ------
    ExportError
        If the suffix is unknown, or the format needs a geometry that the contract lacks.
    """
    _writer(contract, to)


def _writer(contract: Contract, to: Path) -> Writer:
    suffix = to.suffix.lower()
    if suffix not in WRITERS:
        raise ExportError(f"{to}: no format {to.suffix!r}; known are {', '.join(WRITERS)}")
    if suffix not in (".parquet", ".csv") and not contract.has_geometry:
        raise ExportError(f"{to}: {contract.name} has no geometry, which {suffix} needs; .parquet and .csv do not")
    return WRITERS[suffix]


@contextmanager
def _replacing(to: Path) -> Iterator[Path]:
    """Give a path in the folder of `to` that becomes `to` in the end, and vanishes if anything fails."""
    if not to.parent.is_dir():
        raise ExportError(f"{to}: there is no folder {to.parent}")
    temporary = to.with_name(f".{to.stem}-{secrets.token_hex(4)}{to.suffix.lower()}")
    try:
        yield temporary
        temporary.replace(to)
        _remove_journals(to)
    except (OSError, pa.ArrowException, DataSourceError, DataLayerError, RuntimeError) as error:
        # a RuntimeError is how GDAL's stream reader reports what failed in the stream
        raise ExportError(f"{to}: cannot be written: {' '.join(str(error).split())}") from error
    finally:
        temporary.unlink(missing_ok=True)
        _remove_journals(temporary)


def _remove_journals(path: Path) -> None:
    for ending in JOURNALS:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _write_parquet(table: pa.Table, contract: Contract, to: Path) -> None:
    metadata = dict(contract.metadata)
    if contract.has_geometry:
        metadata[b"geo"] = json.dumps(_geo(table, contract)).encode()
    shaped = table.replace_schema_metadata(metadata)
    with pq.ParquetWriter(to, shaped.schema, compression="zstd") as writer:
        writer.write_table(shaped, row_group_size=ROWS_PER_BATCH)


def _geo(table: pa.Table, contract: Contract) -> dict[str, Any]:
    """Return the `geo` metadata of the whole table: the contract's, with its CRS spelt out and the overall box."""
    column = contract.geo["columns"][GEOMETRY] | {"crs": pyproj.CRS(CRS).to_json_dict()}
    if table.num_rows:
        column["bbox"] = _bounds(table)
    return contract.geo | {"columns": {GEOMETRY: column}}


def _bounds(table: pa.Table) -> list[float]:
    """Return west, south, east and north of all rows, in degrees."""
    if BBOX not in table.column_names:
        return [float(side) for side in shapely.total_bounds(shapely.from_wkb(table[GEOMETRY].to_numpy()))]
    sides = ((pc.min, "xmin"), (pc.min, "ymin"), (pc.max, "xmax"), (pc.max, "ymax"))
    return [extreme(pc.struct_field(table[BBOX], side)).as_py() for extreme, side in sides]


def _write_csv(table: pa.Table, contract: Contract, to: Path) -> None:
    schema = _flat_schema(table.schema)
    if contract.has_geometry:
        schema = schema.set(schema.get_field_index(GEOMETRY), pa.field(GEOMETRY, pa.string()))
    with pacsv.CSVWriter(to, schema) as writer:
        for batch in _flat_batches(table):
            writer.write_batch(_with_wkt(batch, schema) if contract.has_geometry else batch)


def _with_wkt(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    shapes = shapely.from_wkb(batch[GEOMETRY].to_numpy(zero_copy_only=False))
    texts = pa.array(shapely.to_wkt(shapes, rounding_precision=-1), pa.string())
    columns = [texts if name == GEOMETRY else batch[name] for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _write_gdal(table: pa.Table, contract: Contract, to: Path, *, driver: str, options: dict[str, str]) -> None:
    """Stream the table into one of GDAL's vector formats, as a layer with the contract's name."""
    schema = _flat_schema(table.schema)
    (kind,) = contract.geometry_types if len(contract.geometry_types) == 1 else ("Unknown",)
    pyogrio.write_arrow(
        pa.RecordBatchReader.from_batches(schema, _flat_batches(table)),
        to,
        layer=contract.name,
        driver=driver,
        geometry_name=GEOMETRY,
        geometry_type=kind,
        crs=CRS,
        **options,
    )
    _verify(to, table.num_rows)


def _verify(written: Path, rows: int) -> None:
    """Read a file back: GDAL does not report a disk that fills up while it closes a file or builds its index."""
    with pyogrio.open_arrow(written, columns=[], use_pyarrow=True) as (_, reader):
        found = sum(batch.num_rows for batch in reader)
    if found != rows:
        raise OSError(f"{found} of {rows} rows can be read back; is the disk full?")
    has_index = pyogrio.read_info(written)["capabilities"]["fast_spatial_filter"]
    if rows and not has_index and written.suffix != ".geojson":
        raise OSError("the spatial index is missing; is the disk full?")


def _flat_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with nested columns as JSON text, marked as such for GDAL, and nothing but types else."""
    json_mark = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
    return pa.schema(
        pa.field(f.name, pa.string(), metadata=json_mark) if pa.types.is_nested(f.type) else pa.field(f.name, f.type)
        for f in schema
    )


def _flat_batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    schema = _flat_schema(table.schema)
    for batch in table.to_batches(max_chunksize=ROWS_PER_BATCH):
        columns = [_json_texts(column) if pa.types.is_nested(column.type) else column for column in batch.columns]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _json_texts(column: pa.Array) -> pa.Array:
    """Return each value of a nested column as JSON; a map becomes an object."""
    values = column.to_pylist(maps_as_pydicts="strict")
    return pa.array((None if value is None else _json_text(value) for value in values), pa.string(), size=len(column))


def _json_text(value: object) -> str:
    """Return `value` as JSON, with null for numbers that JSON cannot write.

    Examples
    --------
    >>> _json_text({"sign": "Straße", "at": [0.5, float("nan")]})
    '{"sign":"Straße","at":[0.5,null]}'
    """
    dumps = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)
    try:
        return dumps(value)
    except ValueError:
        return dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


WRITERS: dict[str, Writer] = {
    ".parquet": _write_parquet,
    ".fgb": partial(_write_gdal, driver="FlatGeobuf", options={}),
    ".gpkg": partial(_write_gdal, driver="GPKG", options={"GEOMETRY_NAME": GEOMETRY}),
    ".geojson": partial(
        _write_gdal, driver="GeoJSON", options={"RFC7946": "YES", "COORDINATE_PRECISION": GEOJSON_DECIMALS}
    ),
    ".csv": _write_csv,
}
"""What writes each suffix."""
