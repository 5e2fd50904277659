"""The processes that a run starts, as Linux tells of them; nothing here touches a process of anybody else."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36
"""Option of Linux' prctl(2): orphans of our processes become our children, so that none gets out of sight."""

PARTS = {"raylet": "/raylet/raylet", "gcs": "/gcs/gcs_server", "worker": "ray::MapBatches", "actor": "ray::_"}
"""How the programs of Ray are known by name: a worker is one that computes tiles, an actor one of Ray Data's own."""

AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""Two processes of each Ray node that look for the dead GCS for a minute before they end (61 s here, Ray 2.60)."""


class Process(NamedTuple):
    """One living process."""

    pid: int
    parent: int
    words: str
    """Its command line."""

    @property
    def kind(self) -> str:
        """What part of Ray it is: one of `PARTS`, or other."""
        program = self.words.partition(" ")[0]
        return next((kind for kind, part in PARTS.items() if part in program), "other")


def adopt_orphans() -> None:
    """Become the parent of what our processes leave behind."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the parent of orphans")


def descendants() -> list[Process]:
    """Return the living processes below this one, nearest first."""
    all_of_them = list(_living())
    found: list[Process] = []
    parents = {os.getpid()}
    while parents:
        children = [process for process in all_of_them if process.parent in parents]
        found += children
        parents = {process.pid for process in children}
    return found


def _living() -> Iterator[Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended since
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if state not in "ZX":
                    yield Process(int(folder.name), int(parent), words)


def left_behind(seconds: float) -> list[Process]:
    """Wait until all processes below this one have ended but Ray's agents; return those that have not, and end all."""
    until = time.monotonic() + seconds
    while (left := [each for each in descendants() if each.words not in AGENTS]) and time.monotonic() < until:
        bury()
        time.sleep(0.1)
    for process in descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    bury()
    return left


def bury() -> None:
    """Take notice of adopted processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
