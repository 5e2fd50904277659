"""From steps between two points to traversals: each time that a vehicle passed a segment."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.grouped import Grouped
from tasks.grouped_words import GroupedWords

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SAME_PLACE = 1e-9
"""Difference of two fractions of a segment up to which they are one place."""
SAME_TIME = np.timedelta64(1, "ms")
"""Difference of two moments up to which they are one: what rounding may do to a moment between two points."""


class Traversals(NamedTuple):
    """Each time that a trace passed a segment; columns of TRAVERSAL, and the row of the segment."""

    row: Ints
    trace_id: pa.StringArray
    sequence: Ints
    heading: pa.StringArray
    enter: Array
    leave: Array
    enter_fraction: Floats
    leave_fraction: Floats
    device_kmh: pa.Array
    is_trip_end: Bools


def traversals(
    *,
    trace_id: GroupedWords,
    order: Grouped,
    heading: GroupedWords,
    from_: Grouped,
    to: Grouped,
    enter: Grouped,
    leave: Grouped,
    speed_kmh: Grouped,
    is_trip_end: Grouped,
) -> Traversals:
    """Return the traversals that the steps of each segment make up, by segment, trace and order.

    Steps of a trace with one heading, each beginning where and when the one before ends, are one traversal; a vehicle
    that turns, or comes again, makes another. Steps without length count for its time; what has no length as a whole
    is none. `device_kmh` is the mean of the speeds (km/h) that are known; one step at a trip's end puts all there.

    Examples
    --------
    >>> one = lambda *values: Grouped(np.array(values), np.array([0, len(values)]))
    >>> at = lambda *seconds: one(*(np.datetime64(second, "s") for second in seconds))
    >>> made = traversals(
    ...     trace_id=GroupedWords.of(["a", "a"], [0, 2]), order=one(1, 2),
    ...     heading=GroupedWords.of(["forward", "forward"], [0, 2]), from_=one(0.0, 0.4), to=one(0.4, 1.0),
    ...     enter=at(0, 10), leave=at(10, 30), speed_kmh=one(48.0, 52.0), is_trip_end=one(0, 0),
    ... )
    >>> made.sequence.tolist(), made.leave_fraction.tolist(), made.device_kmh.to_pylist()
    ([1], [1.0], [50.0])
    """
    keys = np.stack([trace_id.owners, trace_id.codes])
    rank = _rank(trace_id.starts, keys[1], order.values)
    keys = keys[:, rank]
    begins, ends, entered, left = (each.values[rank] for each in (from_, to, enter, leave))
    way = _headings(keys, heading.codes[rank], np.abs(ends - begins) > SAME_PLACE)
    first = _first_steps(keys, way, begins, ends, entered, left)
    last = np.append(first[1:], len(rank))[: len(first)] - 1
    is_way = np.abs(ends[last] - begins[first]) > SAME_PLACE
    device, at_end = _means(speed_kmh.values[rank], first), _any(is_trip_end.values[rank], first)
    first, last, device, at_end = (each[is_way] for each in (first, last, device, at_end))
    return Traversals(
        row=keys[0, first],
        trace_id=trace_id.text(rank[first]),
        sequence=order.values[rank[first]],
        heading=heading.words.take(pa.array(way[first])),
        enter=entered[first],
        leave=left[last],
        enter_fraction=begins[first],
        leave_fraction=ends[last],
        device_kmh=pa.array(device, pa.float32(), from_pandas=True),
        is_trip_end=at_end,
    )


def _rank(starts: Ints, trace: Ints, order: Ints) -> Ints:
    """Return the order that sorts the steps of each segment by trace and order."""
    from tasks.traversal_kernel import ranked  # compiled code takes half a second to load: only where it is used

    rank: Ints = ranked(starts, trace, order)
    return rank


def _headings(keys: Ints, way: Array, is_moving: Bools) -> Array:
    """Return headings where steps without length have that of the step before, for the same keys (rows)."""
    before = np.maximum.accumulate(np.where(is_moving, np.arange(len(way)), -1))
    is_known = (before >= 0) & (keys == keys[:, before]).all(axis=0)
    return way[np.where(is_known, before, np.arange(len(way)))]


def _first_steps(keys: Ints, way: Array, begins: Floats, ends: Floats, entered: Array, left: Array) -> Ints:
    """Return which steps do not go on where and when the one before ends, for the same keys (rows) and heading."""
    joins = (keys[:, 1:] == keys[:, :-1]).all(axis=0) & (way[1:] == way[:-1])
    joins &= np.abs(begins[1:] - ends[:-1]) <= SAME_PLACE
    joins &= np.abs(entered[1:] - left[:-1]) <= SAME_TIME
    return np.flatnonzero(np.concatenate([np.ones(min(len(way), 1), dtype=bool), ~joins]))


def _means(values: Array, starts: Ints) -> Floats:
    """Return the mean of the numbers of each run, NaN where there is none."""
    if not len(starts):
        return np.empty(0)
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0.0).astype(np.float64), starts)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    means: Floats = np.divide(sums, counts, out=np.full(len(starts), np.nan), where=counts > 0)
    return means


def _any(flags: Array, starts: Ints) -> Bools:
    """Return whether one of each run is true."""
    made: Bools = np.logical_or.reduceat(flags.astype(bool), starts) if len(starts) else np.empty(0, dtype=bool)
    return made
