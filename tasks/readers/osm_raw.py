"""What an OSM file holds that matters to roads, as flat NumPy arrays: the form PBF and XML are both read into."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DEGREE = 10**7
"""OSM stores degrees as integers of 1e-7."""
NOWHERE = -(2**31)
"""Coordinate of a node whose place is missing, not a number, or too large to be written down."""


class Nodes(NamedTuple):
    """Nodes of one file or of a part of it, 16 bytes each."""

    ids: Ints
    lon: NDArray[np.int32]
    """In 1e-7 degrees."""
    lat: NDArray[np.int32]


@dataclass(frozen=True)
class Records:
    """Ways or relations: row i has refs[ref_offsets[i]:ref_offsets[i + 1]], and tags in the same way.

    Examples
    --------
    >>> two = Records([b"highway", b"track", b"ref"], np.array([8, 9]), np.array([1, 3]), np.array([1, 2, 2, 3]),
    ...               np.array([0, 2, 4]), np.array([0, 2]), np.array([1, 1]), np.array([0, 1, 2]))
    >>> two.has(b"highway")
    array([ True, False])
    >>> two.where(two.has(b"highway")).refs
    array([1, 2])
    """

    strings: list[bytes]
    """Keys and values of tags in UTF-8; one string may stand here more than once."""
    ids: Ints
    versions: Ints
    """0 where the file has none."""
    refs: Ints
    """Ids of the nodes of a way, or of the ways that are direct members of a relation."""
    ref_offsets: Ints
    keys: Ints
    """Places of tag keys in `strings`."""
    values: Ints
    """Places of tag values in `strings`."""
    tag_offsets: Ints

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of all parts, in order."""
        bases = np.cumsum([0] + [len(part.strings) for part in parts])
        return cls(
            strings=[string for part in parts for string in part.strings],
            ids=joined([part.ids for part in parts]),
            versions=joined([part.versions for part in parts]),
            refs=joined([part.refs for part in parts]),
            ref_offsets=joined_offsets([part.ref_offsets for part in parts]),
            keys=joined([part.keys + base for part, base in zip(parts, bases[:-1], strict=True)]),
            values=joined([part.values + base for part, base in zip(parts, bases[:-1], strict=True)]),
            tag_offsets=joined_offsets([part.tag_offsets for part in parts]),
        )

    def where(self, chosen: Flags | Ints) -> Self:
        """Return the rows that a mask or row numbers choose, in that order; the strings stay as they are."""
        rows: Ints = np.arange(len(self.ids))[chosen]
        ref_places, ref_offsets = spans(self.ref_offsets, rows)
        tag_places, tag_offsets = spans(self.tag_offsets, rows)
        return type(self)(
            strings=self.strings,
            ids=self.ids[rows],
            versions=self.versions[rows],
            refs=self.refs[ref_places],
            ref_offsets=ref_offsets,
            keys=self.keys[tag_places],
            values=self.values[tag_places],
            tag_offsets=tag_offsets,
        )

    def has(self, key: bytes, value: bytes | None = None) -> Flags:
        """Return which rows have a tag with this key, and with this value unless it is None."""
        is_hit = np.isin(self.keys, places(self.strings, key))
        if value is not None:
            is_hit &= np.isin(self.values, places(self.strings, value))
        before = np.concatenate(([0], np.cumsum(is_hit)))
        found: Flags = before[self.tag_offsets[1:]] > before[self.tag_offsets[:-1]]
        return found

    def newest(self) -> Self:
        """Return each id once, in its highest version, by id; of equal versions the last one."""
        if (self.ids[1:] > self.ids[:-1]).all():
            return self
        order = np.lexsort((self.versions, self.ids))
        is_last = np.append(self.ids[order][1:] != self.ids[order][:-1], True)[: len(order)]
        return self.where(order[is_last])

    def trimmed(self) -> Self:
        """Return the same rows with the strings alone that their tags use."""
        used, places_of_tags = np.unique(np.concatenate((self.keys, self.values)), return_inverse=True)
        return replace(
            self,
            strings=[self.strings[place] for place in used.tolist()],
            keys=places_of_tags[: len(self.keys)],
            values=places_of_tags[len(self.keys) :],
        )


class Raw(NamedTuple):
    """What files hold that matters to roads, in parts: one for each block of a file."""

    ways: list[Records]
    """Ways with a `highway` tag."""
    routes: list[Records]
    """Relations `type=route`, `route=road`."""
    nodes: list[Nodes]
    """All nodes."""


def joined_raw(raws: Iterable[Raw]) -> Raw:
    """Return all parts of blocks or files."""
    whole = Raw([], [], [])
    for raw in raws:
        whole.ways.extend(raw.ways)
        whole.routes.extend(raw.routes)
        whole.nodes.extend(raw.nodes)
    return whole


def roads(ways: Records) -> Records:
    """Return the ways that have a `highway` tag."""
    return ways.where(ways.has(b"highway")).trimmed()


def road_routes(relations: Records) -> Records:
    """Return the relations that are routes of roads."""
    return relations.where(relations.has(b"type", b"route") & relations.has(b"route", b"road")).trimmed()


def places(strings: list[bytes], wanted: bytes) -> Ints:
    """Return where `wanted` stands in `strings`."""
    found: list[int] = []
    for _ in range(strings.count(wanted)):
        found.append(strings.index(wanted, found[-1] + 1 if found else 0))
    return np.array(found, dtype=np.int64)


def rows_of(offsets: Ints) -> Ints:
    """Return the row that each place of a flat array belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def offsets_of(counts: Ints) -> Ints:
    """Return where each row starts in a flat array, with the end of the last one."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)))


def spans(offsets: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return the places in a flat array that belong to `rows`, row after row, and their new offsets.

    Examples
    --------
    >>> spans(np.array([0, 2, 2, 5]), np.array([2, 0]))
    (array([2, 3, 4, 0, 1]), array([0, 3, 5]))
    """
    starts = offsets[rows]
    within = offsets_of(offsets[rows + 1] - starts)
    return np.arange(within[-1]) + np.repeat(starts - within[:-1], np.diff(within)), within


def joined(arrays: Sequence[Ints]) -> Ints:
    """Return the arrays one after another; an empty one if there are none."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])


def joined_offsets(offsets: Sequence[Ints]) -> Ints:
    """Return the offsets of flat arrays that were put one after another."""
    return offsets_of(joined([np.diff(each) for each in offsets]))


def fixed_point(degrees_1e7: NDArray[np.float64] | Ints) -> NDArray[np.int32]:
    """Return coordinates in 1e-7 degrees as 32-bit integers, `NOWHERE` for what does not fit.

    Examples
    --------
    >>> fixed_point(np.array([249000000.4, np.nan, 1e12])).tolist() == [249000000, NOWHERE, NOWHERE]
    True
    """
    fits = (degrees_1e7 > NOWHERE) & (degrees_1e7 < -NOWHERE)
    kept = np.where(fits, degrees_1e7, NOWHERE)
    return (np.rint(kept) if kept.dtype.kind == "f" else kept).astype(np.int32)


def metadata_versions(versions: Ints, count: int) -> Ints:
    """Return versions with 0 for records without one: readers say -1, 0 or nothing at all."""
    return np.maximum(versions, 0) if len(versions) == count else np.zeros(count, dtype=np.int64)
