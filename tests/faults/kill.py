"""One fault: kill a part of a run at a moment drawn from a seed, run again, compare with a run that nobody disturbed.

`python -m tests.faults.kill --victim raylet --seed 7 --whole DIR` prints one line of JSON; DIR holds the undisturbed
run and is made where it is missing. `--program probes` does it to all stages from probes to profiles.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from tests.faults import driver, probe_driver
from tests.faults.processes import Process, adopt_orphans, bury, descendants, left_behind

CHECKOUT = Path(__file__).parents[2]


class Program(NamedTuple):
    """What gets killed."""

    module: ModuleType
    given: tuple[str, ...]
    """Files and folders that it reads, laid out before."""
    tables: tuple[str, ...]
    """Tables whose tiles are committed one by one, in the order in which they are made."""
    tiles: int
    """Tiles of all of them together, more or less."""


PROGRAMS = {
    "stage": Program(driver, ("road_segment",), ("value",), driver.TILES),
    "probes": Program(
        probe_driver,
        ("road_segment", probe_driver.FILE),
        probe_driver.STAGES,
        probe_driver.TILES * len(probe_driver.STAGES),
    ),
}

VICTIMS = ("driver", "worker", "raylet", "gcs", "actor")

LONGEST_START = 8.0
"""Seconds after the start of a driver within which it is killed, where no tile is waited for."""

ERROR = re.compile(r"[\w.]+(Error|Exception): ")
"""How the last line of a traceback begins; Ray's processes write into the same log."""

LONGEST_RUN = 180.0
"""Seconds that a driver may take, whatever has been killed: one that hangs is a failure."""

LONGEST_END = 30.0
"""Seconds that what the runs have started may live on after them."""

PATIENCE = {"RAY_gcs_rpc_server_reconnect_timeout_s": "10"}
"""How long a driver looks for a dead GCS before it ends; a minute where nobody says so."""


@dataclass
class Outcome:
    """What came of a fault."""

    program: str
    victim: str
    seed: int
    moment: str = ""
    """When it was killed: after so many committed tiles, and seconds."""
    killed: str = ""
    """What was killed."""
    first_exit: int | None = None
    """Exit code of the run that was disturbed; None where it hung."""
    first_seconds: float = 0.0
    told: str = ""
    """Last line that it printed."""
    wrong: list[str] = field(default_factory=list)
    """Promises that were broken; empty when all is well."""


def main() -> int:
    """Run one fault and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victim", choices=VICTIMS, required=True)
    parser.add_argument("--program", choices=PROGRAMS, default="stage")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--whole", type=Path, required=True, help="folder of the undisturbed run")
    given = parser.parse_args()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        outcome = fault(given.program, given.victim, given.seed, given.whole, Path(folder))
    print(json.dumps(asdict(outcome)))
    return 1 if outcome.wrong else 0


def fault(named: str, victim: str, seed: int, whole: Path, folder: Path) -> Outcome:
    """Kill a part of a run at a moment drawn from the seed, run again, and tell which promises were broken."""
    outcome, program = Outcome(named, victim, seed), PROGRAMS[named]
    undisturbed(program, whole)
    into = folder / "run"
    into.mkdir()
    for name in program.given:
        (shutil.copytree if (whole / name).is_dir() else shutil.copy2)(whole / name, into / name)
    before = _disturbed(outcome, into, folder / "first.log")
    _check_again(outcome, _wait(_start(program, into, folder / "second.log")), folder / "second.log")
    _check_end(outcome)
    _check_files(outcome, into, whole, before)
    return outcome


def undisturbed(program: Program, whole: Path) -> None:
    """Make the run that others are compared with, where it is not there."""
    if not (whole / program.tables[-1]).is_dir():
        draft = whole.with_name(f"{whole.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        program.module.lay_out(draft)
        if _wait(_start(program, draft, draft / "log")) != 0:
            raise RuntimeError(f"the undisturbed run failed: {_last_line(draft / 'log')}")
        shutil.rmtree(whole, ignore_errors=True)
        draft.replace(whole)


def _disturbed(outcome: Outcome, into: Path, log: Path) -> dict[str, int]:
    """Run, kill, wait for the end; return the time of writing (ns) of each tile that was committed before."""
    lot, program = random.Random(outcome.seed), PROGRAMS[outcome.program]
    tiles = lot.choice([0, lot.randrange(program.tiles * 9 // 10)])
    pause = lot.uniform(0.0, LONGEST_START if outcome.victim == "driver" and not tiles else 1.0)
    outcome.moment = f"{tiles} tiles and {pause:.2f} s"
    started = time.monotonic()
    running = _start(program, into, log)
    victim = _await_victim(outcome.victim, running, program, into, tiles, pause, lot)
    before = _times(program, into)
    if victim is None:
        outcome.killed = "nothing: the run had ended"
    else:
        outcome.killed = f"{victim.words[:60]} with {len(before)} tiles committed"
        os.kill(victim.pid, signal.SIGKILL)
    outcome.first_exit = _wait(running)
    outcome.first_seconds = round(time.monotonic() - started, 1)
    outcome.told = _last_line(log)
    if outcome.first_exit is None:
        outcome.wrong.append(f"hung for {LONGEST_RUN:.0f} s after the kill")
    if outcome.victim == "worker" and outcome.first_exit != 0:
        outcome.wrong.append(f"the run did not survive a dead worker: {outcome.told}")
    return before


def _start(program: Program, into: Path, log: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", program.module.__name__, str(into)]
    with log.open("wb") as stream:
        return subprocess.Popen(words, cwd=CHECKOUT, env=os.environ | PATIENCE, stdout=stream, stderr=stream)


def _wait(running: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code, None for a run that hung and was ended."""
    try:
        return running.wait(LONGEST_RUN)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
        return None


