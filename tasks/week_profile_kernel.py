"""The loops of weekly profiles, compiled: pooling of observations in cells of the week, and the speed of free flow."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Shorts = npt.NDArray[np.int16]
Weeks = tuple[npt.NDArray[np.float32], Places, Shorts]

MANY = 64
"""Numbers from which on sorting by merging beats sorting by insertion."""


@compiled
def trace_order(trace: Ints, order: Ints) -> None:
    """Write into `order` one that brings equal traces together."""
    count = len(trace)
    if count >= MANY:
        order[:count] = np.argsort(trace, kind="mergesort")
        return
    for index in range(count):
        hole = index
        while hole > 0 and trace[order[hole - 1]] > trace[index]:
            order[hole] = order[hole - 1]
            hole -= 1
        order[hole] = index


@compiled
def traces_of(starts: Ints, trace: Ints) -> Ints:
    """Return how many different traces each group has; shape (n,)."""
    made = np.zeros(len(starts) - 1, dtype=np.int64)
    order = np.empty(_most(starts), dtype=np.int64)
    for group in range(len(starts) - 1):
        own = trace[starts[group] : starts[group + 1]]
        trace_order(own, order)
        for place in range(len(own)):
            made[group] += place == 0 or own[order[place]] != own[order[place - 1]]
    return made


@compiled
def _most(starts: Ints) -> Any:
    """Return the size of the largest group."""
    most = 0
    for group in range(len(starts) - 1):
        most = max(most, starts[group + 1] - starts[group])
    return most


@compiled
def pooled_weeks(
    starts: Ints,
    week_bin: Ints,
    trace: Ints,
    speed: Floats,
    least: int,
    of_bin: Shorts,
    cells: Ints,
    bins: Shorts,
    minutes: Shorts,
) -> Weeks:
    """Return mean, count and minutes of each bin of each group; see `week_means`, and `Cells` for the last four."""
    levels, week = of_bin.shape
    kmh = np.empty((len(starts) - 1, week), dtype=np.float32)
    count = np.zeros((len(starts) - 1, week), dtype=np.int32)
    width = np.empty((len(starts) - 1, week), dtype=np.int16)
    sums, counts = np.zeros(len(minutes)), np.zeros(len(minutes), dtype=np.int32)
    traces, last = np.zeros(len(minutes), dtype=np.int32), np.full(len(minutes), -1)
    order = np.empty(_most(starts), dtype=np.int64)
    for group in range(len(starts) - 1):
        own = slice(starts[group], starts[group + 1])
        _pool(week_bin[own], speed[own], of_bin, sums, counts)
        _count_traces(week_bin[own], trace[own], of_bin, order, counts, least, traces, last)
        for level in range(levels):
            for each in week_bin[own]:
                cell = of_bin[level, each]
                if counts[cell] == 0 or (traces[cell] < least and level > 0):
                    continue
                mean = sums[cell] / counts[cell]
                for place in range(cells[cell], cells[cell + 1]):
                    kmh[group, bins[place]] = mean
                    width[group, bins[place]] = minutes[cell]
                if level == levels - 1:
                    count[group, each] = counts[cell]
                counts[cell] = 0  # written once
        _clear(week_bin[own], of_bin, sums, counts, traces, last)
    return kmh, count, width


@compiled
def _pool(week_bin: Ints, speed: Floats, of_bin: Shorts, sums: Floats, counts: Places) -> None:
    """Add the observations of a group to their cells."""
    for index in range(len(week_bin)):
        for level in range(len(of_bin)):
            cell = of_bin[level, week_bin[index]]
            sums[cell] += speed[index]
            counts[cell] += 1


@compiled
def _count_traces(
    week_bin: Ints, trace: Ints, of_bin: Shorts, order: Ints, counts: Places, least: int, traces: Places, last: Ints
) -> None:
    """Count the different traces of cells that have `least` observations; `last` holds the one counted last."""
    trace_order(trace, order)
    for index in order[: len(trace)]:
        for level in range(len(of_bin)):
            cell = of_bin[level, week_bin[index]]
            if counts[cell] < least:
                break  # finer ones have no more
            if last[cell] != trace[index]:
                last[cell] = trace[index]
                traces[cell] += 1


@compiled
def _clear(week_bin: Ints, of_bin: Shorts, sums: Floats, counts: Places, traces: Places, last: Ints) -> None:
    """Empty the cells that a group has touched."""
    for each in week_bin:
        for level in range(len(of_bin)):
            cell = of_bin[level, each]
            sums[cell] = 0.0
            counts[cell] = traces[cell] = 0
            last[cell] = -1


@compiled
def freest(starts: Ints, week_bin: Ints, trace: Ints, tier: Ints, least: Ints) -> Ints:
    """Return for each group the first tier that, with those before it, was driven by enough traces, or the last one.

    Shape: `tier` (2016,) with the tier of each bin, from 0 on; `least` has the traces that are enough for each.
    """
    last = int(np.max(tier))
    made = np.full(len(starts) - 1, last)
    order = np.empty(_most(starts), dtype=np.int64)
    for group in range(len(starts) - 1):
        own, bins = trace[starts[group] : starts[group + 1]], week_bin[starts[group] : starts[group + 1]]
        trace_order(own, order)
        traces = np.zeros(last + 1, dtype=np.int64)
        first = last + 1
        for place in range(len(own)):
            index = order[place]
            if place and own[index] != own[order[place - 1]]:
                traces[first] += 1
                first = last + 1
            first = min(first, int(tier[bins[index]]))
        if len(own):
            traces[first] += 1
        seen = np.cumsum(traces)
        for each in range(last, -1, -1):
            if seen[each] >= least[each]:
                made[group] = each
    return made
