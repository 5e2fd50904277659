"""What code says while it computes a tile, taken down by the worker and repeated in the log of the run.

Log records, warnings and prints are heard; they also go where they went before, so that the files of a worker that dies
hold its last words.
"""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple, TextIO

MOST_LINES = 50
"""Lines kept of one tile; the rest are counted."""

MOST_CHARACTERS = 2000
"""Characters kept of one line; of a longer one, the beginning and the end."""

NOISY = frozenset(
    {"aiobotocore", "asyncio", "boto3", "botocore", "fsspec", "grpc", "httpcore", "httpx", "matplotlib", "numba"}
    | {"prefect", "ray", "s3fs", "s3transfer", "urllib3"}
)
"""Libraries whose log is about themselves, not about the tile."""


class LogLine(NamedTuple):
    """One thing that was said."""

    level: int
    """As in `logging`: 20 is info, 30 a warning."""
    logger: str
    """Logger that said it; `print` or `warnings` for those."""
    text: str
    tile: str
    stage: str


class TileLog:
    """Takes down what is said of one tile."""

    def __init__(self, stage: str, tile: str) -> None:
        self.stage, self.tile = stage, tile
        self._kept: list[LogLine] = []
        self._unkept = 0

    @property
    def records(self) -> list[LogLine]:
        """What was said so far; a last line says how much of it was not kept."""
        if not self._unkept:
            return list(self._kept)
        return [*self._kept, self._line(logging.WARNING, __name__, f"and {self._unkept} more lines")]

    def add(self, level: int, logger: str, text: str) -> None:
        """Keep a line, or count it if there are many already."""
        if len(self._kept) < MOST_LINES:
            self._kept.append(self._line(level, logger, _shortened(text)))
        else:
            self._unkept += 1

    def _line(self, level: int, logger: str, text: str) -> LogLine:
        return LogLine(level, logger, text, self.tile, self.stage)


def _shortened(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = (MOST_CHARACTERS - 3) // 2
    return f"{text[:half]} … {text[-half:]}"


@contextmanager
def tile_log(stage: str, tile: str) -> Iterator[TileLog]:
    """Take down what is logged at level info or above, warned of and printed until the block ends.

    A warning of one line of code is heard once a tile.
    """
    log = TileLog(stage, tile)
    stream = _Printed(log, sys.stdout)
    with _records_heard(log), _warnings_heard(log), redirect_stdout(stream):
        try:
            yield log
        finally:
            stream.end_line()


@contextmanager
def _records_heard(log: TileLog) -> Iterator[None]:
    root = logging.getLogger()
    level, handler = root.level, _Records(log, is_alone=not root.handlers)
    root.addHandler(handler)
    root.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _Records(logging.Handler):
    """Hands log records to a `TileLog`."""

    def __init__(self, log: TileLog, *, is_alone: bool) -> None:
        super().__init__(logging.INFO)
        self._log, self._is_alone = log, is_alone

    def emit(self, record: logging.LogRecord) -> None:
        """Take down one record; one that cannot be formatted must not fail the tile."""
        if record.name.partition(".")[0] in NOISY:
            return
        try:
            self._log.add(record.levelno, record.name, self.format(record))
        except Exception:
            self._log.add(record.levelno, record.name, f"{record.msg!r} with {record.args!r}")
        if self._is_alone and record.levelno >= logging.WARNING and logging.lastResort:
            logging.lastResort.handle(record)  # as it would be if nobody listened


@contextmanager
def _warnings_heard(log: TileLog) -> Iterator[None]:
    with warnings.catch_warnings():
        show = warnings.showwarning

        def heard(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            log.add(logging.WARNING, "warnings", f"{category.__name__}: {message} ({Path(filename).name}:{lineno})")
            show(message, category, filename, lineno, file, line)

        warnings.showwarning = heard
        yield


class _Printed:
    """Standard output that hands each line to a `TileLog` too; in all else the stream that it was."""

    def __init__(self, log: TileLog, stream: TextIO) -> None:
        self._log, self._stream, self._begun = log, stream, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Pass the text on and keep the lines that end in it."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._keep(line)
        self._begun = self._begun[: MOST_CHARACTERS + 1]  # so that a line without end takes no memory
        return self._stream.write(text)

    def end_line(self) -> None:
        """Keep what was printed without an end of line."""
        self._keep(self._begun)
        self._begun = ""

    def _keep(self, line: str) -> None:
        if line.strip():
            self._log.add(logging.INFO, "print", line)


def relay(lines: Iterable[LogLine | list[Any]]) -> None:
    """Repeat in the log of the run what a worker has taken down: `speed_limit q0312: text`."""
    told = [LogLine(*line) for line in lines]
    if not told:
        return
    from pipelines.run_log import run_logger  # here, since workers import this module and have no use for Prefect

    logger = run_logger()
    for line in told:
        logger.log(line.level, "%s %s: %s", line.stage, line.tile, line.text)
