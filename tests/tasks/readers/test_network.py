"""One's own network: the same roads through every format and coordinate system, and what may be wrong with them."""

import re
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from pyproj import Geod

from schemas.road import ROAD_SEGMENT
from tasks.readers.mapping import Mapping, read_mapping
from tasks.readers.network import connectors_of, read_network, segment_of, speed_limits, text
from tasks.readers.reading import ReadError

LINES = [
    shapely.LineString([(24.90, 60.10), (24.91, 60.10)]),
    shapely.LineString([(24.91, 60.10), (24.92, 60.11)]),
    shapely.MultiLineString([[(24.92, 60.11), (24.93, 60.12)]]),
]
COLUMNS = {
    "LINK_ID": [11, 12, 13],
    "FUNC": ["1", "2", None],
    "SPEED": [120, 0, 30],
    "DIR": ["F", "B", None],
    "NAME": ["Ring", None, " "],
    "SURF": ["asphalt", None, "gravel"],
}
MAPPING = Mapping(
    id="LINK_ID",
    class_="FUNC",
    class_values={"1": "motorway", "2": "residential"},
    name="NAME",
    max_speed="SPEED",
    one_way="DIR",
    one_way_values={"F": "forward", "B": "backward"},
    dataset="City of X",
    tags={"surface": "SURF"},
)
TOML = """
id = "LINK_ID"
class = "FUNC"
name = "NAME"
max_speed = "SPEED"
one_way = "DIR"
dataset = "City of X"

[class_values]
1 = "motorway"
2 = "residential"

[one_way_values]
F = "forward"
B = "backward"

[tags]
surface = "SURF"
"""


def frame(lines: list[Any] = LINES, crs: str | None = "EPSG:4326", **changed: list[Any]) -> geopandas.GeoDataFrame:
    columns = {name: values[: len(lines)] for name, values in COLUMNS.items()} | changed
    return geopandas.GeoDataFrame(columns, geometry=list(lines), crs=crs)


def write(folder: Path, told: geopandas.GeoDataFrame, name: str = "roads.gpkg") -> Path:
    if name.endswith(".parquet"):
        told.to_parquet(folder / name)
    else:
        told.to_file(folder / name, engine="pyogrio")
    return folder / name


@pytest.mark.parametrize("name", ["roads.gpkg", "roads.shp", "roads.geojson", "roads.fgb", "roads.parquet"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3067", "EPSG:3857"])
def test_every_format_and_coordinate_system_gives_the_same_roads(tmp_path: Path, name: str, crs: str) -> None:
    told = frame()
    if not name.endswith("geojson"):
        told = told.to_crs(crs)
    reading = read_network(write(tmp_path, told, name), MAPPING)
    ROAD_SEGMENT.validate(reading.segments)
    assert (reading.records, reading.rejects.num_rows) == (3, 0)
    rows = reading.segments.sort_by("segment_id").to_pylist()
    assert [row["class"] for row in rows] == ["motorway", "residential", "unknown"]
    assert [row["one_way"] for row in rows] == ["forward", "backward", "no"]
    assert [row["name"] for row in rows] == ["Ring", None, None]
    assert [row["tags"] for row in rows] == [[("surface", "asphalt")], [], [("surface", "gravel")]]
    assert [[rule["max_speed"]["value"] for rule in row["speed_limits"]] for row in rows] == [[120], [], [30]]
    assert {row["sources"][0]["dataset"] for row in rows} == {"City of X"}
    expected = [*LINES[:2], LINES[2].geoms[0]]
    got = shapely.from_wkb([row["geometry"] for row in rows])
    assert shapely.equals_exact(got, expected, tolerance=1e-9).all()
    lengths = [Geod(ellps="WGS84").geometry_length(line) for line in expected]
    np.testing.assert_allclose([row["length_m"] for row in rows], lengths, rtol=1e-6)


def test_ends_at_one_place_are_one_connector(tmp_path: Path) -> None:
    moved = shapely.transform(LINES[1], lambda xy: xy + 1e-9)
    reading = read_network(write(tmp_path, frame([LINES[0], moved])), MAPPING)
    first, second = reading.segments["connectors"].to_pylist()
    assert first[1]["connector_id"] == second[0]["connector_id"] == "24.9100000,60.1000000"
    assert [each["at"] for each in first] == [0.0, 1.0]


def test_nodes_of_the_file_stay_apart_though_they_lie_at_one_place(tmp_path: Path) -> None:
    mapping = Mapping(id="LINK_ID", from_node="F", to_node="T")
    told = frame(LINES[:2], F=[1, 3], T=["2", "4"])
    reading = read_network(write(tmp_path, told), mapping)
    nodes = [[each["connector_id"] for each in row] for row in reading.segments["connectors"].to_pylist()]
    assert nodes == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]]), "bad_geometry"),
        (shapely.Point(1, 1), "bad_geometry"),
        (None, "bad_geometry"),
        (shapely.LineString([(0, 0), (0, 91)]), "bad_coordinate"),
        (shapely.LineString([(1, 1), (1, 1)]), "zero_length"),
        (shapely.LineString([(179.9, 0), (-179.9, 0)]), "crosses_antimeridian"),
    ],
)
def test_a_feature_that_is_no_line_is_refused(tmp_path: Path, line: shapely.Geometry | None, reason: str) -> None:
    reading = read_network(write(tmp_path, frame([LINES[0], line]), "roads.geojson"), MAPPING)
    assert reading.segments["segment_id"].to_pylist() == ["11"]
    assert [(row["key"], row["reason"]) for row in reading.rejects.to_pylist()] == [("12", reason)]
    assert reading.records == 2


