"""Columns of a probe file as they stand there, made into sound points; what is not sound is counted by reason."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.reject import REJECT
from schemas.vocabulary import PointReason
from tasks.readers.probe_format import KMH, POINT, ProbeBatch, ProbeFormat
from tasks.readers.probe_time import Bools, Ints, Moments, Place, in_words, moments

Floats = npt.NDArray[np.float64]

TASK = "read_probes"

LISTED = 100
"""Points dropped for one reason that are listed for each file; the others are counted."""

FIRST_FIX_US = 315_964_800_000_000
"""1980-01-06, when GPS time begins: no satellite told a time before. In µs since 1970."""

AHEAD_US = 300_000_000
"""How far ahead of ours another clock may be: 5 minutes."""

NULL_ISLAND_DEGREES = 1e-6
"""Nearer to 0° N 0° E is no position but a receiver that knows none."""

LARGEST = 1e6
"""No speed (km/h) and no accuracy (m) is larger: what says more was not measured."""

NO_NUMBER = pa.array(["", "null", "NULL", "None", "none", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "-"])
"""Text that says that there is no number."""


class Columns(NamedTuple):
    """Columns of n points of one file; None for those that it does not have."""

    trace_id: pa.Array
    time: pa.Array | None
    lon: pa.Array
    lat: pa.Array
    speed: pa.Array | None
    heading: pa.Array | None
    accuracy: pa.Array | None


class Refused(NamedTuple):
    """Points of one reason: which they are, and what is wrong in words with the value."""

    reason: PointReason
    is_refused: Bools
    column: pa.Array | None
    message: str


class Tally:
    """Makes batches of one file, and remembers how many dropped points it has listed by reason."""

    def __init__(self, file: str, format: ProbeFormat, now_us: int) -> None:
        self.file = file
        self.format = format
        self.now_us = now_us
        self.dropped: Counter[PointReason] = Counter()
        self.read = 0
        self.notes: dict[str, str] = {}
        """What a user should know, one line each, by what it is about: the first of each is told."""

    def batch(self, columns: Columns, speed_unit: str | None, place: Place) -> ProbeBatch:
        """Return the sound points of some columns; `place` says file and row of each."""
        told = moments(columns.time, self.format, place) if columns.time is not None else _no_moments(columns)
        if self.format.interval_s is not None:
            told = _at_intervals(told, columns.trace_id, self.read, self.format.interval_s)
        lon, lat = numbers(columns.lon)[0], numbers(columns.lat)[0]
        is_dropped, dropped, rejects = self._drop(list(_refused(columns, told, lon, lat, self.now_us)), place)
        points = _points(columns, told, lon, lat, self._device(columns, speed_unit))
        kept = points.filter(pa.array(~is_dropped)) if is_dropped.any() else points
        self.read += len(lon)
        if columns.speed is not None and speed_unit is None and columns.speed.null_count < len(columns.speed):
            self.tell("unit", "its speeds are left out, since their unit is not told: name it with --speed-unit")
        return ProbeBatch(kept, len(lon), dropped, rejects)

    def tell(self, what: str, told: str) -> None:
        """Note what a user should know of the file, in words; only the first note of each kind is kept."""
        self.notes.setdefault(what, f"{self.file}: {told}")

    def _device(self, columns: Columns, speed_unit: str | None) -> dict[str, Floats]:
        """Return speeds (km/h), headings and accuracies as the device gave them, NaN where nothing can be read."""
        made = {}
        for name in ("speed", "heading", "accuracy"):
            column: pa.Array | None = getattr(columns, name)
            values, is_odd = numbers(pa.nulls(len(columns.lon)) if column is None else column)
            if column is not None and is_odd.any():
                odd = column[int(np.flatnonzero(is_odd)[0])].as_py()
                self.tell(name, f"{name} {odd[:40]!r} is no number, and left out as all such")
            made[name] = values
        made["speed"] = made["speed"] * (KMH[speed_unit] if speed_unit else np.nan)
        return made

    def unreadable_rows(self, rows: list[tuple[str, str]]) -> ProbeBatch:
        """Return a batch without points for rows that are none: place and message of each."""
        room = max(0, LISTED - self.dropped[PointReason.UNREADABLE])
        dropped = {PointReason.UNREADABLE: len(rows)} if rows else {}
        self.dropped.update(dropped)
        self.read += len(rows)
        listed = [(key, PointReason.UNREADABLE, message) for key, message in rows[:room]]
        return ProbeBatch(POINT.empty_table(), len(rows), dropped, reject_rows(listed))

    def end(self) -> ProbeBatch:
        """Return a batch without points to end the file: notes, and how many were dropped where not all are listed."""
        told = [
            (self.file, reason, f"{count} points dropped for this reason, of which the first {LISTED} are listed")
            for reason, count in sorted(self.dropped.items())
            if count > LISTED
        ]
        return ProbeBatch(POINT.empty_table(), 0, {}, reject_rows(told), tuple(self.notes.values()))

    def _drop(self, refused: list[Refused], place: Place) -> tuple[Bools, dict[PointReason, int], pa.Table]:
        """Return which points go, how many for each reason, and the first of each; the first reason counts."""
        is_dropped = np.zeros(len(refused[0].is_refused), dtype=bool)
        dropped: Counter[PointReason] = Counter()
        listed: list[tuple[str, PointReason, str]] = []
        for each in refused:
            rows = np.flatnonzero(each.is_refused & ~is_dropped)
            if not len(rows):
                continue
            room = max(0, LISTED - self.dropped[each.reason] - dropped[each.reason])
            listed += [(place(row), each.reason, _message(each, row)) for row in rows[:room].tolist()]
            dropped[each.reason] += len(rows)
            is_dropped[rows] = True
        self.dropped.update(dropped)
        return is_dropped, dict(dropped), reject_rows(listed)


def reject_rows(listed: list[tuple[str, PointReason, str]], task: str = TASK) -> pa.Table:
    """Return rows of REJECT for key, reason and message of points."""
    rows = [{"key": key, "task": task, "reason": str(reason), "message": told} for key, reason, told in listed]
    return pa.Table.from_pylist(rows, schema=REJECT.schema)


def _message(refused: Refused, row: int) -> str:
    if refused.column is None:
        return refused.message
    told = in_words(refused.column[row])
    is_text = pa.types.is_string(refused.column.type) or pa.types.is_large_string(refused.column.type)
    return refused.message.format((repr(told) if is_text and refused.column[row].is_valid else told)[:60])


def _no_moments(columns: Columns) -> Moments:
    count = len(columns.lon)
    return Moments(np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool), np.zeros(count, dtype=bool))


def _at_intervals(told: Moments, trace_id: pa.Array, before: int, interval_s: float) -> Moments:
    """Return moments at even intervals for traces that have none at all, from the first day of GPS on."""
    codes = trace_id.dictionary_encode().indices.fill_null(0).to_numpy(zero_copy_only=False)
    has_time = np.zeros(len(codes) + 1, dtype=bool)
    has_time[codes[~told.is_missing]] = True
    is_without = told.is_missing & ~has_time[codes]
    us = FIRST_FIX_US + np.rint((before + np.arange(len(codes))) * interval_s * 1e6).astype(np.int64)
    return Moments(np.where(is_without, us, told.us), told.is_missing & ~is_without, told.is_bad)


def _refused(columns: Columns, told: Moments, lon: Floats, lat: Floats, now_us: int) -> Iterator[Refused]:
    """Yield for each reason the points that it refuses."""
    time = columns.time
    no_id = columns.trace_id.is_null().to_numpy(zero_copy_only=False)
    yield Refused(PointReason.UNREADABLE, no_id, None, "no id of a trace, expected one")
    yield Refused(
        PointReason.UNREADABLE, told.is_bad, time,
        "time {}: expected ISO 8601 that is once in its zone, a number of 1990 to 2100, or --time-format",
    )  # fmt: skip
    yield Refused(PointReason.NO_TIME, told.is_missing, None, "no time, expected one")
    is_late = ~told.is_missing & ~told.is_bad & (told.us > now_us + AHEAD_US)
    yield Refused(PointReason.FUTURE, is_late, time, f"time {{}}: expected none after {_in_words(now_us)}")
    is_early = ~told.is_missing & ~told.is_bad & (told.us < FIRST_FIX_US)
    yield Refused(PointReason.FUTURE, is_early, time, "time {}: expected none before GPS began, 1980-01-06")
    for name, degrees, column, most in (("lon", lon, columns.lon, 180), ("lat", lat, columns.lat, 90)):
        message = f"{name} {{}}: expected a number from -{most} to {most}"
        yield Refused(PointReason.BAD_COORDINATE, ~(np.abs(degrees) <= most), column, message)
    is_null = (np.abs(lon) < NULL_ISLAND_DEGREES) & (np.abs(lat) < NULL_ISLAND_DEGREES)
    yield Refused(PointReason.NULL_ISLAND, is_null, None, "lies at 0° N 0° E, expected a position")


def _in_words(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC, when it was read")


def _points(columns: Columns, told: Moments, lon: Floats, lat: Floats, device: dict[str, Floats]) -> pa.Table:
    """Return all points as rows of POINT; what a device cannot mean is null."""
    speed, heading, accuracy = device["speed"], device["heading"], device["accuracy"]
    arrays = [
        columns.trace_id.cast(pa.string()),
        pa.array(told.us).cast(POINT.field("time").type),
        pa.array(lon),
        pa.array(lat),
        _known(speed, (speed >= 0) & (speed <= LARGEST)),
        _known(np.where(heading == 360, 0, heading), (heading >= 0) & (heading <= 360)),
        _known(accuracy, (accuracy > 0) & (accuracy <= LARGEST)),
    ]
    return pa.Table.from_arrays(arrays, schema=POINT)


def _known(values: Floats, is_known: Bools) -> pa.Array:
    return pa.array(np.where(is_known, values, np.nan).astype(np.float32), mask=~is_known)


def numbers(column: pa.Array) -> tuple[Floats, Bools]:
    """Return a column as numbers, NaN where there is none, and where something stands that is no number."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _numbers_of_text(column)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), np.zeros(len(column), dtype=bool)
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values, np.zeros(len(column), dtype=bool)


