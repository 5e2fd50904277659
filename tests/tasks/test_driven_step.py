"""Steps of routes, against a loop over points."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.match import MATCH
from schemas.traversal import DRIVEN_STEP
from tasks.driven_step import STEPS_PER_POINT, driven_steps

START = datetime(2026, 5, 4, 7, tzinfo=UTC)


def point(number: int, segments: list[str], speed: float | None, trace: str = "t") -> dict[str, Any]:
    """A point that several segments lead to, a second each."""
    route = [
        {
            "segment_id": segment,
            "heading": "forward",
            "from": 0.25,
            "to": 1.0,
            "enter": START + timedelta(seconds=60 * number + place),
            "leave": START + timedelta(seconds=60 * number + place + 1),
        }
        for place, segment in enumerate(segments)
    ]
    return {"trace_id": trace, "number": number, "time": START, "speed_kmh": speed, "is_trip_end": number == 0} | {
        "route": route
    }


def naive(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        step
        | {
            "trace_id": each["trace_id"],
            "order": each["number"] * STEPS_PER_POINT + place,
            "speed_kmh": each["speed_kmh"] if place == len(each["route"]) - 1 else None,
            "is_trip_end": each["is_trip_end"],
        }
        for each in points
        for place, step in enumerate(each["route"])
    ]


@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=4), st.none() | st.just(30.5)), max_size=6))
@settings(deadline=None)
def test_steps_are_those_of_a_loop(told: list[tuple[list[str], float | None]]) -> None:
    points = [point(number, segments, speed) for number, (segments, speed) in enumerate(told)]
    matches = pa.Table.from_pylist(points, schema=MATCH.schema)
    made = driven_steps(pa.concat_tables([matches.slice(0, 2), matches.slice(2)]))
    DRIVEN_STEP.validate(made)
    expected = [{name: step[name] for name in DRIVEN_STEP.names} for step in naive(points)]
    assert made.to_pylist() == expected


def test_a_way_of_too_many_steps_is_told() -> None:
    matches = pa.Table.from_pylist([point(0, ["a"] * STEPS_PER_POINT, None)], schema=MATCH.schema)
    with pytest.raises(ValueError, match="4096 steps between two points"):
        driven_steps(matches)
