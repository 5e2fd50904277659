import math

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.geometry import BOX
from tasks.tiling import (
    DEEPEST,
    MAX_LATITUDE,
    Grid,
    box_centres,
    boxes_meet,
    cell_codes,
    grid_by_count,
    grid_by_weight,
    rows_meeting,
    total_box,
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


@st.composite
def hand_made(draw: st.DrawFn) -> Grid:
    """Any grid: cells split again and again, wherever."""
    tiles = ["q"]
    for choice in draw(st.lists(st.integers(0, 10**6), max_size=12)):
        tile = tiles[choice % len(tiles)]
        if len(tile) <= DEEPEST:
            tiles = sorted([*(set(tiles) - {tile}), *(tile + digit for digit in "0123")])
    return Grid(tuple(tiles))


@st.composite
def any_grid(draw: st.DrawFn, points: list[tuple[float, float]]) -> Grid:
    """A grid made by hand, by weight or by count."""
    codes = codes_of(points)
    weights = np.array(draw(st.lists(st.integers(0, 5), min_size=len(codes), max_size=len(codes))), dtype=float)
    made = [grid_by_weight(codes, weights, most=draw(st.integers(1, 9)))]
    made.append(grid_by_count(codes, weights, count=draw(st.integers(1, 9))))
    return draw(hand_made() | st.sampled_from(made))


EDGE_LONGITUDES = st.integers(0, 5).flatmap(lambda k: st.integers(0, 2**k).map(lambda i: i * 360 / 2**k - 180))
EDGE_LATITUDES = st.sampled_from([-90.0, -MAX_LATITUDE, -66.51326044311186, 0.0, 66.51326044311186, MAX_LATITUDE, 90.0])
NEAR_EDGES = st.tuples(LONGITUDES | EDGE_LONGITUDES, LATITUDES | EDGE_LATITUDES)


@given(st.data(), st.lists(NEAR_EDGES, min_size=1, max_size=30))
def test_any_grid_gives_each_point_one_owner_that_holds_it(
    data: st.DataObject, points: list[tuple[float, float]]
) -> None:
    """On the edge of two cells it is one of them; off the edges it is the one that geometry names."""
    grid = data.draw(any_grid(points))
    lon, lat = np.array(points, dtype=float).T
    owners = grid.owners(lon, lat)
    assert ((owners >= 0) & (owners < len(grid.tiles))).all()
    for (east, north), owner in zip(points, owners, strict=True):
        west, south, right, top = cell_box(grid.tiles[owner])
        inside = min(max(north, -MAX_LATITUDE), MAX_LATITUDE)
        assert west - 1e-9 <= east <= right + 1e-9
        assert south - 1e-9 <= inside <= top + 1e-9


def cell_box(tile: str) -> tuple[float, float, float, float]:
    """West, south, east and north of a cell, by the formula of slippy maps."""
    zoom = len(tile) - 1
    x = sum((int(digit) & 1) << (zoom - 1 - i) for i, digit in enumerate(tile[1:]))
    y = sum((int(digit) >> 1) << (zoom - 1 - i) for i, digit in enumerate(tile[1:]))
    north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**zoom)))) for row in (y, y + 1))
    return x / 2**zoom * 360 - 180, south, (x + 1) / 2**zoom * 360 - 180, north


GEOD = pyproj.Geod(ellps="WGS84")


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[shapely.LineString], float]:
    """Short lines, most of them some metres from one another, and the reach of a halo in metres."""
    metres = draw(st.sampled_from([5.0, 300.0, 20_000.0]))
    places = [draw(NEAR_EDGES)]
    for _ in range(draw(st.integers(1, 12))):
        lon, lat = draw(st.sampled_from(places))
        far = draw(st.floats(0, 1.2)) * metres
        places.append(GEOD.fwd(lon, lat, draw(st.floats(0, 360)), far)[:2])
    ends = [GEOD.fwd(*place, draw(st.floats(0, 360)), draw(st.floats(0, 2)) * metres)[:2] for place in places]
    pairs = zip(places, ends, strict=True)  # lines that cross 180° are cut there
    return [shapely.LineString([a, b if abs(a[0] - b[0]) < 90 else a]) for a, b in pairs], metres


def metres_apart(one: shapely.LineString, other: shapely.LineString) -> float:
    """The least distance of points along two lines: no less than the distance of the lines."""
    shares = np.linspace(0, 1, 9)
    points = [shapely.line_interpolate_point(each, shares, normalized=True) for each in (one, other)]
    a, b = (shapely.get_coordinates(each) for each in points)
    first, second = np.repeat(a, 9, axis=0), np.tile(b, (9, 1))
    return float(GEOD.inv(first[:, 0], first[:, 1], second[:, 0], second[:, 1])[2].min())


@settings(deadline=None)
@given(st.data(), crowds())
def test_whatever_lies_within_reach_of_a_tile_is_in_its_halo(
    data: st.DataObject, drawn: tuple[list[shapely.LineString], float]
) -> None:
    lines, metres = drawn
    sides = shapely.bounds(lines)
    column = pa.array([dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)) for box in sides.tolist()], BOX)
    lon, lat = box_centres(column)
    grid = data.draw(any_grid(list(zip(lon, lat, strict=True))))
    owners = grid.owners(lon, lat)
    boxes = {tile: total_box(column.filter(pa.array(owners == tile))) for tile in set(owners.tolist())}
    for tile, box in boxes.items():
        reach = widened(box, metres)
        in_halo = rows_meeting(column, reach)
        for other, line in enumerate(lines):
            near = min(metres_apart(line, lines[own]) for own in np.flatnonzero(owners == tile))
            if near <= metres:
                assert in_halo[other]
                assert boxes_meet(boxes[owners[other]], reach)


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


@given(st.tuples(LONGITUDES, LATITUDES), st.floats(1, 50_000), st.floats(0, 360))
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
