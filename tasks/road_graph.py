"""Roads as a graph of segments: what meets where, what it costs to go on, and who can be reached."""

import math
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from tasks.kernel import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]


MOST_AT_ONE_PLACE = 100
"""Ends at one connector beyond which it is bad data and no place where roads meet; real ones have some ten."""


class Ends(NamedTuple):
    """Where segments touch connectors; one entry for each pair, by connector."""

    connector: Ints
    segment: Ints
    at: Floats
    """Where along the segment, 0 to 1."""


class Graph(NamedTuple):
    """Links between segments that meet, both ways: those of segment i are links[offsets[i]:offsets[i + 1]]."""

    offsets: Ints
    target: Ints
    metres: Floats
    """From the middle of one segment to the middle of the other."""
    cosine: Floats
    """Of the turn: 1 is straight on, -1 is back."""


def ends_of(connectors: Sequence[Sequence[Mapping[str, Any]]]) -> Ends:
    """Return where segments touch connectors; equal names are equal numbers.

    Examples
    --------
    >>> a, b, c = ({"connector_id": name, "at": at} for name, at in (("a", 0.0), ("b", 1.0), ("b", 0.0)))
    >>> ends_of([[a, b], [c]])
    Ends(connector=array([0, 1, 1]), segment=array([0, 0, 1]), at=array([0., 1., 0.]))
    """
    numbers: dict[str, int] = {}
    rows = [
        (numbers.setdefault(each["connector_id"], len(numbers)), row, each["at"])
        for row, touched in enumerate(connectors)
        for each in touched
    ]
    connector, segment, at = zip(*rows, strict=True) if rows else ((), (), ())
    order = np.argsort(np.array(connector, dtype=np.int64), kind="stable")
    return Ends(
        np.array(connector, dtype=np.int64)[order],
        np.array(segment, dtype=np.int64)[order],
        np.array(at, dtype=np.float64)[order],
    )


def graph_of(ends: Ends, geometry: Shapes, length_m: Floats) -> Graph:
    """Return how segments meet; a link goes by segment and then by the number of its target."""
    one, other = _pairs(ends.connector)
    source, target = ends.segment[one], ends.segment[other]
    kept = source != target
    one, other, source, target = one[kept], other[kept], source[kept], target[kept]
    metres = np.abs(ends.at[one] - 0.5) * length_m[source] + np.abs(ends.at[other] - 0.5) * length_m[target]
    heading = _headings(ends, geometry)
    cosine = -(heading[one] * heading[other]).sum(axis=1)
    order = np.lexsort((metres, target, source))
    offsets = np.searchsorted(source[order], np.arange(len(length_m) + 1))
    return Graph(offsets, target[order], metres[order], cosine[order])


def _pairs(groups: Ints) -> tuple[Ints, Ints]:
    """Return all ordered pairs of places whose group is the same; `groups` rises.

    A group of more than `MOST_AT_ONE_PLACE` has none: pairs grow as its square, and no such place is a junction.
    """
    bounds = np.flatnonzero(np.diff(groups)) + 1
    edges = np.concatenate([[0], bounds, [len(groups)]]) if len(groups) else np.zeros(1, dtype=np.int64)
    pairs = [
        pair
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        if high - low <= MOST_AT_ONE_PLACE
        for pair in combinations(range(low, high), 2)
    ]
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return np.concatenate([both[:, 0], both[:, 1]]), np.concatenate([both[:, 1], both[:, 0]])


def _headings(ends: Ends, geometry: Shapes) -> Floats:
    """Return for each end the unit vector that leads from the connector into the segment; shape (m, 2)."""
    shapes = geometry[ends.segment]
    start, after = shapely.get_point(shapes, 0), shapely.get_point(shapes, 1)
    last, before = shapely.get_point(shapes, -1), shapely.get_point(shapes, -2)
    is_start = (ends.at < 0.5)[:, None]
    here = np.where(is_start, shapely.get_coordinates(start), shapely.get_coordinates(last))
    there = np.where(is_start, shapely.get_coordinates(after), shapely.get_coordinates(before))
    step = there - here
    step[:, 0] *= np.cos(np.radians(here[:, 1]))
    size = np.hypot(step[:, 0], step[:, 1])
    vectors: Floats = step / np.where(size > 0, size, 1.0)[:, None]
    return vectors


class Reached(NamedTuple):
    """Segments reached from sources; one entry for each pair, by source."""

    source: Ints
    target: Ints
    metres: Floats
    penalty: Floats


@compiled
def reach(
    offsets: Ints, targets: Ints, metres: Floats, penalties: Floats, sources: Ints, scale_m: float, most: float
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return all segments whose cost from a source, metres / `scale_m` + penalties, is `most` or less.

    Dijkstra (1959) from each source, with a binary heap; of two paths of one cost the one over lower rows counts.
    """
    count = len(offsets) - 1
    best = np.full(count, np.inf)
    way = np.zeros((count, 2))
    pairs = np.empty((max(1024, 4 * len(sources)), 2), dtype=np.int64)
    costs = np.empty((len(pairs), 2))
    total = 0
    for source in sources:
        touched = _spread(offsets, targets, metres, penalties, source, scale_m, most, best, way)
        while total + len(touched) > len(pairs):
            pairs, costs = _doubled(pairs), _doubled(costs)
        for row in touched:
            if row != source:
                pairs[total, 0], pairs[total, 1] = source, row
                costs[total] = way[row]
                total += 1
            best[row] = np.inf
    return pairs[:total, 0].copy(), pairs[:total, 1].copy(), costs[:total, 0].copy(), costs[:total, 1].copy()


@compiled
def _spread(
    offsets: Ints,
    targets: Ints,
    metres: Floats,
    penalties: Floats,
    source: int,
    scale_m: float,
    most: float,
    best: Floats,
    way: Floats,
) -> list[int]:
    """Return the rows within `most` of one source, itself first; `best` gets their cost, `way` metres and penalty."""
    best[source] = 0.0
    way[source] = 0.0
    heap = [(0.0, source)]
    touched = [source]
    while len(heap) > 0:
        cost, here = heappop(heap)
        if cost > best[here]:
            continue
        for link in range(offsets[here], offsets[here + 1]):
            there = targets[link]
            far, hard = way[here, 0] + metres[link], way[here, 1] + penalties[link]
            price = far / scale_m + hard
            if price <= most and price < best[there]:
                if best[there] == np.inf:
                    touched.append(there)
                best[there] = price
                way[there, 0], way[there, 1] = far, hard
                heappush(heap, (price, there))
    return touched


@compiled
def _doubled(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array with room for twice as many rows."""
    return np.concatenate((rows, np.empty_like(rows)))


EARTH_M = 6371008.8
"""Mean radius of the earth."""


def places_m(lon: Floats, lat: Floats) -> Floats:
    """Return points (degrees) as metres from the centre of the earth, so that no tile needs a projection; (n, 3)."""
    east, north = np.radians(lon), np.radians(lat)
    flat = np.cos(north)
    spots: Floats = EARTH_M * np.column_stack([flat * np.cos(east), flat * np.sin(east), np.sin(north)])
    return spots


def degrees_of(metres: float) -> float:
    """Return a distance as degrees of latitude.

    Examples
    --------
    >>> round(degrees_of(111195.08), 6)
    1.0
    """
    return math.degrees(metres / EARTH_M)
