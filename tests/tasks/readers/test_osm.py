"""OSM files in, segments out: against a naive reading in plain Python, and over broken and odd files."""

import bz2
import gzip
import random
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import osmium
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.vocabulary import RejectReason
from tasks.readers.osm import read_osm
from tasks.readers.reading import ReadError, Reading
from tasks.road_class import is_car_road
from tests.tasks.readers.osm_files import PBF_FILES, PROJECT, REAL_FILES, Relation, Way, converted, osm_xml, write
from tests.tasks.test_split_way import naive_split

GEOD = Geod(ellps="WGS84")
SQUARE = {1: (24.0, 60.0), 2: (24.01, 60.0), 3: (24.01, 60.01), 4: (24.0, 60.01), 5: (24.005, 60.0), 6: (24.005, 60.02)}

needs_data = pytest.mark.skipif(not REAL_FILES, reason="the folder ../shared/data/osm is absent")
real_files = pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.name)


def rows(reading: Reading) -> list[dict[str, Any]]:
    return reading.segments.to_pylist()


def ids(reading: Reading) -> list[str]:
    return reading.segments["segment_id"].to_pylist()


def reasons(reading: Reading) -> list[tuple[str, str]]:
    return [(row["key"], row["reason"]) for row in reading.rejects.to_pylist()]


def check(reading: Reading) -> None:
    """Both tables keep their contracts, and every way is a source of a segment or a reject."""
    for table, contract in ((reading.segments, ROAD_SEGMENT), (reading.rejects, REJECT)):
        contract.validate(table)
        table.validate(full=True)
        assert table.schema.equals(contract.schema, check_metadata=True)
    records = {source["record_id"] for row in reading.segments["sources"].to_pylist() for source in row}
    assert len(records | set(reading.rejects["key"].to_pylist())) == reading.records
    assert set(reading.rejects["task"].to_pylist()) <= {"read_osm"}
    assert set(reading.rejects["reason"].to_pylist()) <= set(RejectReason)


class Naive:
    """Car ways and places of one file, read object by object."""

    def __init__(self, path: Path) -> None:
        self.places: dict[int, tuple[float, float]] = {}
        self.ways: dict[int, tuple[str, list[int], dict[str, str]]] = {}
        self.routes: dict[int, set[str]] = defaultdict(set)
        for each in osmium.FileProcessor(path):
            if each.is_node():
                self.places[each.id] = (each.location.lon, each.location.lat)
            elif each.is_way() and is_car_road(highway=each.tags.get("highway"), area=each.tags.get("area")):
                nodes = [node.ref for node in each.nodes]
                nodes = [node for at, node in enumerate(nodes) if at == 0 or nodes[at - 1] != node]
                record = f"w{each.id}@{each.version}" if each.version else f"w{each.id}"
                self.ways[each.id] = (record, nodes, dict(each.tags))
            elif each.is_relation() and each.tags.get("type") == "route" and each.tags.get("route") == "road":
                for member in each.members:
                    if member.type == "w":
                        self.routes[member.ref].add(f"r{each.id}@{each.version}")

    def segments(self) -> dict[str, list[tuple[float, float]]]:
        """Return the line of each segment by its id."""
        numbers = sorted(self.ways)
        lost = frozenset(node for _, way, _ in self.ways.values() for node in way if node not in self.places)
        found: dict[str, list[tuple[float, float]]] = {}
        seen: Counter[str] = Counter()
        for row, nodes in naive_split([self.ways[number][1] for number in numbers], lost):
            name = f"w{numbers[row]}:n{nodes[0]}-n{nodes[-1]}"
            seen[name] += 1
            line = [self.places[node] for node in nodes]
            if len(set(line)) > 1:
                found[name if seen[name] == 1 else f"{name}.{seen[name]}"] = line
        return found


