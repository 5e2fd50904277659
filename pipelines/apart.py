"""A tile whose worker died, in a process of its own: find the rows that end it, refuse them, commit the rest.

Run as `python -m pipelines.apart ORDER RESULT`. This process reads and commits; whatever runs the task is a fork of it,
so that a row that crashes, exits, takes all memory or never comes back ends the fork alone. A fork costs some
milliseconds, since everything is read and imported already.
"""

import ctypes
import faulthandler
import json
import os
import pickle
import re
import signal
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from pipelines.memory import limited, peak_mb, resident_mb
from pipelines.tile_log import TileLog, tile_log
from pipelines.tile_run import Done, StageError, TilePlan, by_reason, collector_paused
from pipelines.tile_worker import Limits, Order, Told, time_limited
from schemas.receipt import Measured
from schemas.vocabulary import RejectReason
from tasks.bisection import culprits
from tasks.lift import Lift, Lifted, Tables, reject_table, sliced, without

OUT_OF_MEMORY = 77
"""Exit code of a fork that was refused memory."""

RAISED = 78
"""Exit code of a fork whose computation raised an error."""

ERROR, TRACE, SAID = "error", "trace", "said"
"""Files in which a fork says what it raised, where it was when it ended, and what it logged."""

GRACE_S = 5.0
"""How long a fork may outlive its time before it is killed from outside."""

LEAST_SECONDS, LEAST_SHARE = 5.0, 0.05
"""What the smallest part of a tile gets at least: seconds, and share of the time of the whole, since a task may have to
read a model before its first row. Never more than the whole gets."""

PR_SET_PDEATHSIG = 1
"""Option of Linux' prctl(2): the signal that a process gets when its parent ends."""


class Ending(NamedTuple):
    """How a fork ended that did not come to its end."""

    reason: RejectReason
    words: str
    is_hungry: bool = False
    """Whether it was refused memory."""


def main(order_file: str, result_file: str) -> None:
    """Compute the tile that `order_file` holds and write what came of it."""
    _die_with_parent()
    order, plan = pickle.loads(Path(order_file).read_bytes())
    told = compute(order, TilePlan.from_json(plan))
    draft = Path(f"{result_file}.draft")
    draft.write_text(told.to_json(), encoding="utf-8")
    draft.replace(result_file)


def compute(order: Order, plan: TilePlan) -> Told:
    """Compute and commit one tile without the rows that end their process."""
    with tile_log(order.stage, plan.tile) as log:
        try:
            done, killers = _done(order, plan, log)
        except Exception as failure:
            return Told(plan.tile, None, str(failure) or repr(failure), type(failure).__name__, tuple(log.records))
    return Told(plan.tile, done, log=tuple(log.records), killers=killers)


def _done(order: Order, plan: TilePlan, log: TileLog) -> tuple[Done, tuple[str, ...]]:
    started, base = time.perf_counter(), resident_mb()
    run = order.unpacked()
    tables = run.read(plan)
    lifted, killers = lifted_without_killers(run.lift, tables, order.limits, log)
    receipt = run.commit(plan, run.own_rows(tables), lifted)
    measured = Measured(plan.tile, plan.rows, time.perf_counter() - started, peak_mb(), base, plan.read_mb)
    return Done(receipt, measured, by_reason(lifted.rejects)), killers


def lifted_without_killers(lift: Lift, tables: Tables, limits: Limits, log: TileLog) -> tuple[Lifted, tuple[str, ...]]:
    """Return rows and rejects of a tile, and the keys of rows that end their process, which are among the rejects.

    What the task says while it makes the rows that are returned goes to `log`; tries on parts of them are not heard.
    """
    made = forked(lambda: lift(tables), limits, log)
    if isinstance(made, Lifted):
        return made, ()
    if made.is_hungry and not limits.is_most:
        raise MemoryError(made.words)
    endings = killers(lift, tables, made, limits)
    rest = forked(lambda: lift(without(lift, tables, list(endings))), limits, log)
    if not isinstance(rest, Lifted):
        ending = Ending(RejectReason.TOGETHER, f"{rest.words}, on rows that come through alone")
        own = dict.fromkeys(_own(lift, tables), ending)
        return Lifted(lift.writes.empty(), refusals(lift, tables, own)), ()
    refused = refusals(lift, tables, endings)
    return Lifted(rest.rows, pa.concat_tables([rest.rejects, refused])), tuple(refused.column("key").to_pylist())


