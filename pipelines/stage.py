"""Run a lift over all tiles of its tables on Ray Data. The one module that imports ray."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import ray
import ray.data
from prefect import task
from prefect.cache_policies import NO_CACHE
from ray.exceptions import RayError, WorkerCrashedError

from pipelines.costs import Costs
from pipelines.plan import Plan, plan_stage
from pipelines.progress import Progress
from pipelines.settings import Settings, be_quiet, check_address
from pipelines.table import Rejects, Table, TableError, open_table
from pipelines.tile_run import StageError, TilePlan, TileRun, told_of_all
from schemas.receipt import Measured, Receipt
from tasks.lift import Lift

RETRIES = 2
"""How often a batch is tried again when its worker dies; Ray Data's own default is for ever."""


def run(lift: Lift, *tables: Table, into: str, settings: Settings) -> Table:
    """Run `lift` over `tables`, tile by tile, as one Prefect task; return the table written below `into`.

    Raises
    ------
    StageError
        If a tile fails, rows get lost, or more than `settings.max_reject_rate` of them are rejected.
    """
    named = task(name=lift.writes.name, cache_policy=NO_CACHE, task_run_name=lift.writes.name)(run_stage)
    return named(lift, tables, into, settings)


def run_stage(lift: Lift, tables: Sequence[Table], into: str, settings: Settings) -> Table:
    """Do what `run` does, without Prefect."""
    target = open_table(lift.writes, into)
    rejects = Rejects(into)
    plan = plan_stage(lift, tables, target)
    done = list(plan.reused)
    costs = Costs(target)
    if plan.todo:
        work = TileRun(lift, tuple(tables), Path(into).absolute())
        for receipt, measured in _compute(work, plan, costs, settings):
            done.append(receipt)
            costs.add(measured)
        costs.save()
    tiles = {receipt.tile for receipt in done}
    target.keep_only(tiles)
    rejects.keep_only(lift.writes.name, tiles)
    _check_all(lift.writes.name, plan, done, settings)
    return target


def _compute(work: TileRun, plan: Plan, costs: Costs, settings: Settings) -> Iterator[tuple[Receipt, Measured]]:
    """Yield a receipt for each tile as it is committed, in no promised order."""
    connect(settings)
    name = work.lift.writes.name
    batches = costs.batches(plan.todo, cores=_cores())
    metres = sum(tile.metres for tile in plan.todo)
    failures: list[Exception] = []
    with Progress(name, tiles=len(plan.todo), metres=metres) as progress:
        for row in _map_batches(name, work, batches):
            if row["error"]:
                failures.append(_failure(name, row))
                continue
            receipt = Receipt.from_json(row["receipt"])
            progress.add(receipt)
            yield receipt, Measured(**json.loads(row["measured"]))
    if failures:
        more = f" (and {len(failures) - 1} more tiles)" if failures[1:] else ""
        raise type(failures[0])(f"{failures[0]}{more}")


def _failure(name: str, row: dict[str, str]) -> Exception:
    """Return the error of a tile: what the disk refused is the caller's to mend, all else is the stage's."""
    if row["kind"] == TableError.__name__:
        return TableError(row["error"])
    return StageError(f"{name}: tile {row['tile']}: {row['kind']}: {row['error']}")


def _map_batches(name: str, work: TileRun, batches: Sequence[Sequence[TilePlan]]) -> Iterator[dict[str, str]]:
    """Send batches of tiles through Ray Data, one map task each, and yield what they say of every tile."""
    blocks = [pa.table({"plan": [plan.to_json() for plan in batch]}) for batch in batches]
    with ray.data.DataContext.current(_data_options()), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no named parameter for the retries of a dead worker yet
        dataset = ray.data.from_arrow(blocks)
        dataset.set_name(name)
        mapped = dataset.map_batches(
            _batch_function(name, work), batch_format="pyarrow", batch_size=None, max_retries=RETRIES
        )
        rows = mapped.iter_rows()
    try:
        for row in rows:
            yield from json.loads(row["told"])
    except WorkerCrashedError as error:
        raise StageError(f"{name}: a worker died {RETRIES + 1} times; tiles committed so far are kept") from error
    except RayError as error:
        cause = str(error).strip().splitlines()
        raise StageError(f"{name}: {cause[-1] if cause else type(error).__name__}") from error


def _batch_function(name: str, work: TileRun) -> Callable[[pa.Table], Iterator[pa.Table]]:
    """Return the function that Ray Data maps over batches of tiles, under the name that its dashboard shows."""

    def batch(plans: pa.Table) -> Iterator[pa.Table]:
        return told_of_all(work, plans.column("plan").to_pylist())

    batch.__name__ = name
    return batch


def _check_all(stage: str, plan: Plan, done: Sequence[Receipt], settings: Settings) -> None:
    """Raise unless each tile is done once, every row came out or was refused, and not too many were refused."""
    rows_in = sum(receipt.rows_in for receipt in done)
    rows_out = sum(receipt.rows_out for receipt in done)
    rejected = sum(receipt.rows_rejected for receipt in done)
    if len(done) != len(plan.todo) + len(plan.reused) or rows_in != rows_out + rejected:
        raise StageError(
            f"{stage}: {rows_in} rows in {len(plan.todo) + len(plan.reused)} tiles in, "
            f"but {rows_out} out and {rejected} rejected in {len(done)} tiles"
        )
    if rejected > settings.max_reject_rate * rows_in:
        raise StageError(
            f"{stage}: {rejected} of {rows_in} rows rejected, more than {settings.max_reject_rate:.1%}: see the "
            "reject table, or allow more with --max-reject-rate"
        )


def connect(settings: Settings) -> None:
    """Start Ray on this machine, or connect to the cluster of the settings; nothing happens the second time."""
    if not ray.is_initialized():
        be_quiet()
        check_address(settings.cluster)
        ray.init(address=settings.cluster, logging_level=logging.ERROR, log_to_driver=False)


def _cores() -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)))


def _data_options() -> ray.data.DataContext:
    """Return options for the datasets of stages, apart from those of the program that calls them."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    options = ray.data.DataContext.get_current().copy()
    options.enable_progress_bars = False
    options.print_on_execution_start = False
    options.target_max_block_size = 1  # hand over each receipt at once
    return options
