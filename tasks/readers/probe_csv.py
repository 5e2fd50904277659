"""Points of vehicles in CSV, block by block: a file of any length takes the memory of a few blocks."""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from tasks.readers.probe_format import Named, ProbeBatch, ProbeFormat, named_columns, require
from tasks.readers.probe_rows import Columns, Tally
from tasks.readers.probe_time import Place
from tasks.readers.reading import ReadError

BLOCK_BYTES = 16_000_000
"""How much of a file is read at a time."""

HEAD_BYTES = 65_536
"""How much of a file tells its delimiter and its columns."""

DELIMITERS = (",", ";", "\t", "|", " ")

DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d{1,3},\d+\s*$")
CLOCK = re.compile(r"^\s*\d{1,2}:\d\d")


class Layout(NamedTuple):
    """How the columns of a CSV file stand in it."""

    delimiter: str
    names: tuple[str, ...]
    named: Named
    decimal: str
    skip: int
    """Lines before the first row: the line of names, and blank ones above it."""
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
    if not tally.format.header and b"\n" not in head.strip():
        return  # names alone
    skipped: list[tuple[int | None, int, str]] = []
    told = 0
    try:
        with pa.csv.open_csv(stream, *_options(layout, skipped)) as reader:
            for block in reader:
                yield tally.unreadable_rows([_unreadable(tally.file, layout, row) for row in skipped[told:]])
                told = len(skipped)
                place = _places(tally, layout.skip, [row for row, _, _ in skipped if row is not None])
                columns = _columns(block, layout, trace)
                yield tally.batch(columns, layout.named.speed_unit, place)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise ReadError(f"{tally.file}: {_first_line(error)}; expected CSV in UTF-8") from None
    yield tally.unreadable_rows([_unreadable(tally.file, layout, row) for row in skipped[told:]])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def layout_of(head: bytes, format: ProbeFormat, file: str) -> Layout:
    """Return how a CSV file is laid out, from its first bytes.

    Raises
    ------
    ReadError
        If no delimiter gives columns of positions; it says what stands there, and which delimiter would do.
    """
    lines = _lines(head, file)
    delimiter = format.delimiter or _delimiter(lines, format, file)
    names = format.header or tuple(_split(lines[0], delimiter))
    named = named_columns(names, format, file)
    better = _delimiter(lines, format, file)
    if not {"lon", "lat"} <= named.columns.keys() and better != delimiter and len(names) == 1:
        raise ReadError(f"{file}: one column {lines[0][:60]!r} with delimiter {delimiter!r}, expected {better!r}")
    if all(re.match(r"^\s*[+-]?\d", name) for name in names):
        raise ReadError(
            f"{file}: the first line {lines[0][:60]!r} holds no names, expected them or --header NAME,NAME…"
        )
    require(named, ("lon", "lat"), names, file)
    first = lines[0 if format.header else 1] if len(lines) > (not format.header) else ""
    row = dict(zip(names, _split(first, delimiter), strict=False))
    decimal = "," if delimiter != "," and DECIMAL_COMMA.match(row.get(named.columns["lon"], "")) else "."
    skip = 0 if format.header else 1 + head.decode("utf-8-sig", errors="replace").split(lines[0])[0].count("\n")
    return Layout(delimiter, names, _with_id(named, lines, names, delimiter), decimal, skip, _date(names, named, row))


def _lines(head: bytes, file: str) -> list[str]:
    text = head.decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ReadError(f"{file}: the file is empty, expected CSV with a line of names")
    return lines if len(head) < HEAD_BYTES or len(lines) == 1 else lines[:-1]


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _delimiter(lines: Sequence[str], format: ProbeFormat, file: str) -> str:
    """Return the delimiter that gives columns of positions, else the one that gives most columns."""
    if format.header:
        return next((each for each in DELIMITERS if len(_split(lines[0], each)) == len(format.header)), ",")

    def worth(delimiter: str) -> tuple[int, int]:
        names = _split(lines[0], delimiter)
        wanted = [name for _, name in format.columns]
        plain = ProbeFormat() if not all(name in names for name in wanted) else format
        found = named_columns(names, plain, file).columns
        return len({"lon", "lat"} & found.keys()), len(names)

    return max(DELIMITERS, key=worth)


def _with_id(named: Named, lines: Sequence[str], names: Sequence[str], delimiter: str) -> Named:
    """Return the roles with a bare `id` as the trace where it repeats, so that it cannot number the rows."""
    bare = next((name for name in names if name.strip().lower() == "id"), None)
    if "trace_id" in named.columns or bare is None:
        return named
    place = list(names).index(bare)
    rows = [_split(line, delimiter) for line in lines[1:]]
    values = [row[place] for row in rows if len(row) > place]
    if len(set(values)) > len(values) / 2:
        return named
    return named._replace(columns={**named.columns, "trace_id": bare})


def _date(names: Sequence[str], named: Named, row: dict[str, str]) -> str | None:
    """Return the column of days if the times of the first row are hours alone."""
    time = row.get(named.columns.get("time", ""), "")
    return next((name for name in names if name.strip().lower() == "date"), None) if CLOCK.match(time) else None


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
        pa.csv.ConvertOptions(column_types=dict.fromkeys(layout.names, pa.string()), include_columns=list(wanted)),
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
        named["time"] = pc.binary_join_element_wise(block.column(layout.date), named["time"], " ")
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
