"""A week of speeds in five-minute bins, where sparse bins speak with the voice of coarser ones."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.speed_profile import WEEK_BINS
from tasks.threads import parts, side_by_side

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int16]
Places = npt.NDArray[np.int32]
Singles = npt.NDArray[np.float32]

BIN_MINUTES = 5
DAY_BINS = WEEK_BINS // 7
HOUR_BINS = DAY_BINS // 24
QUARTER_BINS = HOUR_BINS // 4
HOURS, QUARTERS = 3, 4
"""Levels of the hours of the week and of its quarters of an hour, among those of `Cells`."""
FIRST_WEEKEND_DAY = 5
"""Saturday, counted from Monday."""
DAY_PART_ENDS = (7, 9, 16, 19)
"""Hours at which night, morning peak, midday and evening peak end on weekdays; night begins again with the last."""


class Cells(NamedTuple):
    """The cells that speeds are pooled in: those of each level, coarse to fine, beside one another."""

    of_bin: Shorts
    """The cell of each bin on each level; shape (levels, 2016)."""
    parent: Shorts
    """The cell around each cell on the level before, down to the hours of the week; 0 for the week itself."""
    minutes: Shorts
    """Minutes of the week that each cell pools; 0 for the whole week; shape (cells,)."""


class WeekMeans(NamedTuple):
    """Weeks of many groups; shape (n, 2016) each."""

    kmh: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int32]
    minutes: Shorts


class WeekBins(NamedTuple):
    """The bins of the week in which each group was seen, in the order they come in."""

    starts: Ints
    """Those of group i are `starts[i]` to `starts[i + 1] - 1`; shape (n + 1,)."""
    bins: Shorts
    """Shape (m,)."""
    sums: Floats
    """Sum of the speeds (km/h) in each; shape (m,)."""
    counts: Places
    """Observations in each; shape (m,)."""


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
    levels = [np.zeros(WEEK_BINS, dtype=np.int64), day_parts(), hour, bins // HOUR_BINS, bins // QUARTER_BINS, bins]
    counts = [int(level.max()) + 1 for level in levels]
    of_bin = np.array([level + offset for level, offset in zip(levels, np.cumsum([0, *counts]), strict=False)])
    sizes = np.bincount(of_bin.ravel(), minlength=sum(counts))
    minutes = np.where(sizes == WEEK_BINS, 0, sizes * BIN_MINUTES).astype(np.int16)
    parent = np.zeros(sum(counts), dtype=np.int16)
    for level in range(1, len(of_bin)):
        parent[of_bin[level]] = of_bin[level - 1]
    return Cells(of_bin.astype(np.int16), parent[: sum(counts[: HOURS + 1])], minutes)


CELLS = week_cells()


def week_means(*, starts: Ints, week_bin: Shorts, trace: Places, speed_kmh: Singles, least_traces: int) -> WeekMeans:
    """Return for each group the mean speed (km/h) in each bin of the week, its count, and the minutes it is of.

    Shape: group i has the observations `starts[i]` to `starts[i + 1] - 1`; traces are numbered from 0 on. The mean is
    of the finest cell in which at least `least_traces` different traces were seen, of the whole week where there is
    none. The count is of the bin itself, 0 where fewer traces than that passed in it. Sums are taken in the order of
    the observations.

    Examples
    --------
    >>> bins, traces, speeds = np.array([0, 0, 1, 999]), np.array([7, 8, 7, 9]), np.array([30.0, 50.0, 40.0, 80.0])
    >>> made = week_means(
    ...     starts=np.array([0, 4]), week_bin=bins.astype(np.int16), trace=traces.astype(np.int32),
    ...     speed_kmh=speeds.astype(np.float32), least_traces=2,
    ... )
    >>> [made.kmh[0, bin].item() for bin in (0, 1, 3, 999)]
    [40.0, 40.0, 40.0, 50.0]
    >>> made.counts[0, [0, 1]].tolist(), made.minutes[0, [0, 1, 3, 999]].tolist()
    ([2, 0], [5, 15, 60, 0])
    """
    from tasks.week_profile_kernel import pool_weeks  # compiled code takes half a second to load

    _check_range("trace", trace, np.iinfo(np.int32).max)
    seen = seen_bins(starts=starts, week_bin=week_bin, speed_kmh=speed_kmh)
    shape = len(starts) - 1, WEEK_BINS
    made = WeekMeans(np.empty(shape, np.float32), np.zeros(shape, np.int32), np.empty(shape, np.int16))

    def fill(part: range) -> None:
        own, of_own = slice(part.start, part.stop), slice(part.start, part.stop + 1)
        week = WeekMeans(made.kmh[own], made.counts[own], made.minutes[own])
        bins = seen._replace(starts=seen.starts[of_own])
        pool_weeks(starts[of_own], week_bin, trace, least_traces, CELLS, bins, week)

    side_by_side(fill, parts(shape[0], work=shape[0] * WEEK_BINS))
    return made


def seen_bins(*, starts: Ints, week_bin: Shorts, speed_kmh: Singles) -> WeekBins:
    """Return sum and count of the speeds (km/h) in each bin of the week that has any, group by group.

    Shape: group i has the observations `starts[i]` to `starts[i + 1] - 1`.

    Examples
    --------
    >>> bins, speeds = np.array([9, 2, 9], np.int16), np.array([30.0, 40.0, 50.0], np.float32)
    >>> made = seen_bins(starts=np.array([0, 3]), week_bin=bins, speed_kmh=speeds)
    >>> made.bins.tolist(), made.sums.tolist(), made.counts.tolist(), made.starts.tolist()
    ([9, 2], [80.0, 40.0], [2, 1], [0, 2])
    """
    from tasks.week_profile_kernel import count_bins, pool_bins  # compiled code takes half a second to load

    _check_range("week_bin", week_bin, WEEK_BINS - 1)
    pieces = [slice(part.start, part.stop + 1) for part in parts(len(starts) - 1, work=len(week_bin))]
    counts = side_by_side(lambda piece: count_bins(starts[piece], week_bin), pieces)
    ends = np.cumsum(np.concatenate([[0], *counts]))
    made = WeekBins(ends, np.empty(ends[-1], np.int16), np.empty(ends[-1]), np.empty(ends[-1], np.int32))
    side_by_side(lambda piece: pool_bins(starts[piece], week_bin, speed_kmh, ends[piece], *made[1:]), pieces)
    return made


def _check_range(name: str, values: Shorts | Places, most: int) -> None:
    """Raise ValueError unless all values are 0 to `most`: compiled code does not look."""
    if len(values) and (values.min() < 0 or values.max() > most):
        place = int(np.argmax((values < 0) | (values > most)))
        raise ValueError(f"{name} {values[place]} of observation {place}: expected 0 to {most}")
