"""In which classes a map shows how roads are driven: speeds, speed at rush hour, number of traces."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import SpeedUnit
from tasks.legend import GREY, RAMP, Colour, Entry, View

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

SPEED_EDGES = {SpeedUnit.KMH: (20, 30, 40, 50, 60, 80, 100, 120), SpeedUnit.MPH: (15, 25, 35, 45, 55, 65, 75, 85)}
"""Highest speed (rounded) of each class but the last."""

SHARE_EDGES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Lowest share of the free-flow speed of each class but the first."""

TRACE_EDGES = (5, 10, 20, 50, 100, 200, 500, 1000)
"""Lowest number of traces of each class but the first."""

NONE = "no profile"
"""The class of segments that nothing is known of."""


def speed_view(name: str, speeds: Floats, sides: Floats, metres: Floats, unit: SpeedUnit) -> View:
    """Return the segments by a speed in `unit`; NaN is none.

    Shape: `speeds` and `metres`, the lengths, (n,) of segments; `sides` (m,) of headings, which get classes as well.

    Examples
    --------
    >>> view = speed_view(
    ...     "Free flow", np.array([50.0, np.nan]), np.array([40.2, 50.0]), np.array([10.0, 20.0]), SpeedUnit.KMH
    ... )
    >>> [(entry.label, entry.metres) for entry in view.entries], view.codes, view.sides
    ([('31–40', 0.0), ('41–50', 10.0), ('no profile', 20.0)], [1, 2], [0, 1])
    """
    edges = SPEED_EDGES[unit]
    labels = [f"up to {edges[0]}", *(f"{low + 1}–{high}" for low, high in pairwise(edges)), f"over {edges[-1]}"]
    values = np.append(speeds, sides)
    return _graded(name, np.searchsorted(edges, np.round(values), side="left"), values, labels, RAMP, metres)


def share_view(name: str, shares: Floats, sides: Floats, metres: Floats) -> View:
    """Return the segments by a share of their free-flow speed, 1 is all of it; shapes as in `speed_view`.

    What flows worst stands out most.
    """
    shown = [f"{100 * edge:.0f}" for edge in SHARE_EDGES]
    between = [f"{low}–{high} %" for low, high in pairwise(shown)]
    labels = [f"under {shown[0]} %", *between, f"{shown[-1]} % or more"]
    values = np.append(shares, sides)
    return _graded(name, np.searchsorted(SHARE_EDGES, values, side="right"), values, labels, RAMP[::-1], metres)


def trace_view(name: str, traces: Floats, sides: Floats, metres: Floats) -> View:
    """Return the segments by how many traces passed them; NaN is unknown; shapes as in `speed_view`."""
    between = [f"{low}–{high - 1}" for low, high in pairwise(TRACE_EDGES)]
    labels = [f"under {TRACE_EDGES[0]}", *between, f"{TRACE_EDGES[-1]:,} or more"]
    values = np.append(traces, sides)
    return _graded(name, np.searchsorted(TRACE_EDGES, values, side="right"), values, labels, RAMP, metres)


def _graded(
    name: str, codes: Codes, values: Floats, labels: Sequence[str], ramp: Sequence[Colour], metres: Floats
) -> View:
    """Return a view of the classes in use, their colours spread over the whole ramp; where a value is NaN, grey.

    Shape: `values` and their `codes` are of segments first, as many as `metres`, then of headings.
    """
    codes = np.where(np.isnan(values), len(labels), codes)
    used, place = np.unique(codes, return_inverse=True)
    owned = place[: len(metres)]
    counts, lengths = np.bincount(owned, minlength=len(used)), np.bincount(owned, metres, len(used))
    spread = np.linspace(0, len(ramp) - 1, max(int((used < len(labels)).sum()), 1)).round().astype(int)
    colours = [*(ramp[i] for i in spread[: len(used)]), GREY]
    words = [*labels, NONE]
    entries = [
        Entry(words[code], GREY if code == len(labels) else colours[i], int(counts[i]), float(lengths[i]))
        for i, code in enumerate(used.tolist())
    ]
    return View(name, entries, owned.tolist(), place[len(metres) :].tolist())
