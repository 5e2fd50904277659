"""Habits of a country: shares by hand, and what is learned where there is little to learn from."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.limit_model.habits import FEWEST_EXAMPLES, MOST_METRES, PRIOR_METRES, Examples, Habits, habits_of
from tasks.limit_text import limit_kmh
from tests.tasks.limit_model.lessons import examples, random_attributes


def through_parquet(habits: Habits) -> Habits:
    sink = pa.BufferOutputStream()
    pq.write_table(habits.to_table(), sink, compression="zstd")
    return Habits.from_table(pq.read_table(pa.BufferReader(sink.getvalue())))


def few(*told: tuple[str, str, float]) -> Examples:
    limits, kinds, metres = (list(column) for column in zip(*told, strict=True))
    return Examples(random_attributes(len(told)), limits, kinds, np.array(metres))


def test_shares_of_kinds_lean_on_all_roads() -> None:
    """Residential: 400 m of 30, 100 m of 50; primary: 500 m of 50, of which 2,000 m count as 500."""
    learned = habits_of(
        few(("30 km/h", "residential", 400), ("50 km/h", "residential", 100), ("50 km/h", "primary", 2000))
    )
    assert learned.limits == ("30 km/h", "50 km/h")
    assert learned.overall() == pytest.approx([0.4, 0.6])
    shares = learned.of_kinds(["residential", "primary", "track"])
    assert MOST_METRES == 500
    assert shares == pytest.approx(
        np.array(
            [
                [(400 + PRIOR_METRES * 0.4) / (500 + PRIOR_METRES), (100 + PRIOR_METRES * 0.6) / (500 + PRIOR_METRES)],
                [PRIOR_METRES * 0.4 / (500 + PRIOR_METRES), (500 + PRIOR_METRES * 0.6) / (500 + PRIOR_METRES)],
                [0.4, 0.6],
            ]
        )
    )


def test_limits_stand_by_speed() -> None:
    found = habits_of(
        few(*((limit, "primary", 100.0) for limit in ("none", "30 mph", "50 km/h", "5 km/h", "100 km/h")))
    )
    assert found.limits == ("5 km/h", "30 mph", "50 km/h", "100 km/h", "none")
    assert sorted(map(limit_kmh, found.limits)) == list(map(limit_kmh, found.limits))


@pytest.mark.parametrize(
    ("lesson", "has_forest"),
    [
        (examples(FEWEST_EXAMPLES), True),
        (examples(FEWEST_EXAMPLES - 1), False),
        (examples(80, limits=("50 km/h",)), False),
        (examples(1), False),
    ],
)
def test_with_little_to_learn_from_the_classes_stand_for_the_forest(lesson: Examples, has_forest: bool) -> None:
    learned = through_parquet(habits_of(lesson))
    assert (learned.forest is not None) == has_forest
    asked, kinds = random_attributes(9, seed=5), ["primary", "residential", "track"] * 3
    shares = learned.learned(asked, kinds)
    assert shares.sum(axis=1) == pytest.approx(np.ones(9))
    assert np.array_equal(shares, learned.of_kinds(kinds)) == (not has_forest)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(0, 99))
def test_habits_survive_parquet(count: int, seed: int) -> None:
    learned = habits_of(examples(count, seed=seed))
    back = through_parquet(learned)
    assert (back.limits, back.metres) == (learned.limits, learned.metres)
    assert (back.forest is None) == (learned.forest is None)
    asked = random_attributes(5, seed=seed + 1)
    assert np.array_equal(back.learned(asked, ["primary"] * 5), learned.learned(asked, ["primary"] * 5))


def test_the_forest_learns_what_decides() -> None:
    """The first attribute tells nine limits of ten; guessing the commonest gets half of them right."""
    learned = habits_of(examples(400))
    asked = examples(200, seed=9)
    chosen = learned.learned(asked.attributes, asked.kinds).argmax(axis=1)
    right = [learned.limits[i] == limit for i, limit in zip(chosen, asked.limits, strict=True)]
    assert np.mean(right) > 0.75
