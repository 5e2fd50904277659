"""Roads as match points need them: a directed graph of stretches between connectors, and an index of their chords."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.vocabulary import OneWay, RoadClass
from tasks.match_kernel import Records, kind, records
from tasks.measure import fractions, steps
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

LOOK_M = 12.0
"""How far from the connector the direction of a turn is taken: first chords of a junction are often odd."""

NEAR_FRACTION = 1e-9
"""Places on a segment closer than this are one."""

BEND_DEGREES = 90
"""Turns after which a stretch ends: only the nearest place of each is a candidate, and a hairpin has two."""

KEY_BITS = 42
"""Bits for a place on a segment, 2e-13 of its length."""

CELL_M = 60.0
"""Width of a cell of the index."""


EDGE = kind(
    metres="f8", cost="f8", seconds="f8", end_lon="f8", end_lat="f8", first_link="i8", end_link="i8", is_open="?"
)
"""Geodesic length; metres weighed by class, more where drivers would rather not be; seconds at the typical speed of the
class; where it ends, degrees; its links; whether cars may drive it."""

LINK = kind(to="i4", cost="f8")
"""Edge that a link leads to, and what its turn costs, in metres."""

CHORD = kind(lon="f8", lat="f8", dlon="f8", dlat="f8", along="f8", metres="f8", stretch="i4")
"""A straight piece of a stretch: where it begins, how far to its end (degrees), metres from the begin of the stretch
to its own, and its length."""


class Edges(NamedTuple):
    """Directed edges: 2 s runs along stretch s in drawing direction, 2 s + 1 against it."""

    edge: Records
    link: Records


class Chords(NamedTuple):
    """Straight pieces of the stretches; those of stretch s are start[s] up to start[s + 1]."""

    start: Ints
    chord: Records


class Cells(NamedTuple):
    """A grid over the chords: those that touch cell (x, y) are start[y * across + x] and what follows in `chord`."""

    west: float
    south: float
    width: float
    """Degrees of longitude."""
    height: float
    """Degrees of latitude."""
    across: int
    down: int
    start: Ints
    chord: Records


SPAN = kind(from_at="f8", to_at="f8", segment="i4")
"""Which part of which segment a stretch is, as fractions of geodesic length."""


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
    """Return the graph of a ROAD_SEGMENT table (segment_id, geometry, class, one_way and connectors are read).

    A segment is cut into stretches at its connectors, and where it has bent so far that a point beside it may be near
    two places of it. An end without a connector gets one of its own.
    """
    table = road_segment.take(pc.sort_indices(road_segment["segment_id"])).combine_chunks()
    lines = _lines(table["geometry"])
    stretches = _stretches(table["connectors"], lines)
    cut = _cut(lines, stretches)
    chords = _chords(cut, len(stretches.segment))
    length = lines.length[stretches.segment] * (stretches.to_at - stretches.from_at)
    edges = _edges(table, stretches, length, lines)
    spans = records(SPAN, segment=stretches.segment, from_at=stretches.from_at, to_at=stretches.to_at)
    cells = _cells(chords.chord[chords.chord["metres"] > 0])
    return MatchGraph(table["segment_id"].combine_chunks(), spans, edges, chords, cells)


class _Lines(NamedTuple):
    """Vertices of all segments: segment, fraction of geodesic length, longitude and latitude; and metres a segment."""

    segment: Ints
    at: Floats
    lon: Floats
    lat: Floats
    length: Floats


def _lines(geometry: pa.ChunkedArray) -> _Lines:
    xy, segment = shapely.get_coordinates(shapely.from_wkb(geometry.to_numpy()), return_index=True)
    offsets = np.searchsorted(segment, np.arange(len(geometry) + 1))
    lon, lat = xy[:, 0].copy(), xy[:, 1].copy()
    metres = steps(lon, lat, offsets)
    length = np.bincount(segment, weights=metres, minlength=len(geometry)).astype(np.float64)
    return _Lines(segment, fractions(metres, offsets), _unrolled(lon), lat, length)


def beside(graph: MatchGraph, lon: Floats) -> Floats:
    """Return longitudes of points on the turn of the earth on which those of the roads are counted."""
    roads = graph.chords.chord["lon"]
    return lon - 360 * np.rint((lon - roads[0]) / 360) if len(roads) else lon


def _unrolled(lon: Floats) -> Floats:
    """Return longitudes without a jump, where a tile lies on both sides of the antimeridian."""
    if len(lon) and lon.max() - lon.min() > 180:
        return np.where(lon < 0, lon + 360, lon)
    return lon


class _Stretches(NamedTuple):
    """Stretches between connectors, by segment and place; `tail` and `head` number the connectors at their ends."""

    segment: Ints
    from_at: Floats
    to_at: Floats
    tail: Ints
    head: Ints
    nodes: int


def _stretches(connectors: pa.ChunkedArray, lines: _Lines) -> _Stretches:
    lists = connectors.combine_chunks()
    count = pc.list_value_length(lists).fill_null(0).to_numpy()
    segment = np.repeat(np.arange(len(lists)), count)
    touched = lists.flatten()
    names = touched.field("connector_id").dictionary_encode()
    node = names.indices.to_numpy().astype(np.int64)
    at = np.clip(touched.field("at").to_numpy(), 0, 1)
    segment, at, node, nodes = _with_ends(segment, at, node, len(names.dictionary), len(lists))
    segment, at, node, nodes = _with_bends(segment, at, node, nodes, lines)
    order = np.lexsort((at, segment))
    segment, at, node = segment[order], at[order], node[order]
    one = np.flatnonzero(segment[1:] == segment[:-1])
    return _Stretches(segment[one], at[one], at[one + 1], node[one], node[one + 1], nodes)


def _with_ends(segment: Ints, at: Floats, node: Ints, nodes: int, segments: int) -> tuple[Ints, Floats, Ints, int]:
    """Return connectors with one at each end of every segment; ends are exactly 0 and 1."""
    at = np.where(at < NEAR_FRACTION, 0.0, np.where(at > 1 - NEAR_FRACTION, 1.0, at))
    bare = [np.setdiff1d(np.arange(segments), segment[at == end]) for end in (0.0, 1.0)]
    added = np.concatenate(bare)
    ends = np.repeat([0.0, 1.0], [len(each) for each in bare])
    fresh = nodes + np.arange(len(added))
    return (
        np.concatenate([segment, added]),
        np.concatenate([at, ends]),
        np.concatenate([node, fresh]),
        nodes + len(added),
    )


def _with_bends(segment: Ints, at: Floats, node: Ints, nodes: int, lines: _Lines) -> tuple[Ints, Floats, Ints, int]:
    """Return connectors with one more, which nothing else touches, at each vertex where the line has bent enough."""
    bent = _bends(lines)
    bent = bent[~np.isin(_keys(lines.segment[bent], lines.at[bent]), _keys(segment, at))]
    return (
        np.concatenate([segment, lines.segment[bent]]),
        np.concatenate([at, lines.at[bent]]),
        np.concatenate([node, nodes + np.arange(len(bent))]),
        nodes + len(bent),
    )


def _bends(lines: _Lines) -> Ints:
    """Return the vertices at which the turns of a segment, whatever their side, add up to a multiple of `BEND_DEGREES`.

    Turns are counted in whole thousandths of a degree, so that the sum depends on nothing outside the segment.
    """
    if len(lines.lon) < 3:
        return np.empty(0, dtype=np.int64)
    east, north = np.diff(lines.lon) * np.cos(np.radians(lines.lat[:-1])), np.diff(lines.lat)
    turn = np.diff(np.degrees(np.arctan2(east, north)))
    is_inner = (lines.segment[2:] == lines.segment[:-2]) & (lines.at[1:-1] > lines.at[:-2]) & (lines.at[1:-1] < 1)
    thousandths = np.where(is_inner, np.rint(1000 * np.abs((turn + 180) % 360 - 180)), 0).astype(np.int64)
    total = np.concatenate([[0], np.cumsum(thousandths), [0]])
    total[-1] = total[-2]
    first = np.searchsorted(lines.segment, lines.segment)
    count = (total - total[first]) // (1000 * BEND_DEGREES)
    made: Ints = np.flatnonzero(np.diff(count, prepend=0)[1:-1] * is_inner > 0) + 1
    return made


class _Cut(NamedTuple):
    """Vertices of all stretches, stretch by stretch."""

    stretch: Ints
    metres: Floats
    """From the begin of the stretch."""
    lon: Floats
    lat: Floats


def _cut(lines: _Lines, stretches: _Stretches) -> _Cut:
    """Return the vertices of the stretches: those of the segments, and one at each connector."""
    key = _keys(lines.segment, lines.at)
    first = np.searchsorted(key, _keys(stretches.segment, stretches.from_at), side="right")
    last = np.maximum(np.searchsorted(key, _keys(stretches.segment, stretches.to_at), side="left"), first)
    count = last - first + 2
    start = np.concatenate([[0], np.cumsum(count)])
    stretch = np.repeat(np.arange(len(count)), count)
    place = np.arange(start[-1]) - start[stretch]
    vertex = np.clip(first[stretch] + place - 1, 0, max(len(key) - 1, 0))
    at = np.where(place == 0, stretches.from_at[stretch], stretches.to_at[stretch])
    lon, lat = _spots(lines, stretches.segment[stretch], at)
    is_inner = (place > 0) & (place < count[stretch] - 1)
    for values, known in ((at, lines.at), (lon, lines.lon), (lat, lines.lat)):
        values[is_inner] = known[vertex[is_inner]]
    metres = (at - stretches.from_at[stretch]) * lines.length[stretches.segment[stretch]]
    return _Cut(stretch, metres, lon, lat)


def _keys(segment: Ints, at: Floats) -> Ints:
    """Return numbers that rise along each segment and from one to the next; whole, so that no segment's are coarser."""
    keys: Ints = (segment << KEY_BITS) + np.rint(at * (1 << (KEY_BITS - 1))).astype(np.int64)
    return keys


