"""Overture transportation GeoParquet in, road segments out: segments stay whole and keep their GERS ids."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from schemas.contract import BBOX
from schemas.road import CONNECTOR, ROAD_SEGMENT, ROUTE, SOURCE
from schemas.speed_rule import HIGHEST_SPEED, LOWEST_SPEED, SPEED_RULE, SPEED_UNITS, repeats, rule_problems
from schemas.vocabulary import Heading, OneWay, RejectReason, RoadClass, RoadSubclass
from tasks.readers.line import Box, boxes_meet, faults, line_columns, lines_of
from tasks.readers.reading import ReadError, Reading
from tasks.readers.reject import Refusal, keep_first, rejects

TASK = "read_overture"

REQUIRED = ("id", "geometry", "subtype", "class", "connectors")
"""Columns without which a file holds no Overture segments."""

OPTIONAL = (
    *("subclass", "names", "sources", "routes", "speed_limits"),
    *("access_restrictions", "road_surface", "road_flags"),
)
"""Columns that some releases lack; nothing is known then."""

CONNECTOR_COLUMNS = frozenset({"id", "geometry", "bbox", "version", "sources"})
"""Columns of a file of connectors, which has none of the other required ones."""

FLOAT32_MARGIN = 2e-5
"""Degrees by which Overture's bbox of 32-bit floats may be off; the exact box is compared after reading."""

CAR_MODES = frozenset({"vehicle", "motor_vehicle", "car"})
"""Travel modes of access restrictions that cover cars."""

TAG_OF_FLAG = {
    "is_bridge": ("bridge", "yes"),
    "is_covered": ("covered", "yes"),
    "is_tunnel": ("tunnel", "yes"),
}
"""The OSM tag that says the same as a flag of the whole segment."""

TAG_OF_SUBCLASS = {
    RoadSubclass.ALLEY: ("service", "alley"),
    RoadSubclass.DRIVEWAY: ("service", "driveway"),
    RoadSubclass.PARKING_AISLE: ("service", "parking_aisle"),
}
"""The OSM tag that says the same as a subclass."""

SURFACES = frozenset({"paved", "unpaved", "gravel", "dirt", "paving_stones", "metal"})
"""Surfaces that Overture and OSM call alike."""


class Part(NamedTuple):
    """What one batch of rows gives."""

    segments: pa.Table
    refusals: list[Refusal]
    records: int


def read_overture(files: Sequence[Path], *, bbox: Box | None = None) -> Reading:
    """Return the car roads of Overture transportation GeoParquet files, or of folders of them at any depth.

    Segments stay whole under their GERS id, with all connectors. Roads of classes on which no cars drive are passed
    over, as are rows and files of connectors. `one_way` is what the access restrictions of the whole segment leave to
    a car at any hour; restrictions of a part, an hour, a purpose or another mode do not count.

    Parameters
    ----------
    files
        Parquet files and folders. Columns that a release lacks are read as null.
    bbox
        West, south, east and north edge in degrees; roads whose box meets it are read. Row groups outside are not
        touched where the file has a `bbox` column.

    Raises
    ------
    ReadError
        If a file is no Parquet file, or has no Overture segments nor connectors.
    """
    parts = [part for file in _parquet_files(files) for part in _read_file(file, bbox)]
    tables = [part.segments for part in parts]
    segments, repeated = keep_first(pa.concat_tables([ROAD_SEGMENT.empty(), *tables]), key="segment_id")
    refusals = [refusal for part in parts for refusal in part.refusals] + repeated
    ROAD_SEGMENT.validate(segments)
    return Reading(segments, rejects(refusals, task=TASK), sum(part.records for part in parts))


def missing_columns(names: Sequence[str]) -> list[str]:
    """Return the columns that a file of Overture segments has and this one has not.

    Examples
    --------
    >>> missing_columns(["id", "geometry", "subtype", "class"])
    ['connectors']
    """
    return [name for name in REQUIRED if name not in names]


