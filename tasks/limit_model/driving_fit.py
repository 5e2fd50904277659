"""Learn how a country drives from the segments that are driven and whose limit the map states.

References
----------
As in `tasks.limit_model.driving`.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.limit_model.candidates import speed_order
from tasks.limit_model.driving import (
    COMMON,
    COMMON_MEANS,
    FREEDOM,
    Driven,
    Driving,
    design_of,
    deviation_of,
    standard_errors,
    taken,
    usual_scatter,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCATTER_EXAMPLES = 10.0
"""Examples that the usual scatter of roads counts as."""
TRUSTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Powers of the likelihood that are tried on examples left out."""
TRUST, TRUST_EXAMPLES = 0.7, 60
"""The power where there are fewer examples."""
ROUNDS = 8
"""Times that scatter and weights of the examples are found anew."""
ALIKE, ALIKE_PAIRS = 0.5, 20.0
"""Share of the scatter that parts of one record have in common, and the pairs of parts that this counts as."""
ALIKE_RANGE = (0.05, 0.9)
DIGITS = 6
"""Decimals that are kept: sums of many numbers differ beyond them from machine to machine."""
KIND_EXAMPLES = 3.0
"""Examples that the shares of limits over all roads count as beside those of a kind."""


class Lesson(NamedTuple):
    """Segments that are driven and whose limit is stated; one entry each."""

    driven: Driven
    limits: Sequence[str]
    records: Sequence[str]
    """What each segment is a part of; parts of one record have one limit."""


def learn_from(lesson: Lesson, stated: Sequence[str] = ()) -> Driving:
    """Return how a country drives; `stated` are limits of its roads that nobody drives, `lesson` may be empty."""
    limits = tuple(sorted({*stated, *lesson.limits}, key=speed_order))
    made = replace(fitted(lesson), limits=limits)
    return replace(made, trust=_trust(lesson, limits))


def fitted(lesson: Lesson) -> Driving:
    """Return the parameters that the examples make likeliest, with the prior, at full trust."""
    names = _names(lesson)
    design, speeds, errors = _matrix(names, lesson), lesson.driven.speeds, standard_errors(lesson.driven)
    known, place = np.unique(np.array(lesson.limits, dtype=str), return_inverse=True)
    usual = np.array([usual_scatter(each) for each in known.tolist()])
    prior = np.array([deviation_of(name) for name in names]) ** -2.0
    start = np.concatenate([COMMON_MEANS, np.zeros(len(names) - len(COMMON))])
    scatter, weights, means = usual, np.ones(len(speeds)), start
    precision, alike, crowd = np.diag(prior), ALIKE, _parts_of(lesson.records)
    for _ in range(ROUNDS):
        variance = scatter[place] ** 2 + errors**2
        counted = weights / (1 + (crowd - 1) * alike)
        pulled = design * (counted / variance)[:, None]
        precision = np.diag(prior) + pulled.T @ design
        means = np.linalg.solve(precision, prior * start + pulled.T @ speeds)
        missed = speeds - design @ means
        weights = (FREEDOM + 1) / (FREEDOM + missed**2 / variance)
        scatter = _scatter(weights * missed**2 - errors**2, place, usual)
        alike = _alike(np.sqrt(weights) * missed / scatter[place], lesson.records)
    told = dict(zip(known.tolist(), np.round(scatter, DIGITS).tolist(), strict=True))
    covariance = np.round(np.linalg.inv(precision), DIGITS)
    return Driving((), names, np.round(means, DIGITS), covariance, told, round(alike, DIGITS), 1.0, len(speeds))


def _parts_of(records: Sequence[str]) -> Floats:
    """Return how many of the examples are parts of the same record as each."""
    _, place, count = np.unique(np.array(records, dtype=str), return_inverse=True, return_counts=True)
    parts: Floats = count[place].astype(np.float64)
    return parts


def _alike(missed: Floats, records: Sequence[str]) -> float:
    """Return the correlation of what parts of one record miss their means by, leaning on `ALIKE` where pairs are few.

    Each record counts by its parts, not by its pairs: one long road does not tell for all.
    """
    _, place = np.unique(np.array(records, dtype=str), return_inverse=True)
    count, total, squares = (np.bincount(place, each) for each in (np.ones(len(missed)), missed, missed**2))
    several = count > 1
    products = (total**2 - squares)[several] / (count[several] - 1)
    own = squares[several].sum()
    share = (products.sum() + ALIKE_PAIRS * ALIKE) / (own + ALIKE_PAIRS)
    return float(np.clip(share, *ALIKE_RANGE))


