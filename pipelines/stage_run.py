"""One stage while it runs: what is planned, what has come back, and whether all of it did. Knows no engine."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import cloudpickle

from pipelines.costs import Costs
from pipelines.input_files import published
from pipelines.plan import plan_stage
from pipelines.progress import Progress
from pipelines.rounds import Rounds
from pipelines.schedule import Budget, Care, Group, careful, groups
from pipelines.settings import Settings
from pipelines.shipping import ship_module, users_modules
from pipelines.stage_report import Ran, measurements
from pipelines.store import location, open_store
from pipelines.table import Rejects, Table, TableError, open_table
from pipelines.tile_log import relay
from pipelines.tile_run import Done, StageError, TilePlan, TileRun
from pipelines.tile_worker import Limits, Order, Told
from schemas.receipt import Receipt
from tasks.lift import Lift, PerRow

METRES_LOST = 1e-6
"""Share of the road that sums of floats may be apart by."""


class Engine(Protocol):
    """What carries out map tasks."""

    @property
    def cores(self) -> int:
        """How many map tasks run side by side."""

    def budget(self, settings: Settings) -> Budget:
        """Return what memory there is."""

    def map_tiles(self, order: Order, group: Group, settings: Settings) -> Iterator[Told]:
        """Let workers compute the tiles of a group and yield what they tell; what a dead worker had is missing."""

    def count(self, stage: str, values: Mapping[str, float]) -> None:
        """Add what one tile gave to the engine's metrics."""


class StageRun:
    """A lift over the tiles of its tables, into one table."""

    def __init__(self, lift: Lift, tables: Sequence[Table], into: str, settings: Settings) -> None:
        self.lift, self.tables, self.settings = lift, tuple(tables), settings
        self.into = location(into)  # workers may stand elsewhere
        self.name = lift.writes.name
        self.target = open_table(lift.writes, into)
        self.plan = plan_stage(lift, tables, self.target)
        self.costs = Costs(self.target)
        self.done: list[Done] = []
        self.failures: list[Exception] = []
        self.killers: list[str] = []
        self.apart: list[str] = []

    def compute(self, engine: Engine) -> None:
        """Compute and commit what is planned.

        Raises
        ------
        StageError, TableError
            What went wrong with the first tile that failed, after all others are done.
        """
        schedule = partial(self._schedule, engine.cores, engine.budget(self.settings))
        rounds = Rounds(self.plan, self.target, schedule, partial(self._give_out, engine, self._work()))
        try:
            with self._progress(engine) as progress:
                for told in rounds.told():
                    self._take(told, progress, engine)
        finally:
            self.apart = rounds.apart
            self.costs.save()
        if self.failures:
            more = f" (and {len(self.failures) - 1} more tiles)" if self.failures[1:] else ""
            raise type(self.failures[0])(f"{self.failures[0]}{more}")

    def _schedule(self, cores: int, budget: Budget, plans: Sequence[TilePlan], care: Care) -> list[Group]:
        if care != Care():
            return careful(plans, care, budget)
        is_row_by_row = isinstance(self.lift, PerRow)
        return groups(plans, self.costs, cores=cores, budget=budget, is_row_by_row=is_row_by_row)

    def _give_out(self, engine: Engine, work: bytes, group: Group) -> Iterator[Told]:
        limits = Limits(self.settings.time_limit_s, group.limit_mb, group.care.is_alone)
        return engine.map_tiles(Order(self.name, work, limits), group, self.settings)

    def _progress(self, engine: Engine) -> Progress:
        todo = self.plan.todo
        weights = {tile.tile: self.costs.seconds(tile) for tile in todo}
        expected = sum(weights.values()) / engine.cores if self.costs.tiles else None
        metres = sum(tile.metres for tile in todo)
        return Progress(
            self.name, tiles=len(todo), metres=metres, expected_s=expected, weights=weights, workers=engine.cores
        )

    def _work(self) -> bytes:
        """Return the work as workers get it; modules of the user go by value, since workers cannot import them."""
        ship_module(self.lift.task.__module__)
        for module in users_modules():
            cloudpickle.register_pickle_by_value(module)
        lift = self.lift
        if lift.params is not None:
            lift = replace(lift, params=published(lift.params, open_store(self.into)))  # type: ignore[type-var]
        work: bytes = cloudpickle.dumps(TileRun(lift, self.tables, self.into))
        return work

    def _take(self, told: Told, progress: Progress, engine: Engine) -> None:
        relay(told.log)
        if told.done is None:
            self.failures.append(_failure(self.name, told))
            return
        self.done.append(told.done)
        self.killers += told.killers
        if told.done.measured.seconds:  # none is known of a tile whose worker died after it had committed it
            self.costs.add(told.done.measured)
        progress.add(told.done.receipt, told.done.measured)
        left = len(self.plan.todo) - len(self.done) - len(self.failures)
        engine.count(self.name, measurements(*told.done) | {"waysmith_tiles_left": left})

    def finish(self) -> None:
        """Remove what is no longer so, and check that nothing was lost.

        Raises
        ------
        StageError
            If tiles, rows or metres are not what went in, or too many rows were refused.
        """
        receipts = self._receipts()
        tiles = {receipt.tile for receipt in receipts}
        self.target.keep_only(tiles)
        Rejects(self.into).keep_only(self.name, tiles)
        check_all(self.name, self.plan.given[0], receipts, is_one_to_one=not self.lift.spreads)
        check_rejects(self.name, receipts, self.settings.max_reject_rate)
        self.target.save_manifest(receipts)

    def _receipts(self) -> list[Receipt]:
        """Return those of all tiles that are committed, computed or not."""
        return [*self.plan.reused, *(done.receipt for done in self.done)]

    def ran(self, seconds: float) -> Ran:
        """Return what is told of the stage when it is done."""
        rejected: Counter[str] = Counter()
        for done in self.done:
            rejected.update(done.rejected)
        return Ran(
            stage=self.name,
            sources=tuple(
                (table.contract.name, len(given)) for table, given in zip(self.tables, self.plan.given, strict=True)
            ),
            receipts=self._receipts(),
            reused=len(self.plan.reused),
            measured=[done.measured for done in self.done],
            rejected=rejected,
            seconds=seconds,
            apart=self.apart,
            dead=self.killers,
        )


