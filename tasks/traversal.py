"""From steps between two points to traversals: each time that a vehicle passed a segment."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.grouped import Grouped

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
    trace_id: Array
    sequence: Ints
    heading: Array
    enter: Array
    leave: Array
    enter_fraction: Floats
    leave_fraction: Floats
    device_kmh: pa.Array
    is_trip_end: Bools


def traversals(
    *,
    trace_id: Grouped,
    order: Grouped,
    heading: Grouped,
    from_: Grouped,
    to: Grouped,
    enter: Grouped,
    leave: Grouped,
    speed_kmh: Grouped,
    is_trip_end: Grouped,
) -> Traversals:
    """Return the traversals that the steps of each segment make up, by segment, trace and order.

    Steps of a trace that follow one another there, with one heading, each beginning where and when the one before
    ends, are one traversal; so a vehicle that turns, or comes again, makes another. Its `sequence` is the order of its
    first step. Steps without length count for its time; what has no length as a whole is none. `device_kmh` is the
    mean of the speeds (km/h) that are known, null where none is; a traversal is at a trip's end if any of its steps is.

    Examples
    --------
    >>> one = lambda *values: Grouped(np.array(values), np.array([0, len(values)]))
    >>> at = lambda *seconds: one(*(np.datetime64(second, "s") for second in seconds))
    >>> made = traversals(
    ...     trace_id=one("a", "a"), order=one(4096, 8192), heading=one("forward", "forward"), from_=one(0.0, 0.4),
    ...     to=one(0.4, 1.0), enter=at(0, 10), leave=at(10, 30), speed_kmh=one(48.0, 52.0), is_trip_end=one(0, 0)
    ... )
    >>> made.sequence.tolist(), made.enter_fraction.tolist(), made.leave_fraction.tolist(), made.device_kmh.to_pylist()
    ([4096], [0.0], [1.0], [50.0])
    """
    from tasks.traversal_kernel import ranked  # compiled code takes half a second to load: only where it is used

    owner, trace = trace_id.owners, codes(trace_id.values)
    rank = ranked(trace_id.starts, trace, order.values)
    owner, trace, way = owner[rank], trace[rank], heading.values[rank]
    begins, ends = from_.values[rank], to.values[rank]
    entered, left = enter.values[rank], leave.values[rank]
    first = _first_steps(np.stack([owner, trace]), way, begins, ends, entered, left)
    last = np.append(first[1:], len(rank))[: len(first)] - 1
    is_way = np.abs(ends[last] - begins[first]) > SAME_PLACE
    device, at_end = _means(speed_kmh.values[rank], first)[is_way], _any(is_trip_end.values[rank], first)[is_way]
    first, last = first[is_way], last[is_way]
    return Traversals(
        row=owner[first],
        trace_id=trace_id.values[rank[first]],
        sequence=order.values[rank[first]],
        heading=way[first],
        enter=entered[first],
        leave=left[last],
        enter_fraction=begins[first],
        leave_fraction=ends[last],
        device_kmh=pa.array(device, pa.float32(), from_pandas=True),
        is_trip_end=at_end,
    )


def _first_steps(owner: Ints, way: Array, begins: Floats, ends: Floats, entered: Array, left: Array) -> Ints:
    """Return which steps do not go on where and when the one before ends, for the same owner (rows) and heading."""
    joins = (owner[:, 1:] == owner[:, :-1]).all(axis=0) & (way[1:] == way[:-1]).astype(bool)
    joins &= np.abs(begins[1:] - ends[:-1]) <= SAME_PLACE
    joins &= np.abs(entered[1:] - left[:-1]) <= SAME_TIME
    return np.flatnonzero(np.concatenate([np.ones(min(len(way), 1), dtype=bool), ~joins]))


def codes(words: Array) -> Ints:
    """Return a number for each word, ascending as the words do; integers are their own."""
    if words.dtype.kind in "iu":
        return words.astype(np.int64, copy=False)
    numbers: Ints = pd.factorize(words, sort=True)[0].astype(np.int64, copy=False)
    return numbers


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
