"""What a worker does with the tiles it is given, and what it tells of each. Knows no engine."""

import faulthandler
import importlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pyarrow as pa

from pipelines.input_files import localized
from pipelines.memory import limited
from pipelines.tile_log import LogLine, tile_log
from pipelines.tile_run import Done, TilePlan, TileRun
from schemas.receipt import Measured, Receipt

SECONDS_PER_WORD = 2.0
"""How often a worker says what it has done: each word costs it some milliseconds."""

TURNS_OF_TIME = 8
"""How many time limits of a tile the search for a row that breaks it may take."""


class Limits(NamedTuple):
    """What one tile may take."""

    seconds: float
    memory_mb: float | None = None
    """Beyond what the worker has before the tile."""
    is_most: bool = False
    """Whether no machine has more memory to give."""


@dataclass(frozen=True)
class Order:
    """The work of a stage as it goes to the workers: a pickled `TileRun`, and what each tile may take."""

    stage: str
    work: bytes = field(repr=False)
    limits: Limits

    def unpacked(self) -> TileRun:
        """Return the work; a worker unpacks it once."""
        return _unpacked(self.work)


@lru_cache(maxsize=2)
def _unpacked(work: bytes) -> TileRun:
    run: TileRun = pickle.loads(work)
    if run.lift.params is None:
        return run
    return replace(run, lift=replace(run.lift, params=localized(run.lift.params)))  # type: ignore[type-var]


@dataclass(frozen=True)
class Told:
    """What came of one tile."""

    tile: str
    done: Done | None = None
    error: str = ""
    kind: str = ""
    """Class of the error."""
    log: tuple[LogLine, ...] = ()
    killers: tuple[str, ...] = ()
    """Keys of rows that were refused since they end their process or never come back."""

    def to_json(self) -> str:
        """Return what was told as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Told":
        """Return what `to_json` wrote."""
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Told":
        """Return what `asdict` took apart."""
        done = told["done"] and Done(
            Receipt.from_json(json.dumps(told["done"][0])), Measured(**told["done"][1]), told["done"][2]
        )
        log = tuple(LogLine(*line) for line in told["log"])
        return cls(told["tile"], done, told["error"], told["kind"], log, tuple(told["killers"]))


def warm_up(modules: Sequence[str]) -> None:
    """Import what a worker will need, before there is work; what cannot be imported shows when it is used."""
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)


def told_of_all(order: Order, plans: Sequence[str], *, is_apart: bool) -> Iterator[pa.Table]:
    """Compute tiles one after another and yield what each says, about once in `SECONDS_PER_WORD`, as JSON in one row.

    One row, since Ray Data makes each row a block of its own here, and a worker waits while two blocks are unread.
    """
    rows: list[str] = []
    since = time.monotonic()
    for plan in plans:
        rows.append((told_apart if is_apart else told)(order, plan).to_json())
        if time.monotonic() - since >= SECONDS_PER_WORD:
            yield pa.table({"told": [json.dumps(rows)]})
            rows, since = [], time.monotonic()
    if rows:
        yield pa.table({"told": [json.dumps(rows)]})


def told(order: Order, plan: str) -> Told:
    """Compute one tile and return what came of it, so that the other tiles go on.

    Past its time the process ends, whatever it is doing, even in compiled code that never gives way.
    """
    tile = TilePlan.from_json(plan)
    with tile_log(order.stage, tile.tile) as log:
        try:
            work = order.unpacked()  # imports what the task needs, which is not the tile's time
            with time_limited(order.limits.seconds, sys.__stderr__ or sys.stderr), limited(order.limits.memory_mb):
                done = work(tile)
        except Exception as failure:
            return Told(tile.tile, None, str(failure) or repr(failure), type(failure).__name__, tuple(log.records))
    return Told(tile.tile, done, log=tuple(log.records))


@contextmanager
def time_limited(seconds: float, trace: TextIO) -> Iterator[None]:
    """End this process when the time is up, with a traceback in `trace`; one limit at a time."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=trace)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def told_apart(order: Order, plan: str) -> Told:
    """Compute one tile in a process of its own, where rows that end it are looked for, and return what came of it."""
    tile = TilePlan.from_json(plan)
    with tempfile.TemporaryDirectory(prefix="waysmith-") as folder:
        given, result = Path(folder) / "order", Path(folder) / "told"
        given.write_bytes(pickle.dumps((order, plan)))
        command = [sys.executable, "-m", "pipelines.apart", str(given), str(result)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            ended = subprocess.run(
                command, env=environment, capture_output=True, timeout=60 + TURNS_OF_TIME * order.limits.seconds
            )
        except subprocess.TimeoutExpired as error:
            return Told(tile.tile, None, f"took more than {error.timeout:.0f} s, even in parts", "TimeLimit")
        if result.exists():
            return Told.from_json(result.read_text(encoding="utf-8"))
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return Told(tile.tile, None, f"process apart ended with {ended.returncode}: {''.join(last)}", "Killed")
