"""In which classes a map shows how roads are driven: speeds, speed at rush hour, number of traces."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tasks.legend import GREY, RAMP, Colour, Entry, View

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

SPEED_EDGES = (20, 30, 40, 50, 60, 80, 100, 120)
"""Highest speed (km/h, rounded) of each class but the last."""

SHARE_EDGES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Lowest share of the free-flow speed of each class but the first."""

TRACE_EDGES = (5, 10, 20, 50, 100, 200, 500, 1000)
"""Lowest number of traces of each class but the first."""

NONE = "no profile"
"""The class of segments that nothing is known of."""


def speed_view(name: str, kmh: Floats, metres: Floats) -> View:
    """Return the segments by a speed in km/h; NaN is none. `metres` are their lengths.

    Examples
    --------
    >>> view = speed_view("Free flow", np.array([50.0, np.nan, 40.2]), np.array([10.0, 20.0, 30.0]))
    >>> [(entry.label, entry.metres) for entry in view.entries], view.codes
    ([('31–40', 30.0), ('41–50', 10.0), ('no profile', 20.0)], [1, 2, 0])
    """
    between = [f"{low + 1}–{high}" for low, high in pairwise(SPEED_EDGES)]
    labels = [f"up to {SPEED_EDGES[0]}", *between, f"over {SPEED_EDGES[-1]}"]
    return _graded(name, np.searchsorted(SPEED_EDGES, np.round(kmh), side="left"), kmh, labels, RAMP, metres)


def share_view(name: str, share: Floats, metres: Floats) -> View:
    """Return the segments by a share of their free-flow speed, 1 is all of it; NaN is none.

    What flows worst stands out most.
    """
    shown = [f"{100 * edge:.0f}" for edge in SHARE_EDGES]
    between = [f"{low}–{high} %" for low, high in pairwise(shown)]
    labels = [f"under {shown[0]} %", *between, f"{shown[-1]} % or more"]
    return _graded(name, np.searchsorted(SHARE_EDGES, share, side="right"), share, labels, RAMP[::-1], metres)


def trace_view(name: str, traces: Floats, metres: Floats) -> View:
    """Return the segments by how many traces passed them; NaN is unknown."""
    between = [f"{low}–{high - 1}" for low, high in pairwise(TRACE_EDGES)]
    labels = [f"under {TRACE_EDGES[0]}", *between, f"{TRACE_EDGES[-1]:,} or more"]
    return _graded(name, np.searchsorted(TRACE_EDGES, traces, side="right"), traces, labels, RAMP, metres)


def _graded(
    name: str, codes: Codes, values: Floats, labels: Sequence[str], ramp: Sequence[Colour], metres: Floats
) -> View:
    """Return a view of the classes in use, their colours spread over the whole ramp; where a value is NaN, grey."""
    codes = np.where(np.isnan(values), len(labels), codes)
    used, place = np.unique(codes, return_inverse=True)
    counts, lengths = np.bincount(place), np.bincount(place, weights=metres)
    spread = np.linspace(0, len(ramp) - 1, max(int((used < len(labels)).sum()), 1)).round().astype(int)
    colours = [*(ramp[i] for i in spread[: len(used)]), GREY]
    words = [*labels, NONE]
    entries = [
        Entry(words[code], GREY if code == len(labels) else colours[i], int(counts[i]), float(lengths[i]))
        for i, code in enumerate(used.tolist())
    ]
    return View(name, entries, place.tolist())
