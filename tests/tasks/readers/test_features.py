"""What is read beside the roads: kinds, shapes, areas, and what is refused."""

import bz2
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import osmium
import pytest
import shapely
from pyproj import Geod

from schemas.map_feature import MAP_FEATURE
from tasks.readers.features import FeatureReading, read_features
from tasks.readers.osm_features import area_kinds, line_kinds, node_kinds
from tasks.readers.reading import ReadError
from tests.tasks.readers.osm_files import REAL_FILES, Relation, Way, converted, osm_xml, write

SQUARE = {1: (9.0, 48.0), 2: (9.001, 48.0), 3: (9.001, 48.001), 4: (9.0, 48.001)}
INNER = {5: (9.0002, 48.0002), 6: (9.0004, 48.0002), 7: (9.0004, 48.0004), 8: (9.0002, 48.0004)}
RING = [1, 2, 3, 4, 1]
ROAD = Way(90, [1, 2])


def rows(reading: FeatureReading) -> dict[str, dict[str, Any]]:
    MAP_FEATURE.validate(reading.features)
    return {row["feature_id"]: row for row in reading.features.to_pylist()}


def shape(row: dict[str, Any]) -> shapely.Geometry:
    return shapely.from_wkb(row["geometry"])


# What a node is, by the pages of the OpenStreetMap wiki named.
NODES = [
    ({"highway": "street_lamp"}, [("street_lamp", "street_lamp")]),  # Tag:highway=street_lamp
    ({"traffic_sign": "DE:310"}, [("traffic_sign", "DE:310")]),  # Key:traffic_sign
    ({"highway": "traffic_sign", "traffic_sign": "city_limit"}, [("traffic_sign", "city_limit")]),
    ({"traffic_sign": "maxspeed", "maxspeed": "50"}, [("traffic_sign", "maxspeed")]),  # Key:traffic_sign, as a node
    ({"highway": "traffic_sign", "maxspeed:forward": "50"}, [("traffic_sign", "maxspeed")]),
    ({"maxspeed": "50"}, [("traffic_sign", "maxspeed")]),
    ({"traffic_sign:forward": "DE:274-50"}, [("traffic_sign", "DE:274-50")]),  # Key:traffic_sign, on a node of a way
    ({"highway": "speed_camera", "maxspeed": "50"}, [("traffic_sign", "maxspeed")]),  # Tag:highway=speed_camera
    ({"highway": "traffic_sign"}, [("traffic_sign", "yes")]),
    ({"railway": "signal", "maxspeed": "50"}, []),  # Tag:railway=signal: trains alone
    ({"highway": "bus_stop", "maxspeed": "50"}, []),
    ({"highway": "crossing"}, [("crossing", "yes")]),  # Tag:highway=crossing
    ({"highway": "crossing", "crossing": "uncontrolled"}, [("crossing", "uncontrolled")]),  # Key:crossing
    ({"highway": "crossing", "crossing": "traffic_signals"}, [("crossing", "traffic_signals")]),
    ({"crossing": "no"}, []),  # Key:crossing: no crossing here
    ({"railway": "crossing", "crossing": "uncontrolled"}, []),  # Tag:railway=crossing: over the rails
    ({"traffic_calming": "hump"}, [("traffic_calming", "hump")]),  # Key:traffic_calming
    ({"traffic_calming": "no"}, []),
    ({"place": "village", "name": "A"}, [("place", "village")]),  # Key:place
    ({"building": "yes"}, [("building", "yes")]),  # Key:building: nodes are allowed
    ({"landuse": "retail"}, []),
    ({"highway": "traffic_signals"}, []),
    ({"place": "hamlet", "traffic_calming": "table"}, [("place", "hamlet"), ("traffic_calming", "table")]),
]