@needs_data
@real_files
def test_real_file_against_naive_reading(path: Path) -> None:
    reading, naive = read_osm([path]), Naive(path)
    check(reading)
    assert reading.records == len(naive.ways)
    lines = naive.segments()
    found = rows(reading)
    assert [row["segment_id"] for row in found] == list(lines)
    for row in found:
        record, _, tags = naive.ways[int(row["segment_id"][1:].split(":")[0])]
        line = shapely.LineString(lines[row["segment_id"]])
        assert row["geometry"] == shapely.to_wkb(line, byte_order=1)
        assert tuple(row["bbox"].values()) == line.bounds
        assert row["length_m"] == pytest.approx(GEOD.geometry_length(line), rel=1e-8)
        assert row["sources"][0]["record_id"] == record
        assert row["tags"] == sorted(tags.items())
        assert (row["name"], row["ref"]) == (tags.get("name"), tags.get("ref"))
        assert {route["record_id"] for route in row["routes"]} == naive.routes[int(record[1:].split("@")[0])]


@needs_data
@real_files
def test_segments_share_out_their_ways(path: Path) -> None:
    """Lengths add up to the length of the way, and the parts of a way follow one another from 0 to 1."""
    naive = Naive(path)
    parts: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for row in rows(read_osm([path])):
        (source,) = row["sources"]
        parts[source["record_id"]].append((*(source["between"] or [0.0, 1.0]), row["length_m"]))
    for record, nodes, _ in naive.ways.values():
        line = [naive.places[node] for node in nodes if node in naive.places]
        if len(line) < len(nodes) or len(line) < 2:
            continue
        whole = GEOD.line_length(*zip(*line, strict=True))
        assert sum(length for *_, length in parts[record]) == pytest.approx(whole, rel=1e-8)
        assert [start for start, *_ in parts[record]] == [0.0, *(end for _, end, _ in parts[record][:-1])]
        assert parts[record][-1][1] == 1.0
        for start, end, length in parts[record]:
            assert (end - start) * whole == pytest.approx(length, abs=1e-5)


@needs_data
@pytest.mark.parametrize("suffix", [".osm", ".osm.gz", ".osm.bz2", ".xml", ".osm.pbf"])
@pytest.mark.parametrize("name", ["helsinki-2019", "herrenberg-2021", "harrisburg"])
def test_formats_give_the_same_rows(name: str, suffix: str, tmp_path: Path) -> None:
    source = next(path for path in PBF_FILES if path.name.startswith(name))
    target = converted(source, tmp_path / f"copy{suffix}")
    ours, theirs = read_osm([source]), read_osm([target])
    assert ours.segments.equals(theirs.segments)
    assert ours.rejects.equals(theirs.rejects)
    assert ours.records == theirs.records


def pbf(path: Path) -> Path:
    """Convert a made-up XML file to PBF."""
    return converted(path, path.with_suffix(".osm.pbf"))


formats = pytest.mark.parametrize("form", [lambda path: path, pbf], ids=["xml", "pbf"])
Form = Callable[[Path], Path]


@formats
def test_a_crossing(tmp_path: Path, form: Form) -> None:
    ways = [
        Way(10, [1, 5, 2], {"highway": "primary", "name": "High Street", "ref": "A 1", "oneway": "-1"}, version=4),
        Way(11, [5, 6], {"highway": "service", "service": "alley"}, version=2),
        Way(12, [3, 5, 4], {"highway": "footway"}),
    ]
    reading = read_osm([form(write(tmp_path / "crossing.osm", SQUARE, ways))])
    check(reading)
    first, second, third = rows(reading)
    assert [first["segment_id"], second["segment_id"], third["segment_id"]] == ["w10:n1-n5", "w10:n5-n2", "w11:n5-n6"]
    assert (first["class"], first["subclass"], first["one_way"]) == ("primary", None, "backward")
    assert (first["name"], first["ref"]) == ("High Street", "A 1")
    assert first["connectors"] == [{"connector_id": "n1", "at": 0.0}, {"connector_id": "n5", "at": 1.0}]
    source = {"property": "", "dataset": "OpenStreetMap", "record_id": "w10@4"}
    assert first["sources"] == [{**source, "between": [0.0, pytest.approx(0.5, abs=1e-6)]}]
    assert second["sources"][0]["between"][0] == first["sources"][0]["between"][1]
    assert third["sources"][0] == {**source, "record_id": "w11@2", "between": None}
    assert (third["class"], third["subclass"], third["one_way"]) == ("service", "alley", "no")
    assert (third["routes"], third["speed_limits"], third["name"]) == ([], [], None)
    assert third["tags"] == [("highway", "service"), ("service", "alley")]


