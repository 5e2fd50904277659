"""Traversals: against a walk along each trace, step by step."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.grouped import Grouped
from tasks.grouped_words import GroupedWords
from tasks.traversal import Traversals, traversals


class Step(NamedTuple):
    segment: int
    trace: str
    order: int
    heading: str
    from_: float
    to: float
    enter: int
    leave: int
    speed: float = float("nan")
    is_trip_end: bool = False


def passed(steps: list[Step], segments: int = 3) -> Traversals:
    """Traversals of steps, whose order within a segment is kept."""
    steps = sorted(steps, key=lambda each: each.segment)
    starts = np.searchsorted([each.segment for each in steps], np.arange(segments + 1))

    def grouped(column: str, kind: Any) -> Grouped:
        return Grouped(np.array([getattr(each, column) for each in steps], dtype=kind), starts)

    def words(column: str) -> GroupedWords:
        return GroupedWords.of([getattr(each, column) for each in steps], starts)

    return traversals(
        trace_id=words("trace"),
        order=grouped("order", np.int64),
        heading=words("heading"),
        from_=grouped("from_", np.float64),
        to=grouped("to", np.float64),
        enter=grouped("enter", "datetime64[s]"),
        leave=grouped("leave", "datetime64[s]"),
        speed_kmh=grouped("speed", np.float64),
        is_trip_end=grouped("is_trip_end", bool),
    )


def rows(made: Traversals) -> list[tuple[Any, ...]]:
    columns = [made.row, made.trace_id, made.sequence, made.heading]
    times = [made.enter.astype(np.int64), made.leave.astype(np.int64)]
    return list(zip(*(c.tolist() for c in [*columns, *times, made.enter_fraction, made.leave_fraction]), strict=True))


def walked(steps: list[Step]) -> list[tuple[Any, ...]]:
    """The same by hand: each trace by itself, from step to step."""
    runs: list[list[Step]] = []
    for segment, trace in sorted({(each.segment, each.trace) for each in steps}):
        own = [each for each in steps if (each.segment, each.trace) == (segment, trace)]
        for step in sorted(own, key=lambda each: each.order):
            before = runs[-1][-1] if runs and runs[-1][-1][:2] == (segment, trace) else None
            if before and (step.heading, step.from_, step.enter) == (before.heading, before.to, before.leave):
                runs[-1].append(step)
            else:
                runs.append([step])
    return [
        (*run[0][:4], run[0].enter, run[-1].leave, run[0].from_, run[-1].to)
        for run in runs
        if run[0].from_ != run[-1].to
    ]


def drive(trace: str, segment: int, order: int, places: list[float], start: int) -> list[Step]:
    """Steps from place to place along a segment, ten seconds each."""
    heading = "forward" if places[-1] >= places[0] else "backward"
    return [
        Step(segment, trace, order + i, heading, a, b, start + 10 * i, start + 10 * i + 10)
        for i, (a, b) in enumerate(pairwise(places))
    ]


PLACES = [[0.0, 0.5, 1.0], [1.0, 0.25, 0.0], [0.0, 1.0], [0.5, 0.5, 0.5], [0.0, 0.5, 0.5, 0.75], [0.5, 0.75]]
DRIVES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.sampled_from(PLACES), st.integers(0, 3)), max_size=8
)


@given(DRIVES, st.randoms(use_true_random=False))
def test_steps_become_what_a_walk_along_the_trace_finds(drives: list[Any], random: Any) -> None:
    steps: list[Step] = []
    for number, (trace, segment, places, minute) in enumerate(drives):
        steps += drive(trace, segment, 4096 * (number + 1), places, 60 * minute)
    random.shuffle(steps)  # tables are in the order in which they were partitioned
    assert rows(passed(steps)) == walked(steps)


def test_who_turns_on_a_segment_passes_it_twice() -> None:
    out, back = drive("a", 0, 1, [0.0, 0.5], 0), drive("a", 0, 2, [0.5, 0.0], 10)
    assert [each[3] for each in rows(passed(out + back))] == ["forward", "backward"]


def test_who_comes_again_passes_it_twice() -> None:
    made = passed(drive("a", 0, 1, [0.0, 1.0], 0) + drive("a", 0, 9, [0.0, 1.0], 100))
    assert made.sequence.tolist() == [1, 9]


def test_who_leaves_and_comes_back_to_the_same_place_passes_it_twice() -> None:
    made = passed(drive("a", 0, 1, [0.0, 0.5], 0) + drive("a", 0, 9, [0.5, 1.0], 300))
    assert made.sequence.tolist() == [1, 9]


def test_a_wait_belongs_to_the_traversal() -> None:
    made = passed(drive("a", 0, 1, [0.0, 0.5, 0.5, 0.5, 1.0], 0))
    assert rows(made) == [(0, "a", 1, "forward", 0, 40, 0.0, 1.0)]


def test_a_wait_has_the_heading_of_the_drive() -> None:
    """A vehicle that stands has no heading of its own, whatever its step says."""
    out, on = drive("a", 0, 1, [1.0, 0.5], 0), drive("a", 0, 3, [0.5, 0.0], 20)
    wait = Step(0, "a", 2, "forward", 0.5, 0.5, 10, 20)
    assert rows(passed([*out, wait, *on])) == [(0, "a", 1, "backward", 0, 30, 1.0, 0.0)]
    assert rows(passed([*out, wait._replace(trace="b")])) == [(0, "a", 1, "backward", 0, 10, 1.0, 0.5)]


def test_the_place_where_a_route_touches_a_segment_is_no_traversal() -> None:
    assert rows(passed([Step(0, "a", 1, "forward", 1.0, 1.0, 0, 0)])) == []


def test_rounding_of_moments_and_places_parts_nothing() -> None:
    first = Step(0, "a", 1, "forward", 0.0, 0.3, 0, 10)
    second = first._replace(order=2, from_=0.1 + 0.2, to=1.0, enter=10, leave=20)
    assert len(passed([first, second]).row) == 1


@pytest.mark.parametrize(
    ("speeds", "mean"),
    [((50.0, float("nan"), 40.0), 45.0), ((float("nan"),) * 3, None), ((0.0, 30.0, 0.0), 10.0)],
)
def test_known_speeds_are_averaged(speeds: tuple[float, ...], mean: float | None) -> None:
    steps = drive("a", 1, 1, [0.0, 0.2, 0.4, 1.0], 0)
    made = passed([step._replace(speed=speed) for step, speed in zip(steps, speeds, strict=True)])
    assert made.device_kmh.to_pylist() == [mean]


def test_one_step_at_a_trip_end_makes_the_traversal_one() -> None:
    steps = drive("a", 1, 1, [0.0, 0.2, 1.0], 0) + drive("b", 1, 1, [0.0, 1.0], 0)
    made = passed([step._replace(is_trip_end=step.trace == "a" and step.order == 2) for step in steps])
    assert made.is_trip_end.tolist() == [True, False]
