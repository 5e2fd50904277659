import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluation.calibration import (
    BINS,
    Bin,
    calibration_error,
    equal_mass,
    equal_width,
    interval,
    reliability,
)

TOLD = st.lists(st.tuples(st.integers(0, 1000).map(lambda n: n / 1000), st.booleans()), min_size=1, max_size=80)


def columns(told: list[Any]) -> tuple[Any, Any]:
    confidence, exact = zip(*told, strict=True)
    return np.array(confidence), np.array(exact)


@settings(deadline=None)  # scikit-learn is imported by the first one
@given(TOLD)
def test_equal_width_against_scikit_learn(told: list[Any]) -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    confidence, exact = columns(told)
    true, stated = calibration.calibration_curve(exact, confidence, n_bins=BINS, strategy="uniform")
    bins = reliability(equal_width(confidence), confidence, exact, np.ones(len(told)))
    assert [each.exact for each in bins] == pytest.approx(true.tolist())
    assert [each.confidence for each in bins] == pytest.approx(stated.tolist())


@given(TOLD)
def test_the_error_against_its_definition(told: list[Any]) -> None:
    """Guo et al. 2017, equation 3: the sum over bins of |B| / n · |acc(B) - conf(B)|, bins ((m-1)/M, m/M]."""
    confidence, exact = columns(told)
    total = 0.0
    for m in range(1, BINS + 1):
        inside = [(c, e) for c, e in told if (m - 1) / BINS < c <= m / BINS or (m == 1 and c == 0)]
        if inside:
            accuracy = sum(e for _, e in inside) / len(inside)
            stated = sum(c for c, _ in inside) / len(inside)
            total += len(inside) / len(told) * abs(accuracy - stated)
    bins = reliability(equal_width(confidence), confidence, exact, np.ones(len(told)))
    assert calibration_error(bins) == pytest.approx(total)


@given(TOLD, st.randoms())
def test_bins_of_equal_mass(told: list[Any], random: Any) -> None:
    confidence, exact = columns(told)
    weight = np.array([random.randint(1, 500) for _ in told], dtype=float)
    bins = equal_mass(confidence, weight)
    order = np.argsort(confidence, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    assert all(len(set(bins[confidence == value].tolist())) == 1 for value in confidence)
    largest = max(weight[confidence == value].sum() for value in confidence)
    assert np.bincount(bins, weights=weight).max() <= weight.sum() / BINS + largest + 1e-6
    told_bins = reliability(bins, confidence, exact, weight)
    assert sum(each.weight for each in told_bins) == pytest.approx(1)
    assert sum(each.weight * each.exact for each in told_bins) == pytest.approx(np.average(exact, weights=weight))


def test_distinct_confidences_of_equal_weight_fill_the_bins_alike() -> None:
    bins = equal_mass(np.linspace(0, 1, 300), np.ones(300))
    assert np.bincount(bins).tolist() == [20] * BINS


def test_well_and_badly_calibrated() -> None:
    confidence = np.array([0.8] * 10)
    right = np.array([True] * 8 + [False] * 2)
    ones = np.ones(10)
    assert calibration_error(reliability(equal_width(confidence), confidence, right, ones)) == pytest.approx(0)
    assert calibration_error(reliability(equal_width(confidence), confidence, ~right, ones)) == pytest.approx(0.6)


def test_weight_is_heeded() -> None:
    confidence, right, metres = np.array([0.9, 0.9]), np.array([True, False]), np.array([900.0, 100.0])
    assert reliability(equal_width(confidence), confidence, right, metres) == [Bin(pytest.approx(0.9), 0.9, 1.0)]


def test_no_prediction_has_no_error() -> None:
    nothing = np.zeros(0)
    assert math.isnan(calibration_error(reliability(equal_width(nothing), nothing, nothing.astype(bool), nothing)))


def test_an_interval_against_the_normal_approximation() -> None:
    """400 tiles of one segment each, 70 % right: 0.7 ± 1.96 · sqrt(0.7 · 0.3 / 400)."""
    flags = np.arange(400) % 10 < 7
    low, high = interval(flags, np.ones(400), np.arange(400), seed=1)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 400)
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.006)


def test_segments_of_one_tile_are_drawn_together() -> None:
    """Ten tiles of forty equal segments are as unsure as ten segments."""
    flags = np.repeat(np.arange(10) < 7, 40)
    wide = interval(flags, np.ones(400), np.repeat(np.arange(10), 40), seed=1)
    one_each = interval(np.arange(10) < 7, np.ones(10), np.arange(10), seed=1)
    assert tuple(wide) == pytest.approx(tuple(one_each))
    assert wide.high - wide.low > 0.4


def test_an_interval_follows_from_its_seed() -> None:
    flags, metres, tiles = np.arange(60) % 3 == 0, 1.0 + np.arange(60) ** 1.5, np.arange(60) // 2
    assert interval(flags, metres, tiles, seed=3) == interval(flags, metres, tiles, seed=3)
    assert interval(flags, metres, tiles, seed=3) != interval(flags, metres, tiles, seed=4)


def test_nothing_has_no_interval() -> None:
    nothing = np.zeros(0)
    assert all(map(math.isnan, interval(nothing.astype(bool), nothing, nothing.astype(int), seed=0)))
