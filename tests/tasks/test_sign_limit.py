"""Which signs stand at which segment, and whom they face."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.map_feature import MAP_FEATURE
from schemas.sign_limit import SIGN_LIMIT
from tasks.columns import array_values
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tasks.sign_limit import NEAR_M, sign_limit

METRE = 1 / 111_195
NORTHWARD = shapely.LineString([(9.0, 48.0), (9.0, 48.0 + 200 * METRE)])
EAST_M = METRE / np.cos(np.radians(48.0))


def node(east_m: float, north_m: float, number: int = 1, **tags: str) -> dict[str, Any]:
    point = shapely.Point(9.0 + east_m * EAST_M, 48.0 + north_m * METRE)
    return {
        "feature_id": f"n{number}/traffic_sign",
        "geometry": shapely.to_wkb(point),
        "bbox": {"xmin": point.x, "ymin": point.y, "xmax": point.x, "ymax": point.y},
        "kind": "traffic_sign",
        "value": tags.get("traffic_sign", "maxspeed"),
        "area_m2": 0.0,
        "tags": sorted((key.replace("__", ":"), value) for key, value in tags.items()),
    }


def signs(
    nodes: list[dict[str, Any]], lines: Any = (NORTHWARD,), one_way: str = "no", side: str | None = "right"
) -> Any:
    table = pa.Table.from_pylist(nodes, schema=MAP_FEATURE.schema)
    found = sign_limit(
        geometry=np.array(lines, dtype=object),
        one_way=[one_way] * len(lines),
        driving_side=[side] * len(lines),
        map_feature=table,
    ).signs
    pa.array(found, SIGN_LIMIT["signs"].type)
    return found


def said(nodes: list[dict[str, Any]], **given: Any) -> list[tuple[Any, ...]]:
    (found,) = signs(nodes, **given)
    return [(row["kind"], row["value"], row["unit"], row["heading"]) for row in found]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"traffic_sign": "FI:361[40]"}, ("limit", 40.0, "km/h")),  # Tieliikenneasetus 182/1982, 361: speed limit
        ({"traffic_sign": "FI:363[30];FI:372"}, ("zone", 30.0, "km/h")),  # 363: zone
        ({"traffic_sign": "FI:372", "traffic_sign__3": "FI:361[40]"}, ("limit", 40.0, "km/h")),
        ({"traffic_sign": "maxspeed", "maxspeed": "30 mph"}, ("limit", 30.0, "mph")),
        ({"highway": "speed_camera", "maxspeed": "80"}, ("limit", 80.0, "km/h")),
        ({"traffic_sign": "city_limit", "name": "A"}, ("city_limit", None, None)),
    ],
)
def test_a_sign_says_its_speed(tags: dict[str, str], expected: tuple[Any, ...]) -> None:
    assert [each[:3] for each in said([node(0, 50, **tags)])] == [expected]


@pytest.mark.parametrize(
    ("east", "tags", "given_", "heading"),
    [
        (0, {}, {}, None),
        (0, {"direction": "forward"}, {}, "forward"),
        (0, {"traffic_sign__direction": "backward"}, {}, "backward"),
        # Key:direction: where the sign looks; who sees it comes from there.
        (0, {"direction": "180"}, {}, "forward"),
        (0, {"direction": "N"}, {}, "backward"),
        (0, {"direction": "E"}, {}, None),
        (0, {"direction": "sideways"}, {}, None),
        (5, {}, {}, "forward"),
        (-5, {}, {}, "backward"),
        (5, {}, {"side": "left"}, "backward"),
        (5, {}, {"side": None}, None),
        (-5, {}, {"one_way": "forward"}, "forward"),
        (5, {"direction": "N"}, {}, "backward"),
    ],
)
def test_whom_a_sign_faces(east: float, tags: dict[str, str], given_: dict[str, Any], heading: str | None) -> None:
    ((*_, found),) = said([node(east, 50, traffic_sign="DE:274-50", **tags)], **given_)
    assert found == heading


def test_each_direction_has_its_own_sign() -> None:
    tags = {"traffic_sign__forward": "DE:274-70", "traffic_sign__backward": "DE:274-50"}
    assert sorted(said([node(0, 50, **tags)])) == [("limit", 50, "km/h", "backward"), ("limit", 70, "km/h", "forward")]
    numbers = {"traffic_sign": "maxspeed", "maxspeed__forward": "70", "maxspeed__backward": "50"}
    assert sorted(said([node(0, 50, **numbers)])) == [
        ("limit", 50, "km/h", "backward"),
        ("limit", 70, "km/h", "forward"),
    ]


def test_a_sign_counts_by_what_lies_behind_it() -> None:
    def weight(north: float, **tags: str) -> float:
        ((row,),) = signs([node(0, north, traffic_sign="DE:274-50", **tags)])
        return float(row["weight"])

    assert weight(20, direction="forward") == pytest.approx(0.9 * 0.9, abs=0.01)
    assert weight(180, direction="forward") == pytest.approx(0.9 * 0.1, abs=0.01)
    assert weight(180, direction="backward") == pytest.approx(0.9 * 0.9, abs=0.01)
    assert weight(100, temporary="yes") < weight(100) / 2


def test_a_sign_belongs_to_the_nearest_segment_and_to_none_far_away() -> None:
    other = shapely.LineString([(9.0 + 10 * EAST_M, 48.0), (9.0 + 10 * EAST_M, 48.01)])
    near, next_to = signs([node(4, 50, traffic_sign="DE:274-50")], (NORTHWARD, other))
    assert (len(near), len(next_to)) == (1, 0)
    assert signs([node(NEAR_M + 1, 50, traffic_sign="DE:274-50")]) == [[]]


def test_a_sign_where_segments_meet_is_told_of_all() -> None:
    onward = shapely.LineString([(9.0, 48.0 + 200 * METRE), (9.0, 48.0 + 400 * METRE)])
    before, behind = signs([node(0, 200, traffic_sign="DE:274-50", direction="forward")], (NORTHWARD, onward))
    assert before[0]["weight"] == pytest.approx(0.0, abs=0.01)
    assert behind[0]["weight"] > 0.7
    assert "where segments meet" in behind[0]["note"]


def test_a_sign_without_a_readable_number_is_kept_without_weight() -> None:
    ((row,),) = signs([node(0, 50, traffic_sign="DE:274[fast]")])
    assert (row["value"], row["weight"]) == (None, 0.0)
    assert "fast" in row["note"]


def test_other_signs_and_other_features_tell_nothing() -> None:
    lamp = node(0, 50) | {"kind": "street_lamp"}
    way = node(0, 50, traffic_sign="DE:274-50") | {"geometry": shapely.to_wkb(NORTHWARD)}
    assert signs([node(0, 50, traffic_sign="DE:240"), lamp, way]) == [[]]


@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(1, 199), st.sampled_from(["", "N", "200"])), max_size=5))
@settings(max_examples=30, deadline=None)
def test_turning_a_line_round_swaps_headings(places: list[tuple[float, float, str]]) -> None:
    nodes = [node(e, n, i, traffic_sign=f"DE:274[{10 + i}]", direction=d) for i, (e, n, d) in enumerate(places)]
    (plain,), (turned,) = signs(nodes), signs(nodes, (shapely.reverse(NORTHWARD),))
    swap = {"forward": "backward", "backward": "forward", None: None}
    by_value = {row["value"]: row for row in turned}
    assert len(plain) == len(turned)
    for row in plain:
        other = by_value[row["value"]]
        assert other["weight"] == pytest.approx(row["weight"], abs=0.002)
        assert other["at"] == pytest.approx(1 - row["at"], abs=1e-5)
        assert other["heading"] == swap[row["heading"]]


def test_signs_of_helsinki_agree_with_its_tags(shared_data: Path) -> None:
    """Of the signs that say a speed for most of their segment, most say what its tag says."""
    file = shared_data / "osm/helsinki-2019.osm.pbf"
    roads, beside = read_roads([file]).segments, read_features([file]).features
    found = sign_limit(
        geometry=shapely.from_wkb(roads["geometry"].to_numpy()),
        one_way=roads["one_way"].to_pylist(),
        driving_side=["right"] * roads.num_rows,
        map_feature=beside,
    ).signs
    tagged = [tags.get("maxspeed") for tags in array_values(roads["tags"])]
    pairs = [
        (row["value"], float(tag))
        for rows, tag in zip(found, tagged, strict=True)
        if tag
        for row in rows
        if row["value"] and row["weight"] > 0.4
    ]
    agreeing = sum(value == tag for value, tag in pairs)
    assert len(pairs) >= 40
    assert agreeing / len(pairs) >= 0.8
