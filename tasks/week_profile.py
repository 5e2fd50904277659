"""A week of speeds in five-minute bins, where sparse bins speak with the voice of coarser ones."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.speed_profile import WEEK_BINS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int16]

BIN_MINUTES = 5
DAY_BINS = WEEK_BINS // 7
HOUR_BINS = DAY_BINS // 24
FIRST_WEEKEND_DAY = 5
"""Saturday, counted from Monday."""
DAY_PART_ENDS = (7, 9, 16, 19)
"""Hours at which night, morning peak, midday and evening peak end on weekdays; night begins again with the last."""


class Cells(NamedTuple):
    """The cells that speeds are pooled in: those of each level, coarse to fine, beside one another."""

    of_bin: Shorts
    """The cell of each bin on each level; shape (levels, 2016)."""
    starts: Ints
    """Where the bins of each cell start in `bins`; shape (cells + 1,)."""
    bins: Shorts
    """Bins of each cell, cell by cell; shape (levels × 2016,)."""
    minutes: Shorts
    """Minutes of the week that each cell pools; 0 for the whole week; shape (cells,)."""


class WeekMeans(NamedTuple):
    """Weeks of many groups; shape (n, 2016) each."""

    kmh: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int32]
    minutes: Shorts


def hours_of_week() -> Ints:
    """Return the hour of the local day of each bin; shape (2016,)."""
    return np.arange(WEEK_BINS) % DAY_BINS // HOUR_BINS


def is_weekend() -> npt.NDArray[np.bool_]:
    """Return whether each bin is on a Saturday or Sunday; shape (2016,)."""
    return np.arange(WEEK_BINS) // DAY_BINS >= FIRST_WEEKEND_DAY


def day_parts() -> Ints:
    """Return the part of the week that each bin lies in; shape (2016,).

    On weekdays night (19 to 7), morning peak (7 to 9), midday (9 to 16) and evening peak (16 to 19) are 0 to 3; on
    weekends night is 4 and day (7 to 19) 5.

    Examples
    --------
    >>> day_parts()[[0, 8 * 12, 12 * 12, 18 * 12, 23 * 12, 5 * 288, 5 * 288 + 12 * 12]].tolist()
    [0, 1, 2, 3, 0, 4, 5]
    """
    part = np.searchsorted(DAY_PART_ENDS, hours_of_week(), side="right") % len(DAY_PART_ENDS)
    return np.where(is_weekend(), len(DAY_PART_ENDS) + (part > 0), part)


def week_cells() -> Cells:
    """Return the levels of pooling, coarse to fine.

    They are the week; part of the day, on weekdays or the weekend; hour of the day, on weekdays or the weekend; hour
    of the week; quarter of an hour; the bin itself.
    """
    bins = np.arange(WEEK_BINS)
    hour = hours_of_week() + 24 * is_weekend()
    levels = [np.zeros(WEEK_BINS, dtype=np.int64), day_parts(), hour, bins // HOUR_BINS, bins // 3, bins]
    counts = [int(level.max()) + 1 for level in levels]
    of_bin = np.array([level + offset for level, offset in zip(levels, np.cumsum([0, *counts]), strict=False)])
    sizes = np.bincount(of_bin.ravel(), minlength=sum(counts))
    minutes = np.where(sizes == WEEK_BINS, 0, sizes * BIN_MINUTES).astype(np.int16)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    order = np.argsort(of_bin.ravel(), kind="stable") % WEEK_BINS
    return Cells(of_bin.astype(np.int16), starts, order.astype(np.int16), minutes)


CELLS = week_cells()


def week_means(*, starts: Ints, week_bin: Ints, trace: Ints, speed_kmh: Floats, least_traces: int) -> WeekMeans:
    """Return for each group the mean speed (km/h) in each bin of the week, its count, and the minutes it is of.

    Shape: group i has the observations `starts[i]` to `starts[i + 1] - 1`. The mean is of the finest cell in which
    at least `least_traces` different traces were seen, of the whole week where there is none. The count is of the bin
    itself, 0 where fewer traces than that passed in it. Sums are taken in the order of the observations.

    Examples
    --------
    >>> bins, traces, speeds = np.array([0, 0, 1, 999]), np.array([7, 8, 7, 9]), np.array([30.0, 50.0, 40.0, 80.0])
    >>> starts = np.array([0, 4])
    >>> made = week_means(starts=starts, week_bin=bins, trace=traces, speed_kmh=speeds, least_traces=2)
    >>> [made.kmh[0, bin].item() for bin in (0, 1, 3, 999)]
    [40.0, 40.0, 40.0, 50.0]
    >>> made.counts[0, [0, 1]].tolist(), made.minutes[0, [0, 1, 3, 999]].tolist()
    ([2, 0], [5, 15, 60, 0])
    """
    from tasks.week_profile_kernel import pooled_weeks  # compiled code takes half a second to load

    return WeekMeans(*pooled_weeks(starts, week_bin, trace, speed_kmh, least_traces, *CELLS))
