"""What a stage has to compute: the tiles whose fingerprint is not that of what is committed already."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.table import Table, TableError
from pipelines.tile_run import TilePlan
from schemas.contract import as_json
from schemas.geometry import BOX
from schemas.receipt import Receipt
from tasks.fingerprint import digest, source_digest
from tasks.lift import Lift
from tasks.tiling import rows_meeting, widened

Receipts = Mapping[str, Receipt]


class Plan(NamedTuple):
    """Tiles of a stage, in quadkey order."""

    todo: list[TilePlan]
    """Tiles to compute."""
    reused: list[Receipt]
    """Tiles that are committed and still hold."""


def plan_stage(lift: Lift, sources: Sequence[Table], target: Table) -> Plan:
    """Return which tiles of `target` must be computed from `sources`, and which need not."""
    given = [table.receipts() for table in sources]
    if not given[0]:
        raise TableError(f"{sources[0].folder}: no tiles: make this table first")
    neighbours = _neighbours(given[0], given[0], lift.halo_m) if lift.halo_m else {}
    places = {
        table.contract.name: _neighbours(given[0], receipts, lift.halo_m)
        for table, receipts in zip(sources, given, strict=True)
        if table.contract in lift.beside
    }
    recipe = _recipe_digest(lift)
    todo, reused = [], []
    for tile, own in given[0].items():
        around = tuple(other for other in neighbours.get(tile, ()) if other != tile)
        beside = {name: near[tile] for name, near in places.items()}
        fingerprint = digest(recipe, *_inputs(tile, sources, given, around, beside))
        done = target.receipt(tile)
        if done and done.fingerprint == fingerprint:
            reused.append(done)
        else:
            todo.append(TilePlan(tile, fingerprint, own.rows_out, own.metres, own.bbox, around, beside))
    return Plan(todo, reused)


def _recipe_digest(lift: Lift) -> str:
    """Digest of all that decides how rows are made: sources of task and lift, contracts, halo and parameters."""
    params = lift.params
    told = asdict(params) if is_dataclass(params) and not isinstance(params, type) else params
    return digest(
        source_digest([lift.task.__module__, type(lift).__module__]),
        lift.task.__qualname__,
        type(lift).__qualname__,
        str([as_json(contract) for contract in (*lift.sources, lift.writes)]),
        repr((lift.halo_m, told)),
    )


def _inputs(
    tile: str,
    sources: Sequence[Table],
    given: Sequence[Receipts],
    around: Sequence[str],
    beside: Mapping[str, Sequence[str]],
) -> list[str]:
    """Digests of all files that the tile is made from, each behind its name."""
    told = []
    for table, receipts in zip(sources, given, strict=True):
        name = table.contract.name
        tiles = beside.get(name, (tile, *around))
        told += [f"{name}/{each}={receipts[each].digest if each in receipts else 'none'}" for each in tiles]
    return told


def _neighbours(receipts: Receipts, others: Receipts, halo_m: float) -> dict[str, tuple[str, ...]]:
    """For each tile the tiles of another table with some feature within `halo_m` metres of its own features."""
    boxed = [tile for tile in others if others[tile].bbox]
    sides = np.array([others[tile].bbox for tile in boxed], dtype=np.float64).reshape(-1, 4)
    boxes = pa.StructArray.from_arrays([pa.array(side) for side in sides.T], names=[f.name for f in BOX])
    found: dict[str, tuple[str, ...]] = dict.fromkeys(receipts, ())
    for tile, receipt in receipts.items():
        if receipt.bbox:
            near = rows_meeting(boxes, widened(receipt.bbox, halo_m))
            found[tile] = tuple(boxed[i] for i in np.flatnonzero(near))
    return found