def _names(lesson: Lesson) -> tuple[str, ...]:
    """Return the parameters that the examples say something of."""
    kinds, limits = sorted(set(lesson.driven.kinds)), sorted(set(lesson.limits), key=speed_order)
    cells = sorted({f"cell:{kind} {limit}" for kind, limit in zip(lesson.driven.kinds, lesson.limits, strict=True)})
    of_kinds = [f"{word}:{kind}" for word in ("kind", "slope") for kind in kinds]
    return (*COMMON, *of_kinds, *(f"limit:{limit}" for limit in limits), *cells)


def _matrix(names: Sequence[str], lesson: Lesson) -> Floats:
    """Return what each parameter is multiplied by for the own limit of each example; shape (n, parameters)."""
    made = np.zeros((len(lesson.limits), len(names)))
    stated = np.array(lesson.limits, dtype=object)
    for limit in sorted(set(lesson.limits)):
        rows = np.flatnonzero(stated == limit)
        design = design_of(names, taken(lesson.driven, rows), [limit])
        np.add.at(made, (rows[:, None], design.places[:, 0, :]), design.values[:, 0, :])
    return made


def _scatter(excess: Floats, place: Ints, usual: Floats) -> Floats:
    """Return how the roads of each limit scatter, leaning on the usual where there are few."""
    count = np.bincount(place, minlength=len(usual))
    total = np.maximum(np.bincount(place, excess, minlength=len(usual)), 0.0)
    scatter: Floats = np.sqrt((SCATTER_EXAMPLES * usual**2 + total) / (SCATTER_EXAMPLES + count))
    return scatter


def _trust(lesson: Lesson, limits: Sequence[str]) -> float:
    """Return the power with which the likelihood tells the limits of examples left out best.

    What is known of them otherwise is how often roads of their kind have each limit.
    """
    if len(lesson.limits) < TRUST_EXAMPLES:
        return TRUST
    gained = np.zeros(len(TRUSTS))
    folds = np.array([zlib.crc32(each.encode()) % 2 for each in lesson.records])
    for fold in (0, 1):
        seen, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(seen) or not len(asked):
            return TRUST
        taught = _part(lesson, seen)
        driven = taken(lesson.driven, asked)
        logs = np.log(np.maximum(fitted(taught).likelihood(driven, limits), 1e-12))
        prior = np.log(_kind_shares(taught, driven.kinds, limits))
        true = np.array([limits.index(lesson.limits[row]) for row in asked.tolist()])
        for number, trust in enumerate(TRUSTS):
            odds = prior + trust * logs
            told = odds[np.arange(len(true)), true] - np.logaddexp.reduce(odds, axis=1)
            gained[number] += told.sum()
    return TRUSTS[int(gained.argmax())]


def _part(lesson: Lesson, rows: npt.NDArray[np.intp]) -> Lesson:
    picked = rows.tolist()
    return Lesson(
        taken(lesson.driven, rows), [lesson.limits[row] for row in picked], [lesson.records[row] for row in picked]
    )


def _kind_shares(lesson: Lesson, kinds: Sequence[str], limits: Sequence[str]) -> Floats:
    """Return how often roads of each kind have each limit; shape (n, limits), none is 0."""
    place = {limit: number for number, limit in enumerate(limits)}
    known = sorted({*lesson.driven.kinds, *kinds})
    counts = np.zeros((len(known), len(limits)))
    rows = [known.index(kind) for kind in lesson.driven.kinds]
    np.add.at(counts, (rows, [place[limit] for limit in lesson.limits]), 1.0)
    overall = (counts.sum(axis=0) + 1.0) / (counts.sum() + len(limits))
    shares = (counts + KIND_EXAMPLES * overall) / (counts.sum(axis=1, keepdims=True) + KIND_EXAMPLES)
    found: Floats = shares[[known.index(kind) for kind in kinds]]
    return found
