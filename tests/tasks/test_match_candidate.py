import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.match_candidate import degrees_metres, near_room, near_stretches
from tasks.match_graph import match_graph
from tests.roads import GEOD, random_roads, road_row, road_table


def found(graph, lon: float, lat: float, radius: float) -> dict[int, tuple[float, float]]:
    near = near_room()
    kx, ky = degrees_metres(np.array([lat]))
    count = near_stretches(graph.cells, lon, lat, kx[0], ky[0], radius, near)
    return {int(each["stretch"]): (float(each["distance"]), float(each["along"])) for each in near[:count]}


@given(st.integers(0, 50), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01), st.sampled_from([20.0, 50.0, 400.0]))
def test_the_same_as_shapely_finds_by_looking_at_all(seed: int, east: float, north: float, radius: float) -> None:
    roads = random_roads(12, seed=seed, spread=0.004)
    roads = roads.sort_by("segment_id")
    lon, lat = 9.0 + east, 47.0 + north
    kx, ky = (float(each[0]) for each in degrees_metres(np.array([lat])))
    lines = shapely.from_wkb(roads["geometry"].to_numpy())
    plane = shapely.transform(lines, lambda xy: (xy - [lon, lat]) * [kx, ky])
    naive = shapely.distance(plane, shapely.Point(0, 0))
    assert {row: far for row, (far, _) in found(match_graph(roads), lon, lat, radius).items()} == pytest.approx(
        {row: far for row, far in enumerate(naive.tolist()) if far <= radius}, abs=1e-6
    )


def test_places_are_geodesic_metres_along() -> None:
    roads = random_roads(1, seed=1)
    line = shapely.from_wkb(roads["geometry"][0].as_py())
    spot = line.interpolate(0.3, normalized=True)
    far, along = found(match_graph(roads), spot.x, spot.y, 50.0)[0]
    assert far < 1e-3
    assert along == pytest.approx(GEOD.inv(*line.coords[0], spot.x, spot.y)[2], abs=0.01)


@pytest.mark.parametrize("lat", [0.0, 47.0, 60.0, -70.0])
def test_degrees_are_those_of_the_geodesic(lat: float) -> None:
    kx, ky = (float(each[0]) for each in degrees_metres(np.array([lat])))
    assert kx == pytest.approx(GEOD.inv(9.0, lat, 9.0001, lat)[2] / 0.0001, rel=1e-6)
    assert ky == pytest.approx(GEOD.inv(9.0, lat, 9.0, lat + 0.0001)[2] / 0.0001, rel=1e-5)


def test_the_direction_where_two_chords_meet_does_not_hang_on_their_order_in_the_index() -> None:
    roads = road_table([road_row("a", [(9.0, 47.0), (9.001, 47.0), (9.002, 47.0003)])])
    cells = match_graph(roads).cells
    directions = set()
    for chord in (cells.chord, cells.chord[::-1].copy()):
        one = cells._replace(across=1, down=1, width=1.0, height=1.0, start=np.array([0, len(chord)]), chord=chord)
        near = near_room()
        kx, ky = degrees_metres(np.array([46.9999]))
        assert near_stretches(one, 9.0010001, 46.9999, kx[0], ky[0], 50.0, near) == 1
        directions.add((near[0]["east"], near[0]["north"], near[0]["side"] > 0))
    assert len(directions) == 1
    assert not directions.pop()[2], "the point lies on the right"
