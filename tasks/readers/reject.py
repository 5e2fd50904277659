"""Rows that a reader refuses: how they are written down, and the refusal of repeated keys."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.reject import REJECT
from schemas.vocabulary import RejectReason


class Refusal(NamedTuple):
    """One refused row, or the refused part of a row."""

    key: str
    reason: RejectReason
    message: str


def rejects(refusals: Iterable[Refusal], *, task: str) -> pa.Table:
    """Return the refusals of one task as rows of REJECT, in the order given.

    Examples
    --------
    >>> rejects([Refusal("a", RejectReason.BAD_VALUE, "lanes is -1")], task="read_network").to_pylist()
    [{'key': 'a', 'task': 'read_network', 'reason': 'bad_value', 'message': 'lanes is -1'}]
    """
    rows = [{"key": r.key, "task": task, "reason": r.reason.value, "message": r.message} for r in refusals]
    return pa.Table.from_pylist(rows, schema=REJECT.schema)


def keep_first(table: pa.Table, *, key: str) -> tuple[pa.Table, list[Refusal]]:
    """Return `table` with the first row of every key, in the order given, and a refusal for every other row.

    Examples
    --------
    >>> kept, refused = keep_first(pa.table({"id": ["a", "b", "a"], "n": [1, 2, 3]}), key="id")
    >>> kept["n"].to_pylist(), [r.key for r in refused]
    ([1, 2], ['a'])
    """
    codes = table.column(key).combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    is_first = np.zeros(len(codes), dtype=bool)
    is_first[np.unique(codes, return_index=True)[1]] = True
    if is_first.all():
        return table, []
    repeated = pc.filter(table.column(key), pa.array(~is_first)).to_pylist()
    words = f"another row before this one has the same {key}; it was kept"
    return table.filter(pa.array(is_first)), [Refusal(k, RejectReason.DUPLICATE_KEY, words) for k in repeated]
