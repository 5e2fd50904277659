"""Roads as simulated drives need them: edges between connectors, one for each open heading, and who follows whom."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from schemas.vocabulary import OneWay
from tasks.measure import fractions, steps

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SLIGHT_DEG = 40.0
"""Turns below this cost no time."""
TURN_SECONDS = 4.0
"""What any other costs."""


ACCESS = ("motorcar", "motor_vehicle", "vehicle", "access")
"""OSM keys that say who may drive; the first that is there counts for cars."""
SHUT = ("no", "private", "agricultural", "forestry", "emergency", "military", "bus", "psv")
"""Values by which drives do not go."""

BUSINESS = ("destination", "delivery", "customers", "permit", "residents")
"""Values by which they begin and end there, and hardly ever pass."""


class Lines(NamedTuple):
    """Vertices of all segments; those of segment i are from starts[i] up to, but not with, starts[i + 1]."""

    lon: Floats
    lat: Floats
    along: Floats
    """Fraction of the segment's geodesic length."""
    starts: Ints


class Edges(NamedTuple):
    """Stretches of segments between two connectors, one row for each heading that cars may drive."""

    segment: Ints
    stretch: Ints
    """The same for both headings."""
    is_forward: Flags
    """Whether it is driven in drawing direction."""
    begin: Floats
    """Fraction of the segment where the drive enters; above `end` when it goes against the drawing."""
    end: Floats
    tail: Ints
    """Connector that the drive comes from."""
    head: Ints
    metres: Floats


class Follow(NamedTuple):
    """Edges that may follow edge i: edge[starts[i]:starts[i + 1]], with what the turn into each costs."""

    starts: Ints
    edge: Ints
    seconds: Floats


class Network(NamedTuple):
    """Everything that drives need to know of the roads."""

    segment_id: pa.Array
    lines: Lines
    length_m: Floats
    edges: Edges
    follow: Follow
    is_origin: Flags
    """Edges that lead into the largest part of the network whose edges all reach each other, or lie in it."""


def drive_network(roads: pa.Table) -> Network:
    """Return the directed graph of a ROAD_SEGMENT table; its edges go by segment, place along it, and heading."""
    lines = _lines(roads.column("geometry"))
    length_m = roads.column("length_m").to_numpy()
    edges = _edges(roads, length_m)
    follow = _follow(edges, lines)
    ids = roads.column("segment_id").combine_chunks()
    return Network(ids, lines, length_m, edges, follow, _origins(follow, len(edges.segment)))


def _lines(geometry: pa.ChunkedArray) -> Lines:
    shapes = shapely.from_wkb(geometry.to_numpy(zero_copy_only=False))
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    starts = np.searchsorted(owner, np.arange(len(shapes) + 1))
    lon, lat = coordinates.T.copy() if len(coordinates) else np.empty((2, 0))
    return Lines(lon, lat, fractions(steps(lon, lat, starts), starts), starts)


def _edges(roads: pa.Table, length_m: Floats) -> Edges:
    touched = roads.column("connectors").combine_chunks()
    segment = pc.list_parent_indices(touched).to_numpy().astype(np.int64)
    flat = touched.flatten()
    at = flat.field("at").to_numpy()
    node = flat.field("connector_id").dictionary_encode().indices.to_numpy().astype(np.int64)
    is_pair = segment[1:] == segment[:-1]
    first = np.flatnonzero(is_pair & is_open(roads.column("tags"))[segment[:-1]])
    one_way = roads.column("one_way").to_numpy(zero_copy_only=False)[segment[first]]
    there = _stretches(segment, at, node, first, one_way != OneWay.BACKWARD, is_forward=True)
    back = _stretches(segment, at, node, first, one_way != OneWay.FORWARD, is_forward=False)
    segment, stretch, is_forward, begin, end, tail, head = (
        np.concatenate(pair) for pair in zip(there, back, strict=True)
    )
    metres = np.abs(end - begin) * length_m[segment]
    order = np.lexsort((~is_forward, stretch))
    columns = (segment, stretch, is_forward, begin, end, tail, head, metres)
    return Edges._make(each[order] for each in columns)