def has_only_connectors(names: Sequence[str]) -> bool:
    """Return whether the columns are those of a file of Overture connectors.

    Examples
    --------
    >>> has_only_connectors(["id", "geometry", "bbox", "version", "sources"])
    True
    """
    return set(names) >= CONNECTOR_COLUMNS and not set(names) & {"subtype", "class", "connectors"}


def _parquet_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise ReadError(f"{path}: no *.parquet file in this folder, expected Overture segments")
        yield from found


def _read_file(file: Path, bbox: Box | None) -> Iterator[Part]:
    try:
        data = ds.dataset(file, format="parquet")
        names = data.schema.names
        if has_only_connectors(names):
            return
        if missing := missing_columns(names):
            raise ReadError(f"{file}: no column {missing[0]!r}, expected Overture's {', '.join(REQUIRED)}")
        columns = [name for name in (*REQUIRED, *OPTIONAL) if name in names]
        for batch in data.to_batches(columns=columns, filter=_filter(data.schema, bbox)):
            if batch.num_rows:
                yield _read_rows(batch, bbox)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise ReadError(f"{file}: {first_line}; expected a Parquet file of Overture segments") from error


def _filter(schema: pa.Schema, bbox: Box | None) -> ds.Expression:
    """Return the rows wanted: car roads, whose box in the file is near `bbox` if the file has boxes."""
    wanted = (ds.field("subtype") == "road") & ds.field("class").isin([str(each) for each in RoadClass])
    if bbox is None or "bbox" not in schema.names or schema.field("bbox").type.get_field_index("xmin") < 0:
        return wanted
    west, south, east, north = bbox
    for side, edge in (("xmin", east), ("ymin", north)):
        wanted &= ds.field("bbox", side) <= edge + FLOAT32_MARGIN
    for side, edge in (("xmax", west), ("ymax", south)):
        wanted &= ds.field("bbox", side) >= edge - FLOAT32_MARGIN
    return wanted


def _read_rows(batch: pa.RecordBatch, bbox: Box | None) -> Part:
    """Return the sound segments of rows of car roads, and why the others are none."""
    shapes = lines_of(batch.column("geometry"))
    found = faults(shapes)
    is_sound = np.ones(len(shapes), dtype=bool)
    is_sound[list(found)] = False
    ids = batch.column("id")
    nameless = np.flatnonzero(ids.is_null().to_numpy(zero_copy_only=False) & is_sound)
    is_sound[nameless] = False
    refusals = [Refusal(ids[i].as_py() or "", *fault) for i, fault in sorted(found.items())]
    refusals += [Refusal("", RejectReason.BAD_VALUE, "id is null, expected a GERS id") for _ in nameless]
    rows, columns = batch.filter(pa.array(is_sound)), line_columns(shapes[is_sound])
    if bbox is not None:
        is_near = boxes_meet(columns[BBOX], bbox)
        rows, columns = rows.filter(is_near), {k: v.filter(is_near) for k, v in columns.items()}
    segments, broken = _segments(rows, columns)
    return Part(segments, refusals + broken, segments.num_rows + len(refusals))


def _segments(rows: pa.RecordBatch, columns: dict[str, pa.Array]) -> tuple[pa.Table, list[Refusal]]:
    """Return rows of ROAD_SEGMENT for sound rows, and a refusal for each row with rules that are not valid."""
    subclass = _subclasses(rows)
    limits, broken = _speed_limits(rows)
    columns |= {
        "segment_id": rows.column("id"),
        "class": rows.column("class"),
        "subclass": subclass,
        "one_way": pa.array([one_way(rules) for rules in _values(rows, "access_restrictions")], pa.string()),
        "name": _primary_names(rows),
        "ref": pa.array([_ref(routes) for routes in _values(rows, "routes")], pa.string()),
        "routes": _ordered(_lists(rows, "routes", ROUTE)),
        "connectors": _lists(rows, "connectors", CONNECTOR),
        "sources": _lists(rows, "sources", SOURCE),
        "speed_limits": limits,
        "tags": _tags(rows, subclass),
    }
    ordered = [columns[f.name].cast(f.type) for f in ROAD_SEGMENT.fields]
    return pa.Table.from_arrays(ordered, schema=ROAD_SEGMENT.schema), broken


