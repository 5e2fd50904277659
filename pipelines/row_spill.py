"""Rows put aside by owner while more are read: in memory as long as they fit, else on local disk."""

from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from pipelines.table import TableError
from tasks.group_kernel import counted_order, counted_starts

Owners = npt.NDArray[np.integer]


class _Sorted(NamedTuple):
    """Rows in the order of their owners: those of owner i are rows starts[i] up to, not with, starts[i + 1]."""

    rows: pa.Table
    starts: list[int]

    def of(self, owner: int) -> pa.Table:
        return self.rows.slice(self.starts[owner], self.starts[owner + 1] - self.starts[owner])


class _Spilled(NamedTuple):
    """The same in a file, with the record batches of each owner."""

    file: Path
    batches: list[range]

    def of(self, owner: int) -> pa.Table:
        with pa.memory_map(str(self.file)) as source, pa.ipc.open_file(source) as reader:
            batches = [reader.get_batch(index) for index in self.batches[owner]]
            return pa.Table.from_batches(batches, schema=reader.schema)


class RowSpill:
    """Rows that come in any order and are asked for by owner, 0 to count - 1; rows of one owner keep their order.

    About `heap_bytes` are held at a time, some three times as much while they are sorted; the rest lies in files
    named by `name` in `folder`.
    """

    def __init__(self, folder: Path, name: str, count: int, schema: pa.Schema, heap_bytes: int) -> None:
        self.folder, self.name, self.count, self.schema = folder, name, count, schema
        self.heap_bytes = heap_bytes
        self.held: list[tuple[pa.Table, Owners]] = []
        self.held_bytes = 0
        self.done: list[_Sorted | _Spilled] = []

    def add(self, rows: pa.Table, owners: Owners) -> None:
        """Put rows aside, each with its owner.

        Raises
        ------
        TableError
            If there is no room on the disk.
        """
        if not rows.num_rows:
            return
        self.held.append((rows, owners))
        self.held_bytes += rows.nbytes
        if self.held_bytes >= self.heap_bytes:
            self.done.append(self._written(self._sorted()))

    def close(self) -> None:
        """Make ready to be asked: no more rows come."""
        if self.held:
            self.done.append(self._sorted())

    def of(self, owner: int) -> pa.Table:
        """Return the rows of an owner, in the order in which they came."""
        return pa.concat_tables([self.schema.empty_table(), *(each.of(owner) for each in self.done)])

    def _sorted(self) -> _Sorted:
        owners = np.concatenate([each for _, each in self.held]).astype(np.int32)
        rows = pa.concat_tables([rows.cast(self.schema) for rows, _ in self.held]).combine_chunks()
        self.held, self.held_bytes = [], 0
        starts = counted_starts(owners, self.count)
        return _Sorted(rows.take(pa.array(counted_order(owners, starts))), starts.tolist())

    def _written(self, heap: _Sorted) -> _Spilled:
        file = self.folder / f"{self.name}-{len(self.done)}.arrow"
        parts = [heap.rows.slice(start, end - start).to_batches() for start, end in pairwise(heap.starts)]
        parts = [[batch for batch in part if batch.num_rows] for part in parts]
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        try:
            with pa.ipc.new_file(file, heap.rows.schema, options=options) as writer:
                for batch in chain.from_iterable(parts):
                    writer.write_batch(batch)
        except OSError as error:
            raise TableError(f"{file}: cannot write {heap.rows.nbytes} bytes of rows put aside: {error}") from error
        ends = accumulate(len(part) for part in parts)
        return _Spilled(file, [range(end - len(part), end) for part, end in zip(parts, ends, strict=True)])