def killers(lift: Lift, tables: Tables, whole: Ending, limits: Limits) -> dict[int, Ending]:
    """Return the rows of the first table, halo included, that end a process, and how."""
    count = tables[lift.sources[0].name].num_rows
    seen: dict[range, Ending] = {range(count): whole}

    def breaks(part: range) -> bool:
        allowed = max(LEAST_SECONDS, limits.seconds * max(LEAST_SHARE, len(part) / count))
        made = forked(lambda: lift(sliced(lift, tables, part)), limits._replace(seconds=min(limits.seconds, allowed)))
        if isinstance(made, Ending):
            seen[part] = made
        return isinstance(made, Ending)

    found = culprits(breaks, count)
    undecided = Ending(
        RejectReason.TOGETHER, "among rows that end their process, not told apart within the tries given"
    )
    return {row: seen[range(row, row + 1)] for row in found.culprits} | dict.fromkeys(found.undecided, undecided)


def refusals(lift: Lift, tables: Tables, endings: dict[int, Ending]) -> pa.Table:
    """Return the tile's own rows among `endings` as rejects; rows of the halo are refused in their own tile."""
    first, key = tables[lift.sources[0].name], lift.sources[0].key
    own = set(_own(lift, tables))
    told = [(row, end.reason, end.words) for row, end in sorted(endings.items()) if row in own]
    return reject_table(lift.task, first.column(key), told)


def _own(lift: Lift, tables: Tables) -> list[int]:
    first = tables[lift.sources[0].name]
    if "is_own" not in first.column_names:
        return list(range(first.num_rows))
    return list(np.flatnonzero(first.column("is_own").to_numpy()))


def forked(compute_rows: Callable[[], Lifted], limits: Limits, log: TileLog | None = None) -> Lifted | Ending:
    """Run a computation in a fork of this process and return what it made, or how it ended.

    What it says goes to `log` if it comes to its end.

    Raises
    ------
    StageError
        If the computation raises anything but MemoryError.
    """
    with tempfile.TemporaryDirectory(prefix="waysmith-") as name:
        folder = Path(name)
        child = get_context("fork").Process(target=_child, args=(compute_rows, limits, folder), daemon=True)
        child.start()
        child.join(limits.seconds + GRACE_S)  # it should have ended itself by then
        if child.exitcode is None:
            child.kill()
            child.join()
        if child.exitcode == 0:
            if log:
                for line in json.loads((folder / SAID).read_text(encoding="utf-8")):
                    log.add(*line)
            return _read(folder)
        if child.exitcode == RAISED:
            raise StageError((folder / ERROR).read_text(encoding="utf-8"))
        return _ending(child.exitcode or 0, limits, (folder / TRACE).read_text(encoding="utf-8", errors="replace"))


def _ending(code: int, limits: Limits, trace: str) -> Ending:
    """Return how a fork ended, by its exit code and by what it wrote down of its last moment."""
    if code == OUT_OF_MEMORY:
        words = f"asked for more than {limits.memory_mb or 0:.0f} MB of memory"
        return Ending(RejectReason.KILLED, words, is_hungry=True)
    if trace.startswith("Timeout"):
        return Ending(RejectReason.TOO_SLOW, f"had not come back after {limits.seconds:g} s{_where(trace)}")
    if code < 0:
        return Ending(RejectReason.KILLED, f"ended its process by {signal.Signals(-code).name}{_where(trace)}")
    return Ending(RejectReason.KILLED, f"ended its process with exit code {code}")


def _where(trace: str) -> str:
    """Return where a traceback of faulthandler says that the task was: the innermost frame outside of libraries."""
    frames = re.findall(r'File "([^"]+)", line (\d+) in (\w+)', trace)
    libraries = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
    own = [frame for frame in frames if not frame[0].startswith(libraries)] or frames
    return f", in {own[0][2]} ({Path(own[0][0]).name}:{own[0][1]})" if own else ""


def _child(compute_rows: Callable[[], Lifted], limits: Limits, folder: Path) -> None:
    """Compute, write rows and rejects, and end at once: what else there is belongs to the parent."""
    _die_with_parent()
    trace = (folder / TRACE).open("w")
    faulthandler.enable(trace)
    try:
        with (
            tile_log("", "") as log,
            time_limited(limits.seconds, trace),
            limited(limits.memory_mb),
            collector_paused(),
        ):
            lifted = compute_rows()
        said = [(line.level, line.logger, line.text) for line in log.records]
        (folder / SAID).write_text(json.dumps(said), encoding="utf-8")
        for name, table in zip(Lifted._fields, lifted, strict=True):
            with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:
        (folder / ERROR).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        os._exit(RAISED)
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) and error.code not in (OUT_OF_MEMORY, RAISED) else 1)
    os._exit(0)


def _read(folder: Path) -> Lifted:
    read = []
    for name in Lifted._fields:
        with pa.OSFile(str(folder / name)) as source:
            read.append(pa.ipc.open_file(source).read_all())
    return Lifted(*read)


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent ends, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
