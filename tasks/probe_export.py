"""Simulated probes as files: Parquet, CSV or GPX, and the truth beside them as Parquet."""

from collections.abc import Iterator
from pathlib import Path
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


def write_simulated(simulated: Simulated, file: Path, truth: Path) -> None:
    """Write probes as what the name of `file` says, and the truth as `points.parquet` and `routes.parquet`.

    GPX holds positions, times, and speed (m/s) and course (°) as Garmin's TrackPointExtension v2; it has no place for
    an accuracy in metres.

    Parameters
    ----------
    file
        Ends in `.parquet`, `.csv` or `.gpx`; folders that are missing are made.
    truth
        Folder of the truth.

    Raises
    ------
    ProbeExportError
        If the name of `file` ends in something else, or a file cannot be written.
    """
    writers = {".parquet": pq.write_table, ".csv": _write_csv, ".gpx": _write_gpx}
    if file.suffix not in writers:
        raise ProbeExportError(f"{file}: ends in {file.suffix!r}, expected one of {', '.join(writers)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        truth.mkdir(parents=True, exist_ok=True)
        writers[file.suffix](simulated.probes, file)
        pq.write_table(simulated.points, truth / POINTS)
        pq.write_table(simulated.routes, truth / ROUTES)
    except OSError as error:
        raise ProbeExportError(
            f"{error.filename or file}: {error.strerror or error}, expected a writable place"
        ) from error


def _write_csv(probes: pa.Table, file: Path) -> None:
    place = probes.column_names.index("time")
    pcsv.write_csv(probes.set_column(place, "time", _moments(probes)), file)


def _write_gpx(probes: pa.Table, file: Path) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(_gpx(probes))


def _gpx(probes: pa.Table) -> Iterator[str]:
    """Yield a GPX 1.1 document, a track for each trace."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="waysmith"'
        ' xmlns="http://www.topografix.com/GPX/1/1"'
        ' xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">\n'
    )
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
    yield "</gpx>\n" if before is None else "</trkseg></trk>\n</gpx>\n"


def _extension(speed: float | None, heading: float | None) -> str:
    told = "" if speed is None else f"<gpxtpx:speed>{speed / 3.6:.2f}</gpxtpx:speed>"
    told += "" if heading is None else f"<gpxtpx:course>{heading:.1f}</gpxtpx:course>"
    inside = f"<gpxtpx:TrackPointExtension>{told}</gpxtpx:TrackPointExtension>"
    return f"<extensions>{inside}</extensions>" if told else ""


def _moments(probes: pa.Table) -> pa.ChunkedArray:
    """Return times as ISO 8601 texts to the millisecond."""
    return pc.strftime(probes.column("time").cast(pa.timestamp("ms", tz="UTC"), safe=False), ISO)