def in_utf8(text: pa.Array) -> pa.Array:
    """Return text, or bytes that are text, in UTF-8; other bytes as `as_utf8` writes them, so names stay distinct."""
    told = text.cast(pa.binary())
    try:
        return told.cast(pa.string())
    except pa.ArrowInvalid:
        escaped = [None if each is None else as_utf8(each) for each in told.to_pylist()]
        return pa.array(escaped, pa.string())


def as_utf8(text: bytes) -> str:
    r"""Return text in UTF-8 as it is, with each other byte as backslash, x and two digits.

    Examples
    --------
    >>> print(as_utf8("Müller".encode("latin-1")))
    M\xfcller
    """
    return text.decode(errors="backslashreplace")


def _numbers_of_text(text: pa.Array) -> tuple[Floats, Bools]:
    none = np.zeros(len(text), dtype=bool)
    try:
        return text.cast(pa.float64()).to_numpy(zero_copy_only=False), none
    except pa.ArrowInvalid:
        told = pc.utf8_trim_whitespace(text)
        told = pc.if_else(pc.is_in(told, value_set=NO_NUMBER), pa.scalar(None, told.type), told)
    try:
        return told.cast(pa.float64()).to_numpy(zero_copy_only=False), none
    except pa.ArrowInvalid:
        values = np.array([_number(each) for each in told.to_pylist()])
        return values, np.isnan(values) & told.is_valid().to_numpy(zero_copy_only=False)


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None and "_" not in text else np.nan
    except ValueError:
        return np.nan


def rows_of(file: str, before: int) -> Place:
    """Return what says file and row of points that stand one in each row, `before` of them in earlier batches."""
    return lambda row: f"{file}@{before + row + 1}"


def microseconds(points: pa.Table) -> Ints:
    """Return the times of POINT as numbers."""
    us: Ints = points.column("time").cast(pa.int64()).to_numpy()
    return us
