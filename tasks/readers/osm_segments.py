"""Segments of car roads: where they start and end along their ways, and the rows they make."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.geometry import BETWEEN, BOX
from schemas.road import CONNECTOR, ROAD_SEGMENT, SOURCE
from schemas.speed_rule import SPEED_RULE
from tasks.measure import fractions, steps, total
from tasks.readers.osm_raw import Flags, Ints, offsets_of, spans
from tasks.readers.osm_roads import Roads
from tasks.readers.osm_routes import record_ids
from tasks.readers.wkb import line_wkb
from tasks.split_way import Pieces, ordinals, split_ways

Floats = NDArray[np.float64]

DATASET = "OpenStreetMap"
PART = 250_000
"""Segments per Arrow chunk: offsets inside a column are 32 bits wide."""


class Segments(NamedTuple):
    """Segments of roads; every column has one entry for each segment."""

    pieces: Pieces
    ordinal: Ints
    """2, 3 … where the way ran between the same two nodes before."""
    length: Floats
    """In metres."""
    start: Floats
    """Where the segment starts along its way, as a fraction of the length that is known."""
    end: Floats
    is_whole: Flags
    """Whether the segment is its whole way."""
    is_crossing: Flags
    """Whether it jumps over the antimeridian."""

    def where(self, chosen: Flags | Ints) -> "Segments":
        """Return the segments that a mask or row numbers choose."""
        return Segments(
            pieces=Pieces(*(column[chosen] for column in self.pieces)),
            ordinal=self.ordinal[chosen],
            length=self.length[chosen],
            start=self.start[chosen],
            end=self.end[chosen],
            is_whole=self.is_whole[chosen],
            is_crossing=self.is_crossing[chosen],
        )


def segments_of(roads: Roads) -> Segments:
    """Return the segments of all roads, way by way in drawing order."""
    lon, lat = roads.lon[roads.nodes], roads.lat[roads.nodes]
    pieces = split_ways(roads.nodes, roads.offsets, ~np.isnan(lon))
    metres = np.nan_to_num(steps(lon, lat, roads.offsets), nan=0.0)
    along = fractions(metres, roads.offsets)
    is_start, is_end = roads.offsets[pieces.way] == pieces.first, roads.offsets[pieces.way + 1] == pieces.last + 1
    return Segments(
        pieces=pieces,
        ordinal=ordinals(pieces, roads.nodes),
        length=_lengths(pieces, metres),
        start=along[pieces.first],
        end=along[pieces.last],
        is_whole=is_start & is_end,
        is_crossing=_crossings(pieces, lon),
    )


def _lengths(pieces: Pieces, metres: Floats) -> Floats:
    places, offsets = _vertices(pieces)
    parts = metres[places]
    parts[offsets[:-1]] = 0
    return total(parts, offsets)


def _crossings(pieces: Pieces, lon: Floats) -> Flags:
    jumps = np.concatenate(([0], np.cumsum(np.abs(np.diff(lon)) > 180)))[: len(lon)]
    crossings: Flags = jumps[pieces.last] > jumps[pieces.first]
    return crossings


def _vertices(pieces: Pieces) -> tuple[Ints, Ints]:
    """Return which references each segment's vertices are, and where each segment starts among them."""
    offsets = offsets_of(pieces.last - pieces.first + 1)
    return np.arange(offsets[-1]) + np.repeat(pieces.first - offsets[:-1], np.diff(offsets)), offsets


def rows_of_segments(roads: Roads, segments: Segments) -> pa.Table:
    """Return segments as rows of ROAD_SEGMENT."""
    records = record_ids("w", roads.ids, roads.versions)
    count = len(segments.length)
    parts = [np.arange(start, min(start + PART, count)) for start in range(0, count, PART)]
    tables = [_rows(roads, segments.where(part), records) for part in parts]
    return pa.concat_tables([ROAD_SEGMENT.empty(), *tables])


