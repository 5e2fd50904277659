"""Probe files of any kind in, points of traces out, batch by batch: each file is read as what its content says."""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from os.path import commonpath
from pathlib import Path
from typing import IO, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import PointReason
from tasks.readers.probe_csv import read_csv
from tasks.readers.probe_format import POINT, ProbeBatch, ProbeFormat
from tasks.readers.probe_geojson import read_geojson
from tasks.readers.probe_gpx import read_gpx
from tasks.readers.probe_parquet import read_parquet
from tasks.readers.probe_rows import Tally, reject_rows
from tasks.readers.probe_time import check_zone
from tasks.readers.reading import ReadError

HEAD_BYTES = 65_536
"""How much of a file tells its kind."""

SUFFIXES = (".gpx", ".csv", ".tsv", ".txt", ".json", ".geojson", ".geojsonl", ".geojsons", ".ndjson", ".parquet",
    ".geoparquet", ".pq", ".plt")  # fmt: skip
"""Files that are read out of a folder, packed or not, unless hidden; others given by themselves are read too."""

PACKED = (".gz", ".zst", ".bz2")

ARROW_CODECS = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
"""Codec of Arrow by the first bytes of a file; gzip is left to Python, which knows when a file is cut off."""


OTHERS = {
    b"\xff\xfe": "is text in UTF-16, expected UTF-8",
    b"\xfe\xff": "is text in UTF-16, expected UTF-8",
    b"PK\x03\x04": "is a zip archive, expected the files in it",
    b"$": "looks like NMEA 0183, expected GPX, CSV, GeoJSON or Parquet; gpsbabel makes GPX of it",
}
"""What files that are not read begin with, and what a user can do."""

BINARY_BYTES = 512
"""A zero among so many first bytes is no text; farther on it is a bad row."""


class Kind(StrEnum):
    """What a probe file is, told by its content."""

    GPX = "gpx"
    """XML with the root `gpx`."""
    GEOJSON = "geojson"
    """JSON."""
    PARQUET = "parquet"
    """Parquet, with a geometry or not."""
    CSV = "csv"
    """Any other text."""


class Source(NamedTuple):
    """A file to be read, and what its traces are called."""

    path: Path
    prefix: str
    """Put before the ids that stand in it; empty where they are clear without."""
    trace: str
    """Name of a trace that has none."""


def read_probes(files: Sequence[Path], format: ProbeFormat, *, now: datetime | None = None) -> Iterator[ProbeBatch]:
    """Yield the points of probe files: GPX, CSV, GeoJSON, Parquet, GeoParquet, packed by gzip, zstd or bzip2 or not.

    Files are read in the order given, those of a folder in the order of their names. Ids hold for all that is given
    as one: a single file, or the tables of a folder. Of several files each puts its name before its ids
    (`monday/bus 7`), and so does each GPX and GeoJSON file of a folder, unless the format says that ids are global.
    A file that cannot be read is told as a reject and in a note, and the others are read.

    Parameters
    ----------
    now
        Points later than this are dropped; the clock of this machine without it.

    Raises
    ------
    ReadError
        If no file can be read, or a time needs a zone that is not given: with what is wrong with the first.
    """
    check_zone(format.time_zone)
    moment = int((now or datetime.now(UTC)).timestamp() * 1e6)
    first: ReadError | None = None
    has_points = False
    for source in sources(files, format):
        try:
            for batch in _read(source, format, moment):
                has_points |= batch.points.num_rows > 0
                yield batch
        except ReadError as error:
            first = first or error
            told = [(str(source.path), PointReason.UNREADABLE, str(error))]
            yield ProbeBatch(POINT.empty_table(), 0, {}, reject_rows(told), (str(error),))
    if first is not None and not has_points:
        raise first


def sources(files: Sequence[Path], format: ProbeFormat) -> list[Source]:
    """Return the files to be read, folders opened, with what goes before their ids.

    Raises
    ------
    ReadError
        If a file is not there, or a folder has no probe files.
    """
    is_one = len(files) == 1 or format.is_id_global
    found: list[tuple[Path, Path, bool]] = []
    for given in files:
        if not given.exists():
            raise ReadError(f"{given}: no such file, expected probes: GPX, CSV, GeoJSON, Parquet or a folder of them")
        inside = _in_folder(given) if given.is_dir() else [given]
        found += [(path, given, given.is_dir()) for path in inside]
    names = _names([path for path, _, _ in found])
    givens = _names(list(dict.fromkeys(given for _, given, _ in found)))
    made = []
    for path, given, is_inside in found:
        is_table = _suffix(path) not in (".gpx", ".json", ".geojson", ".geojsonl", ".geojsons", ".ndjson")
        name = givens[given] if is_inside and is_table else names[path]
        is_clear = is_one and (is_table or not is_inside or format.is_id_global)
        made.append(Source(path, "" if is_clear else name, names[path]))
    return made