@pytest.mark.parametrize(("tags", "expected"), NODES)
def test_a_node_is_what_its_tags_say(tags: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert [(str(kind), value) for kind, value in node_kinds(tags)] == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"building": "house"}, [("building", "house")]),
        ({"building": "no", "landuse": "residential"}, [("land_use", "residential")]),  # Key:landuse
        ({"place": "suburb", "landuse": "residential"}, [("land_use", "residential"), ("place", "suburb")]),
        # Key:ISO3166-1 and Key:ISO3166-2
        ({"boundary": "administrative", "ISO3166-1": "FI", "ISO3166-1:alpha2": "FI"}, [("boundary", "FI")]),
        ({"boundary": "administrative", "ISO3166-1:alpha3": "FIN"}, []),
        ({"boundary": "administrative", "ISO3166-2": "US-OR"}, [("boundary", "US-OR")]),
        ({"boundary": "administrative", "admin_level": "8"}, []),
        ({"boundary": "timezone", "ISO3166-2": "US-OR"}, []),
    ],
)
def test_an_area_is_what_its_tags_say(tags: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert [(str(kind), value) for kind, value in area_kinds(tags)] == expected


def test_a_building_is_the_middle_of_its_ground(tmp_path: Path) -> None:
    file = write(tmp_path / "a.osm", SQUARE, [ROAD, Way(7, RING, {"building": "house", "name": "x"})])
    (row,) = rows(read_features([file])).values()
    assert (row["feature_id"], row["kind"], row["value"], row["tags"]) == ("w7/building", "building", "house", [])
    assert shape(row).equals_exact(shapely.Point(9.0005, 48.0005), 1e-9)
    square = shapely.Polygon(list(SQUARE.values()))
    assert row["area_m2"] == pytest.approx(Geod(ellps="WGS84").geometry_area_perimeter(square)[0], rel=1e-6)
    assert row["bbox"] == {"xmin": shape(row).x, "xmax": shape(row).x, "ymin": shape(row).y, "ymax": shape(row).y}


def test_rings_of_a_relation_become_an_area_with_holes(tmp_path: Path) -> None:
    ways = [ROAD, Way(1, [1, 2, 3], {}), Way(2, [3, 4, 1], {}), Way(3, [5, 6, 7, 8, 5], {})]
    tags = {"type": "multipolygon", "landuse": "residential", "name": "x"}
    file = write(tmp_path / "a.osm", SQUARE | INNER, ways, [Relation(4, [("way", 1), ("way", 2), ("way", 3)], tags)])
    (row,) = rows(read_features([file])).values()
    expected = shapely.Polygon(list(SQUARE.values()), [list(INNER.values())])
    assert row["feature_id"] == "r4/land_use"
    assert row["tags"] == []
    assert shape(row).equals(expected)


def test_a_boundary_keeps_its_code_and_tags(tmp_path: Path) -> None:
    tags = {"type": "boundary", "boundary": "administrative", "ISO3166-2": "US-OR", "name": "Oregon"}
    ways = [ROAD, Way(1, [1, 2, 3], {}), Way(2, [3, 4, 1], {})]
    file = write(tmp_path / "a.osm", SQUARE, ways, [Relation(4, [("way", 1), ("way", 2)], tags)])
    (row,) = rows(read_features([file])).values()
    assert (row["kind"], row["value"], dict(row["tags"])["name"]) == ("boundary", "US-OR", "Oregon")
    assert shape(row).geom_type == "Polygon"


def refused(reading: FeatureReading) -> list[tuple[str, str]]:
    return [(row["key"], row["reason"]) for row in reading.rejects.to_pylist()]


@pytest.mark.parametrize(
    ("nodes", "ways", "relations", "key", "reason"),
    [
        (SQUARE, [Way(7, [1, 2, 3], {"building": "yes"}, 3)], [], "w7@3", "bad_geometry"),
        (SQUARE, [Way(7, [1, 2, 99, 3, 1], {"building": "yes"})], [], "w7@1", "bad_geometry"),
        (SQUARE, [Way(7, [1, 2, 99], {"traffic_calming": "island"})], [], "w7@1", "bad_geometry"),
        (
            *(SQUARE, [Way(1, [1, 2, 3], {})]),
            [Relation(4, [("way", 1), ("way", 2)], {"type": "multipolygon", "building": "yes"}, 0)],
            *("r4", "bad_geometry"),
        ),
    ],
)
def test_broken_shapes_are_refused_by_name(
    tmp_path: Path, nodes: Any, ways: list[Way], relations: list[Relation], key: str, reason: str
) -> None:
    sound = Way(6, RING, {"landuse": "retail"})
    reading = read_features(
        [
            write(
                tmp_path / "a.osm",
                nodes,
                [*ways[:1], ROAD, sound] if ways[0].id < 6 else [sound, *ways, ROAD],
                relations,
            )
        ]
    )
    assert refused(reading) == [(key, reason)]
    assert "expected" in reading.rejects["message"][0].as_py() or "in the file" in reading.rejects["message"][0].as_py()
    assert list(rows(reading)) == ["w6/land_use"]


@pytest.mark.parametrize("lon", ["nan", "x", "", "1e12", "200"])
def test_a_bad_place_refuses_its_record_alone(tmp_path: Path, lon: str) -> None:
    nodes = SQUARE | {50: (lon, 48.0)}
    text = osm_xml(nodes, [ROAD, Way(91, RING, {"landuse": "retail"}), Way(92, [1, 2, 50, 1], {"building": "yes"})])
    sign = '<node id="51" version="2" lon="LON" lat="1"><tag k="place" v="town"/></node></osm>'.replace("LON", lon)
    (tmp_path / "a.osm").write_text(text.replace("</osm>", sign), encoding="utf-8")
    reading = read_features([tmp_path / "a.osm"])
    assert list(rows(reading)) == ["w91/land_use"]
    assert sorted(refused(reading)) == [("n51@2", "bad_coordinate"), ("w92@1", "bad_geometry")]


def test_records_may_stand_in_any_order(tmp_path: Path) -> None:
    ways = [ROAD, Way(8, RING, {"landuse": "retail"}), Way(3, RING, {"building": "yes"})]
    ordered = osm_xml(SQUARE, ways)
    head, *nodes = ordered.split("<node ")
    last, _, tail = nodes[-1].partition("/>")
    nodes[-1] = last + "/>"
    body = tail.replace("</osm>", "").strip()
    mixed = head + body + "".join(f"<node {node}" for node in reversed(nodes)) + "</osm>"
    (tmp_path / "a.osm").write_text(mixed, encoding="utf-8")
    assert set(rows(read_features([tmp_path / "a.osm"]))) == {"w8/land_use", "w3/building"}


def test_a_record_of_several_files_counts_once_in_its_highest_version(tmp_path: Path) -> None:
    old = write(tmp_path / "old.osm", SQUARE, [ROAD, Way(91, RING, {"landuse": "retail"}, 2)])
    new = write(tmp_path / "new.osm", SQUARE, [ROAD, Way(91, RING, {"landuse": "forest"}, 3)])
    clipped = write(
        tmp_path / "cut.osm", {1: (9.0, 48.0), 2: (9.001, 48.0)}, [ROAD, Way(91, RING, {"landuse": "x"}, 3)]
    )
    for files in ([old, new, clipped], [clipped, new, old]):
        reading = read_features(files)
        assert [(row["feature_id"], row["value"]) for row in reading.features.to_pylist()] == [
            ("w91/land_use", "forest")
        ]
        assert reading.rejects.num_rows == 0


def test_all_formats_give_the_same(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.osm", SQUARE, [ROAD, Way(91, RING, {"landuse": "retail"})])
    (tmp_path / "misnamed.xml").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "packed").write_bytes(bz2.compress(plain.read_bytes()))
    pbf = converted(plain, tmp_path / "a.osm.pbf")
    (tmp_path / "map.bin").write_bytes(pbf.read_bytes())
    expected = read_features([plain]).features
    assert expected.num_rows == 1
    for name in ("misnamed.xml", "packed", "map.bin"):
        assert read_features([tmp_path / name]).features.equals(expected), name


def test_a_box_keeps_what_meets_it(tmp_path: Path) -> None:
    lamps = '<node id="{}" version="1" lon="{}" lat="48"><tag k="highway" v="street_lamp"/></node>'
    text = osm_xml(SQUARE, [ROAD]).replace("</osm>", lamps.format(61, 9.5) + lamps.format(62, 9.6) + "</osm>")
    (tmp_path / "a.osm").write_text(text, encoding="utf-8")
    assert list(rows(read_features([tmp_path / "a.osm"], bbox=(9.4, 47.0, 9.5, 49.0)))) == ["n61/street_lamp"]


@pytest.mark.parametrize("share", [0.3, 0.97])
def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, share: float) -> None:
    many = {number: (9 + number / 1e5, 48.0) for number in range(1, 20_000)}
    pbf = converted(write(tmp_path / "a.osm", many, [ROAD]), tmp_path / "a.osm.pbf")
    (tmp_path / "cut.osm.pbf").write_bytes(pbf.read_bytes()[: int(share * pbf.stat().st_size)])
    with pytest.raises(ReadError, match=r"cut\.osm\.pbf: .*expected") as caught:
        read_features([tmp_path / "cut.osm.pbf"])
    assert "\n" not in str(caught.value)


