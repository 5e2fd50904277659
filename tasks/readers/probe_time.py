"""Moments out of what files say of time: text, numbers since 1970, Arrow timestamps."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.probe import TIME
from tasks.readers.probe_format import ProbeFormat
from tasks.readers.reading import ReadError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Place = Callable[[int], str]
"""Says file and row of the ith value."""

US = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
"""Microseconds in each unit."""

FIRST_S, LAST_S = 631_152_000, 4_102_444_800
"""1990 and 2100 in seconds since 1970: between them the ranges of s, ms, µs and ns do not touch."""

FARTHEST_US = 9e18
"""Nothing beyond fits into a moment."""

NUMBER = r"^\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*$"
ZONED = r"\d\s*(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)\s*$"
TIME_OF_DAY = r"\d:\d\d|\dT\d{4}"
NONE = np.iinfo(np.int64).min
"""Stands for a moment that is missing or unreadable."""


class Moments(NamedTuple):
    """Moments of n points."""

    us: Ints
    """Microseconds since 1970-01-01 UTC; 0 where there is none."""
    is_missing: Bools
    """Nothing stands there."""
    is_bad: Bools
    """Something stands there that is no moment."""


def moments(column: pa.ChunkedArray | pa.Array, format: ProbeFormat, place: Place) -> Moments:
    """Return the moments of a column of text, numbers or timestamps.

    Text with an offset or Z is clear, as ISO 8601 or as the format says. Times without one need the zone of the
    format; an hour that occurs twice there, or not at all, is bad. Numbers need a unit that their magnitude tells
    for 1990 to 2100, or the one of the format.

    Raises
    ------
    ReadError
        If a time has no offset and no zone is given; it says where.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = whole.type
    if pa.types.is_timestamp(kind):
        us = _of_timestamps(whole, format, place)
    elif pa.types.is_date(kind):
        us = _of_timestamps(whole.cast(pa.timestamp("us")), format, place)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        us = _of_numbers(whole, format)
    elif pa.types.is_null(kind):
        us = np.full(len(whole), NONE)
    else:
        whole = pc.utf8_trim_whitespace(whole.cast(pa.string()))
        whole = pc.if_else(pc.equal(whole, ""), pa.scalar(None, pa.string()), whole)
        us = _of_text(whole, format, place)
    is_missing = whole.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    is_none = us == NONE
    return Moments(np.where(is_none, 0, us), is_missing, is_none & ~is_missing)


def in_words(value: pa.Scalar) -> str:
    """Return a value for people; text bare, and a timestamp as its number where no calendar reaches it."""
    try:
        return str(value.as_py())
    except (OverflowError, ValueError):
        return str(getattr(value, "value", value.type))


def _filled(stamps: pa.Array) -> Ints:
    """Return timestamps in µs as numbers, NONE for null."""
    numbers: Ints = stamps.cast(pa.int64()).fill_null(NONE).to_numpy(zero_copy_only=False)
    return numbers


def _of_timestamps(stamps: pa.Array, format: ProbeFormat, place: Place) -> Ints:
    if stamps.type.tz is not None:
        return _filled(stamps.cast(TIME, safe=False))
    return _in_zone(stamps.cast(pa.timestamp("us"), safe=False), format, place)


def _in_zone(naive: pa.Array, format: ProbeFormat, place: Place) -> Ints:
    """Return times of a clock on the wall as moments."""
    if len(naive) == naive.null_count:
        return np.full(len(naive), NONE)
    if format.time_zone is None:
        first = int(np.flatnonzero(naive.is_valid().to_numpy(zero_copy_only=False))[0])
        told = f"time '{in_words(naive[first])}' has no offset"
        raise ReadError(f"{place(first)}: {told}, expected one (Z, +02:00) or the zone with --time-zone")
    try:
        early, late = (
            _filled(pc.assume_timezone(naive, format.time_zone, ambiguous=which, nonexistent=which).cast(TIME))
            for which in ("earliest", "latest")
        )
    except pa.ArrowException as error:
        raise ReadError(f"time zone {format.time_zone!r}: {error}, expected a name like Europe/Helsinki") from None
    return np.where(early == late, early, NONE)


def _of_numbers(numbers: pa.Array, format: ProbeFormat) -> Ints:
    """Return numbers since 1970 as moments; whole numbers keep all their digits."""
    is_whole = pa.types.is_integer(numbers.type)
    values = numbers.cast(pa.int64() if is_whole else pa.float64(), safe=False).fill_null(0)
    values = values.to_numpy(zero_copy_only=False)
    size = np.abs(values.astype(np.float64))
    us = np.full(len(values), NONE)
    for unit, each in US.items():
        first, last = FIRST_S * 1e6 / each, LAST_S * 1e6 / each
        here = (size >= first) & (size < last) & (values > 0) if format.epoch is None else size < FARTHEST_US / each
        if format.epoch in (None, unit) and here.any():
            us[here] = _scaled(values[here], each)
    us[numbers.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)] = NONE
    return us


