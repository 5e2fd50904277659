from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.page import STEPS_PER_DEGREE
from tasks.shown_trace import longest, shown_traces
from tests.probed_streets import MONDAY_US, SOUTH, STEP, WEST, drive, streets, trace_tables
from tests.roads import GEOD

IDS = streets()["segment_id"]
IN_ORDER = dict(zip(IDS.to_pylist(), range(len(IDS)), strict=True))


def test_the_longest_by_another_library() -> None:
    points, _, _ = trace_tables(drive("b", 9), drive("a", 30), drive("c", 5, lost=(2,)), drive("d", 4, streets=2))
    places = defaultdict(list)
    for row in points.to_pylist():
        places[row["trace_id"]].append((row["lon"], row["lat"]))
    metres = {name: GEOD.line_length(*zip(*line, strict=True)) for name, line in places.items()}
    choice = longest(points, 3)
    assert choice.trace_id == sorted(metres, key=lambda name: -metres[name])[:3]
    assert choice.metres == pytest.approx(sorted(metres.values(), reverse=True)[:3])
    assert choice.total == 4


def test_equally_long_ones_by_name() -> None:
    points, _, _ = trace_tables(drive("z", 5), drive("b", 5), drive("y", 5))
    assert longest(points, 2).trace_id == ["b", "y"]


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random) -> None:
    tables = trace_tables(drive("a", 12, lost=(3, 4)), drive("b", 8), drive("c", 5))
    mixed = [table.take(random.sample(range(table.num_rows), table.num_rows)) for table in tables]
    assert shown_traces(*mixed, IDS, most=2, kmh=1.0) == shown_traces(*tables, IDS, most=2, kmh=1.0)


def test_what_is_told_of_points() -> None:
    told = shown_traces(*trace_tables(drive("a", 12, lost=(3,)), drive("b", 2)), IDS, most=1, kmh=1.0)
    assert (told["total"], [each["id"] for each in told["listed"]]) == (2, ["a"])
    trace = told["listed"][0]
    places = np.cumsum(np.array(trace["steps"]).reshape(-1, 2), axis=0) / STEPS_PER_DEGREE
    assert places[0] == pytest.approx([WEST + 0.1 * STEP, SOUTH + 0.0001], abs=1e-6)
    points = {name: values[3] for name, values in trace["points"].items()}
    assert points["time"] == MONDAY_US // 1000 + 30_000
    assert told["reasons"][points["reason"]] == "no_road"
    assert (points["segment"], points["fraction"], points["confidence"], points["accuracy"]) == (-1, None, None, None)
    assert points["speed"] == 40.0
    first = {name: values[0] for name, values in trace["points"].items()}
    assert (first["segment"], first["fraction"], first["reason"]) == (IN_ORDER["s0"], 0.1, -1)
    assert (first["distance"], first["confidence"], first["end"], first["backward"]) == (11.1, 0.987, 1, 0)


def test_the_route_in_order_and_by_fractions() -> None:
    told = shown_traces(*trace_tables(drive("a", 12), drive("b", 4)), IDS, most=2, kmh=1.0)
    for trace in told["listed"]:
        route = trace["route"]
        assert route["segment"] == [IN_ORDER[name] for name in ("s0", "s1", "s2")]
        assert (route["enter"], route["leave"]) == ([0.1, 0.0, 0.0], [1.0, 1.0, 0.9])


@pytest.mark.parametrize("rows", [[0, 1, 3], [0, 1, 2, 2, 3]])
def test_points_and_matches_are_one_to_one(rows: list[int]) -> None:
    points, matches, traversals = trace_tables(drive("a", 4))
    with pytest.raises(ValueError, match="point 2 of trace_id 'a' is not once a point and once a match"):
        shown_traces(points, matches.take(rows), traversals, IDS, most=5, kmh=1.0)
    with pytest.raises(ValueError, match="point 2 of trace_id 'a'"):
        shown_traces(points.take(rows), matches, traversals, IDS, most=5, kmh=1.0)


def test_a_last_point_without_match_is_not_blamed_on_the_next_trace() -> None:
    points, matches, traversals = trace_tables(drive("a", 4), drive("b", 4, streets=2))
    with pytest.raises(ValueError, match="point 3 of trace_id 'a'"):
        shown_traces(points, matches.take([0, 1, 2, 4, 5, 6, 7]), traversals, IDS, most=5, kmh=1.0)


@pytest.mark.parametrize("table", [1, 2])
def test_a_segment_of_another_map_is_refused(table: int) -> None:
    tables = list(trace_tables(drive("a", 4)))
    place = tables[table].schema.get_field_index("segment_id")
    strange = ["x9", *tables[table]["segment_id"].to_pylist()[1:]]
    tables[table] = tables[table].set_column(place, "segment_id", pa.array(strange, pa.string()))
    with pytest.raises(ValueError, match="segment_id 'x9' of a trace is not among the segments"):
        shown_traces(*tables, IDS, most=5, kmh=1.0)


def test_no_traces() -> None:
    told = shown_traces(*(table.slice(0, 0) for table in trace_tables(drive("a", 4))), IDS, most=5, kmh=1.0)
    assert (told["total"], told["listed"]) == (0, [])


def test_speeds_of_devices_in_miles() -> None:
    told = shown_traces(*trace_tables(drive("a", 4)), IDS, most=1, kmh=1.609344)
    assert told["listed"][0]["points"]["speed"] == [24.9] * 4  # 40 km/h
