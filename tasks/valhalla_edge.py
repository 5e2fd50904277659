"""Which edges of Valhalla's graph lie on which segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.spatial
import shapely

from tasks.measure import distances

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

REACH = 1.5e-6
"""Degrees that a vertex may have moved: Valhalla rounds the shapes of its edges to 1e-6."""


MOST_ID = 2**63 - 1
"""Highest number that ids are read to; GraphIds have 46 bits."""


class EdgeFileError(ValueError):
    """A file of ways and edges cannot be read: one line with file, line, value and what was expected."""


class EdgeParts(NamedTuple):
    """Stretches of edges that lie on segments; one row each."""

    edge: Ints
    """GraphId of the edge as a number."""
    row: Ints
    """Place of the segment."""
    is_backward: Bools
    """Whether the edge leads against the drawing direction of the segment."""
    metres: Floats
    edge_m: Floats
    """Length of the whole edge."""


class WayEdges(NamedTuple):
    """Edges of the ways of a map, as `valhalla_ways_to_edges` lists them."""

    way: Ints
    is_forward: Bools
    edge: Ints


def parts_by_shape(edges: Ints, shapes: Sequence[Floats], geometry: npt.NDArray[Any]) -> EdgeParts:
    """Return where edges lie on segments: wherever both draw the same straight piece between two vertices.

    Shape: `edges` (e,), `shapes` e arrays (k, 2) of longitude and latitude in the direction of travel, `geometry` (n,)
    of lines. No ids are needed, so it works for roads of any source that the graph was built from; a segment that is
    drawn otherwise (an edited map) has no edges. Where two segments draw one piece it is the first one's.

    Examples
    --------
    >>> lines = np.array([shapely.LineString([(9.0, 47.0), (9.001, 47.0), (9.002, 47.0)])])
    >>> made = parts_by_shape(np.array([8]), [np.array([(9.002, 47.0), (9.001, 47.0)])], lines)
    >>> made.row.tolist(), made.is_backward.tolist(), made.metres.round(1).tolist()
    ([0], [True], [76.1])
    """
    pieces = _pieces(geometry)
    if not len(edges) or not len(pieces.row):
        return EdgeParts(*(np.empty(0, kind) for kind in (np.int64, np.int64, bool, np.float64, np.float64)))
    ends = np.concatenate([np.asarray(shape, dtype=np.float64).reshape(-1, 2) for shape in shapes])
    owner = np.repeat(np.arange(len(edges)), [len(shape) for shape in shapes])
    near = scipy.spatial.cKDTree(pieces.vertices).query(ends, distance_upper_bound=REACH)[1]  # len(vertices): none
    is_step = (owner[1:] == owner[:-1]) & np.any(ends[1:] != ends[:-1], axis=1)
    owner, metres = owner[:-1][is_step], distances(*ends[:-1][is_step].T, *ends[1:][is_step].T)
    found = pieces.find(near[:-1][is_step], near[1:][is_step])
    hit = np.flatnonzero(found >= 0)
    edge_m = np.bincount(owner, metres, len(edges)).astype(np.float64)
    piece, count = found[hit], len(pieces.row)
    return _summed(edges, owner[hit], pieces.row[piece % count], piece >= count, metres[hit], edge_m)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Straight pieces of segments, each between two vertices."""

    vertices: Floats
    """Different vertices; shape (v, 2)."""
    row: Ints
    """Segment of each piece; shape (p,)."""
    keys: Ints
    """Both vertices of each piece as one number, ascending, in drawing direction and against it."""
    place: Ints
    """The piece of each key; p is added against drawing direction."""

    def find(self, start: Ints, end: Ints) -> Ints:
        """Return the place of the piece from one vertex to another, -1 where there is none."""
        sought = start * (len(self.vertices) + 1) + end
        at = np.minimum(np.searchsorted(self.keys, sought), len(self.keys) - 1)
        return np.where(self.keys[at] == sought, self.place[at], -1)


def _pieces(geometry: npt.NDArray[Any]) -> Pieces:
    xy, line = shapely.get_coordinates(geometry, return_index=True)
    vertices, vertex = np.unique(xy, axis=0, return_inverse=True)
    is_piece = (line[1:] == line[:-1]) & (vertex[1:] != vertex[:-1])
    a, b = vertex[:-1][is_piece], vertex[1:][is_piece]
    wide = len(vertices) + 1
    keys, place = np.unique(np.concatenate([a * wide + b, b * wide + a]), return_index=True)
    return Pieces(vertices, line[:-1][is_piece], keys, place)


def _summed(edges: Ints, of_edge: Ints, row: Ints, is_backward: Bools, metres: Floats, edge_m: Floats) -> EdgeParts:
    """Return one part for each edge, segment and direction."""
    triples = np.stack([of_edge, row, is_backward.astype(np.int64)], axis=1)
    known, place = np.unique(triples, axis=0, return_inverse=True)
    summed = np.bincount(place, metres, len(known)).astype(np.float64)
    return EdgeParts(edges[known[:, 0]], known[:, 1], known[:, 2] == 1, summed, edge_m[known[:, 0]])


def parts_by_way(edges: WayEdges, way: Ints, length_m: Floats) -> EdgeParts:
    """Return each edge as lying on all segments of its way, of which its speeds are then the mean.

    Shape: `way` and `length_m` (n,), the way of each segment (-1: none) and its length. `valhalla_ways_to_edges` tells
    neither where on the way an edge lies nor how long it is; so ways that were cut lose how their parts differ, which
    `parts_by_shape` keeps.

    Examples
    --------
    >>> listed = WayEdges(np.array([7, 7]), np.array([True, False]), np.array([8, 16]))
    >>> parts_by_way(listed, np.array([5, 7]), np.array([80.0, 30.0]))[:4]
    (array([ 8, 16]), array([1, 1]), array([False,  True]), array([30., 30.]))
    """
    order = np.argsort(way, kind="stable")
    first, last = (np.searchsorted(way[order], edges.way, side=side) for side in ("left", "right"))
    of_edge = np.repeat(np.arange(len(edges.way)), last - first)
    row = order[np.arange(len(of_edge)) - np.repeat(np.cumsum(last - first) - last, last - first)]
    metres = length_m[row]
    edge_m = np.bincount(of_edge, metres, len(edges.way)).astype(np.float64)
    return EdgeParts(edges.edge[of_edge], row, ~edges.is_forward[of_edge], metres, edge_m[of_edge])


def read_way_edges(path: Path) -> WayEdges:
    """Return the edges of a `way_edges.txt`: on each line a way, then direction (1 is forward) and GraphId by turns.

    Raises
    ------
    EdgeFileError
        If a line is not of this form.
    """
    ways: list[list[int]] = []
    for number, line in lines_of(path):
        words = line.split(",")
        is_whole = all(word.isdecimal() and int(word) <= MOST_ID for word in words)
        if not is_whole or len(words) % 2 != 1 or set(words[1::2]) - {"0", "1"}:
            raise EdgeFileError(f"{path}: line {number} is {line[:60]!r}, expected way,0|1,GraphId,0|1,GraphId…")
        ways.append([int(word) for word in words])
    way = np.repeat([row[0] for row in ways], [len(row) // 2 for row in ways]).astype(np.int64)
    is_forward = np.array(list(chain.from_iterable(row[1::2] for row in ways)), dtype=bool)
    edge = np.array(list(chain.from_iterable(row[2::2] for row in ways)), dtype=np.int64)
    return WayEdges(way, is_forward, edge)


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line of a file, without white space at its ends; bad UTF-8 as U+FFFD."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            yield number, line.strip()
