"""All values of many owners, side by side: what a task sees of a table with many rows for each segment."""

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import array_values
from tasks.threads import parts, side_by_side

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

PROBE = 4096
"""Rows that are looked at to see whether equal keys stand together."""

FEW = 200_000
"""Rows up to which NumPy's own stable sort is quicker than loading compiled code."""


class SideBySide:
    """Values of n owners, owner by owner: those of owner i are from `starts[i]` up to `starts[i + 1]`."""

    starts: Ints
    """Shape (n + 1,)."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def count(self) -> Ints:
        """How many values each owner has; shape (n,)."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Ints:
        """For each value the place of its owner; shape (m,)."""
        return np.repeat(np.arange(len(self)), self.count)


@dataclass(frozen=True, eq=False)
class Grouped(SideBySide):
    """Values side by side, owner by owner: those of owner i are `values[starts[i]:starts[i + 1]]`, in their order.

    Shape: `values` (m,), `starts` (n + 1,). `grouped[i]` is a view of the values of owner i, and so is what
    iteration yields. The values are read-only: others read them too.

    Examples
    --------
    >>> speeds = Grouped(np.array([30.0, 50.0, 40.0]), np.array([0, 2, 2, 3]))
    >>> [each.tolist() for each in speeds]
    [[30.0, 50.0], [], [40.0]]
    >>> speeds.percentile(50).tolist()
    [[40.0], [nan], [40.0]]
    """

    values: Array
    starts: Ints

    def __getitem__(self, owner: int) -> Array:
        start = owner % len(self) if -len(self) <= owner < len(self) else self._missing(owner)
        return self.values[self.starts[start] : self.starts[start + 1]]

    def _missing(self, owner: int) -> int:
        raise IndexError(f"owner {owner} of {len(self)}")

    def __iter__(self) -> Iterator[Array]:
        values = self.values
        return (values[start:end] for start, end in pairwise(self.starts.tolist()))

    def mean(self) -> Floats:
        """Return the mean of each owner's values, NaN for an owner without any; shape (n,).

        The sum of an owner's values is taken of them alone, so it does not depend on who else is there.
        """
        count = self.count
        made = np.full(len(self), np.nan)
        has_any = count > 0
        if has_any.any():
            sums = np.add.reduceat(self.values.astype(np.float64, copy=False), self.starts[:-1][has_any])
            made[has_any] = sums / count[has_any]
        return made

    def percentile(self, *percent: float) -> Floats:
        """Return percentiles (0 to 100) of each owner's values, in float64; shape (n, number of percentiles).

        Between two values the result is interpolated linearly, as `numpy.percentile` does by default; it is NaN for
        an owner without values, or with a NaN among them.

        Raises
        ------
        ValueError
            If a percentage is not between 0 and 100.
        """
        wrong = [each for each in percent if not 0 <= each <= 100]
        if wrong:
            raise ValueError(f"percentile {wrong[0]} is not between 0 and 100")
        from tasks.group_kernel import percentiles  # compiled code takes half a second to load: only where it is used

        order = np.argsort(percent)
        shares = np.array(percent, dtype=np.float64)[order] / 100
        values = self.values if self.values.dtype in (np.float32, np.float64) else self.values.astype(np.float64)
        found = np.empty((len(self), len(percent)))

        def fill(part: range) -> None:
            own = slice(part.start, part.stop)
            percentiles(values, self.starts[part.start : part.stop + 1], shares, found[own])

        side_by_side(fill, parts(len(self), work=len(values)))
        made = np.empty_like(found)
        made[:, order] = found
        return made


class Share(NamedTuple):
    """Rows one after another, and where the first of each owner's among them goes."""

    rows: slice
    first: Ints


