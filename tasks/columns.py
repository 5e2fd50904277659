"""Arrow columns as the Python and NumPy values that a task works with."""

import typing
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely


def _is_geometry(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, shapely.Geometry)


def array_values(column: pa.ChunkedArray, hint: object = None) -> npt.NDArray[Any] | list[Any]:
    """Return a column as one sequence: a NumPy array for numbers and geometries, a list for the rest.

    Lists of as many numbers each are the rows of one array, where `hint` asks for an array.
    """
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
    return _values(column.combine_chunks() if column.num_chunks != 1 else column.chunk(0))


def _values(array: pa.Array) -> list[Any]:
    """Return an array as Python values, column by column; Arrow's `to_pylist` goes value by value and takes longer."""
    kind = array.type
    if pa.types.is_map(kind):
        return _dicts(array)
    if pa.types.is_list(kind):
        return _lists(array)
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_string(kind):
        return typing.cast(list[Any], array.to_numpy(zero_copy_only=False).tolist())
    if (pa.types.is_floating(kind) or pa.types.is_integer(kind)) and not pa.types.is_float16(kind):
        return _without_nulls(array.fill_null(0).to_numpy(zero_copy_only=False).tolist(), array)
    return typing.cast(list[Any], array.to_pylist())


def _without_nulls(values: list[Any], array: pa.Array) -> list[Any]:
    """Return values with None where the array is null."""
    if array.null_count:
        for row in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
            values[row] = None
    return values


def _structs(array: pa.StructArray) -> list[dict[str, Any] | None]:
    names = [each.name for each in array.type]
    columns = [_values(each) for each in array.flatten()]
    if not names:
        return typing.cast(list[Any], array.to_pylist())
    return _without_nulls([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], array)


def _lists(array: pa.ListArray) -> list[list[Any] | None]:
    ends = array.offsets.to_numpy().tolist()
    first = ends[0]
    values = _values(array.values.slice(first, ends[-1] - first))
    return _without_nulls([values[a - first : b - first] for a, b in pairwise(ends)], array)


def _dicts(maps: pa.MapArray) -> list[dict[Any, Any] | None]:
    """Return a map column as dicts."""
    ends = maps.offsets.to_numpy().tolist()
    first, last = ends[0], ends[-1]
    keys, items = _values(maps.keys.slice(first, last - first)), _values(maps.items.slice(first, last - first))
    pairs = ((keys[a - first : b - first], items[a - first : b - first]) for a, b in pairwise(ends))
    return _without_nulls([dict(zip(*pair, strict=True)) for pair in pairs], maps)


def _geometries(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return typing.cast(npt.NDArray[Any], shapely.from_wkb(column.to_numpy()))
