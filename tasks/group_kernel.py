"""The loops of `grouped`, compiled: sorting by counting, and percentiles of many groups."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SMALL = 48
"""Values up to which insertion is the fastest way to sort a part of one group."""
LANES = 32
"""Groups that are sorted side by side."""
MOST = 1024
"""Values of a group up to which it is sorted beside others."""
CHUNK = 1024
"""Groups that are brought into the order of their size at a time; their values stay in the cache."""


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
def counted(rows: npt.NDArray[np.int32], count: int) -> Ints:
    """Return how many rows each of `count` places has; rows of place -1 are left out."""
    made = np.zeros(count, dtype=np.int64)
    for place in rows:
        if place >= 0:
            made[place] += 1
    return made


@compiled
def move(values: npt.NDArray[Any], rows: npt.NDArray[np.int32], first: Ints, made: npt.NDArray[Any]) -> None:
    """Write the values of the rows of each place side by side, from `first` of the place on."""
    free = first.copy()
    for index in range(len(rows)):
        place = rows[index]
        if place >= 0:
            made[free[place]] = values[index]
            free[place] += 1


@compiled
def percentiles(values: npt.NDArray[Any], starts: Ints, shares: Floats, made: Floats) -> None:
    """Write the quantiles `shares` (0 to 1, ascending) of each group, interpolated linearly; `made` has shape (n, k).

    NumPy's formula to the last bit: from the nearer of the two values. Groups of about as many values are sorted side
    by side, so that one instruction compares values of many groups.
    """
    side = np.empty(MOST * LANES, dtype=values.dtype)
    for first in range(0, len(starts) - 1, CHUNK):
        size = np.diff(starts[first : first + CHUNK + 1])
        order = np.argsort(size, kind="mergesort")
        small = np.searchsorted(size[order], MOST, side="right")
        for at in range(0, small, LANES):
            members = first + order[at : min(at + LANES, small)]
            _lay(values, starts, members, side)
            _sort(side, size[members[-1] - first])
            for lane in range(len(members)):
                _read(side[lane:], size[members[lane] - first], shares, made[members[lane]])
        for group in first + order[small:]:
            _select_all(values[starts[group] : starts[group + 1]].copy(), shares, made[group])


@compiled
def _lay(values: npt.NDArray[Any], starts: Ints, members: Ints, side: npt.NDArray[Any]) -> None:
    """Write the values of groups, the last of which has most, side by side, with infinity behind those of smaller ones.

    Where one is not a number, all of the group are not.
    """
    most = starts[members[-1] + 1] - starts[members[-1]]
    for lane in range(len(members)):
        own = values[starts[members[lane]] : starts[members[lane] + 1]]
        is_good = True
        for index in range(len(own)):
            side[index * LANES + lane] = own[index]
            is_good &= own[index] == own[index]
        for index in range(len(own) if is_good else 0, most):
            side[index * LANES + lane] = np.inf if is_good else np.nan


@compiled
def _sort(side: npt.NDArray[Any], size: int) -> None:
    """Sort the first `size` values of all lanes: Batcher's merge exchange (Knuth, volume 3, algorithm 5.2.2M)."""
    step = 1
    while step < size:
        apart = step
        while apart > 0:
            for low in range(apart % step, size - apart, 2 * apart):
                if apart == step or (low + apart) % (2 * step):
                    run = min(apart, size - apart - low) * LANES
                    at, beyond = low * LANES, (low + apart) * LANES
                    _exchange(side[at : at + run], side[beyond : beyond + run])
            apart //= 2
        step *= 2


@compiled
def _exchange(lower: npt.NDArray[Any], upper: npt.NDArray[Any]) -> None:
    """Put the smaller of each two values into `lower`, the other into `upper`."""
    for index in range(len(lower)):
        one, other = lower[index], upper[index]
        lower[index] = min(one, other)
        upper[index] = max(one, other)


@compiled
def _read(lane: npt.NDArray[Any], count: int, shares: Floats, into: Floats) -> None:
    """Write quantiles of the sorted values of a lane, NaN where there are none."""
    last = count - 1
    for index in range(len(shares)):
        place = shares[index] * last
        below = max(min(int(place), last), 0)
        above = max(min(below + 1, last), 0)
        lower, upper = np.float64(lane[below * LANES]), np.float64(lane[above * LANES])
        into[index] = _between(lower, upper, place - below) if count else np.nan


@compiled
def _between(lower: float, upper: float, share: float) -> Any:
    """Return what lies between two neighbours, as NumPy takes it."""
    step = upper - lower if share else 0.0  # of infinite ones too
    return upper - step * (1 - share) if share >= 0.5 else lower + step * share


@compiled
def _select_all(part: npt.NDArray[Any], shares: Floats, into: Floats) -> None:
    """Write quantiles of `part`, more than `SMALL` values, which are put partly in order."""
    into[:] = np.nan
    if np.isnan(part).any():
        return
    low, last = 0, len(part) - 1
    for index in range(len(shares)):
        place = shares[index] * last
        below = min(int(place), last)
        _select(part, low, last, below)
        low = below
        lower = np.float64(part[below])
        upper = np.float64(part[below + 1 :].min()) if below < last else lower
        into[index] = _between(lower, upper, place - below)


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
