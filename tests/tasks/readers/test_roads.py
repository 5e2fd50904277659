"""Files of every kind through one door: told by content, joined, cut to a box, and refused in one line."""

import bz2
import gzip
import shutil
from pathlib import Path
from typing import Any

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from schemas.road import ROAD_SEGMENT
from tasks.readers.line import boxes, boxes_meet
from tasks.readers.overture import read_overture
from tasks.readers.reading import ReadError
from tasks.readers.roads import Kind, kind_of, read_roads

OSM_XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment first -->
<osm version="0.6">
  <node id="1" version="1" lat="60.10" lon="24.90"/>
  <node id="2" version="1" lat="60.10" lon="24.91"/>
  <node id="3" version="1" lat="60.20" lon="25.00"/>
  <way id="7" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
  <way id="8" version="1"><nd ref="2"/><nd ref="3"/><tag k="highway" v="primary"/></way>
  <way id="9" version="1"><nd ref="3"/><nd ref="3"/><tag k="highway" v="primary"/></way>
</osm>
"""


def overture(file: Path, **changed: Any) -> Path:
    """Write one Overture segment."""
    ends = [{"connector_id": "c1", "at": 0.0}, {"connector_id": "c2", "at": 1.0}]
    line = shapely.LineString([(24.9, 60.1), (24.91, 60.1)]).wkb
    row = {"id": "s1", "geometry": line, "subtype": "road", "class": "primary", "connectors": ends} | changed
    pq.write_table(pa.Table.from_pylist([row]), file)
    return file


def city(folder: Path, *ids: str) -> tuple[Path, Path]:
    """Write a network of one's own and its mapping."""
    lines = [shapely.LineString([(24.9 + i, 60.1), (24.91 + i, 60.1)]) for i in range(len(ids))]
    geopandas.GeoDataFrame({"ID": ids}, geometry=lines, crs="EPSG:4326").to_file(folder / "city.gpkg", engine="pyogrio")
    (folder / "city.toml").write_text('id = "ID"')
    return folder / "city.gpkg", folder / "city.toml"


def osm(file: Path) -> Path:
    file.write_bytes(OSM_XML)
    return file


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.parquet", OSM_XML, Kind.OSM),
        ("a.osm.gz", gzip.compress(OSM_XML), Kind.OSM),
        ("a", bz2.compress(OSM_XML), Kind.OSM),
        ("a.osm", b"\xef\xbb\xbf" + OSM_XML, Kind.OSM),
        ("a.xml", b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18", Kind.OSM),
        ("a.osm", b"<?xml version='1.0'?><gml></gml>", Kind.NETWORK),
        ("a.osm", b'{"type": "FeatureCollection"}', Kind.NETWORK),
    ],
)
def test_content_tells_the_kind(tmp_path: Path, name: str, content: bytes, kind: Kind) -> None:
    (tmp_path / name).write_bytes(content)
    assert kind_of(tmp_path / name, has_mapping=True) is kind


def test_parquet_is_overture_by_its_columns_whatever_its_name(tmp_path: Path) -> None:
    assert kind_of(overture(tmp_path / "x.gpkg"), has_mapping=True) is Kind.OVERTURE
    pq.write_table(pa.table({"id": ["a"], "geometry": [b""]}), tmp_path / "own.parquet")
    assert kind_of(tmp_path / "own.parquet", has_mapping=True) is Kind.NETWORK
    assert kind_of(tmp_path, has_mapping=True) is Kind.OVERTURE


def test_real_files_are_told_by_content(shared_data: Path) -> None:
    for file in (shared_data / "osm").iterdir():
        assert kind_of(file, has_mapping=False) is Kind.OSM
    assert kind_of(shared_data / "overture/boulder.parquet", has_mapping=False) is Kind.OVERTURE


def test_kinds_are_joined(tmp_path: Path) -> None:
    own, mapping = city(tmp_path, "own")
    reading = read_roads([own, overture(tmp_path / "o.parquet"), osm(tmp_path / "a.osm")], mapping=mapping)
    ROAD_SEGMENT.validate(reading.segments)
    keys = reading.segments["segment_id"].to_pylist()
    assert [key for key in keys if not key.startswith("w")] == ["s1", "own"]
    assert sum(key.startswith(("w7", "w8")) for key in keys) == 2
    assert reading.records == 5


def test_the_first_of_a_key_is_kept_across_kinds(tmp_path: Path) -> None:
    own, mapping = city(tmp_path, "own", "s1")
    reading = read_roads([own, overture(tmp_path / "o.parquet")], mapping=mapping)
    kept = {row["segment_id"]: row["class"] for row in reading.segments.to_pylist()}
    assert kept == {"s1": "primary", "own": "unknown"}
    (told,) = reading.rejects.to_pylist()
    assert (told["key"], told["task"], told["reason"]) == ("s1", "read_roads", "duplicate_key")