def is_open(tags: pa.ChunkedArray) -> Flags:
    """Return which roads cars may drive, by OSM's tags; those without such tags are open.

    Examples
    --------
    >>> kind = pa.map_(pa.string(), pa.string())
    >>> private, residents = [("access", "private")], [("access", "no"), ("motor_vehicle", "destination")]
    >>> is_open(pa.chunked_array([pa.array([private, residents, []], kind)]))
    array([False,  True,  True])
    """
    return ~_said(tags, SHUT)


def is_through(tags: pa.ChunkedArray) -> Flags:
    """Return which roads cars may drive without a business there."""
    return ~_said(tags, (*SHUT, *BUSINESS))


def _said(tags: pa.ChunkedArray, values: tuple[str, ...]) -> Flags:
    said = pc.coalesce(*(pc.map_lookup(tags, key, "first") for key in ACCESS))
    found: Flags = pc.is_in(said, pa.array(values)).to_numpy()
    return found


def _stretches(
    segment: Ints, at: Floats, node: Ints, first: Ints, is_open: Flags, *, is_forward: bool
) -> tuple[Ints, Ints, Flags, Floats, Floats, Ints, Ints]:
    """Return the columns of `Edges`, metres left out, for one heading."""
    low, high = first[is_open], first[is_open] + 1
    tail, head = (low, high) if is_forward else (high, low)
    return segment[low], low, np.full(len(low), is_forward), at[tail], at[head], node[tail], node[head]


def _follow(edges: Edges, lines: Lines) -> Follow:
    """Return who may follow whom: any edge that begins where one ends, but for its own way back."""
    by_tail = np.argsort(edges.tail, kind="stable")
    tails = edges.tail[by_tail]
    low, high = np.searchsorted(tails, edges.head), np.searchsorted(tails, edges.head, side="right")
    count = high - low
    one = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    other = by_tail[np.repeat(low, count) + place]
    is_on = edges.stretch[one] != edges.stretch[other]
    one, other = one[is_on], other[is_on]
    turn = (azimuths(lines, edges, edges.begin)[other] - azimuths(lines, edges, edges.end)[one] + 180) % 360 - 180
    seconds = np.where(np.abs(turn) > SLIGHT_DEG, TURN_SECONDS, 0.0)
    return Follow(np.searchsorted(one, np.arange(len(count) + 1)), other, seconds)


def azimuths(lines: Lines, edges: Edges, at: Floats) -> Floats:
    """Return the heading of travel on each edge at a fraction of its segment, clockwise from north (°).

    At a vertex it is that of the leg on the edge's own side, on a plane that is true at the leg.
    """
    keys = np.repeat(np.arange(len(lines.starts) - 1), np.diff(lines.starts)) * 2 + lines.along
    middle = np.maximum(edges.begin, edges.end) - 1e-12
    inside = np.clip(at, np.minimum(edges.begin, edges.end) + 1e-12, middle)
    last = np.clip(
        np.searchsorted(keys, edges.segment * 2 + inside), lines.starts[edges.segment] + 1,
        lines.starts[edges.segment + 1] - 1,
    )  # fmt: skip
    east = (lines.lon[last] - lines.lon[last - 1]) * np.cos(np.radians(lines.lat[last]))
    drawn = np.degrees(np.arctan2(east, lines.lat[last] - lines.lat[last - 1]))
    return np.asarray((drawn + np.where(edges.is_forward, 0.0, 180.0)) % 360)


def _origins(follow: Follow, count: int) -> Flags:
    """Return which edges lead into, or belong to, the largest set of edges that all reach each other."""
    leads = np.zeros(count, dtype=bool)
    if count:
        links = csr_array((np.ones(len(follow.edge)), follow.edge, follow.starts), shape=(count, count))
        part = connected_components(links, connection="strong")[1]
        inside = int((part == np.bincount(part).argmax()).argmax())
        leads[breadth_first_order(links.T.tocsr(), inside, return_predecessors=False)] = True
    return leads
