"""Edges on segments: piece by piece, against the way one would look for them by hand."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.measure import lengths
from tasks.valhalla_edge import EdgeFileError, WayEdges, parts_by_shape, parts_by_way, read_way_edges

STREET = [(9.0, 47.0), (9.001, 47.0), (9.002, 47.0005), (9.003, 47.0)]
LINES = np.array([shapely.LineString(STREET), shapely.LineString([(9.003, 47.0), (9.004, 47.0)])])


def on_lines(*shapes: list[tuple[float, float]]) -> list[tuple[int, int, bool, float]]:
    made = parts_by_shape(np.arange(len(shapes)), [np.array(shape) for shape in shapes], LINES)
    return list(zip(*(column.tolist() for column in made[:4]), strict=True))


def metres(*line: tuple[float, float]) -> float:
    return float(lengths(np.array([shapely.LineString(line)]))[0])


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        (STREET, [(0, False, metres(*STREET))]),
        (STREET[::-1], [(0, True, metres(*STREET))]),
        (STREET[1:3], [(0, False, metres(*STREET[1:3]))]),
        ([*STREET, (9.004, 47.0)], [(0, False, metres(*STREET)), (1, False, metres((9.003, 47.0), (9.004, 47.0)))]),
        ([(9.0, 47.0), (9.002, 47.0005)], []),  # drawn otherwise
        ([(9.0, 47.0), (9.001, 47.001)], []),  # another street
        ([(x + 6e-7, y - 6e-7) for x, y in STREET], [(0, False, metres(*STREET))]),  # rounded
        ([(x + 2e-6, y) for x, y in STREET], []),
        ([STREET[0], *STREET], [(0, False, metres(*STREET))]),  # a vertex twice
        (STREET[:1], []),
    ],
)
def test_edges_lie_where_they_draw_the_same(
    shape: list[tuple[float, float]], parts: list[tuple[int, bool, float]]
) -> None:
    found = on_lines(shape)
    assert [each[1:3] for each in found] == [each[:2] for each in parts]
    assert [each[3] for each in found] == pytest.approx([each[2] for each in parts], abs=0.2)


def test_an_edge_is_as_long_as_it_is_drawn_on_and_off_segments() -> None:
    away = [*STREET, (9.003, 47.002)]
    made = parts_by_shape(np.array([8]), [np.array(away)], LINES)
    assert made.metres == pytest.approx([metres(*STREET)])
    assert made.edge_m == pytest.approx([metres(*away)])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6), st.integers(0, 99))
def test_parts_are_those_found_piece_by_piece(spans: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    streets = [rng.permutation([(x, y) for x in range(4) for y in range(2)])[:4] * 0.001 + 9 for _ in range(3)]
    pairs: dict[tuple[bytes, bytes], tuple[int, bool]] = {}
    for is_backward in (False, True):
        for row, street in enumerate(streets):
            order = street[::-1] if is_backward else street
            for a, b in pairwise(order):
                pairs.setdefault((a.tobytes(), b.tobytes()), (row, is_backward))
    shapes = [streets[i % 3][min(a, b) : max(a, b) + 1][:: 1 if a < b else -1] for i, (a, b) in enumerate(spans)]
    found = parts_by_shape(np.arange(len(shapes)), shapes, np.array([shapely.LineString(each) for each in streets]))
    wanted = {(edge, *pairs[a.tobytes(), b.tobytes()]) for edge, shape in enumerate(shapes) for a, b in pairwise(shape)}
    assert set(zip(*(column.tolist() for column in found[:3]), strict=True)) == wanted
    sums = np.bincount(found.edge, found.metres, len(shapes))
    np.testing.assert_allclose(sums[found.edge], found.edge_m)


def test_no_edges_and_no_segments_are_no_parts() -> None:
    assert len(parts_by_shape(np.empty(0, dtype=np.int64), [], LINES).edge) == 0
    assert len(parts_by_shape(np.array([8]), [np.array(STREET)], LINES[:0]).edge) == 0


def test_edges_of_a_way_lie_on_all_of_it() -> None:
    listed = WayEdges(np.array([5, 7, 7, 9]), np.array([True, True, False, True]), np.array([1, 2, 3, 4]))
    made = parts_by_way(listed, np.array([7, 5, -1, 7]), np.array([10.0, 20.0, 30.0, 40.0]))
    rows = sorted(zip(*(column.tolist() for column in made), strict=True))
    assert rows == [
        (1, 1, False, 20.0, 20.0),
        *[(2, 0, False, 10.0, 50.0), (2, 3, False, 40.0, 50.0)],
        *[(3, 0, True, 10.0, 50.0), (3, 3, True, 40.0, 50.0)],
    ]


def test_the_list_of_the_documentation_is_read(tmp_path: Path) -> None:
    """The example of Valhalla's mjolnir/historical_traffic.md."""
    path = tmp_path / "way_edges.txt"
    path.write_text("1175181586,1,112642252344\n984719585,1,110964530744,0,112508034616,1,112843578936\n")
    made = read_way_edges(path)
    assert made.way.tolist() == [1175181586, 984719585, 984719585, 984719585]
    assert made.is_forward.tolist() == [True, True, False, True]
    assert made.edge.tolist() == [112642252344, 110964530744, 112508034616, 112843578936]


@pytest.mark.parametrize("line", ["", "12,1", "12,2,77", "12;1;77", "way,1,77", "12,1,77,0", "12,1,-77"])
def test_lines_of_another_form_are_told(line: str, tmp_path: Path) -> None:
    path = tmp_path / "way_edges.txt"
    path.write_text(f"1175181586,1,112642252344\n{line}\n")
    with pytest.raises(EdgeFileError, match=r"way_edges.txt: line 2 is '.*', expected way,0\|1,GraphId"):
        read_way_edges(path)
