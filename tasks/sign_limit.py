"""Which mapped traffic signs stand at each segment, and whom they face."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.vocabulary import FeatureKind, Heading, OneWay
from tasks.built_up_model.surroundings import metres
from tasks.columns import array_values
from tasks.maxspeed import UnreadableSpeed, read_maxspeed
from tasks.traffic_sign import Sign, SignKind, read_traffic_sign

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]
Row = dict[str, Any]

NEAR_M = 15.0
"""A sign farther than this from every segment stands at none."""
ON_ROAD_M = 1.0
"""A sign nearer than this is a vertex of the road, as most mappers draw it."""
TIE_M = 0.5
"""Segments that are nearer to each other than this share a sign: it stands where they meet."""
BEARING_M = 5.0
"""Half of the stretch that tells which way a road runs at a sign."""
ON_ROAD, BESIDE = 0.9, 0.6
"""How surely a sign is meant for the one segment that it stands on, or beside."""
SHARED, RESTRICTED, UNREADABLE = 0.9, 0.3, 0.0
"""What is left of that where segments share it, where a plate or the tag `temporary` restricts it, and of no number."""
CLEAR_COSINE = 0.35
"""A sign that is turned farther than 70° from both directions of the road faces neither."""

TEXT_KEY = re.compile(r"traffic_sign(?::(forward|backward|both|\d+))?")
DIRECTION_KEYS = ("traffic_sign:direction", "direction")
WINDS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
SPEED_KINDS = (SignKind.LIMIT, SignKind.ZONE)


class SignLimit(NamedTuple):
    """For each segment the signs that stand at it, in drawing order."""

    signs: list[list[Row]]


class Told(NamedTuple):
    """What one text of a sign node says."""

    sign: Sign
    heading: Heading | None
    """The heading that the key of the text names."""
    note: str
    weight: float


class Spot(NamedTuple):
    """A sign node at a segment."""

    node: int
    segment: int
    at: float
    away_m: float
    is_shared: bool
    east: float
    """Direction of the road there."""
    north: float
    is_right: bool
    """Whether it stands on the right side of the drawing direction."""


def sign_limit(
    *,
    geometry: "npt.NDArray[shapely.LineString]",
    one_way: Sequence[str],
    driving_side: Sequence[str | None],
    map_feature: pa.Table,
) -> SignLimit:
    """Return the signs of limits, zones and settlements at each segment, with the heading that they face.

    A sign belongs to the nearest segment within `NEAR_M`; one that stands where segments meet belongs to all of them,
    less surely. Whom it faces is what the key or `direction` says, else the side of the road that it stands on, else
    the only direction that is open. A sign that is a line or an area has no place on the road and is left out.

    Parameters
    ----------
    geometry
        Lines in WGS 84, with those of the neighbours within `NEAR_M`.
    driving_side
        `right` or `left`, as in JURISDICTION.
    map_feature
        Rows of MAP_FEATURE within `NEAR_M` of the segments.

    Examples
    --------
    >>> from schemas.map_feature import MAP_FEATURE
    >>> sign = {"feature_id": "n1/traffic_sign", "geometry": shapely.to_wkb(shapely.Point(24.9502, 60.17)),
    ...         "bbox": {"xmin": 24.9502, "ymin": 60.17, "xmax": 24.9502, "ymax": 60.17}, "kind": "traffic_sign",
    ...         "value": "FI:361[40]", "area_m2": 0.0, "tags": [("traffic_sign", "FI:361[40]"), ("direction", "W")]}
    >>> found = sign_limit(
    ...     geometry=np.array([shapely.LineString([(24.95, 60.17), (24.951, 60.17)])]), one_way=["no"],
    ...     driving_side=["right"], map_feature=pa.Table.from_pylist([sign], schema=MAP_FEATURE.schema),
    ... ).signs[0][0]
    >>> found["value"], found["heading"], found["at"]
    (40.0, 'forward', 0.2)
    """
    nodes, points = _sign_nodes(map_feature)
    signs: list[list[Row]] = [[] for _ in geometry]
    for spot in _spots(np.asarray(geometry, dtype=object), points):
        tags = nodes[spot.node]
        for told in _told(tags):
            heading = told.heading or _heading(tags, spot, one_way[spot.segment], driving_side[spot.segment])
            signs[spot.segment].append(_row(told, spot, heading))
    return SignLimit([sorted(rows, key=_place) for rows in signs])


def _place(row: Row) -> tuple[float, str, float, str]:
    return row["at"], row["kind"], row["value"] or 0.0, row["note"]


def _sign_nodes(map_feature: pa.Table) -> tuple[list[dict[str, str]], Shapes]:
    """Return the tags and the places of sign nodes that tell of limits."""
    rows = map_feature.filter(pc.equal(map_feature.column("kind"), str(FeatureKind.TRAFFIC_SIGN)))
    points = np.atleast_1d(shapely.from_wkb(rows.column("geometry").to_numpy()))
    tags = [dict(each or {}) for each in array_values(rows.column("tags"))]
    wanted = [i for i, each in enumerate(tags) if points[i].geom_type == "Point" and any(True for _ in _told(each))]
    return [tags[i] for i in wanted], points[wanted]


def _told(tags: Mapping[str, str]) -> Iterator[Told]:
    """Yield the signs that the tags of a node name, each with the number that stands on it."""
    texts = [(match[1], tags[key]) for key in sorted(tags) if (match := TEXT_KEY.fullmatch(key))]
    for suffix, text in texts or [(None, "maxspeed")]:
        heading = Heading(suffix) if suffix in list(Heading) else None
        try:
            for sign in read_traffic_sign(text):
                yield from _with_number(sign, heading, tags)
        except UnreadableSpeed as error:
            yield Told(Sign(SignKind.LIMIT, None, text), heading, str(error), UNREADABLE)


def _with_number(sign: Sign, heading: Heading | None, tags: Mapping[str, str]) -> Iterator[Told]:
    """Yield a sign with its number; where only `maxspeed` tells it, one for each direction that this names."""
    is_held = bool(sign.plates) or "temporary" in tags
    weight = RESTRICTED if is_held else 1.0
    plates = f" with {', '.join(sign.plates)}" if sign.plates else ""
    if sign.kind not in SPEED_KINDS or sign.value is not None:
        yield Told(sign, heading, f"sign {sign.code}{plates}", weight)
        return
    for key, way in (("maxspeed", heading), *((f"maxspeed:{each}", each) for each in Heading)):
        if key in tags:
            said = read_maxspeed(tags[key])
            words = f"sign {sign.code}{plates}, {key}={tags[key]}"
            yield Told(
                sign._replace(value=said.value, unit=said.unit), way, words, weight if said.value else UNREADABLE
            )


def _spots(lines: Shapes, points: Shapes) -> Iterator[Spot]:
    """Yield where signs stand: each at its nearest line, and at all others that are hardly farther."""
    if not len(points) or not len(lines):
        return
    flat_lines = shapely.transform(lines, lambda xy: metres(xy)[0])
    flat, scale = metres(shapely.get_coordinates(points))
    flat_points = shapely.points(flat)
    node, segment = shapely.STRtree(flat_lines).query(flat_points, predicate="dwithin", distance=NEAR_M * scale)
    away = shapely.distance(flat_points[node], flat_lines[segment]) / scale[node]
    nearest = np.full(len(points), np.inf)
    np.minimum.at(nearest, node, away)
    is_near = away <= nearest[node] + TIE_M
    node, segment, away = node[is_near], segment[is_near], away[is_near]
    count = np.bincount(node, minlength=len(points))
    for i, j, metre in zip(node.tolist(), segment.tolist(), away.tolist(), strict=True):
        yield _spot(i, j, metre, bool(count[i] > 1), flat_lines[j], flat[i], float(scale[i]))


def _spot(
    node: int, segment: int, away_m: float, is_shared: bool, line: shapely.LineString, place: Floats, scale: float
) -> Spot:
    along = shapely.line_locate_point(line, shapely.Point(place))
    ends = shapely.line_interpolate_point(
        line, np.clip([along - BEARING_M * scale, along + BEARING_M * scale], 0, None)
    )
    (x0, y0), (x1, y1) = shapely.get_coordinates(ends).tolist()
    size = math.hypot(x1 - x0, y1 - y0) or 1.0
    east, north = (x1 - x0) / size, (y1 - y0) / size
    is_right = east * (place[1] - y0) - north * (place[0] - x0) < 0
    return Spot(node, segment, round(float(along) / line.length, 6), away_m, is_shared, east, north, bool(is_right))


def _heading(tags: Mapping[str, str], spot: Spot, one_way: str, driving_side: str | None) -> Heading | None:
    """Return which heading of the segment a sign faces, None where nothing tells."""
    said = next((tags[key] for key in DIRECTION_KEYS if key in tags), "").strip()
    if said in list(Heading):
        return Heading(said)
    if one_way in (OneWay.FORWARD, OneWay.BACKWARD):
        return Heading(one_way)
    faces = _degrees(said)
    if faces is not None:
        return _faced(faces, spot)
    if spot.away_m <= ON_ROAD_M or driving_side is None:
        return None
    return Heading.FORWARD if spot.is_right == (driving_side == "right") else Heading.BACKWARD


def _degrees(text: str) -> float | None:
    """Return the degrees from north that a text names by number or by wind."""
    if text.upper() in WINDS:
        return 22.5 * WINDS.index(text.upper())
    try:
        degrees = float(text.removesuffix("°"))
    except ValueError:
        return None
    return degrees if math.isfinite(degrees) else None


def _faced(degrees: float, spot: Spot) -> Heading | None:
    """Return the heading of those who see a sign that looks towards `degrees`: they come from there."""
    east, north = -math.sin(math.radians(degrees)), -math.cos(math.radians(degrees))
    cosine = east * spot.east + north * spot.north
    if abs(cosine) < CLEAR_COSINE:
        return None
    return Heading.FORWARD if cosine > 0 else Heading.BACKWARD


def _row(told: Told, spot: Spot, heading: Heading | None) -> Row:
    """Return one sign at one segment, with its weight and its words; it counts by what lies behind it on the segment.

    In Helsinki, 39 of 46 zone signs in the first quarter of a segment agree with its tag, and 8 of 56 in the last.
    """
    is_on_road = spot.away_m <= ON_ROAD_M
    ahead = {Heading.FORWARD: 1 - spot.at, Heading.BACKWARD: spot.at, None: 0.5}[heading]
    weight = told.weight * (ON_ROAD if is_on_road else BESIDE) * (SHARED if spot.is_shared else 1.0) * ahead
    place = "on the road" if is_on_road else f"{spot.away_m:.0f} m beside it"
    shared = ", where segments meet" if spot.is_shared else ""
    return {
        "kind": str(told.sign.kind),
        "value": told.sign.value,
        "unit": told.sign.unit,
        "heading": None if heading is None else str(heading),
        "at": spot.at,
        "weight": round(weight, 3),
        "note": f"{told.note}, {place}{shared}",
    }