def _spots(lines: _Lines, segment: Ints, at: Floats) -> tuple[Floats, Floats]:
    """Return longitude and latitude of places on segments, whatever other segments there are."""
    if not len(segment):
        return np.empty(0), np.empty(0)
    key = _keys(lines.segment, lines.at)
    behind = np.clip(np.searchsorted(key, _keys(segment, at), side="left"), 1, len(key) - 1)
    behind = np.where(lines.segment[behind - 1] == segment, behind, np.minimum(behind + 1, len(key) - 1))
    before = behind - 1
    span = lines.at[behind] - lines.at[before]
    share = np.clip((at - lines.at[before]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    lon, lat = (
        np.where(share == 1, each[behind], each[before] + share * (each[behind] - each[before]))
        for each in (lines.lon, lines.lat)
    )
    return lon, lat


def _chords(cut: _Cut, stretches: int) -> Chords:
    one = np.flatnonzero(cut.stretch[1:] == cut.stretch[:-1])
    stretch = cut.stretch[one]
    chord = records(
        CHORD,
        stretch=stretch,
        lon=cut.lon[one],
        lat=cut.lat[one],
        dlon=cut.lon[one + 1] - cut.lon[one],
        dlat=cut.lat[one + 1] - cut.lat[one],
        along=cut.metres[one],
        metres=cut.metres[one + 1] - cut.metres[one],
    )
    return Chords(np.searchsorted(stretch, np.arange(stretches + 1)).astype(np.int64), chord)


def _edges(table: pa.Table, stretches: _Stretches, length: Floats, lines: _Lines) -> Edges:
    kmh = _by_word(table["class"], {str(word): kmh for word, kmh in TYPICAL_KMH.items()}, 30.0)[stretches.segment]
    one_way = table["one_way"]
    ahead = ~_is_word(one_way, OneWay.BACKWARD)[stretches.segment]
    back = ~_is_word(one_way, OneWay.FORWARD)[stretches.segment]
    is_open = np.column_stack([ahead, back]).ravel()
    tail = np.column_stack([stretches.tail, stretches.head]).ravel()
    head = np.column_stack([stretches.head, stretches.tail]).ravel()
    begins, ends = (_spots(lines, stretches.segment, at) for at in (stretches.from_at, stretches.to_at))
    source, target = _links(tail, head, is_open, stretches.nodes)
    per_metre = np.clip((EVEN_KMH / kmh) ** 0.5, LEAST_COST, MOST_COST)
    metres = np.repeat(length, 2)
    links = np.searchsorted(source, np.arange(len(tail) + 1))
    edge = records(
        EDGE,
        metres=metres,
        cost=metres * np.repeat(per_metre, 2),
        seconds=metres * np.repeat(3.6 / kmh, 2),
        is_open=is_open,
        end_lon=np.column_stack([ends[0], begins[0]]).ravel(),
        end_lat=np.column_stack([ends[1], begins[1]]).ravel(),
        first_link=links[:-1],
        end_link=links[1:],
    )
    turns = _turn_costs(source, target, head, tail, _directions(stretches, length, lines), stretches.nodes)
    return Edges(edge, records(LINK, to=target, cost=turns))


def _by_word(column: pa.ChunkedArray, values: dict[str, float], otherwise: float) -> Floats:
    """Return a number for each word of a column."""
    words = column.combine_chunks().dictionary_encode()
    known: Floats = np.array([values.get(word, otherwise) for word in words.dictionary.to_pylist()] or [otherwise])
    numbers: Floats = known[words.indices.to_numpy()]
    return numbers


def _is_word(column: pa.ChunkedArray, word: str) -> Flags:
    flags: Flags = pc.equal(column, str(word)).to_numpy()
    return flags


def _links(tail: Ints, head: Ints, is_open: Flags, nodes: int) -> tuple[Ints, Ints]:
    """Return which open edges lead into which, by edge; a place with more ends than any junction has links none."""
    opened = np.flatnonzero(is_open)
    leaving = opened[np.argsort(tail[opened], kind="stable")]
    start = np.searchsorted(tail[leaving], np.arange(nodes + 1))
    count = np.diff(start)
    count[count > MOST_AT_ONE_PLACE] = 0
    many = count[head[opened]]
    source = np.repeat(opened, many)
    place = np.arange(len(source)) - np.repeat(np.cumsum(many) - many, many)
    return source, leaving[start[head[source]] + place]


def _directions(stretches: _Stretches, length: Floats, lines: _Lines) -> tuple[Floats, Floats]:
    """Return unit vectors (east, north) of travel at begin and end of each directed edge; shape (edges, 2) each."""
    share = np.minimum(LOOK_M / np.maximum(length, LOOK_M), 1.0)
    span = stretches.to_at - stretches.from_at
    low, high = stretches.from_at, stretches.to_at
    spots = [low, low + share * span, low + (1 - share) * span, high]
    lon, lat = zip(*(_spots(lines, stretches.segment, at) for at in spots), strict=True)
    first, last = _unit(lon[1] - lon[0], lat[1] - lat[0], lat[0]), _unit(lon[3] - lon[2], lat[3] - lat[2], lat[3])
    begins = np.stack([first, -last], axis=1).reshape(-1, 2)
    ends = np.stack([last, -first], axis=1).reshape(-1, 2)
    return begins, ends


def _unit(dlon: Floats, dlat: Floats, lat: Floats) -> Floats:
    east, north = dlon * np.cos(np.radians(lat)), dlat
    size = np.hypot(east, north)
    units: Floats = np.column_stack([east, north]) / np.where(size > 0, size, 1.0)[:, None]
    return units


def _turn_costs(
    source: Ints, target: Ints, head: Ints, tail: Ints, directions: tuple[Floats, Floats], nodes: int
) -> Floats:
    """Return what each link's turn costs, in metres."""
    begins, ends = directions
    cosine = (ends[source] * begins[target]).sum(axis=1)
    cost: Floats = TURN_COST * (1 - cosine) / 2
    is_back = (source ^ 1) == target
    touching = np.bincount(tail, minlength=nodes)
    is_dead_end = touching[head[source]] == 1
    cost[is_back] = np.where(is_dead_end[is_back], DEAD_END_COST, BACK_COST)
    return cost


def _cells(chords: Records) -> Cells:
    """Return the grid of the chords; cells grow where roads are few for the ground they cover."""
    if not len(chords):
        return Cells(0.0, 0.0, 1.0, 1.0, 1, 1, np.zeros(2, dtype=np.int64), chords)
    lon, lat = chords["lon"], chords["lat"]
    west, south = np.minimum(lon, lon + chords["dlon"]), np.minimum(lat, lat + chords["dlat"])
    east, north = np.maximum(lon, lon + chords["dlon"]), np.maximum(lat, lat + chords["dlat"])
    high = CELL_M / 110_574
    wide = high / max(np.cos(np.radians(np.abs(lat).max())), 0.01)
    span = (east.max() - west.min()) / wide * ((north.max() - south.min()) / high)
    grow = max(1.0, (span / (16 * len(chords) + 4096)) ** 0.5)
    wide, high = wide * grow, high * grow
    left, low = west.min(), south.min()
    across, down = int((east.max() - left) / wide) + 1, int((north.max() - low) / high) + 1
    columns = [np.minimum(((each - left) / wide).astype(np.int64), across - 1) for each in (west, east)]
    rows = [np.minimum(((each - low) / high).astype(np.int64), down - 1) for each in (south, north)]
    cell, chord = _covered(columns[0], columns[1], rows[0], rows[1], across)
    order = np.lexsort((chord, cell))
    start = np.searchsorted(cell[order], np.arange(across * down + 1)).astype(np.int64)
    return Cells(float(left), float(low), wide, high, across, down, start, chords[chord[order]])


def _covered(left: Ints, right: Ints, low: Ints, high: Ints, across: int) -> tuple[Ints, Ints]:
    """Return cell and chord for each cell of the box of each chord."""
    width, height = right - left + 1, high - low + 1
    count = width * height
    chord = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(chord)) - np.repeat(np.cumsum(count) - count, count)
    x, y = left[chord] + place % width[chord], low[chord] + place // width[chord]
    return y * across + x, chord
