import csv
import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import ContractError
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.export import ROWS_PER_BATCH, WRITERS, ExportError, _json_texts, export
from tests.roads import random_roads, road_row, road_table

SPATIAL = [suffix for suffix in WRITERS if suffix != ".csv"]
GDAL = [".fgb", ".gpkg", ".geojson"]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def roads() -> pa.Table:
    return road_table(
        [
            road_row("w1:n1-n2", [(24.9384, 60.1699), (24.93841, 60.17)], name="Hämeentie", tags={"maxspeed": "40"}),
            road_row("w2:n2-n3", [(-83.1234567, 0.0), (-83.1, 1 / 3), (179.9, -89.5)], ref='US 1;"x", <b>'),
            road_row("w3:n3-n4", [(9, 47), (9.1, 47)], name="日本 🛣", routes=[], tags={"a": "\n", "b": ""}),
        ]
    )


def read(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)


def source(table: pa.Table) -> dict[str, shapely.Geometry]:
    return dict(zip(table["segment_id"].to_pylist(), shapely.from_wkb(table["geometry"].to_numpy()), strict=True))


@pytest.mark.parametrize("suffix", SPATIAL)
def test_geopandas_reads_the_same_rows_geometry_and_crs(suffix: str, roads: pa.Table, tmp_path: Path) -> None:
    export(roads, ROAD_SEGMENT, tmp_path / f"roads{suffix}")
    frame = read(tmp_path / f"roads{suffix}").set_index("segment_id")
    for key, shape in source(roads).items():
        assert shapely.equals_exact(frame.geometry[key], shape, tolerance=1e-9)
    assert frame.crs is not None
    assert frame.crs.equals(pyproj.CRS("OGC:CRS84"), ignore_axis_order=True)
    assert list(frame.loc[list(source(roads)), "name"].fillna("")) == ["Hämeentie", "", "日本 🛣"]
    assert frame.loc["w2:n2-n3", "ref"] == 'US 1;"x", <b>'


@pytest.mark.parametrize("suffix", GDAL)
def test_nested_columns_are_json(suffix: str, roads: pa.Table, tmp_path: Path) -> None:
    export(roads, ROAD_SEGMENT, tmp_path / f"roads{suffix}")
    row = read(tmp_path / f"roads{suffix}").set_index("segment_id").loc["w3:n3-n4"]
    found = {name: row[name] for name in ("tags", "connectors", "routes")}
    values = {name: json.loads(value) if isinstance(value, str) else value for name, value in found.items()}
    assert values == {
        "tags": {"a": "\n", "b": ""},
        "connectors": [{"connector_id": "a", "at": 0.0}, {"connector_id": "b", "at": 1.0}],
        "routes": [],
    }


def test_parquet_keeps_the_table_and_tells_the_box_and_crs(roads: pa.Table, tmp_path: Path) -> None:
    export(roads, ROAD_SEGMENT, tmp_path / "roads.parquet")
    written = pq.read_table(tmp_path / "roads.parquet")
    assert written.equals(roads)
    geo = json.loads(pq.read_metadata(tmp_path / "roads.parquet").metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert geo["version"] == "1.1.0"
    assert column["bbox"] == [-83.1234567, -89.5, 179.9, 60.17]
    assert column["crs"]["id"] == {"authority": "OGC", "code": "CRS84"}
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert b"waysmith" in pq.read_metadata(tmp_path / "roads.parquet").metadata


def test_geojson_is_rfc_7946(roads: pa.Table, tmp_path: Path) -> None:
    export(roads, ROAD_SEGMENT, tmp_path / "roads.geojson")
    told = json.loads((tmp_path / "roads.geojson").read_text(encoding="utf-8"))
    assert "crs" not in told
    first = next(f for f in told["features"] if f["properties"]["segment_id"] == "w1:n1-n2")
    assert first["geometry"]["coordinates"][0] == [24.9384, 60.1699]
    assert first["properties"]["tags"] == {"maxspeed": "40"}
    assert first["properties"]["ref"] is None


def test_gpkg_has_an_index_and_one_named_layer(roads: pa.Table, tmp_path: Path) -> None:
    export(roads, ROAD_SEGMENT, tmp_path / "roads.gpkg")
    info = pyogrio.read_info(tmp_path / "roads.gpkg")
    assert (info["layer_name"], info["geometry_name"], info["geometry_type"]) == (
        "road_segment",
        "geometry",
        "LineString",
    )
    assert info["capabilities"]["fast_spatial_filter"]
    with sqlite3.connect(tmp_path / "roads.gpkg") as base:
        assert base.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_duckdb_reads_parquet_and_csv(roads: pa.Table, tmp_path: Path) -> None:
    for suffix in (".parquet", ".csv"):
        export(roads, ROAD_SEGMENT, tmp_path / f"roads{suffix}")
    found = duckdb.sql(
        f"select segment_id, name, length_m from '{tmp_path}/roads.parquet' order by 1",
    ).fetchall()
    wanted = roads.select(["segment_id", "name", "length_m"]).to_pylist()
    assert found == [tuple(row.values()) for row in wanted]
    rows = duckdb.sql(f"select segment_id, geometry, tags, name from read_csv('{tmp_path}/roads.csv')").fetchall()
    assert [(key, name) for key, _, _, name in rows] == [(row["segment_id"], row["name"]) for row in wanted]
    assert [json.loads(tags) for _, _, tags, _ in rows] == [{"maxspeed": "40"}, {}, {"a": "\n", "b": ""}]
    assert {key: shapely.from_wkt(wkt) for key, wkt, *_ in rows} == source(roads)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=2, max_size=5, unique=True))
