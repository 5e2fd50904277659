"""Weekly profiles as runs of equal bins, as a map page draws them; how fast a road is at rush hour."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.speed_profile import WEEK_BINS
from tasks.week_profile import day_parts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK = 1024
"""Profiles that are laid out at a time: 25 MB."""

HOUR_BINS, WEEK_MINUTES = 12, 10_080
RUN_NUMBERS = 4
"""Numbers that tell a run."""

PEAKS = (1, 3)
"""Parts of the day that are rush hour: weekday mornings and evenings."""


class Weeks(NamedTuple):
    """Bins of some profiles. Shape: (n, 2016) each; km/h, observations, and minutes that the mean is taken over."""

    kmh: Floats
    counts: Ints
    minutes: Ints


def weeks(profiles: pa.Table) -> Weeks:
    """Return the weekly profiles of rows of SPEED_PROFILE.

    Raises
    ------
    ValueError
        If a list does not have 2,016 values.
    """
    kmh, counts, minutes = (_matrix(profiles, name) for name in ("week_kmh", "week_count", "week_minutes"))
    return Weeks(kmh, counts.astype(np.int64), minutes.astype(np.int64))


def _matrix(profiles: pa.Table, name: str) -> Floats:
    column = profiles[name].combine_chunks()
    sizes = np.asarray(column.value_lengths())
    for row in np.flatnonzero(sizes != WEEK_BINS)[:1].tolist():
        owner = profiles["segment_id"][row].as_py()
        raise ValueError(f"speed_profile of segment_id {owner!r}: {sizes[row]} values in {name!r}, not {WEEK_BINS}")
    values: Floats = np.asarray(column.flatten(), dtype=np.float64)
    return values.reshape(-1, WEEK_BINS)


def rush_kmh(week: Weeks) -> Floats:
    """Return the speed (km/h) at the slower of both rush hours; NaN where no bin tells of them.

    They are weekdays 7 to 9 and 16 to 19, as `day_parts` has them; the speed is the mean of their bins, without those
    that only repeat the mean of the week.
    """
    parts, speeds = day_parts(), []
    for peak in PEAKS:
        minutes, kmh = week.minutes[:, parts == peak], week.kmh[:, parts == peak]
        tells = (minutes > 0) & ~np.isnan(kmh)
        total, bins = np.where(tells, kmh, 0.0).sum(axis=1), tells.sum(axis=1)
        speeds.append(np.divide(total, bins, out=np.full(len(bins), np.nan), where=bins > 0))
    slower: Floats = np.fmin(*speeds)
    return slower


def hourly(week: Weeks) -> Weeks:
    """Return weeks whose bins all tell the mean of their hour, for pages that would grow too heavy.

    It is the mean of the bins that are known; its width is an hour, or that of the widest bin of the hour.

    Examples
    --------
    >>> kmh, counts, minutes = np.full((1, 2016), 50.0), np.ones((1, 2016), dtype=int), np.full((1, 2016), 5)
    >>> kmh[0, :6] = 30.0
    >>> made = hourly(Weeks(kmh, counts, minutes))
    >>> made.kmh[0, [0, 11, 12]].tolist(), made.minutes[0, 0].item(), made.counts.sum().item()
    ([40.0, 40.0, 50.0], 60, 2016)
    """
    shape = (len(week.kmh), WEEK_BINS // HOUR_BINS, HOUR_BINS)
    kmh, wide = week.kmh.reshape(shape), np.where(week.minutes == 0, WEEK_MINUTES, week.minutes).reshape(shape)
    is_known = ~np.isnan(kmh)
    total, known = np.where(is_known, kmh, 0.0).sum(axis=2), is_known.sum(axis=2)
    mean = np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)
    widest = np.maximum(wide.max(axis=2), HOUR_BINS * 5)
    minutes = np.where(widest == WEEK_MINUTES, 0, widest)
    return Weeks(np.repeat(mean, HOUR_BINS, axis=1), week.counts, np.repeat(minutes, HOUR_BINS, axis=1))


def week_runs(week: Weeks) -> list[list[int]]:
    """Return each profile as runs of bins alike: bins, km/h (-1 for none), minutes, observations, in turn.

    Neighbours are alike if their speeds, rounded to km/h, and the widths behind them are the same.

    Examples
    --------
    >>> kmh = np.full((1, 2016), 50.0)
    >>> kmh[0, 0] = 30.0
    >>> week_runs(Weeks(kmh, np.ones((1, 2016), dtype=int), np.full((1, 2016), 5)))
    [[1, 30, 5, 1, 2015, 50, 5, 2015]]
    """
    kmh = np.where(np.isnan(week.kmh), -1, np.round(week.kmh)).astype(np.int64)
    is_new = np.ones(kmh.shape, dtype=bool)
    is_new[:, 1:] = (kmh[:, 1:] != kmh[:, :-1]) | (week.minutes[:, 1:] != week.minutes[:, :-1])
    first = np.flatnonzero(is_new)
    if not len(first):
        return []
    bins = np.diff(np.append(first, kmh.size))
    counts = np.add.reduceat(week.counts.ravel(), first)
    runs = np.stack([bins, kmh.ravel()[first], week.minutes.ravel()[first], counts], axis=1)
    return [part.ravel().tolist() for part in np.split(runs, np.cumsum(is_new.sum(axis=1))[:-1])]