def _await_victim(
    kind: str,
    running: subprocess.Popen[bytes],
    program: Program,
    into: Path,
    tiles: int,
    pause: float,
    lot: random.Random,
) -> Process | None:
    """Wait for the moment and return the process to kill; None if the run ends before."""
    until = None
    while running.poll() is None:
        candidates = _candidates(kind, running.pid)
        if until is None and candidates and len(_times(program, into)) >= tiles:
            until = time.monotonic() + pause
        if until is not None and time.monotonic() >= until and candidates:
            return lot.choice(candidates)
        time.sleep(0.01)
    bury()
    return None


def _candidates(kind: str, running: int) -> list[Process]:
    """Return the living processes of a kind."""
    return [each for each in descendants() if (each.pid == running if kind == "driver" else each.kind == kind)]


def _times(program: Program, into: Path) -> dict[str, int]:
    """Return when each committed tile was written, in ns."""
    files = [file for table in program.tables for file in sorted((into / table).glob("q*.parquet"))]
    return {str(file.relative_to(into)): file.stat().st_mtime_ns for file in files}


def _check_again(outcome: Outcome, code: int | None, log: Path) -> None:
    if code != 0:
        outcome.wrong.append(f"run again: {'hung' if code is None else f'exit {code}'}: {_last_line(log)}")


def _check_end(outcome: Outcome) -> None:
    if left := left_behind(LONGEST_END):
        names = ", ".join(process.words[:60] for process in left[:3])
        outcome.wrong.append(f"{len(left)} processes lived on after {LONGEST_END:.0f} s: {names}")


def _check_files(outcome: Outcome, into: Path, whole: Path, before: Mapping[str, int]) -> None:
    """Compare all Parquet files with those of the undisturbed run, and see that committed tiles lie untouched."""
    ours, theirs = digests(into), digests(whole)
    if different := sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)):
        outcome.wrong.append(f"{len(different)} files differ from the undisturbed run: {different[:3]}")
    after = _times(PROGRAMS[outcome.program], into)
    if touched := [name for name, written in before.items() if after.get(name) != written]:
        outcome.wrong.append(f"{len(touched)} of {len(before)} committed tiles were written again: {touched[:3]}")
    if drafts := [str(file.relative_to(into)) for file in into.rglob("*.draft")]:
        outcome.wrong.append(f"drafts are left: {drafts[:3]}")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each Parquet file below a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.parquet"))
    }


def _last_line(log: Path) -> str:
    """Return the last error that a program has told, else its last line."""
    lines = log.read_text(errors="replace").strip().splitlines()
    errors = [line for line in lines if ERROR.match(line)]
    return next(reversed(errors or lines), "")[:300]


if __name__ == "__main__":
    sys.exit(main())