def _failure(name: str, told: Told) -> Exception:
    """Return the error of a tile: what the disk refused is the caller's to mend, all else is the stage's."""
    if told.kind == TableError.__name__:
        return TableError(told.error)
    return StageError(f"{name}: tile {told.tile}: {told.kind}: {told.error}")


def check_all(
    stage: str, given: Mapping[str, Receipt], receipts: Sequence[Receipt], *, is_one_to_one: bool = True
) -> None:
    """Raise unless each tile of the source is done once, and its rows and metres of road are accounted for.

    Where any number of rows may come out for each, those given are counted instead of those that came out.

    Raises
    ------
    StageError
        With the numbers that do not agree.
    """
    if sorted(receipt.tile for receipt in receipts) != sorted(given):
        raise StageError(f"{stage}: {len(given)} tiles in, but {len(receipts)} out")
    rows_in = sum(receipt.rows_out for receipt in given.values())
    rows_out = sum(
        receipt.rows_out if is_one_to_one else receipt.rows_in - receipt.rows_rejected for receipt in receipts
    )
    rejected = sum(receipt.rows_rejected for receipt in receipts)
    if rows_in != rows_out + rejected:
        raise StageError(f"{stage}: {rows_in} rows in, but {rows_out} out and {rejected} rejected")
    metres_in = math.fsum(receipt.metres for receipt in given.values())
    metres_out = math.fsum(receipt.metres for receipt in receipts)
    if abs(metres_in - metres_out) > METRES_LOST * metres_in:
        raise StageError(f"{stage}: {metres_in:.1f} m of road in, but {metres_out:.1f} m out")


def check_rejects(stage: str, receipts: Sequence[Receipt], max_rate: float) -> None:
    """Raise if more than `max_rate` of the rows were refused."""
    rows_in = sum(receipt.rows_in for receipt in receipts)
    rejected = sum(receipt.rows_rejected for receipt in receipts)
    if rejected > max_rate * rows_in:
        raise StageError(
            f"{stage}: {rejected} of {rows_in} rows rejected, more than {max_rate:.1%}: see the "
            "reject table, or allow more with --max-reject-rate"
        )
