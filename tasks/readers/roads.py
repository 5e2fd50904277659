"""Map files of any kind in, road segments out: each file is read as what its content says it is."""

import bz2
import gzip
import re
import zlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract import BBOX
from tasks.readers.line import Box, boxes_meet
from tasks.readers.mapping import Mapping, read_mapping
from tasks.readers.network import read_network
from tasks.readers.osm import read_osm
from tasks.readers.overture import REQUIRED, has_only_connectors, missing_columns, read_overture
from tasks.readers.reading import ReadError, Reading
from tasks.readers.reject import keep_first, rejects

TASK = "read_roads"

HEAD_BYTES = 4096
"""How much of a file tells its kind."""

OSM_ROOT = re.compile(rb"<osm[\s>]")
UNPACKERS = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File}
"""How to open a packed file, by its first bytes."""


class Kind(StrEnum):
    """What a file is, told by its content."""

    OSM = "osm"
    """OSM PBF or XML, the latter packed or not."""
    OVERTURE = "overture"
    """Overture GeoParquet, or a folder of it."""
    NETWORK = "network"
    """Anything else that a mapping describes."""


def read_roads(files: Sequence[Path], *, bbox: Box | None = None, mapping: Path | None = None) -> Reading:
    """Return the car roads of map files: OSM, Overture, and with a mapping any other network.

    OSM files are read as one map, and so are Overture files. A segment that an earlier one has the key of is
    refused; OSM comes first, then Overture, then other networks as given.

    Parameters
    ----------
    files
        Files, and folders of Overture files.
    bbox
        West, south, east and north edge in degrees; segments whose box meets it are kept, whole.
    mapping
        TOML file that says what the columns of files are that are neither OSM nor Overture.

    Raises
    ------
    ReadError
        If a file cannot be read, is of no known kind, or no segment comes out.
    """
    _check_box(bbox)
    names = read_mapping(mapping) if mapping else None
    kinds = {file: kind_of(file, has_mapping=names is not None) for file in files}
    reading = _joined(_read(kinds, names, bbox))
    segments = reading.segments if bbox is None else _within(reading.segments, bbox)
    if not segments.num_rows:
        raise ReadError(f"{', '.join(map(str, files))}: {_nothing(reading, bbox)}")
    return reading._replace(segments=segments)


def kind_of(file: Path, *, has_mapping: bool) -> Kind:
    """Return what a file is, by its content.

    Raises
    ------
    ReadError
        If the file cannot be read, or is of no known kind and there is no mapping for it.
    """
    if file.is_dir():
        return Kind.NETWORK if has_mapping and not any(file.rglob("*.parquet")) else Kind.OVERTURE
    head = _head(file)
    if b"OSMHeader" in head[:32] or OSM_ROOT.search(_unpacked(file, head)):
        return Kind.OSM
    missing = _missing_of_parquet(file) if head.startswith(b"PAR1") else None
    if missing == []:
        return Kind.OVERTURE
    if has_mapping:
        return Kind.NETWORK
    if missing:
        expected = f"expected Overture's {', '.join(REQUIRED)}, or a mapping with --mapping"
        raise ReadError(f"{file}: no column {missing[0]!r}: {expected}")
    raise ReadError(
        f"{file}: starts with {head[:16]!r}: expected OSM PBF, OSM XML or Overture Parquet, or a mapping with --mapping"
    )


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise ReadError(f"{file}: no such file, expected a map file or a folder of Overture files") from None
    except OSError as error:
        raise ReadError(f"{file}: {error.strerror}, expected a readable file") from None
    if not head:
        raise ReadError(f"{file}: the file is empty, expected a map")
    return head


def _unpacked(file: Path, head: bytes) -> bytes:
    """Return the start of what a gzip or bzip2 file holds, or `head` if it is neither."""
    unpack = next((opener for magic, opener in UNPACKERS.items() if head.startswith(magic)), None)
    if unpack is None:
        return head
    try:
        with unpack(file) as stream:
            return bytes(stream.read(HEAD_BYTES))
    except (EOFError, OSError, zlib.error) as error:
        raise ReadError(f"{file}: cannot be unpacked ({error}), expected OSM XML inside") from error


def _missing_of_parquet(file: Path) -> list[str]:
    """Return the columns that a Parquet file lacks to be one of Overture's."""
    try:
        names = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{file}: {str(error).splitlines()[0]}; expected a whole Parquet file") from error
    return [] if has_only_connectors(names) else missing_columns(names)


def _read(kinds: dict[Path, Kind], mapping: Mapping | None, bbox: Box | None) -> list[Reading]:
    files = {kind: [file for file, each in kinds.items() if each is kind] for kind in Kind}
    readings = []
    if files[Kind.OSM]:
        readings.append(read_osm(files[Kind.OSM]))
    if files[Kind.OVERTURE]:
        readings.append(read_overture(files[Kind.OVERTURE], bbox=bbox))
    if mapping is not None:
        readings += [read_network(file, mapping) for file in files[Kind.NETWORK]]
    return readings


def _joined(readings: list[Reading]) -> Reading:
    """Return several readings as one, the first segment of each key kept."""
    if len(readings) == 1:
        return readings[0]
    segments, repeated = keep_first(pa.concat_tables([r.segments for r in readings]), key="segment_id")
    told = [*(r.rejects for r in readings), rejects(repeated, task=TASK)]
    return Reading(segments, pa.concat_tables(told), sum(r.records for r in readings))


def _within(segments: pa.Table, bbox: Box) -> pa.Table:
    boxes = segments.column(BBOX).combine_chunks()
    return segments.filter(pa.array(boxes_meet(boxes, bbox)))


def _check_box(bbox: Box | None) -> None:
    if bbox is None:
        return
    west, south, east, north = bbox
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ReadError(f"bbox {_in_words(bbox)}: expected west ≤ east and south ≤ north, in degrees")


def _in_words(bbox: Box) -> str:
    return ",".join(f"{side:g}" for side in bbox)


def _nothing(reading: Reading, bbox: Box | None) -> str:
    """Return why no segment comes out of what was read, in words."""
    if reading.rejects.num_rows and not reading.segments.num_rows:
        first = reading.rejects.slice(0, 1).to_pylist()[0]
        return f"none of {reading.records} car roads is sound; the first, {first['key']!r}: {first['message']}"
    return "no car roads" if bbox is None else f"no car roads that meet the box {_in_words(bbox)}"
