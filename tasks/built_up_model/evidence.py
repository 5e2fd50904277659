"""What speaks for and against a built-up area around each segment, as numbers from 0 to 1."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.vocabulary import FeatureKind, RoadClass, RoadSubclass
from tasks.built_up_model.surroundings import Around, Floats, Ground, Ints, Samples, Shapes, samples_of

FAR_M = 400.0
"""Largest radius in which anything counts."""
REACH_M = 410.0
"""Nothing farther from a segment than this counts, the sphere's error of 0.6 % included; a halo must not be smaller."""

BUILT_LAND = frozenset(
    {
        *("residential", "commercial", "retail", "industrial", "garages", "churchyard", "civic_admin", "institutional"),
        *("education", "school", "schoolyard", "college", "university", "hospital", "religious", "village_green"),
        *("construction", "brownfield", "public", "developed"),
    }
)
"""Values of land use that houses stand on."""
OPEN_LAND = frozenset(
    {
        *("farmland", "farm", "forest", "meadow", "orchard", "vineyard", "quarry", "logging", "greenfield", "landfill"),
        *("plant_nursery", "greenhouse_horticulture", "animal_keeping", "salt_pond", "peat_cutting", "grassland"),
        *("national_park", "nature_reserve", "farmyard", "aquaculture", "agriculture"),
    }
)
"""Values of land use of the open country."""
TOWNS = frozenset({"city", "borough", "town", "suburb", "quarter", "neighbourhood", "city_block", "village"})
"""Values of `place` of what is built up as a rule."""
HAMLETS = frozenset({"hamlet", "isolated_dwelling", "farm", "allotments"})
"""Values of `place` of what is mostly not."""
SIDEWALKS = frozenset({"both", "left", "right", "yes", "separate"})
UNPAVED = frozenset(
    {"unpaved", "gravel", "dirt", "ground", "compacted", "earth", "grass", "fine_gravel", "sand", "mud"}
)
STREETS = (RoadClass.RESIDENTIAL, RoadClass.LIVING_STREET)
CLASSES = (
    *(RoadClass.MOTORWAY, RoadClass.TRUNK, RoadClass.PRIMARY, RoadClass.SECONDARY, RoadClass.TERTIARY),
    *(RoadClass.UNCLASSIFIED, RoadClass.RESIDENTIAL, RoadClass.LIVING_STREET, RoadClass.SERVICE, RoadClass.TRACK),
)
"""Classes with a weight of their own."""
EXPECTED_OF_CLASS = {RoadClass.MOTORWAY: -1.0, RoadClass.LIVING_STREET: 1.0, RoadClass.TRACK: -1.0}
"""Expected weights of classes on which few limits are posted, or those of another law."""


class Piece(NamedTuple):
    """One piece of evidence: its name, what it is in words, and which way it may weigh."""

    name: str
    words: str
    sign: int
    """1 if it can only speak for a built-up area, -1 against it, 0 if the data may say."""
    expected: float = 0.0
    """The weight that it has where no example shows it: what few examples say counts against this."""