@formats
def test_closed_way_and_repeated_pair(tmp_path: Path, form: Form) -> None:
    ways = [Way(10, [1, 2, 3, 1]), Way(20, [4, 5, 6, 4, 5])]
    found = rows(read_osm([form(write(tmp_path / "loops.osm", SQUARE, ways))]))
    assert [row["segment_id"] for row in found] == ["w10:n1-n1", "w20:n4-n5", "w20:n5-n4", "w20:n4-n5.2"]
    assert found[0]["connectors"] == [{"connector_id": "n1", "at": 0.0}, {"connector_id": "n1", "at": 1.0}]
    assert found[0]["sources"][0]["between"] is None


def test_nodes_at_one_place_stay_apart(tmp_path: Path) -> None:
    nodes = {1: (24.0, 60.0), 2: (24.1, 60.0), 3: (24.2, 60.0), 4: (24.1, 60.0), 5: (24.1, 60.1)}
    assert ids(read_osm([write(tmp_path / "bridge.osm", nodes, [Way(1, [1, 2, 3]), Way(2, [4, 5])])])) == [
        "w1:n1-n3",
        "w2:n4-n5",
    ]


@formats
def test_routes(tmp_path: Path, form: Form) -> None:
    road = {"type": "route", "route": "road"}
    relations = [
        Relation(3, [("way", 10), ("way", 11), ("way", 10)], {**road, "network": "e-road", "ref": "E 18"}, version=3),
        Relation(2, [("way", 10)], {**road, "network": "e-road", "ref": "E 12", "name": "Blue Highway"}, version=7),
        Relation(1, [("way", 10)], road),
        Relation(4, [("way", 10)], {"type": "route", "route": "bus"}),
        Relation(5, [("way", 10)], {"type": "superroute", "route": "road"}),
        Relation(6, [("node", 10), ("relation", 10), ("way", 99)], road),
    ]
    path = form(write(tmp_path / "routes.osm", SQUARE, [Way(10, [1, 2]), Way(11, [2, 3]), Way(12, [3, 4])], relations))
    first, second, third = rows(read_osm([path]))
    bare = {"network": None, "ref": None, "name": None, "record_id": "r1@1", "between": None}
    e12 = {"network": "e-road", "ref": "E 12", "name": "Blue Highway", "record_id": "r2@7", "between": None}
    e18 = {"network": "e-road", "ref": "E 18", "name": None, "record_id": "r3@3", "between": None}
    assert (first["routes"], second["routes"], third["routes"]) == ([bare, e12, e18], [e18], [])


@formats
def test_files_without_versions(tmp_path: Path, form: Form) -> None:
    path = form(write(tmp_path / "bare.osm", SQUARE, [Way(10, [1, 2], version=0)]))
    assert rows(read_osm([path]))[0]["sources"][0]["record_id"] == "w10"


def test_files_are_read_as_one(tmp_path: Path) -> None:
    """A way uses a node of the other file; of two versions the higher one counts, wherever it stands."""
    west = write(tmp_path / "west.osm", {1: SQUARE[1], 5: SQUARE[5]}, [Way(10, [1, 5, 2], version=3), Way(11, [5, 6])])
    east = write(tmp_path / "east.osm", {2: SQUARE[2], 6: SQUARE[6]}, [Way(10, [1, 2], version=2), Way(11, [5, 6])])
    for files in ([west, east], [east, west]):
        reading = read_osm(files)
        check(reading)
        assert ids(reading) == ["w10:n1-n5", "w10:n5-n2", "w11:n5-n6"]
        assert reading.rejects.num_rows == 0
        assert {row["sources"][0]["record_id"] for row in rows(reading)} == {"w10@3", "w11@1"}


def test_routes_of_several_files(tmp_path: Path) -> None:
    """Members of an older version do not count; members that two extracts of one version hold count together."""
    ways, road = [Way(10, [1, 2]), Way(11, [2, 3])], {"type": "route", "route": "road"}
    old = [Relation(1, [("way", 10), ("way", 11)], road, version=1), Relation(2, [("way", 10)], road, version=5)]
    new = [Relation(1, [("way", 10)], road, version=2), Relation(2, [("way", 11)], road, version=5)]
    files = [write(tmp_path / "old.osm", SQUARE, ways, old), write(tmp_path / "new.osm", SQUARE, ways, new)]
    for order in (files, files[::-1]):
        found = [[route["record_id"] for route in row["routes"]] for row in rows(read_osm(order))]
        assert found == [["r1@2", "r2@5"], ["r2@5"]]