def one_way(restrictions: list[dict[str, Any]] | None) -> OneWay:
    """Return the directions that Overture's access restrictions of a whole segment leave to a car at any hour.

    Only rules with a heading close or open a direction; the last that holds for a car wins. A segment closed in both
    directions is not one-way.

    Examples
    --------
    >>> one_way([{"access_type": "denied", "when": {"heading": "backward"}}])
    <OneWay.FORWARD: 'forward'>
    >>> one_way([{"access_type": "denied", "when": {"heading": "backward", "mode": ["bicycle"]}}])
    <OneWay.NO: 'no'>
    """
    is_closed = {Heading.FORWARD.value: False, Heading.BACKWARD.value: False}
    for rule in restrictions or ():
        when = rule.get("when") or {}
        if when.get("heading") in is_closed and _holds_for_cars(rule, when):
            is_closed[when["heading"]] = rule["access_type"] == "denied"
    match is_closed[Heading.FORWARD.value], is_closed[Heading.BACKWARD.value]:
        case False, True:
            return OneWay.FORWARD
        case True, False:
            return OneWay.BACKWARD
        case _:
            return OneWay.NO


def _holds_for_cars(rule: dict[str, Any], when: dict[str, Any]) -> bool:
    """Return whether a rule holds for every car, all along the segment, at any hour."""
    if rule.get("between") or any(when.get(key) for key in ("during", "using", "recognized", "vehicle")):
        return False
    return not when.get("mode") or bool(CAR_MODES & set(when["mode"]))


def _values(rows: pa.RecordBatch, name: str) -> list[Any]:
    return rows.column(name).to_pylist() if name in rows.schema.names else [None] * rows.num_rows


def _primary_names(rows: pa.RecordBatch) -> pa.Array:
    if "names" not in rows.schema.names:
        return pa.nulls(rows.num_rows, pa.string())
    return pc.struct_field(rows.column("names"), "primary").cast(pa.string())


def _ref(routes: list[dict[str, Any]] | None) -> str | None:
    refs = (route.get("ref") for route in routes or ())
    return ";".join(dict.fromkeys(ref for ref in refs if ref)) or None


def _subclasses(rows: pa.RecordBatch) -> pa.Array:
    """Return our subclasses; a link of releases that told it by flag alone is one too."""
    known = {str(subclass) for subclass in RoadSubclass}
    pairs = zip(_values(rows, "subclass"), _values(rows, "road_flags"), strict=True)
    told = [_link(flags) if subclass is None else subclass for subclass, flags in pairs]
    return pa.array([subclass if subclass in known else None for subclass in told], pa.string())


def _link(flags: list[dict[str, Any]] | None) -> str | None:
    return RoadSubclass.LINK if "is_link" in _whole_flags(flags) else None


def _whole_flags(flags: list[dict[str, Any]] | None) -> set[str]:
    """Return the flags that hold for the whole segment."""
    return {value for rule in flags or () if not rule.get("between") for value in rule["values"] or ()}


def _tags(rows: pa.RecordBatch, subclass: pa.Array) -> pa.Array:
    columns = _values(rows, "road_surface"), _values(rows, "road_flags"), subclass.to_pylist()
    return pa.array([sorted(_tags_of(*row).items()) for row in zip(*columns, strict=True)], ROAD_SEGMENT["tags"].type)


def _tags_of(
    surfaces: list[dict[str, Any]] | None, flags: list[dict[str, Any]] | None, subclass: str | None
) -> dict[str, str]:
    """Return the OSM tags that say exactly what Overture says of the whole segment."""
    tags = dict(TAG_OF_FLAG[flag] for flag in _whole_flags(flags) if flag in TAG_OF_FLAG)
    if subclass in TAG_OF_SUBCLASS:
        tags |= [TAG_OF_SUBCLASS[RoadSubclass(subclass)]]
    if surfaces and len(surfaces) == 1 and not surfaces[0].get("between") and surfaces[0]["value"] in SURFACES:
        tags["surface"] = surfaces[0]["value"]
    return tags


