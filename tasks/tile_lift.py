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
    without,
)

IS_OWN = "is_own"
"""Boolean column that the engine adds to a first table with a halo."""


@dataclass(frozen=True)
class PerTile:
    """Run a task once for a whole tile, which it sees with all rows of its neighbours within `halo_m` metres.

    `reads` are tables with one row for a key; the first gives the rows, the others are joined on its key. A
    parameter is a column of that name, as a sequence: NumPy arrays for numbers without nulls, an array of geometries
    where annotated `shapely`, else lists (None where a later table has no row). The task returns one value for each
    row in every field; rows of the halo are read-only copies, and what is returned for them is dropped. A parameter
    `is_own` tells them apart. `gathers` are tables with many rows for a key: a parameter is a `Grouped`, which holds
    for each row, of the halo too, all values that belong to it. `beside` are tables of other things: a parameter named
    after such a contract is the Arrow table of all its rows within `halo_m` of the tile.

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

    @cached_property
    def signature(self) -> Signature:
        """How the task fits the contracts."""
        given = (IS_OWN, *(contract.name for contract in self.beside))
        return match(self.task, self._joined, self.writes, given=given, has_params=self.params is not None)

    def columns(self, contract: Contract) -> list[str]:
        """Return the columns of `contract` that the lift needs."""
        if contract in self.beside:
            return list(contract.names)
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
        columns = self._call(tables)
        own = table if is_own.all() else table.filter(pa.array(is_own))
        rows, misfits = assemble(self.writes, self.signature, own, columns)
        return Lifted(rows, reject_table(self.task, own.column(self.sources[0].key), misfits))

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

    def _call(self, tables: Tables) -> list[Values]:
        """Return what the task gives for the tile's own rows."""
        is_own = _is_own(tables[self.sources[0].name])
        arguments = self.arguments(tables, is_own)
        columns = self.task(**arguments)
        wrong = [name for name, values in zip(columns._fields, columns, strict=True) if len(values) != len(is_own)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} has not one value for each of the {len(is_own)} rows")
        if is_own.all():
            return list(columns)
        return [_own(values, is_own) for values in columns]

    def arguments(self, tables: Tables, is_own: npt.NDArray[np.bool_]) -> dict[str, Any]:
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

    def _values(self, name: str, owner: str, tables: Tables) -> npt.NDArray[Any] | list[Any]:
        contract = next(each for each in self.sources if each.name == owner)
        column = tables[owner].column(column_of(name))
        if contract != self.sources[0]:
            first = self.sources[0]
            column = joined(column, tables[owner].column(contract.key), tables[first.name].column(first.key))
        return array_values(column, self.signature.hints.get(name))


def _is_own(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which rows are the tile's own: all but those of the halo."""
    if IS_OWN not in table.column_names:
        return np.ones(table.num_rows, dtype=bool)
    flags: npt.NDArray[np.bool_] = table.column(IS_OWN).to_numpy()
    return flags


def _own(values: Values, is_own: npt.NDArray[np.bool_]) -> Values:
    if isinstance(values, np.ndarray):
        return values[is_own]
    return [value for value, own in zip(values, is_own, strict=True) if own]