def test_broken_xml_is_told_in_one_line(tmp_path: Path) -> None:
    text = osm_xml(SQUARE, [ROAD])
    (tmp_path / "a.osm").write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(ReadError, match=r"a\.osm: .*line \d+.*expected"):
        read_features([tmp_path / "a.osm"])


def _counted(file: Path) -> Counter[str]:
    """Count kinds record by record, as naively as can be."""
    found: Counter[str] = Counter()
    for record in osmium.FileProcessor(str(file)).with_filter(osmium.filter.EmptyTagFilter()):
        tags = {tag.k: tag.v for tag in record.tags}
        if record.is_node():
            kinds = node_kinds(tags)
        elif record.is_way():
            kinds = area_kinds(tags) + line_kinds(tags)
        else:
            kinds = area_kinds(tags) if tags.get("type") in ("multipolygon", "boundary") else []
        found.update(str(kind) for kind, _ in kinds)
    return found


@pytest.mark.parametrize("file", REAL_FILES, ids=lambda file: file.name)
def test_every_record_of_a_real_file_is_a_row_or_a_reject(file: Path, shared_data: Path) -> None:
    reading = read_features([file])
    MAP_FEATURE.validate(reading.features)
    found = Counter(reading.features["kind"].to_pylist())
    found.update(message.split(":")[0].removeprefix("no ") for message in reading.rejects["message"].to_pylist())
    assert found == _counted(file)


def test_liechtenstein_is_a_country(shared_data: Path) -> None:
    found = rows(read_features([shared_data / "osm/liechtenstein.osm.pbf"]))
    (country,) = [row for row in found.values() if row["kind"] == "boundary"]
    assert country["value"] == "LI"
    assert country["area_m2"] == pytest.approx(160.5e6, rel=0.01)  # 160.5 km², Amt für Statistik Liechtenstein
    assert shape(country).contains(shapely.Point(9.5209, 47.1410))  # Vaduz
