"""Random examples for the model of limits: roads whose limit follows from their attributes, mostly."""

from typing import Any

import numpy as np

from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import Examples

LIMITS = ("30 km/h", "50 km/h", "80 km/h")


def random_attributes(count: int, seed: int = 0) -> np.ndarray:
    """Numbers such as attributes have, in single precision as the table keeps them."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (count, len(ATTRIBUTES))).round(1).astype(np.float32).astype(np.float64)


def examples(count: int = 120, *, seed: int = 0, limits: tuple[str, ...] = LIMITS) -> Examples:
    """Examples of a country; the first attribute decides, but for every tenth."""
    rng = np.random.default_rng(seed)
    known = random_attributes(count, seed)
    chosen = np.clip(np.searchsorted([-1.0, 1.0], known[:, 0]), 0, len(limits) - 1)
    chosen[::10] = rng.integers(0, len(limits), len(chosen[::10]))
    kinds = [("primary", "residential", "trunk/link")[i] for i in rng.integers(0, 3, count)]
    return Examples(known, [limits[i] for i in chosen], kinds, rng.uniform(10, 900, count))


def witness(limit: str, **weights: float) -> dict[str, Any]:
    """One row of CONTINUITY's witnesses."""
    return {"limit": limit, "near": 0.0, "far": 0.0, "named": 0.0, "alike": 0.0, "around": 0.0} | weights
