"""GeoJSON features, streamed, against what the json module reads."""

import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.readers import probe_geojson
from tasks.readers.probe_geojson import features
from tasks.readers.reading import ReadError
from tests.tasks.readers.probe_files import collection_of, drive, line_of, read

POINTS = drive(4, "a")
TIMES = [point["time"].isoformat() for point in POINTS]


def written(folder: Path, text: str, name: str = "drive.geojson") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def point_of(point: dict[str, Any], **properties: Any) -> dict[str, Any]:
    shape = {"type": "Point", "coordinates": [point["lon"], point["lat"]]}
    return {"type": "Feature", "properties": {"timestamp": point["time"].isoformat(), **properties}, "geometry": shape}


@pytest.mark.parametrize(
    "line",
    [
        line_of(POINTS, times=TIMES, trace_id="a"),
        {**line_of(POINTS, coordTimes=TIMES), "id": "a"},
        {**line_of(POINTS, coordinateProperties={"times": TIMES}), "id": "a"},
        {**line_of(POINTS, times=[int(point["time"].timestamp() * 1000) for point in POINTS]), "id": "a"},
    ],
)
def test_lines(line: dict[str, Any], tmp_path: Path) -> None:
    made = read(written(tmp_path, collection_of(line))).points
    keys = ("trace_id", "time", "lon", "lat")
    assert [[row[key] for key in keys] for row in made] == [[row[key] for key in keys] for row in POINTS]


def test_lines_of_several_parts_and_values_at_each_point(tmp_path: Path) -> None:
    line = line_of(POINTS, times=[TIMES[:1], TIMES[1:]], speeds=[[1], [2, 3, 4]], headings=[5, 6, 7, 8])
    places = line["geometry"]["coordinates"]
    line["geometry"] = {"type": "MultiLineString", "coordinates": [places[:1], places[1:]]}
    made = read(written(tmp_path, collection_of(line)), speed_unit="m/s").points
    assert [row["speed_kmh"] for row in made] == pytest.approx([3.6, 7.2, 10.8, 14.4])
    assert [row["heading_deg"] for row in made] == [5, 6, 7, 8]


@pytest.mark.parametrize("is_sequence", [True, False])
def test_points(is_sequence: bool, tmp_path: Path) -> None:
    told = [point_of(point, vehicle_id=7, speed_kmh=point["speed_kmh"], bearing=90) for point in POINTS]
    text = "\n".join(json.dumps(each) for each in told) if is_sequence else collection_of(*told)
    made = read(written(tmp_path, text)).points
    assert [row["speed_kmh"] for row in made] == [point["speed_kmh"] for point in POINTS]
    assert {row["trace_id"] for row in made} == {"7"}
    assert [row["time"] for row in made] == [point["time"] for point in POINTS]


def test_points_that_are_none(tmp_path: Path) -> None:
    odd = [{"type": "Feature", "properties": None, "geometry": {"type": "Point", "coordinates": each}} for each in (
        [], ["x", 1], [None, None], [24.9, 60.1])]  # fmt: skip
    other = {"type": "Feature", "properties": {}, "geometry": None}
    made = read(written(tmp_path, collection_of(other, *odd, point_of(POINTS[0]))))
    assert made.dropped == {"no_time": 4}
    assert len(made.points) == 1
    assert [row["key"].partition("@")[2] for row in made.rejects] == ["2", "3", "4", "5"]


def test_a_list_of_times_of_another_length_is_no_list_of_times(tmp_path: Path) -> None:
    made = read(written(tmp_path, collection_of(line_of(POINTS, times=TIMES[:2]))))
    assert made.dropped == {"no_time": 4}
    assert [note.partition(".geojson: ")[2] for note in made.notes] == [
        "feature 1: 2 times for 4 points, expected one each"
    ]


