import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluation.scores import Score, is_exact, is_too_high, macro_f1, off_by, score, share

LIMITS = [20.0, 30.0, 40.0, 50.0, 80.0, math.inf]
MPH_25 = 25 * 1.609344

ROW = st.tuples(
    st.sampled_from(LIMITS),
    st.sampled_from([*LIMITS, 60.0, math.nan]),
    st.sampled_from([0.2, 0.5, 0.95, 1.0]),
    st.integers(1, 4000).map(float),
)
ROWS = st.lists(ROW, min_size=1, max_size=40)


def scored(rows: list[tuple[float, float, float, float]], *, by_count: bool = False) -> Score:
    truth, predicted, confidence, length = (np.array(column) for column in zip(*rows, strict=True))
    weight = np.ones(len(rows)) if by_count else length
    step = np.full(len(rows), 10.0)
    return score(truth=truth, predicted=predicted, confidence=confidence, step=step, length=length, weight=weight)


def close(one: Score, other: Score) -> bool:
    return all(a == pytest.approx(b, nan_ok=True, rel=1e-9) for a, b in zip(one[1:], other[1:], strict=True))


@pytest.mark.parametrize(
    ("truth", "predicted", "exact", "too_high", "off"),
    [
        (50.0, 50.0, True, False, 0.0),
        (40.0, MPH_25, True, False, MPH_25 - 40),  # a bare 40 where signs say 25 mph
        (50.0, 30 * 1.609344, False, False, 50 - 30 * 1.609344),
        (50.0, 60.0, False, True, 10.0),
        (50.0, 30.0, False, False, 20.0),
        (math.inf, math.inf, True, False, 0.0),
        (math.inf, 130.0, False, False, math.inf),
        (130.0, math.inf, False, True, math.inf),
        (50.0, math.nan, False, False, math.nan),
        (math.inf, math.nan, False, False, math.nan),
    ],
)
def test_one_limit(truth: float, predicted: float, exact: bool, too_high: bool, off: float) -> None:
    one, other = np.array([truth]), np.array([predicted])
    assert (is_exact(one, other)[0], is_too_high(one, other)[0]) == (exact, too_high)
    assert off_by(one, other)[0] == pytest.approx(off, nan_ok=True)


def test_a_score_by_hand() -> None:
    """Of 1,000 m: 500 right and sure, 200 one step too high and sure, 200 far too low, 100 unknown."""
    rows = [
        (50.0, 50.0, 0.99, 500.0),
        (50.0, 60.0, 0.95, 200.0),
        (80.0, 30.0, 0.50, 200.0),
        (30.0, math.nan, 1.0, 100.0),
    ]
    told = scored(rows)
    assert (told.segments, told.km) == (4, 1.0)
    assert (told.exact, told.one_step, told.too_high, told.covered) == pytest.approx((0.5, 0.7, 0.2, 0.9))
    assert (told.sure, told.sure_exact, told.sure_too_high) == pytest.approx((0.7, 5 / 7, 2 / 7))
    # 50: 500 m right of 700 true and 500 told; 80 and 30: none right
    assert told.macro_f1 == pytest.approx((2 * 500 / (700 + 500)) / 3)
    assert scored(rows, by_count=True).exact == 0.25


@settings(deadline=None)  # scikit-learn is imported by the first one
@given(ROWS, st.booleans())
def test_macro_f1_and_exact_match_against_scikit_learn(rows: list[Any], by_count: bool) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted, _, length = (np.array(column) for column in zip(*rows, strict=True))
    weight = np.ones(len(rows)) if by_count else length
    true, told = (["none" if math.isnan(kmh) else str(kmh) for kmh in column] for column in (truth, predicted))
    f1 = metrics.f1_score(true, told, labels=sorted(set(true)), average="macro", sample_weight=weight, zero_division=0)
    found = scored(rows, by_count=by_count)
    assert found.macro_f1 == pytest.approx(f1)
    assert found.exact == pytest.approx(metrics.accuracy_score(true, told, sample_weight=weight))


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[Any], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert close(scored(shuffled), scored(rows))


@given(ROWS)
def test_a_perfect_prediction(rows: list[Any]) -> None:
    told = scored([(truth, truth, 1.0, length) for truth, _, _, length in rows])
    assert told[2:] == pytest.approx((1, 1, 1, 0, 1, 1, 1, 1, 0))


@given(ROWS, st.integers(0, 39), st.floats(0.1, 0.9))
def test_splitting_a_segment_leaves_scores_by_length(rows: list[Any], at: int, part: float) -> None:
    row = rows[at % len(rows)]
    halves = [(*row[:3], row[3] * part), (*row[:3], row[3] * (1 - part))]
    assert close(scored([*rows[: at % len(rows)], *halves, *rows[at % len(rows) + 1 :]]), scored(rows))


@given(ROWS)
def test_what_is_not_predicted_is_neither_exact_nor_too_high(rows: list[Any]) -> None:
    told = scored([(truth, math.nan, confidence, length) for truth, _, confidence, length in rows])
    assert (told.exact, told.one_step, told.too_high, told.covered, told.macro_f1, told.sure) == (0, 0, 0, 0, 0, 0)
    assert math.isnan(told.sure_exact)


def test_a_miles_value_counts_as_the_bare_number_it_means() -> None:
    told = macro_f1(np.array([40.0, 48.0]), np.array([MPH_25, 30 * 1.609344]), np.ones(2))
    assert told == 1.0


def test_both_signs_of_a_step_count() -> None:
    """30 mph is one step from 35 mph and from 25 mph, and from a bare 40 or 56 that stands for them."""
    rows = [(30 * 1.609344, kmh, 0.5, 1.0) for kmh in (MPH_25, 40.0, 35 * 1.609344, 56.0, 20 * 1.609344)]
    truth, predicted, confidence, length = (np.array(column) for column in zip(*rows, strict=True))
    step = np.full(5, 5 * 1.609344)
    told = score(truth=truth, predicted=predicted, confidence=confidence, step=step, length=length, weight=length)
    assert told.one_step == pytest.approx(0.8)


def test_a_bare_number_whose_whole_differs() -> None:
    """96 is 60 mph (96.56 km/h, whole 97) cut off: exact, and so of the same class."""
    truth, predicted = np.array([96.56, 50.0]), np.array([96.0, 50.0])
    assert is_exact(truth, predicted).all()
    assert macro_f1(truth, predicted, np.ones(2)) == 1.0


def test_nothing_has_no_share() -> None:
    assert math.isnan(share(np.zeros(0, dtype=bool), np.zeros(0)))
    assert math.isnan(macro_f1(np.zeros(0), np.zeros(0), np.zeros(0)))


def test_within_ten_is_in_kmh_whatever_the_signs_say() -> None:
    rows = [(50.0, kmh, 0.5, 1.0) for kmh in (50.0, 39.0, 38.9, 61.0, 61.1, math.nan, math.inf)]
    assert scored(rows).within_10 == pytest.approx(3 / 7)
