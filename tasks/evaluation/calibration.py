"""Whether confidence means what it says: of what is stated with 0.8, four in five must be right.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On Calibration of Modern Neural Networks, ICML 2017: expected calibration
error over 15 bins of equal width, and reliability diagrams.
B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993: percentile intervals; clusters are drawn whole.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BINS = 15
DRAWS = 1000
LEVEL = 0.95


class Bin(NamedTuple):
    """Predictions of like confidence."""

    confidence: float
    """Mean of what was stated."""
    exact: float
    """Share that is right."""
    weight: float
    """Share of all predictions."""


class Interval(NamedTuple):
    """Where a figure lies with a probability of 95 %."""

    low: float
    high: float


def equal_width(confidence: Floats) -> npt.NDArray[np.intp]:
    """Return the bin of each confidence, of 15 of equal width; a bound belongs to the bin below it.

    Examples
    --------
    >>> equal_width(np.array([0.0, 1 / 15, 0.07, 1.0])).tolist()
    [0, 0, 1, 14]
    """
    return np.clip(np.ceil(np.round(confidence * BINS, 9)).astype(np.intp) - 1, 0, BINS - 1)


def equal_mass(confidence: Floats, weight: Floats) -> npt.NDArray[np.intp]:
    """Return the bin of each confidence, of 15 with equal weight; equal confidences share a bin.

    Examples
    --------
    >>> equal_mass(np.array([0.9, 0.2, 0.9, 0.5]), np.ones(4)).tolist()
    [11, 1, 11, 5]
    """
    _, which = np.unique(confidence, return_inverse=True)
    mass = np.bincount(which, weights=weight)
    middle = np.cumsum(mass) - mass / 2
    bins: npt.NDArray[np.intp] = np.minimum(middle / max(mass.sum(), 1e-300) * BINS, BINS - 1).astype(np.intp)
    return bins[which]


def reliability(bins: npt.NDArray[np.intp], confidence: Floats, exact: Flags, weight: Floats) -> list[Bin]:
    """Return each bin that holds predictions, by confidence.

    Examples
    --------
    >>> stated = np.array([0.9, 0.9, 0.5])
    >>> reliability(equal_width(stated), stated, np.array([True, False, True]), np.ones(3))[1]
    Bin(confidence=0.9, exact=0.5, weight=0.6666666666666666)
    """
    mass, stated, right = (
        np.bincount(bins, weights=weight * each, minlength=BINS) for each in (np.ones(len(bins)), confidence, exact)
    )
    filled = np.flatnonzero(mass)
    return [Bin(float(stated[i] / mass[i]), float(right[i] / mass[i]), float(mass[i] / mass.sum())) for i in filled]


def calibration_error(bins: list[Bin]) -> float:
    """Return the mean distance of confidence and share of right ones over all predictions; NaN without any.

    Examples
    --------
    >>> calibration_error([Bin(0.9, 1.0, 0.5), Bin(0.6, 0.5, 0.5)]).__round__(3)
    0.1
    """
    return sum(abs(each.confidence - each.exact) * each.weight for each in bins) if bins else float("nan")


def interval(flags: Flags, weight: Floats, tiles: npt.NDArray[np.intp], *, seed: int) -> Interval:
    """Return where the share of flagged weight lies, if whole tiles are drawn anew, 1,000 times.

    Examples
    --------
    >>> interval(np.array([True, True]), np.ones(2), np.array([0, 1]), seed=0)
    Interval(low=1.0, high=1.0)
    """
    if not weight.sum():
        return Interval(float("nan"), float("nan"))
    _, which = np.unique(tiles, return_inverse=True)
    total, right = np.bincount(which, weights=weight), np.bincount(which, weights=weight * flags)
    draws = np.random.default_rng(seed).multinomial(len(total), np.full(len(total), 1 / len(total)), size=DRAWS)
    shares = (draws @ right) / np.maximum(draws @ total, 1e-300)
    low, high = np.quantile(shares[draws @ total > 0], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))
