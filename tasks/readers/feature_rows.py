"""Rows of MAP_FEATURE from what a reader found: geometry checked, areas measured, columns in one place."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from schemas.contract import BBOX, GEOMETRY
from schemas.map_feature import MAP_FEATURE
from schemas.vocabulary import FeatureKind, RejectReason
from tasks.area import areas
from tasks.readers.line import Box, Fault, Shapes, boxes, boxes_meet
from tasks.readers.reject import Refusal

CHUNK = 65_536
"""Features that are held as Python objects at a time; the others are Arrow columns already."""

ALLOWED = [shapely.GeometryType[name.upper()] for name in ("Point", "LineString", "Polygon", "MultiPolygon")]
EXPECTED = "expected well-known binary of a Point, a LineString, a Polygon or a MultiPolygon"

Tags = Sequence[tuple[str, str]]


class Feature(NamedTuple):
    """One feature as a reader found it."""

    id: str
    record: str
    """How a reject names the record, with its version."""
    version: int
    kind: FeatureKind
    value: str
    wkb: bytes | str | None
    """Well-known binary, plain or in hexadecimal digits."""
    tags: Tags


class Lost(NamedTuple):
    """A feature that cannot be made of its record."""

    id: str
    refusal: Refusal


class Chunk(NamedTuple):
    """Rows of some features, and why others are none."""

    rows: pa.Table
    """Rows of MAP_FEATURE."""
    versions: NDArray[np.int64]
    """Version of the record of each row."""
    lost: list[Lost]


def chunks(found: Iterable[Feature | Lost], *, bbox: Box | None = None) -> Iterator[Chunk]:
    """Yield the features found as rows, those that meet `bbox`, so that few of them are Python objects at a time."""
    stream = iter(found)
    while part := list(islice(stream, CHUNK)):
        features = [each for each in part if isinstance(each, Feature)]
        lost = [each for each in part if isinstance(each, Lost)]
        yield _chunk(features, lost, bbox)


def _chunk(features: list[Feature], lost: list[Lost], bbox: Box | None) -> Chunk:
    shapes = _simplest(_shapes([each.wkb for each in features]))
    found = shape_faults(shapes)
    is_kept = np.ones(len(shapes), dtype=bool)
    is_kept[list(found)] = False
    broken = [Lost(features[i].id, Refusal(features[i].record, *found[i])) for i in sorted(found)]
    if bbox is not None:
        is_kept &= boxes_meet(boxes(shapely.bounds(shapes)), bbox)
    kept = [features[i] for i in np.flatnonzero(is_kept)]
    versions = np.array([each.version for each in kept], dtype=np.int64)
    return Chunk(_rows(kept, shapes[is_kept]), versions, lost + broken)


def _shapes(wkb: list[bytes | str | None]) -> Shapes:
    with np.errstate(invalid="ignore"):  # coordinates that are no numbers are refused later
        plain = [bytes.fromhex(each) if isinstance(each, str) else each for each in wkb]  # GEOS is slow at digits
        read = shapely.from_wkb(np.array([*plain, None], dtype=object), on_invalid="ignore")[:-1]
    return np.atleast_1d(shapely.force_2d(read))


def _simplest(shapes: Shapes) -> Shapes:
    """Return multipolygons of one polygon as that polygon."""
    is_single = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON
    is_single &= shapely.get_num_geometries(shapes) == 1
    simple = shapes.copy()
    simple[is_single] = shapely.get_geometry(shapes[is_single], 0)
    return simple


def shape_faults(shapes: Shapes) -> dict[int, Fault]:
    """Return what is wrong with each shape that cannot be a map feature, by its place in `shapes`.

    Examples
    --------
    >>> shapes = shapely.from_wkt(["POINT (1 1)", "POINT (1 91)", "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"])
    >>> for place, fault in shape_faults(shapes).items():
    ...     print(place, fault.reason, fault.message)
    1 bad_coordinate bounds are (1.0, 91.0, 1.0, 91.0), expected x within ±180° and y within ±90°
    2 bad_geometry the area is broken: Self-intersection[0.5 0.5]
    """
    found: dict[int, Fault] = {}
    bounds = shapely.bounds(shapes)
    is_empty = ~np.isin(shapely.get_type_id(shapes), ALLOWED) | shapely.is_empty(shapes)
    found |= {int(i): _fault_of_type(shapes[i]) for i in np.flatnonzero(is_empty)}
    is_outside = ~(np.abs(bounds) <= [180, 90, 180, 90]).all(axis=1) & ~is_empty
    found |= {int(i): _fault_of_place(bounds[i]) for i in np.flatnonzero(is_outside | _has_nan(shapes))}
    is_areal = shapely.get_dimensions(shapes) == 2
    is_broken = is_areal & ~is_outside & ~shapely.is_valid(shapes)
    for i in np.flatnonzero(is_broken).tolist():
        found.setdefault(i, _bad(f"the area is broken: {shapely.is_valid_reason(shapes[i])}"))
    is_wide = is_areal & (bounds[:, 2] - bounds[:, 0] > 180)
    for i in np.flatnonzero(is_wide).tolist():
        found.setdefault(i, _fault_of_crossing(bounds[i]))
    return found


def _has_nan(shapes: Shapes) -> NDArray[np.bool_]:
    """Return which shapes have a coordinate that is no number; the bounds leave them out."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    has_nan = np.zeros(len(shapes), dtype=bool)
    has_nan[owner[~np.isfinite(xy).all(axis=1)]] = True
    return has_nan


