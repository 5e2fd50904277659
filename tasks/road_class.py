"""What kind of road OSM tags describe, and in which directions cars may drive it."""

from typing import NamedTuple

from schemas.vocabulary import OneWay, RoadClass, RoadSubclass

LINKED = ("motorway", "trunk", "primary", "secondary", "tertiary")
UNLINKED = ("unclassified", "residential", "living_street", "service", "track")
CLASSES = {name: RoadClass(name) for name in (*LINKED, *UNLINKED)} | {"road": RoadClass.UNKNOWN}
"""Car roads by the value of `highway`, the slip roads aside."""
LINKS = {f"{name}_link": RoadClass(name) for name in LINKED}
"""Slip roads by the value of `highway`: of the class of the larger road they leave."""
SERVICES = {each.value: each for each in (RoadSubclass.ALLEY, RoadSubclass.DRIVEWAY, RoadSubclass.PARKING_AISLE)}
"""Subclasses of `highway=service` by the value of `service`."""
ONE_WAYS = (
    dict.fromkeys(("yes", "true", "1"), OneWay.FORWARD)
    | dict.fromkeys(("-1", "reverse"), OneWay.BACKWARD)
    | dict.fromkeys(("no", "false", "0"), OneWay.NO)
    | dict.fromkeys(("reversible", "alternating"), OneWay.REVERSIBLE)
)
"""Values of `oneway`; any other is read as if the tag were absent."""
ROUND = ("roundabout", "circular")
"""Values of `junction` that imply one way."""


class RoadKind(NamedTuple):
    """Overture's class and subclass of a road."""

    road_class: RoadClass
    subclass: RoadSubclass | None


def is_car_road(*, highway: str | None, area: str | None = None) -> bool:
    """Return whether the way is a road that cars drive along, and no square or car park drawn as an area.

    Examples
    --------
    >>> is_car_road(highway="residential"), is_car_road(highway="footway"), is_car_road(highway="service", area="yes")
    (True, False, False)
    """
    return (highway in CLASSES or highway in LINKS) and area != "yes"


def road_kind(*, highway: str, service: str | None = None) -> RoadKind:
    """Return Overture's class and subclass of a car road.

    Raises
    ------
    ValueError
        If `highway` is no car road.

    Examples
    --------
    >>> road_kind(highway="trunk_link").road_class.value, road_kind(highway="service", service="alley").subclass.value
    ('trunk', 'alley')
    """
    if highway in LINKS:
        return RoadKind(LINKS[highway], RoadSubclass.LINK)
    if highway not in CLASSES:
        raise ValueError(f"highway={highway!r} is no car road, expected one of {', '.join(CLASSES)}")
    subclass = SERVICES.get(service or "") if highway == "service" else None
    return RoadKind(CLASSES[highway], subclass)


def one_way(*, highway: str, oneway: str | None = None, junction: str | None = None) -> OneWay:
    """Return in which drawing directions cars may drive, by the rule of OSM's wiki page Key:oneway.

    A stated `oneway` wins. Without one, `highway=motorway`, `junction=roundabout` and `junction=circular` imply one
    way in drawing direction. `motorway_link` implies nothing: slip roads are open both ways unless tagged.

    Examples
    --------
    >>> one_way(highway="motorway").value, one_way(highway="motorway_link").value
    ('forward', 'no')
    >>> one_way(highway="residential", oneway="-1", junction="roundabout").value
    'backward'
    """
    if oneway in ONE_WAYS:
        return ONE_WAYS[oneway]
    return OneWay.FORWARD if highway == "motorway" or junction in ROUND else OneWay.NO
