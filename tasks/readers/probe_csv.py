"""Points of vehicles in CSV, block by block: a file of any length takes the memory of a few blocks."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from tasks.readers.probe_format import Named, ProbeBatch, ProbeFormat, named_columns, require
from tasks.readers.probe_rows import Columns, Tally, as_utf8
from tasks.readers.probe_time import Place
from tasks.readers.reading import ReadError

BLOCK_BYTES = 16_000_000
"""How much of a file is read at a time."""

HEAD_BYTES = 65_536
"""How much of a file tells its delimiter and its columns."""

DELIMITERS = (",", ";", "\t", "|", " ")

TOP_LINES = 20
"""How many lines may be looked at for the names of columns: titles and comments may stand above them."""

UTF8_MARK = b"\xef\xbb\xbf"
"""What some programs put before text in UTF-8."""

UTF8 = codecs.getincrementaldecoder("utf-8")

DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d{1,3},\d+\s*$")
CLOCK = re.compile(r"^\s*\d{1,2}:\d\d")


class _Line(NamedTuple):
    """A line of a file."""

    number: int
    """Lines above it, blank ones as well."""
    text: str


class Layout(NamedTuple):
    """How the columns of a CSV file stand in it."""

    delimiter: str
    names: tuple[str, ...]
    named: Named
    decimal: str
    skip: int
    """Lines before the first row: the line of names, and what stands above it."""
    date: str | None
    """Column with the day where the column of times has the hour alone."""


def read_csv(stream: IO[bytes], head: bytes, trace: str, tally: Tally) -> Iterator[ProbeBatch]:
    """Yield the points of a CSV file, `stream` at its start and `head` its first bytes.

    A file without a column of traces is one trace, named `trace`.

    Raises
    ------
    ReadError
        If it has no columns of positions under the delimiter that is given or found, or cannot be read further.
    """
    layout = layout_of(head, tally.format, tally.file)
    if not tally.format.header and len(head) < HEAD_BYTES and len(_lines(head, tally.file)) == 1:
        return  # names alone
    skipped: list[tuple[int | None, int, str]] = []
    told = 0
    try:
        with pa.csv.open_csv(_InUtf8(stream, tally), *_options(layout, skipped)) as reader:
            for block in reader:
                yield tally.unreadable_rows([_unreadable(tally.file, layout, row) for row in skipped[told:]])
                told = len(skipped)
                place = _places(tally, layout.skip, [row for row, _, _ in skipped if row is not None])
                columns = _columns(block, layout, trace)
                yield tally.batch(columns, layout.named.speed_unit, place)
    except pa.ArrowInvalid as error:
        raise ReadError(f"{tally.file}: {_first_line(error)}; expected CSV") from None
    yield tally.unreadable_rows([_unreadable(tally.file, layout, row) for row in skipped[told:]])


class _InUtf8(io.RawIOBase):
    """A stream of text in UTF-8, whatever it holds: other bytes as `as_utf8` writes them.

    One row that is cut off within a letter would else keep Arrow from reading the whole file.
    """

    def __init__(self, stream: IO[bytes], tally: Tally) -> None:
        super().__init__()
        self.stream, self.tally = stream, tally
        self.decoder = UTF8()
        self.rest = b""

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer only at the end: in a short block Arrow looks in vain for the end of a row."""
        parts, count = [self.rest], len(self.rest)
        while size < 0 or count < size:
            raw = self.stream.read(size if size < 0 else size - count)
            parts.append(self._plain(raw))
            count += len(parts[-1])
            if not raw:
                break
        told = b"".join(parts)
        told, self.rest = (told[:size], told[size:]) if size >= 0 else (told, b"")
        return told

    def _plain(self, raw: bytes) -> bytes:
        before = self.decoder.getstate()
        if raw and raw.isascii() and not before[0]:
            return raw
        try:
            return self.decoder.decode(raw, not raw).encode()
        except UnicodeDecodeError:
            self.tally.tell("text", "text that is not UTF-8 is kept byte by byte, such as \\xfc")
            self.decoder = UTF8("backslashreplace")
            self.decoder.setstate(before)
            return self.decoder.decode(raw, not raw).encode()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def layout_of(head: bytes, format: ProbeFormat, file: str) -> Layout:
    """Return how a CSV file is laid out, from its first bytes.

    The line of names is the first of `TOP_LINES` that names positions; what stands above it is passed over. Where the
    format names the columns, rows begin with the first line that has as many.

    Raises
    ------
    ReadError
        If no delimiter gives columns of positions; it says what stands there, and which delimiter would do.
    """
    lines = _lines(head, file)
    at = _first_row(lines, format) if format.header else _line_of_names(lines, format, file)
    line = lines[at].text
    delimiter = format.delimiter or _delimiter(line, format, file)
    names = format.header or tuple(_split(line, delimiter))
    rows = [_split(each.text, delimiter) for each in lines[at if format.header else at + 1 :]]
    named = named_columns(names, format, file)
    if not {"lon", "lat"} <= named.columns.keys():
        _check_names(line, delimiter, rows, format, file)
    require(named, ("lon", "lat"), names, file)
    if not format.header and rows and all(len(row) == len(names) + 1 and not row[-1].strip() for row in rows):
        names += ("",)  # rows end with a delimiter, names do not
    skip = lines[at].number + (not format.header)
    named = _with_id(named, rows, names)
    return Layout(delimiter, names, named, _decimal(named, names, rows, delimiter), skip, _date(names, named, rows))


