import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.geometry import BOX
from tasks.tiling import (
    DEEPEST,
    Grid,
    boxes_meet,
    cell_codes,
    grid_by_count,
    grid_by_weight,
    rows_meeting,
    widened,
)

LONGITUDES = st.floats(-180, 180)
LATITUDES = st.floats(-90, 90)
POINTS = st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=1, max_size=60)
LAND = st.tuples(st.floats(-180, 180), st.floats(-84, 84))
OFF_EDGES = st.tuples(st.integers(-17999, 17998), st.integers(-8400, 8399)).map(
    lambda point: (point[0] / 100 + 0.0037, point[1] / 100 + 0.0041)
)
"""Points of which none lies on the edge of a cell, where rounding decides."""


def naive_quadkey(lon: float, lat: float, zoom: int) -> str:
    """Digits of the slippy-map tile of a point: halve the square, choose the quarter, again and again."""
    merc = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    half = 20037508.342789244
    x, y = merc.transform(lon, lat)
    west, south, size, digits = -half, -half, 2 * half, ""
    for _ in range(zoom):
        size /= 2
        east_half, south_half = x >= west + size, y <= south + size
        digits += str(int(east_half) + 2 * int(south_half))
        west += size * east_half
        south += size * (not south_half)
    return digits


def codes_of(points: list[tuple[float, float]]) -> np.ndarray:
    lon, lat = np.array(points, dtype=float).T
    return cell_codes(lon, lat)


@given(OFF_EDGES)
def test_code_is_the_quadkey_of_the_slippy_map(point: tuple[float, float]) -> None:
    code = int(codes_of([point])[0])
    digits = np.base_repr(code, 4).zfill(DEEPEST)
    assert digits[:12] == naive_quadkey(*point, zoom=12)


@given(POINTS, st.integers(1, 20))
def test_every_point_has_one_owner_and_no_tile_is_too_heavy(points: list[tuple[float, float]], most: int) -> None:
    codes = codes_of(points)
    grid = grid_by_weight(codes, np.ones(len(codes)), most=most)
    lon, lat = np.array(points, dtype=float).T
    owners = grid.owners(lon, lat)
    for code, owner in zip(codes, owners, strict=True):
        prefix = np.base_repr(int(code), 4).zfill(DEEPEST)
        holders = [i for i, tile in enumerate(grid.tiles) if prefix.startswith(tile[1:])]
        assert holders == [owner]
    for tile, count in zip(*np.unique(owners, return_counts=True), strict=True):
        assert count <= most or len(grid.tiles[tile]) == DEEPEST + 1


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_grid_by_count_has_so_many_tiles_with_points(count: int) -> None:
    lon, lat = np.random.default_rng(0).normal((24.9, 60.2), 0.05, (2000, 2)).T
    grid = grid_by_count(cell_codes(lon, lat), np.ones(2000), count=count)
    assert len(np.unique(grid.owners(lon, lat))) == count


def test_points_at_one_place_end_in_the_deepest_cell() -> None:
    codes = np.repeat(cell_codes(np.array([9.5]), np.array([47.1])), 50)
    for grid in (grid_by_count(codes, np.ones(50), count=4), grid_by_weight(codes, np.ones(50), most=10)):
        assert len(np.unique(grid.owners(np.full(50, 9.5), np.full(50, 47.1)))) == 1


def test_an_edit_leaves_the_other_cells_alone() -> None:
    lon, lat = np.random.default_rng(1).uniform((-120, -60), (120, 60), (4000, 2)).T
    before = set(grid_by_weight(cell_codes(lon, lat), np.ones(4000), most=100).tiles)
    more_lon, more_lat = np.append(lon, np.full(300, 9.5)), np.append(lat, np.full(300, 47.1))
    after = set(grid_by_weight(cell_codes(more_lon, more_lat), np.ones(4300), most=100).tiles)
    home = naive_quadkey(9.5, 47.1, DEEPEST)
    assert all(home.startswith(tile[1:]) for tile in before - after)
    assert len(before - after) == 1


def test_a_grid_with_a_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="cover the world once"):
        Grid(("q0", "q1", "q3"))


@given(LAND, st.floats(1, 50_000), st.floats(0, 360))
def test_widened_box_reaches_every_point_within_the_distance(
    point: tuple[float, float], metres: float, azimuth: float
) -> None:
    lon, lat = point
    end_lon, end_lat, _ = pyproj.Geod(ellps="WGS84").fwd(lon, lat, azimuth, metres)
    here, there = (lon, lat, lon, lat), (end_lon, end_lat, end_lon, end_lat)
    assert boxes_meet(widened(here, metres), there)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 3), st.floats(0, 3)), min_size=1))
def test_rows_meeting_is_intersects(sides: list[tuple[float, float, float, float]]) -> None:
    boxes = [(w, s, w + dx, s + dy) for w, s, dx, dy in sides]
    column = pa.array([dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)) for box in boxes], BOX)
    probe = (-2.0, -3.0, 1.0, 4.0)
    naive = shapely.intersects(shapely.box(*np.array(boxes).T), shapely.box(*probe))
    assert rows_meeting(column, probe).tolist() == naive.tolist()
    assert [boxes_meet(box, probe) for box in boxes] == naive.tolist()


def test_boxes_meet_across_the_antimeridian() -> None:
    assert boxes_meet(widened((179.9999, 0, 179.9999, 0), 50), (-179.9999, 0, -179.9999, 0))
    assert not boxes_meet(widened((179.9, 0, 179.9, 0), 50), (-179.9, 0, -179.9, 0))
