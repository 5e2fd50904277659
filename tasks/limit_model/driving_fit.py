"""Learn how a country drives from the segments that are driven and whose limit the map states.

References
----------
As in `tasks.limit_model.driving`.
A. Dempster, N. Laird, D. Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm, Journal of the Royal
Statistical Society B 39, 1977.
V. Chernozhukov et al., Double/Debiased Machine Learning, Econometrics Journal 21, 2018: what is judged is left out of
what it is judged by (cross-fitting).
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.ladder import OTHERS
from tasks.limit_model.candidates import speed_order
from tasks.limit_model.driving import (
    COMMON,
    COMMON_MEANS,
    FREEDOM,
    Driven,
    Driving,
    design_of,
    deviation_of,
    joint_logs,
    standard_errors,
    taken,
    usual_scatter,
    weight_of,
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
WRONG = 0.1
"""Share of the stated limits that are taken to be wrong before any speed is known.

More than maps have: with less, five false limits of one kind bear each other out; true ones are believed none the less.
"""
DOUBTS = 2
"""Times that examples are judged by the others."""
FOLDS = 5
"""Parts of the examples of which each is judged by all others."""
LEAST_LOG = -28.0
"""Logarithm of a likelihood that none falls below where examples are judged."""
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


class Apart(NamedTuple):
    """Some of the examples, and how the country drives by all others."""

    rows: npt.NDArray[np.intp]
    driving: Driving
    shares: Floats
    """How often roads of their kinds have each limit; shape (rows, limits)."""


class Voice(NamedTuple):
    """One record among the examples."""

    rows: npt.NDArray[np.intp]
    own: int
    """Place of the limit that it states."""
    shares: Floats
    """How often roads of its kind have each limit."""
    logs: Floats
    """How likely its speeds are under each limit, by the other records: logarithms, that of the likeliest 0."""


def learn_from(lesson: Lesson, stated: Sequence[str] = ()) -> Driving:
    """Return how a country drives; `stated` are limits of its roads that nobody drives, `lesson` may be empty.

    Some limits that a map states are wrong, and those roads teach nothing: a motorway with the limit of a street would
    say that limits mean little. Each example counts by how likely its limit is right (EM for a mixture of right and
    wrong statements). At first those limits count that are common on roads of their kind; then each is judged by how
    the others drive, its own record left out.
    """
    limits = tuple(sorted({*stated, *lesson.limits}, key=speed_order))
    beliefs = _commonness(lesson, limits)
    for _ in range(DOUBTS):
        beliefs = _beliefs(lesson, limits, _apart(lesson, beliefs, limits))
    trust = _trust(lesson, limits, _apart(lesson, beliefs, limits))
    return replace(fitted(lesson, beliefs), limits=limits, trust=trust)


def fitted(lesson: Lesson, beliefs: Floats | None = None) -> Driving:
    """Return the parameters that the examples make likeliest, with the prior, at full trust.

    Parameters
    ----------
    beliefs
        How likely the limit of each example is right, 0 to 1: what it counts as. Without it all count in full.
    """
    names = _names(lesson)
    beliefs = np.ones(len(lesson.limits)) if beliefs is None else beliefs
    design, speeds, errors = _matrix(names, lesson), lesson.driven.speeds, standard_errors(lesson.driven)
    known, place = np.unique(np.array(lesson.limits, dtype=str), return_inverse=True)
    usual = np.array([usual_scatter(each) for each in known.tolist()])
    prior = np.array([deviation_of(name) for name in names]) ** -2.0
    start = np.concatenate([COMMON_MEANS, np.zeros(len(names) - len(COMMON))])
    scatter, weights, means = usual, np.ones(len(speeds)), start
    precision, alike, crowd = np.diag(prior), ALIKE, _parts_of(lesson.records)
    for _ in range(ROUNDS):
        variance = scatter[place] ** 2 + errors**2
        counted = beliefs * weights / (1 + (crowd - 1) * alike)
        pulled = design * (counted / variance)[:, None]
        precision = np.diag(prior) + pulled.T @ design
        means = np.linalg.solve(precision, prior * start + pulled.T @ speeds)
        missed = speeds - design @ means
        weights = (FREEDOM + 1) / (FREEDOM + missed**2 / variance)
        scatter = _scatter(weights * missed**2 - errors**2, beliefs, place, usual)
        alike = _alike(np.sqrt(beliefs * weights) * missed / scatter[place], lesson.records)
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


def _scatter(excess: Floats, beliefs: Floats, place: Ints, usual: Floats) -> Floats:
    """Return how the roads of each limit scatter, leaning on the usual where there are few."""
    count = np.bincount(place, beliefs, minlength=len(usual))
    total = np.maximum(np.bincount(place, beliefs * excess, minlength=len(usual)), 0.0)
    scatter: Floats = np.sqrt((SCATTER_EXAMPLES * usual**2 + total) / (SCATTER_EXAMPLES + count))
    return scatter


def _commonness(lesson: Lesson, limits: Sequence[str]) -> Floats:
    """Return how common the limit of each example is on roads of its kind, as a share of the commonest there."""
    shares = _kind_shares(lesson, np.ones(len(lesson.limits)), lesson.driven.kinds, limits)
    own = [limits.index(limit) for limit in lesson.limits]
    common: Floats = shares[np.arange(len(own)), own] / shares.max(axis=1, initial=0.0)
    return common


def _apart(lesson: Lesson, beliefs: Floats, limits: Sequence[str]) -> list[Apart]:
    """Return the examples in parts, records left whole, with what all others teach."""
    folds = np.array([zlib.crc32(each.encode()) % FOLDS for each in lesson.records], dtype=np.int64)
    made = []
    for fold in np.unique(folds).tolist():
        seen, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        taught = _part(lesson, seen)
        kinds = [lesson.driven.kinds[row] for row in asked.tolist()]
        shares = _kind_shares(taught, beliefs[seen], kinds, limits)
        made.append(Apart(asked, fitted(taught, beliefs[seen]), shares))
    return made


def _voices(lesson: Lesson, limits: Sequence[str], apart: Sequence[Apart]) -> Iterator[Voice]:
    """Yield what the others say of each record."""
    for rows, driving, shares in apart:
        driven, records = taken(lesson.driven, rows), np.array([lesson.records[row] for row in rows.tolist()])
        expected, (_, place) = driving.expected(driven, limits), np.unique(records, return_inverse=True)
        order = np.argsort(place, kind="stable")
        for near in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
            logs = joint_logs(expected, near)
            heard = weight_of(driven.traces[near].max(keepdims=True))[0]
            own = limits.index(lesson.limits[rows[near[0]]])
            yield Voice(rows[near], own, shares[near].mean(axis=0), heard * np.maximum(logs - logs.max(), LEAST_LOG))


def _beliefs(lesson: Lesson, limits: Sequence[str], apart: Sequence[Apart]) -> Floats:
    """Return how likely the limit of each example is right, by the speeds of its record and the limits of its kind."""
    beliefs = np.ones(len(lesson.limits))
    for rows, own, shares, logs in _voices(lesson, limits, apart):
        chances = shares * np.exp(TRUST * logs)
        right, wrong = (1 - WRONG) * chances[own], WRONG / OTHERS * (chances.sum() - chances[own])
        beliefs[rows] = right / (right + wrong)
    return beliefs


def _trust(lesson: Lesson, limits: Sequence[str], apart: Sequence[Apart]) -> float:
    """Return the power with which the likelihood tells the limits of records left out best.

    What is known of them otherwise is how often roads of their kind have each limit. Where what is stated is wrong the
    likelihood tells nothing of it.
    """
    if len(lesson.limits) < TRUST_EXAMPLES or len(apart) < 2:
        return TRUST
    gained, powers = np.zeros(len(TRUSTS)), np.array(TRUSTS)[:, None]
    for _, own, shares, logs in _voices(lesson, limits, apart):
        chances = shares * np.exp(powers * logs)
        told = chances[:, own] / chances.sum(axis=1)
        gained += np.log((1 - WRONG) * told + WRONG * shares[own])
    return TRUSTS[int(gained.argmax())]


def _part(lesson: Lesson, rows: npt.NDArray[np.intp]) -> Lesson:
    picked = rows.tolist()
    return Lesson(
        taken(lesson.driven, rows), [lesson.limits[row] for row in picked], [lesson.records[row] for row in picked]
    )


def _kind_shares(lesson: Lesson, beliefs: Floats, kinds: Sequence[str], limits: Sequence[str]) -> Floats:
    """Return how often roads of each kind have each limit, each record as one; shape (n, limits), none is 0."""
    place = {limit: number for number, limit in enumerate(limits)}
    known = sorted({*lesson.driven.kinds, *kinds})
    number = {kind: row for row, kind in enumerate(known)}
    counts = np.zeros((len(known), len(limits)))
    rows = [number[kind] for kind in lesson.driven.kinds]
    np.add.at(counts, (rows, [place[limit] for limit in lesson.limits]), beliefs / _parts_of(lesson.records))
    overall = (counts.sum(axis=0) + 1.0) / (counts.sum() + len(limits))
    shares = (counts + KIND_EXAMPLES * overall) / (counts.sum(axis=1, keepdims=True) + KIND_EXAMPLES)
    found: Floats = shares[[number[kind] for kind in kinds]]
    return found