@pytest.mark.parametrize(
    ("changed", "key", "reason", "words"),
    [
        ({"FUNC": ["1", "9"]}, "12", "bad_value", "FUNC is '9', expected one of 1, 2"),
        ({"DIR": ["F", "x"]}, "12", "bad_value", "DIR is 'x', expected one of F, B"),
        ({"LINK_ID": ["11", None]}, "", "bad_value", "LINK_ID is null, expected the id of the segment"),
        ({"LINK_ID": [11, 11]}, "11", "duplicate_key", "another row before this one has the same segment_id"),
    ],
)
def test_a_value_that_the_mapping_does_not_foresee_is_refused(
    tmp_path: Path, changed: dict[str, list[Any]], key: str, reason: str, words: str
) -> None:
    reading = read_network(write(tmp_path, frame(LINES[:2], **changed)), MAPPING)
    (told,) = reading.rejects.to_pylist()
    assert (told["key"], told["reason"]) == (key, reason)
    assert told["message"].startswith(words)
    assert reading.segments.num_rows == 1


def test_a_limit_that_is_none_is_dropped_and_the_segment_kept(tmp_path: Path) -> None:
    reading = read_network(write(tmp_path, frame(LINES[:2], SPEED=[-1, 50])), MAPPING)
    assert [len(rules) for rules in reading.segments["speed_limits"].to_pylist()] == [0, 1]
    (told,) = reading.rejects.to_pylist()
    assert (told["key"], told["message"]) == ("11", "SPEED is '-1', expected a whole number from 1 to 350")


def test_limits_of_a_direction_stand_behind_the_general_one() -> None:
    mapping = Mapping(id="ID", max_speed="V", max_speed_forward="F", max_speed_backward="B", unit="mph")
    rules, dropped = speed_limits({"V": 50.0, "F": "30", "B": None}, mapping)
    assert rules == [
        {"max_speed": {"value": 50, "unit": "mph"}, "when": None},
        {"max_speed": {"value": 30, "unit": "mph"}, "when": {"heading": "forward"}},
    ]
    assert dropped == []


def test_an_empty_value_may_be_translated() -> None:
    mapping = Mapping(id="ID", class_="FC", class_values={"": "track"})
    assert segment_of({"ID": 1, "FC": None}, mapping, dataset="x")[0]["class"] == "track"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (" A ", "A"),
        ("", None),
        (None, None),
        (float("nan"), None),
        (False, "false"),
    ],
)
def test_text(value: object, expected: str | None) -> None:
    assert text(value) == expected


