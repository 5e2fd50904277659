"""Memory of a worker and of a tile, in MB (10^6 bytes): what was taken, what may be, what will be needed."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MB = 1e6

WORKER_MB = 350.0
"""Resident memory of a worker with its libraries loaded, before it reads anything."""

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def _status_mb(field: str) -> float | None:
    """Return a field of /proc/self/status, None where the system has no such file."""
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith(f"{field}:")), None)
    return float(kib) * 1024 / MB if kib else None


def reset_peak() -> None:
    """Let `peak_mb` count from now on (Linux; elsewhere the peak stays that of the whole life of the process)."""
    try:
        CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_mb() -> float:
    """Return the highest resident memory since `reset_peak`."""
    return _status_mb("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def resident_mb() -> float:
    """Return the resident memory now, 0 where the system does not tell."""
    return _status_mb("VmRSS") or 0.0


@contextmanager
def limited(budget_mb: float | None) -> Iterator[None]:
    """Let this process take at most `budget_mb` more than it has: past it Python raises MemoryError.

    What is limited is private writable memory (RLIMIT_DATA, Linux 4.7 and later), so that the object store that a
    worker maps does not count.
    """
    taken = _status_mb("VmData")
    if budget_mb is None or taken is None:
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int((taken + budget_mb) * MB)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def machine_mb() -> float:
    """Return the memory that this machine, or the container around this process, may take."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MB
    return min([whole, *_container_limits()])


def _container_limits() -> Iterator[float]:
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            yield int(Path(file).read_text(encoding="ascii")) / MB
        except (OSError, ValueError):  # not there, or "max"
            continue
