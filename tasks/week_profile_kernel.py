"""The loops of weekly profiles, compiled: pooling of observations in cells of the week, and the speed of free flow."""

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.speed_profile import WEEK_BINS
from tasks.kernel import compiled
from tasks.week_profile import BIN_MINUTES, HOUR_BINS, HOURS, QUARTER_BINS, QUARTERS, Cells, WeekBins, WeekMeans

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Shorts = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.int8]
Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[Any]


@compiled
def traces_of(starts: Ints, trace: Places) -> Ints:
    """Return how many different traces each group has; shape (n,)."""
    made = np.zeros(len(starts) - 1, dtype=np.int64)
    met = _none_met(trace)  # the last group of each trace
    for group in range(len(starts) - 1):
        for each in trace[starts[group] : starts[group + 1]]:
            if met[each] < group:
                met[each] = group
                made[group] += 1
    return made


@compiled
def _none_met(trace: Places) -> Ints:
    """Return -1 for each trace."""
    return np.full(np.max(trace) + 1 if len(trace) else 0, -1, dtype=np.int64)


@compiled
def _most(starts: Ints) -> Any:
    """Return the size of the largest group."""
    most = 0
    for group in range(len(starts) - 1):
        most = max(most, starts[group + 1] - starts[group])
    return most


@compiled
def count_bins(starts: Ints, week_bin: Shorts) -> Ints:
    """Return in how many different bins each group was seen; shape (n,)."""
    made = np.zeros(len(starts) - 1, dtype=np.int64)
    met = np.full(WEEK_BINS, -1, dtype=np.int64)  # the last group of each bin
    for group in range(len(starts) - 1):
        for each in week_bin[starts[group] : starts[group + 1]]:
            made[group] += met[each] < group
            met[each] = group
    return made


@compiled
def pool_bins(
    starts: Ints, week_bin: Shorts, speed: Numbers, firsts: Ints, bins: Shorts, sums: Floats, counts: Places
) -> None:
    """Write the bins of each group from its `firsts` on, the sums of their speeds and their counts."""
    place = np.full(WEEK_BINS, -1, dtype=np.int64)  # of a bin among those of the group, if it is no earlier one's
    for group in range(len(starts) - 1):
        free = firsts[group]
        for index in range(starts[group], starts[group + 1]):
            each = week_bin[index]
            at = place[each]
            if at < firsts[group]:
                at = place[each] = free
                bins[at], sums[at], counts[at] = each, 0.0, 0
                free += 1
            sums[at] += speed[index]
            counts[at] += 1


@compiled
def pool_weeks(
    starts: Ints, week_bin: Shorts, trace: Places, least: int, cells: Cells, seen: WeekBins, into: WeekMeans
) -> None:
    """Write mean, count and minutes of each bin of each group; see `week_means`."""
    of_bin, count = cells.of_bin, len(cells.minutes)
    sums, counts = np.zeros(count), np.zeros(count, dtype=np.int32)
    traces, last = np.zeros(count, dtype=np.int32), np.full(count, -1, dtype=np.int32)
    means, widths = np.zeros(len(cells.parent), dtype=np.float32), np.zeros(len(cells.parent), dtype=np.int16)
    met, base, most = _none_met(trace), 0, _most(starts)
    order, ends = np.empty(most, dtype=np.int64), np.empty(most + 1, dtype=np.int64)
    reach = np.empty(WEEK_BINS, dtype=np.int8)
    for group in range(len(starts) - 1):
        rows, own = slice(starts[group], starts[group + 1]), slice(seen.starts[group], seen.starts[group + 1])
        bins, kmh, minutes = seen.bins[own], into.kmh[group], into.minutes[group]
        base += _bring_together(trace[rows], met, base, ends, order)
        _descend(week_bin[rows], trace[rows], of_bin, least, order, reach, traces, last)
        _pool(bins, seen.sums[own], seen.counts[own], of_bin, reach, sums, counts)
        _mean(sums, counts, cells.parent, cells.minutes, means, widths)
        _lay_out(of_bin[HOURS], means, widths, kmh, minutes)
        _refine(bins, of_bin, reach, sums, counts, kmh, into.counts[group], minutes)
        _clear(bins, of_bin, reach, sums, counts, traces, last)


@compiled
def _bring_together(trace: Places, met: Ints, base: int, ends: Ints, order: Ints) -> int:
    """Write an order that brings equal traces together, in the order they come in; return how many there are.

    `met` has what is below `base` for traces that are not met yet, and above it the number of those that are.
    """
    different = 0
    for each in trace:
        if met[each] < base:
            met[each] = base + different
            different += 1
            ends[different] = 0
        ends[met[each] - base + 1] += 1
    ends[0] = 0
    for number in range(different):
        ends[number + 1] += ends[number]
    for index in range(len(trace)):
        number = met[trace[index]] - base
        order[ends[number]] = index
        ends[number] += 1
    return different


