"""The weights of the evidence, and how they are learned: a logistic regression whose signs are given."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from tasks.built_up_model.evidence import NAMES, PIECES
from tasks.built_up_model.surroundings import Floats

FILE = Path(__file__).with_name("weights.json")
PENALTY = 3.0
"""Strength of the pull of every weight to the one expected, in examples."""


class Weights(NamedTuple):
    """A logistic model: log-odds where nothing is known, and what each piece of evidence adds."""

    intercept: float
    pieces: tuple[float, ...]
    """One for each of `PIECES`."""

    def log_odds(self, evidence: Floats) -> Floats:
        """Return the log-odds of built up for each row of evidence."""
        odds: Floats = self.intercept + (evidence * np.array(self.pieces)).sum(axis=1)
        return odds


def learn(evidence: Floats, is_built_up: npt.NDArray[np.bool_], counts: Floats, *, penalty: float = PENALTY) -> Weights:
    """Return the weights that make the truth likeliest, each with the sign that its piece may have.

    Parameters
    ----------
    evidence
        One row for each example; shape (n, len(PIECES)).
    counts
        What each example counts.
    """
    target = is_built_up.astype(np.float64)
    design = np.column_stack([np.ones(len(evidence)), evidence])
    pull = np.append(0.1, np.full(len(PIECES), penalty))
    expected = np.array([0.0] + [piece.expected for piece in PIECES])

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = design @ weights
        away = weights - expected
        value = np.sum(counts * (np.logaddexp(0, odds) - target * odds)) + 0.5 * np.sum(pull * away**2)
        return float(value), design.T @ (counts * (expit(odds) - target)) + pull * away

    bounds = [(None, None)] + [_bounds(piece.sign) for piece in PIECES]
    found = minimize(loss, expected, jac=True, method="L-BFGS-B", bounds=bounds)
    intercept, *pieces = np.round(found.x, 3).tolist()
    return Weights(intercept, tuple(pieces))


def _bounds(sign: int) -> tuple[float | None, float | None]:
    return {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}[sign]


def as_json(weights: Weights, source: Mapping[str, Any]) -> str:
    """Return the weights as text to review, one piece a line, with what they were learned from."""
    told = {"source": source, "intercept": weights.intercept, "weights": dict(zip(NAMES, weights.pieces, strict=True))}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


@lru_cache(maxsize=4)
def read_weights(file: Path = FILE) -> Weights:
    """Return the weights of a file.

    Raises
    ------
    ValueError
        If the file lacks a piece of evidence, or has one that is not known.
    """
    told = json.loads(file.read_text())
    if differing := set(told["weights"]) ^ set(NAMES):
        raise ValueError(f"{file}: weights differ from the evidence in {', '.join(sorted(differing))}")
    return Weights(told["intercept"], tuple(told["weights"][name] for name in NAMES))
