"""Facts from OSM's wiki: Key:highway, Key:service, Key:oneway, Key:junction."""

import pytest

from schemas.vocabulary import OneWay, RoadClass, RoadSubclass
from tasks.road_class import is_car_road, one_way, road_kind


@pytest.mark.parametrize(
    ("highway", "service", "road_class", "subclass"),
    [
        ("motorway", None, "motorway", None),
        ("motorway_link", None, "motorway", "link"),
        ("trunk", None, "trunk", None),
        ("trunk_link", None, "trunk", "link"),
        ("primary", None, "primary", None),
        ("primary_link", None, "primary", "link"),
        ("secondary", None, "secondary", None),
        ("secondary_link", None, "secondary", "link"),
        ("tertiary", None, "tertiary", None),
        ("tertiary_link", None, "tertiary", "link"),
        ("unclassified", None, "unclassified", None),
        ("residential", None, "residential", None),
        ("living_street", None, "living_street", None),
        ("track", None, "track", None),
        ("road", None, "unknown", None),
        ("service", None, "service", None),
        ("service", "alley", "service", "alley"),
        ("service", "driveway", "service", "driveway"),
        ("service", "parking_aisle", "service", "parking_aisle"),
        ("service", "drive-through", "service", None),
        ("residential", "alley", "residential", None),
    ],
)
def test_road_kind(highway: str, service: str | None, road_class: str, subclass: str | None) -> None:
    assert is_car_road(highway=highway)
    assert road_kind(highway=highway, service=service) == (
        RoadClass(road_class),
        RoadSubclass(subclass) if subclass else None,
    )


@pytest.mark.parametrize(
    "highway",
    [
        "footway",
        "cycleway",
        "path",
        "steps",
        "pedestrian",
        "construction",
        "proposed",
        "service_link",
        "Motorway",
        "",
        None,
    ],
)
def test_no_car_road(highway: str | None) -> None:
    assert not is_car_road(highway=highway)
    if highway is not None:
        with pytest.raises(ValueError, match="no car road"):
            road_kind(highway=highway)


@pytest.mark.parametrize(("area", "is_road"), [("yes", False), ("no", True), (None, True)])
def test_areas(area: str | None, is_road: bool) -> None:
    assert is_car_road(highway="service", area=area) is is_road


@pytest.mark.parametrize(
    ("highway", "oneway", "junction", "expected"),
    [
        ("residential", None, None, "no"),
        ("residential", "yes", None, "forward"),
        ("residential", "true", None, "forward"),
        ("residential", "1", None, "forward"),
        ("residential", "-1", None, "backward"),
        ("residential", "reverse", None, "backward"),
        ("residential", "no", None, "no"),
        ("residential", "reversible", None, "reversible"),
        ("residential", "alternating", None, "reversible"),
        ("residential", "perhaps", None, "no"),
        ("motorway", None, None, "forward"),
        ("motorway", "no", None, "no"),
        ("motorway", "perhaps", None, "forward"),
        ("motorway_link", None, None, "no"),
        ("trunk", None, None, "no"),
        ("tertiary", None, "roundabout", "forward"),
        ("tertiary", None, "circular", "forward"),
        ("tertiary", None, "jughandle", "no"),
        ("tertiary", "-1", "roundabout", "backward"),
        ("tertiary", "no", "roundabout", "no"),
    ],
)
def test_one_way(highway: str, oneway: str | None, junction: str | None, expected: str) -> None:
    assert one_way(highway=highway, oneway=oneway, junction=junction) is OneWay(expected)
