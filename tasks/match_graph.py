"""Roads as match points need them: a directed graph of stretches between connectors, and an index of their chords."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import OneWay, RoadClass
from tasks.kernel import compiled, compiled_bare
from tasks.match_cell import Cells, cells_of
from tasks.match_kernel import Records, kind
from tasks.match_stretch import Chords, Stretches, stretches_of
from tasks.road_graph import MOST_AT_ONE_PLACE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TYPICAL_KMH = {
    RoadClass.MOTORWAY: 105.0,
    RoadClass.TRUNK: 85.0,
    RoadClass.PRIMARY: 65.0,
    RoadClass.SECONDARY: 55.0,
    RoadClass.TERTIARY: 45.0,
    RoadClass.UNCLASSIFIED: 40.0,
    RoadClass.RESIDENTIAL: 30.0,
    RoadClass.LIVING_STREET: 15.0,
    RoadClass.SERVICE: 15.0,
    RoadClass.TRACK: 12.0,
    RoadClass.UNKNOWN: 30.0,
}
"""What free traffic drives on each class, roughly: it weighs one way against another and is never published."""

EVEN_KMH = 50.0
"""Speed of the road whose cost for a metre is 1."""

LEAST_COST = 0.6
"""Cost for a metre on the quickest class is no less; so much of the crow's metres is a lower bound of every cost."""

MOST_COST = 2.0
"""Cost for a metre on the slowest class is no more: short ends on service roads must stay possible."""

TURN_COST = 80.0
"""Cost of turning back; a turn by 90° costs half, as many metres as are driven in 3 s in town, straight on nothing."""

BACK_COST = 350.0
"""Cost of a U-turn where the road goes on."""

DEAD_END_COST = 30.0
"""Cost of a U-turn where it does not."""

COLUMNS = ["segment_id", "geometry", "class", "one_way", "connectors"]
"""Columns of ROAD_SEGMENT that are read."""

EDGE = kind(
    metres="f8", cost="f8", seconds="f8", end_lon="f8", end_lat="f8", first_link="i8", end_link="i8", is_open="?"
)
"""Geodesic length; metres weighed by class, more where drivers would rather not be; seconds at the typical speed of the
class; where it ends, degrees; its links; whether cars may drive it."""

LINK = kind(to="i4", cost="f8")
"""Edge that a link leads to, and what its turn costs, in metres."""


class Edges(NamedTuple):
    """Directed edges: 2 s runs along stretch s in drawing direction, 2 s + 1 against it."""

    edge: Records
    link: Records


class MatchGraph(NamedTuple):
    """What the matcher sees of the roads. Nothing in it depends on roads far away but the numbers of its rows."""

    segment_id: pa.Array
    """Ascending."""
    spans: Records
    """By stretch."""
    edges: Edges
    chords: Chords
    cells: Cells


def match_graph(road_segment: pa.Table) -> MatchGraph:
    """Return the graph of a ROAD_SEGMENT table, whose `COLUMNS` are read.

    A segment is cut into stretches at its connectors, and where it has bent so far that a point beside it may be near
    two places of it. An end without a connector gets one of its own.
    """
    order = pc.sort_indices(road_segment["segment_id"])
    table = road_segment.select(COLUMNS).take(order)
    stretches = stretches_of(table["geometry"].combine_chunks(), table["connectors"].combine_chunks())
    segment = stretches.span["segment"]
    kmh = _by_word(table["class"], {str(word): kmh for word, kmh in TYPICAL_KMH.items()}, 30.0)[segment]
    edge = _edges(stretches, kmh, *_is_open(table["one_way"], segment))
    link = _links(edge, stretches)
    chords = stretches.chords
    return MatchGraph(
        table["segment_id"].combine_chunks(), stretches.span, Edges(edge, link), chords, cells_of(chords.chord)
    )


def beside(graph: MatchGraph, lon: Floats) -> Floats:
    """Return longitudes of points on the turn of the earth on which those of the roads are counted."""
    roads = graph.chords.chord["lon"]
    return lon - 360 * np.rint((lon - roads[0]) / 360) if len(roads) else lon


def _by_word(column: pa.ChunkedArray, values: dict[str, float], otherwise: float) -> Floats:
    """Return a number for each word of a column."""
    words = column.combine_chunks().dictionary_encode()
    known: Floats = np.array([values.get(word, otherwise) for word in words.dictionary.to_pylist()] or [otherwise])
    numbers: Floats = known[words.indices.to_numpy()]
    return numbers


def _is_open(one_way: pa.ChunkedArray, segment: Ints) -> tuple[Flags, Flags]:
    """Return which stretches cars may drive in drawing direction, and which against it."""
    closed = (pc.equal(one_way, str(word)).to_numpy() for word in (OneWay.BACKWARD, OneWay.FORWARD))
    ahead, back = (~each[segment] for each in closed)
    return ahead, back