def test_a_node_is_where_the_last_file_says(tmp_path: Path) -> None:
    ways = [Way(10, [1, 2])]
    files = [write(tmp_path / f"{lat}.osm", SQUARE | {2: (24.0, lat)}, ways) for lat in (60.5, 60.7)]
    assert rows(read_osm(files))[0]["bbox"]["ymax"] == 60.7


def test_histories_are_refused(tmp_path: Path) -> None:
    history = converted(write(tmp_path / "map.osm", SQUARE, [Way(10, [1, 2])]), tmp_path / "map.osh.pbf")
    with pytest.raises(ReadError, match="requires the PBF feature 'HistoricalInformation'"):
        read_osm([history])


@needs_data
def test_a_file_read_twice_is_the_file_read_once() -> None:
    path = PBF_FILES[0]
    assert read_osm([path, path]).segments.equals(read_osm([path]).segments)


def test_segments_outlive_edits_elsewhere(tmp_path: Path) -> None:
    ways = [Way(10, [1, 5, 2]), Way(11, [5, 6])]
    before = read_osm([write(tmp_path / "a.osm", SQUARE, ways)]).segments
    again = read_osm([write(tmp_path / "b.osm", SQUARE, reversed(ways))]).segments
    more = read_osm([write(tmp_path / "c.osm", SQUARE, [Way(9, [4, 3], {"highway": "track"}), *ways])]).segments
    assert before.equals(again)
    assert before.equals(more.slice(1))


@needs_data
def test_segments_of_a_real_file_outlive_edits_elsewhere(tmp_path: Path) -> None:
    """A way far off, with a lower id and long, is added before all others."""
    path = PBF_FILES[0]
    far = write(tmp_path / "far.osm", {-1: (10.0, 10.0), -2: (20.0, 20.0)}, [Way(1, [-1, -2])])
    assert read_osm([path, far]).segments.slice(1).equals(read_osm([path]).segments)


@pytest.mark.parametrize(
    ("nodes", "way", "expected", "kept"),
    [
        (SQUARE, [1], "too_few_nodes", []),
        (SQUARE, [], "too_few_nodes", []),
        (SQUARE, [1, 1, 1], "too_few_nodes", []),
        (SQUARE, [1, 2, 99], "missing_nodes", ["w10:n1-n2"]),
        (SQUARE, [99, 1, 2], "missing_nodes", ["w10:n1-n2"]),
        (SQUARE, [1, 2, 99, 3, 4, 98, 5], "missing_nodes", ["w10:n1-n2", "w10:n3-n4"]),
        (SQUARE, [98, 99], "missing_nodes", []),
        (SQUARE | {7: (200.0, 60.0)}, [1, 2, 7], "bad_coordinate", ["w10:n1-n2"]),
        (SQUARE | {7: (24.0, -90.5)}, [7, 1, 2], "bad_coordinate", ["w10:n1-n2"]),
        (SQUARE | {7: ("NaN", 60.0)}, [1, 2, 7], "bad_coordinate", ["w10:n1-n2"]),
        (SQUARE | {7: ("inf", 60.0)}, [1, 2, 7], "bad_coordinate", ["w10:n1-n2"]),
        (SQUARE | {7: ("east", 60.0)}, [1, 2, 7], "bad_coordinate", ["w10:n1-n2"]),
        (SQUARE | {7: (1e300, 60.0)}, [1, 2, 7], "bad_coordinate", ["w10:n1-n2"]),
        (SQUARE | {7: SQUARE[1]}, [1, 7], "zero_length", []),
        ({1: (179.9, 60.0), 2: (-179.9, 60.0)}, [1, 2], "crosses_antimeridian", []),
    ],
)
def test_rejects(nodes: dict[int, Any], way: list[int], expected: str, kept: list[str], tmp_path: Path) -> None:
    others = [Way(20, [3, 4])]
    reading = read_osm(
        [write(tmp_path / "odd.osm", {3: (1, 1), 4: (2, 2)} | nodes, [Way(10, way, version=2), *others])]
    )
    check(reading)
    assert reasons(reading) == [("w10@2", expected)]
    assert [name for name in ids(reading) if name.startswith("w10")] == kept
    assert reading.records == 2