@compiled
def _descend(
    week_bin: Shorts, trace: Places, of_bin: Shorts, least: int, order: Ints, reach: Bytes, traces: Places, last: Places
) -> None:
    """Write on how many levels, coarse to fine, `least` different traces were seen in the cell around each bin.

    The week counts as one of them. A finer cell has no more traces than the coarser one around it, so only what reached
    a level is looked at on the next. `last` holds the trace that was counted last in a cell.
    """
    left = len(week_bin)
    for each in week_bin:
        reach[each] = 1
    for level in range(1, len(of_bin)):
        cells = of_bin[level]
        for index in order[:left]:
            cell = cells[week_bin[index]]
            if last[cell] != trace[index]:
                last[cell] = trace[index]
                traces[cell] += 1
        kept = 0
        for index in order[:left]:
            if traces[cells[week_bin[index]]] >= least:
                reach[week_bin[index]] = level + 1
                order[kept] = index
                kept += 1
        left = kept


@compiled
def _pool(
    bins: Shorts, bin_sums: Floats, bin_counts: Places, of_bin: Shorts, reach: Bytes, sums: Floats, counts: Places
) -> None:
    """Add up the bins of a group in the cells around them, on the levels that each reaches."""
    for index in range(len(bins)):
        for level in range(reach[bins[index]]):
            cell = of_bin[level, bins[index]]
            sums[cell] += bin_sums[index]
            counts[cell] += bin_counts[index]


@compiled
def _mean(sums: Floats, counts: Places, parent: Shorts, minutes: Shorts, means: Singles, widths: Shorts) -> None:
    """Write what each cell down to the hours of the week says, its parent's word where it has none of its own."""
    means[0] = sums[0] / counts[0] if counts[0] else np.nan
    for cell in range(1, len(parent)):
        if counts[cell]:
            means[cell], widths[cell] = sums[cell] / counts[cell], minutes[cell]
        else:
            means[cell], widths[cell] = means[parent[cell]], widths[parent[cell]]


@compiled
def _lay_out(cells: Shorts, means: Singles, widths: Shorts, kmh: Singles, minutes: Shorts) -> None:
    """Write into all bins of a week what is told of their hours."""
    for first in range(0, WEEK_BINS, HOUR_BINS):
        cell = cells[first]
        kmh[first : first + HOUR_BINS] = means[cell]
        minutes[first : first + HOUR_BINS] = widths[cell]


@compiled
def _refine(
    bins: Shorts,
    of_bin: Shorts,
    reach: Bytes,
    sums: Floats,
    counts: Places,
    kmh: Singles,
    count: Places,
    minutes: Shorts,
) -> None:
    """Write what quarters of an hour and bins say themselves, and how many observations these have."""
    for each in bins:
        if reach[each] > QUARTERS:
            cell, first = of_bin[QUARTERS, each], each // QUARTER_BINS * QUARTER_BINS
            kmh[first : first + QUARTER_BINS] = sums[cell] / counts[cell]
            minutes[first : first + QUARTER_BINS] = BIN_MINUTES * QUARTER_BINS
    for each in bins:
        if reach[each] > QUARTERS + 1:
            cell = of_bin[QUARTERS + 1, each]
            kmh[each], count[each], minutes[each] = sums[cell] / counts[cell], counts[cell], BIN_MINUTES


@compiled
def _clear(
    bins: Shorts, of_bin: Shorts, reach: Bytes, sums: Floats, counts: Places, traces: Places, last: Places
) -> None:
    """Empty the cells that a group has touched."""
    for each in bins:
        for level in range(min(reach[each] + 1, len(of_bin))):
            cell = of_bin[level, each]
            sums[cell], counts[cell] = 0.0, 0
            traces[cell], last[cell] = 0, -1


@compiled
def freest(starts: Ints, tier: Ints, trace: Places, least: Ints) -> Ints:
    """Return for each group the first tier that, with those before it, was driven by enough traces, or the last one.

    Shape: `tier` has that of each observation; `least` has the traces that are enough for each tier.
    """
    tiers = len(least)
    made = np.full(len(starts) - 1, tiers - 1)
    first = np.full(np.max(trace) + 1 if len(trace) else 0, tiers)
    for group in range(len(starts) - 1):
        traces = np.zeros(tiers + 1, dtype=np.int64)
        for index in range(starts[group], starts[group + 1]):
            each = trace[index]
            if tier[index] < first[each]:
                traces[tier[index]] += 1
                traces[first[each]] -= 1
                first[each] = tier[index]
        first[trace[starts[group] : starts[group + 1]]] = tiers
        seen = np.cumsum(traces)
        for each in range(tiers - 1, -1, -1):
            if seen[each] >= least[each]:
                made[group] = each
    return made