def _scaled(values: npt.NDArray[np.generic], factor: float) -> Ints:
    if values.dtype.kind == "i":
        whole = values.astype(np.int64)
        return whole // 1000 if factor < 1 else whole * np.int64(factor)
    return np.rint(values.astype(np.float64) * factor).astype(np.int64)


def _of_text(text: pa.Array, format: ProbeFormat, place: Place) -> Ints:
    if format.time_format is not None:
        return _of_format(text, format, place)
    us = np.full(len(text), NONE)
    for is_here, read in _kinds(text):
        if is_here.all():
            return read(text, format, place)
        if is_here.any():
            rows = np.flatnonzero(is_here)
            us[rows] = read(text.take(pa.array(rows)), format, _at(rows, place))
    return us


def _at(rows: Ints, place: Place) -> Place:
    """Return what says file and row of some of the values."""
    return lambda row: place(int(rows[row]))


def _kinds(text: pa.Array) -> list[tuple[Bools, Callable[[pa.Array, ProbeFormat, Place], Ints]]]:
    """Return which texts are numbers, times with an offset and times without, and what reads each kind."""
    number, zoned, clock = (
        pc.match_substring_regex(text, pattern).fill_null(False).to_numpy(zero_copy_only=False)
        for pattern in (NUMBER, ZONED, TIME_OF_DAY)
    )
    is_zoned = zoned & clock & ~number
    rest = text.is_valid().to_numpy(zero_copy_only=False) & ~number & ~is_zoned
    return [(is_zoned, _of_zoned), (number, _of_digits), (rest, _of_naive)]


def _of_digits(text: pa.Array, format: ProbeFormat, _: Place) -> Ints:
    try:
        return _of_numbers(text.cast(pa.int64()), format)
    except pa.ArrowInvalid:
        return _of_numbers(text.cast(pa.float64()), format)


def _of_zoned(text: pa.Array, _: ProbeFormat, __: Place) -> Ints:
    cast = _cast(text, TIME)
    if cast is not None:
        return _filled(cast)
    return np.array([_us(_parsed(each)) for each in text.to_pylist()], dtype=np.int64)


def _of_naive(text: pa.Array, format: ProbeFormat, place: Place) -> Ints:
    stamps = _cast(text, pa.timestamp("us"))
    if stamps is None:
        told = (_parsed(each) for each in text.to_pylist())
        stamps = pa.array([each if each and not each.tzinfo else None for each in told], pa.timestamp("us"))
    return _in_zone(stamps, format, place)


def _cast(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Return texts as timestamps at once, None where Arrow cannot read one of them."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        usual = _usual(text)
    try:
        return usual.cast(kind)
    except pa.ArrowInvalid:
        return None


def _usual(text: pa.Array) -> pa.Array:
    """Return texts as Arrow reads them: six digits of a second at most, no blank before an offset."""
    for pattern, replacement in (
        (r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3"),
        (r"[,.](\d{1,6})\d*", r".\1"),
        (r"\s*(z|UTC|GMT)$", "Z"),
        (r"\s+([+-]\d\d)", r"\1"),
    ):
        text = pc.replace_substring_regex(text, pattern, replacement)
    return text


def _parsed(text: str) -> datetime | None:
    """Return one time in any ISO 8601 form, None where it is none."""
    text = re.sub(r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3", text)
    text = re.sub(r"\s*(z|UTC|GMT)$", "Z", text)
    try:
        return datetime.fromisoformat(re.sub(r"\s+([+-]\d\d)", r"\1", text))
    except ValueError:
        return None


def _us(moment: datetime | None) -> int:
    if moment is None:
        return int(NONE)
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _of_format(text: pa.Array, format: ProbeFormat, place: Place) -> Ints:
    """Return texts of the format's own way of writing as moments."""
    if "%z" in str(format.time_format) or "%f" in str(format.time_format):
        told = [_strptime(each, str(format.time_format)) for each in text.to_pylist()]
        if "%z" in str(format.time_format):
            return np.array([_us(each) for each in told], dtype=np.int64)
        return _in_zone(pa.array(told, pa.timestamp("us")), format, place)
    return _in_zone(pc.strptime(text, format=format.time_format, unit="us", error_is_null=True), format, place)


def _strptime(text: str | None, format: str) -> datetime | None:
    try:
        return datetime.strptime(text, format) if text is not None else None
    except ValueError:
        return None


def check_zone(name: str | None) -> None:
    """Raise `ReadError` unless `name` is a time zone, or None."""
    try:
        if name is not None:
            ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ReadError(f"time zone {name!r}: no such zone, expected a name like Europe/Helsinki") from None
