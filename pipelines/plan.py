"""What a stage has to compute: the tiles whose fingerprint is not that of what is committed already, and why."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.table import Entry, Table, TableError
from pipelines.tile_run import TilePlan
from schemas.contract import as_json
from schemas.geometry import BOX
from schemas.receipt import Receipt
from tasks.fingerprint import digest, source_digest
from tasks.input_file import params_digest
from tasks.lift import Lift
from tasks.tiling import rows_meeting, widened

Receipts = Mapping[str, Receipt]

DIGITS = 16
"""Hexadecimal digits of each part of a fingerprint."""

NEVER = "never computed"


class Plan(NamedTuple):
    """Tiles of a stage, in quadkey order."""

    todo: list[TilePlan]
    """Tiles to compute."""
    reused: list[Receipt]
    """Tiles that are committed and still hold."""
    reasons: Mapping[str, str] = MappingProxyType({})
    """Why each tile to compute must be computed."""
    given: tuple[Receipts, ...] = ()
    """Receipts of the tables that the stage reads, by tile."""


class Fingerprint(NamedTuple):
    """What a tile is made from, as digests that change apart from each other."""

    code: str
    """Of the task, its lift, and what they import."""
    params: str
    """Of the parameters and the width of the halo."""
    contracts: str
    """Of the tables read and written."""
    own: str
    """Of the tile's own files."""
    around: str
    """Of the files within the halo."""

    def __str__(self) -> str:
        """Return it as it stands in a receipt: CODE.PARAMS.CONTRACTS.INPUTS, the last one in two parts."""
        return f"{self.code}.{self.params}.{self.contracts}.{self.own}-{self.around}"

    @classmethod
    def parse(cls, text: str) -> "Fingerprint | None":
        """Return the fingerprint written as text, None where another version wrote it."""
        parts = text.replace("-", ".").split(".")
        return cls(*parts) if len(parts) == len(cls._fields) else None


def plan_stage(lift: Lift, sources: Sequence[Table], target: Table) -> Plan:
    """Return which tiles of `target` must be computed from `sources`, why, and which need not."""
    entries = [table.entries() for table in sources]
    given = tuple({tile: each.receipt for tile, each in of.items() if each.receipt} for of in entries)
    if not given[0]:
        raise TableError(f"{sources[0].uri}: no tiles: make this table first")
    neighbours = _neighbours(given[0], given[0], lift.halo_m) if lift.halo_m else {}
    places = {
        table.contract.name: _neighbours(given[0], receipts, lift.sight_m)
        for table, receipts in zip(sources, given, strict=True)
        if table.contract in lift.beside
    }
    recipe, committed = _recipe(lift), target.receipts()
    todo, reused, reasons = [], [], {}
    for tile, own in given[0].items():
        around = tuple(other for other in neighbours.get(tile, ()) if other != tile)
        beside = {name: near[tile] for name, near in places.items()}
        fingerprint = str(Fingerprint(*recipe, *_inputs(tile, sources, given, around, beside)))
        done = committed.get(tile)
        if done and done.fingerprint == fingerprint:
            reused.append(done)
        else:
            read = _read_mb([beside.get(table.contract.name, (tile, *around)) for table in sources], entries)
            todo.append(TilePlan(tile, fingerprint, own.rows_out, own.metres, own.bbox, around, beside, read))
            reasons[tile] = why(done.fingerprint if done else None, fingerprint, lift)
    return Plan(todo, reused, reasons, given)


def why(old: str | None, new: str, lift: Lift) -> str:
    """Return in words how the fingerprint of a tile differs from the one that it was committed with, if it was.

    Examples
    --------
    >>> from pipelines.limit_stages import CONTINUED, POSTED
    >>> why("a.b.c.d-e", "x.b.c.d-e", POSTED)
    'code of posted_limit changed'
    >>> why("a.b.c.d-e", "a.y.c.d-z", CONTINUED)
    'parameters changed, a neighbour within 2,500 m changed'
    >>> why(None, "a.b.c.d-e", POSTED)
    'never computed'
    """
    if old is None:
        return NEVER
    before, now = Fingerprint.parse(old), Fingerprint.parse(new)
    if before is None or now is None:
        return "made by another version of Waysmith"
    around = f"a neighbour within {lift.halo_m:,.0f} m" if lift.halo_m else "what lies beside it"
    named = (f"code of {lift.task.__name__}", "parameters", "a contract", "its input", around)
    return ", ".join(f"{what} changed" for what, a, b in zip(named, before, now, strict=True) if a != b)


def _recipe(lift: Lift) -> tuple[str, str, str]:
    """Return the digests of all that decides how rows are made: code, parameters and contracts."""
    code = (
        source_digest([lift.task.__module__, type(lift).__module__]),
        lift.task.__qualname__,
        type(lift).__qualname__,
    )
    contracts = str([as_json(contract) for contract in (*lift.sources, lift.writes)])
    return _short(code), _short((repr((lift.halo_m, lift.sight_m)), params_digest(lift.params))), _short((contracts,))


def _short(parts: Iterable[str]) -> str:
    return digest(*parts)[:DIGITS]


def _inputs(
    tile: str,
    sources: Sequence[Table],
    given: Sequence[Receipts],
    around: Sequence[str],
    beside: Mapping[str, Sequence[str]],
) -> tuple[str, str]:
    """Return the digests of the files that a tile is made from, each behind its name: its own and those around."""
    own, near = [], []
    for table, receipts in zip(sources, given, strict=True):
        name = table.contract.name
        if name not in beside:
            own += _told(name, (tile,), receipts)
        near += _told(name, beside.get(name, around), receipts)
    return _short(own), _short(near)


def _read_mb(tiles: Sequence[Sequence[str]], entries: Sequence[Mapping[str, Entry]]) -> float:
    """Return the size of the files that a tile reads: those tiles of each table."""
    read = (of[each].size for of, several in zip(entries, tiles, strict=True) for each in several if each in of)
    return sum(read) / 1e6


def _told(name: str, tiles: Iterable[str], receipts: Receipts) -> list[str]:
    return [f"{name}/{each}={receipts[each].digest if each in receipts else 'none'}" for each in tiles]


def _neighbours(receipts: Receipts, others: Receipts, halo_m: float) -> dict[str, tuple[str, ...]]:
    """For each tile the tiles of another table with some feature within `halo_m` metres of its own features."""
    boxed = [tile for tile in others if others[tile].bbox]
    sides = np.array([others[tile].bbox for tile in boxed], dtype=np.float64).reshape(-1, 4)
    boxes = pa.StructArray.from_arrays([pa.array(side) for side in sides.T], names=[f.name for f in BOX])
    found: dict[str, tuple[str, ...]] = dict.fromkeys(receipts, ())
    for tile, receipt in receipts.items():
        if receipt.bbox:
            near = rows_meeting(boxes, widened(receipt.bbox, halo_m))
            found[tile] = tuple(boxed[i] for i in np.flatnonzero(near))
    return found
