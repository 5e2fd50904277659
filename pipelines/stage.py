"""Run a lift over all tiles of its tables on Ray Data. The one module that imports ray."""

import atexit
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError
from ray.util.metrics import Counter, Gauge

from pipelines import foresight
from pipelines.memory import MB, machine_mb
from pipelines.schedule import Budget, Group
from pipelines.settings import LOCAL, NODE_NEEDED, AddressError, Settings, be_quiet, check_address
from pipelines.shipping import runtime_env
from pipelines.stage_report import METRICS, report
from pipelines.stage_run import StageRun
from pipelines.table import Table
from pipelines.tile_run import StageError
from pipelines.tile_worker import Order, Told, told_of_all, warm_up
from tasks.lift import Lift

GIVEN_OUT = 0.99
"""Share of a machine's memory that stages ask for: all of it, rounded, might be more than Ray has."""


def run(lift: Lift, *tables: Table, into: str, settings: Settings) -> Table:
    """Run `lift` over `tables`, tile by tile, as one Prefect task; return the table written below `into`.

    Raises
    ------
    StageError
        If a tile fails, rows get lost, or more than `settings.max_reject_rate` of them are rejected.
    """
    if plan := foresight.current():
        return plan.stage(lift, tables, into)
    from prefect import task  # here, so that Ray can start while Prefect is imported
    from prefect.cache_policies import NO_CACHE

    named = task(name=lift.writes.name, cache_policy=NO_CACHE, task_run_name=lift.writes.name)(run_stage)
    return named(lift, tables, into, settings)


def run_stage(lift: Lift, tables: Sequence[Table], into: str, settings: Settings) -> Table:
    """Do what `run` does, without Prefect."""
    started = time.perf_counter()
    stage = StageRun(lift, tables, into, settings)
    try:
        if stage.plan.todo:
            connect(settings)
            stage.compute(RayEngine())
        stage.finish()
    finally:
        report(stage.ran(time.perf_counter() - started))
    return stage.target


def start(settings: Settings, modules: Sequence[str] = ()) -> None:
    """Connect, and let workers start and import `modules` while the caller goes on.

    To be called in the main thread: elsewhere `ray.init` comes back, but the next question to Ray hangs.
    """
    connect(settings)
    if settings.cluster == LOCAL:
        for _ in range(os.cpu_count() or 1):
            ray.remote(warm_up).remote(modules)


def connect(settings: Settings) -> None:
    """Start Ray on this machine, or connect to the cluster of the settings; nothing happens the second time."""
    if ray.is_initialized():
        return
    be_quiet()
    check_address(settings.cluster)
    is_local = settings.cluster == LOCAL
    try:
        ray.init(
            address=settings.cluster,
            logging_level=logging.ERROR,
            log_to_driver=False,
            include_dashboard=settings.dashboard if is_local else None,
            runtime_env=None if is_local else runtime_env(),
        )
    except (ConnectionError, RayError) as error:
        told = str(error).strip().partition("\n")[0]
        raise AddressError(f"address {settings.cluster!r}: {told}: {NODE_NEEDED}") from error
    atexit.register(ray.shutdown)  # before Ray's own call of it, which waits half a second for logs that go nowhere


class RayEngine:
    """Map tasks on the Ray cluster that `connect` has found."""

    @property
    def cores(self) -> int:
        """How many map tasks run side by side."""
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return max(1, int(resources.get("CPU", 1)))

    def budget(self, settings: Settings) -> Budget:
        """Return what memory there is on the machine that has least for each core."""
        cores = max([1.0, *(machine["CPU"] for machine in _machines())])
        machine = settings.memory_gb * 1e3 if settings.memory_gb else self._machine_mb()
        return Budget(worker_mb=GIVEN_OUT * machine / cores, machine_mb=GIVEN_OUT * machine)

    def _machine_mb(self) -> float:
        """Return the memory that Ray gives out on the smallest machine."""
        told = [machine["memory"] / MB for machine in _machines() if machine.get("memory")]
        return min(told or [machine_mb()])

    def map_tiles(self, order: Order, group: Group, settings: Settings) -> Iterator[Told]:
        """Send batches of tiles through Ray Data, one map task each, and yield what they say of every tile.

        Ray tries nothing again and goes on without what a dead worker had: that is for the rounds of a stage.
        """
        blocks = [pa.table({"plan": [plan.to_json() for plan in batch]}) for batch in group.batches]
        share = self._machine_mb() / settings.memory_gb / 1e3 if settings.memory_gb else 1.0
        arguments = {"max_retries": 0, "memory": int(group.memory_mb * share * MB)}
        with ray.data.DataContext.current(_data_options()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about functions that return arguments being new
            dataset = ray.data.from_arrow(blocks)
            dataset.set_name(order.stage)
            mapped = dataset.map_batches(
                _batch_function(order, is_apart=group.care.is_apart),
                batch_format="pyarrow",
                batch_size=None,
                ray_remote_args_fn=lambda: arguments,
            )
            rows = mapped.iter_rows()
        try:
            for row in rows:
                yield from (Told.from_json(told) for told in json.loads(row["told"]))
        except RayError as error:
            cause = str(error).strip().splitlines()
            raise StageError(f"{order.stage}: {cause[-1] if cause else type(error).__name__}") from error

    def count(self, stage: str, values: Mapping[str, float]) -> None:
        """Add what one tile gave to the metrics that Ray shows."""
        for name, value in values.items():
            metric = _metric(name)
            if isinstance(metric, Gauge):
                metric.set(value, tags={"stage": stage})
            elif value > 0:
                metric.inc(value, tags={"stage": stage})


def _machines() -> list[dict[str, float]]:
    """Return what each machine of the cluster that computes has to give: CPU, and memory in bytes."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"] and node["Resources"].get("CPU")]


@cache
def _metric(name: str) -> Counter | Gauge:
    told = METRICS[name]
    kind = Gauge if told.kind == "gauge" else Counter
    return kind(name, description=told.help, tag_keys=("stage",))


def _batch_function(order: Order, *, is_apart: bool) -> Callable[[pa.Table], Iterator[pa.Table]]:
    """Return the function that Ray Data maps over batches of tiles, under the name that its dashboard shows."""

    def batch(plans: pa.Table) -> Iterator[pa.Table]:
        return told_of_all(order, plans.column("plan").to_pylist(), is_apart=is_apart)

    batch.__name__ = order.stage
    return batch


def _data_options() -> ray.data.DataContext:
    """Return options for the datasets of stages, apart from those of the program that calls them."""
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    options = ray.data.DataContext.get_current().copy()
    options.enable_progress_bars = False
    options.print_on_execution_start = False
    options.target_max_block_size = 1  # hand over each receipt at once
    options.op_resource_reservation_enabled = False  # with it the second map task of a data set starts 1 s late
    options.max_errored_blocks = -1
    return options