PIECES = (
    Piece("buildings_60", "buildings within 60 m", 1, 0.5),
    Piece("buildings_150", "buildings within 150 m", 1, 0.5),
    Piece("no_building_60", "no building within 60 m, where the map draws them", -1, -0.5),
    Piece("built_land", "land use of settlements beside the road", 1, 0.5),
    Piece("no_built_land", "no land use of settlements beside it, where the map draws them", -1, -0.5),
    Piece("open_land", "land use of the open country beside the road", -1, -0.3),
    Piece("town", "a town, village or quarter within 400 m", 1),
    Piece("hamlet", "a hamlet within 400 m", 1, 0.2),
    Piece("place_area", "inside the area of a settlement", 1),
    Piece("lamps", "street lamps within 60 m", 1, 0.5),
    Piece("furniture", "crossings or traffic calming within 150 m", 1),
    Piece("junctions_150", "junctions within 150 m", 1),
    Piece("junctions_400", "junctions within 400 m", 1),
    Piece("streets_150", "residential streets within 150 m", 1),
    Piece("streets_400", "residential streets within 400 m", 1),
    Piece("services_150", "service roads within 150 m", 1),
    Piece("few_roads", "hardly any other road within 400 m", -1),
    Piece("is_lit", "lit", 1, 1.0),
    Piece("is_unlit", "not lit", -1, -0.3),
    Piece("has_sidewalk", "a sidewalk", 1, 0.7),
    Piece("has_no_sidewalk", "no sidewalk", -1, -0.3),
    Piece("is_unpaved", "unpaved", -1, -0.5),
    Piece("has_name", "a name", 1),
    Piece("is_link", "a slip road", -1),
    Piece("length", "long between junctions", -1),
    *(Piece(f"class_{each}", f"class {each}", 0, EXPECTED_OF_CLASS.get(each, 0.0)) for each in CLASSES),
)
"""All evidence, in the order of the columns of the matrix."""
NAMES = tuple(piece.name for piece in PIECES)


class Seen(NamedTuple):
    """How much the map draws, over the whole reading: what is nowhere drawn says nothing by its absence."""

    street_m: float
    """Metres of residential streets."""
    buildings: int
    built_land_m2: float

    def __add__(self, other: object) -> "Seen":
        """Return what is seen in two parts of a map."""
        if not isinstance(other, Seen):
            return NotImplemented
        return Seen(
            self.street_m + other.street_m,
            self.buildings + other.buildings,
            self.built_land_m2 + other.built_land_m2,
        )


class Drawn(NamedTuple):
    """How far the map draws all there is, 0 to 1."""

    buildings: float
    built_land: float


NOTHING_DRAWN = Drawn(0.0, 0.0)
"""A map of roads alone."""
FULL_BUILDINGS = 0.02
"""Buildings for each metre of residential street from which on a map is taken to draw them all."""
FULL_LAND_M = 20.0
"""Square metres of settlement for each metre of residential street, likewise."""


def seen_in(class_: Sequence[str], length_m: Floats, map_feature: pa.Table) -> Seen:
    """Return how much a table of roads and one of features draw; those of parts of a map are added up."""
    is_street = np.isin(np.array(class_, dtype=object), [str(each) for each in STREETS])
    kinds, values = map_feature.column("kind"), map_feature.column("value")
    is_land = pc.and_(pc.equal(kinds, str(FeatureKind.LAND_USE)), pc.is_in(values, pa.array(sorted(BUILT_LAND))))
    land = pc.sum(map_feature.column("area_m2").filter(is_land)).as_py() or 0.0
    buildings = pc.sum(pc.equal(kinds, str(FeatureKind.BUILDING))).as_py() or 0
    return Seen(float(np.asarray(length_m)[is_street].sum()), int(buildings), float(land))


def drawn(seen: Seen) -> Drawn:
    """Return how far a map draws all there is, in tenths, so that an edit seldom changes it.

    Examples
    --------
    >>> drawn(Seen(street_m=1000.0, buildings=9, built_land_m2=30_000.0))
    Drawn(buildings=0.4, built_land=1.0)
    """
    street = max(seen.street_m, 1.0)
    shares = seen.buildings / street / FULL_BUILDINGS, seen.built_land_m2 / street / FULL_LAND_M
    return Drawn(*(min(int(10 * share) / 10, 1.0) for share in shares))


class Roads(NamedTuple):
    """Columns of the segments that the evidence is read from."""

    geometry: Shapes
    length_m: Floats
    class_: Sequence[str]
    subclass: Sequence[str | None]
    name: Sequence[str | None]
    tags: Sequence[Mapping[str, str] | None]


