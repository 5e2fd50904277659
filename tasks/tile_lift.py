"""Lift a plain function over a whole tile, which it sees with its surroundings, to a function over Arrow tables."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.contract import Contract
from schemas.reject import REJECT
from schemas.vocabulary import RejectReason
from tasks.bisection import culprits
from tasks.columns import array_values
from tasks.lift import (
    Lifted,
    Refusal,
    Refused,
    Signature,
    Tables,
    Values,
    as_tuple,
    assemble,
    column_of,
    columns_read,
    gathered,
    joined,
    match,
    reject_table,
    sliced,
    taken,
    without,
)

Flags = npt.NDArray[np.bool_]

IS_OWN = "is_own"
"""Boolean column that the engine adds to a first table with a halo."""

ROW = "row"
"""Field that tells of which row each row out was made, where there may be any number of them."""


@dataclass(frozen=True)
class PerTile:
    """Run a task once for a whole tile, which it sees with all rows of its neighbours within `halo_m` metres.

    `reads` are tables with one row for a key; the first gives the rows, the others are joined on its key. A
    parameter is a column of that name, as a sequence: NumPy arrays for numbers without nulls, an array of geometries
    where annotated `shapely`, else lists (None where a later table has no row). The task returns one value for each
    row in every field; rows of the halo are read-only copies, and what is returned for them is dropped. A parameter
    `is_own` tells them apart. `gathers` are tables with many rows for a key: a parameter is a `Grouped`, which holds
    for each row, of the halo too, all values that belong to it. `beside` are tables of other things: a parameter named
    after such a contract is the Arrow table of all its rows within `beside_m` of the tile (without it `halo_m`), with
    `beside_columns` (all without it). A parameter annotated `pa.ChunkedArray` is the Arrow column itself.

    With `spreads` any number of rows may come out for each row: the task returns a field `row` too, the place of the
    row that each belongs to, and one value for each row out in the other fields. What is not returned is carried over
    from that row. A row for which something is returned that `writes` does not allow is rejected with all of it.

    If the task raises, the rows on which it raises alone are found, own ones rejected, and the task is run again
    without them; where this does not help, all own rows are rejected. `Refused` refuses all own rows.
    """

    task: Callable[..., Any]
    reads: Contract | tuple[Contract, ...]
    writes: Contract
    halo_m: float = 0.0
    beside: tuple[Contract, ...] = ()
    gathers: tuple[Contract, ...] = ()
    params: object | None = None
    beside_m: float | None = None
    beside_columns: tuple[str, ...] = ()
    spreads: bool = False

    def __post_init__(self) -> None:
        self.signature  # noqa: B018  (checked when built)

    @property
    def sources(self) -> tuple[Contract, ...]:
        """Contracts read, the one that gives the rows first."""
        return (*self._joined, *self.beside)

    @property
    def _joined(self) -> tuple[Contract, ...]:
        """Those of `sources` that go by the key."""
        return (*as_tuple(self.reads), *self.gathers)

    @property
    def sight_m(self) -> float:
        """How far around the tile tables of `beside` are given, in metres."""
        return self.halo_m if self.beside_m is None else self.beside_m

    @cached_property
    def signature(self) -> Signature:
        """How the task fits the contracts."""
        given = (IS_OWN, *(contract.name for contract in self.beside))
        told = (ROW,) if self.spreads else ()
        return match(self.task, self._joined, self.writes, given=given, told=told, has_params=self.params is not None)

    def columns(self, contract: Contract) -> list[str]:
        """Return the columns of `contract` that the lift needs."""
        if contract in self.beside:
            return [name for name in contract.names if name in self.beside_columns or not self.beside_columns]
        return columns_read(contract, self.signature, is_first=contract == self.sources[0])

    def __call__(self, tables: Tables) -> Lifted:
        """Return rows and rejects of the tile's own rows, those whose `is_own` (a boolean column) is true or absent.

        Raises
        ------
        MemoryError
            If the task does: the tile is too large, and no row of it to blame.
        """
        try:
            return self._lifted(tables)
        except Refused as error:
            return self._refused(tables, error.reason, f"Refused: {error}")
        except MemoryError:
            raise
        except Exception as error:
            return self._without_culprits(tables, f"{type(error).__name__}: {error}")

    def _lifted(self, tables: Tables) -> Lifted:
        """Run the task on the tables as they are."""
        table = tables[self.sources[0].name]
        is_own = _is_own(table)
        made = self._call(tables)
        if self.spreads:
            return self._spread(table, is_own, made)
        own = table if is_own.all() else table.filter(pa.array(is_own))
        rows, misfits = assemble(self.writes, self.signature, own, _own(made, is_own))
        return Lifted(rows, reject_table(self.task, own.column(self.sources[0].key), misfits))

    def _spread(self, table: pa.Table, is_own: Flags, made: tuple[Values, ...]) -> Lifted:
        """Return the rows that a task has made of own rows, each with what it carries over."""
        told = dict(zip(self.task_fields, made, strict=True))
        places = np.asarray(told.pop(ROW), dtype=np.int64)
        columns = list(told.values())
        refused: list[Refusal] = []
        if not is_own.all():
            kept = np.flatnonzero(is_own[places])
            places, columns = places[kept], [taken(each, kept) for each in columns]
        rows, misfits = assemble(self.writes, self.signature, self._carried(table, places), columns)
        if misfits:
            reasons = {int(places[out]): (reason, message) for out, reason, message in reversed(misfits)}
            kept = np.flatnonzero(~np.isin(places, list(reasons)))
            source = self._carried(table, places[kept])
            rows, _ = assemble(self.writes, self.signature, source, [taken(each, kept) for each in columns])
            refused = [(row, *why) for row, why in sorted(reasons.items())]
        return Lifted(rows, self._rejects({self.sources[0].name: table}, refused))

    def _carried(self, table: pa.Table, places: npt.NDArray[np.int64]) -> pa.Table:
        """Return what rows out carry over, and at least the key, for each the place of its row."""
        names = [*dict.fromkeys([*self.signature.carried, self.sources[0].key])]
        return table.select(names).take(pa.array(places))

    @property
    def task_fields(self) -> tuple[str, ...]:
        """Fields of what the task returns."""
        fields: tuple[str, ...] = self.signature.hints["return"]._fields
        return fields

    def _refused(self, tables: Tables, reason: RejectReason, message: str) -> Lifted:
        """Reject all own rows."""
        rows = np.flatnonzero(_is_own(tables[self.sources[0].name])).tolist()
        return Lifted(self.writes.empty(), self._rejects(tables, [(row, reason, message) for row in rows]))

    def _rejects(self, tables: Tables, refused: Sequence[tuple[int, RejectReason, str]]) -> pa.Table:
        first = self.sources[0]
        return reject_table(self.task, tables[first.name].column(first.key), refused)

    def _without_culprits(self, tables: Tables, message: str) -> Lifted:
        """Run the task without the rows that it raises on when they are alone; reject those that are own."""
        table = tables[self.sources[0].name]
        told = {0: message}
        found = culprits(partial(self._breaks, tables, told), table.num_rows)
        if found.undecided or not found.culprits:
            return self._refused(tables, RejectReason.TOGETHER, message)
        try:
            rest = self._rest(tables, found.culprits)
        except MemoryError:
            raise
        except Exception as error:
            return self._refused(tables, RejectReason.TOGETHER, f"{type(error).__name__}: {error}")
        is_own = _is_own(table)
        refused = [(row, RejectReason.FAILED, told[row]) for row in found.culprits if is_own[row]]
        rejects = pa.concat_tables([rest.rejects, self._rejects(tables, refused)]).sort_by("key")
        return Lifted(rest.rows, rejects)

    def _rest(self, tables: Tables, culprits: Sequence[int]) -> Lifted:
        """Return what the task makes of the tile without some rows."""
        left = without(self, tables, culprits)
        if not _is_own(left[self.sources[0].name]).any():
            return Lifted(self.writes.empty(), REJECT.empty())
        try:
            return self._lifted(left)
        except Refused as error:
            return self._refused(left, error.reason, f"Refused: {error}")

    def _breaks(self, tables: Tables, told: dict[int, str], part: range) -> bool:
        """Whether the task raises on these rows without the others; what it says is noted at the first of them."""
        try:
            self._call(sliced(self, tables, part))
        except Refused:
            return False
        except MemoryError:
            raise
        except Exception as error:
            told[part.start] = f"{type(error).__name__}: {error}"
            return True
        return False

    def _call(self, tables: Tables) -> tuple[Values, ...]:
        """Return what the task gives, checked for its shape."""
        is_own = _is_own(tables[self.sources[0].name])
        columns: tuple[Values, ...] = self.task(**self.arguments(tables, is_own))
        told = dict(zip(self.task_fields, columns, strict=True))
        count = len(told[ROW]) if self.spreads else len(is_own)
        wrong = [name for name, values in told.items() if len(values) != count]
        if wrong:
            raise ValueError(f"{wrong[0]!r} has not one value for each of the {count} rows")
        return columns

    def arguments(self, tables: Tables, is_own: Flags) -> dict[str, Any]:
        """Return what the task is called with for a tile."""
        given = gathered(self, self.signature, tables)
        arguments: dict[str, Any] = {
            name: given[name] if name in given else self._values(name, owner, tables)
            for name, owner in self.signature.needs.items()
        }
        asked = inspect.signature(self.task).parameters
        arguments |= {contract.name: tables[contract.name] for contract in self.beside if contract.name in asked}
        if IS_OWN in asked:
            arguments[IS_OWN] = is_own
        if self.signature.takes_params:
            arguments["params"] = self.params
        return arguments

    def _values(self, name: str, owner: str, tables: Tables) -> Values:
        contract = next(each for each in self.sources if each.name == owner)
        column = tables[owner].column(column_of(name))
        if contract != self.sources[0]:
            first = self.sources[0]
            column = joined(column, tables[owner].column(contract.key), tables[first.name].column(first.key))
        return array_values(column, self.signature.hints.get(name))


def _is_own(table: pa.Table) -> Flags:
    """Return which rows are the tile's own: all but those of the halo."""
    if IS_OWN not in table.column_names:
        return np.ones(table.num_rows, dtype=bool)
    flags: Flags = table.column(IS_OWN).to_numpy()
    return flags


def _own(columns: Sequence[Values], is_own: Flags) -> list[Values]:
    """Return what columns have for own rows."""
    if is_own.all():
        return list(columns)
    rows = np.flatnonzero(is_own)
    return [taken(each, rows) for each in columns]
