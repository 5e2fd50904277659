"""Tracks in GPX 1.0 and 1.1, read element by element.

The formats: https://www.topografix.com/GPX/1/0 and https://www.topografix.com/GPX/1/1. Times are UTC there by
definition, speeds metres a second, courses degrees from true north. `hdop` is no length and is not read as accuracy.
"""

from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

import pyarrow as pa

from tasks.readers.probe_format import ProbeBatch
from tasks.readers.probe_rows import Columns, Tally
from tasks.readers.reading import ReadError

CHUNK = 1 << 20
"""Bytes that are parsed at a time."""

ROWS = 100_000
"""Points that are handed on together."""

VALUES = {
    "time": "time",
    "speed": "speed",
    "course": "heading",
    "heading": "heading",
    "bearing": "heading",
    "accuracy": "accuracy",
    "hacc": "accuracy",
}
"""Elements of a point that are read, by their names without prefix: of GPX 1.0, and of its usual extensions."""

FIELDS = ("trace_id", "time", "lon", "lat", "speed", "heading", "accuracy", "line")


def read_gpx(stream: IO[bytes], trace: str, tally: Tally) -> Iterator[ProbeBatch]:
    """Yield the points of all tracks of a GPX file.

    A track is named by its name; one without a name, or with that of one before it, by `trace`, from the second track
    on with its number: `trace#2`.

    Raises
    ------
    ReadError
        If the file is no whole GPX file, or has no point of a track.
    """
    tracks = _Tracks(trace, tally.file)
    is_last = False
    try:
        while not is_last:
            chunk = stream.read(CHUNK)
            is_last = not chunk
            tracks.parser.Parse(chunk, is_last)
            if is_last or len(tracks.rows["lon"]) >= ROWS:
                yield _batch(tracks, tally)
    except expat.ExpatError as error:
        yield _batch(tracks, tally)
        what = f"line {error.lineno}, column {error.offset}: {expat.ErrorString(error.code)}"
        raise ReadError(f"{tally.file}: {what}; expected GPX") from None
    if not tally.read:
        raise ReadError(f"{tally.file}: no points of a track{tracks.instead()}, expected trk/trkseg/trkpt")


def _batch(tracks: "_Tracks", tally: Tally) -> ProbeBatch:
    """Return the points that were read since the last batch."""
    rows = tracks.taken()
    lines: list[int] = rows.pop("line")
    text = {name: pa.array(values, pa.string()) for name, values in rows.items()}
    return tally.batch(Columns(**text), "m/s", lambda row: f"{tally.file}@{lines[row]}")


class _Tracks:
    """Points as they are read, filled by the parser's calls."""

    def __init__(self, trace: str, file: str) -> None:
        self.file = file
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._first
        self.parser.EndElementHandler = self._end
        self.trace = trace
        self.names: set[str] = set()
        self.tracks = 0
        self.others: dict[str, int] = {"wpt": 0, "rtept": 0}
        self.rows: dict[str, list] = {name: [] for name in FIELDS}  # type: ignore[type-arg]
        self.point: dict[str, str] | None = None
        self.depth = 0
        self.track_depth = 0
        self.name: str | None = None
        self.current = trace
        self.text: list[str] = []

    def instead(self) -> str:
        """Return what else the file has, in words."""
        words = {"wpt": "waypoints", "rtept": "points of a planned route"}
        told = [f"{count} {words[name]}" for name, count in self.others.items() if count]
        return f" but {' and '.join(told)}" if told else f" in {self.tracks} tracks"

    def taken(self) -> dict[str, list]:  # type: ignore[type-arg]
        """Return the points read and forget them; those of an open track stand in it under its name."""
        rows, self.rows = self.rows, {name: [] for name in FIELDS}
        return rows

    def _first(self, name: str, _: dict[str, str]) -> None:
        if _local(name) != "gpx":
            raise ReadError(f"{self.file}: first element is <{name[:40]}>, expected <gpx>")
        self.parser.StartElementHandler = self._start
        self.depth = 1

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        local = _local(name)
        if local == "trkpt":
            self.point = {"lon": attributes.get("lon", ""), "lat": attributes.get("lat", "")}
            self.point["line"] = str(self.parser.CurrentLineNumber)
        elif local == "trk":
            self.tracks += 1
            self.track_depth = self.depth
            self.current = self._named(None)
        elif local in self.others:
            self.others[local] += 1
        wants = (self.point is not None and local in VALUES) or self._is_name(local)
        self.text = []
        self.parser.CharacterDataHandler = self.text.append if wants else None

    def _is_name(self, local: str) -> bool:
        return local == "name" and self.depth == self.track_depth + 1 and self.track_depth > 0

    def _end(self, name: str) -> None:
        local = _local(name)
        if local == "trkpt":
            self._add()
        elif local == "trk":
            self.track_depth = 0
        elif self.point is not None and local in VALUES:
            self.point.setdefault(VALUES[local], "".join(self.text).strip())
        elif self._is_name(local):
            self.current = self._named("".join(self.text).strip())
        self.parser.CharacterDataHandler = None
        self.depth -= 1

    def _named(self, name: str | None) -> str:
        """Return what the open track is called."""
        if name and name not in self.names:
            self.names.add(name)
            return name
        return self.trace if self.tracks == 1 else f"{self.trace}#{self.tracks}"

    def _add(self) -> None:
        point, self.point = self.point, None
        if point is None:
            return  # a point within it has taken its place
        self.rows["trace_id"].append(self.current)
        self.rows["line"].append(int(point["line"]))
        for name in FIELDS[1:-1]:
            self.rows[name].append(point.get(name))


def _local(name: str) -> str:
    """Return the name of an element without its prefix."""
    return name.rpartition(":")[2]