def evidence(roads: Roads, map_feature: pa.Table, drawn: Drawn) -> Floats:
    """Return the evidence for each segment, 0 to 1; shape (n, len(PIECES)).

    Parameters
    ----------
    roads
        All segments that come within `REACH_M` of those that matter.
    map_feature
        Rows of MAP_FEATURE, all that come within `REACH_M`.
    drawn
        How far the map draws what is there; absence of what it does not draw says nothing.
    """
    samples = samples_of(roads.geometry, roads.length_m)
    around = Around(samples.xy)
    seen = _of_features(around, map_feature, drawn) | _of_roads(roads, samples, around)
    columns = {name: samples.mean(values) for name, values in seen.items()} | _of_tags(roads) | _of_classes(roads)
    return np.column_stack([columns[name] for name in NAMES])


def saturated(counts: Ints, half: float) -> Floats:
    """Return how much is there on a scale from 0 to 1: a few count for much, many for hardly more.

    Examples
    --------
    >>> saturated(np.array([0, 2, 100]), half=2.0)
    array([0. , 0.5, 1. ])
    """
    share: Floats = 1 - np.exp2(-counts / half)
    return share


def _of_features(around: Around, map_feature: pa.Table, drawn: Drawn) -> dict[str, Floats]:
    """Return what the features around each place tell."""
    points = _points_by_kind(map_feature)
    close, near = around.counts(points[FeatureKind.BUILDING], 60, 150)
    (lamps,) = around.counts(points[FeatureKind.STREET_LAMP], 60)
    furniture = np.concatenate([points[FeatureKind.CROSSING], points[FeatureKind.TRAFFIC_CALMING]])
    return {
        "buildings_60": saturated(close, 2.0),
        "buildings_150": saturated(near, 8.0),
        "no_building_60": (1 - saturated(close, 1.0)) * drawn.buildings,
        "lamps": saturated(lamps, 1.5),
        "furniture": saturated(around.counts(furniture, 150)[0], 1.5),
        **_of_places(around, map_feature),
        **_of_land(around, map_feature, drawn),
    }


def _points_by_kind(map_feature: pa.Table) -> dict[FeatureKind, Floats]:
    """Return the middle of the box of each feature, in degrees, by kind."""
    boxes = map_feature.column("bbox").combine_chunks()
    side = {name: boxes.field(name).to_numpy(zero_copy_only=False) for name in ("xmin", "ymin", "xmax", "ymax")}
    xy = np.column_stack([(side["xmin"] + side["xmax"]) / 2, (side["ymin"] + side["ymax"]) / 2])
    kinds = map_feature.column("kind").to_numpy()
    return {kind: xy[kinds == str(kind)] for kind in FeatureKind}


def _of_kind(map_feature: pa.Table, kind: FeatureKind, values: frozenset[str], dimension: int) -> Shapes:
    """Return the shapes of features of one kind with one of the values, points (0) or areas (2)."""
    is_kind = pc.equal(map_feature.column("kind"), str(kind))
    rows = map_feature.filter(pc.and_(is_kind, pc.is_in(map_feature.column("value"), pa.array(sorted(values)))))
    shapes = np.atleast_1d(shapely.from_wkb(rows.column("geometry").to_numpy()))
    kept: Shapes = shapes[shapely.get_dimensions(shapes) == dimension]
    return kept


def _of_places(around: Around, map_feature: pa.Table) -> dict[str, Floats]:
    near = {}
    for name, values in (("town", TOWNS), ("hamlet", HAMLETS)):
        places = shapely.get_coordinates(_of_kind(map_feature, FeatureKind.PLACE, values, 0))
        near[name] = 1 - around.nearest_m(places, FAR_M) / FAR_M
    return near


