import math
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.boundary_offset import (
    Line,
    Offsets,
    boundary_offsets,
    chains,
    end_connectors,
    paired,
    road_of,
    together,
)
from tasks.evaluation.truth import Stretch

MAIN = ("primary", "name", "Main")
SIDE = ("residential", "name", "Side")


def whole(kmh: float) -> list[Stretch]:
    return [Stretch(0.0, 1.0, kmh)]


def line(first: str, last: str, truth: float, predicted: float, length: float = 100.0, road: Any = MAIN) -> Line:
    return Line(road, first, last, length, whole(truth), whole(predicted))


CASES = {
    "the same place": ([line("a", "b", 50, 50), line("b", "c", 70, 70)], (0.0,), 0, 0),
    "one segment too late": (
        [line("a", "b", 50, 50), line("b", "c", 70, 50), line("c", "d", 70, 70)], (100.0,), 0, 0),
    "never": ([line("a", "b", 50, 50), line("b", "c", 70, 50)], (), 1, 0),
    "invented": ([line("a", "b", 50, 50), line("b", "c", 50, 70)], (), 0, 1),
    "too far off": (
        [line("a", "b", 50, 50), line("b", "c", 70, 50, 501.0), line("c", "d", 70, 70)], (), 1, 1),
    "drawn the other way": ([line("b", "a", 50, 50), line("b", "c", 70, 70)], (0.0,), 0, 0),
    "roads of other names do not go on": (
        [line("a", "b", 50, 50), line("b", "c", 30, 30, road=SIDE)], (), 0, 0),
    "three ends of one road do not go on": (
        [line("a", "b", 50, 50), line("b", "c", 70, 70), line("b", "d", 70, 70)], (), 0, 0),
    "another road that crosses does not end it": (
        [line("a", "b", 50, 50), line("x", "b", 30, 30, road=SIDE), line("b", "c", 70, 70)], (0.0,), 0, 0),
    "from unlimited": ([line("a", "b", math.inf, 100), line("b", "c", 100, 100)], (), 1, 0),
    "25 mph and a bare 40 are one limit": ([line("a", "b", 40.2336, 40), line("b", "c", 40, 40)], (), 0, 0),
    "no number before it": ([line("a", "b", 50, math.nan), line("b", "c", 70, 70)], (), 1, 0),
    "nothing joins": ([line("a", "b", 50, 50), line("c", "d", 70, 70)], (), 0, 0),
    "no segment": ([], (), 0, 0),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "metres", "missed", "invented"), CASES.values(), ids=CASES)
def test_offsets(lines: list[Line], metres: tuple[float, ...], missed: int, invented: int) -> None:
    assert boundary_offsets(lines) == Offsets(metres, missed, invented)


def test_a_change_within_a_segment() -> None:
    parts = [Stretch(0.0, 0.3, 50.0), Stretch(0.3, 1.0, 70.0)]
    told = [Line(MAIN, "a", "b", 200.0, parts, whole(50.0)), line("b", "c", 70, 70)]
    assert boundary_offsets(told).metres == pytest.approx((140.0,))
    turned = [Stretch(0.0, 0.7, 70.0), Stretch(0.7, 1.0, 50.0)]
    other = [Line(MAIN, "b", "a", 200.0, turned, whole(50.0)), line("b", "c", 70, 70)]
    assert boundary_offsets(other).metres == pytest.approx((140.0,))


def test_a_ring_is_one_chain() -> None:
    ring = [line("a", "b", 50, 50), line("b", "c", 70, 70), line("c", "a", 50, 50)]
    assert [len(chain) for chain in chains(ring)] == [3]
    assert len(chains([line("a", "a", 50, 50)])) == 1


@pytest.mark.parametrize(
    ("name", "ref", "road"),
    [
        ("Main", "B 85", ("primary", "name", "Main")),
        (None, "B 85", ("primary", "ref", "B 85")),
        (None, None, ("primary", "record", "w1")),
    ],
)
def test_what_goes_on_as_what(name: str | None, ref: str | None, road: tuple[str, ...]) -> None:
    assert road_of(class_="primary", name=name, ref=ref, record="w1") == road


def test_connectors_along_a_segment_are_no_ends() -> None:
    told = [{"connector_id": "a", "at": 0.0}, {"connector_id": "x", "at": 0.5}, {"connector_id": "b", "at": 1.0}]
    assert end_connectors(told) == ("a", "b")
    assert end_connectors(told[1:2]) == (None, None)


ROAD = st.lists(
    st.tuples(st.sampled_from([30.0, 50.0, 70.0]), st.sampled_from([30.0, 50.0, 70.0]), st.integers(5, 400)),
    min_size=1,
    max_size=12,
)


def road(told: list[tuple[float, float, int]]) -> list[Line]:
    return [line(f"n{i}", f"n{i + 1}", *limits, float(metres)) for i, (*limits, metres) in enumerate(told)]


def reversed_line(one: Line) -> Line:
    return one._replace(first=one.last, last=one.first)


def close(one: Offsets, other: Offsets) -> bool:
    """Several ways to pair may have the least sum."""
    return one[1:] == other[1:] and sum(one.metres) == pytest.approx(sum(other.metres))


@given(ROAD, st.lists(st.booleans(), min_size=12, max_size=12), st.randoms())
def test_neither_drawing_direction_nor_order_matters(told: Any, turned: list[bool], random: Any) -> None:
    lines = road(told)
    other = [reversed_line(one) if turn else one for one, turn in zip(lines, turned, strict=False)]
    random.shuffle(other)
    assert close(boundary_offsets(lines), boundary_offsets(other))


@given(ROAD)
def test_a_perfect_prediction_is_off_by_nothing(told: Any) -> None:
    found = boundary_offsets(road([(truth, truth, metres) for truth, _, metres in told]))
    assert set(found.metres) <= {0.0}
    assert (found.missed, found.invented) == (0, 0)
    assert len(found.metres) == sum(one[0] != other[0] for one, other in pairwise(told))


@given(ROAD, st.integers(0, 11), st.floats(0.1, 0.9))
def test_splitting_a_segment_moves_no_change(told: Any, at: int, part: float) -> None:
    lines = road(told)
    one = lines[at % len(lines)]
    halves = [
        one._replace(last="middle", length_m=one.length_m * part),
        one._replace(first="middle", length_m=one.length_m * (1 - part)),
    ]
    assert close(boundary_offsets([*(each for each in lines if each is not one), *halves]), boundary_offsets(lines))


PLACES = st.lists(st.integers(0, 1500).map(float), max_size=4)


@given(PLACES, PLACES)
def test_pairs_against_trying_all(true: list[float], told: list[float]) -> None:
    short, long = sorted((true, told), key=len)
    ways = [
        [abs(a - b) for a, b in zip(short, other, strict=True) if abs(a - b) <= 500]
        for other in permutations(long, len(short))
    ]
    best = min(ways, key=lambda way: (-len(way), sum(way)))
    found = paired(true, told)
    assert (len(found), sum(found)) == (len(best), pytest.approx(sum(best)))


def test_offsets_of_several_maps() -> None:
    assert together([Offsets((30.0,), 1, 0), Offsets((10.0,), 0, 2)]) == Offsets((10.0, 30.0), 1, 2)