def _lines(head: bytes, file: str) -> list[_Line]:
    """Return the lines that are not blank, without the last where it may be cut off."""
    text = enumerate(re.split(r"\r\n|\n|\r", as_utf8(head.removeprefix(UTF8_MARK))))
    lines = [_Line(number, line) for number, line in text if line.strip()]
    if not lines:
        raise ReadError(f"{file}: the file is empty, expected CSV with a line of names")
    return lines if len(head) < HEAD_BYTES or len(lines) == 1 else lines[:-1]


def _line_of_names(lines: Sequence[_Line], format: ProbeFormat, file: str) -> int:
    """Return the place of the first line that names positions, 0 where none does."""

    def is_it(line: str) -> bool:
        names = _split(line, format.delimiter or _delimiter(line, format, file))
        return {"lon", "lat"} <= _roles(names, format, file)

    return next((at for at, line in enumerate(lines[:TOP_LINES]) if is_it(line.text)), 0)


def _first_row(lines: Sequence[_Line], format: ProbeFormat) -> int:
    """Return the place of the first line that has as many columns as the format names, 0 where none has."""
    tried = [format.delimiter] if format.delimiter else DELIMITERS
    count = len(format.header)
    rows = (
        at for at, line in enumerate(lines[:TOP_LINES]) if count in {len(_split(line.text, each)) for each in tried}
    )
    return next(rows, 0)


def _check_names(line: str, delimiter: str, rows: Sequence[Sequence[str]], format: ProbeFormat, file: str) -> None:
    """Raise `ReadError` where it is the delimiter or the line of names that is wrong, not a name."""
    better = _delimiter(line, format, file)
    names, told = _split(line, delimiter), repr(line[:60])
    if len(names) == 1 and better != delimiter:
        raise ReadError(f"{file}: one column {told} with delimiter {delimiter!r}, expected {better!r}")
    has_number = any(re.match(r"^\s*[+-]?\d+(\.\d*)?\s*$", name) for name in names)
    if not format.header and (has_number or (rows and len(rows[-1]) != len(names))):
        raise ReadError(f"{file}: the first line {told} holds no names, expected them or --header NAME,NAME…")
    if len(names) == 1:
        raise ReadError(f"{file}: one column {told}, expected several, or --delimiter with what stands between them")


