"""Which segments of a run another law table moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from pipelines.limit_stages import lawful
from pipelines.table import Table, existing
from schemas.built_up import BUILT_UP
from schemas.jurisdiction import JURISDICTION
from schemas.posted_limit import POSTED_LIMIT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.vocabulary import Basis, SpeedReason
from tasks.segment_law import LawFile

Row = dict[str, Any]

LISTED = 20
"""Segments that are named."""

ON_LAW = (Basis.PROBE, Basis.CONTINUITY, Basis.LAW, Basis.LEARNED, Basis.FUZZY)
"""Grounds on which the law is heard; `implicit` rests on the law that the map names."""

NO_LAW = "no law"


class Says(NamedTuple):
    """What a law table says of one segment, as text."""

    here: str
    """By its place and its kind."""
    named: str
    """By the laws that its tags name."""


class Change(NamedTuple):
    """One segment of which two law tables say different things."""

    segment_id: str
    name: str | None
    km: float
    old: str
    new: str


@dataclass
class Count:
    """Segments and their length."""

    segments: int = 0
    km: float = 0.0

    def add(self, km: float) -> None:
        """Count one more segment."""
        self.segments += 1
        self.km += km


@dataclass
class Effect:
    """What another law table changes in a run."""

    whole: Count = field(default_factory=Count)
    moved: Count = field(default_factory=Count)
    """Those whose limit rests on the law."""
    stated: Count = field(default_factory=Count)
    """Those of which the law says something else, but whose limit is posted or on a sign."""
    first: list[Change] = field(default_factory=list)
    """The first of those moved, by tile and id."""


def law_effect(folder: str | Path, old: LawFile, new: LawFile) -> Effect:
    """Return which segments of a run another law table moves.

    Where a segment is more likely built up than not, the law of built-up areas counts. Whether the limit of a road
    really changes, where the law is one witness of several, the next run tells.

    Raises
    ------
    TableError
        If the folder lacks a table.
    """
    effect = Effect()
    tables = [existing(each, folder) for each in (ROAD_SEGMENT, JURISDICTION, POSTED_LIMIT, BUILT_UP, SPEED_LIMIT)]
    for tile in tables[0].tiles():
        for road, basis, before, after in _compared(tables, tile, old, new):
            km = road["length_m"] / 1000
            effect.whole.add(km)
            change = _change(basis, before, after)
            if change:
                effect.moved.add(km)
                effect.first += [Change(road["segment_id"], road["name"], km, *change)] * (len(effect.first) < LISTED)
            elif before != after:
                effect.stated.add(km)
    return effect


def effect_lines(effect: Effect) -> list[str]:
    """Return what another law table changes in a run, as lines.

    Examples
    --------
    >>> effect_lines(Effect(whole=Count(3, 2.0)))
    ['0 of 3 segments (0.0 of 2.0 km) rest on a law that says something else']
    """
    moved, stated, whole = effect.moved, effect.stated, effect.whole
    lines = [
        f"{moved.segments:,} of {whole.segments:,} segments ({moved.km:,.1f} of {whole.km:,.1f} km) rest on a law that "
        "says something else"
    ]
    width = max((len(each.segment_id) for each in effect.first), default=0)
    for each in effect.first:
        lines.append(f"  {each.segment_id:<{width}}  {each.old} -> {each.new}  {each.name or ''}".rstrip())
    if more := moved.segments - len(effect.first):
        lines.append(f"  and {more:,} more")
    if stated.segments:
        lines.append(f"{stated.segments:,} more ({stated.km:,.1f} km) have a limit on signs or in the map, which stays")
    return lines


def _change(basis: str | None, before: Says, after: Says) -> tuple[str, str] | None:
    """Return what the law that a limit rests on said and says now; None where it rests on none, or that is the same."""
    if basis == Basis.IMPLICIT:
        return (before.named, after.named) if before.named != after.named else None
    if basis is None or basis in ON_LAW:
        return (before.here, after.here) if before.here != after.here else None
    return None


def _compared(
    tables: list[Table], tile: str, old: LawFile, new: LawFile
) -> Iterator[tuple[Row, str | None, Says, Says]]:
    """Yield for each segment of a tile its road, the basis of its limit, and what both laws say."""
    given = {table.contract.name: table.read(tile) for table in tables}
    chances = _by_id(given[BUILT_UP.name], "built_up")
    bases = {
        row["segment_id"]: None if row["reason"] == SpeedReason.NO_LAW else row["basis"]
        for row in given[SPEED_LIMIT.name].select(["segment_id", "basis", "reason"]).to_pylist()
    }
    before, after = (_said(lawful(law)(given).rows, chances) for law in (old, new))
    for road in given[ROAD_SEGMENT.name].select(["segment_id", "name", "length_m"]).to_pylist():
        key = road["segment_id"]
        if key in bases and key in before and key in after:  # a row that a stage has refused is in the reject table
            yield road, bases[key], before[key], after[key]


def _by_id(table: pa.Table, column: str) -> dict[str, Any]:
    return dict(zip(table["segment_id"].to_pylist(), table[column].to_pylist(), strict=True))


def _said(legal: pa.Table, chances: dict[str, float]) -> dict[str, Says]:
    """Return what a law table says of each segment."""
    told = {}
    for row in legal.to_pylist():
        area = "urban" if chances.get(row["segment_id"], 0.0) >= 0.5 else "rural"
        parts = [_answer(part[area]) for part in row["legal"]]
        named = [_answer(each) for each in row["implied"]]
        told[row["segment_id"]] = Says(", then ".join(parts) or NO_LAW, ", ".join(named) or NO_LAW)
    return told


def _answer(told: Row) -> str:
    """Return a limit as text, or why the law sets none."""
    return str(told["limit"] if told["limit"] not in (None, "none") else told["reason"] or NO_LAW).replace("_", " ")