def _bad(message: str) -> Fault:
    return Fault(RejectReason.BAD_GEOMETRY, message)


def _fault_of_type(shape: shapely.Geometry | None) -> Fault:
    if shape is None:
        return _bad(f"geometry is missing or cannot be read, {EXPECTED}")
    return _bad(f"geometry is {'an empty' if shape.is_empty else 'a'} {shape.geom_type}, {EXPECTED}")


def _fault_of_place(bounds: NDArray[np.float64]) -> Fault:
    words = f"bounds are {tuple(bounds.tolist())}, expected x within ±180° and y within ±90°"
    return Fault(RejectReason.BAD_COORDINATE, words)


def _fault_of_crossing(bounds: NDArray[np.float64]) -> Fault:
    words = f"the area reaches from {bounds[0]}° to {bounds[2]}°, expected one that ends at 180°"
    return Fault(RejectReason.CROSSES_ANTIMERIDIAN, words)


def _rows(features: list[Feature], shapes: Shapes) -> pa.Table:
    """Return rows of MAP_FEATURE; a building is the middle of its ground plan."""
    metres2 = areas(shapes)
    is_building = np.array([each.kind is FeatureKind.BUILDING for each in features], dtype=bool)
    drawn = shapes.copy()
    drawn[is_building] = shapely.centroid(shapes[is_building])
    columns = {
        "feature_id": pa.array([each.id for each in features], pa.string()),
        GEOMETRY: pa.array(shapely.to_wkb(drawn, byte_order=1), pa.binary()),
        BBOX: boxes(shapely.bounds(drawn)),
        "kind": pa.array([str(each.kind) for each in features], pa.string()),
        "value": pa.array([each.value for each in features], pa.string()),
        "area_m2": pa.array(metres2, pa.float64()),
        "tags": pa.array([each.tags for each in features], MAP_FEATURE["tags"].type),
    }
    return pa.Table.from_arrays([columns[name] for name in MAP_FEATURE.names], schema=MAP_FEATURE.schema)


def joined(parts: Sequence[Chunk]) -> tuple[pa.Table, list[Refusal]]:
    """Return all rows by feature id, each id once in its highest version, and the refusals of what is nowhere sound."""
    rows = pa.concat_tables([MAP_FEATURE.empty(), *(part.rows for part in parts)])
    versions = np.concatenate([np.zeros(0, dtype=np.int64), *(part.versions for part in parts)])
    ids = rows.column("feature_id")
    order = pc.sort_indices(
        pa.table({"id": ids, "version": versions}), sort_keys=[("id", "ascending"), ("version", "descending")]
    )
    ordered = rows.take(order)
    names = ordered.column("feature_id").combine_chunks()
    is_first = np.append(True, pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False))[: len(names)]
    lost = [each for part in parts for each in part.lost]
    return ordered.filter(pa.array(is_first, pa.bool_())), _lasting(lost, names)


def _lasting(lost: list[Lost], sound: pa.Array) -> list[Refusal]:
    """Return each refusal once, without those of features that another file has whole."""
    if not lost:
        return []
    is_sound = pc.is_in(pa.array([each.id for each in lost], pa.string()), value_set=sound).to_pylist()
    refusals = [each.refusal for each, is_elsewhere in zip(lost, is_sound, strict=True) if not is_elsewhere]
    return list(dict.fromkeys(refusals))
