"""What tiles have cost, kept beside a table, and what tiles will cost by it."""

import json
import statistics
from dataclasses import asdict, fields
from functools import cached_property

from pipelines.memory import WORKER_MB
from pipelines.table import Table
from pipelines.tile_run import TilePlan
from schemas.receipt import Measured

FILE = "_costs.json"

GROWTH_PER_READ = 40.0
"""Memory (MB) that a tile takes for each MB that it reads, while nothing has been measured: columns are unpacked, and
rows become Python objects."""

LEAST_GROWTH_MB = 20.0

MARGIN = 1.25
"""What is set aside of memory beyond what was measured."""


class Costs:
    """Seconds and peak memory of each tile, as last measured: `_costs.json` beside the tiles of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.tiles = self._read()

    def _read(self) -> dict[str, Measured]:
        """Return the costs that stand there; what cannot be read is only forgotten, since no value rests on it."""
        known = {each.name for each in fields(Measured)}
        try:
            told = json.loads(self._table.store.read(FILE))
            return {each["tile"]: Measured(**{k: v for k, v in each.items() if k in known}) for each in told}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def add(self, measured: Measured) -> None:
        """Keep what a tile has cost, in place of what it cost before."""
        self.tiles[measured.tile] = measured

    def save(self) -> None:
        """Write the costs, for people and for the next run."""
        told = [asdict(self.tiles[tile]) for tile in sorted(self.tiles)]
        self._table.store.write(FILE, json.dumps(told, indent=0).encode())

    @cached_property
    def seconds_per_row(self) -> float:
        """Mean over all tiles measured; 0 if there are none."""
        rows = sum(each.rows for each in self.tiles.values())
        return sum(each.seconds for each in self.tiles.values()) / rows if rows else 0.0

    @cached_property
    def growth_per_read(self) -> float:
        """MB of memory for each MB read: that of the hungriest tile among those that read enough to tell."""
        told = [each for each in self.tiles.values() if each.read_mb > 0]
        if not told:
            return GROWTH_PER_READ
        enough = statistics.median(each.read_mb for each in told)
        return max((each.peak_mb - each.base_mb) / each.read_mb for each in told if each.read_mb >= enough)

    def seconds(self, plan: TilePlan) -> float:
        """Return how long a tile will take: as last time, by its rows; where it is unknown, as others did."""
        known = self.tiles.get(plan.tile)
        if known and known.rows:
            return known.seconds / known.rows * plan.rows
        return (self.seconds_per_row or 1e-5) * plan.rows

    def growth_mb(self, plan: TilePlan) -> float:
        """Return how much memory a tile will take beyond that of an idle worker, with a margin."""
        return max(LEAST_GROWTH_MB, MARGIN * self.growth_per_read * plan.read_mb)

    def need_mb(self, plan: TilePlan) -> float:
        """Return how much memory a worker will take with this tile."""
        return WORKER_MB + self.growth_mb(plan)