def test_reject_in_words(tmp_path: Path) -> None:
    reading = read_osm([write(tmp_path / "clip.osm", SQUARE, [Way(10, [98, 1, 2, 99, 3])])])
    assert reading.rejects["message"].to_pylist() == [
        "2 of 5 nodes are not in the files, first n98; kept what lies between the others: 1 segments"
    ]


def test_missing_and_bad_nodes_of_one_way(tmp_path: Path) -> None:
    nodes = SQUARE | {7: (181.0, 0.0)}
    reading = read_osm([write(tmp_path / "both.osm", nodes, [Way(10, [1, 2, 7, 3, 4, 99])])])
    check(reading)
    assert reasons(reading) == [("w10@1", "missing_nodes"), ("w10@1", "bad_coordinate")]
    assert ids(reading) == ["w10:n1-n2", "w10:n3-n4"]
    ends = [row["sources"][0]["between"] for row in rows(reading)]
    assert (ends[0][0], ends[1][1]) == (0.0, 1.0)


def test_parts_of_a_way_are_refused_alone(tmp_path: Path) -> None:
    nodes = {1: (179.0, 0.0), 2: (179.9, 0.0), 3: (-179.9, 0.0), 4: (-179.0, 0.0), 5: (0, 0), 6: (0, 1)}
    ways = [Way(10, [1, 2, 3, 4]), Way(20, [2, 5]), Way(30, [3, 6])]
    reading = read_osm([write(tmp_path / "date.osm", nodes, ways)])
    check(reading)
    assert reasons(reading) == [("w10@1", "crosses_antimeridian")]
    assert ids(reading) == ["w10:n1-n2", "w10:n3-n4", "w20:n2-n5", "w30:n3-n6"]


@formats
def test_repeated_nodes_are_dropped(tmp_path: Path, form: Form) -> None:
    (row,) = rows(read_osm([form(write(tmp_path / "twice.osm", SQUARE, [Way(10, [1, 1, 2, 2, 2])]))]))
    assert row["segment_id"] == "w10:n1-n2"
    assert row["geometry"] == shapely.to_wkb(shapely.LineString([SQUARE[1], SQUARE[2]]), byte_order=1)


@formats
def test_odd_tags(tmp_path: Path, form: Form) -> None:
    tags = {
        "highway": "track",
        "name": "Ünter\u200b\t\x85 den\n𝕷inden",
        "note": "x" * 200 + "é" * 50,
        "a": "",
        "ref": "'\"<&>",
    }
    (row,) = rows(read_osm([form(write(tmp_path / "tags.osm", SQUARE, [Way(10, [1, 2], tags)]))]))
    assert row["tags"] == sorted(tags.items())
    assert row["name"] == tags["name"]


def test_long_tags_and_repeated_keys(tmp_path: Path) -> None:
    tags = [("note", "y" * 10_000), ("highway", "track"), ("highway", "footway"), ("name", "x" * 10_000), ("name", "z")]
    (row,) = rows(read_osm([write(tmp_path / "long.osm", SQUARE, [Way(10, [1, 2], tags)])]))
    assert row["tags"] == [("highway", "track"), ("name", "x" * 10_000), ("note", "y" * 10_000)]


networks = st.lists(st.lists(st.integers(1, 9), max_size=7), min_size=1, max_size=6)


