"""Metres against pyproj, which is the oracle here."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from tasks.measure import SHORT_DEGREES, distances, fractions, lengths, line_lengths, steps, total

GEOD = Geod(ellps="WGS84")
NANOMETRES_10 = 1e-8
"""What pyproj itself is sure of."""


@pytest.mark.parametrize("lat", [0.0, 1.0, 30.0, 52.5, 60.2, 70.0, 80.0, 85.0, 89.0, 89.99])
@pytest.mark.parametrize("degrees", [1e-7, 1e-5, 1e-4, 1e-3, 1e-2, SHORT_DEGREES * 0.999, SHORT_DEGREES, 0.1, 1.0, 9.0])
def test_distances_are_those_of_pyproj(lat: float, degrees: float) -> None:
    turns = np.linspace(0, 2 * np.pi, 360)
    lon0, lat0 = np.linspace(-170, 170, 360), np.full(360, lat)
    lon1, lat1 = lon0 + degrees * np.cos(turns), np.clip(lat0 + degrees * np.sin(turns), -90, 90)
    for north in (1, -1):
        expected = GEOD.inv(lon0, north * lat0, lon1, north * lat1)[2]
        found = distances(lon0, north * lat0, lon1, north * lat1)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=NANOMETRES_10)


points = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(points, points)
def test_distances_anywhere(start: tuple[float, float], end: tuple[float, float]) -> None:
    found = distances(*(np.array([value]) for value in (*start, *end)))
    np.testing.assert_allclose(found, GEOD.inv(*start, *end)[2], rtol=1e-9, atol=NANOMETRES_10)


def test_antimeridian_and_nowhere() -> None:
    found = distances(
        np.array([179.99, np.nan]), np.array([10.0, 0.0]), np.array([-179.99, 0.0]), np.array([10.0, 0.0])
    )
    assert found[0] == pytest.approx(GEOD.inv(179.99, 10, -179.99, 10)[2])
    assert np.isnan(found[1])


lines = st.lists(st.lists(points, max_size=6), max_size=6)


@given(lines)
def test_line_lengths(drawn: list[list[tuple[float, float]]]) -> None:
    flat = np.array([point for line in drawn for point in line]).reshape(-1, 2)
    offsets = np.cumsum([0] + [len(line) for line in drawn])
    expected = [GEOD.line_length(*zip(*line, strict=True)) if len(line) > 1 else 0.0 for line in drawn]
    found = line_lengths(flat[:, 0], flat[:, 1], offsets)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=10 * NANOMETRES_10)


def test_lengths_of_geometries() -> None:
    shapes = [shapely.LineString([(24, 60), (24.001, 60), (25, 61)]), None, shapely.LineString()]
    assert lengths(shapes) == pytest.approx([GEOD.geometry_length(shapes[0]), 0, 0])
    assert len(lengths([])) == 0


@given(st.lists(st.lists(st.floats(0, 1e5), min_size=1, max_size=6), min_size=1, max_size=6))
def test_fractions(parts: list[list[float]]) -> None:
    parts = [[0.0, *part] for part in parts]
    metres = np.array([value for part in parts for value in part])
    offsets = np.cumsum([0] + [len(part) for part in parts])
    found = np.split(fractions(metres, offsets), offsets[1:-1])
    for part, along in zip(parts, found, strict=True):
        assert along[0] == 0
        assert along[-1] == (1 if sum(part) > 1e-6 else pytest.approx(along[-1]))
        if sum(part) > 1:
            np.testing.assert_allclose(along, np.cumsum(part) / sum(part), atol=1e-6)


def test_a_line_does_not_depend_on_the_lines_before() -> None:
    rng = np.random.default_rng(1)
    lon, lat = 24 + np.cumsum(rng.normal(0, 1e-3, 3000)), 60 + np.cumsum(rng.normal(0, 1e-4, 3000))
    alone = np.array([0, 1000])
    among = np.array([0, 700, 2000, 3000])
    metres, all_metres = steps(lon[2000:], lat[2000:], alone), steps(lon, lat, among)
    assert total(metres, alone)[0] == total(all_metres, among)[2]
    assert (fractions(metres, alone) == fractions(all_metres, among)[2000:]).all()
