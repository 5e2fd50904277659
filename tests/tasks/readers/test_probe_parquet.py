"""Parquet and GeoParquet, against what geopandas writes."""

from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.readers import probe_parquet
from tasks.readers.reading import ReadError
from tests.tasks.readers.probe_files import START, drive, read

ROWS = [*drive(5, "a"), *drive(4, "b", 25.0)]


def written(folder: Path, table: pa.Table, name: str = "fleet.parquet") -> Path:
    pq.write_table(table, folder / name)
    return folder / name


@pytest.mark.parametrize("rows", [250_000, 2])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_columns(rows: int, unit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_parquet, "ROWS", rows)
    table = pa.Table.from_pylist(ROWS)
    table = table.set_column(1, "time", table["time"].cast(pa.timestamp(unit, "Europe/Helsinki")))
    assert read(written(tmp_path, table)).points == ROWS


@pytest.mark.parametrize("kind", [pa.dictionary(pa.int32(), pa.string()), pa.large_string(), pa.int64()])
def test_ids_of_any_type(kind: pa.DataType, tmp_path: Path) -> None:
    ids = ["7", "7", "8"] if kind != pa.int64() else [7, 7, 8]
    table = pa.table(
        {"device": pa.array(ids, kind), "ts": [START] * 3, "x": [24.9] * 3, "y": pa.array([60.1] * 3, pa.float32())}
    )
    assert read(written(tmp_path, table)).ids == ["7", "8"]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3067", "OGC:CRS84"])
def test_geoparquet(crs: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS).drop(columns=["lon", "lat"])
    places = geopandas.points_from_xy([row["lon"] for row in ROWS], [row["lat"] for row in ROWS], crs="EPSG:4326")
    geopandas.GeoDataFrame(frame, geometry=places).to_crs(crs).to_parquet(tmp_path / "fleet.parquet")
    made = read(tmp_path / "fleet.parquet").points
    for row, expected in zip(made, ROWS, strict=True):
        assert row["trace_id"] == expected["trace_id"]
        assert (row["lon"], row["lat"]) == pytest.approx((expected["lon"], expected["lat"]), abs=1e-9)


def test_rows_that_are_none(tmp_path: Path) -> None:
    rows = [
        *drive(2),
        {**drive(1)[0], "time": None},
        {**drive(1)[0], "lat": None},
        {**drive(1)[0], "lon": float("nan")},
    ]
    made = read(written(tmp_path, pa.Table.from_pylist(rows)))
    assert made.dropped == {"no_time": 1, "bad_coordinate": 2}
    assert [row["key"].partition("@")[2] for row in made.rejects] == ["3", "5", "4"]


def test_a_geometry_that_is_missing(tmp_path: Path) -> None:
    places = geopandas.GeoSeries.from_wkt(["POINT (24.9 60.1)", None, "POINT EMPTY"], crs="EPSG:4326")
    geopandas.GeoDataFrame({"time": [START] * 3}, geometry=places).to_parquet(tmp_path / "fleet.parquet")
    made = read(tmp_path / "fleet.parquet")
    assert (len(made.points), made.dropped) == (1, {"bad_coordinate": 2})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": [START], "lon": [1.0]}, "no column for lat among 'time', 'lon'"),
        ({"time": [START.replace(tzinfo=None)], "lon": [1.0], "lat": [1.0]}, r"fleet.parquet@1: time .* has no offset"),
    ],
)
def test_what_cannot_be_read_is_told(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message):
        read(written(tmp_path, pa.table(columns)))


def test_lines_and_broken_files_are_told(tmp_path: Path) -> None:
    line = geopandas.GeoSeries.from_wkt(["LINESTRING (0 0, 1 1)"], crs="EPSG:4326")
    geopandas.GeoDataFrame({"time": [START]}, geometry=line).to_parquet(tmp_path / "line.parquet")
    with pytest.raises(ReadError, match="a LineString in the column of geometries, expected points"):
        read(tmp_path / "line.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "line.parquet").read_bytes()[:-50])
    with pytest.raises(ReadError, match=r"cut\.parquet: .*expected Parquet"):
        read(tmp_path / "cut.parquet")
