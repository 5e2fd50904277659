"""The loops of `grouped`, compiled: sorting by counting, and percentiles of many small groups."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SMALL = 48
"""Values up to which insertion is the fastest way to sort."""


@compiled
def counted_starts(rows: npt.NDArray[np.int32], count: int) -> Ints:
    """Return where the rows of each of `count` places begin when they are brought together; shape (count + 1,).

    Shape: `rows` (m,), places 0 to count - 1, or -1 for rows that are left out.
    """
    starts = np.zeros(count + 1, dtype=np.int64)
    for place in rows:
        if place >= 0:
            starts[place + 1] += 1
    return np.cumsum(starts)


@compiled
def counted_order(rows: npt.NDArray[np.int32], starts: Ints) -> Ints:
    """Return the order that brings rows of each place together; a place's rows keep their order."""
    free = starts[:-1].copy()
    order = np.empty(starts[-1], dtype=np.int64)
    for index in range(len(rows)):
        place = rows[index]
        if place >= 0:
            order[free[place]] = index
            free[place] += 1
    return order


@compiled
def moved(values: npt.NDArray[Any], rows: npt.NDArray[np.int32], starts: Ints) -> npt.NDArray[Any]:
    """Return the values of the rows of each place side by side, in one pass, without an order in between."""
    free = starts[:-1].copy()
    made = np.empty(starts[-1], dtype=values.dtype)
    for index in range(len(rows)):
        place = rows[index]
        if place >= 0:
            made[free[place]] = values[index]
            free[place] += 1
    return made


@compiled
def percentiles(values: Floats, starts: Ints, shares: Floats) -> Floats:
    """Return the quantiles `shares` (0 to 1, ascending) of each group, interpolated linearly; shape (n, k).

    NumPy's formula to the last bit: from the nearer of the two values.
    """
    made = np.full((len(starts) - 1, len(shares)), np.nan)
    room = np.empty(64, dtype=np.float64)
    for group in range(len(starts) - 1):
        count = starts[group + 1] - starts[group]
        if count > len(room):
            room = np.empty(2 * count, dtype=np.float64)
        part = room[:count]
        if count and _copy(values[starts[group] : starts[group + 1]], part):
            _quantiles(part, shares, made[group])
    return made


@compiled
def _copy(values: Floats, into: Floats) -> bool:
    """Copy values and tell whether each is a number."""
    is_good = True
    for index in range(len(values)):
        into[index] = values[index]
        is_good &= values[index] == values[index]
    return is_good


@compiled
def _quantiles(part: Floats, shares: Floats, into: Floats) -> None:
    """Write quantiles of `part`, which is put partly in order."""
    last = len(part) - 1
    if last < SMALL:
        _insert(part, 0, last)
    low = 0
    for index in range(len(shares)):
        place = shares[index] * last
        below = min(int(place), last)
        if last >= SMALL:
            _select(part, low, last, below)
        low = below
        share = place - below
        lower = part[below]
        upper = lower if below == last or share == 0 else part[below + 1 :].min() if last >= SMALL else part[below + 1]
        step = upper - lower
        into[index] = upper - step * (1 - share) if share >= 0.5 else lower + step * share


@compiled
def _insert(part: Floats, low: int, high: int) -> None:
    """Sort part[low … high] by insertion."""
    for index in range(low + 1, high + 1):
        value = part[index]
        hole = index
        while hole > low and part[hole - 1] > value:
            part[hole] = part[hole - 1]
            hole -= 1
        part[hole] = value


@compiled
def _select(part: Floats, low: int, high: int, rank: int) -> None:
    """Put into part[rank] what would stand there sorted, nothing greater before it, nothing less behind it.

    Hoare's quickselect between low and high with the median of three as pivot.
    """
    while high - low >= SMALL:
        first, middle, end = part[low], part[(low + high) // 2], part[high]
        pivot = max(min(first, middle), min(max(first, middle), end))
        left, right = low, high
        while left <= right:
            while part[left] < pivot:
                left += 1
            while part[right] > pivot:
                right -= 1
            if left <= right:
                part[left], part[right] = part[right], part[left]
                left += 1
                right -= 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            return
    _insert(part, low, high)
