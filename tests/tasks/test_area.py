"""Areas against the geodesic polygons of GeographicLib."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from tasks.area import areas

GEOD = Geod(ellps="WGS84")


def geodesic(shape: shapely.Geometry) -> float:
    return abs(GEOD.geometry_area_perimeter(shapely.geometry.polygon.orient(shape))[0])


@given(
    st.floats(-179, 179),
    st.floats(-88, 88),
    st.lists(st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)), min_size=3, max_size=9),
    st.sampled_from([1e-4, 1e-3, 1e-2, 1.0]),
)
def test_areas_are_geodesic(lon: float, lat: float, radii: list[tuple[float, float]], size: float) -> None:
    turns = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    corners = [(lon + size * a * np.cos(t), lat + size * b * np.sin(t)) for (a, b), t in zip(radii, turns, strict=True)]
    shape = shapely.Polygon(corners)
    assert areas([shape])[0] == pytest.approx(geodesic(shape), rel=2e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("wkt", "expected"),
    [
        ("POINT (1 1)", 0.0),
        ("LINESTRING (0 0, 1 1)", 0.0),
        ("POLYGON EMPTY", 0.0),
        ("POLYGON ((0 0, 0.001 0, 0.001 0.001, 0 0.001, 0 0))", 12308.8),  # Geod of PROJ 9
    ],
)
def test_areas_of_shapes(wkt: str, expected: float) -> None:
    assert areas([shapely.from_wkt(wkt)])[0] == pytest.approx(expected, rel=1e-4)


def test_a_hole_is_no_ground_and_parts_add_up() -> None:
    outer, inner, far = (
        shapely.box(9, 48, 9.004, 48.004),
        shapely.box(9.001, 48.001, 9.002, 48.002),
        shapely.box(8, 48, 8.001, 48.001),
    )
    whole = shapely.MultiPolygon([outer.difference(inner), far])
    expected = geodesic(outer) - geodesic(inner) + geodesic(far)
    assert areas([None, whole])[1] == pytest.approx(expected, rel=1e-5)