def _in_folder(folder: Path) -> list[Path]:
    inside = (each for each in folder.rglob("*") if each.is_file() and _suffix(each) in SUFFIXES)
    found = sorted(each for each in inside if not each.name.startswith("."))
    if not found:
        raise ReadError(f"{folder}: no probe files in this folder, expected {', '.join(SUFFIXES)}")
    return found


def _suffix(path: Path) -> str:
    """Return what a file's name ends with, the packing left off."""
    name = path.name.lower()
    packing = next((each for each in PACKED if name.endswith(each)), "")
    return Path(name.removesuffix(packing)).suffix


def _stem(path: Path) -> str:
    name = path.name
    for ending in (*PACKED, *SUFFIXES):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each file: its own without ending, with its folders where two would be called the same."""
    stems = {path: _stem(path) for path in paths}
    if len(set(stems.values())) == len(stems):
        return stems
    above = Path(commonpath([path.absolute().parent for path in paths]))
    placed = {path: str(path.absolute().parent.relative_to(above) / stems[path]) for path in paths}
    if len(set(placed.values())) == len(placed):
        return placed
    return {path: str(path.absolute().relative_to(above)) for path in paths}


def _read(source: Source, format: ProbeFormat, now_us: int) -> Iterator[ProbeBatch]:
    """Yield the batches of one file, ids complete."""
    with _opened(source.path) as stream:
        head = _head(stream, source.path)
        kind = kind_of(head)
    spoken = replace(format, time_zone="UTC", time_format=None, epoch=None) if kind is Kind.GPX else format
    tally = Tally(str(source.path), spoken, now_us)
    for batch in _batches(source, kind, head, tally):
        yield batch._replace(points=_with_prefix(batch.points, source))
    if not tally.read:
        raise ReadError(f"{source.path}: no points in it, expected some")
    yield tally.end()


def _batches(source: Source, kind: Kind, head: bytes, tally: Tally) -> Iterator[ProbeBatch]:
    if kind is Kind.PARQUET:
        yield from read_parquet(source.path, source.trace, tally)
        return
    try:
        with _opened(source.path) as stream:
            if kind is Kind.GPX:
                yield from read_gpx(stream, source.trace, tally)
            elif kind is Kind.GEOJSON:
                yield from read_geojson(stream, source.trace, tally)
            else:
                yield from read_csv(stream, head, source.trace, tally)
    except (EOFError, OSError, zlib.error) as error:
        raise ReadError(f"{source.path}: {error}; expected a whole {kind} file") from None


def kind_of(head: bytes) -> Kind:
    """Return what a file is by its first bytes, unpacked.

    Examples
    --------
    >>> kind_of(b"time;lon;lat")
    <Kind.CSV: 'csv'>
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e")
    if head.startswith(b"PAR1"):
        return Kind.PARQUET
    if start.startswith(b"<"):
        return Kind.GPX
    return Kind.GEOJSON if re.match(rb"[\[{]", start) else Kind.CSV


def _head(stream: IO[bytes], path: Path) -> bytes:
    try:
        head = stream.read(HEAD_BYTES)
    except (EOFError, OSError, zlib.error) as error:
        raise ReadError(f"{path}: cannot be unpacked ({error}), expected a whole file") from None
    if not head.strip():
        raise ReadError(f"{path}: the file is empty, expected probes")
    for begins, told in OTHERS.items():
        if head.startswith(begins):
            raise ReadError(f"{path}: {told}")
    if b"\0" in head[:BINARY_BYTES] and not head.startswith(b"PAR1"):
        raise ReadError(f"{path}: starts with {head[:16]!r}, expected GPX, CSV, GeoJSON or Parquet")
    return head


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked as its first bytes tell.

    Raises
    ------
    ReadError
        If it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            first = file.read(4)
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror}, expected a readable file") from None
    codec = next((name for magic, name in ARROW_CODECS.items() if first.startswith(magic)), None)
    if codec is not None:
        with pa.CompressedInputStream(pa.OSFile(str(path)), codec) as packed:
            yield cast(IO[bytes], packed)
    elif first.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            yield cast(IO[bytes], unpacked)
    else:
        with path.open("rb") as plain:
            yield plain


def _with_prefix(points: pa.Table, source: Source) -> pa.Table:
    """Return points whose ids hold beyond their file; a name that is the prefix already stays as it is."""
    if not source.prefix or not points.num_rows:
        return points
    ids = points.column("trace_id").combine_chunks().dictionary_encode()
    told = ids.dictionary
    whole = pc.binary_join_element_wise(source.prefix, told, "/")
    is_named = pc.or_(pc.equal(told, source.prefix), pc.starts_with(told, f"{source.prefix}#"))
    named = pa.DictionaryArray.from_arrays(ids.indices, pc.if_else(is_named, told, whole)).dictionary_decode()
    return points.set_column(0, POINT.field("trace_id"), named)