def _speed_limits(rows: pa.RecordBatch) -> tuple[pa.Array, list[Refusal]]:
    """Return the rules as they stand, without those that are not valid, and a refusal for each row that had such."""
    limits = _lists(rows, "speed_limits", SPEED_RULE)
    suspects = np.flatnonzero(~_is_plain(limits))
    refusals: list[Refusal] = []
    if not len(suspects):
        return limits, refusals
    ids, rules = rows.column("id"), limits.to_pylist()
    for i in suspects:
        valid, broken = _sort_out(rules[i])
        if broken:
            rules[i] = valid
            refusals.append(Refusal(ids[i].as_py(), RejectReason.BAD_VALUE, "; ".join(broken)))
    return (pa.array(rules, limits.type) if refusals else limits), refusals


def _is_plain(limits: pa.ListArray) -> NDArray[np.bool_]:
    """Return which rows have no rule, or one that says no more than a good highest speed: nearly all of them."""
    rules = limits.flatten()
    speed = pc.struct_field(rules, "max_speed")
    value, unit = pc.struct_field(speed, "value"), pc.struct_field(speed, "unit")
    is_good = pc.is_in(unit, value_set=pa.array(SPEED_UNITS))
    is_good = pc.and_(is_good, pc.greater_equal(value, LOWEST_SPEED))
    is_good = pc.and_(is_good, pc.less_equal(value, HIGHEST_SPEED))
    for part in ("min_speed", "when", "between"):
        is_good = pc.and_(is_good, pc.struct_field(rules, part).is_null())
    is_first_good = np.append(pc.fill_null(is_good, False).to_numpy(zero_copy_only=False), False)[limits.offsets[:-1]]
    sizes = limits.value_lengths().to_numpy()
    return np.asarray((sizes == 0) | ((sizes == 1) & is_first_good))


def _sort_out(rules: list[Any]) -> tuple[list[Any], list[str]]:
    """Return the valid rules, and words about each of the others that quote it."""
    repeated = set(repeats(rules))
    told = [["it repeats an earlier rule"] if i in repeated else rule_problems(rule) for i, rule in enumerate(rules)]
    valid = [rule for rule, problems in zip(rules, told, strict=True) if not problems]
    broken = [
        f"speed_limits[{i}] dropped: {', '.join(problems)}: {rules[i]}" for i, problems in enumerate(told) if problems
    ]
    return valid, broken


def _ordered(routes: pa.ListArray) -> pa.ListArray:
    """Return the routes of each row by network, ref and name."""
    if pc.max(routes.value_lengths()).as_py() in (None, 0, 1):
        return routes
    keys = ("network", "ref", "name")
    ordered = [sorted(each, key=lambda route: [route[key] or "" for key in keys]) for each in routes.to_pylist()]
    return pa.array(ordered, routes.type)


def _lists(rows: pa.RecordBatch, name: str, item: pa.DataType) -> pa.ListArray:
    """Return a column of lists with items of our type, an empty list where the file has null or no such column."""
    kind = pa.list_(item)
    if name not in rows.schema.names:
        return pa.array([[]] * rows.num_rows, kind)
    shaped = _shaped(rows.column(name), kind)
    return pa.ListArray.from_arrays(_offsets(shaped), shaped.flatten(), type=kind)


def _offsets(lists: pa.Array) -> pa.Array:
    """Return where each list starts and the last one ends, as if the lists lay without gaps."""
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())


def _shaped(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return `values` as `kind`: fields of structs found by name, null where absent, others dropped."""
    if pa.types.is_struct(kind):
        parts = [_shaped_field(values, field) for field in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=values.is_null())
    if pa.types.is_list(kind):
        items = _shaped(values.flatten(), kind.value_type)
        return pa.ListArray.from_arrays(_offsets(values), items, type=kind, mask=values.is_null())
    return values.cast(kind)


def _shaped_field(values: pa.Array, field: pa.Field) -> pa.Array:
    if values.type.get_field_index(field.name) < 0:
        return pa.nulls(len(values), field.type)
    return _shaped(pc.struct_field(values, field.name), field.type)
