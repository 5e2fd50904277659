"""One's own road network in, road segments out: any line layer that GDAL reads, and GeoParquet."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import shapely

from schemas.road import ROAD_SEGMENT
from schemas.speed_rule import HIGHEST_SPEED, LOWEST_SPEED
from schemas.vocabulary import Heading, OneWay, RejectReason, RoadClass
from tasks.readers.layer import read_layer
from tasks.readers.line import Shapes, faults, line_columns
from tasks.readers.mapping import Mapping
from tasks.readers.reading import Reading
from tasks.readers.reject import Refusal, keep_first, rejects

TASK = "read_network"

WGS84 = pyproj.CRS("OGC:CRS84")

CONNECTOR_DECIMALS = 7
"""Line ends whose coordinates agree to so many decimals of a degree (1 cm) are one connector."""


def read_network(file: Path, mapping: Mapping) -> Reading:
    """Return the lines of a layer as road segments, as they are: cut them at junctions before.

    Coordinates are brought to WGS 84. A multi-line whose parts follow on each other is one line; any other one of
    several parts is refused. Lines are connected where `from_node` and `to_node` say so; without these, where end
    points agree to 7 decimals of a degree. A limit that is no whole number from 1 to 350 is dropped and told as a
    reject, and the segment is kept; 0 and null state nothing.

    Raises
    ------
    ReadError
        If the file or its layer cannot be read, lacks a column that the mapping names, or says no coordinate system.
    """
    layer = read_layer(file, mapping)
    shapes = to_wgs84(as_lines(layer.shapes), layer.crs)
    refusals: dict[int, list[Refusal]] = {}
    rows: dict[int, dict[str, Any]] = {}
    for i, values in enumerate(_rows(layer.columns)):
        try:
            rows[i], dropped = segment_of(values, mapping, dataset=mapping.dataset or file.stem)
            refusals[i] = [Refusal(rows[i]["segment_id"], RejectReason.BAD_VALUE, words) for words in dropped]
        except ValueError as error:
            key = text(values[mapping.id]) or ""
            refusals[i] = [Refusal(key, RejectReason.BAD_VALUE, str(error))]
    for i, fault in faults(shapes).items():
        if row := rows.pop(i, None):
            refusals[i] = [Refusal(row["segment_id"], *fault)]
    segments, repeated = keep_first(_table(rows, shapes), key="segment_id")
    told = [refusal for i in sorted(refusals) for refusal in refusals[i]]
    return Reading(ROAD_SEGMENT.conform(segments), rejects([*told, *repeated], task=TASK), len(shapes))


def segment_of(values: dict[str, Any], mapping: Mapping, *, dataset: str) -> tuple[dict[str, Any], list[str]]:
    """Return the columns of one segment that do not follow from its line, and words about limits dropped from it.

    Raises
    ------
    ValueError
        If the id, the class, the one-way column or a node holds a value that the mapping does not foresee.

    Examples
    --------
    >>> mapping = Mapping(id="ID", class_="FC", class_values={"1": "motorway"}, max_speed="V", tags={"surface": "S"})
    >>> row, dropped = segment_of({"ID": 7.0, "FC": 1, "V": 120, "S": "asphalt"}, mapping, dataset="city")
    >>> row["segment_id"], row["class"], row["one_way"], row["tags"], dropped
    ('7', 'motorway', 'no', [('surface', 'asphalt')], [])
    """
    told = {key: text(values[column]) for key, column in _named(mapping)}
    if told["id"] is None:
        raise ValueError(f"{mapping.id} is null, expected the id of the segment")
    limits, dropped = speed_limits(values, mapping)
    tags = {key: text(values[column]) for key, column in mapping.tags.items()}
    row = {
        "segment_id": told["id"],
        "class": _translated(told.get("class_"), mapping.class_, mapping.class_values, RoadClass, RoadClass.UNKNOWN),
        "subclass": None,
        "one_way": _translated(told.get("one_way"), mapping.one_way, mapping.one_way_values, OneWay, OneWay.NO),
        "name": told.get("name"),
        "ref": told.get("ref"),
        "routes": [],
        "connectors": _connectors(told, mapping),
        "sources": [{"property": "", "dataset": dataset, "record_id": told["id"], "between": None}],
        "speed_limits": limits,
        "tags": sorted((key, value) for key, value in tags.items() if value is not None),
    }
    return row, dropped


def speed_limits(values: dict[str, Any], mapping: Mapping) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the limits of one segment as Overture rules, general first, and words about values that are none.

    Examples
    --------
    >>> mapping = Mapping(id="ID", max_speed="V", max_speed_backward="VB", unit="mph")
    >>> speed_limits({"V": 35, "VB": "x"}, mapping)
    ([{'max_speed': {'value': 35, 'unit': 'mph'}, 'when': None}], ["VB is 'x', expected a whole number from 1 to 350"])
    """
    columns = {
        None: mapping.max_speed,
        Heading.FORWARD: mapping.max_speed_forward,
        Heading.BACKWARD: mapping.max_speed_backward,
    }
    rules, dropped = [], []
    for heading, column in columns.items():
        told = text(values[column]) if column else None
        if told is None or told == "0":
            continue
        if not told.isdecimal() or not LOWEST_SPEED <= int(told) <= HIGHEST_SPEED:
            dropped.append(f"{column} is {told!r}, expected a whole number from {LOWEST_SPEED} to {HIGHEST_SPEED}")
            continue
        when = {"heading": heading.value} if heading else None
        rules.append({"max_speed": {"value": int(told), "unit": mapping.unit}, "when": when})
    return rules, dropped


