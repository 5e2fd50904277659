"""Speeds of one segment as a histogram of text lines, with the limits that it may have."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import SpeedUnit
from tasks.limit_text import limit_kmh
from tasks.maxspeed import KMH_PER_UNIT

Floats = npt.NDArray[np.float64]

WIDTH = 40
"""Signs of the longest bar."""
NARROW, BROAD = 5, 10
"""Width of the bins in the unit; narrow ones up to `MOST_BINS`."""
MOST_BINS = 14
SHORTEST = "▏"
"""A bar that is none, but not empty either."""


def speed_histogram(speeds: Floats, limits: Sequence[str], unit: SpeedUnit) -> list[str]:
    r"""Return a line for each bin of speeds: from where on, how many, a bar, and the limits that lie in it.

    Parameters
    ----------
    speeds
        In km/h; those that are not finite are left out.
    limits
        As text; those beyond the bins, and `none`, are left out.
    unit
        That of the bins, which are 5 wide, in km/h 10 where the speeds spread far.

    Examples
    --------
    >>> print(*speed_histogram(np.array([44.0, 47.0, 48.0, 52.0]), ["30 km/h", "50 km/h"], SpeedUnit.KMH), sep="\n")
    40 km/h  1  ████████████████████
    45 km/h  2  ████████████████████████████████████████
    50 km/h  1  ████████████████████                      ◂ 50 km/h
    """
    known = np.asarray(speeds, dtype=np.float64)
    known = known[np.isfinite(known)] / KMH_PER_UNIT[unit]
    if not len(known):
        return []
    is_far = known.max() - known.min() > NARROW * MOST_BINS
    width = BROAD if is_far and unit == SpeedUnit.KMH else NARROW
    first, last = int(known.min() // width), int(known.max() // width)
    counts = np.bincount((known // width).astype(np.int64) - first, minlength=last - first + 1)
    heads = [f"{(first + i) * width} {unit}" for i in range(len(counts))]
    marks = _marks(limits, first, width, len(counts), unit)
    return [
        f"{head:>{max(map(len, heads))}}  {count:>{len(str(counts.max()))}}  {_bar(count, counts.max()):<{WIDTH}}"
        f"{f'  ◂ {mark}' if mark else ''}".rstrip()
        for head, count, mark in zip(heads, counts.tolist(), marks, strict=True)
    ]


def _marks(limits: Sequence[str], first: int, width: int, count: int, unit: SpeedUnit) -> list[str]:
    """Return the limits in each bin."""
    named: list[list[str]] = [[] for _ in range(count)]
    for limit in sorted(set(limits), key=limit_kmh):
        speed = limit_kmh(limit) / KMH_PER_UNIT[unit]
        if np.isfinite(speed) and first <= (place := int(round(speed, 6) // width)) < first + count:
            named[place - first].append(limit)
    return [", ".join(each) for each in named]


def _bar(count: int, most: int) -> str:
    """Return a bar of blocks, as long as the count."""
    blocks = round(WIDTH * count / most)
    return "█" * blocks or (SHORTEST if count else "")