def test_a_box_means_the_same_for_every_kind(tmp_path: Path) -> None:
    own, mapping = city(tmp_path, "near", "far")
    files = [own, overture(tmp_path / "o.parquet"), osm(tmp_path / "a.osm")]
    reading = read_roads(files, mapping=mapping, bbox=(24.89, 60.05, 24.905, 60.15))
    keys = sorted(key.split(":")[0] for key in reading.segments["segment_id"].to_pylist())
    assert keys == ["near", "s1", "w7"]


def test_a_box_of_real_osm_is_a_filter(shared_data: Path) -> None:
    file, box = shared_data / "osm/andorra.osm.pbf", (1.5, 42.5, 1.53, 42.52)
    whole, cut = read_roads([file]).segments, read_roads([file], bbox=box).segments
    lines = shapely.from_wkb(whole["geometry"].to_pylist())
    meets = boxes_meet(boxes(shapely.bounds(lines)), box)
    assert cut["segment_id"].to_pylist() == whole.filter(pa.array(meets))["segment_id"].to_pylist()
    assert 0 < cut.num_rows < whole.num_rows


def test_overture_alone_is_what_its_reader_gives(shared_data: Path) -> None:
    file = shared_data / "overture/boulder.parquet"
    assert read_roads([file]).segments.equals(read_overture([file]).segments)


def test_a_missing_column_is_named_with_what_to_do(tmp_path: Path) -> None:
    told = pq.read_table(overture(tmp_path / "boulder.parquet"))
    pq.write_table(told.drop_columns(["connectors"]), tmp_path / "boulder.parquet")
    words = "no column 'connectors': expected Overture's id, geometry, subtype, class, connectors, or a mapping"
    with pytest.raises(ReadError, match=rf"boulder\.parquet: {words} with --mapping$"):
        read_roads([tmp_path / "boulder.parquet"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty, expected a map"),
        (b"id,name\n1,Ring", "starts with b'id,name.*expected OSM PBF, OSM XML or Overture Parquet, or a mapping"),
        (b"PAR1 and no more", "expected a whole Parquet file"),
        (gzip.compress(OSM_XML)[:40], "expected OSM XML inside"),
        (b"\x1f\x8bnot gzip", "expected OSM XML inside"),
    ],
)
def test_a_file_that_is_no_map_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "roads.map"
    file.write_bytes(content)
    with pytest.raises(ReadError, match=words) as told:
        read_roads([file])
    assert str(told.value).startswith(str(file))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_truncated_parquet_file_is_refused(shared_data: Path, tmp_path: Path, kept: float) -> None:
    whole = (shared_data / "overture/boulder.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ReadError, match=r"cut\.parquet: .*; expected a whole Parquet file$"):
        read_roads([tmp_path / "cut.parquet"])


def test_a_damaged_page_is_refused(shared_data: Path, tmp_path: Path) -> None:
    data = bytearray((shared_data / "overture/boulder.parquet").read_bytes())
    data[1000:200_000] = bytes(199_000)
    (tmp_path / "bad.parquet").write_bytes(data)
    with pytest.raises(ReadError, match=r"bad\.parquet: .*; expected a Parquet file of Overture segments$"):
        read_roads([tmp_path / "bad.parquet"])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none\.pbf: no such file"):
        read_roads([tmp_path / "none.pbf"])


def test_no_roads_at_all_are_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"path\.parquet: no car roads$"):
        read_roads([overture(tmp_path / "path.parquet", **{"class": "footway"})])
    with pytest.raises(ReadError, match=r"no car roads that meet the box 0,0,1,1$"):
        read_roads([overture(tmp_path / "road.parquet")], bbox=(0, 0, 1, 1))
    with pytest.raises(ReadError, match=r"none of 1 car roads is sound; the first, 's1': geometry is missing"):
        read_roads([overture(tmp_path / "bad.parquet", geometry=b"")])


@pytest.mark.parametrize("bbox", [(1, 0, 0, 1), (0, 1, 1, 0), (-181, 0, 0, 1), (0, 0, float("nan"), 1)])
def test_a_box_that_is_none_is_refused(tmp_path: Path, bbox: tuple[float, float, float, float]) -> None:
    with pytest.raises(ReadError, match="expected west ≤ east and south ≤ north, in degrees"):
        read_roads([overture(tmp_path / "road.parquet")], bbox=bbox)


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    shutil.copy(osm(tmp_path / "a.osm"), folder)
    with pytest.raises(ReadError, match=r"release: no \*\.parquet file in this folder"):
        read_roads([folder])