def test_minus_zero_is_zero() -> None:
    west, east = (connectors_of(shapely.LineString([(x, 1), (1, 2)]))[0]["connector_id"] for x in (-1e-12, 1e-12))
    assert west == east == "0.0000000,1.0000000"


def test_a_multi_line_whose_parts_follow_on_each_other_is_one_line(tmp_path: Path) -> None:
    line = shapely.MultiLineString([[(24.90, 60.10), (24.91, 60.10)], [(24.91, 60.10), (24.92, 60.11)]])
    reading = read_network(write(tmp_path, frame([line])), MAPPING)
    expected = shapely.LineString([(24.90, 60.10), (24.91, 60.10), (24.92, 60.11)])
    assert shapely.from_wkb(reading.segments["geometry"].to_pylist()) == [expected]


def test_an_empty_layer_has_no_rows(tmp_path: Path) -> None:
    reading = read_network(write(tmp_path, frame().iloc[:0], "roads.parquet"), MAPPING)
    assert (reading.segments.num_rows, reading.records) == (0, 0)


@pytest.mark.parametrize("name", ["roads.gpkg", "roads.parquet"])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, frame(), name)
    with pytest.raises(ReadError, match=r"no column 'SPED' \(max_speed in the mapping\), there are .*SPEED"):
        read_network(file, Mapping(id="LINK_ID", max_speed="SPED"))


def test_a_layer_must_be_told_where_there_are_several(tmp_path: Path) -> None:
    file = tmp_path / "roads.gpkg"
    frame().to_file(file, layer="roads", engine="pyogrio")
    frame().to_file(file, layer="paths", engine="pyogrio")
    with pytest.raises(ReadError, match=r"2 layers \(roads, paths\), expected `layer` in the mapping"):
        read_network(file, Mapping(id="LINK_ID"))
    with pytest.raises(ReadError, match="no layer 'rods', there are roads, paths"):
        read_network(file, Mapping(id="LINK_ID", layer="rods"))
    assert read_network(file, Mapping(id="LINK_ID", layer="paths")).records == 3


def test_coordinates_without_a_system_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no coordinate reference system"):
        read_network(write(tmp_path, frame(crs=None), "roads.shp"), MAPPING)


def test_a_file_that_gdal_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gpkg").write_text("no map")
    with pytest.raises(ReadError, match=r"x\.gpkg: .* expected a line layer that GDAL reads"):
        read_network(tmp_path / "x.gpkg", MAPPING)


def test_a_mapping_is_read_from_toml(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(TOML)
    assert read_mapping(tmp_path / "city.toml") == MAPPING


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('id = "A"\nname = \n', "Invalid value (at line 2, column 8); expected a mapping of columns as TOML"),
        ("", "no key 'id', expected the name of the column with the segment's id"),
        ('id = "A"\nmax_sped = "B"', "unknown key 'max_sped', expected class, class_values"),
        ("id = 1", "id is 1, expected a string"),
        ('id = "A"\nunit = "kph"', "unit is 'kph', expected km/h or mph"),
        ('id = "A"\nfrom_node = "F"', "from_node is given without to_node, expected both or neither"),
        ('id = "A"\nclass = "C"\nclass_values = "x"', "class_values is 'x', expected a table [class_values]"),
        (
            'id = "A"\nclass = "C"\n[class_values]\n1 = "highway"',
            "class_values.1 is 'highway', expected one of motorway",
        ),
        ('id = "A"\n[one_way_values]\nF = "forward"', "one_way_values is given without one_way, expected both"),
        ('id = "A"\n[tags]\nlit = 1', "tags.lit is 1, expected a string"),
    ],
)
def test_a_mapping_that_is_none_is_told_in_one_line(tmp_path: Path, toml: str, words: str) -> None:
    file = tmp_path / "city.toml"
    file.write_text(toml)
    with pytest.raises(ReadError, match=re.escape(f"{file}: {words}")) as told:
        read_mapping(file)
    assert "\n" not in str(told.value)


def test_a_mapping_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none\.toml: .*No such file"):
        read_mapping(tmp_path / "none.toml")
