"""How far from where a limit truly changes the predicted one does, in metres along the road.

A road is a chain of segments that go on as each other: of the same class and name (or number, or record where they have
neither), joined at a connector where no third segment of that road ends. A change is a place on the chain, at a
connector or within a segment, with one limit before and another behind it. True and predicted changes of a chain are
paired, each once and up to `FAR_M` apart: as many as can be, and of those ways the one whose distances add up to least.
What is left of the true ones was missed, of the others invented.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from tasks.evaluation.scores import TOLERANCE_KMH
from tasks.evaluation.truth import Stretch

FAR_M = 500.0
"""Changes farther apart are not of the same place."""

Road = tuple[str, ...]
End = tuple[int, bool]
"""A segment, by its row, and whether it is its last end."""


class Line(NamedTuple):
    """What there is to know of a segment."""

    road: Road
    """What it shares with those that it goes on as."""
    first: str | None
    """Connector at its first end; None where it has none there."""
    last: str | None
    length_m: float
    truth: Sequence[Stretch]
    predicted: Sequence[Stretch]


class Offsets(NamedTuple):
    """What became of the places where limits change."""

    metres: tuple[float, ...]
    """Distance of each pair of a true and a predicted change, ascending."""
    missed: int
    invented: int


def road_of(*, class_: str, name: str | None, ref: str | None, record: str) -> Road:
    """Return what a segment shares with those that it goes on as.

    Examples
    --------
    >>> road_of(class_="primary", name=None, ref="B 85", record="w1")
    ('primary', 'ref', 'B 85')
    """
    if name:
        return (class_, "name", name)
    return (class_, "ref", ref) if ref else (class_, "record", record)


def end_connectors(connectors: Sequence[Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """Return the connectors at the first and at the last end of a segment."""
    ends = {float(each["at"]): str(each["connector_id"]) for each in connectors}
    return ends.get(0.0), ends.get(1.0)


def boundary_offsets(lines: Sequence[Line]) -> Offsets:
    """Return how far true and predicted changes lie apart (m), and how many have no counterpart.

    Examples
    --------
    >>> main = ("primary", "name", "Main")
    >>> whole = lambda kmh: [Stretch(0.0, 1.0, kmh)]
    >>> boundary_offsets([
    ...     Line(main, "a", "b", 300.0, whole(50.0), whole(50.0)),
    ...     Line(main, "b", "c", 100.0, whole(50.0), whole(70.0)),
    ...     Line(main, "c", "d", 200.0, whole(70.0), whole(70.0)),
    ... ])
    Offsets(metres=(100.0,), missed=0, invented=0)
    """
    metres: list[float] = []
    missed = invented = 0
    for chain in chains(lines):
        true = _changes([(line.length_m, _in_order(line.truth, end)) for line, end in _along(lines, chain)])
        told = _changes([(line.length_m, _in_order(line.predicted, end)) for line, end in _along(lines, chain)])
        pairs = paired(true, told)
        metres += pairs
        missed += len(true) - len(pairs)
        invented += len(told) - len(pairs)
    return Offsets(tuple(sorted(metres)), missed, invented)


def together(parts: Sequence[Offsets]) -> Offsets:
    """Return the offsets of several maps as those of one."""
    metres = sorted(each for part in parts for each in part.metres)
    return Offsets(tuple(metres), sum(part.missed for part in parts), sum(part.invented for part in parts))


def chains(lines: Sequence[Line]) -> list[list[End]]:
    """Return the chains of segments; each is run through from its first to its last end, or (True) against it.

    A ring is cut at its first row. Every segment is in one chain.
    """
    joined = _joints(lines)
    seen: set[int] = set()
    found = []
    starts = [(row, end) for row in range(len(lines)) for end in (False, True) if (row, end) not in joined]
    for row, end in [*starts, *((row, False) for row in range(len(lines)))]:
        chain: list[End] = []
        here: End | None = (row, end)
        while here is not None and here[0] not in seen:
            seen.add(here[0])
            chain.append(here)
            here = joined.get((here[0], not here[1]))
        if chain:
            found.append(chain)
    return found


def _joints(lines: Sequence[Line]) -> dict[End, End]:
    """Return for each end of a segment the end of the one that it goes on as."""
    ends: dict[tuple[Road, str], list[End]] = defaultdict(list)
    for row, line in enumerate(lines):
        for is_last, connector in ((False, line.first), (True, line.last)):
            if connector is not None:
                ends[line.road, connector].append((row, is_last))
    pairs = [two for two in ends.values() if len(two) == 2 and two[0][0] != two[1][0]]
    return {here: there for one, other in pairs for here, there in ((one, other), (other, one))}


def _along(lines: Sequence[Line], chain: Sequence[End]) -> list[tuple[Line, bool]]:
    return [(lines[row], is_turned) for row, is_turned in chain]


def _in_order(stretches: Sequence[Stretch], is_turned: bool) -> list[Stretch]:
    if not is_turned:
        return list(stretches)
    return [Stretch(1 - each.high, 1 - each.low, each.kmh) for each in reversed(stretches)]


def _changes(parts: Sequence[tuple[float, Sequence[Stretch]]]) -> list[float]:
    """Return the places along a chain (m) where the limit changes from one known value to another."""
    along: list[tuple[float, float]] = []
    start = 0.0
    for length, stretches in parts:
        along += [(start + each.low * length, each.kmh) for each in stretches]
        start += length
    return [place for (_, before), (place, behind) in pairwise(along) if _differ(before, behind)]


def _differ(before: float, behind: float) -> bool:
    if isnan(before) or isnan(behind):
        return False
    return before != behind and abs(before - behind) > TOLERANCE_KMH


def paired(true: Sequence[float], told: Sequence[float]) -> list[float]:
    """Return the distances of true and predicted places (m): as many pairs as can be, of the least sum.

    Examples
    --------
    >>> paired([100.0, 900.0], [130.0, 90.0])
    [10.0]
    """
    apart = np.abs(np.subtract.outer(np.array(true), np.array(told)))
    is_near = apart <= FAR_M
    pairs = linear_sum_assignment(np.where(is_near, apart, FAR_M * (len(true) + len(told) + 1)))
    return [float(metres) for metres, near in zip(apart[pairs], is_near[pairs], strict=True) if near]