def test_features_in_a_bare_list(tmp_path: Path) -> None:
    told = [point_of(point, vehicle_id=7) for point in POINTS]
    assert len(read(written(tmp_path, json.dumps(told, indent=1))).points) == len(POINTS)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ({"geometry": 5, "properties": {}}, "geometry '5', expected a GeoJSON geometry or null"),
        ({"geometry": None, "properties": [1]}, "properties '\\[1\\]', expected an object or null"),
        ({"geometry": {"type": "Point", "coordinates": 5}}, "coordinates '5', expected lists of numbers"),
        ({"geometry": {"type": "LineString", "coordinates": "ab"}}, "coordinates 'ab', expected lists"),
        ({"geometry": {"type": "MultiLineString", "coordinates": [5]}}, "coordinates '\\[5\\]', expected lists"),
    ],
)
def test_a_feature_that_is_none_is_rejected(feature: dict[str, Any], message: str, tmp_path: Path) -> None:
    made = read(written(tmp_path, collection_of(feature, *(point_of(point) for point in POINTS))))
    assert (made.dropped, len(made.points)) == ({"unreadable": 1}, len(POINTS))
    assert re.match(message, made.rejects[0]["message"])
    assert made.rejects[0]["key"].endswith("drive.geojson@1")


def test_numbers_without_end(tmp_path: Path) -> None:
    huge = 10**400
    odd = {"type": "Feature", "properties": {"time": huge}, "geometry": {"type": "Point", "coordinates": [huge, 1]}}
    made = read(written(tmp_path, collection_of(odd, *(point_of(point) for point in POINTS))))
    assert (made.dropped, len(made.points)) == ({"unreadable": 1}, len(POINTS))


VALUES = st.recursive(
    st.none() | st.integers() | st.text('ab"\\]}{[,é', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "properties"]), VALUES, max_size=2), min_size=1, max_size=6),
       st.integers(1, 40), st.booleans())  # fmt: skip
def test_features_are_streamed(told: list[dict[str, Any]], chunk: int, is_pretty: bool) -> None:
    """Whatever the size of what is read at a time."""
    text = json.dumps({"type": "FeatureCollection", "features": told}, indent=2 if is_pretty else None)
    before, probe_geojson.CHUNK = probe_geojson.CHUNK, chunk
    try:
        assert list(features(io.BytesIO(text.encode()), "f")) == told
    finally:
        probe_geojson.CHUNK = before


@given(VALUES, VALUES, VALUES, st.sampled_from(["Point", "MultiPoint", "LineString", "MultiLineString", "x", 1]))
def test_any_json_is_read_or_rejected(geometry: Any, properties: Any, places: Any, kind: Any) -> None:
    """Read as a point, a reject or nothing; `read` sees that they add up."""
    shaped = {"properties": properties, "geometry": {"type": kind, "coordinates": places}}
    timed = {"properties": {"coordinateProperties": properties, "times": places}, "geometry": shaped["geometry"]}
    odd = [shaped, timed, {"properties": properties, "geometry": geometry}]
    with tempfile.TemporaryDirectory() as folder:
        made = read(written(Path(folder), collection_of(*odd, *(point_of(point) for point in POINTS))))
    assert [row["time"] for row in made.points][-len(POINTS) :] == [point["time"] for point in POINTS]


def test_the_file_of_macon(shared_data: Path) -> None:
    file = shared_data / "traces/macon-osm-traces-combined.geojson"
    told = json.loads(file.read_text())["features"]
    made = read(file)
    assert [(row["lon"], row["lat"]) for row in made.points] == [
        tuple(place) for each in told for place in each["geometry"]["coordinates"]
    ]
    times = [time for each in told for time in each["properties"]["times"]]
    assert [str(row["time"]) for row in made.points] == times
    assert made.ids == [each["id"] for each in told]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (collection_of(line_of(POINTS, times=TIMES))[:-2], "ends within the features"),
        (collection_of(line_of(POINTS, times=TIMES))[:-40], r"character \d+: .*; expected GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "no points and no lines"),
        ('{"type": "FeatureCollection", "features": {}}', 'no list behind "features"'),
        ('{"type": "FeatureCollection", "features": [1]}', "'1' among the features"),
        ("[1, 2]", "'1' among the features"),
        ("[" * 100_000, "behind character 1: maximum recursion depth .*; expected GeoJSON"),
        ('{"features": [{"id": ' + "1" * 5000 + "}]}", "behind character 14: .*4300 digits.*; expected GeoJSON"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str, tmp_path: Path) -> None:
    sound = written(tmp_path, collection_of(line_of(POINTS, times=TIMES)), "sound.geojson")
    told = read([written(tmp_path, text), sound])
    assert [row["reason"] for row in told.rejects] == ["unreadable"]
    assert told.points[-1]["lon"] == POINTS[-1]["lon"]
    with pytest.raises(ReadError, match=message):
        list(features(io.BytesIO(text.encode()), "f")) or read(written(tmp_path, text))