def test_csv_keeps_thirteen_decimals(tmp_path_factory: pytest.TempPathFactory, line: list[tuple[float, float]]) -> None:
    table = road_table([road_row("a", line, length_m=1.0)])
    path = tmp_path_factory.mktemp("bits") / "a.csv"
    export(table, ROAD_SEGMENT, path)
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert np.allclose(shapely.get_coordinates(shapely.from_wkt(row["geometry"])), line, rtol=0, atol=1e-13)


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_empty_table(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"none{suffix}"
    export(ROAD_SEGMENT.empty(), ROAD_SEGMENT, path)
    if suffix == ".csv":
        assert duckdb.read_csv(str(path), header=True, delimiter=",").columns == list(ROAD_SEGMENT.names)
    else:
        assert len(read(path)) == 0


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_more_rows_than_one_batch(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.export.ROWS_PER_BATCH", 7)
    table = random_roads(50)
    export(table, ROAD_SEGMENT, tmp_path / f"roads{suffix}")
    if suffix == ".csv":
        keys = [key for (key,) in duckdb.sql(f"select segment_id from '{tmp_path}/roads.csv'").fetchall()]
    else:
        keys = list(read(tmp_path / f"roads{suffix}")["segment_id"])
    assert sorted(keys) == sorted(table["segment_id"].to_pylist())
    assert ROWS_PER_BATCH > 50


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_table_without_geometry(suffix: str, tmp_path: Path) -> None:
    rows = [{"key": "w1@2", "task": "split_way", "reason": "too_few_nodes", "message": 'one "node", ü'}]
    export(pa.Table.from_pylist(rows, schema=REJECT.schema), REJECT, tmp_path / f"reject{suffix}")
    assert duckdb.sql(f"select * from '{tmp_path}/reject{suffix}'").fetchall() == [tuple(rows[0].values())]


@pytest.mark.parametrize("suffix", GDAL)
def test_a_map_format_needs_a_geometry(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"reject has no geometry, which \.\w+ needs; \.parquet and \.csv do not"):
        export(REJECT.empty(), REJECT, tmp_path / f"reject{suffix}")


@pytest.mark.parametrize("name", ["roads.shp", "roads", "roads.parquet.gz"])
def test_unknown_suffix_lists_the_known(name: str, roads: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"known are \.parquet, \.fgb, \.gpkg, \.geojson, \.csv"):
        export(roads, ROAD_SEGMENT, tmp_path / name)


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_what_cannot_be_written_leaves_nothing(suffix: str, roads: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="there is no folder"):
        export(roads, ROAD_SEGMENT, tmp_path / "absent" / f"roads{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(ExportError, match="cannot be written"):
        export(roads, ROAD_SEGMENT, tmp_path / f"folder{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"folder{suffix}"]


def test_a_broken_contract_is_told_as_such(roads: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no column 'name'"):
        export(roads.drop_columns(["name"]), ROAD_SEGMENT, tmp_path / "roads.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_an_existing_file_is_replaced_with_its_journals(suffix: str, roads: pa.Table, tmp_path: Path) -> None:
    for name in (f"roads{suffix}", f"roads{suffix}-wal", f"roads{suffix}-shm"):
        (tmp_path / name).write_bytes(b"old")
    export(roads, ROAD_SEGMENT, tmp_path / f"roads{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"roads{suffix}"]
    assert (tmp_path / f"roads{suffix}").stat().st_size > 3


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from schemas.road import ROAD_SEGMENT
from tasks.export import WRITERS, ExportError, export
from tests.roads import random_roads
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
table = random_roads(2000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for suffix in WRITERS:
    try:
        export(table, ROAD_SEGMENT, Path(sys.argv[1]) / f"roads{suffix}")
    except ExportError as error:
        print(suffix, "refused" if "cannot be written" in str(error) else error)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system cannot limit the size of files")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    for suffix in WRITERS:
        (tmp_path / f"roads{suffix}").write_text("old")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [f"{suffix} refused" for suffix in WRITERS]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"roads{suffix}" for suffix in WRITERS)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"old"}


def test_nulls_and_numbers_that_json_lacks() -> None:
    column = pa.array([None, [], [float("inf"), 1.0, None]], pa.list_(pa.float64()))
    assert _json_texts(column).to_pylist() == [None, "[]", "[null,1.0,null]"]
