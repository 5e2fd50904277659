from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.match_stretch import Stretches, stretches_of
from tests.roads import GEOD

Place = tuple[float, float]

TOUCH = pa.struct([("connector_id", pa.string()), ("at", pa.float64())])


def stretches(line: list[Place], *places: float) -> Stretches:
    """The stretches of one segment with connectors at fractions of its length."""
    touched = [{"connector_id": f"{place}", "at": place} for place in places]
    return stretches_of(pa.array([shapely.LineString(line).wkb]), pa.array([touched], pa.list_(TOUCH)))


def along(line: list[Place], place: float) -> Place:
    """Where a fraction of the geodesic length of a line is, chord by chord."""
    metres = [GEOD.inv(*one, *other)[2] for one, other in pairwise(line)]
    left = place * sum(metres)
    for one, other, each in zip(line, line[1:], metres, strict=False):
        if left <= each:
            return (one[0] + left / each * (other[0] - one[0]), one[1] + left / each * (other[1] - one[1]))
        left -= each
    return line[-1]


def wave(seed: int) -> list[Place]:
    """A line that bends little."""
    rng = np.random.default_rng(seed)
    return [(9 + 0.001 * step, 47 + float(rng.normal(0, 5e-5))) for step in range(6)]


@given(st.integers(0, 99), st.lists(st.floats(0.01, 0.99), max_size=4, unique=True))
def test_stretches_run_from_connector_to_connector(seed: int, places: list[float]) -> None:
    line = wave(seed)
    made = stretches(line, *places)
    stops = [0.0, *sorted(places), 1.0]
    assert made.span["from_at"].tolist() == stops[:-1]
    assert made.span["to_at"].tolist() == stops[1:]
    for course, low, high in zip(made.course, stops, stops[1:], strict=False):
        assert (course["lon"], course["lat"]) == pytest.approx(along(line, low), abs=1e-9)
        assert (course["end_lon"], course["end_lat"]) == pytest.approx(along(line, high), abs=1e-9)


@given(st.integers(0, 99), st.lists(st.floats(0.01, 0.99), max_size=4, unique=True))
def test_chords_follow_the_line_and_add_up_to_their_stretch(seed: int, places: list[float]) -> None:
    line = wave(seed)
    made = stretches(line, *places)
    start, chord = made.chords
    ends = [(one["lon"] + one["dlon"], one["lat"] + one["dlat"]) for one in chord]
    begins = [(one["lon"], one["lat"]) for one in chord]
    assert np.array(ends[:-1]) == pytest.approx(np.array(begins[1:]), abs=1e-12)
    assert {tuple(np.round(each, 12)) for each in line} <= {tuple(np.round(each, 12)) for each in [*begins, ends[-1]]}
    for stretch, course in enumerate(made.course):
        mine = chord[start[stretch] : start[stretch + 1]]
        assert mine["stretch"].tolist() == [stretch] * len(mine)
        assert mine["along"] == pytest.approx(np.cumsum(mine["metres"]) - mine["metres"], abs=1e-6)
        assert mine["metres"].sum() == pytest.approx(course["metres"], abs=1e-6)


def test_connectors_that_bear_one_name_are_one() -> None:
    ring = [(9.0, 47.0), (9.001, 47.0), (9.0005, 47.0007), (9.0, 47.0)]
    made = stretches_of(
        pa.array([shapely.LineString(ring).wkb]),
        pa.array([[{"connector_id": "x", "at": 0.0}, {"connector_id": "x", "at": 1.0}]]),
    )
    assert made.course["tail"][0] == made.course["head"][-1]


def test_a_line_is_cut_where_its_turns_add_up_to_a_right_angle() -> None:
    """Of an octagon that turns by 46° at each vertex, every second one."""
    angle = np.radians(np.arange(0, 360, 45))
    wide = 0.001 / np.cos(np.radians(47.0))
    line = [(float(9 + wide * np.cos(each)), float(47 + 0.001 * np.sin(each))) for each in angle * 1.02]
    made = stretches(line)
    assert [(each["end_lon"], each["end_lat"]) for each in made.course[:-1]] == [line[2], line[4], line[6]]


def test_directions_look_past_an_odd_first_chord() -> None:
    """One metre nearly to the north, then to the east: over the first 12 m it is nearly east."""
    north, east = 1 / 111_170, 1 / 76_000
    made = stretches([(9.0, 47.0), (9 + 0.3 * east, 47 + north), (9 + 100 * east, 47 + north)])
    assert made.course["east"][0] > 0.98
    assert np.hypot(made.course["east"], made.course["north"]) == pytest.approx(1)


def test_a_segment_across_the_antimeridian_is_in_one_piece() -> None:
    made = stretches([(179.999, 10.0), (-179.999, 10.0)])
    assert made.chords.chord["dlon"] == pytest.approx([0.002])
    assert made.course["metres"] == pytest.approx([GEOD.inv(179.999, 10.0, -179.999, 10.0)[2]], rel=1e-6)


def test_a_segment_without_length_knows_nothing_of_the_next() -> None:
    shapes = [shapely.LineString([(9.0, 47.0), (9.0, 47.0)]), shapely.LineString([(8.0, 46.0), (8.1, 46.0)])]
    made = stretches_of(pa.array([each.wkb for each in shapes]), pa.array([[], []], pa.list_(TOUCH)))
    assert (made.course["end_lon"][0], made.course["end_lat"][0]) == (9.0, 47.0)
