from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from tasks.map_match import MatchParams, map_match
from tests.roads import road_row, road_table
from tests.tasks.match_town import drive, pieces, town

Trace = list[tuple[float, float, float]]
EAST = 0.000263
"""Degrees of longitude in 20 m at 47° N."""


def matched(roads: pa.Table, *traces: Trace, **given: Any) -> list[dict[str, Any]]:
    made = map_match(**pieces(*traces, **given), road_segment=roads, params=MatchParams())
    return pa.table({name: pa.array(values) for name, values in made._asdict().items()}).to_pylist()


def straight(segments: int) -> pa.Table:
    """A road to the east in segments of 20 m."""
    rows = []
    for number in range(segments):
        ends = [{"connector_id": f"n{number}", "at": 0.0}, {"connector_id": f"n{number + 1}", "at": 1.0}]
        line = [(9 + EAST * number, 47.0), (9 + EAST * (number + 1), 47.0)]
        rows.append(road_row(f"s{number:03}", line, class_="primary", connectors=ends))
    return road_table(rows)


def spot(seconds: float, place: float, north: float = 0.0) -> tuple[float, float, float]:
    """A point so many segments along the road."""
    return (seconds, 9 + EAST * place, 47 + north)


def test_routes_of_more_steps_than_there_was_room_for_are_whole() -> None:
    trace = [spot(0, 0.5), spot(200, 149.5)]
    for row in matched(straight(150), trace, trace)[1::2]:
        assert [step["segment_id"] for step in row["route"]] == [f"s{number:03}" for number in range(150)]
        assert [row["route"][0]["from"], row["route"][-1]["to"]] == pytest.approx([0.5, 0.5], abs=0.01)


def test_pieces_side_by_side_are_matched_as_each_alone() -> None:
    roads = town(3)
    traces = [drive(roads, seed) for seed in range(6)]
    together = matched(roads, *traces)
    alone = [row | {"row": number} for number, trace in enumerate(traces) for row in matched(roads, trace)]
    assert together == alone


def test_own_points_have_the_matches_and_ways_of_the_whole() -> None:
    roads = town(4)
    trace = drive(roads, 7)
    whole = matched(roads, trace)
    part = matched(roads, trace, own=(3, 8))
    assert part == whole[3:8]


def test_a_point_off_all_roads_is_missed_and_the_way_goes_on() -> None:
    trace = [spot(0, 1), spot(5, 5), spot(6, 6, north=0.01), spot(10, 10)]
    rows = matched(straight(20), trace)
    assert [row["reason"] for row in rows] == [None, None, "no_road", None]
    assert [step["segment_id"] for step in rows[3]["route"]] == [f"s{number:03}" for number in range(5, 10)]


def test_when_too_much_is_missed_a_new_route_begins() -> None:
    off = [spot(10 + 5 * number, 5 + number, north=0.01) for number in range(4)]
    rows = matched(straight(30), [spot(0, 1), spot(5, 4), *off, spot(40, 15), spot(45, 20)])
    assert [row["reason"] for row in rows[2:6]] == ["no_road"] * 4
    assert rows[6]["segment_id"]
    assert rows[6]["route"] == []
    assert rows[7]["route"]


def test_near_points_stand_between_those_that_are_kept() -> None:
    """Points every 5 m: places ascend, times of steps join, and nothing of the way is missed or driven twice."""
    trace = [spot(number, 0.5 + number / 4) for number in range(60)]
    rows = matched(straight(20), trace)
    places = [int(row["segment_id"][1:]) + row["fraction"] for row in rows]
    assert places == sorted(places)
    steps = [step for row in rows for step in row["route"]]
    for one, other in pairwise(steps):
        assert one["leave"] == other["enter"]
        is_same = one["segment_id"] == other["segment_id"]
        assert one["to"] == other["from"] if is_same else (one["to"], other["from"]) == (1, 0)


def test_a_single_point_has_no_way() -> None:
    assert [row["reason"] for row in matched(straight(3), [spot(0, 1)])] == ["too_short"]