@given(networks, st.sets(st.integers(1, 9), max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_every_way_is_accounted_for(tmp_path: Path, network: list[list[int]], absent: set[int]) -> None:
    """Nodes 1 to 9 in three places, some across the antimeridian, some absent."""
    nodes = {node: ((24.0, 179.5, -179.5)[node % 3], 60.0) for node in range(1, 10) if node not in absent}
    ways = [Way(number, way) for number, way in enumerate(network, start=1)]
    reading = read_osm([write(tmp_path / "any.osm", nodes, ways)])
    check(reading)
    assert reading.records == len(network)


def test_no_car_roads(tmp_path: Path) -> None:
    path = write(tmp_path / "paths.osm", SQUARE, [Way(10, [1, 2], {"highway": "path"})])
    with pytest.raises(ReadError, match=r"^no car roads in .*paths.osm: expected ways with a highway tag"):
        read_osm([path])
    roads = write(tmp_path / "roads.osm", SQUARE, [Way(11, [1, 2])])
    assert read_osm([path, roads]).records == 1


def truncated_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(osm_xml(SQUARE, [Way(10, [1, 2])]).encode())[:-20])


def truncated_bzip2(path: Path) -> None:
    path.write_bytes(bz2.compress(osm_xml(SQUARE, [Way(10, [1, 2])]).encode())[:-9])


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("map.osm", osm_xml(SQUARE, [Way(10, [1, 2])]))


XML = osm_xml(SQUARE, [Way(10, [1, 2])])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.touch(), "is empty"),
        (archive, r"starts with b'PK"),
        (lambda path: path.write_bytes(b"\x00\x01garbage" * 99), r"starts with b'\\x00\\x01garbage"),
        (lambda path: path.write_bytes(b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18\x7f"), "cut off at byte"),
        (lambda path: path.write_bytes(b"\xff\xff\xff\xff\x0a\x09OSMHeader\x18\x7f"), "block header of 4294967295"),
        (lambda path: path.write_bytes(b"\x00\x00\x00\x0b\x0a\x7fOSMHeader"), "no block header"),
        (lambda path: path.write_text(XML[:-30]), r"line 9, column \d+: .*expected OSM XML"),
        (lambda path: path.write_text("<html><body/></html>"), "line 1: first element is <html> and not <osm>"),
        (lambda path: path.write_text("<"), "line 1"),
        (lambda path: path.write_text(XML.replace('<node id="2"', '<node id="two"')), "line 4: .*two"),
        (lambda path: path.write_text(XML.replace('<node id="2"', '<node id="99999999999999999999"')), "64 bits"),
        (lambda path: path.write_text(XML.replace('nd ref="2"', "nd")), "line 9: no attribute 'ref'"),
        (truncated_gzip, "cannot be unpacked"),
        (truncated_bzip2, "cannot be unpacked"),
        (lambda path: path.write_bytes(b"\x1f\x8bnonsense"), "cannot be unpacked"),
        (lambda path: path.write_bytes(b"BZh9nonsense"), "cannot be unpacked"),
    ],
)
def test_unreadable_files(make: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    path = tmp_path / "map.osm.pbf"
    make(path)
    with pytest.raises(ReadError, match=words) as error:
        read_osm([path])
    assert str(path) in str(error.value)
    assert "expected" in str(error.value) or "damaged" in str(error.value)
    assert "\n" not in str(error.value)


def test_cut_pbf_is_told(tmp_path: Path) -> None:
    whole = pbf(write(tmp_path / "whole.osm", SQUARE, [Way(10, [1, 2])])).read_bytes()
    path = tmp_path / "cut.osm.pbf"
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ReadError):  # a cut between two blocks leaves a file without roads
            read_osm([path])


def read_error(path: Path) -> str:
    """Return the message of the error that reading gives, or nothing after a sound reading."""
    try:
        check(read_osm([path]))
    except ReadError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz", ".osm.bz2"])
def test_damage_is_told(suffix: str, tmp_path: Path) -> None:
    """Whatever byte is wrong, there is a reading or a ReadError, in one line."""
    source = write(
        tmp_path / "source.osm", SQUARE, [Way(10, [1, 5, 2]), Way(11, [5, 6])], [Relation(1, [("way", 10)], {})]
    )
    whole = converted(source, tmp_path / f"whole{suffix}").read_bytes()
    path = tmp_path / f"broken{suffix}"
    rng = random.Random(7)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        assert "\n" not in read_error(path)


def test_column_types_are_those_of_the_contract(tmp_path: Path) -> None:
    table = read_osm([write(tmp_path / "one.osm", SQUARE, [Way(10, [1, 2])])]).segments
    assert isinstance(table, pa.Table)
    assert table.schema == ROAD_SEGMENT.schema


def test_demo_town_is_read() -> None:
    reading = read_osm([PROJECT / "infra/demo/helsinki.osm.pbf"])
    check(reading)
    assert 500 <= reading.segments.num_rows <= 1500
    assert (PROJECT / "infra/demo/helsinki.osm.pbf").stat().st_size < 400_000