@compiled
def _edges(stretches: Stretches, kmh: Floats, ahead: Flags, back: Flags) -> Records:
    """Return directed edges, whose links are not known yet; speeds (km/h) and what is open by stretch."""
    made = np.zeros(2 * len(stretches.course), dtype=EDGE)
    for stretch in range(len(stretches.course)):
        course = stretches.course[stretch]
        per_metre = min(max((EVEN_KMH / kmh[stretch]) ** 0.5, LEAST_COST), MOST_COST)
        for side in range(2):
            edge = made[2 * stretch + side]
            edge.metres = course.metres
            edge.cost = course.metres * per_metre
            edge.seconds = course.metres * (3.6 / kmh[stretch])
            edge.end_lon, edge.end_lat = course.end_lon, course.end_lat
        made[2 * stretch].is_open, made[2 * stretch + 1].is_open = ahead[stretch], back[stretch]
        made[2 * stretch + 1].end_lon, made[2 * stretch + 1].end_lat = course.lon, course.lat
    return made


@compiled
def _links(edges: Records, stretches: Stretches) -> Records:
    """Return which open edges lead into which, by edge, and note in each edge where its links are.

    A place with more ends than any junction has links none.
    """
    start, leaving = _leaving(edges, stretches)
    ends = _ends(stretches)
    count = 0
    for edge in range(len(edges)):
        edges[edge].first_link = count
        count += _fan(edges, stretches, start, edge)
        edges[edge].end_link = count
    made = np.empty(count, dtype=LINK)
    for edge in range(len(edges)):
        first = edges[edge].first_link
        behind = start[_head(stretches, edge)]
        for place in range(edges[edge].end_link - first):
            made[first + place].to = leaving[behind + place]
            made[first + place].cost = _turn_cost(stretches, ends, edge, leaving[behind + place])
    return made


@compiled_bare
def _head(stretches: Stretches, edge: int) -> int:
    """Return the connector at which an edge ends."""
    course = stretches.course[edge >> 1]
    node: int = course.head if edge & 1 == 0 else course.tail
    return node


@compiled
def _leaving(edges: Records, stretches: Stretches) -> tuple[Ints, Ints]:
    """Return the open edges that leave each connector: those of connector n are start[n] up to start[n + 1]."""
    start = np.zeros(stretches.nodes + 1, dtype=np.int64)
    for edge in range(len(edges)):
        start[_head(stretches, edge ^ 1) + 1] += edges[edge].is_open
    start = np.cumsum(start)
    free, leaving = start.copy(), np.empty(start[-1], dtype=np.int64)
    for edge in range(len(edges)):
        if edges[edge].is_open:
            node = _head(stretches, edge ^ 1)
            leaving[free[node]] = edge
            free[node] += 1
    return start, leaving


@compiled
def _ends(stretches: Stretches) -> Ints:
    """Return how many ends of stretches touch each connector."""
    count = np.zeros(stretches.nodes, dtype=np.int64)
    for stretch in range(len(stretches.course)):
        count[stretches.course[stretch].tail] += 1
        count[stretches.course[stretch].head] += 1
    return count


@compiled_bare
def _fan(edges: Records, stretches: Stretches, start: Ints, edge: int) -> int:
    """Return how many links an edge has."""
    if not edges[edge].is_open:
        return 0
    head = _head(stretches, edge)
    count = int(start[head + 1] - start[head])
    return count if count <= MOST_AT_ONE_PLACE else 0


@compiled_bare
def _turn_cost(stretches: Stretches, ends: Ints, edge: int, other: int) -> float:
    """Return what the turn from one edge into another costs, in metres."""
    if other == edge ^ 1:
        return DEAD_END_COST if ends[_head(stretches, edge)] == 1 else BACK_COST
    one, two = _way_out(stretches.course, edge), _way_in(stretches.course, other)
    return TURN_COST * (1 - (one[0] * two[0] + one[1] * two[1])) / 2


@compiled_bare
def _way_out(course: Records, edge: int) -> tuple[float, float]:
    """Return the unit vector (east, north) of travel at the end of an edge."""
    one = course[edge >> 1]
    return (one.end_east, one.end_north) if edge & 1 == 0 else (-one.east, -one.north)


@compiled_bare
def _way_in(course: Records, edge: int) -> tuple[float, float]:
    """Return the unit vector (east, north) of travel at the begin of an edge."""
    one = course[edge >> 1]
    return (one.east, one.north) if edge & 1 == 0 else (-one.end_east, -one.end_north)
