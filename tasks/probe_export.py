"""Simulated probes as files: Parquet, CSV or GPX, and the truth beside them as Parquet."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple, Protocol
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from tasks.simulate_probes import Simulated

POINTS, ROUTES = "points.parquet", "routes.parquet"
"""Names of the files of truth."""
ISO = "%Y-%m-%dT%H:%M:%SZ"
"""Arrow writes seconds with as many decimals as the column has."""


class ProbeExportError(ValueError):
    """A file that probes cannot be written to; the message says what was expected."""


class Written(NamedTuple):
    """What was written."""

    points: int
    drives: int
    """That have a point at all."""


def write_simulated(parts: Iterable[Simulated], file: Path, truth: Path) -> Written:
    """Write probes as what the name of `file` says, and the truth as `points.parquet` and `routes.parquet`.

    Parts are written as they come, so memory is bounded by one. Files are drafts until all is written; then they take
    the place of what was there. GPX holds positions, times, and speed (m/s) and course (°) as Garmin's
    TrackPointExtension v2; it has no place for an accuracy in metres.

    Parameters
    ----------
    parts
        One or more, each of whole traces.
    file
        Ends in `.parquet`, `.csv` or `.gpx`; folders that are missing are made.
    truth
        Folder of the truth.

    Raises
    ------
    ProbeExportError
        If the name of `file` ends in something else, or a file cannot be written.
    """
    if file.suffix not in WRITERS:
        raise ProbeExportError(f"{file}: ends in {file.suffix!r}, expected one of {', '.join(WRITERS)}")
    places = (file, truth / POINTS, truth / ROUTES)
    try:
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
        drafts = [place.with_name(f".{place.name}.draft") for place in places]
        try:
            written = _written(parts, [WRITERS[file.suffix], _ParquetSink, _ParquetSink], drafts)
            for draft, place in zip(drafts, places, strict=True):
                draft.replace(place)
        finally:
            for draft in drafts:
                draft.unlink(missing_ok=True)
        return written
    except OSError as error:
        raise ProbeExportError(
            f"{error.filename or file}: {error.strerror or error}, expected a writable place"
        ) from error


def _written(parts: Iterable[Simulated], kinds: Sequence[type["_Sink"]], files: Sequence[Path]) -> Written:
    """Write each part into all files."""
    points = drives = 0
    with ExitStack() as stack:
        sinks: list[_Sink] = []
        for part in parts:
            for place, (kind, file) in enumerate(zip(kinds, files, strict=True)):
                if len(sinks) == place:
                    sinks.append(stack.enter_context(closing(kind(file, part[place].schema))))
                sinks[place].write(part[place])
            points += part.probes.num_rows
            drives += pc.count_distinct(part.probes["trace_id"]).as_py()
    return Written(points, drives)


class _Sink(Protocol):
    """A file that tables are appended to."""

    def __init__(self, file: Path, schema: pa.Schema) -> None: ...

    def write(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


class _ParquetSink:
    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._file = pq.ParquetWriter(file, schema)

    def write(self, table: pa.Table) -> None:
        self._file.write_table(table)

    def close(self) -> None:
        self._file.close()


class _CsvSink:
    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._place = schema.names.index("time")
        self._file = pcsv.CSVWriter(file, schema.set(self._place, pa.field("time", pa.string())))

    def write(self, table: pa.Table) -> None:
        self._file.write(table.set_column(self._place, "time", _moments(table)))

    def close(self) -> None:
        self._file.close()


class _GpxSink:
    def __init__(self, file: Path, _: pa.Schema) -> None:
        self._file = file.open("w", encoding="utf-8")
        self._file.write(GPX_HEAD)

    def write(self, table: pa.Table) -> None:
        self._file.writelines(_tracks(table))

    def close(self) -> None:
        self._file.write("</gpx>\n")
        self._file.close()


WRITERS: dict[str, type[_Sink]] = {".parquet": _ParquetSink, ".csv": _CsvSink, ".gpx": _GpxSink}
GPX_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="waysmith"'
    ' xmlns="http://www.topografix.com/GPX/1/1" xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">\n'
)


def _tracks(probes: pa.Table) -> Iterator[str]:
    """Yield a track of GPX 1.1 for each trace."""
    names = ("trace_id", "lon", "lat", "speed_kmh", "heading_deg")
    columns = [probes.column(name).to_pylist() for name in names]
    before = None
    for (trace, lon, lat, speed, heading), moment in zip(
        zip(*columns, strict=True), _moments(probes).to_pylist(), strict=True
    ):
        if trace != before:
            yield "" if before is None else "</trkseg></trk>\n"
            yield f"<trk><name>{escape(trace)}</name><trkseg>\n"
            before = trace
        yield f'<trkpt lat="{lat:.7f}" lon="{lon:.7f}"><time>{moment}</time>{_extension(speed, heading)}</trkpt>\n'
    yield "" if before is None else "</trkseg></trk>\n"


def _extension(speed: float | None, heading: float | None) -> str:
    told = "" if speed is None else f"<gpxtpx:speed>{speed / 3.6:.2f}</gpxtpx:speed>"
    told += "" if heading is None else f"<gpxtpx:course>{heading:.1f}</gpxtpx:course>"
    inside = f"<gpxtpx:TrackPointExtension>{told}</gpxtpx:TrackPointExtension>"
    return f"<extensions>{inside}</extensions>" if told else ""


def _moments(probes: pa.Table) -> pa.ChunkedArray:
    """Return times as ISO 8601 texts to the millisecond."""
    return pc.strftime(probes.column("time").cast(pa.timestamp("ms", tz="UTC"), safe=False), ISO)
