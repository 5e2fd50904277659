"""OSM files in, road segments out: car roads cut where they meet."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.vocabulary import RejectReason
from tasks.readers.osm_pbf import read_pbf
from tasks.readers.osm_raw import Flags, Raw, joined_raw, rows_of
from tasks.readers.osm_roads import Roads, roads_of
from tasks.readers.osm_routes import record_ids
from tasks.readers.osm_segments import Segments, rows_of_segments, segments_of
from tasks.readers.osm_xml import read_xml
from tasks.readers.reading import ReadError, Reading
from tasks.readers.reject import Refusal, rejects

TASK = "read_osm"
XML_STARTS = (b"<", b"\xef\xbb\xbf<", b"\x1f\x8b", b"BZh")
"""First bytes of OSM XML: plain, behind a byte order mark, packed by gzip, packed by bzip2."""
FORMATS = "an OSM PBF file, or OSM XML, plain or packed by gzip or bzip2"


def read_osm(files: Sequence[Path]) -> Reading:
    """Return the car roads of OSM files as segments from one place where car roads meet to the next.

    Several files are read as one: ways may use nodes of another file, and a record that several files hold counts
    once, in its highest version. Segments come by way id, in drawing order of the way.

    Raises
    ------
    ReadError
        If a file is missing, damaged or of another format, or if there is no car road in all of them.
    """
    roads = roads_of(joined_raw(_read(Path(file)) for file in files))
    if len(roads.ids) == 0:
        names = ", ".join(str(file) for file in files)
        raise ReadError(f"no car roads in {names}: expected ways with a highway tag such as residential")
    segments = segments_of(roads)
    is_sound = ~segments.is_crossing & (segments.length > 0)
    refused = rejects(_refusals(roads, segments), task=TASK)
    return Reading(rows_of_segments(roads, segments.where(is_sound)), refused, len(roads.ids))


def _read(path: Path) -> Raw:
    """Return what one file holds, read by the format that its first bytes show."""
    if not path.exists():
        raise ReadError(f"{path}: no such file, expected {FORMATS}")
    if not path.is_file():
        raise ReadError(f"{path}: is a folder or a device, expected {FORMATS}")
    try:
        with path.open("rb") as file:
            head = file.read(64)
        if head.lstrip().startswith(XML_STARTS):
            return read_xml(path)
        if b"OSMHeader" in head:
            return read_pbf(path)
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror}), expected {FORMATS}") from None
    raise ReadError(
        f"{path}: starts with {head[:16]!r}, expected {FORMATS}" if head else f"{path}: is empty, expected {FORMATS}"
    )


def _refusals(roads: Roads, segments: Segments) -> Iterator[Refusal]:
    """Yield what is refused: ways that are no line, parts of ways without nodes, segments that cannot be drawn."""
    names = record_ids("w", roads.ids, roads.versions)
    yield from _short_ways(roads, names)
    yield from _incomplete_ways(roads, segments, names)
    yield from _bad_segments(roads, segments, names)


def _short_ways(roads: Roads, names: pa.StringArray) -> Iterator[Refusal]:
    counts = np.diff(roads.offsets)
    for way in np.flatnonzero(counts < 2).tolist():
        message = f"the way has {counts[way]} different nodes in a row, expected two or more"
        yield Refusal(names[way].as_py(), RejectReason.TOO_FEW_NODES, message)


def _incomplete_ways(roads: Roads, segments: Segments, names: pa.StringArray) -> Iterator[Refusal]:
    is_missing = ~roads.is_found[roads.nodes]
    is_nowhere = ~is_missing & np.isnan(roads.lon[roads.nodes])
    yield from _ways_without(roads, segments, names, is_missing, RejectReason.MISSING_NODES, "are not in the files")
    words = "have no place within ±180° and ±90°"
    yield from _ways_without(roads, segments, names, is_nowhere, RejectReason.BAD_COORDINATE, words)


def _ways_without(
    roads: Roads, segments: Segments, names: pa.StringArray, is_lost: Flags, reason: RejectReason, words: str
) -> Iterator[Refusal]:
    """Yield one refusal for each way with lost nodes: how many, the first of them, and what was kept."""
    lost = np.flatnonzero(is_lost)
    ways, first, counts = np.unique(rows_of(roads.offsets)[lost], return_index=True, return_counts=True)
    kept = np.bincount(segments.pieces.way, minlength=len(roads.ids))[ways]
    nodes = np.diff(roads.offsets)[ways]
    example = roads.node_ids[roads.nodes[lost[first]]]
    for way, *numbers in zip(*(a.tolist() for a in (ways, counts, nodes, example, kept)), strict=True):
        few, many, node, segment_count = numbers
        message = (
            f"{few} of {many} nodes {words}, first n{node}; kept what lies between the others: {segment_count} segments"
        )
        yield Refusal(names[way].as_py(), reason, message)


def _bad_segments(roads: Roads, segments: Segments, names: pa.StringArray) -> Iterator[Refusal]:
    for row in np.flatnonzero(segments.is_crossing | ~(segments.length > 0)).tolist():
        way, first, last = (int(column[row]) for column in segments.pieces)
        ends = f"n{roads.node_ids[roads.nodes[first]]} to n{roads.node_ids[roads.nodes[last]]}"
        if segments.is_crossing[row]:
            message = f"from {ends} the line jumps over 180°, expected less than 180° between neighbouring vertices"
            yield Refusal(names[way].as_py(), RejectReason.CROSSES_ANTIMERIDIAN, message)
        else:
            place = f"({roads.lon[roads.nodes[first]]}, {roads.lat[roads.nodes[first]]})"
            message = f"all vertices from {ends} lie at {place}, expected two places"
            yield Refusal(names[way].as_py(), RejectReason.ZERO_LENGTH, message)
