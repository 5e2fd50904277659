"""Traces in GeoJSON, feature by feature: points with properties, or lines with a list of times.

A file is a FeatureCollection, or one feature on each line (RFC 8142, GeoJSONSeq). Lists of times stand where common
converters put them: `coordTimes` or `times` in the properties, or in `coordinateProperties` there.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import IO, Any

import pyarrow as pa

from tasks.readers.probe_format import USUAL_LISTS, Named, ProbeBatch, ProbeFormat, named_columns
from tasks.readers.probe_rows import Columns, Tally
from tasks.readers.reading import ReadError

CHUNK = 1 << 20
"""Characters that are read at a time."""

ROWS = 100_000
"""Points that are handed on together."""

FEATURES = re.compile(r'"features"\s*:')

FIELDS = ("trace_id", "time", "lon", "lat", "speed", "heading", "accuracy", "feature")
Rows = dict[str, list[Any]]


def read_geojson(stream: IO[bytes], trace: str, tally: Tally) -> Iterator[ProbeBatch]:
    """Yield the points of all features of a GeoJSON file.

    A line is a trace of its own, named by the column of traces, else by its id, else by `trace` and its number. Points
    without a column of traces are one trace, named `trace`.

    Raises
    ------
    ReadError
        If the file is no whole GeoJSON, or has no points and lines.
    """
    rows: Rows = {name: [] for name in FIELDS}
    unit: str | None = tally.format.speed_unit
    for number, feature in enumerate(features(stream, tally.file), 1):
        if fault := _fault(feature):
            yield tally.unreadable_rows([(f"{tally.file}@{number}", fault)])
            continue
        found = _add(feature, number, rows, trace, tally)
        unit = unit or found
        if len(rows["lon"]) >= ROWS:
            yield _batch(rows, unit, tally)
            rows = {name: [] for name in FIELDS}
    yield _batch(rows, unit, tally)
    if not tally.read:
        raise ReadError(f"{tally.file}: no points and no lines, expected traces")


def _batch(rows: Rows, unit: str | None, tally: Tally) -> ProbeBatch:
    numbers = rows["feature"]
    columns = Columns(**{name: _array(rows[name]) for name in FIELDS if name != "feature"})
    return tally.batch(columns, unit, lambda row: f"{tally.file}@{numbers[row]}")


def _array(values: list[Any]) -> pa.Array:
    """Return values of any kind as a column: of numbers if all are, else of text."""
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return pa.array([None if value is None else _float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _float(value: float) -> float:
    """Return a number of JSON, whose digits know no end, as one that has."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def features(stream: IO[bytes], file: str) -> Iterator[dict[str, Any]]:
    """Yield the features of a GeoJSON file, with no more than one of them and a chunk in memory.

    Raises
    ------
    ReadError
        If it ends or breaks in the middle.
    """
    text = _Text(stream, file)
    decoder = json.JSONDecoder()
    text.skip_to_features()
    while text.skip(", \t\r\n\x1e"):
        if text.buffer[text.at] == "]":
            return
        value = text.decoded(decoder)
        if not isinstance(value, dict):
            raise ReadError(f"{file}: {str(value)[:40]!r} among the features, expected a GeoJSON feature")
        yield value
    if text.is_collection:
        raise ReadError(f"{file}: ends within the features, expected a whole FeatureCollection")


class _Text:
    """The text of a file as it is read, and the place in it."""

    def __init__(self, stream: IO[bytes], file: str) -> None:
        self.stream, self.file = stream, file
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.buffer, self.at, self.passed = "", 0, 0
        self.is_collection = False

    def more(self, size: int = CHUNK) -> bool:
        """Read on; whether there was more."""
        raw = self.stream.read(size)
        try:
            text = self.decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise ReadError(f"{self.file}: {error}; expected GeoJSON in UTF-8") from None
        self.passed += self.at
        self.buffer, self.at = self.buffer[self.at :] + text, 0
        return bool(raw)

    def skip(self, blanks: str) -> bool:
        """Go to the next character that is none of `blanks`; whether there is one."""
        while True:
            while self.at < len(self.buffer):
                if self.buffer[self.at] not in blanks:
                    return True
                self.at += 1
            if not self.more():
                return False

    def skip_to_features(self) -> None:
        """Go behind the bracket that opens the features of a collection; stay where the file is no collection."""
        if not self.skip(" \t\r\n\x1e") or self.buffer[self.at] not in "[{":
            raise ReadError(f"{self.file}: starts with {self.buffer[self.at : self.at + 16]!r}, expected GeoJSON")
        if self.buffer[self.at] == "[":
            self.is_collection = True
            self.at += 1
            return
        self.more()
        while not (found := FEATURES.search(self.buffer)) and not _is_feature(self.buffer) and self.more():
            pass
        if found is None or _is_feature(self.buffer[: found.start()]):
            return
        self.is_collection = True
        self.at = found.end()
        if not self.skip(" \t\r\n") or self.buffer[self.at] != "[":
            raise ReadError(f'{self.file}: no list behind "features", expected a FeatureCollection')
        self.at += 1

    def decoded(self, decoder: json.JSONDecoder) -> Any:
        """Return the JSON value that starts here and go behind it; twice as much is read as long as it is not whole."""
        size = CHUNK
        while True:
            try:
                value, self.at = decoder.raw_decode(self.buffer, self.at)
                return value
            except json.JSONDecodeError as error:
                place = self.passed + error.pos
                if not self.more(size):
                    raise ReadError(f"{self.file}: character {place}: {error.msg}; expected GeoJSON") from None
                size *= 2
            except (RecursionError, ValueError) as error:
                place = self.passed + self.at
                raise ReadError(f"{self.file}: behind character {place}: {error}; expected GeoJSON") from None


