"""Give out the tiles of a stage until each has come back: first together, then more carefully. Knows no engine.

A tile that never came back, since its worker died or was ended at the time limit, is given to a process apart; one that
was refused memory gets all that a machine has. No tile is given out more than `ROUNDS` times.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.plan import Plan
from pipelines.schedule import Care, Group
from pipelines.table import Table
from pipelines.tile_run import Done, StageError, TilePlan
from pipelines.tile_worker import Told
from schemas.receipt import Measured

ROUNDS = 5

UNTOLD = "untold"
"""Stands for the reasons of rows whose worker died after it had committed them; the reject table has them."""

NO_MEMORY = MemoryError.__name__

Schedule = Callable[[Sequence[TilePlan], Care], list[Group]]
"""Puts tiles together into map tasks."""

GiveOut = Callable[[Group], Iterator[Told]]
"""Lets workers compute a group of tiles and yields what they tell, in no promised order; tiles may be missing."""


@dataclass
class Rounds:
    """The tiles of a stage that are still to come, and how carefully each is to be handled."""

    plan: Plan
    target: Table
    schedule: Schedule
    give_out: GiveOut
    waiting: dict[str, TilePlan] = field(init=False)
    care: dict[str, Care] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with all tiles."""
        self.waiting = {tile.tile: tile for tile in self.plan.todo}
        self.care = dict.fromkeys(self.waiting, Care())

    @property
    def apart(self) -> list[str]:
        """Tiles that had to be computed apart so far."""
        return [tile for tile, care in self.care.items() if care.is_apart]

    def told(self) -> Iterator[Told]:
        """Yield what is told of each tile, once.

        Raises
        ------
        StageError
            If tiles are still missing after the last round.
        """
        for _ in range(ROUNDS):
            for group in self._groups():
                yield from self._of_group(group)
            if not self.waiting:
                return
        tiles = sorted(self.waiting)
        more = f" and {len(tiles) - 1} more" if tiles[1:] else ""
        raise StageError(
            f"{self.target.contract.name}: tile {tiles[0]}{more} never came back in {ROUNDS} rounds, each in a process "
            "apart; tiles committed so far are kept"
        )

    def _groups(self) -> list[Group]:
        """Return what is to be given out in this round."""
        levels = sorted({self.care[tile] for tile in self.waiting})
        return [
            group
            for care in levels
            for group in self.schedule([plan for tile, plan in self.waiting.items() if self.care[tile] == care], care)
        ]

    def _of_group(self, group: Group) -> Iterator[Told]:
        missing = {plan.tile: plan for batch in group.batches for plan in batch}
        for told in self.give_out(group):
            missing.pop(told.tile, None)
            care = self.care[told.tile]
            if told.kind == NO_MEMORY and not (care.is_alone and care.is_apart):
                self.care[told.tile] = Care(is_apart=care.is_apart or care.is_alone, is_alone=True)
            elif self.waiting.pop(told.tile, None):
                yield told
        yield from self._missing(missing.values())

    def _missing(self, plans: Iterable[TilePlan]) -> Iterator[Told]:
        """Yield what was committed by workers that died before they said so; handle the rest with more care."""
        for plan in plans:
            receipt = self.target.receipt(plan.tile)
            if receipt and receipt.fingerprint == plan.fingerprint:
                del self.waiting[plan.tile]
                refused = {UNTOLD: receipt.rows_rejected} if receipt.rows_rejected else {}
                yield Told(plan.tile, Done(receipt, Measured(plan.tile, plan.rows, 0.0, 0.0), refused))
            else:
                self.care[plan.tile] = self.care[plan.tile]._replace(is_apart=True)