@dataclass(frozen=True, eq=False)
class Owned:
    """Which rows of a table belong to which of n owners."""

    rows: Places
    """For each row the place of its owner, or -1; shape (m,)."""
    starts: Ints
    """Where the rows of each owner start when they lie owner by owner; shape (n + 1,)."""
    known_order: Array | slice | None = None
    """The order where it is known already."""
    shares: tuple[Share, ...] = ()
    """All rows, a share for each thread, where it is not."""

    @property
    def order(self) -> Array | slice:
        """Picks the rows that have an owner, owner by owner, rows of one owner in the order of the table."""
        return self._moved(np.arange(len(self.rows))) if self.known_order is None else self.known_order

    def grouped(self, values: Array) -> Grouped:
        """Return the values of a column, one for each row of the table; a view where they lie side by side already."""
        picked = self._picked(values).view()
        picked.flags.writeable = False
        return Grouped(picked, self.starts)

    def _picked(self, values: Array) -> Array:
        if self.known_order is None and values.dtype.kind in "fiub":
            return self._moved(values)  # in one pass, which is quicker than to make an order first
        return values[self.order]

    def _moved(self, values: Array) -> Array:
        from tasks.group_kernel import move

        made: Array = np.empty(self.starts[-1], dtype=values.dtype)
        side_by_side(lambda share: move(values[share.rows], self.rows[share.rows], share.first, made), self.shares)
        return made


def owned(owners: pa.ChunkedArray, keys: pa.ChunkedArray) -> Owned:
    """Return which rows, each with the key of its owner, belong to which of the unique `keys`.

    Shape: `owners` (m,), `keys` (n,). Rows of an owner that is not among `keys`, or null, belong to none.
    A table that is sorted as `keys` are costs one look at each row and is not moved.
    """
    return owned_by_place(places(owners, keys), len(keys))


def owned_by_place(rows: Places, count: int) -> Owned:
    """Return the same for rows that each name the place of their owner, 0 to count - 1, or -1 for none."""
    if np.all(rows[1:] >= rows[:-1]):  # -1 stands in front
        starts = np.searchsorted(rows, np.arange(count + 1, dtype=np.int32)).astype(np.int64)
        return Owned(rows, starts - starts[0], slice(int(starts[0]), int(starts[-1])))
    if len(rows) <= FEW:
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(count + 1, dtype=np.int32)).astype(np.int64)
        return Owned(rows, starts - starts[0], order[starts[0] :])
    from tasks.group_kernel import counted

    pieces = [slice(part.start, part.stop) for part in parts(len(rows), work=len(rows))]
    counts = np.array(side_by_side(lambda piece: counted(rows[piece], count), pieces))
    starts = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    before = starts[:-1] + np.cumsum(counts, axis=0) - counts
    return Owned(rows, starts, shares=tuple(map(Share, pieces, before)))


def places(owners: pa.ChunkedArray, keys: pa.ChunkedArray) -> Places:
    """Return where in `keys` each of `owners` stands, -1 where it does not; shapes (m,) and (n,)."""
    if not len(owners):
        return np.empty(0, dtype=np.int32)
    sought = keys.combine_chunks()
    chunks = [chunk for chunk in owners.chunks if len(chunk)]
    if not all(_stand_together(chunk) for chunk in chunks):
        return _found(owners, sought)
    runs = [pc.run_end_encode(chunk, run_end_type=pa.int64()) for chunk in chunks]
    found = _found(pa.chunked_array([each.values for each in runs]), sought)
    lengths = [np.diff(each.run_ends.to_numpy(), prepend=0) for each in runs]
    return np.repeat(found, np.concatenate(lengths))


def _stand_together(chunk: pa.Array) -> bool:
    """Whether equal keys seem to stand together, so that fewer need to be looked up."""
    head = chunk.slice(0, PROBE)
    return 2 * len(pc.run_end_encode(head).values) < len(head)


def _found(owners: pa.ChunkedArray, keys: pa.Array) -> Places:
    def found(part: range) -> Places:
        sought = owners.slice(part.start, len(part))
        indices = pc.index_in(sought, value_set=keys, skip_nulls=True).fill_null(-1)
        return typing.cast(Places, indices.to_numpy())

    return np.concatenate(side_by_side(found, parts(len(owners), work=len(owners))))


def column_array(column: pa.ChunkedArray, hint: object = None, *, is_nullable: bool) -> Array:
    """Return a column as a NumPy array whose type does not depend on the values in it.

    Numbers that may be null become float64 with NaN for null; geometries where `hint` says `shapely`; what NumPy has
    no type for becomes an array of Python objects.
    """
    kind = column.type
    if is_nullable and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return typing.cast(Array, column.cast(pa.float64(), safe=False).to_numpy())
    values = array_values(column, hint)
    if isinstance(values, np.ndarray):
        return values
    boxed = np.empty(len(values), dtype=object)
    boxed[:] = values
    return boxed
