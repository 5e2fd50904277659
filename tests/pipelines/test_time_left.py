"""The time left that is told, held against stages that are simulated: tiles go to whichever worker is free."""

import heapq
import random
from collections.abc import Mapping

import pytest

from pipelines.time_left import LEAST_SHARE, TimeLeft, in_words

LAG_S = 1.0
"""How long workers take to start."""


def schedule(seconds: Mapping[str, float], workers: int) -> tuple[list[tuple[float, str]], float]:
    """When each tile is done, given out in the order of the mapping, and when the stage is."""
    free = [LAG_S] * workers
    done = []
    for tile, each in seconds.items():
        end = heapq.heappop(free) + each
        heapq.heappush(free, end)
        done.append((end, tile))
    return sorted(done), max(free)


def errors(seconds: Mapping[str, float], weights: Mapping[str, float], workers: int) -> dict[int, float]:
    """Time left as told less what it is, as a share of the whole stage, by percent of the time; nan for none."""
    done, total = schedule(dict(sorted(seconds.items(), key=lambda each: -weights[each[0]])), workers)
    left = TimeLeft(0.0, weights=weights, workers=workers)
    found = {}
    for percent in range(1, 100):
        now = total * percent / 100
        while done and done[0][0] <= now:
            at, tile = done.pop(0)
            left.add(tile, 0.0, seconds[tile], at=at)
        told = left.left(now)
        found[percent] = float("nan") if told is None else (told - (total - now)) / total
    return found


def tiles(*seconds: float) -> dict[str, float]:
    return {f"q{number}": each for number, each in enumerate(seconds)}


random_tiles = random.Random(7)
EVEN = tiles(*[1.0] * 200)
SKEWED = tiles(*(random_tiles.lognormvariate(0, 1.2) for _ in range(200)))
GIANT = tiles(150.0, *[1.0] * 100)
NOISE = tiles(*(random_tiles.lognormvariate(0, 0.3) for _ in range(200)))


@pytest.mark.parametrize(
    ("seconds", "weights", "at_20", "at_50"),
    [
        (EVEN, EVEN, 0.03, 0.02),
        (NOISE, EVEN, 0.08, 0.05),  # rows do not tell all
        (SKEWED, SKEWED, 0.30, 0.02),
        (GIANT, GIANT, 0.15, 0.15),  # one tile takes 60 % of the time of all
    ],
)
def test_the_error_is_small_where_weights_tell_the_work(
    seconds: dict[str, float], weights: dict[str, float], at_20: float, at_50: float
) -> None:
    found = errors(seconds, weights, workers=2)
    assert max(abs(found[percent]) for percent in range(20, 50)) < at_20
    assert max(abs(found[percent]) for percent in range(50, 100)) < at_50


def test_workers_that_idle_are_not_taken_for_busy() -> None:
    """Eight are told of, but only two compute."""
    done, total = schedule(EVEN, 2)
    left = TimeLeft(0.0, weights=EVEN, workers=8)
    for at, tile in done[:100]:
        left.add(tile, 0.0, 1.0, at=at)
    told = left.left(at)
    assert told == pytest.approx(total - at, rel=0.1)


def test_one_slow_tile_at_the_end_is_not_hidden() -> None:
    """Nobody knew of it; what is told grows while it runs, and never stands at nothing."""
    seconds = tiles(*[1.0] * 99, 20.0)
    found = errors(seconds, dict.fromkeys(seconds, 1.0), workers=2)
    assert max(abs(each) for percent, each in found.items() if percent > 10) < 0.30
    _, total = schedule(seconds, 2)
    late = [found[percent] * total + total * (1 - percent / 100) for percent in range(80, 100)]
    assert late == sorted(late)
    assert late[-1] > 5


def test_no_stage_ends_before_its_heaviest_tile_can() -> None:
    left = TimeLeft(0.0, weights={"q0": 150.0} | dict.fromkeys((f"q{i}" for i in range(1, 101)), 1.0), workers=16)
    for number in range(1, 51):
        left.add(f"q{number}", 0.0, 1.0, at=LAG_S + number / 15)
    told = left.left(5.0)
    assert told is not None
    assert told >= 145


def test_nothing_is_told_before_a_twentieth_is_done_unless_it_was_measured_before() -> None:
    blind, taught = TimeLeft(100.0), TimeLeft(100.0, expected_s=60.0)
    for each in (blind, taught):
        each.add("q0", 100 * LEAST_SHARE - 0.1, 1.0, at=9.0)
    assert blind.left(10.0) is None
    assert taught.left(10.0) == 50.0
    for each in (blind, taught):
        each.add("q1", 5.1, 1.0, at=10.0)
    assert blind.left(10.0) == taught.left(10.0) == pytest.approx(90.0)


def test_nothing_is_left_of_a_stage_that_is_done() -> None:
    left = TimeLeft(2.0, workers=2)
    left.add("q0", 2.0, 1.0, at=1.0)
    assert left.left(99.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (89.4, "89 s"), (90, "2 min"), (3600, "60 min"), (5430, "1 h 30 min"), (86_400, "24 h 0 min")],
)
def test_times_are_told_as_people_do(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