def _rows(roads: Roads, segments: Segments, records: pa.StringArray) -> pa.Table:
    way = segments.pieces.way
    first, last = (_node_names(roads, at) for at in (segments.pieces.first, segments.pieces.last))
    kind = pa.array(roads.kinds.kind[way])
    geometry, bbox = _shapes(roads, segments.pieces)
    columns = {
        "segment_id": _segment_ids(roads.ids[way], first, last, segments.ordinal),
        "geometry": geometry,
        "bbox": bbox,
        "class": roads.kinds.road_class.take(kind),
        "subclass": roads.kinds.subclass.take(kind),
        "length_m": pa.array(segments.length),
        "one_way": roads.kinds.one_way.take(kind),
        "name": roads.tags.text(roads.tags.value("name")[way]),
        "ref": roads.tags.text(roads.tags.value("ref")[way]),
        "routes": _routes(roads, way),
        "connectors": _connectors(first, last),
        "sources": _sources(segments, records.take(pa.array(way))),
        "speed_limits": _empty_lists(len(way)),
        "tags": _tags(roads, way),
    }
    return pa.Table.from_arrays([columns[name] for name in ROAD_SEGMENT.names], schema=ROAD_SEGMENT.schema)


def _node_names(roads: Roads, references: Ints) -> pa.StringArray:
    numbers = pa.array(roads.node_ids[roads.nodes[references]]).cast(pa.string())
    return pc.binary_join_element_wise("n", numbers, "")


def _segment_ids(way: Ints, first: pa.StringArray, last: pa.StringArray, ordinal: Ints) -> pa.StringArray:
    numbers = pa.array(way).cast(pa.string())
    names = pc.binary_join_element_wise(pc.binary_join_element_wise("w", numbers, ""), ":", first, "-", last, "")
    if (ordinal == 1).all():
        return names
    suffixes = [f".{number}" if number > 1 else "" for number in ordinal.tolist()]
    return pc.binary_join_element_wise(names, pa.array(suffixes), "")


def _shapes(roads: Roads, pieces: Pieces) -> tuple[pa.BinaryArray, pa.StructArray]:
    places, offsets = _vertices(pieces)
    node = roads.nodes[places]
    lon, lat = roads.lon[node], roads.lat[node]
    sides = [reduce.reduceat(axis, offsets[:-1]) for reduce in (np.minimum, np.maximum) for axis in (lon, lat)]
    return line_wkb(lon, lat, offsets), pa.StructArray.from_arrays(sides, fields=list(BOX))


def _routes(roads: Roads, way: Ints) -> pa.ListArray:
    places, offsets = spans(roads.routes.offsets, way)
    values = roads.routes.routes.take(pa.array(roads.routes.members[places]))
    return _lists(offsets, values)


def _connectors(first: pa.StringArray, last: pa.StringArray) -> pa.ListArray:
    count = len(first)
    both = np.arange(2 * count).reshape(2, count).T.ravel()
    names = pa.concat_arrays([first, last]).take(pa.array(both))
    ends = pa.StructArray.from_arrays([names, pa.array(np.tile([0.0, 1.0], count))], fields=list(CONNECTOR))
    return _lists(2 * np.arange(count + 1), ends)


def _sources(segments: Segments, records: pa.StringArray) -> pa.ListArray:
    count = len(records)
    ends = np.column_stack((segments.start, segments.end))[~segments.is_whole].ravel()
    offsets = pa.array(offsets_of(2 * ~segments.is_whole), pa.int32())
    between = pa.ListArray.from_arrays(offsets, pa.array(ends), type=BETWEEN, mask=pa.array(segments.is_whole))
    columns = [pa.repeat("", count), pa.repeat(DATASET, count), records, between]
    return _lists(np.arange(count + 1), pa.StructArray.from_arrays(columns, fields=list(SOURCE)))


def _empty_lists(count: int) -> pa.ListArray:
    return _lists(np.zeros(count + 1, dtype=np.int64), pa.array([], SPEED_RULE))


def _tags(roads: Roads, way: Ints) -> pa.MapArray:
    tags = roads.tags.where(way)
    keys, values = tags.text(tags.keys), tags.text(tags.values)
    return pa.MapArray.from_arrays(pa.array(tags.offsets, pa.int32()), keys, values)


def _lists(offsets: Ints, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
