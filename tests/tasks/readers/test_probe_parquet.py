"""Parquet and GeoParquet, against what geopandas writes."""

import io
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

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


LINES = [drive(5, "a"), drive(4, "b", 25.0)]


def lines_of(encoding: str, **columns: Any) -> pa.Table:
    """Return both drives as lines with lists of times, in GeoParquet as geopandas writes it."""
    shapes = [shapely.LineString([(row["lon"], row["lat"]) for row in points]) for points in LINES]
    times = [[row["time"] for row in points] for points in LINES]
    told = geopandas.GeoDataFrame({"times": times, **columns}, geometry=shapes, crs="EPSG:4326")
    held = io.BytesIO()
    told.to_parquet(held, geometry_encoding=encoding)
    return pq.read_table(held)


@pytest.mark.parametrize("rows", [250_000, 1])
@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_lines(encoding: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_parquet, "ROWS", rows)
    lists = {
        "speeds": [[row["speed_kmh"] / 3.6 for row in points] for points in LINES],
        "headings": [[row["heading_deg"] for row in points] for points in LINES],
        "accuracies": [[row["accuracy_m"] for row in points] for points in LINES],
    }
    table = lines_of(encoding, vehicle=["a", "b"], **lists)
    made = read(written(tmp_path, table), speed_unit="m/s").points
    for row, expected in zip(made, ROWS, strict=True):
        assert row["speed_kmh"] == pytest.approx(expected["speed_kmh"])
        assert row | {"speed_kmh": None} == expected | {"speed_kmh": None}
    assert read(written(tmp_path, table.drop(["vehicle"]))).ids == ["fleet#1", "fleet#2"]


def test_a_list_of_another_length_is_told(tmp_path: Path) -> None:
    table = lines_of("WKB", speeds=[[36.0] * 5, [36.0] * 3], accuracy=[4.0, 5.0])
    times = pa.array([[row["time"] for row in LINES[0]][:4], [row["time"] for row in LINES[1]]])
    made = read(written(tmp_path, table.set_column(0, "times", times)), speed_unit="km/h")
    assert (made.dropped, [row["speed_kmh"] for row in made.points]) == ({"no_time": 5}, [None] * 4)
    assert [row["accuracy_m"] for row in made.points] == [None] * 4
    assert [note.partition("fleet.parquet: ")[2] for note in made.notes] == [
        "4 values of time for 5 points, expected one each",
        "3 values of speed for 4 points, expected one each",
    ]
    assert {row["key"].partition("@")[2] for row in made.rejects} == {"1"}


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_points_in_the_encodings_of_geoparquet(encoding: str, tmp_path: Path) -> None:
    places = geopandas.points_from_xy([row["lon"] for row in ROWS], [row["lat"] for row in ROWS], crs="EPSG:4326")
    frame = geopandas.GeoDataFrame(pd.DataFrame(ROWS).drop(columns=["lon", "lat"]), geometry=places)
    frame.loc[3, "geometry"] = None
    frame.to_parquet(tmp_path / "fleet.parquet", geometry_encoding=encoding)
    made = read(tmp_path / "fleet.parquet")
    assert [row["lon"] for row in made.points] == [row["lon"] for row in ROWS[:3] + ROWS[4:]]
    assert (made.dropped, made.rejects[0]["key"].partition("@")[2]) == ({"bad_coordinate": 1}, "4")


@pytest.mark.parametrize(
    "geo", [b"{oops", b"[1]", b'{"primary_column": 5}', b'{"primary_column": "lon", "columns": 1}']
)
def test_geo_that_is_no_geoparquet(geo: bytes, tmp_path: Path) -> None:
    """The columns of positions are read all the same; a column that is called a geometry and is none is told."""
    file = written(tmp_path, pa.Table.from_pylist(ROWS).replace_schema_metadata({b"geo": geo}))
    if b'"lon"' in geo:
        with pytest.raises(ReadError, match="column 'lon' is of type double, expected WKB"):
            read(file)
    else:
        assert read(file).points == ROWS


