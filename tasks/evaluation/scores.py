"""How right predicted limits are: shares of weight, which is one for each segment, or its metres.

A limit is a number in km/h, inf for unlimited roads, NaN where there is none. A prediction is exact within 1 km/h: a
bare `40` where signs are in miles is 25 mph (40.2 km/h) made whole. What is not predicted is not exact.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

TOLERANCE_KMH = 1.0
NEAR_KMH = 10.0
SURE = 0.95
"""Confidence from which a value is taken to be stated as sure."""


class Score(NamedTuple):
    """Shares of the weight of all segments, but where it says otherwise."""

    segments: int
    km: float
    exact: float
    one_step: float
    """Exact, or at the neighbouring limit."""
    within_10: float
    """Within 10 km/h of the truth, and 1 km/h more as above."""
    too_high: float
    covered: float
    """With a number, or known to be unlimited."""
    macro_f1: float
    sure: float
    """Stated with a confidence of 0.95 or more."""
    sure_exact: float
    """Share of those that are exact; NaN where there are none."""
    sure_too_high: float


def is_exact(truth: Floats, predicted: Floats) -> Flags:
    """Return which predictions are right within 1 km/h.

    Examples
    --------
    >>> is_exact(np.array([40.0, np.inf, 50.0]), np.array([40.2, np.inf, np.nan]))
    array([ True,  True, False])
    """
    return off_by(truth, predicted) <= TOLERANCE_KMH


def off_by(truth: Floats, predicted: Floats) -> Floats:
    """Return how much higher or lower a prediction is, in km/h; inf against a number is inf, NaN stays NaN."""
    with np.errstate(invalid="ignore"):
        off: Floats = np.where(truth == predicted, 0.0, np.abs(predicted - truth))
    return off


def is_too_high(truth: Floats, predicted: Floats) -> Flags:
    """Return which predictions allow more than the truth."""
    with np.errstate(invalid="ignore"):
        higher: Flags = (predicted > truth) & (off_by(truth, predicted) > TOLERANCE_KMH)
    return higher


def share(flags: Flags, weight: Floats) -> float:
    """Return the share of weight that is flagged; NaN where there is no weight.

    Examples
    --------
    >>> share(np.array([True, False]), np.array([300.0, 100.0]))
    0.75
    """
    total = float(weight.sum())
    return float(weight[flags].sum()) / total if total else float("nan")


def macro_f1(truth: Floats, predicted: Floats, weight: Floats) -> float:
    """Return the mean over all true limits of the harmonic mean of precision and recall; NaN without segments.

    A limit that is predicted and nowhere true lowers the recall of what it is predicted for, and counts no further:
    all predictors are measured by the same limits.

    Examples
    --------
    >>> macro_f1(np.array([50.0, 50.0, 30.0, 30.0]), np.array([50.0, 50.0, 50.0, 30.0]), np.ones(4)).__round__(3)
    0.733
    """
    if not len(truth):
        return float("nan")
    values, true = np.unique(np.round(truth), return_inverse=True)
    place = np.searchsorted(values, np.round(predicted)).clip(0, len(values) - 1)
    guess = np.where(values[place] == np.round(predicted), place, len(values))
    guess = np.where(is_exact(truth, predicted), true, guess)
    hit = np.bincount(true[true == guess], weights=weight[true == guess], minlength=len(values))
    there = np.bincount(true, weights=weight, minlength=len(values))
    told = np.bincount(guess, weights=weight, minlength=len(values) + 1)[:-1]
    return float(np.mean(2 * hit / np.maximum(there + told, np.finfo(float).tiny)))


def score(
    *, truth: Floats, predicted: Floats, confidence: Floats, step: Floats, length: Floats, weight: Floats
) -> Score:
    """Return how right predictions are; shape (n,) each, km/h, a probability (NaN: none), km/h, metres, any weight.

    Examples
    --------
    >>> speed = np.array([50.0, 30.0])
    >>> told = score(truth=speed, predicted=np.array([50.0, 40.0]), confidence=np.array([0.99, 0.6]),
    ...              step=np.full(2, 10.0), length=np.array([300.0, 100.0]), weight=np.array([300.0, 100.0]))
    >>> told.exact, told.one_step, told.too_high, told.sure, told.sure_exact
    (0.75, 1.0, 0.25, 0.75, 1.0)
    """
    exact, higher = is_exact(truth, predicted), is_too_high(truth, predicted)
    sure = (confidence >= SURE) & ~np.isnan(predicted)
    return Score(
        segments=len(truth),
        km=float(length.sum()) / 1000,
        exact=share(exact, weight),
        one_step=share(off_by(truth, predicted) <= step + TOLERANCE_KMH, weight),
        within_10=share(off_by(truth, predicted) <= NEAR_KMH + TOLERANCE_KMH, weight),
        too_high=share(higher, weight),
        covered=share(~np.isnan(predicted), weight),
        macro_f1=macro_f1(truth, predicted, weight),
        sure=share(sure, weight),
        sure_exact=share(exact[sure], weight[sure]),
        sure_too_high=share(higher[sure], weight[sure]),
    )
