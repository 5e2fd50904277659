"""What a segment is like, as numbers: the attributes that the learned rung tells roads apart by."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from schemas.vocabulary import OneWay, RoadClass, RoadSubclass
from tasks.built_up_model.evidence import NAMES as SURROUNDINGS

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]
Tags = Mapping[str, str]

RANKS = {str(each): rank for rank, each in enumerate(RoadClass)}
SUBCLASSES: dict[str | None, int] = {None: 0, **{str(each): place for place, each in enumerate(RoadSubclass, start=1)}}
PAVED = ("asphalt", "paved", "concrete")
UNKNOWN = -1.0
"""Value of what the map does not say."""

TAGGED = (
    *("lanes", "width", "is_lit", "is_paved", "is_unpaved", "has_sidewalk", "is_roundabout", "is_tunnel", "is_bridge"),
    *("is_toll", "is_motorroad", "tag_count"),
)
OWN = (
    *("class", "subclass", "is_one_way", "length", "straightness", "has_name", "ref_length", "lon", "lat"),
    *("start_roads", "end_roads", "highest_neighbour", "built_up"),
)
ATTRIBUTES = (*OWN, *TAGGED, *SURROUNDINGS)
"""Names of the attributes, in the order of the columns."""


def attributes(
    *,
    geometry: Shapes,
    length_m: Floats,
    class_: Sequence[str],
    subclass: Sequence[str | None],
    one_way: Sequence[str],
    name: Sequence[str | None],
    ref: Sequence[str | None],
    tags: Sequence[Tags | None],
    start_roads: npt.NDArray[np.int32],
    end_roads: npt.NDArray[np.int32],
    highest_neighbour: npt.NDArray[np.int32],
    built_up: Floats,
    surroundings: Floats,
) -> Floats:
    """Return the attributes of segments; shape (n, len(ATTRIBUTES)). Nothing in them states a limit."""
    middle = shapely.line_interpolate_point(geometry, 0.5, normalized=True)
    own = [
        [RANKS.get(each, len(RANKS)) for each in class_],
        [SUBCLASSES.get(each, 0) for each in subclass],
        [each != OneWay.NO for each in one_way],
        np.log1p(length_m),
        straightness(geometry),
        [each is not None for each in name],
        [len(each or "") for each in ref],
        shapely.get_x(middle),
        shapely.get_y(middle),
        start_roads,
        end_roads,
        highest_neighbour,
        built_up,
    ]
    tagged = [of_tags(each or {}, is_one_way=way != OneWay.NO) for each, way in zip(tags, one_way, strict=True)]
    around = np.asarray(surroundings, dtype=np.float64).reshape(len(class_), len(SURROUNDINGS))
    columns = np.column_stack([np.asarray(column, dtype=np.float64) for column in own])
    return np.hstack([columns, np.array(tagged, dtype=np.float64).reshape(len(class_), len(TAGGED)), around])


def straightness(geometry: Shapes) -> Floats:
    """Return how straight lines are: 1 for a straight one, 0 for one that ends where it starts.

    Examples
    --------
    >>> straightness(shapely.from_wkt(["LINESTRING (0 0, 1 1)", "LINESTRING (0 0, 1 0, 0 0)"])).round(6)
    array([1., 0.])
    """
    beeline = shapely.distance(shapely.get_point(geometry, 0), shapely.get_point(geometry, -1))
    lengths = shapely.length(geometry)
    straight: Floats = beeline / np.where(lengths > 0, lengths, 1.0)
    return straight


def of_tags(tags: Tags, *, is_one_way: bool) -> tuple[float, ...]:
    """Return what the tags of one segment say beside its limit, in the order of `TAGGED`.

    Lanes are those of one direction.

    Examples
    --------
    >>> of_tags({"lanes": "4", "lit": "yes"}, is_one_way=False)[:3]
    (2.0, -1.0, 1.0)
    """
    get = tags.get
    lanes = number(get("lanes"))
    surface, lit, sidewalk = get("surface"), get("lit"), get("sidewalk") or get("sidewalk:both")
    return (
        lanes if is_one_way or lanes < 0 else lanes / 2,
        number(get("width")),
        UNKNOWN if lit is None else float(lit != "no"),
        float(surface in PAVED),
        float(surface is not None and surface not in PAVED),
        UNKNOWN if sidewalk is None else float(sidewalk not in ("no", "none")),
        float("junction" in tags),
        float("tunnel" in tags),
        float("bridge" in tags),
        float("toll" in tags),
        float(get("motorroad") == "yes"),
        float(sum(1 for key in tags if "speed" not in key and "traffic" not in key)),
    )


def number(text: str | None) -> float:
    """Return the first number of a tag, `UNKNOWN` where there is none.

    Examples
    --------
    >>> number("2;3"), number("3.5 m"), number("wide")
    (2.0, 3.5, -1.0)
    """
    if not text:
        return UNKNOWN
    try:
        value = float(text.split(";")[0].split(" ")[0])
    except ValueError:
        return UNKNOWN
    return value if math.isfinite(value) and 0 <= value < 1000 else UNKNOWN
