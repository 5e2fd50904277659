import pytest

from tasks.page_place import page_place
from tests.roads import road_row, road_table

PLACES = {  # units and sides as posted there
    "Helsinki": (24.94, 60.17, "km/h", False),
    "Columbus": (-83.0, 39.96, "mph", False),
    "London": (-0.12, 51.5, "mph", True),
    "Tokyo": (139.7, 35.68, "km/h", True),
    "Atlantic": (-30.0, 30.0, "km/h", False),
}


def street(name: str, lon: float, lat: float, metres: float) -> dict:
    return road_row(name, [(lon, lat), (lon + 0.001, lat)]) | {"length_m": metres}


@pytest.mark.parametrize("name", PLACES)
def test_unit_and_side_of_a_place(name: str) -> None:
    lon, lat, unit, is_left = PLACES[name]
    assert page_place(road_table([street("s", lon, lat, 80.0)])) == (unit, is_left)


@pytest.mark.parametrize(("metres", "unit"), [(99.0, "km/h"), (101.0, "mph")])
def test_most_metres_decide(metres: float, unit: str) -> None:
    windsor, detroit = street("a", -83.02, 42.30, 100.0), street("b", -83.05, 42.34, metres)
    assert page_place(road_table([windsor, detroit, street("c", -30.0, 30.0, 500.0)])).unit == unit
