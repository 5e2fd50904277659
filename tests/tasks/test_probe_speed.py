"""Speeds of each segment with what they depend on: shapes of known bends, headings, and what is left out."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.grouped import Grouped
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.driving import ROAD_CONTEXT
from tasks.probe_speed import ProbeSpeed, bends, probe_speed, together

KMH50, KMH30 = {"value": 50, "unit": "km/h"}, {"value": 30, "unit": "km/h"}


def speeds(rows: list[tuple[str, int, float, float, float]], **given_: Any) -> ProbeSpeed:
    """One segment, with rows of heading, traces, free flow, spread and 85th percentile."""
    columns = [np.array(each, dtype=object if i == 0 else float) for i, each in enumerate(zip(*rows, strict=True))]
    heading, traces, free, spread, p85 = (
        Grouped(each, np.array([0, len(rows)])) for each in (columns or [np.empty(0)] * 5)
    )
    attributes = np.zeros((1, len(ATTRIBUTES)))
    attributes[0, ATTRIBUTES.index("built_up")], attributes[0, ATTRIBUTES.index("lanes")] = 0.75, 2.0
    told: dict[str, Any] = {
        "geometry": shapely.from_wkt(["LINESTRING (9 47, 9.001 47)"]),
        "length_m": np.array([50.0]),
        "sources": [[{"record_id": "w7@1"}]],
        "class_": ["trunk"],
        "subclass": ["link"],
        "country": ["CH"],
        "limit": ["50 km/h"],
        "attributes": attributes,
        "forward": [KMH50],
        "backward": [KMH50],
    }
    return probe_speed(
        **told | given_, heading=heading, traces=traces, free_flow_kmh=free, spread_kmh=spread, p85_kmh=p85
    )


ROW = ("forward", 9, 48.0, 5.0, 54.0)


def test_a_segment_with_its_kind_its_context_and_its_speeds() -> None:
    made = speeds([ROW])
    assert (made.country, made.record, made.kind, made.limit) == (["CH"], ["w7@1"], ["trunk/link"], ["50 km/h"])
    assert dict(zip(ROAD_CONTEXT, made.context[0].tolist(), strict=True)) == pytest.approx(
        {"built_up": 0.75, "bends": 0.0, "shortness": 0.5, "breadth": 0.5}
    )
    (told,) = made.driven[0]
    assert told == {"heading": "forward", "traces": 9, "free_flow_kmh": 48.0, "spread_kmh": 5.0, "p85_kmh": 54.0}


def test_both_headings_are_told_apart_and_together() -> None:
    made = speeds([ROW, ("backward", 3, 60.0, 5.0, 66.0)])
    assert [row["heading"] for row in made.driven[0]] == ["forward", "backward", None]
    assert (made.driven[0][-1]["traces"], made.driven[0][-1]["free_flow_kmh"]) == (12, 51.0)


@pytest.mark.parametrize("rows", [[], [("forward", 9, np.nan, 5.0, 54.0)], [("forward", 0, 48.0, 5.0, 54.0)]])
def test_without_a_speed_nothing_is_told(rows: list[Any]) -> None:
    assert speeds(rows).driven == [[]]


@pytest.mark.parametrize(
    ("forward", "backward", "limit"), [(KMH50, KMH30, None), (KMH50, None, "50 km/h"), (KMH50, KMH50, "50 km/h")]
)
def test_a_limit_of_one_heading_teaches_nothing(forward: Any, backward: Any, limit: str | None) -> None:
    assert speeds([ROW], forward=[forward], backward=[backward]).limit == [limit]


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(5, 150), st.floats(0, 20)), min_size=1, max_size=4))
def test_together_is_the_mean_over_all_traces(rows: list[tuple[int, float, float]]) -> None:
    told = [
        {"traces": count, "free_flow_kmh": speed, "spread_kmh": spread, "p85_kmh": speed}
        for count, speed, spread in rows
    ]
    every = np.concatenate([np.full(count, speed) for count, speed, _ in rows])
    made = together(told)
    assert (made["traces"], made["heading"]) == (len(every), None)
    assert made["free_flow_kmh"] == pytest.approx(every.mean())
    assert min(spread for *_, spread in rows) - 1e-9 <= made["spread_kmh"] <= max(spread for *_, spread in rows) + 1e-9


def test_bends_of_known_shapes() -> None:
    """A closed circle of 500 m radius turns 400 gon over 3.14 km: 127 gon a kilometre, wherever it lies."""
    angle = np.linspace(0, 2 * np.pi, 361)
    for lat in (0.0, 60.0):
        xy = np.column_stack([np.cos(angle) / np.cos(np.radians(lat)), np.sin(angle)]) * 500 / 111_195 + (9.0, lat)
        found = bends(np.array([shapely.LineString(xy)]))[0]
        assert found == pytest.approx(127.3 / (127.3 + 400), abs=0.01)


def test_bends_are_each_lines_own_and_the_same_both_ways() -> None:
    lines = shapely.from_wkt(
        [
            "LINESTRING (0 0, 1 0, 1 1)",
            "LINESTRING (5 5, 6 6)",
            "LINESTRING (0 0, 0 0, 1 0, 0 0)",
            "LINESTRING (1 1, 1 1)",
        ]
    )
    assert bends(lines).tolist() == pytest.approx([bends(lines[i : i + 1])[0] for i in range(4)])
    assert bends(shapely.reverse(lines)).tolist() == pytest.approx(bends(lines).tolist())
    assert bends(lines)[[1, 3]].tolist() == [0.0, 0.0]