def _of_land(around: Around, map_feature: pa.Table, drawn: Drawn) -> dict[str, Floats]:
    """Return whether there is land of settlements, or of the open country, within about 35 m of each place."""
    ground = Ground(around.beside(35))
    share: dict[str, Floats] = {}
    for piece, kind, values in (
        ("built_land", FeatureKind.LAND_USE, BUILT_LAND),
        ("open_land", FeatureKind.LAND_USE, OPEN_LAND),
        ("place_area", FeatureKind.PLACE, TOWNS),
    ):
        is_covered = ground.covered(_of_kind(map_feature, kind, values, 2)).reshape(-1, 4)
        share[piece] = np.where(is_covered.any(axis=1), 1.0, 0.0)
    share["no_built_land"] = drawn.built_land - drawn.built_land * share["built_land"]
    return share


def _of_roads(roads: Roads, samples: Samples, around: Around) -> dict[str, Floats]:
    """Return what the roads around each place tell."""
    kinds = np.array(roads.class_, dtype=object)[samples.owner]
    streets = samples.xy[np.isin(kinds, [str(each) for each in STREETS])]
    services = samples.xy[kinds == str(RoadClass.SERVICE)]
    others = samples.xy[kinds != str(RoadClass.TRACK)]
    junctions_150, junctions_400 = around.counts(junctions(roads.geometry), 150, FAR_M)
    streets_150, streets_400 = around.counts(streets, 150, FAR_M)
    return {
        "junctions_150": saturated(junctions_150, 2.0),
        "junctions_400": saturated(junctions_400, 12.0),
        "streets_150": saturated(streets_150, 3.0),
        "streets_400": saturated(streets_400, 15.0),
        "services_150": saturated(around.counts(services, 150)[0], 3.0),
        "few_roads": 1 - saturated(around.counts(others, FAR_M)[0], 10.0),
    }


def junctions(lines: Shapes) -> Floats:
    """Return the places (degrees) where lines end, without those where one line goes on as one other.

    Examples
    --------
    >>> lines = shapely.from_wkt(["LINESTRING (0 0, 1 0)", "LINESTRING (1 0, 2 0)"])
    >>> junctions(lines).tolist()
    [[0.0, 0.0], [2.0, 0.0]]
    """
    ends = np.concatenate([shapely.get_coordinates(shapely.get_point(lines, place)) for place in (0, -1)])
    keys = np.rint(ends * 1e7).astype(np.int64)
    found, counts = np.unique(keys, axis=0, return_counts=True)
    met: Floats = found[counts != 2] / 1e7
    return met


def _of_tags(roads: Roads) -> dict[str, Floats]:
    rows = [_told(tags or {}) for tags in roads.tags]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    long = np.log(np.maximum(roads.length_m, 1.0) / 100) / np.log(20)
    return dict(zip(("is_lit", "is_unlit", "has_sidewalk", "has_no_sidewalk", "is_unpaved"), columns, strict=True)) | {
        "has_name": np.array([each is not None for each in roads.name], dtype=np.float64),
        "is_link": np.array([each == RoadSubclass.LINK for each in roads.subclass], dtype=np.float64),
        "length": np.clip(long, 0.0, 1.0),
    }


def _told(tags: Mapping[str, str]) -> tuple[bool, bool, bool, bool, bool]:
    """Return whether tags say lit, not lit, sidewalk, no sidewalk, unpaved."""
    lit, sidewalk = tags.get("lit"), _sidewalk(tags)
    is_lit = lit is not None and lit not in ("no", "disused")
    return is_lit, lit == "no", sidewalk in SIDEWALKS, sidewalk in ("no", "none"), tags.get("surface") in UNPAVED


def _sidewalk(tags: Mapping[str, str]) -> str | None:
    for key in ("sidewalk", "sidewalk:both", "sidewalk:right", "sidewalk:left"):
        if key in tags:
            return tags[key]
    return None


def _of_classes(roads: Roads) -> dict[str, Floats]:
    kinds = np.array(roads.class_, dtype=object)
    return {f"class_{each}": (kinds == str(each)).astype(np.float64) for each in CLASSES}
