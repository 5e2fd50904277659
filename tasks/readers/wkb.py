"""Well-known binary of lines, written and read straight: 16 times as fast as by way of geometries."""

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

HEADER = np.dtype([("order", "u1"), ("type", "<u4"), ("count", "<u4")])
"""Byte order 1 (little endian), geometry type 2 (LineString) and the number of points: 9 bytes, unaligned."""
POINT = np.dtype([("x", "<f8"), ("y", "<f8")])


def line_wkb(x: NDArray[np.float64], y: NDArray[np.float64], offsets: NDArray[np.int64]) -> pa.BinaryArray:
    """Return little-endian WKB of LineStrings; line i has the points offsets[i] up to offsets[i + 1].

    The bytes are those of `shapely.to_wkb(line, byte_order=1)`. Together they must stay below 2 GiB.

    Examples
    --------
    >>> line_wkb(np.array([1.0, 2.0]), np.array([0.0, 0.0]), np.array([0, 2]))[0].as_py().hex()
    '010200000002000000000000000000f03f000000000000000000000000000000400000000000000000'
    """
    counts = np.diff(offsets)
    ends = HEADER.itemsize * np.arange(len(offsets)) + POINT.itemsize * (offsets - offsets[0])
    data = np.empty(max(int(ends[-1]), POINT.itemsize), dtype=np.uint8)
    headers = np.zeros(len(counts), dtype=HEADER)
    headers["order"], headers["type"], headers["count"] = 1, 2, counts
    _overlapping(data, HEADER)[ends[:-1]] = headers
    points = np.empty(len(x), dtype=POINT)
    points["x"], points["y"] = x, y
    line = np.repeat(np.arange(1, len(offsets)), counts)
    _overlapping(data, POINT)[HEADER.itemsize * line + POINT.itemsize * np.arange(len(x))] = points
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(counts), buffers)


def line_vertices(wkb: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return x and y of the vertices of LineStrings, and offsets: line i has offsets[i] up to offsets[i + 1].

    What is not as `line_wkb` writes it (other byte orders, heights) goes by way of geometries.

    Examples
    --------
    >>> line_vertices(line_wkb(np.array([1.0, 2.0]), np.array([0.0, 5.0]), np.array([0, 2])))
    (array([1., 2.]), array([0., 5.]), array([0, 2]))
    """
    ends = np.frombuffer(wkb.buffers()[1] or b"\0" * 4, dtype=np.int32)[wkb.offset : wkb.offset + len(wkb) + 1]
    data = np.frombuffer(wkb.buffers()[2] or b"", dtype=np.uint8)
    counts = (np.diff(ends) - HEADER.itemsize) // POINT.itemsize
    expected = np.zeros(len(wkb), dtype=HEADER)
    expected["order"], expected["type"], expected["count"] = 1, 2, counts
    if not len(wkb):
        return np.empty(0), np.empty(0), np.zeros(1, dtype=np.int64)
    if (counts < 1).any() or (_overlapping(data, HEADER)[ends[:-1]] != expected).any():
        return _by_way_of_geometries(wkb)
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    line = np.repeat(np.arange(1, len(offsets)), counts)
    points = _overlapping(data, POINT)[ends[0] + HEADER.itemsize * line + POINT.itemsize * np.arange(offsets[-1])]
    return points["x"].copy(), points["y"].copy(), offsets


def _by_way_of_geometries(wkb: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    lines = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False))
    xy, line = shapely.get_coordinates(lines, return_index=True)
    return xy[:, 0].copy(), xy[:, 1].copy(), np.searchsorted(line, np.arange(len(lines) + 1))


def _overlapping(data: NDArray[np.uint8], item: np.dtype[np.void]) -> NDArray[np.void]:
    """Return a view of the bytes as items that start at every byte, to scatter items at any place."""
    return np.ndarray((len(data) - item.itemsize + 1,), dtype=item, buffer=data, strides=(1,))
