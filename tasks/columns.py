"""Arrow columns as the Python and NumPy values that a task works with."""

import typing
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely


def _is_geometry(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, shapely.Geometry)


def array_values(column: pa.ChunkedArray, hint: object = None) -> npt.NDArray[Any] | list[Any] | pa.ChunkedArray:
    """Return a column as one sequence: a NumPy array for numbers and geometries, a list for the rest.

    Lists of as many numbers each are the rows of one array, where `hint` asks for an array. Where `hint` is
    `pa.ChunkedArray` the column is returned as it is.
    """
    if hint is pa.ChunkedArray:
        return column
    if pa.types.is_list(column.type) and "ndarray" in str(hint) and pa.types.is_floating(column.type.value_type):
        return _matrix(column)
    if column.type == pa.binary() and "shapely" in str(hint).lower():
        return _geometries(column)
    if pa.types.is_primitive(column.type) and column.null_count == 0:
        return typing.cast(npt.NDArray[Any], column.to_numpy())
    return python_values(column, hint)


def _matrix(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return lists of one length as the rows of an array."""
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    widths = set(pc.list_value_length(whole).unique().to_pylist())
    if whole.null_count or len(widths) > 1:
        raise ValueError(f"lists of {sorted(widths, key=str)} numbers, expected as many in each")
    rows: npt.NDArray[np.float64] = whole.flatten().to_numpy().astype(np.float64)
    return rows.reshape(len(whole), -1 if len(whole) else 0)


def python_values(column: pa.ChunkedArray, hint: object = None) -> list[Any]:
    """Return a column as a list of Python values; maps become dicts, WKB a geometry where `hint` asks for one."""
    if _is_geometry(hint):
        return list(_geometries(column))
    if not _holds_map(column.type):
        return typing.cast(list[Any], column.to_pylist())
    if pa.types.is_map(column.type) and not _holds_map(column.type.item_type):
        return [None if pairs is None else dict(pairs) for pairs in column.to_pylist()]
    # Arrow's own dicts take 15 times as long: only for maps inside of other columns
    return typing.cast(list[Any], column.to_pylist(maps_as_pydicts="lossy"))


def _holds_map(kind: pa.DataType) -> bool:
    """Whether a type is a map or has one inside."""
    return pa.types.is_map(kind) or any(_holds_map(kind.field(index).type) for index in range(kind.num_fields))


def _geometries(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return typing.cast(npt.NDArray[Any], shapely.from_wkb(column.to_numpy()))
