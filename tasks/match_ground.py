"""What traces are matched on: a graph of roads, and the room for it, kept from one call to the next."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pyarrow as pa

from tasks.match_graph import COLUMNS, MatchGraph, match_graph
from tasks.match_lattice import Room
from tasks.match_piece import room_of


class Ground(NamedTuple):
    """Roads, their graph, and the room for matching on it with the ways that it keeps."""

    roads: pa.Table
    graph: MatchGraph
    room: Room


LAST: deque[Ground] = deque(maxlen=1)
"""What was matched on last: the parts of a tile that is split, and batches of one region, lie on the same roads."""


@contextmanager
def ground_of(road_segment: pa.Table) -> Iterator[Ground]:
    """Give the ground of roads, which nobody else has meanwhile; that of the last call where its roads are equal.

    What a ground keeps changes no result.
    """
    ground = _last(road_segment.select(COLUMNS)) or _fresh(road_segment.select(COLUMNS))
    yield ground
    LAST.append(ground)


def _last(roads: pa.Table) -> Ground | None:
    with suppress(IndexError):
        ground = LAST.pop()
        if ground.roads.equals(roads):
            return ground
    return None


def _fresh(roads: pa.Table) -> Ground:
    graph = match_graph(roads)
    return Ground(roads, graph, room_of(graph))
