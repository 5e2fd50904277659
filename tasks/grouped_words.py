"""Text of many owners, side by side, as numbers of its words: no Python object for each value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.grouped import Owned, SideBySide

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class GroupedWords(SideBySide):
    """Text side by side, owner by owner: what `tasks.grouped.Grouped` is for values that are often the same.

    Shape: `codes` (m,), `starts` (n + 1,). Names of traces or headings are few and stand in many rows: to sort,
    count and compare them by code takes a fraction of what text takes.

    Examples
    --------
    >>> heading = GroupedWords.of(["forward", "backward", "forward"], starts=[0, 2, 3])
    >>> heading.codes.tolist(), heading.words.to_pylist(), heading.count.tolist()
    ([1, 0, 1], ['backward', 'forward'], [2, 1])
    >>> heading.text(np.array([2, 1])).to_pylist()
    ['forward', 'backward']
    """

    codes: Codes
    """For each value the place of its word in `words`, -1 for null: ascending as the words do."""
    words: pa.StringArray
    """The different words in ascending order of their UTF-8 bytes; of rows without an owner too."""
    starts: Ints

    @classmethod
    def of(cls, words: Sequence[str | None], starts: Sequence[int] | Ints) -> "GroupedWords":
        """Return words that lie owner by owner already."""
        codes, known = encoded(pa.chunked_array([pa.array(words, pa.string())]))
        return cls(codes, known, np.asarray(starts, dtype=np.int64))

    def __iter__(self) -> Iterator[pa.StringArray]:
        return (self.text(np.arange(start, end)) for start, end in pairwise(self.starts.tolist()))

    def text(self, rows: Ints) -> pa.StringArray:
        """Return the words at some places, 0 to m - 1."""
        picked = self.codes[rows]
        return self.words.take(pa.array(picked, mask=picked < 0))

    def is_word(self, word: str) -> npt.NDArray[np.bool_]:
        """Return for each value whether it is this word; shape (m,)."""
        place = self.words.index(word).as_py()
        return self.codes == place if place >= 0 else np.zeros(len(self.codes), dtype=bool)


def grouped_words(column: pa.ChunkedArray, owned: Owned) -> GroupedWords:
    """Return the text of a column with a row for each of those that `owned` knows the owners of."""
    codes, words = encoded(column)
    return GroupedWords(owned.grouped(codes).values, words, owned.starts)


def encoded(column: pa.ChunkedArray) -> tuple[Codes, pa.StringArray]:
    """Return the number of each value's word, -1 for null, and the words in ascending order."""
    if not len(column):
        return np.empty(0, dtype=np.int32), pa.array([], pa.string())
    parts = column.dictionary_encode().unify_dictionaries()
    found = parts.chunk(0).dictionary
    order = pc.array_sort_indices(found)
    rank = np.empty(len(found) + 1, dtype=np.int32)
    rank[order.to_numpy()], rank[-1] = np.arange(len(found), dtype=np.int32), -1
    codes = [rank[part.indices.fill_null(len(found)).to_numpy()] for part in parts.chunks]
    return np.concatenate(codes), found.take(order)
