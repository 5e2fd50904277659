import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.match_confidence import weigh
from tasks.match_kernel import Records, records
from tasks.match_lattice import (
    COLUMN,
    HEADING_NATS,
    STATE,
    TAIL,
    Lattice,
    choose,
    distance_nats,
    error_nats,
    heading_nats,
)
from tasks.match_motion import motion_room
from tasks.match_stretch import SPAN

SEGMENTS = 3


def spans() -> Records:
    """Two stretches of each segment."""
    stretches = np.arange(2 * SEGMENTS)
    return records(SPAN, segment=stretches // 2, from_at=stretches % 2 / 2, to_at=stretches % 2 / 2 + 0.5)


def random_lattice(rng: np.random.Generator, columns: int) -> Lattice:
    """Columns of a few states each, on edges of all headings; some ways between them are missing, no path is known."""
    widths = rng.integers(1, 5, columns)
    column = np.zeros(columns + 1, dtype=COLUMN)
    column["first"] = np.concatenate([[0], np.cumsum(widths)])
    state = np.zeros(widths.sum(), dtype=STATE)
    state["emission"] = rng.uniform(0, 4, len(state))
    state["back"] = -1
    for one, other in itertools.pairwise(column["first"]):
        state["edge"][one:other] = rng.permutation(4 * SEGMENTS)[: other - one]
    sizes = widths[:-1] * widths[1:]
    column["block"][:columns] = np.concatenate([[-1], np.cumsum(sizes) - sizes])
    weight = np.where(rng.random(sizes.sum()) < 0.2, np.inf, rng.uniform(0, 6, sizes.sum()))
    for block, size in zip(column["block"][1:columns], sizes, strict=True):
        weight[block + rng.integers(size)] = 1.0
    return Lattice(column, state, weight, motion_room(1))


def paths(lattice: Lattice) -> list[tuple[tuple[int, ...], float]]:
    """Return all paths through a lattice and what each costs."""
    column, state = lattice.column, lattice.state
    bounds = list(itertools.pairwise(column["first"].tolist()))
    made = []
    for path in itertools.product(*(range(*each) for each in bounds)):
        nats = float(state["emission"][list(path)].sum())
        for place, (one, other) in enumerate(itertools.pairwise(path), 1):
            (low, _), (high, end) = bounds[place - 1], bounds[place]
            nats += lattice.weight[column["block"][place] + (one - low) * (end - high) + other - high]
        made.append((path, nats))
    return made


def best_so_far(lattice: Lattice) -> None:
    """Write the best path to each state, as `advance` does."""
    column, state = lattice.column, lattice.state
    bounds = list(itertools.pairwise(column["first"].tolist()))
    state["total"] = state["emission"]
    for place in range(1, len(bounds)):
        (low, high), (_, end) = bounds[place - 1], bounds[place]
        block = column["block"][place]
        weight = lattice.weight[block : block + (high - low) * (end - high)].reshape(high - low, end - high)
        options = state["total"][low:high, None] + weight
        state["back"][high:end] = low + options.argmin(axis=0)
        state["total"][high:end] += options.min(axis=0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_chosen_path_is_the_cheapest_of_all(seed: int, columns: int) -> None:
    lattice = random_lattice(np.random.default_rng(seed), columns)
    best, nats = min(paths(lattice), key=lambda path: path[1])
    if np.isinf(nats):
        return
    best_so_far(lattice)
    choose(lattice, 0, columns)
    assert tuple(lattice.column["chosen"][:columns]) == best


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_confidence_is_the_share_of_all_paths_over_segment_and_heading(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    lattice, roads = random_lattice(rng, columns), spans()
    chances = [(path, np.exp(-nats)) for path, nats in paths(lattice)]
    total = sum(chance for _, chance in chances)
    if total == 0:
        return
    bounds = list(itertools.pairwise(lattice.column["first"].tolist()))
    lattice.column["chosen"][:columns] = [rng.integers(*each) for each in bounds]
    edge = lattice.state["edge"].tolist()
    weigh(lattice, 0, columns, roads)
    for place in range(columns):
        mine = edge[lattice.column["chosen"][place]]
        alike = [
            chance
            for path, chance in chances
            if edge[path[place]] // 4 == mine // 4 and edge[path[place]] % 2 == mine % 2
        ]
        assert lattice.column["confidence"][place] == pytest.approx(sum(alike) / total, abs=1e-9)


def state(sigmas: float, bearing: float) -> Records:
    """A state so many standard deviations off, to that side (radians from east)."""
    made = np.zeros(1, dtype=STATE)
    made["sigmas"], made["off_east"], made["off_north"] = sigmas, np.cos(bearing), np.sin(bearing)
    return made


def cost(one: Records, other: Records, kept: float) -> float:
    return error_nats(one[0], other[0], kept)


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 6.3), st.floats(0, 6.3), st.floats(0.01, 0.98))
def test_an_error_costs_what_a_normal_one_does_after_the_other(
    a: float, b: float, one: float, other: float, kept: float
) -> None:
    """Both are a pair of normal numbers; what the second costs is the pair less the first, and less the least cost."""
    alike = kept * np.cos(one - other)
    pair = np.array([a, b])
    square = pair @ np.linalg.inv([[1, alike], [alike, 1]]) @ pair - a * a
    least = 0.5 * np.log(1 - kept * kept)
    expected = 0.5 * square + 0.5 * np.log(1 - alike * alike) - least
    if square < TAIL * TAIL:
        assert cost(state(a, one), state(b, other), kept) == pytest.approx(expected, abs=1e-9)
    assert cost(state(a, one), state(b, other), kept) >= -1e-12


def test_an_error_that_stays_costs_less_than_one_that_jumps() -> None:
    same, across, behind = (cost(state(2, 0), state(2, bearing), 0.9) for bearing in (0, np.pi / 2, np.pi))
    assert same < across < behind


def test_an_error_after_a_long_time_costs_as_one_alone() -> None:
    assert cost(state(2, 0), state(5, 1), 1e-12) == pytest.approx(distance_nats(5, 1))


@pytest.mark.parametrize(
    ("east", "north", "heading", "kmh", "expected"),
    [
        (1, 0, 90, 50, 0.0),
        (0, 2, 90, 50, HEADING_NATS),
        (-3, 0, 90, 50, 2 * HEADING_NATS),
        (-3, 0, 90, 2, 0.0),
        (-3, 0, np.nan, 50, 0.0),
        (-3, 0, 90, np.nan, HEADING_NATS),
    ],
)
def test_headings_cost_by_what_they_are_off(
    east: float, north: float, heading: float, kmh: float, expected: float
) -> None:
    assert heading_nats(east, north, heading, kmh) == pytest.approx(expected, abs=1e-9)
