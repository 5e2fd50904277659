"""One tile of one stage: read its files, run the lift, commit, give a receipt. Knows no engine."""

import gc
import json
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.table import Rejects, Table
from schemas.contract import BBOX
from schemas.receipt import Measured, Receipt
from tasks.lift import Lift, Lifted, Tables
from tasks.tiling import Box, rows_meeting, widened

SECONDS_PER_WORD = 2.0
"""How often a worker says what it has done: each word costs it some milliseconds."""


class StageError(RuntimeError):
    """A stage broke a promise or failed; the message names the stage, the tile and what happened."""


class TilePlan(NamedTuple):
    """What is known of a tile before it runs."""

    tile: str
    fingerprint: str
    rows: int
    metres: float
    box: Box | None
    """Box around the tile's own features."""
    neighbours: tuple[str, ...]
    """Other tiles with features within the halo."""
    beside: dict[str, tuple[str, ...]]
    """For each table given by place, its tiles with features within the halo."""

    def to_json(self) -> str:
        """Return the plan as text, for a worker."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "TilePlan":
        """Return the plan written by `to_json`."""
        tile, fingerprint, rows, metres, box, neighbours, beside = json.loads(text)
        return cls(tile, fingerprint, rows, metres, tuple(box) if box else None, tuple(neighbours), beside)


@dataclass(frozen=True)
class TileRun:
    """All that a worker needs to compute any tile of a stage."""

    lift: Lift
    sources: tuple[Table, ...]
    into: Path

    @property
    def target(self) -> Table:
        """Table that the stage writes."""
        return Table(self.lift.writes, self.into / self.lift.writes.name)

    def __call__(self, plan: TilePlan) -> tuple[Receipt, Measured]:
        """Compute and commit one tile."""
        started = time.perf_counter()
        with collector_paused():
            lifted = self.lift(self._read(plan))
        self._check(plan, lifted)
        Rejects(self.into).commit(self.lift.writes.name, plan.tile, lifted.rejects)
        receipt = self.target.commit(
            lifted.rows,
            Receipt(
                tile=plan.tile,
                fingerprint=plan.fingerprint,
                digest="",
                rows_in=plan.rows,
                rows_out=lifted.rows.num_rows,
                rows_rejected=lifted.rejects.num_rows,
                metres=plan.metres,
            ),
        )
        return receipt, Measured(plan.tile, plan.rows, time.perf_counter() - started, peak_mb())

    def _read(self, plan: TilePlan) -> Tables:
        """Return the tables of a tile, with the halo that the lift asks for."""
        reach = widened(plan.box, self.lift.halo_m) if plan.box else None
        first, *others = self.sources
        own = first.read(plan.tile, self._columns(first))
        around = self._around(first, plan, reach) if self.lift.halo_m and reach else {}
        tables = {first.contract.name: _with_halo(first, own, around) if self.lift.halo_m and reach else own}
        for table in others:
            is_beside = table.contract in self.lift.beside
            read = self._near(table, plan, reach) if is_beside else self._joined(table, plan.tile, around)
            tables[table.contract.name] = read
        return tables

    def _columns(self, table: Table) -> list[str]:
        return self.lift.columns(table.contract)

    def _around(self, table: Table, plan: TilePlan, reach: Box) -> dict[str, pa.Table]:
        """Return the neighbours' rows within reach, tile by tile, of those that have any."""
        found = {tile: self._within(table, tile, reach) for tile in plan.neighbours}
        return {tile: rows for tile, rows in found.items() if rows.num_rows}

    def _joined(self, table: Table, tile: str, around: Mapping[str, pa.Table]) -> pa.Table:
        """Return the rows that join those of the first table, halo included."""
        columns, key = self._columns(table), table.contract.key
        parts = [table.read(tile, columns)]
        for other, rows in around.items():
            read = table.read(other, columns)
            parts.append(read.filter(pc.is_in(read.column(key), rows.column(key).combine_chunks())))
        return pa.concat_tables(parts)

    def _near(self, table: Table, plan: TilePlan, reach: Box | None) -> pa.Table:
        """Return the rows of a table of other things that lie within reach, sorted by key."""
        parts = [table.contract.empty()]
        if reach:
            parts += [self._within(table, tile, reach) for tile in plan.beside[table.contract.name]]
        return pa.concat_tables(parts).combine_chunks().sort_by(table.contract.key)

    def _within(self, table: Table, tile: str, reach: Box) -> pa.Table:
        columns = self._columns(table)
        other = table.read(tile, columns if BBOX in columns else [*columns, BBOX])
        return other.filter(pa.array(rows_meeting(other.column(BBOX), reach))).select(columns)

    def _check(self, plan: TilePlan, lifted: Lifted) -> None:
        """Raise unless every row given came out or was refused."""
        told = lifted.rows.num_rows + lifted.rejects.num_rows
        if told != plan.rows:
            raise StageError(
                f"{self.lift.writes.name}: tile {plan.tile}: {plan.rows} rows in, but {lifted.rows.num_rows} out "
                f"and {lifted.rejects.num_rows} rejected"
            )
        self.lift.writes.validate(lifted.rows)


def _with_halo(table: Table, own: pa.Table, around: Mapping[str, pa.Table]) -> pa.Table:
    """Return `own` with the rows around it, sorted by key, and which of them are own."""
    parts = [own.append_column("is_own", pa.array(np.ones(own.num_rows, dtype=bool)))]
    for rows in around.values():
        parts.append(rows.append_column("is_own", pa.array(np.zeros(rows.num_rows, dtype=bool))))
    return pa.concat_tables(parts).combine_chunks().sort_by(table.contract.key)


def told_of_all(work: TileRun, plans: Sequence[str]) -> Iterator[pa.Table]:
    """Compute tiles one after another and yield what each says, about once in `SECONDS_PER_WORD`, as JSON in one row.

    One row, since Ray Data makes each row a block of its own here, and a worker waits while two blocks are unread.
    """
    rows: list[dict[str, str]] = []
    since = time.monotonic()
    for plan in plans:
        rows.append(told(work, plan))
        if time.monotonic() - since >= SECONDS_PER_WORD:
            yield pa.table({"told": [json.dumps(rows)]})
            rows, since = [], time.monotonic()
    if rows:
        yield pa.table({"told": [json.dumps(rows)]})


def told(work: TileRun, plan: str) -> dict[str, str]:
    """Compute one tile and return its receipt, or what went wrong with it, so that the other tiles go on."""
    tile = TilePlan.from_json(plan)
    receipt = measured = error = kind = ""
    try:
        done, cost = work(tile)
        receipt, measured = done.to_json(), json.dumps(asdict(cost))
    except Exception as failure:
        error, kind = str(failure) or repr(failure), type(failure).__name__
    return {"tile": tile.tile, "receipt": receipt, "measured": measured, "error": error, "kind": kind}


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking the rows of a tile over and over; they hold no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def peak_mb() -> float:
    """Return the highest resident memory of this process so far, in MB (10^6 bytes; Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
