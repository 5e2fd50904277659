"""Work shared out among the threads that a process may use."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

Part = TypeVar("Part")
Made = TypeVar("Made")

MUCH = 1_000_000
"""Values from which on a second thread pays."""


def parts(count: int, *, work: int) -> list[range]:
    """Return 0 … count - 1 in a part for each thread that this process may use, in one where `work` values are few.

    Examples
    --------
    >>> parts(3, work=3)
    [range(0, 3)]
    """
    threads = int(os.environ.get("OMP_NUM_THREADS", 0)) or os.cpu_count() or 1  # Ray sets it to the cores of a task
    pieces = max(1, min(threads, count)) if work > MUCH else 1
    ends = [count * piece // pieces for piece in range(pieces + 1)]
    return [range(*each) for each in pairwise(ends)]


def side_by_side(function: Callable[[Part], Made], parts: Sequence[Part]) -> list[Made]:
    """Return what a function that lets go of the interpreter's lock gives for each part."""
    if len(parts) == 1:
        return [function(parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(function, parts))
