"""One tile of one stage: read its files, run the lift, commit, give a receipt. Knows no engine."""

import gc
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.memory import peak_mb, reset_peak, resident_mb
from pipelines.store import open_store
from pipelines.table import Rejects, Table
from schemas.contract import BBOX
from schemas.receipt import Measured, Receipt
from schemas.reject import REJECT
from tasks.lift import Lift, Lifted, Tables
from tasks.tiling import Box, rows_meeting, widened

LENGTH = "length_m"
"""Column of features that have a length of road."""


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
    read_mb: float = 0.0
    """Size of the files that the tile is read from."""
    parts: int = 1
    """How many parts its rows are computed in, one after another, to take less memory."""

    def to_json(self) -> str:
        """Return the plan as text, for a worker."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "TilePlan":
        """Return the plan written by `to_json`."""
        tile, fingerprint, rows, metres, box, neighbours, beside, *measures = json.loads(text)
        return cls(tile, fingerprint, rows, metres, tuple(box) if box else None, tuple(neighbours), beside, *measures)


class Done(NamedTuple):
    """What a worker tells of a tile that it has committed."""

    receipt: Receipt
    measured: Measured
    rejected: dict[str, int]
    """Rows refused, by reason."""


@dataclass(frozen=True)
class TileRun:
    """All that a worker needs to compute any tile of a stage."""

    lift: Lift
    sources: tuple[Table, ...]
    into: str

    @property
    def target(self) -> Table:
        """Table that the stage writes."""
        return Table(self.lift.writes, open_store(self.into).child(self.lift.writes.name).uri)

    def __call__(self, plan: TilePlan) -> Done:
        """Compute and commit one tile."""
        started, base = time.perf_counter(), resident_mb()
        reset_peak()
        own, lifted = self._in_parts(plan) if plan.parts > 1 else self._whole(plan)
        receipt = self.commit(plan, own, lifted)
        seconds = time.perf_counter() - started
        measured = Measured(plan.tile, plan.rows, seconds, peak_mb(), base, plan.read_mb)
        return Done(receipt, measured, by_reason(lifted.rejects))

    def _whole(self, plan: TilePlan) -> tuple[pa.Table, Lifted]:
        """Return a tile's own rows, and what the lift makes of them."""
        tables = self.read(plan)
        with collector_paused():
            return self.own_rows(tables), self.lift(tables)

    def _in_parts(self, plan: TilePlan) -> tuple[pa.Table, Lifted]:
        """Do the same part by part, for lifts that look at row after row: other tables are read for each part alone."""
        first, *others = self.sources
        rows, key = first.read(plan.tile, self._columns(first)), first.contract.key
        ends = [rows.num_rows * part // plan.parts for part in range(plan.parts + 1)]
        made = []
        for start, stop in pairwise(ends):
            part = rows.slice(start, stop - start)
            span = (part.column(key)[0].as_py(), part.column(key)[-1].as_py())  # rows are sorted by key
            read = {table.contract.name: table.read(plan.tile, self._columns(table), keys=span) for table in others}
            with collector_paused():
                made.append(self.lift({first.contract.name: part} | read))
        lifted = Lifted(*(pa.concat_tables(each).combine_chunks() for each in zip(*made, strict=True)))
        return rows, lifted

    def own_rows(self, tables: Tables) -> pa.Table:
        """Return the rows that belong to the tile, those of the halo left out."""
        rows = tables[self.lift.sources[0].name]
        return rows.filter(rows.column("is_own")) if "is_own" in rows.column_names else rows

    def commit(self, plan: TilePlan, own: pa.Table, lifted: Lifted) -> Receipt:
        """Check that every one of the tile's own rows came out or was refused, write both, and return the receipt."""
        self._check(plan, own.column(self.lift.sources[0].key), lifted)
        Rejects(self.into).commit(self.lift.writes.name, plan.tile, lifted.rejects)
        blank = Receipt(
            tile=plan.tile,
            fingerprint=plan.fingerprint,
            digest="",
            rows_in=own.num_rows,
            rows_out=lifted.rows.num_rows,
            rows_rejected=lifted.rejects.num_rows,
            metres=self._metres(plan, own),
        )
        return self.target.commit(lifted.rows, blank)

    def _metres(self, plan: TilePlan, own: pa.Table) -> float:
        """Return the road in the rows that were read; of features without a length, what was said of them before."""
        first = self.sources[0]
        if LENGTH not in first.contract.names:
            return plan.metres
        rows = own if LENGTH in own.column_names else first.read(plan.tile, [LENGTH])
        metres: float = pc.sum(rows.column(LENGTH), min_count=0).as_py()
        return metres

    def read(self, plan: TilePlan) -> Tables:
        """Return the tables of a tile, with the halo that the lift asks for."""
        reach = widened(plan.box, self.lift.halo_m) if plan.box else None
        first, *others = self.sources
        own = first.read(plan.tile, self._columns(first))
        around = self._around(first, plan, reach) if self.lift.halo_m and reach else {}
        tables = {first.contract.name: _with_halo(first, own, around) if self.lift.halo_m and reach else own}
        for table in others:
            is_beside = table.contract in self.lift.beside
            read = self._near(table, plan) if is_beside else self._joined(table, plan.tile, around)
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

    def _near(self, table: Table, plan: TilePlan) -> pa.Table:
        """Return the rows of a table of other things that lie within sight, sorted by key."""
        parts = [table.contract.empty().select(self._columns(table))]
        if plan.box:
            reach = widened(plan.box, self.lift.sight_m)
            parts += [self._within(table, tile, reach) for tile in plan.beside[table.contract.name]]
        return pa.concat_tables(parts).combine_chunks().sort_by(table.contract.key)

    def _within(self, table: Table, tile: str, reach: Box) -> pa.Table:
        columns = self._columns(table)
        other = table.read(tile, columns if BBOX in columns else [*columns, BBOX])
        return other.filter(pa.array(rows_meeting(other.column(BBOX), reach))).select(columns)

    def _check(self, plan: TilePlan, keys: pa.ChunkedArray, lifted: Lifted) -> None:
        """Raise unless every row given came out or was refused, once, under its own key; else rows of any number."""
        stage = self.lift.writes.name
        if self.lift.spreads:
            is_given = pc.is_in(lifted.rejects.column(REJECT.key), keys.cast(pa.string()).combine_chunks())
            if not pc.all(is_given, min_count=0).as_py():
                raise StageError(f"{stage}: tile {plan.tile}: a row was rejected that was not given")
            self.lift.writes.validate(lifted.rows)
            return
        told = lifted.rows.num_rows + lifted.rejects.num_rows
        if told != plan.rows:
            raise StageError(
                f"{stage}: tile {plan.tile}: {plan.rows} rows in, but {lifted.rows.num_rows} out "
                f"and {lifted.rejects.num_rows} rejected"
            )
        lost = _lost_keys(keys, lifted, self.lift.writes.key)
        if lost:
            raise StageError(f"{stage}: tile {plan.tile}: key {lost[0]!r} went in once, but came out otherwise")
        self.lift.writes.validate(lifted.rows)


def _lost_keys(given: pa.ChunkedArray, lifted: Lifted, key: str) -> list[object]:
    """Return a key whose number among rows and rejects is not that among the rows given, if there is one."""
    told = lifted.rows.column(key)
    if not lifted.rejects.num_rows and told.equals(given):
        return []
    refused = lifted.rejects.column(REJECT.key)
    out = pa.concat_arrays([*told.cast(pa.string()).chunks, *refused.chunks])
    before, after = (np.sort(each.to_numpy(zero_copy_only=False)) for each in (given.cast(pa.string()), out))
    return list(after[before != after][:1])


def by_reason(rejects: pa.Table) -> dict[str, int]:
    """Return how many rows were refused for each reason."""
    counted = pc.value_counts(rejects.column("reason").combine_chunks())
    return {each["values"]: each["counts"] for each in counted.to_pylist()}


def _with_halo(table: Table, own: pa.Table, around: Mapping[str, pa.Table]) -> pa.Table:
    """Return `own` with the rows around it, sorted by key, and which of them are own."""
    parts = [own.append_column("is_own", pa.array(np.ones(own.num_rows, dtype=bool)))]
    for rows in around.values():
        parts.append(rows.append_column("is_own", pa.array(np.zeros(rows.num_rows, dtype=bool))))
    return pa.concat_tables(parts).combine_chunks().sort_by(table.contract.key)


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
