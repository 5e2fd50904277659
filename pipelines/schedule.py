"""How the tiles of a stage are put together into map tasks, by the seconds and the memory they will take."""

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

from pipelines.costs import Costs
from pipelines.memory import WORKER_MB
from pipelines.tile_run import TilePlan

SECONDS_PER_BATCH = 1.0
"""What a map task should last at least: starting and ending one takes some 10 ms."""

BATCHES_PER_CORE = 8
"""How many map tasks each core gets while nothing has been measured."""


class Care(NamedTuple):
    """How carefully a tile is handled."""

    is_apart: bool = False
    """In a process of its own, since its worker died."""
    is_alone: bool = False
    """With all the memory of a machine, since it was refused some."""


class Budget(NamedTuple):
    """Memory that workers may take, in MB."""

    worker_mb: float
    """For each where all cores of a machine are at work."""
    machine_mb: float
    """For all workers of the smallest machine."""


class Group(NamedTuple):
    """Map tasks that run side by side."""

    batches: list[list[TilePlan]]
    """Tiles of each map task, heaviest first."""
    memory_mb: float
    """What each of them has set aside."""
    limit_mb: float
    """What a tile may take beyond an idle worker before it is refused memory."""
    care: Care = Care()


def careful(plans: Sequence[TilePlan], care: Care, budget: Budget) -> list[Group]:
    """Return tiles that are given out again, each as a map task of its own."""
    memory = budget.machine_mb if care.is_alone else budget.worker_mb
    return [Group([[plan] for plan in plans], memory, _room(memory), care)]


def groups(plans: Sequence[TilePlan], costs: Costs, *, cores: int, budget: Budget, is_row_by_row: bool) -> list[Group]:
    """Return the work of a stage in groups, that of most memory first.

    A tile that needs more than a worker's share is computed in parts where rows are independent of one another
    (`is_row_by_row`), else by a map task with more memory, beside which fewer others run.
    """
    light, heavy = [], []
    for plan in plans:
        if costs.need_mb(plan) <= budget.worker_mb:
            light.append(plan)
        elif is_row_by_row:
            light.append(plan._replace(parts=_parts(plan, costs, budget)))
        else:
            heavy.append(plan)
    made = [_heavy(plan, costs, budget) for plan in sorted(heavy, key=costs.need_mb, reverse=True)]
    if light:
        most = min(budget.worker_mb, max(costs.need_mb(plan) for plan in light))
        made.append(Group(batches(light, costs, cores=cores), most, _room(budget.worker_mb)))
    return made


def _parts(plan: TilePlan, costs: Costs, budget: Budget) -> int:
    return min(plan.rows, math.ceil(costs.growth_mb(plan) / _room(budget.worker_mb)))


def _heavy(plan: TilePlan, costs: Costs, budget: Budget) -> Group:
    memory = min(costs.need_mb(plan), budget.machine_mb)
    return Group([[plan]], memory, _room(memory))


def _room(memory_mb: float) -> float:
    """Return what a worker may take beyond what it takes before it reads anything."""
    return max(memory_mb - WORKER_MB, 0.5 * memory_mb)


def batches(plans: Sequence[TilePlan], costs: Costs, *, cores: int) -> list[list[TilePlan]]:
    """Return tiles in batches of about `SECONDS_PER_BATCH` or more, at least one for each core, heaviest first.

    Each tile goes to the batch that is lightest so far (longest processing time first; Graham 1969).
    """
    seconds = [costs.seconds(plan) for plan in plans]
    count = min(len(plans), _batch_count(sum(seconds), costs, cores))
    heap: list[tuple[float, int, list[TilePlan]]] = [(0.0, index, []) for index in range(count)]
    for expected, plan in sorted(zip(seconds, plans, strict=True), key=lambda each: (-each[0], each[1].tile)):
        load, index, batch = heapq.heappop(heap)
        batch.append(plan)
        heapq.heappush(heap, (load + expected, index, batch))
    return [batch for _, _, batch in sorted(heap, key=lambda each: (-each[0], each[1]))]


def _batch_count(seconds: float, costs: Costs, cores: int) -> int:
    if not costs.tiles:
        return cores * BATCHES_PER_CORE
    return cores * max(1, round(seconds / SECONDS_PER_BATCH / cores))
