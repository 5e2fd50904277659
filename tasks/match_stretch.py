"""Road segments cut into stretches, at connectors and where they bend, and the straight pieces of these."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.kernel import compiled, compiled_bare
from tasks.match_kernel import Records, kind
from tasks.measure import fractions, steps, total
from tasks.readers.wkb import line_vertices

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEAR_FRACTION = 1e-9
"""Connectors closer than this to an end of their segment are at it."""

BEND_DEGREES = 90
"""Turns after which a stretch ends: only the nearest place of each is a candidate, and a hairpin has two."""

KEY_BITS = 41
"""Bits of a place on a segment: closer ones are one."""

LOOK_M = 12.0
"""How far from the connector the direction of a turn is taken: first chords of a junction are often odd."""

SPAN = kind(from_at="f8", to_at="f8", segment="i4")
"""Which part of which segment a stretch is, as fractions of geodesic length."""

CHORD = kind(lon="f8", lat="f8", dlon="f8", dlat="f8", along="f8", metres="f8", stretch="i4")
"""A straight piece of a stretch: where it begins, how far to its end (degrees), metres from the begin of the stretch
to its own, and its length."""

COURSE = kind(
    metres="f8",
    lon="f8",
    lat="f8",
    end_lon="f8",
    end_lat="f8",
    east="f8",
    north="f8",
    end_east="f8",
    end_north="f8",
    tail="i8",
    head="i8",
)
"""How a stretch runs: its geodesic length, where it begins and ends (degrees), unit vectors of its direction there, and
the numbers of the connectors at its ends."""


class Lines(NamedTuple):
    """Vertices of segments: those of segment s are start[s] up to start[s + 1]."""

    start: Ints
    at: Floats
    """Fraction of geodesic length."""
    lon: Floats
    lat: Floats
    length: Floats
    """Metres, by segment."""


class Stops(NamedTuple):
    """Where segments are cut, both ends included: those of segment s are start[s] up to start[s + 1], ascending."""

    start: Ints
    at: Floats
    node: Ints
    """Number of the connector."""


class Chords(NamedTuple):
    """Straight pieces of the stretches; those of stretch s are start[s] up to start[s + 1]."""

    start: Ints
    chord: Records


class Stretches(NamedTuple):
    """Stretches by segment and place."""

    span: Records
    course: Records
    chords: Chords
    nodes: int
    """How many connectors there are."""


def stretches_of(geometry: pa.Array, connectors: pa.ListArray) -> Stretches:
    """Return the stretches of segments (WKB of lines; connectors as in ROAD_SEGMENT).

    An end without a connector gets one of its own.
    """
    lines = _lines(geometry)
    stops, nodes = _stops(lines, _touched(connectors), len(connectors.values))
    span, tail, head = _spans(stops)
    return Stretches(span, _courses(lines, span, tail, head), _chords(lines, span), nodes)


def _lines(geometry: pa.Array) -> Lines:
    lon, lat, start = line_vertices(geometry)
    metres = steps(lon, lat, start)
    return Lines(start, fractions(metres, start), _unrolled(lon), lat, total(metres, start))


def _unrolled(lon: Floats) -> Floats:
    """Return longitudes without a jump, where a tile lies on both sides of the antimeridian."""
    if len(lon) and lon.max() - lon.min() > 180:
        return np.where(lon < 0, lon + 360, lon)
    return lon


def _touched(connectors: pa.ListArray) -> Stops:
    """Return the connectors of segments, in the order in which they are given."""
    count = pc.list_value_length(connectors).fill_null(0).to_numpy()
    touched = connectors.flatten()
    node = touched.field("connector_id").dictionary_encode().indices.to_numpy().astype(np.int64)
    at = np.clip(touched.field("at").to_numpy(), 0, 1)
    at = np.where(at < NEAR_FRACTION, 0.0, np.where(at > 1 - NEAR_FRACTION, 1.0, at))
    return Stops(np.concatenate([[0], np.cumsum(count)]), at, node)


@compiled
def _stops(lines: Lines, touched: Stops, nodes: int) -> tuple[Stops, int]:
    """Return where segments are cut, and how many connectors there are with those that are new.

    They are cut at their connectors, at their ends, and at vertices where they have bent enough. Numbers below `nodes`
    may be taken.
    """
    segments = len(lines.length)
    is_bend = _bends(lines)
    room = len(touched.at) + 2 * segments + is_bend.sum()
    made = Stops(np.zeros(segments + 1, dtype=np.int64), np.empty(room), np.empty(room, dtype=np.int64))
    last = 0
    for segment in range(segments):
        first = last
        for touch in range(touched.start[segment], touched.start[segment + 1]):
            _insert(made, first, last, touched.at[touch], touched.node[touch])
            last += 1
        for end in (0.0, 1.0):
            if not _has(made, first, last, end):
                _insert(made, first, last, end, nodes)
                last, nodes = last + 1, nodes + 1
        for vertex in range(lines.start[segment], lines.start[segment + 1]):
            if is_bend[vertex] and not _has(made, first, last, lines.at[vertex]):
                _insert(made, first, last, lines.at[vertex], nodes)
                last, nodes = last + 1, nodes + 1
        made.start[segment + 1] = last
    return Stops(made.start, made.at[:last], made.node[:last]), nodes


@compiled_bare
def _insert(stops: Stops, first: int, last: int, at: float, node: int) -> None:
    """Put a stop among those from `first` up to `last`, behind those at the same place."""
    while last > first and stops.at[last - 1] > at:
        stops.at[last], stops.node[last] = stops.at[last - 1], stops.node[last - 1]
        last -= 1
    stops.at[last], stops.node[last] = at, node


@compiled_bare
def _has(stops: Stops, first: int, last: int, at: float) -> bool:
    """Whether there is a stop at a place."""
    key = _key(at)
    while last > first and _key(stops.at[last - 1]) > key:
        last -= 1
    return last > first and _key(stops.at[last - 1]) == key


@compiled_bare
def _key(at: float) -> int:
    return int(np.rint(at * (1 << KEY_BITS)))


@compiled
def _bends(lines: Lines) -> Flags:
    """Return at which vertices the turns of a segment, whatever their side, add up to a multiple of `BEND_DEGREES`.

    Turns are counted in whole thousandths of a degree, so that the sum depends on nothing outside the segment.
    """
    made = np.zeros(len(lines.lon), dtype=np.bool_)
    for segment in range(len(lines.length)):
        turned = 0
        for vertex in range(lines.start[segment] + 1, lines.start[segment + 1] - 1):
            if not lines.at[vertex - 1] < lines.at[vertex] < 1:
                continue
            turn = _course(lines, vertex) - _course(lines, vertex - 1)
            before = turned // (1000 * BEND_DEGREES)
            turned += int(np.rint(1000 * abs((turn + 180) % 360 - 180)))
            made[vertex] = turned // (1000 * BEND_DEGREES) > before
    return made


@compiled_bare
def _course(lines: Lines, vertex: int) -> float:
    """Return the direction (degrees from north) from a vertex to the next."""
    east = (lines.lon[vertex + 1] - lines.lon[vertex]) * math.cos(math.radians(lines.lat[vertex]))
    return math.degrees(math.atan2(east, lines.lat[vertex + 1] - lines.lat[vertex]))


@compiled
def _spans(stops: Stops) -> tuple[Records, Ints, Ints]:
    """Return the stretches between stops, and the connectors at which they begin and end."""
    segments = len(stops.start) - 1
    count = len(stops.at) - segments
    span = np.empty(count, dtype=SPAN)
    tail, head = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    made = 0
    for segment in range(segments):
        for stop in range(stops.start[segment], stops.start[segment + 1] - 1):
            span[made].segment = segment
            span[made].from_at, span[made].to_at = stops.at[stop], stops.at[stop + 1]
            tail[made], head[made] = stops.node[stop], stops.node[stop + 1]
            made += 1
    return span, tail, head


@compiled
def _chords(lines: Lines, span: Records) -> Chords:
    """Return the straight pieces of stretches, which have the vertices of their segment and one at each end."""
    start = np.zeros(len(span) + 1, dtype=np.int64)
    room = np.empty(len(lines.lon) + len(span), dtype=CHORD)
    made, vertex, last = 0, 0, -1
    for stretch in range(len(span)):
        segment, low, high = span[stretch].segment, span[stretch].from_at, span[stretch].to_at
        if segment != last:
            vertex, last = lines.start[segment], segment
        end = lines.start[segment + 1]
        at, lon, lat = low, *_spot(lines, segment, low)
        while vertex < end and _key(lines.at[vertex]) <= _key(low):
            vertex += 1
        while vertex < end and _key(lines.at[vertex]) < _key(high):
            there = lines.lon[vertex], lines.lat[vertex]
            _chord(room, made, stretch, (at, lon, lat), (lines.at[vertex], *there), low, lines.length[segment])
            at, lon, lat = lines.at[vertex], *there
            made, vertex = made + 1, vertex + 1
        _chord(room, made, stretch, (at, lon, lat), (high, *_spot(lines, segment, high)), low, lines.length[segment])
        made += 1
        start[stretch + 1] = made
    return Chords(start, room[:made])


@compiled_bare
def _chord(
    chords: Records,
    place: int,
    stretch: int,
    one: tuple[float, float, float],
    other: tuple[float, float, float],
    low: float,
    length: float,
) -> None:
    """Write the chord between two places (fraction, longitude, latitude) on a segment of `length` metres."""
    chords[place].stretch = stretch
    chords[place].lon, chords[place].lat = one[1], one[2]
    chords[place].dlon, chords[place].dlat = other[1] - one[1], other[2] - one[2]
    chords[place].along = (one[0] - low) * length
    chords[place].metres = (other[0] - low) * length - (one[0] - low) * length


@compiled_bare
def _spot(lines: Lines, segment: int, at: float) -> tuple[float, float]:
    """Return longitude and latitude of a place on a segment, NaN where it has no vertex."""
    low, high = lines.start[segment], lines.start[segment + 1]
    if low == high:
        return np.nan, np.nan
    before, behind, key = low, high - 1, _key(at)
    while behind - before > 1:
        middle = (before + behind) >> 1
        if _key(lines.at[middle]) < key:
            before = middle
        else:
            behind = middle
    span = lines.at[behind] - lines.at[before]
    share = min(max((at - lines.at[before]) / (span if span > 0 else 1.0), 0.0), 1.0)
    if share == 1:
        return lines.lon[behind], lines.lat[behind]
    lon = lines.lon[before] + share * (lines.lon[behind] - lines.lon[before])
    return lon, lines.lat[before] + share * (lines.lat[behind] - lines.lat[before])


@compiled
def _courses(lines: Lines, span: Records, tail: Ints, head: Ints) -> Records:
    """Return how stretches run; directions are those of their first and last `LOOK_M` metres."""
    made = np.empty(len(span), dtype=COURSE)
    for stretch in range(len(span)):
        segment, low, high = span[stretch].segment, span[stretch].from_at, span[stretch].to_at
        metres = lines.length[segment] * (high - low)
        share = min(LOOK_M / max(metres, LOOK_M), 1.0)
        begin, end = _spot(lines, segment, low), _spot(lines, segment, high)
        first = _spot(lines, segment, low + share * (high - low))
        last = _spot(lines, segment, low + (1 - share) * (high - low))
        course = made[stretch]
        course.metres = metres
        course.lon, course.lat = begin
        course.end_lon, course.end_lat = end
        course.east, course.north = _unit(first[0] - begin[0], first[1] - begin[1], begin[1])
        course.end_east, course.end_north = _unit(end[0] - last[0], end[1] - last[1], end[1])
        course.tail, course.head = tail[stretch], head[stretch]
    return made


@compiled_bare
def _unit(dlon: float, dlat: float, lat: float) -> tuple[float, float]:
    east = dlon * math.cos(math.radians(lat))
    size = math.hypot(east, dlat)
    return (east / size, dlat / size) if size > 0 else (east, dlat)
