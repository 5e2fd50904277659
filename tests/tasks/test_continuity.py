"""What stands around a segment: against a plain loop, on roads by hand, and turned around."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.continuity import (
    ALIKE_M,
    AROUND_M,
    FADE_M,
    FAR_M,
    HALO_M,
    MOST_COST,
    NAMED_M,
    NEAR_M,
    OTHER_AREA,
    OTHER_CLASS,
    OTHER_NAME,
    SIGNED,
    TURN,
    WHOLE,
    Continuity,
    around,
    continuity,
    stated_limits,
)
from tasks.measure import lengths
from tasks.road_graph import degrees_of, places_m

METRE = 1 / 111_195
Row = dict[str, Any]


def road(segment_id: str, line: list[tuple[float, float]], ends: str, **given: Any) -> Row:
    row: Row = {
        "segment_id": segment_id,
        "geometry": shapely.LineString(line),
        "class_": "residential",
        "subclass": None,
        "name": "High Street",
        "ref": None,
        "connectors": [{"connector_id": each, "at": at} for each, at in zip(ends, (0.0, 1.0), strict=True)],
        "forward": None,
        "backward": None,
        "reason": None,
        "speed_unit": "km/h",
        "built_up": 0.5,
        "signs": [],
    }
    limit = given.pop("limit", None)
    if limit:
        row |= {"forward": {"value": limit, "unit": "km/h"}, "backward": {"value": limit, "unit": "km/h"}}
    return row | given


def asked(rows: list[Row]) -> Continuity:
    columns: Row = {name: [row[name] for row in rows] for name in road("a", [(0, 0), (1, 1)], "ab")}
    columns["geometry"] = np.array(columns["geometry"], dtype=object)
    columns["length_m"] = lengths(columns["geometry"]).round(6) if rows else np.empty(0)
    return continuity(**columns)


def east(metres: float, lat: float = 0.0) -> tuple[float, float]:
    return (metres * METRE, lat * METRE)


def chain(*limits: int | None, length: float = 100.0, **changes: Row) -> list[Row]:
    """Segments one behind the other along the equator; `s1={...}` changes the second."""
    rows = []
    for i, limit in enumerate(limits):
        line = [east(i * length), east((i + 1) * length)]
        rows.append(road(f"s{i}", line, "abcdefghij"[i : i + 2], limit=limit, **changes.get(f"s{i}", {})))
    return rows


def weight(rows: list[Row], row: int, limit: str, kind: str) -> float:
    found = [each for each in asked(rows).witnesses[row] if each["limit"] == limit]
    return found[0][kind] if found else 0.0


def test_a_limit_carries_on_along_a_straight_street() -> None:
    rows = chain(None, None, 50)
    length = float(lengths(np.array([rows[0]["geometry"]]))[0])
    for row, steps in ((0, 2), (1, 1)):
        metres = steps * length
        assert weight(rows, row, "50 km/h", "near") == pytest.approx(math.exp(-metres / NEAR_M), abs=1e-6)
        assert weight(rows, row, "50 km/h", "far") == pytest.approx(math.exp(-metres / FAR_M), abs=1e-6)
    made = asked(rows)
    assert (made.nearest_id[0], made.nearest_limit[0]) == ("s2", "50 km/h")
    assert made.nearest_m[0] == pytest.approx(2 * length)


def test_its_own_limit_is_no_witness() -> None:
    assert asked(chain(50, None)).witnesses[0] == []
    assert asked(chain(50, None)).nearest_id[0] is None


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        ({}, 0.0),
        ({"s1": {"name": "Low Street"}}, OTHER_NAME),
        ({"s1": {"name": None}}, OTHER_NAME),
        ({"s0": {"name": None}, "s1": {"name": None}}, 0.0),
        ({"s0": {"name": None, "ref": "A1"}, "s1": {"name": "Low Street", "ref": "A1"}}, 0.0),
        ({"s1": {"class_": "primary"}}, OTHER_CLASS),
        ({"s1": {"subclass": "link"}}, 0.7),
        ({"s0": {"built_up": 0.1}, "s1": {"built_up": 0.9}}, OTHER_AREA * 0.8),
        ({"s1": {"signs": [{"kind": "limit"}]}}, SIGNED / 2),
        ({"s1": {"geometry": shapely.LineString([east(100), east(100, 100)])}}, TURN / 2),
        ({"s1": {"geometry": shapely.LineString([east(100), east(100, 100)]), "name": "B"}}, TURN + OTHER_NAME),
        ({"s1": {"geometry": shapely.LineString([east(100), east(0, 10)]), "name": "B"}}, 2 * TURN + OTHER_NAME),
    ],
)
def test_what_changes_on_the_way_costs(changes: dict[str, Row], cost: float) -> None:
    rows = chain(None, 30, **changes)
    told = lengths(np.array([row["geometry"] for row in rows]))
    assert weight(rows, 0, "30 km/h", "far") == pytest.approx(math.exp(-told.mean() / FAR_M - cost), abs=1e-6)


def test_what_is_too_far_along_the_road_is_no_witness() -> None:
    reach = FAR_M * MOST_COST
    for length, is_seen in ((reach / 3 - 5, True), (reach / 3 + 5, False)):
        rows = chain(None, None, None, 50, length=length)
        assert (asked(rows).nearest_id[0] is not None) == is_seen


def test_the_surest_is_nearest_the_first_by_name_among_equals() -> None:
    rows = chain(30, None, 50)
    assert asked(rows).nearest_id[1] == "s0"
    rows[0]["name"] = "Low Street"
    assert asked(rows).nearest_id[1] == "s2"


def test_roads_apart_speak_by_name_by_class_and_by_place() -> None:
    """Roads that do not meet: 1,000 m is within sight for the name alone, 500 m for all."""
    here = road("a", [east(0), east(100)], "ab")
    named = road("b", [east(0, 1000), east(100, 1000)], "cd", limit=30)
    alike = road("c", [east(0, 500), east(100, 500)], "ef", limit=50, name="Low Street")
    other = road("d", [east(0, -500), east(100, -500)], "gh", limit=80, name=None, class_="primary")
    told = {each["limit"]: each for each in asked([here, named, alike, other]).witnesses[0]}
    near, far = math.exp(-500 / FADE_M), math.exp(-1000 / FADE_M)
    assert told["30 km/h"] == pytest.approx(
        {"limit": "30 km/h", "near": 0, "far": 0, "named": far, "alike": 0, "around": 0}, abs=1e-4
    )
    assert (told["50 km/h"]["alike"], told["50 km/h"]["around"]) == pytest.approx((near, near), abs=1e-4)
    assert (told["80 km/h"]["alike"], told["80 km/h"]["around"]) == pytest.approx((0, near), abs=1e-4)


spot = st.tuples(st.floats(-1500, 1500), st.floats(-1500, 1500), *[st.integers(-1, 2)] * 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(spot, max_size=12), st.sampled_from([0.0, 60.0, -85.0]))
def test_around_is_what_a_plain_loop_finds(spots: list[tuple[float, float, int, int, int]], latitude: float) -> None:
    lon = np.array([x * METRE / math.cos(math.radians(latitude)) for x, *_ in spots])
    lat = np.array([latitude + y * METRE for _, y, *_ in spots])
    name, kind, limit = (np.array([each[i] for each in spots], dtype=np.int64) for i in (2, 3, 4))
    places = places_m(lon, lat)
    stated = np.flatnonzero(limit >= 0)
    stated = stated[np.argsort(lat[stated], kind="stable")]
    found = around(places.reshape(-1, 3), lat, name, kind, limit, stated, 3, degrees_of(NAMED_M))
    naive = np.zeros((3, len(spots), 3), dtype=np.int64)
    for i in range(len(spots)):
        for j in range(len(spots)):
            metres = math.dist(places[i], places[j])
            if i == j or limit[j] < 0:
                continue
            said = round(WHOLE * math.exp(-metres / FADE_M))
            naive[0, i, limit[j]] += said * (name[i] == name[j] and name[i] >= 0 and metres <= NAMED_M)
            naive[1, i, limit[j]] += said * (kind[i] == kind[j] and metres <= ALIKE_M)
            naive[2, i, limit[j]] += said * (metres <= AROUND_M)
    assert np.abs(found - naive).max(initial=0) <= len(spots)  # rounding of single weights


def test_a_halo_holds_all_that_counts() -> None:
    assert max(FAR_M * MOST_COST, NAMED_M, ALIKE_M, AROUND_M) * 1.007 < HALO_M


def test_how_roads_meet() -> None:
    """b touches four ends: those of s0, s1, a side road and a loop, which counts once."""
    side = road("side", [east(100), east(100, 50)], "bz", class_="primary")
    loop = road("loop", [east(100), east(110, 10), east(120), east(100)], "bb")
    alone = road("alone", [east(5000), east(5100)], "xy")
    made = asked([*chain(None, None), side, loop, alone])
    assert made.start_roads.tolist() == [0, 3, 3, 3, 0]
    assert made.end_roads.tolist() == [3, 0, 0, 3, 0]
    assert made.highest_neighbour.tolist()[:2] == [2, 2]
    assert made.highest_neighbour.tolist()[4] == 11


def test_of_two_headings_the_higher_counts_and_miles_stay_miles() -> None:
    fifty, thirty = {"value": 50, "unit": "km/h"}, {"value": 30, "unit": "mph"}
    told = stated_limits(
        [fifty, None, None, {"value": 40, "unit": "km/h"}, None],
        [thirty, thirty, None, None, None],
        [None, None, "unlimited", None, "variable"],
        ["km/h", None, None, "mph", None],
    )
    assert told == ["50 km/h", "30 mph", "none", "25 mph", None]


def test_nothing_and_a_map_without_limits() -> None:
    assert asked([]).witnesses == []
    made = asked(chain(None, None))
    assert (made.witnesses, made.nearest_id) == ([[], []], [None, None])


def turned(row: Row) -> Row:
    """The same segment drawn the other way."""
    ends = [each | {"at": 1 - each["at"]} for each in reversed(row["connectors"])]
    swapped = {"geometry": row["geometry"].reverse(), "connectors": ends}
    return row | swapped | {"forward": row["backward"], "backward": row["forward"]}


@st.composite
def networks(draw: st.DrawFn) -> list[Row]:
    """Segments between the places of a small grid, of few names, classes and limits."""
    spots = st.tuples(st.integers(0, 3), st.integers(0, 3))
    pairs = draw(st.lists(st.tuples(spots, spots).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=8))
    rows = []
    for i, (start, end) in enumerate(pairs):
        line = [east(150.0 * start[0], 150.0 * start[1]), east(150.0 * end[0], 150.0 * end[1])]
        rows.append(
            road(
                f"s{i}", line, "ab",
                connectors=[{"connector_id": f"{x}.{y}", "at": at} for (x, y), at in ((start, 0.0), (end, 1.0))],
                name=draw(st.sampled_from([None, "A", "B"])), class_=draw(st.sampled_from(["primary", "residential"])),
                limit=draw(st.sampled_from([None, 30, 50])), signs=draw(st.sampled_from([[], [{"kind": "zone"}]])),
            )
        )  # fmt: skip
    return rows


@settings(max_examples=60, deadline=None)
@given(networks(), st.lists(st.booleans(), min_size=8, max_size=8))
def test_how_a_segment_is_drawn_does_not_matter(rows: list[Row], flips: list[bool]) -> None:
    """Reversing segments with their connectors swaps start and end, and leaves all else."""
    flips = flips[: len(rows)]
    before = asked(rows)
    after = asked([turned(row) if flip else row for row, flip in zip(rows, flips, strict=True)])
    for was, is_ in zip(before.witnesses, after.witnesses, strict=True):
        assert [each["limit"] for each in was] == [each["limit"] for each in is_]
        for one, other in zip(was, is_, strict=True):
            assert one == pytest.approx(other, abs=1e-4)  # middles differ in the last digits
    assert before.nearest_limit == after.nearest_limit
    assert before.highest_neighbour.tolist() == after.highest_neighbour.tolist()
    ends = zip(before.start_roads, before.end_roads, after.start_roads, after.end_roads, flips, strict=True)
    assert all((c, d) == ((b, a) if flip else (a, b)) for a, b, c, d, flip in ends)
