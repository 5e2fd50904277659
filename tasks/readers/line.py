"""The line of a segment: whether it is sound, and the columns that follow from it."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from schemas.contract import BBOX, GEOMETRY
from schemas.geometry import BOX
from schemas.vocabulary import RejectReason
from tasks.measure import lengths

Box = tuple[float, float, float, float]
"""West, south, east and north edge in degrees."""

Shapes = NDArray[np.object_]
"""Shapely geometries in WGS 84, x before y; None where there is none."""


class Fault(NamedTuple):
    """Why one line cannot be a segment."""

    reason: RejectReason
    message: str


def lines_of(wkb: pa.Array | pa.ChunkedArray) -> Shapes:
    """Return the shapes of a column of well-known binary, without heights; None where it cannot be read."""
    with np.errstate(invalid="ignore"):  # NaN is refused later, with its place
        shapes = shapely.from_wkb(np.array(wkb.to_pylist(), dtype=object), on_invalid="ignore")
    return np.atleast_1d(shapely.force_2d(shapes))


def faults(shapes: Shapes) -> dict[int, Fault]:
    """Return what is wrong with each shape that is no sound line, by its place in `shapes`.

    Examples
    --------
    >>> shapes = shapely.from_wkt(["LINESTRING (0 0, 1 1)", "LINESTRING (179 0, -179 0)", "POINT (1 1)"])
    >>> for place, fault in faults(shapes).items():
    ...     print(place, fault.reason, fault.message)
    2 bad_geometry geometry is a Point, expected a LineString
    1 crosses_antimeridian vertices 0 and 1 lie at 179.0° and -179.0°, expected less than 180° apart
    """
    found: dict[int, Fault] = {}
    for check in (_faults_of_type, _faults_of_coordinates, _faults_of_crossing, _faults_of_length):
        sound = np.setdiff1d(np.arange(len(shapes)), list(found))
        found |= {int(sound[i]): fault for i, fault in check(shapes[sound]).items()}
    return found


def _faults_of_type(shapes: Shapes) -> dict[int, Fault]:
    types = shapely.get_type_id(shapes)
    bad = np.flatnonzero((types != shapely.GeometryType.LINESTRING) | shapely.is_empty(shapes))
    return {int(i): Fault(RejectReason.BAD_GEOMETRY, _type_in_words(shapes[i])) for i in bad}


def _type_in_words(shape: shapely.Geometry | None) -> str:
    if shape is None:
        return "geometry is missing or cannot be read, expected well-known binary of a LineString"
    kind = f"{'an empty' if shape.is_empty else 'a'} {shape.geom_type}"
    return f"geometry is {kind}, expected a LineString"


def _faults_of_coordinates(shapes: Shapes) -> dict[int, Fault]:
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    is_good = np.isfinite(xy).all(axis=1) & (np.abs(xy[:, 0]) <= 180) & (np.abs(xy[:, 1]) <= 90)
    bad = np.flatnonzero(~is_good)
    starts = np.searchsorted(owner, owner[bad])
    return {
        int(owner[i]): Fault(
            RejectReason.BAD_COORDINATE,
            f"vertex {i - start} is ({xy[i, 0]}, {xy[i, 1]}), expected x within ±180° and y within ±90°",
        )
        for i, start in reversed(list(zip(bad, starts, strict=True)))
    }


def _faults_of_crossing(shapes: Shapes) -> dict[int, Fault]:
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    x = xy[:, 0]
    jumps = np.flatnonzero((np.abs(np.diff(x)) > 180) & (owner[1:] == owner[:-1]))
    starts = np.searchsorted(owner, owner[jumps])
    return {
        int(owner[i]): Fault(
            RejectReason.CROSSES_ANTIMERIDIAN,
            f"vertices {i - start} and {i - start + 1} lie at {x[i]}° and {x[i + 1]}°, expected less than 180° apart",
        )
        for i, start in reversed(list(zip(jumps, starts, strict=True)))
    }


def _faults_of_length(shapes: Shapes) -> dict[int, Fault]:
    box = shapely.bounds(shapes)
    bad = np.flatnonzero((box[:, 0] == box[:, 2]) & (box[:, 1] == box[:, 3]))
    return {
        int(i): Fault(RejectReason.ZERO_LENGTH, f"all vertices lie at ({box[i, 0]}, {box[i, 1]}), expected two places")
        for i in bad
    }


def line_columns(shapes: Shapes) -> dict[str, Any]:
    """Return the columns `geometry`, `bbox` and `length_m` of sound lines.

    Examples
    --------
    >>> columns = line_columns(shapely.from_wkt(["LINESTRING (0 0, 0 1)"]))
    >>> columns["bbox"].to_pylist(), columns["length_m"].to_numpy().round(3)
    ([{'xmin': 0.0, 'ymin': 0.0, 'xmax': 0.0, 'ymax': 1.0}], array([110574.389]))
    """
    return {
        GEOMETRY: pa.array(shapely.to_wkb(shapes, byte_order=1), pa.binary()),
        BBOX: boxes(shapely.bounds(shapes)),
        "length_m": pa.array(lengths(shapes), pa.float64()),
    }


def boxes(bounds: NDArray[np.float64]) -> pa.StructArray:
    """Return rows of (xmin, ymin, xmax, ymax) as the type of a `bbox` column."""
    sides = bounds.reshape(-1, 4).T
    return pa.StructArray.from_arrays([pa.array(side, pa.float64()) for side in sides], fields=list(BOX))


def boxes_meet(bbox: pa.StructArray, box: Box) -> NDArray[np.bool_]:
    """Return which boxes meet the given one; boxes that only touch it meet it."""
    west, south, east, north = box
    side = {name: bbox.field(name).to_numpy() for name in ("xmin", "ymin", "xmax", "ymax")}
    across = (side["xmin"] <= east) & (side["xmax"] >= west)
    return np.asarray(across & (side["ymin"] <= north) & (side["ymax"] >= south), dtype=bool)
