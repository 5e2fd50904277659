"""Weigh all that speaks for each limit into one probability: boosted trees, learned where limits are known."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from tasks.limit_model.candidates import FEATURES, RISING
from tasks.limit_model.row_sum import row_sums

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FILE = Path(__file__).with_name("combiner.json")
"""The combiner that comes with Waysmith; `waysmith train` rebuilds it from the inputs that it names."""

SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 12,
    "learning_rate": 0.05,
    "min_data_in_leaf": 60,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.6,
    "lambda_l2": 8.0,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
TREES = 160
MOST_SURE = 0.98
"""Confidence that nothing inferred goes beyond: where all of few examples are right, some of many will not be."""
LEAST = 1e-6
"""Probability that no limit falls below before all are made to add up to 1."""


@dataclass(frozen=True)
class Combiner:
    """Boosted trees as LightGBM writes them, and what their probabilities are worth on roads they never saw."""

    trees: str
    calibration: dict[str, list[list[float]]]
    """For `km/h` and `mph`: probabilities as the trees state them, rising, and how often that came true."""
    source: dict[str, Any]
    """Inputs and figures of the training."""

    def probabilities(self, candidates: Floats, allowed: Flags) -> Floats:
        """Return the probability of each limit, before calibration; shape (n, limits), rows add up to 1.

        Limits that are not `allowed` have none.
        """
        chances: Floats = np.zeros(allowed.shape)
        if allowed.any():
            chances[allowed] = np.maximum(scores(self.trees, candidates[allowed]), LEAST)
        return chances / np.maximum(row_sums(chances), LEAST)

    def calibrated(self, shares: Floats, unit: str) -> Floats:
        """Return probabilities whose highest is worth what it says; the others share the rest as before."""
        stated, true = self.calibration[unit]
        if not shares.size:
            return shares
        rows, top = np.arange(len(shares)), shares.argmax(axis=1)
        highest = shares[rows, top]
        worth = np.maximum(np.interp(highest, stated, true), 1 / np.maximum((shares > 0).sum(axis=1), 1))
        rest = np.where(highest < 1, (1 - worth) / np.maximum(1 - highest, 1e-12), 0.0)
        spread: Floats = shares * rest[:, None]
        spread[rows, top] = 0.0
        spread[rows, top] = np.where(highest < 1, np.maximum(worth, spread.max(axis=1)), 1.0)
        known: Floats = np.where(shares.any(axis=1, keepdims=True), spread / row_sums(spread), 0.0)
        return known

    def to_json(self) -> str:
        """Return the combiner as text; the trees line by line."""
        told = {"source": self.source, "calibration": self.calibration, "trees": self.trees.splitlines()}
        return json.dumps(told, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Combiner":
        """Return the combiner written by `to_json`."""
        told = json.loads(text)
        return cls("\n".join(told["trees"]) + "\n", told["calibration"], told["source"])


def scores(trees: str, rows: Floats) -> Floats:
    """Return what trees give for rows of candidates, each by itself; 0 to 1."""
    return np.asarray(_booster(trees).predict(rows, num_threads=1), dtype=np.float64)


@lru_cache(maxsize=4)
def _booster(trees: str) -> lightgbm.Booster:
    return lightgbm.Booster(model_str=trees)


@lru_cache(maxsize=4)
def read_combiner(path: str | None = None, digest: str = "") -> Combiner:  # noqa: ARG001  (a changed file is another)
    """Return the combiner in a file, without one that which comes with Waysmith; read once in a process."""
    return Combiner.from_json((Path(path) if path else FILE).read_text(encoding="utf-8"))


def fit(candidates: Floats, hits: Floats, weights: Floats) -> str:
    """Return boosted trees that tell true limits from others, as LightGBM's text.

    More of what speaks for a limit never makes it less likely (`RISING`).

    Parameters
    ----------
    candidates
        Shape (rows, features): one row for a segment and a limit.
    hits
        1 where the limit is the true one, else 0.
    weights
        How much each row counts.
    """
    settings = SETTINGS | {"monotone_constraints": [int(name in RISING) for name in FEATURES]}
    data = lightgbm.Dataset(candidates, hits, weight=weights / weights.mean(), feature_name=list(FEATURES))
    return str(lightgbm.train(settings, data, num_boost_round=TREES).model_to_string())


def calibration_of(stated: Floats, is_right: Floats, weights: Floats) -> list[list[float]]:
    """Return how often stated probabilities came true, as a rising curve of points.

    Isotonic regression (Zadrozny and Elkan 2002), on examples that the trees were not trained on.
    """
    from sklearn.isotonic import IsotonicRegression

    found = IsotonicRegression(y_min=0.0, y_max=MOST_SURE, out_of_bounds="clip").fit(
        stated, is_right, sample_weight=weights
    )
    return [np.round(found.X_thresholds_, 5).tolist(), np.round(found.y_thresholds_, 5).tolist()]