def _decimal(named: Named, names: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Return what stands before the decimals of positions."""
    places = [list(names).index(named.columns[role]) for role in ("lon", "lat")]
    has_comma = any(DECIMAL_COMMA.match(row[place]) for row in rows for place in places if place < len(row))
    return "," if delimiter != "," and has_comma else "."


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _roles(names: Sequence[str], format: ProbeFormat, file: str) -> set[str]:
    """Return the roles that some columns have; the format's own names count where they are there."""
    wanted = [name for _, name in format.columns]
    plain = ProbeFormat() if not all(name in names for name in wanted) else format
    return set(named_columns(names, plain, file).columns)


def _delimiter(line: str, format: ProbeFormat, file: str) -> str:
    """Return the delimiter that gives columns of positions, else the one that gives most columns."""
    if format.header:
        return next((each for each in DELIMITERS if len(_split(line, each)) == len(format.header)), ",")

    def worth(delimiter: str) -> tuple[int, int]:
        names = _split(line, delimiter)
        return len({"lon", "lat"} & _roles(names, format, file)), len(names)

    return max(DELIMITERS, key=worth)


def _with_id(named: Named, rows: Sequence[Sequence[str]], names: Sequence[str]) -> Named:
    """Return the roles with a bare `id` as the trace where it repeats, so that it cannot number the rows."""
    bare = next((name for name in names if name.strip().lower() == "id"), None)
    if "trace_id" in named.columns or bare is None:
        return named
    place = list(names).index(bare)
    values = [row[place] for row in rows if len(row) > place]
    if len(set(values)) > len(values) / 2:
        return named
    return named._replace(columns={**named.columns, "trace_id": bare})


def _date(names: Sequence[str], named: Named, rows: Sequence[Sequence[str]]) -> str | None:
    """Return the column of days if the first time is an hour alone."""
    place = list(names).index(named.columns["time"]) if "time" in named.columns else len(names)
    times = (row[place] for row in rows if len(row) > place and row[place].strip())
    date = next((name for name in names if name.strip().lower() == "date"), None)
    return date if CLOCK.match(next(times, "")) else None


def _options(
    layout: Layout, skipped: list[tuple[int | None, int, str]]
) -> tuple[pa.csv.ReadOptions, pa.csv.ParseOptions, pa.csv.ConvertOptions]:
    """Return how Arrow reads the file: columns as text, rows of another width put aside."""

    def put_aside(row: pa.csv.InvalidRow) -> str:
        skipped.append((row.number, row.actual_columns, row.text or ""))
        return "skip"

    wanted = dict.fromkeys([*layout.named.columns.values(), *([layout.date] if layout.date else [])])
    names = list(layout.names)
    return (
        pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=layout.skip),
        pa.csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=put_aside),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=list(wanted)),
    )


def _unreadable(file: str, layout: Layout, row: tuple[int | None, int, str]) -> tuple[str, str]:
    number, count, text = row
    message = f"{count} columns in {text[:60]!r}, expected {len(layout.names)}"
    return (file if number is None else f"{file}@{number}"), message


def _places(tally: Tally, skip: int, skipped: list[int]) -> Place:
    """Return what says the row of each point of a block, the line of names being row 1."""
    first = skip + 1 + tally.read - len(skipped)
    return partial(_place, tally.file, first, skipped)


def _place(file: str, first: int, skipped: list[int], row: int) -> str:
    line = first + row
    for each in skipped:
        line += each <= line
    return f"{file}@{line}"


def _columns(block: pa.RecordBatch, layout: Layout, trace: str) -> Columns:
    named = {role: block.column(name) for role, name in layout.named.columns.items()}
    if layout.date is not None:
        both = pc.binary_join_element_wise(block.column(layout.date), named["time"], " ")
        has_hour = pc.match_substring_regex(named["time"], r"\S")
        named["time"] = pc.if_else(has_hour, both, pa.scalar(None, pa.string()))
    if layout.decimal == ",":
        for role in {"lon", "lat", "speed", "heading", "accuracy"} & named.keys():
            named[role] = pc.replace_substring(named[role], ",", ".")
    trace_id = named.get("trace_id")
    if trace_id is None:
        trace_id = pa.repeat(pa.scalar(trace), block.num_rows)
    else:
        trace_id = pc.if_else(pc.equal(trace_id, ""), pa.scalar(None, pa.string()), trace_id)
    rest = (named.get(role) for role in ("time", "lon", "lat", "speed", "heading", "accuracy"))
    return Columns(trace_id, *rest)
