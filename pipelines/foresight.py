"""What a run would do, found out without doing it: a flow runs, and each of its stages says what it would compute.

A stage that would compute a tile knows all that the tile is made from and not what will come out. Below it each tile
that rests on such a one may be computed again or not, since an equal result ends the wave: so there are two counts, of
those that must be computed and of those that may.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pipelines.costs import Costs
from pipelines.overlay import Kept, nothing_written
from pipelines.plan import NEVER, Plan, plan_stage
from pipelines.store import open_store
from pipelines.table import Entry, Table
from schemas.contract import BBOX, Contract
from schemas.receipt import Receipt
from tasks.input_file import InputFile
from tasks.lift import Lift

UNKNOWN = "unknown"
"""Digest of rows that have not been computed."""


@dataclass(frozen=True)
class ForeseenTable(Table):
    """A table as it may be after a run: receipts without digests for the tiles that would be computed."""

    at_worst: dict[str, Receipt] = field(default_factory=dict, compare=False)
    """Receipts if every tile computed again comes out changed."""
    at_best: dict[str, Receipt] = field(default_factory=dict, compare=False)
    """Receipts if every one that is there already comes out as it is."""

    def entries(self) -> dict[str, Entry]:
        """Return what is to be expected at worst; sizes are not known."""
        return {tile: Entry("0-foreseen", receipt) for tile, receipt in self.at_worst.items()}


class Forecast(NamedTuple):
    """What a run would do to one table."""

    name: str
    least: int
    """Tiles that must be computed."""
    most: int
    """Tiles that may have to be."""
    tiles: frozenset[str]
    """Those that may."""
    total: int
    gone: int
    """Tiles that lie there and would be removed."""
    metres: float
    """Road in the tiles that may have to be computed."""
    reasons: Counter[str]
    """Why they would be, and how many for each reason."""
    seconds: float | None
    """What they would take one core, by what tiles have taken; None where nothing is known."""
    is_read: bool = False
    """Whether the table is read from files, which the time leaves out."""


@dataclass
class Foresight:
    """What is foreseen of a run, stage by stage."""

    kept: Kept
    forecasts: list[Forecast] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)
    """Digests of files among the parameters that the run may make anew, with another content."""

    def stage(self, lift: Lift, tables: Sequence[Table], into: str) -> Table:
        """Return the table that a stage would write, with what is known of its tiles, and note what it would do."""
        for table in tables:
            self.tell_read(table)
        place = open_store(into).child(lift.writes.name).uri
        target = Table(lift.writes, place)
        worst = plan_stage(lift, tables, target)
        best = plan_stage(lift, [_hoped(table) for table in tables], target)
        if self._is_doubtful(lift):
            worst = _all_of(worst, plan_stage(lift, tables, Table(lift.writes, f"{place}/none")))
        committed = target.receipts()
        self.forecasts.append(_forecast(target, worst, best, committed))
        at_worst = _receipts(lift.writes, worst)
        return ForeseenTable(
            lift.writes, place, at_worst, {tile: committed.get(tile, at_worst[tile]) for tile in at_worst}
        )

    def parted(self, target: Table, homes: Table, source: Table, *, is_known: bool) -> Table:
        """Return a table whose rows a run would put into the tiles of `homes` anew, unless all it is made of is known.

        Which tiles then change is not foreseen: at worst all do.
        """
        self.tell_read(source)
        committed = target.receipts()
        if is_known:
            return ForeseenTable(target.contract, target.place, committed, committed)
        unknown = {tile: Receipt(tile, "", UNKNOWN, 0, 0, 0, 0.0, each.bbox) for tile, each in homes.receipts().items()}
        reasons = Counter({"its input may change": len(unknown)})
        forecast = Forecast(
            target.contract.name, 0, len(unknown), frozenset(unknown), len(unknown), 0, 0.0, reasons, None, True
        )
        self.forecasts.append(forecast)
        return ForeseenTable(target.contract, target.place, unknown, committed or unknown)

    def open_tiles(self, table: Table) -> set[str]:
        """Return the tiles of a table whose rows are not known before the run."""
        return {tile for tile, receipt in table.receipts().items() if receipt.digest == UNKNOWN}

    def file(self, given: InputFile, *, is_sure: bool) -> InputFile:
        """Return a file that is to be among the parameters of a stage; unless sure, the run may make it anew."""
        known = given if given.digest else InputFile(UNKNOWN, given.uri)
        if not is_sure:
            self.doubtful.add(known.digest)
        return known

    def _is_doubtful(self, lift: Lift) -> bool:
        told = repr(lift.params)
        return any(digest in told for digest in self.doubtful)

    def tell_read(self, table: object) -> None:
        """Note which tiles of a table that was read from files are not as they lie there; no other thing is noted."""
        if not isinstance(table, Table) or isinstance(table, ForeseenTable):
            return
        if table.contract.name in {each.name for each in self.forecasts}:
            return
        now = table.receipts()
        before = _lying(table)
        changed = [tile for tile in now if tile not in before or before[tile].digest != now[tile].digest]
        reasons = Counter(NEVER if tile not in before else "what was read changed" for tile in changed)
        metres, gone = sum(now[tile].metres for tile in changed), len(set(before) - set(now))
        tiles, count = frozenset(changed), len(changed)
        self.forecasts.append(
            Forecast(table.contract.name, count, count, tiles, len(now), gone, metres, reasons, None, True)
        )


_current: ContextVar[Foresight | None] = ContextVar("foresight", default=None)


def current() -> Foresight | None:
    """Return the plan that is being made; None in a run."""
    return _current.get()


@contextmanager
def planning() -> Iterator[Foresight]:
    """Let stages say what they would do, and keep in memory what is written."""
    with nothing_written() as kept:
        foresight = Foresight(kept)
        token = _current.set(foresight)
        try:
            yield foresight
        finally:
            _current.reset(token)


@contextmanager
def plain_calls() -> Iterator[None]:
    """Let flows and tasks of Prefect be called as the plain functions that they wrap: a plan needs no server."""
    from prefect import Flow, Task

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.fn(*args, **kwargs)

    theirs = Flow.__call__, Task.__call__
    Flow.__call__, Task.__call__ = called, called  # type: ignore[method-assign]
    try:
        yield
    finally:
        Flow.__call__, Task.__call__ = theirs  # type: ignore[method-assign, assignment]


def _hoped(table: Table) -> Table:
    """Return a table as it will be if every tile that is there already comes out as it is."""
    return replace(table, at_worst=table.at_best) if isinstance(table, ForeseenTable) else table


def _lying(table: Table) -> dict[str, Receipt]:
    """Return the receipts of what lies in the store, without what would be written."""
    with nothing_written():
        return Table(table.contract, table.place).receipts()


def _all_of(plan: Plan, anew: Plan) -> Plan:
    """Return a plan that computes all tiles: those of `plan`, and the rest since a parameter may change."""
    due = {each.tile for each in plan.todo}
    rest = [each for each in anew.todo if each.tile not in due]
    reasons = dict(plan.reasons) | {each.tile: "parameters may change" for each in rest}
    return Plan([*plan.todo, *rest], [], reasons)


def _receipts(contract: Contract, plan: Plan) -> dict[str, Receipt]:
    """Return the receipts of a stage after its plan, those of tiles to compute without a digest."""
    found = {receipt.tile: receipt for receipt in plan.reused}
    for each in plan.todo:
        box = each.box if BBOX in contract.names else None
        found[each.tile] = Receipt(each.tile, each.fingerprint, UNKNOWN, each.rows, each.rows, 0, each.metres, box)
    return dict(sorted(found.items()))


def _forecast(target: Table, worst: Plan, best: Plan, committed: dict[str, Receipt]) -> Forecast:
    costs = Costs(target)
    kept = {*(each.tile for each in worst.todo), *(each.tile for each in worst.reused)}
    return Forecast(
        target.contract.name,
        least=len(best.todo),
        most=len(worst.todo),
        tiles=frozenset(each.tile for each in worst.todo),
        total=len(kept),
        gone=len(set(committed) - kept),
        metres=sum(each.metres for each in worst.todo),
        reasons=_reasons(worst, best),
        seconds=sum(costs.seconds(each) for each in worst.todo) if costs.tiles else None,
    )


def _reasons(worst: Plan, best: Plan) -> Counter[str]:
    """Return the reasons and how many tiles have each; of tiles that may be spared, what may change."""
    sure = Counter(best.reasons.values())
    spared = (reason for tile, reason in worst.reasons.items() if tile not in best.reasons)
    return sure + Counter(reason.replace(" changed", " may change") for reason in spared)


def forecast_lines(forecasts: Sequence[Forecast], cores: int | None = None) -> list[str]:
    """Return what a run would do, a line for each table, as people read it; `cores` are those of this machine."""
    at_once = cores or os.cpu_count() or 1
    width = max((len(each.name) for each in forecasts), default=0)
    lines = [f"{'table':<{width}}  {'compute':>9} {'reuse':>9} {'of':>6} {'km':>12}  {'about':>7}  why"]
    lines += [_line(each, width, at_once) for each in forecasts]
    due = [each for each in forecasts if each.most]
    if not due:
        return [*lines, "nothing to compute"]
    count, timed = sum(each.most for each in due), [each.seconds for each in due if not each.is_read]
    known = [seconds for seconds in timed if seconds is not None]
    if not known:
        return [*lines, f"{count:,} tiles at most; what they take is not known before the first run"]
    least = "at least " if len(known) < len(timed) else ""
    return [*lines, f"{count:,} tiles at most, {least}about {sum(known) / at_once:.1f} s on {at_once} cores"]


def _line(each: Forecast, width: int, cores: int) -> str:
    count = f"{each.most:,}" if each.least == each.most else f"{each.least:,}–{each.most:,}"
    kept = each.total - each.most
    reuse = f"{kept:,}" if each.least == each.most else f"{kept:,}–{each.total - each.least:,}"
    about = "" if each.seconds is None or not each.most else f"{each.seconds / cores:.1f} s"
    why = [f"{number:,} {reason}" for reason, number in each.reasons.most_common()]
    why += [f"{each.gone:,} removed"] if each.gone else []
    told = f"{each.name:<{width}}  {count:>9} {reuse:>9} {each.total:>6,} {each.metres / 1000:>12,.1f}  {about:>7}"
    return f"{told}  {'; '.join(why)}".rstrip()
