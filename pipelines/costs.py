"""What tiles have cost, kept beside a table, and how tiles are put together into batches by it."""

import heapq
import json
from collections.abc import Sequence
from dataclasses import asdict

from pipelines.table import Table, write_whole
from pipelines.tile_run import TilePlan
from schemas.receipt import Measured

SECONDS_PER_BATCH = 5.0
"""What a map task should last at least: Ray Data leaves a core idle for about 0.1 s after each."""

BATCHES_PER_CORE = 2
"""How many map tasks each core gets while nothing has been measured."""


class Costs:
    """Seconds and peak memory of each tile, as last measured: `costs.json` beside the tiles of a table."""

    def __init__(self, table: Table) -> None:
        self._file = table.folder / "_costs.json"
        self.tiles = self._read()

    def _read(self) -> dict[str, Measured]:
        """Return the costs that stand there; what cannot be read is only forgotten, since no value rests on it."""
        try:
            return {each["tile"]: Measured(**each) for each in json.loads(self._file.read_text())}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def add(self, measured: Measured) -> None:
        """Keep what a tile has cost, in place of what it cost before."""
        self.tiles[measured.tile] = measured

    def save(self) -> None:
        """Write the costs, for people and for the next run."""
        told = [asdict(self.tiles[tile]) for tile in sorted(self.tiles)]
        write_whole(self._file, json.dumps(told, indent=0).encode())

    def _batch_count(self, rows: int, cores: int) -> int:
        measured = sum(each.rows for each in self.tiles.values())
        if not measured:
            return cores * BATCHES_PER_CORE
        seconds = rows * sum(each.seconds for each in self.tiles.values()) / measured
        return cores * max(1, round(seconds / SECONDS_PER_BATCH / cores))

    def batches(self, plans: Sequence[TilePlan], *, cores: int) -> list[list[TilePlan]]:
        """Return tiles in batches of about `SECONDS_PER_BATCH` or more, at least one for each core, heaviest first.

        Each tile goes to the batch that is lightest so far (longest processing time first; Graham 1969).
        """
        count = min(len(plans), self._batch_count(sum(plan.rows for plan in plans), cores))
        heap: list[tuple[int, int, list[TilePlan]]] = [(0, index, []) for index in range(count)]
        for plan in sorted(plans, key=lambda each: (-each.rows, each.tile)):
            rows, index, batch = heapq.heappop(heap)
            batch.append(plan)
            heapq.heappush(heap, (rows + plan.rows, index, batch))
        return [batch for _, _, batch in sorted(heap, reverse=True)]