def _is_feature(text: str) -> bool:
    return '"geometry"' in text and '"FeatureCollection"' not in text


def _fault(feature: Mapping[str, Any]) -> str | None:
    """Return what keeps a feature from being read, None if nothing does."""
    shape, properties = feature.get("geometry") or {}, feature.get("properties") or {}
    if not isinstance(shape, dict):
        return f"geometry {str(shape)[:40]!r}, expected a GeoJSON geometry or null"
    if not isinstance(properties, dict):
        return f"properties {str(properties)[:40]!r}, expected an object or null"
    places = shape.get("coordinates") or []
    parts = places if shape.get("type") == "MultiLineString" and isinstance(places, list) else []
    if not all(isinstance(each, list) for each in (places, *parts)):
        return f"coordinates {str(places)[:40]!r}, expected lists of numbers"
    return None


def _add(feature: Mapping[str, Any], number: int, rows: Rows, trace: str, tally: Tally) -> str | None:
    """Add the points of a feature to `rows`; return the unit of its speeds."""
    shape = feature.get("geometry") or {}
    properties = feature.get("properties") or {}
    kind, places = shape.get("type"), shape.get("coordinates") or []
    if kind == "Point":
        return _add_points(number, [places], {}, properties, trace, rows, tally)
    name = str(feature["id"]) if feature.get("id") is not None else f"{trace}#{number}"
    apart = properties.get("coordinateProperties")
    lists = apart if isinstance(apart, dict) else {}
    if kind in ("LineString", "MultiPoint"):
        return _add_points(number, places, {**lists, **properties}, properties, name, rows, tally)
    if kind == "MultiLineString":
        flat = [place for line in places for place in line]
        listed = {key: _flat(value, places) for key, value in {**lists, **properties}.items()}
        return _add_points(number, flat, listed, properties, name, rows, tally)
    return None


def _flat(value: Any, lines: Sequence[Any]) -> Any:
    """Return a list of lists, one for each line, as one list."""
    if isinstance(value, list) and len(value) == len(lines) and all(isinstance(each, list) for each in value):
        return [item for each in value for item in each]
    return value


def _add_points(
    number: int,
    places: Sequence[Sequence[Any]],
    lists: Mapping[str, Any],
    properties: Mapping[str, Any],
    name: str,
    rows: Rows,
    tally: Tally,
) -> str | None:
    named = _named(tuple(properties), tally.format, tally.file)
    single = {role: properties[column] for role, column in named.columns.items() if column in properties}
    count = len(places)
    trace_id = single.get("trace_id")
    rows["trace_id"] += [name if trace_id is None else str(trace_id)] * count
    rows["feature"] += [number] * count
    rows["lon"] += [_at(place, 0) for place in places]
    rows["lat"] += [_at(place, 1) for place in places]
    is_point = count == 1 and not lists
    if odd := _odd_times(lists, count):
        tally.tell("times", f"feature {number}: {odd}")
    for role, usual in USUAL_LISTS.items():
        listed = _list(lists, (*usual, named.columns.get(role, "")), count)
        rows[role] += [single.get(role)] if is_point else listed if listed is not None else [None] * count
    return named.speed_unit


@lru_cache(maxsize=256)
def _named(names: tuple[str, ...], format: ProbeFormat, file: str) -> Named:
    """Return the roles of properties; a feature may lack one that the format names, and positions are its geometry."""
    there = tuple((role, name) for role, name in format.columns if name in names and role not in ("lon", "lat"))
    return named_columns(names, ProbeFormat(columns=there, speed_unit=format.speed_unit), file)


def _at(place: Any, index: int) -> float | None:
    is_there = isinstance(place, list) and len(place) > index and isinstance(place[index], int | float)
    return _float(place[index]) if is_there else None


def _odd_times(lists: Mapping[str, Any], count: int) -> str | None:
    """Return what is wrong with a list of times that are not as many as there are points."""
    told = ((name, lists[name]) for name in USUAL_LISTS["time"] if isinstance(lists.get(name), list))
    odd = ((name, len(times)) for name, times in told if len(times) != count)
    return next((f"{length} {name} for {count} points, expected one each" for name, length in odd), None)


def _list(lists: Mapping[str, Any], names: Sequence[str], count: int) -> list[Any] | None:
    """Return the first of some properties that is a list of as many values as there are points."""
    listed = (lists.get(name) for name in names)
    return next((each for each in listed if isinstance(each, list) and len(each) == count), None)
