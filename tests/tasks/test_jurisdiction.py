"""Lines through the places of a small map, and through real borders against a plain search."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.map_feature import MAP_FEATURE
from tasks.borders.place import UnknownJurisdiction, place_of
from tasks.jurisdiction import JurisdictionParams, Places, jurisdiction
from tasks.readers.roads import read_roads

GEOD = pyproj.Geod(ellps="WGS84")
CLOSE = 1e-7
SAME = 1e-5
"""What it makes that edges, here of up to 50 km, are straight in degrees and not on the ellipsoid."""

Line = Sequence[tuple[float, float]]
Part = tuple[str, float, float]


def features(*drawn: tuple[str, shapely.Geometry], kind: str = "boundary") -> pa.Table:
    """MAP_FEATURE rows of boundaries with a code each."""
    rows = []
    for number, (code, shape) in enumerate(drawn):
        box = dict(zip(("xmin", "ymin", "xmax", "ymax"), shape.bounds, strict=True))
        row = {"feature_id": f"r{number}", "geometry": shape.wkb, "bbox": box, "kind": kind, "value": code}
        rows.append(row | {"area_m2": 0.0, "tags": []})
    return pa.Table.from_pylist(rows, schema=MAP_FEATURE.schema)


def places(lines: Sequence[Any], map_feature: pa.Table | None = None, override: str | None = None) -> Places:
    shapes = np.array([shapely.LineString(line) if isinstance(line, list) else line for line in lines], dtype=object)
    given_features = features() if map_feature is None else map_feature
    return jurisdiction(geometry=shapes, map_feature=given_features, params=JurisdictionParams(override))


def parts(line: Any, map_feature: pa.Table | None = None) -> list[Part]:
    (found,) = places([line], map_feature).jurisdictions
    return [(part["code"], *(part["between"] or (0.0, 1.0))) for part in found]


def joined(found: Sequence[Part]) -> list[Part]:
    """Neighbours of one code as one, without parts too short to tell."""
    whole: list[Part] = []
    for code, start, end in found:
        if end - start < CLOSE:
            continue
        if whole and whole[-1][0] == code and start - whole[-1][2] < CLOSE:
            whole[-1] = (code, whole[-1][1], end)
        else:
            whole.append((code, start, end))
    return whole


def assert_alike(found: Sequence[Part], expected: Sequence[Part]) -> None:
    assert [part[0] for part in joined(found)] == [part[0] for part in joined(expected)]
    for ours, theirs in zip(joined(found), joined(expected), strict=True):
        assert ours[1:] == pytest.approx(theirs[1:], abs=SAME)


ALPS = (9.30, 46.90, 9.80, 47.35)  # Switzerland, Liechtenstein and Austria
FOUR_CORNERS = (-109.20, 36.85, -108.90, 37.15)  # Utah, Colorado, Arizona and New Mexico
BERING = (179.80, 62.0, 180.0, 67.0)


@st.composite
def lines(draw: st.DrawFn, *boxes: tuple[float, float, float, float]) -> Line:
    west, south, east, north = draw(st.sampled_from(boxes))
    count = draw(st.integers(2, 7))
    steps = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))
    drawn = draw(st.lists(steps, min_size=count, max_size=count, unique=True))
    return [(west + (east - west) * x / 1e6, south + (north - south) * y / 1e6) for x, y in drawn]


anywhere = lines(ALPS, FOUR_CORNERS, BERING)
near_corners = lines(ALPS, FOUR_CORNERS)


def test_a_line_in_one_country_is_whole() -> None:
    found = places([[(8.86, 48.59), (8.87, 48.60)]])
    assert found == Places([[{"code": "DE", "between": None}]], ["km/h"], ["right"])


def test_a_line_over_a_state_border_is_split_on_it() -> None:
    # 40 U.S.C. and the survey of 1879: Colorado meets Wyoming on the 41st parallel, markers within 300 m of it
    (north, low, middle), (south, _, high) = parts([(-105.0, 41.1), (-105.0, 40.9)])
    assert (north, south, low, high) == ("US-WY", "US-CO", 0.0, 1.0)
    assert middle == pytest.approx(0.5, abs=300 / GEOD.line_length([-105.0, -105.0], [41.1, 40.9]))


def test_unit_and_side_are_those_of_the_longest_part() -> None:
    northwards = [(-6.33, 54.0), (-6.36, 54.4)]  # Dundalk to Newry: Ireland km/h, Northern Ireland mph
    assert [part[0] for part in parts(northwards)] == ["IE", "GB-NIR"]
    assert places([northwards, [northwards[0], (-6.345, 54.15)]]).speed_unit == ["mph", "km/h"]
    assert places([[(113.90, 22.60), (114.14, 22.49)]]).driving_side == ["right"]  # Shenzhen, with an end in Hong Kong


def test_at_sea_and_beyond_85_degrees_there_is_none() -> None:
    found = places([[(-40.0, 30.0), (-40.1, 30.1)], [(10.0, 85.5), (11.0, 86.0)], [(0.0, 89.9), (90.0, 90.0)]])
    assert found == Places([[], [], []], [None] * 3, [None] * 3)


def test_from_land_to_sea_the_land_alone_counts() -> None:
    ((code, start, end),) = parts([(-9.14, 38.7), (-18.0, 38.7)])
    assert (code, start) == ("PT", 0.0)
    assert 0.0 < end < 1.0


def test_missing_and_empty_lines_are_nowhere() -> None:
    there = shapely.LineString([(24.93, 60.16), (24.94, 60.17)])
    assert places([None, there, shapely.LineString()]).jurisdictions == [[], [{"code": "FI", "between": None}], []]
    assert places([None]).jurisdictions == [[]]
    assert places([]).jurisdictions == []


def test_a_line_of_one_point_on_a_border_has_one_code() -> None:
    corner = shapely.intersection_all([_area(code).boundary for code in ("US-CO", "US-UT", "US-AZ", "US-NM")])
    at = shapely.get_coordinates(corner)[0]
    assert parts([tuple(at), tuple(at)]) == [("US-AZ", 0.0, 1.0)]


def _area(code: str) -> shapely.Geometry:
    from tasks.borders.border_map import border_map

    borders = border_map()
    return shapely.union_all(borders.polygons[borders.area_codes == borders.rows[code]])


def test_a_line_along_a_border_has_the_same_codes_whichever_way_it_runs() -> None:
    border = shapely.line_merge(shapely.intersection(_area("US-CO"), _area("US-WY")))
    for start, end in pairwise(shapely.get_coordinates(border)[:40]):
        line = [tuple((start + share * (end - start)).tolist()) for share in (0.13, 0.41, 0.77)]
        found = parts(line)
        assert {code for code, _, _ in found} <= {"US-CO", "US-WY"}
        assert [code for code, _, _ in parts(line[::-1])] == [code for code, _, _ in reversed(found)]


def test_a_road_that_goes_back_the_same_way_is_cut_twice() -> None:
    there = [(9.4785, 47.1680), (9.5087, 47.1650)]
    (first, second), back = parts(there), parts([*there, there[0]])
    assert [part[0] for part in back] == ["CH", "LI", "CH"]
    assert [back[0][2], back[1][2]] == pytest.approx([first[2] / 2, 1 - first[2] / 2], abs=1e-8)
    assert second[0] == "LI"


@pytest.mark.parametrize("code", ["US-OR", "GB", "FI"])
def test_a_code_given_holds_everywhere(code: str) -> None:
    found = places([[(24.9, 60.1), (24.9, 60.2)], None], features(("SE", shapely.box(0, 0, 90, 90))), override=code)
    assert found.jurisdictions == [[{"code": code, "between": None}]] * 2
    assert found.speed_unit == ["km/h" if code == "FI" else "mph"] * 2


def test_a_code_given_must_be_one() -> None:
    with pytest.raises(UnknownJurisdiction, match="'US-OE': did you mean"):
        places([[(24.9, 60.1), (24.9, 60.2)]], override="US-OE")


# ---- boundaries that the map draws: (code of the boundary, longitude, latitude, code that holds inside)
@pytest.mark.parametrize(
    ("drawn", "lon", "lat", "code"),
    [
        ("AT", 8.87, 48.59, "AT"),  # Herrenberg, were it Austrian
        ("DE", 8.87, 48.59, "DE"),
        ("DE-BW", 8.87, 48.59, "DE"),  # a part that is not packaged: the state holds
        ("FR-67", 8.87, 48.59, "FR"),
        ("US", -105.27, 40.01, "US-CO"),  # the packaged borders say more
        ("US-WY", -105.27, 40.01, "US-WY"),
        ("US-CO", -105.27, 40.01, "US-CO"),
        ("CN-HK", 114.17, 22.32, "HK"),
        ("CN", 114.17, 22.32, "HK"),
        ("FI", 19.9348, 60.0973, "AX"),
        ("GB", -3.19, 55.95, "GB-SCT"),
        ("US", 8.87, 48.59, "US"),
        ("QQ", 8.87, 48.59, "DE"),  # no such code
        ("", 8.87, 48.59, "DE"),
        ("PT", -40.0, 30.0, "PT"),  # an island that the packaged borders lack
    ],
)
def test_a_drawn_boundary_counts_first(drawn: str, lon: float, lat: float, code: str) -> None:
    area = shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
    inside, outside = [(lon, lat), (lon + 0.001, lat)], [(lon + 0.02, lat), (lon + 0.021, lat)]
    there, beside = places([inside, outside], features((drawn, area))).jurisdictions
    assert there == [{"code": code, "between": None}]
    assert beside == places([outside]).jurisdictions[0]


def test_a_drawn_boundary_splits_where_it_is_drawn() -> None:
    area = shapely.box(8.80, 48.50, 8.90, 48.70)
    found = parts([(8.88, 48.6), (8.89, 48.6), (8.93, 48.6), (8.85, 48.6)], features(("AT", area)))
    assert [part[0] for part in found] == ["AT", "DE", "AT"]
    assert [end for _, _, end in found] == pytest.approx([2 / 13, 8 / 13, 1], abs=1e-6)


@pytest.mark.parametrize("kind", ["boundary", "land_use"])
@pytest.mark.parametrize("shape", [shapely.Point(8.87, 48.59), shapely.LineString([(8.8, 48.5), (8.9, 48.7)])])
def test_only_areas_that_are_boundaries_decide(kind: str, shape: shapely.Geometry) -> None:
    area = shapely.box(8.8, 48.5, 8.9, 48.7)
    rows = features(("AT", shape if kind == "boundary" else area), kind=kind)
    assert parts([(8.84, 48.59), (8.88, 48.59)], rows) == [("DE", 0.0, 1.0)]


def test_of_nested_boundaries_the_finest_counts_in_any_order() -> None:
    drawn = [
        ("US", shapely.box(8.0, 48.0, 9.0, 49.0)),
        ("US-WY", shapely.box(8.8, 48.5, 8.9, 48.7)),
        ("AT", shapely.box(8.8, 48.5, 8.9, 48.7)),
    ]
    line = [(8.75, 48.6), (8.85, 48.6)]
    found = parts(line, features(*drawn))
    assert [part[0] for part in found] == ["US", "US-WY"]
    assert parts(line, features(*reversed(drawn))) == found


# ---- properties
@given(anywhere)
def test_parts_are_in_order_and_do_not_touch_with_one_code(line: Line) -> None:
    found = parts(list(line))
    assert all(0 <= start < end <= 1 for _, start, end in found)
    for (code, _, end), (after, start, _) in pairwise(found):
        assert end < start or (end == start and code != after)


@given(anywhere)
def test_every_vertex_lies_in_the_part_that_a_plain_search_names(line: Line) -> None:
    found = parts(list(line))
    lon, lat = zip(*line, strict=True)
    along = np.cumsum([0.0, *GEOD.line_lengths(lon, lat)])
    for at, x, y in zip(along / along[-1], lon, lat, strict=True):
        near = [code for code, start, end in found if start - CLOSE <= at <= end + CLOSE]
        place = place_of(x, y)
        assert (place.code in near) if place else (not any(s + CLOSE < at < e - CLOSE for _, s, e in found))


@given(anywhere)
def test_reversing_mirrors(line: Line) -> None:
    mirrored = [(code, 1 - end, 1 - start) for code, start, end in reversed(parts(list(line)))]
    assert_alike(parts(list(line)[::-1]), mirrored)


@given(near_corners, st.integers(1, 99), st.data())
def test_splitting_leaves_the_codes_where_they_are(line: Line, share: int, data: st.DataObject) -> None:
    before = data.draw(st.integers(0, len(line) - 2))
    (x0, y0), (x1, y1) = line[before : before + 2]
    cut = (x0 + (x1 - x0) * share / 100, y0 + (y1 - y0) * share / 100)
    head, tail = [*line[: before + 1], cut], [cut, *line[before + 1 :]]
    metres = [GEOD.line_length(*zip(*part, strict=True)) for part in (head, tail)]
    joint = metres[0] / sum(metres)
    pieces = [(code, a * joint, b * joint) for code, a, b in parts(head)]
    pieces += [(code, joint + a * (1 - joint), joint + b * (1 - joint)) for code, a, b in parts(tail)]
    assert_alike(pieces, parts(list(line)))


DRAWN = [
    ("LI", shapely.Point(9.55, 47.15).buffer(0.08)),
    ("AT", shapely.box(9.60, 46.90, 9.70, 47.35)),
    ("US-NM", shapely.Point(-109.04, 37.0).buffer(0.05)),
]


@settings(max_examples=50)
@given(st.lists(near_corners, min_size=1, max_size=12), st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_tiling_gives_the_same_answer(drawn: list[Line], tiles: int, random: Any) -> None:
    shapes = [shapely.LineString(line) for line in drawn]
    whole = places(shapes, features(*DRAWN))
    for tile in range(tiles):
        rows = [row for row in range(len(shapes)) if row % tiles == tile]
        random.shuffle(rows)
        if not rows:
            continue
        box = shapely.box(*shapely.total_bounds([shapes[row] for row in rows]))
        near = [(code, shape) for code, shape in DRAWN if shapely.box(*shape.bounds).intersects(box)]
        random.shuffle(near)
        found = places([shapes[row] for row in rows], features(*near))
        for column, ours in zip(whole, found, strict=True):
            assert [column[row] for row in rows] == ours


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("osm/baltimore.osm.pbf", "US-MD"),
        ("osm/columbus.osm.pbf", "US-OH"),
        ("osm/harrisburg.osm.pbf", "US-PA"),
        ("osm/helsinki-2019.osm.pbf", "FI"),
        ("osm/herrenberg-2021.osm.pbf", "DE"),
        ("osm/north-bayreuth.osm.gz", "DE"),
        ("overture/boulder.parquet", "US-CO"),
    ],
)
def test_every_segment_of_an_extract_is_in_its_state(shared_data: Path, file: str, code: str) -> None:
    segments = read_roads([shared_data / file]).segments
    found = places(list(shapely.from_wkb(segments.column("geometry").to_numpy())))
    assert len(found.jurisdictions) == segments.num_rows
    assert all(each == [{"code": code, "between": None}] for each in found.jurisdictions)
