"""Find the few rows among many that break a computation, by trying ever smaller parts of them."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

Part = range
"""Rows from `start` up to and without `stop`."""


class Found(NamedTuple):
    """What bisection tells of rows 0 … count - 1."""

    culprits: list[int]
    """Rows that break the computation when they are given alone, ascending."""
    undecided: list[int]
    """Rows of parts that broke it and were not taken apart before `most_tries` ran out, ascending."""


def culprits(breaks: Callable[[Part], bool], count: int, *, most_tries: int = 200) -> Found:
    """Return which of `count` rows make `breaks` true; the rows together are known to do so and are not tried again.

    A part that passes is cleared as a whole, so a row that breaks only together with others of another half stays
    unfound. One culprit among n rows takes about 2 log2(n) tries.

    Examples
    --------
    >>> culprits(lambda part: 5 in part, 8)
    Found(culprits=[5], undecided=[])
    """
    found: list[int] = []
    waiting: deque[Part] = deque([range(count)] if count else [])
    tries = 0
    while waiting and tries < most_tries:
        part = waiting.popleft()
        if len(part) == 1:
            found.append(part.start)
            continue
        middle = part.start + len(part) // 2
        for half in (range(part.start, middle), range(middle, part.stop)):
            tries += 1
            if breaks(half):
                waiting.append(half)
    singles = [part.start for part in waiting if len(part) == 1]
    undecided = [row for part in waiting if len(part) > 1 for row in part]
    return Found(sorted(found + singles), sorted(undecided))
