"""Overture: real segments against the file read by other means, and made ones for each thing that may be wrong."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Geod

from schemas.road import ROAD_SEGMENT
from schemas.vocabulary import OneWay, RoadClass
from tasks.readers.overture import one_way, read_overture
from tasks.readers.reading import ReadError, Reading

MPH_20 = {"max_speed": {"value": 20, "unit": "mph"}}


def segment(**changed: Any) -> dict[str, Any]:
    """Return an Overture segment with the columns that all releases have."""
    ends = [{"connector_id": "c1", "at": 0.0}, {"connector_id": "c2", "at": 1.0}]
    row = {"id": "s1", "subtype": "road", "class": "primary", "connectors": ends}
    return row | {"geometry": shapely.LineString([(24.9, 60.1), (24.91, 60.1)]).wkb} | changed


def read(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> Reading:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    pq.write_table(table, tmp_path / "segments.parquet")
    return read_overture([tmp_path / "segments.parquet"], **options)


@pytest.fixture(scope="module")
def file(shared_data: Path) -> Path:
    return shared_data / "overture/boulder.parquet"


@pytest.fixture(scope="module")
def truth(file: Path) -> dict[str, dict[str, Any]]:
    """Car roads of the file, row by row, as pyarrow gives them."""
    rows = pq.read_table(file, filters=[("subtype", "=", "road")]).to_pylist()
    return {row["id"]: row for row in rows if row["class"] in list(RoadClass)}


@pytest.fixture(scope="module")
def reading(file: Path) -> Reading:
    return read_overture([file])


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


def test_every_car_road_is_a_segment(reading: Reading, truth: dict[str, dict[str, Any]]) -> None:
    ROAD_SEGMENT.validate(reading.segments)
    assert set(reading.segments["segment_id"].to_pylist()) == set(truth)
    assert reading.records == len(truth) == 4523
    assert reading.rejects.num_rows == 0


def test_counts_that_others_found(reading: Reading) -> None:
    """2,092 segments from motorway to living street, 1,848 of them with limits; 40 car roads with parts of rules."""
    minor = pa.array(["service", "track", "unknown"])
    drivable = reading.segments.filter(pc.invert(pc.is_in(reading.segments["class"], value_set=minor)))
    assert drivable.num_rows == 2092
    assert pc.sum(pc.greater(pc.list_value_length(drivable["speed_limits"]), 0)).as_py() == 1848
    rules = reading.segments["speed_limits"].to_pylist()
    assert sum(any(rule["between"] for rule in each) for each in rules) == 40


def test_limits_connectors_and_sources_are_carried_over(reading: Reading, truth: dict[str, dict[str, Any]]) -> None:
    kept = {"property", "dataset", "record_id", "between"}
    for row in reading.segments.to_pylist():
        told = truth[row["segment_id"]]
        assert without_nulls(row["speed_limits"]) == without_nulls(told["speed_limits"] or [])
        assert row["connectors"] == told["connectors"]
        assert row["sources"] == [{k: v for k, v in each.items() if k in kept} for each in told["sources"]]
        assert row["name"] == (told["names"] or {}).get("primary")
        assert sorted(without_nulls(row["routes"]), key=str) == sorted(
            ({k: v for k, v in without_nulls(each).items() if k in row["routes"][0]} for each in told["routes"] or []),
            key=str,
        )


def test_lines_boxes_and_lengths_follow_from_the_geometry(reading: Reading, truth: dict[str, dict[str, Any]]) -> None:
    lines = shapely.from_wkb(reading.segments["geometry"].to_pylist())
    told = shapely.from_wkb([truth[key]["geometry"] for key in reading.segments["segment_id"].to_pylist()])
    assert shapely.equals_exact(lines, told).all()
    box = reading.segments["bbox"].combine_chunks().flatten()
    np.testing.assert_array_equal(np.stack([np.asarray(side) for side in box], axis=1), shapely.bounds(told))
    expected = [Geod(ellps="WGS84").geometry_length(line) for line in told]
    np.testing.assert_allclose(reading.segments["length_m"].to_numpy(), expected, rtol=1e-8)


def test_a_box_keeps_what_geopandas_finds_in_it(file: Path) -> None:
    box = (-105.285, 40.005, -105.27, 40.015)
    frame = geopandas.read_parquet(file)
    bounds = frame.geometry.bounds
    meets = (bounds.minx <= box[2]) & (bounds.maxx >= box[0]) & (bounds.miny <= box[3]) & (bounds.maxy >= box[1])
    expected = frame[meets & (frame.subtype == "road") & frame["class"].isin(list(RoadClass))]
    reading = read_overture([file], bbox=box)
    assert set(reading.segments["segment_id"].to_pylist()) == set(expected["id"])
    assert reading.records == len(expected) > 0


def test_a_folder_is_read_at_any_depth_and_connectors_are_passed_over(file: Path, tmp_path: Path) -> None:
    whole = pq.read_table(file)
    segments = tmp_path / "theme=transportation/type=segment"
    connectors = tmp_path / "theme=transportation/type=connector"
    segments.mkdir(parents=True)
    connectors.mkdir(parents=True)
    only = whole.filter(pc.equal(whole["type"], "segment"))
    pq.write_table(only.slice(0, 4000), segments / "part-0.zstd.parquet", row_group_size=500)
    pq.write_table(only.slice(4000), segments / "part-1.zstd.parquet")
    points = whole.filter(pc.equal(whole["type"], "connector"))
    pq.write_table(points.select(["id", "geometry", "bbox", "version", "sources"]), connectors / "part-0.parquet")
    both = [read_overture([tmp_path]).segments, read_overture([file]).segments]
    assert both[0].sort_by("segment_id").equals(both[1].sort_by("segment_id"))


def test_columns_that_a_release_lacks_are_empty(tmp_path: Path) -> None:
    row = read(tmp_path, segment()).segments.to_pylist()[0]
    assert row["name"] is row["ref"] is row["subclass"] is None
    assert row["routes"] == row["sources"] == row["speed_limits"] == row["tags"] == []
    assert row["one_way"] == "no"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"geometry": None}, "bad_geometry"),
        ({"geometry": b"\x01\x02"}, "bad_geometry"),
        ({"geometry": shapely.Point(1, 1).wkb}, "bad_geometry"),
        ({"geometry": shapely.LineString().wkb}, "bad_geometry"),
        ({"geometry": shapely.LineString([(0, 0), (float("nan"), 1)]).wkb}, "bad_coordinate"),
        ({"geometry": shapely.LineString([(0, 0), (0, 90.1)]).wkb}, "bad_coordinate"),
        ({"geometry": shapely.LineString([(1, 1), (1, 1)]).wkb}, "zero_length"),
        ({"geometry": shapely.LineString([(179.9, 1), (-179.9, 1)]).wkb}, "crosses_antimeridian"),
        ({"id": "good"}, "duplicate_key"),
        ({"id": None}, "bad_value"),
    ],
)
def test_a_row_that_is_no_segment_is_refused(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    reading = read(tmp_path, segment(id="good"), segment(id="bad") | changed)
    assert reading.segments["segment_id"].to_pylist() == ["good"]
    assert reading.records == 2
    key = changed.get("id", "bad") or ""
    assert [(row["key"], row["task"], row["reason"]) for row in reading.rejects.to_pylist()] == [
        (key, "read_overture", reason)
    ]


@pytest.mark.parametrize("changed", [{"subtype": "rail"}, {"class": "footway"}, {"class": None}, {"subtype": None}])
def test_what_is_no_car_road_is_passed_over(tmp_path: Path, changed: dict[str, Any]) -> None:
    reading = read(tmp_path, segment(id="good"), segment(id="other") | changed)
    assert (reading.records, reading.rejects.num_rows) == (1, 0)


def test_invalid_rules_are_dropped_and_told(tmp_path: Path) -> None:
    too_fast = {"max_speed": {"value": 400, "unit": "mph"}}
    reading = read(tmp_path, segment(speed_limits=[MPH_20, too_fast]), segment(id="s2", speed_limits=[MPH_20, MPH_20]))
    limits = [without_nulls(row) for row in reading.segments["speed_limits"].to_pylist()]
    assert limits == [[MPH_20], [MPH_20]]
    first, second = reading.rejects.to_pylist()
    assert (first["key"], first["reason"], second["key"]) == ("s1", "bad_value", "s2")
    assert "speed_limits[1] dropped: max_speed.value is 400, expected an integer from 1 to 350" in first["message"]
    assert "it repeats an earlier rule" in second["message"]
    assert reading.records == 2


DENIED_BACKWARD = {"access_type": "denied", "when": {"heading": "backward"}}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (None, OneWay.NO),
        ([DENIED_BACKWARD], OneWay.FORWARD),
        ([{"access_type": "denied", "when": {"heading": "forward"}}], OneWay.BACKWARD),
        ([{"access_type": "denied", "when": None}], OneWay.NO),
        ([DENIED_BACKWARD, {"access_type": "allowed", "when": {"mode": ["bicycle"]}}], OneWay.FORWARD),
        ([{"access_type": "denied", "when": {"heading": "backward", "mode": ["motor_vehicle"]}}], OneWay.FORWARD),
        ([{"access_type": "denied", "when": {"heading": "backward", "mode": ["hgv"]}}], OneWay.NO),
        ([{"access_type": "denied", "when": {"heading": "backward", "during": "Mo-Fr"}}], OneWay.NO),
        ([{"access_type": "denied", "when": {"heading": "backward", "using": ["to_farm"]}}], OneWay.NO),
        ([DENIED_BACKWARD | {"between": [0.0, 0.5]}], OneWay.NO),
        ([DENIED_BACKWARD, {"access_type": "allowed", "when": {"heading": "backward"}}], OneWay.NO),
    ],
)
def test_one_way(rules: list[dict[str, Any]] | None, expected: OneWay) -> None:
    assert one_way(rules) is expected


@pytest.mark.parametrize(
    ("changed", "tags"),
    [
        ({"road_surface": [{"value": "gravel", "between": None}]}, [("surface", "gravel")]),
        ({"road_surface": [{"value": "unknown", "between": None}]}, []),
        ({"road_surface": [{"value": "paved", "between": [0.0, 0.5]}]}, []),
        (
            {"road_flags": [{"values": ["is_tunnel", "is_bridge", "is_link"], "between": None}]},
            [("bridge", "yes"), ("tunnel", "yes")],
        ),
        ({"road_flags": [{"values": ["is_bridge"], "between": [0.0, 0.5]}]}, []),
        ({"subclass": "alley"}, [("service", "alley")]),
    ],
)
def test_tags_say_what_overture_says_of_the_whole_segment(
    tmp_path: Path, changed: dict[str, Any], tags: list[tuple[str, str]]
) -> None:
    assert read(tmp_path, segment(**changed)).segments["tags"].to_pylist() == [tags]


def test_a_link_told_by_flag_alone_is_a_link(tmp_path: Path) -> None:
    flags = [{"values": ["is_link"], "between": None}]
    told = read(tmp_path, segment(road_flags=flags), segment(id="s2", subclass="sidewalk", road_flags=flags))
    assert told.segments["subclass"].to_pylist() == ["link", None]


def test_refs_of_routes_stand_once_in_order(tmp_path: Path) -> None:
    routes = [{"network": "US:US", "ref": "36"}, {"network": "US:CO", "ref": "7"}, {"network": "US:CO", "ref": "36"}]
    row = read(tmp_path, segment(routes=routes)).segments.to_pylist()[0]
    assert row["ref"] == "36;7"
    assert [(route["network"], route["ref"]) for route in row["routes"]] == [
        ("US:CO", "36"),
        ("US:CO", "7"),
        ("US:US", "36"),
    ]


def test_row_groups_outside_the_box_are_not_read(file: Path, tmp_path: Path) -> None:
    """Bytes destroyed in the last row group do no harm to a box in the west."""
    rows = pq.read_table(file, filters=[("subtype", "=", "road")])
    sorted_file = tmp_path / "sorted.parquet"
    pq.write_table(rows.take(pc.sort_indices(pc.struct_field(rows["bbox"], "xmin"))), sorted_file, row_group_size=1000)
    last = pq.read_metadata(sorted_file).row_group(7).column(1)
    data = bytearray(sorted_file.read_bytes())
    data[last.data_page_offset : last.data_page_offset + last.total_compressed_size // 2] = bytes(
        last.total_compressed_size // 2
    )
    sorted_file.write_bytes(data)
    box = (-180.0, 0.0, -105.285, 90.0)
    cut, whole = read_overture([sorted_file], bbox=box).segments, read_overture([file], bbox=box).segments
    assert cut.sort_by("segment_id").equals(whole.sort_by("segment_id"))
    with pytest.raises(ReadError, match="expected a Parquet file of Overture segments"):
        read_overture([sorted_file])


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_strings_may_be_of_any_kind(file: Path, tmp_path: Path, kind: pa.DataType) -> None:
    whole = pq.read_table(file)
    for name in ("id", "subtype", "class", "subclass"):
        whole = whole.set_column(whole.column_names.index(name), name, whole[name].cast(kind))
    pq.write_table(whole, tmp_path / "x.parquet")
    assert read_overture([tmp_path / "x.parquet"]).segments.equals(read_overture([file]).segments)


def test_a_file_without_the_columns_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "geometry": [b""], "subtype": ["road"]}), tmp_path / "x.parquet")
    with pytest.raises(ReadError, match=r"x\.parquet: no column 'class', expected Overture's id, geometry"):
        read_overture([tmp_path / "x.parquet"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match=r"no \*\.parquet file in this folder"):
        read_overture([tmp_path / "empty"])
