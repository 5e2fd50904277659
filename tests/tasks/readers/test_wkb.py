import numpy as np
import pyarrow as pa
import pytest
import shapely

from tasks.readers.wkb import line_vertices, line_wkb


def lines(seed: int) -> list[shapely.LineString]:
    rng = np.random.default_rng(seed)
    return [shapely.LineString(rng.normal(size=(count, 2))) for count in rng.integers(2, 9, 40)]


@pytest.mark.parametrize("order", [0, 1])
def test_vertices_are_those_of_shapely(order: int) -> None:
    shapes = lines(1)
    x, y, offsets = line_vertices(pa.array(shapely.to_wkb(shapes, byte_order=order)))
    assert np.column_stack([x, y]).tolist() == shapely.get_coordinates(shapes).tolist()
    assert np.diff(offsets).tolist() == shapely.get_num_coordinates(shapes).tolist()


def test_lines_with_heights_lose_them() -> None:
    x, y, offsets = line_vertices(pa.array([shapely.LineString([(1, 2, 3), (4, 5, 6)]).wkb]))
    assert (x.tolist(), y.tolist(), offsets.tolist()) == ([1, 4], [2, 5], [0, 2])


def test_a_part_of_an_array_is_read() -> None:
    shapes = lines(2)
    x, _, offsets = line_vertices(pa.array(shapely.to_wkb(shapes)).slice(7, 5))
    assert x.tolist() == shapely.get_coordinates(shapes[7:12])[:, 0].tolist()
    assert offsets[0] == 0


def test_what_is_written_is_read() -> None:
    rng = np.random.default_rng(3)
    x, y, offsets = rng.normal(size=9), rng.normal(size=9), np.array([0, 2, 6, 9])
    assert [each.tolist() for each in line_vertices(line_wkb(x, y, offsets))] == [x.tolist(), y.tolist(), [0, 2, 6, 9]]


def test_no_lines_have_no_vertices() -> None:
    assert [each.tolist() for each in line_vertices(pa.array([], pa.binary()))] == [[], [], [0]]
