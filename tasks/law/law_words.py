"""What the words of implicit codes (`DE:urban`, `GB:nsl_single`) are called in the law table.

A word stands for the first of its road types that the table has in the jurisdiction. Some laws tell a road in a
built-up area from one outside; a word that leaves it open means the road outside, as the filter of `rural` in the table
reads `motorway`, `motorroad` and `nsl_single`.

Sources: OpenStreetMap wiki, "Key:source:maxspeed", "Key:maxspeed:type" and "Key:maxspeed" (implicit values).
"""

from collections.abc import Mapping

OTHER_ROADS = ""
"""Name of what holds for all roads that are of no type."""

ROAD_TYPES: Mapping[str, tuple[str, ...]] = {
    "urban": ("urban",),
    "rural": ("rural", OTHER_ROADS),
    "motorway": (
        "rural motorway",
        "motorway",
        "Italy: Autostrada",
        "Quebec: Autoroute",
        "Niger: autoroute",
        "Thailand: motorway that is not a ทํางพิเศษ",
        "Mauritius: M road",
    ),
    "motorroad": ("rural motorroad", "motorroad", "motorroad with dual carriageway"),
    "trunk": (
        "rural motorroad",
        "motorroad",
        "motorroad with dual carriageway",
        "trunk",
        "Italy: Strada extraurbana principale",
        "Romania: drumurile expres sau pe cele naționale europene",
        "Argentina: Semiautopista",
    ),
    "expressway": ("rural expressway", "expressway"),
    "living_street": ("living street",),
    "bicycle_road": ("cycle street",),
    "pedestrian_zone": ("pedestrian zone",),
    "school": ("school zone", "rural school zone"),
    "residential": ("residential district", "urban residential district", "rural residential district"),
    "business": ("business district", "urban business district"),
    "service": ("service road",),
    "alley": ("alley", "California: alley", "District of Columbia: alley"),
    "dual_carriageway": ("rural dual carriageway", "dual carriageway"),
    "single_carriageway": ("rural single carriageway",),
}
"""`trunk` is the road for motor vehicles alone that is no motorway (AT, CZ, HU, NL, PL …), not `highway=trunk`."""

BUILT_UP_ROAD_TYPES: Mapping[str, tuple[str, ...]] = {
    "motorway": ("urban motorway", "motorway"),
    "motorroad": ("urban motorroad", "motorroad"),
    "trunk": ("urban motorroad", "motorroad", "trunk"),
    "expressway": ("urban expressway", "expressway"),
    "school": ("urban school zone", "school zone"),
    "dual_carriageway": ("urban dual carriageway", "dual carriageway"),
    "single_carriageway": ("urban single carriageway",),
}
"""The same in built-up areas, where the words differ."""

NATIONAL_ROAD_TYPES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("GB", "nsl_single"): ("rural",),
    ("GB", "nsl_dual"): ("dual carriageway",),
    ("GB", "nsl_restricted"): ("United Kingdom: restricted road",),
    ("JP", "nsl"): (OTHER_ROADS,),
    ("JP", "national"): (OTHER_ROADS,),
    ("JP", "express"): ("motorway",),
}
"""Words that one country alone uses."""

SYNONYMS: Mapping[str, str] = {
    "town": "urban",
    "city": "urban",
    "built_up": "urban",
    "nonurban": "rural",
    "non_urban": "rural",
    "extra_urban": "rural",
    "interurban": "rural",
    "express": "expressway",
    "cyclestreet": "bicycle_road",
    "cycle_street": "bicycle_road",
    "pedestrian": "pedestrian_zone",
    "school_zone": "school",
    "residential_district": "residential",
    "business_district": "business",
}


def road_types_of(country: str, word: str, *, is_built_up: bool | None) -> tuple[str, ...]:
    """Return the road types that a word may stand for, likeliest first; none if it is not known.

    Examples
    --------
    >>> road_types_of("GB", "nsl_dual", is_built_up=None)
    ('dual carriageway',)
    >>> road_types_of("CZ", "motorway", is_built_up=True)
    ('urban motorway', 'motorway')
    """
    if (country, word) in NATIONAL_ROAD_TYPES:
        return NATIONAL_ROAD_TYPES[country, word]
    known = SYNONYMS.get(word, word)
    if is_built_up and known in BUILT_UP_ROAD_TYPES:
        return BUILT_UP_ROAD_TYPES[known]
    return ROAD_TYPES.get(known, ())


def split_word(zone: str) -> tuple[str, bool | None]:
    """Return the word of a zone, and whether the zone says that it lies in a built-up area.

    Examples
    --------
    >>> split_word("urban_motorway"), split_word("motorway:rural"), split_word("living_street")
    (('motorway', True), ('motorway', False), ('living_street', None))
    """
    words = zone.replace(":", "_").split("_")
    for side, is_built_up in (("urban", True), ("rural", False)):
        if side in words and words[1:]:
            return "_".join(word for word in words if word != side), is_built_up
    return "_".join(words), None
