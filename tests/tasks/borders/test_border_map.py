"""The packaged borders as a whole, and points among them against a plain loop over all polygons."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.borders import border_map as module
from tasks.borders.border_map import CHUNK_EDGES, NOWHERE, border_map, chunks
from tasks.borders.table import BORDERS, BORDERS_FILE

BORDERS_READ = pq.read_table(BORDERS_FILE)
CODES = BORDERS_READ.column("code").to_pylist()
SHAPES = shapely.from_wkb(BORDERS_READ.column("geometry").to_numpy())
shapely.prepare(SHAPES)


def naive_code(lon: float, lat: float) -> str | None:
    point = shapely.Point(lon, lat)
    return min((code for code, shape in zip(CODES, SHAPES, strict=True) if shape.intersects(point)), default=None)


def code_at(lon: float, lat: float) -> str | None:
    borders = border_map()
    row = borders.codes_at(np.array([lon]), np.array([lat]))[0]
    return None if row == NOWHERE else borders.places[row].code


def test_the_file_is_a_table_of_its_contract() -> None:
    BORDERS.validate(BORDERS_READ)
    assert pq.read_schema(BORDERS_FILE).metadata[b"geo"] == BORDERS.metadata[b"geo"]


def test_areas_neither_overlap_nor_leave_gaps() -> None:
    assert shapely.is_valid(SHAPES).all()
    assert shapely.coverage_is_valid(SHAPES)
    holes = [ring for shape in shapely.get_parts(shapely.coverage_union_all(SHAPES)) for ring in shape.interiors]
    assert min(shapely.area(shapely.polygons(holes))) > 0.01  # seas between countries, no slivers between borders


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_points_anywhere(lon: float, lat: float) -> None:
    assert code_at(lon, lat) == naive_code(lon, lat)


@given(st.integers(0, shapely.get_num_coordinates(SHAPES).sum() - 1))
def test_points_on_borders_have_the_first_code(vertex: int) -> None:
    lon, lat = shapely.get_coordinates(SHAPES)[vertex]
    assert code_at(lon, lat) == naive_code(lon, lat)


@pytest.mark.parametrize("lon", [179.999999, 180.0, -180.0])
def test_points_where_longitude_jumps(lon: float) -> None:
    assert code_at(lon, 66.5) == "RU"


@given(st.lists(st.integers(2, 3 * CHUNK_EDGES + 2), min_size=1, max_size=4))
def test_chunks_are_the_lines_again(counts: list[int]) -> None:
    lines = np.array([shapely.LineString([(x, x % 2 + 9 * y) for x in range(n)]) for y, n in enumerate(counts)])
    pieces = chunks(lines)
    assert shapely.equals(shapely.union_all(pieces), shapely.union_all(lines))
    assert shapely.get_num_points(pieces).max() <= CHUNK_EDGES + 1
    assert len(pieces) == sum(-(-(count - 1) // CHUNK_EDGES) for count in counts)


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "borders.parquet"
    other.write_bytes(BORDERS_FILE.read_bytes() + b" ")
    monkeypatch.setattr(module, "BORDERS_FILE", other)
    with pytest.raises(ValueError, match=r"borders\.parquet: its SHA-256 is [0-9a-f]{64}, expected"):
        border_map.__wrapped__()