def test_of_two_columns_of_one_name_the_first_is_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    assert read(written(tmp_path, table.append_column("lat", pa.array([0.0] * len(ROWS))))).points == ROWS


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("trace_id", [["a"]], r"column 'trace_id' for trace_id is of type list<.*>, expected single values"),
        ("time", [{"a": 1}], r"column 'time' for time is of type struct<.*>, expected single values"),
        ("lon", [[1.0]], r"column 'lon' for lon is of type list<.*>, expected single values"),
    ],
)
def test_types_that_a_role_cannot_be(name: str, values: list[Any], message: str, tmp_path: Path) -> None:
    table = pa.table({"trace_id": ["a"], "time": [START], "lon": [1.0], "lat": [1.0]} | {name: values})
    with pytest.raises(ReadError, match=message):
        read(written(tmp_path, table))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_text_that_is_not_utf8_stays_distinct(kind: pa.DataType, tmp_path: Path) -> None:
    """Parquet does not look at it when it is written."""
    plain = kind if not pa.types.is_dictionary(kind) else pa.string()
    ids = pa.array(["Mü".encode("latin-1"), "Mö".encode("latin-1")], pa.binary())
    odd = pa.Array.from_buffers(pa.string(), 2, ids.buffers()) if plain != pa.binary() else ids
    odd = odd.cast(plain) if plain == pa.large_string() else odd
    odd = odd.dictionary_encode() if pa.types.is_dictionary(kind) else odd
    table = pa.table({"trace_id": odd, "time": [START] * 2, "lon": [1.0] * 2, "lat": [1.0] * 2})
    assert read(written(tmp_path, table)).ids == ["M\\xfc", "M\\xf6"]
    noon = pa.table({"trace_id": ["a"] * 2, "time": odd, "lon": [1.0] * 2, "lat": [1.0] * 2})
    assert "'M\\\\xfc'" in read(written(tmp_path, noon), time_zone="UTC").rejects[0]["message"]


@pytest.mark.parametrize("zone", ["UTC", None])
def test_moments_beyond_all_calendars(zone: str | None, tmp_path: Path) -> None:
    times = pa.array([2**62, None], pa.timestamp("us", zone))
    table = pa.table({"trace_id": ["a"] * 2, "time": times, "lon": [1.0] * 2, "lat": [1.0] * 2})
    made = read(written(tmp_path, table), time_zone="UTC")
    assert made.dropped == {"future": 1, "no_time": 1}
    assert str(2**62) in " ".join(row["message"] for row in made.rejects)
    if zone is None:
        with pytest.raises(ReadError, match=f"time '{2**62}' has no offset"):
            read(tmp_path / "fleet.parquet")


def test_numbers_that_were_not_measured(tmp_path: Path) -> None:
    """Nor is -1, which phones tell where they know nothing."""
    odd = [1e300, -1.0, float("inf"), float("nan"), 36.0]
    columns = {"speed_kmh": odd, "heading_deg": [361.0, -1.0, float("inf"), float("nan"), 360.0], "accuracy_m": odd}
    table = pa.table({"time": [row["time"] for row in ROWS[:5]], "lon": [1.0] * 5, "lat": [1.0] * 5, **columns})
    made = read(written(tmp_path, table)).points
    assert [row["speed_kmh"] for row in made] == [row["accuracy_m"] for row in made] == [None] * 4 + [36.0]
    assert [row["heading_deg"] for row in made] == [None] * 4 + [0.0]


def test_areas_and_broken_files_are_told(tmp_path: Path) -> None:
    area = geopandas.GeoSeries.from_wkt(["POLYGON ((0 0, 1 1, 1 0, 0 0))"], crs="EPSG:4326")
    geopandas.GeoDataFrame({"time": [START]}, geometry=area).to_parquet(tmp_path / "area.parquet")
    with pytest.raises(ReadError, match="a Polygon in the column of geometries, expected points or lines"):
        read(tmp_path / "area.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "area.parquet").read_bytes()[:-50])
    with pytest.raises(ReadError, match=r"cut\.parquet: .*expected Parquet"):
        read(tmp_path / "cut.parquet")