def text(value: object) -> str | None:
    """Return a value of a column as a string: whole numbers without a point, None for null, NaN and blank.

    Examples
    --------
    >>> text(7.0), text(" A "), text(float("nan")), text(True)
    ('7', 'A', None, 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if np.isnan(value):
            return None
        value = int(value) if value.is_integer() else value
    return None if value is None else str(value).strip() or None


def as_lines(shapes: Shapes) -> Shapes:
    """Return multi-lines whose parts follow on each other as single lines, all else as it is.

    Examples
    --------
    >>> list(as_lines(shapely.from_wkt(["MULTILINESTRING ((0 0, 1 1), (1 1, 2 0))"])))
    [<LINESTRING (0 0, 1 1, 2 0)>]
    """
    is_multi = shapely.get_type_id(shapes) == shapely.GeometryType.MULTILINESTRING
    is_single = is_multi & (shapely.get_num_geometries(shapes) == 1)
    shapes = np.where(is_single, shapely.get_geometry(shapes, 0), shapes)
    is_several = is_multi & ~is_single
    shapes[is_several] = shapely.line_merge(shapes[is_several], directed=True)
    return shapes


def to_wgs84(shapes: Shapes, crs: pyproj.CRS) -> Shapes:
    """Return shapes in WGS 84; coordinates that it cannot give become infinite."""
    if crs.equals(WGS84, ignore_axis_order=True):
        return shapes
    transformer = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    return np.asarray(shapely.transform(shapes, transformer.transform, interleaved=False))


def _table(rows: dict[int, dict[str, Any]], shapes: Shapes) -> pa.Table:
    """Return the columns of ROAD_SEGMENT for the places of `shapes` that rows were made for."""
    lines = shapes[np.fromiter(rows, int, len(rows))]
    derived = line_columns(lines)
    for row, line in zip(rows.values(), lines, strict=True):
        row["connectors"] = row["connectors"] or connectors_of(line)
    columns = {f.name: [row[f.name] for row in rows.values()] for f in ROAD_SEGMENT.fields if f.name not in derived}
    typed = {name: pa.array(values, ROAD_SEGMENT[name].type) for name, values in columns.items()}
    return pa.table(derived | typed)


def connectors_of(line: shapely.LineString) -> list[dict[str, Any]]:
    """Return the ends of a line as connectors that are called by their place.

    Examples
    --------
    >>> connectors_of(shapely.LineString([(24.9, 60.1), (-1e-9, 60.2)]))
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'connector_id': '24.9000000,60.1000000', 'at': 0.0}, {'connector_id': '0.0000000,60.2000000', 'at': 1.0}]
    """
    ends = zip((line.coords[0], line.coords[-1]), (0.0, 1.0), strict=True)
    return [{"connector_id": ",".join(map(_degrees, place)), "at": at} for place, at in ends]


def _degrees(value: float) -> str:
    return f"{round(value, CONNECTOR_DECIMALS) + 0.0:.{CONNECTOR_DECIMALS}f}"


def _connectors(told: dict[str, str | None], mapping: Mapping) -> list[dict[str, Any]]:
    """Return the nodes that the mapping names, as connectors; none if it names none."""
    nodes = [("from_node", mapping.from_node, 0.0), ("to_node", mapping.to_node, 1.0)]
    for key, column, _ in nodes:
        if column and told[key] is None:
            raise ValueError(f"{column} is null, expected the id of a node")
    return [{"connector_id": told[key], "at": at} for key, column, at in nodes if column]


def _named(mapping: Mapping) -> Iterator[tuple[str, str]]:
    for key in ("id", "class_", "name", "ref", "one_way", "from_node", "to_node"):
        if column := getattr(mapping, key):
            yield key, column


def _translated(
    told: str | None, column: str | None, values: dict[str, str], words: Iterable[str], otherwise: str
) -> str:
    """Return the word for a value of a column; `otherwise` for null or without a column."""
    known = values or {str(word): str(word) for word in words}
    if told is None:
        return known.get("", str(otherwise))
    if told not in known:
        raise ValueError(f"{column} is {told!r}, expected one of {', '.join(known)}")
    return known[told]


def _rows(columns: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))
