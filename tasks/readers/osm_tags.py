"""Tags of many ways as numbers into one sorted list of strings, and the kinds of road they describe."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.readers.osm_raw import Flags, Ints, Records, offsets_of, rows_of, spans
from tasks.road_class import is_car_road, one_way, road_kind

KIND_KEYS = ("highway", "service", "junction", "oneway", "area")


class Tags(NamedTuple):
    """Tags of rows, sorted by key; equal strings are equal numbers."""

    strings: pa.StringArray
    """Distinct, sorted by code point."""
    keys: Ints
    values: Ints
    offsets: Ints

    def where(self, rows: Ints) -> "Tags":
        """Return the tags of these rows, in that order."""
        places, offsets = spans(self.offsets, rows)
        return Tags(self.strings, self.keys[places], self.values[places], offsets)

    def value(self, key: str) -> Ints:
        """Return the number of the value of `key` in each row, -1 where a row has no such tag."""
        found = np.full(len(self.offsets) - 1, -1, dtype=np.int64)
        number = pc.index(self.strings, key).as_py()
        hits = np.flatnonzero(self.keys == number) if number >= 0 else np.zeros(0, dtype=np.int64)
        found[rows_of(self.offsets)[hits]] = self.values[hits]
        return found

    def text(self, numbers: Ints) -> pa.StringArray:
        """Return strings by number, null for -1."""
        return self.strings.take(pa.array(numbers, mask=numbers < 0))


class Kinds(NamedTuple):
    """Kinds of road, one for each combination of the tags that decide it, and which one each way is."""

    kind: Ints
    """Of each way, a row of the columns below."""
    is_car_road: Flags
    road_class: pa.StringArray
    subclass: pa.StringArray
    one_way: pa.StringArray


def tags_of(records: Records) -> Tags:
    """Return the tags of all rows; of a key that stands twice in one row the first is kept.

    Bytes that are no UTF-8 become U+FFFD.
    """
    strings, rank = _ranked(records.strings)
    row, keys = rows_of(records.tag_offsets), rank[records.keys]
    order = np.argsort(row * max(len(strings), 1) + keys, kind="stable")
    row, keys, values = row[order], keys[order], rank[records.values][order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (row[1:] != row[:-1]) | (keys[1:] != keys[:-1])
    counts = np.bincount(row[is_first], minlength=len(records.ids))
    return Tags(strings, keys[is_first], values[is_first], offsets_of(counts))


def _ranked(strings: list[bytes]) -> tuple[pa.StringArray, Ints]:
    """Return the distinct strings, sorted, and the place there of each string given."""
    coded = pa.array([string.decode("utf-8", "replace") for string in strings], pa.string()).dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return coded.dictionary.take(pa.array(order)), rank[coded.indices.to_numpy()]


def kinds_of(tags: Tags) -> Kinds:
    """Return the kind of road of each row, decided once for each combination of tags."""
    columns = [tags.value(key) for key in KIND_KEYS]
    examples, kind = distinct(columns)
    texts = zip(*(tags.text(column[examples]).to_pylist() for column in columns), strict=True)
    decided = [_kind(*text) for text in texts]
    is_car, *words = zip(*decided, strict=True) if decided else [()] * 4
    return Kinds(kind, np.array(is_car, dtype=bool), *(pa.array(word, pa.string()) for word in words))


def _kind(
    highway: str, service: str | None, junction: str | None, oneway: str | None, area: str | None
) -> tuple[bool, str | None, str | None, str | None]:
    if not is_car_road(highway=highway, area=area):
        return False, None, None, None
    kind = road_kind(highway=highway, service=service)
    subclass = kind.subclass.value if kind.subclass else None
    return True, kind.road_class.value, subclass, one_way(highway=highway, oneway=oneway, junction=junction).value


def distinct(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Return one row for each distinct combination of values, and which of them each row has.

    Examples
    --------
    >>> distinct([np.array([5, 5, 7]), np.array([0, 0, 0])])
    (array([0, 2]), array([0, 0, 1]))
    """
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, each = np.unique(column, return_inverse=True)
        code = np.unique(code * max(len(values), 1) + each, return_inverse=True)[1]
    _, examples, which = np.unique(code, return_index=True, return_inverse=True)
    return examples, which
