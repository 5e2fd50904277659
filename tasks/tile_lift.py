"""Lift a plain function over a whole tile, which it sees with its surroundings, to a function over Arrow tables."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.contract import Contract
from schemas.reject import REJECT
from schemas.vocabulary import RejectReason
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
    joined,
    match,
    reject_table,
)


@dataclass(frozen=True)
class PerTile:
    """Run a task once for a whole tile, which it sees with all rows of its neighbours within `halo_m` metres.

    `reads` are tables with one row for a key; the first gives the rows, the others are joined on its key. A
    parameter is a column of that name, as a sequence: NumPy arrays for numbers without nulls, an array of geometries
    where annotated `shapely`, else lists (None where a later table has no row). The task returns one value for each
    row in every field; rows of the halo are read-only copies, and what is returned for them is dropped. A parameter
    `is_own` tells them apart. `beside` are tables of other things: a parameter named after such a contract is the
    Arrow table of all its rows within `halo_m` of the tile. If the task raises, all rows of the tile are rejected.
    """

    task: Callable[..., Any]
    reads: Contract | tuple[Contract, ...]
    writes: Contract
    halo_m: float = 0.0
    beside: tuple[Contract, ...] = ()
    params: object | None = None

    def __post_init__(self) -> None:
        self.signature  # noqa: B018  (checked when built)

    @property
    def sources(self) -> tuple[Contract, ...]:
        """Contracts read, the one that gives the rows first."""
        return (*as_tuple(self.reads), *self.beside)

    @cached_property
    def signature(self) -> Signature:
        """How the task fits the contracts."""
        given = ("is_own", *(contract.name for contract in self.beside))
        return match(self.task, as_tuple(self.reads), self.writes, given=given, has_params=self.params is not None)

    def columns(self, contract: Contract) -> list[str]:
        """Return the columns of `contract` that the lift needs."""
        if contract in self.beside:
            return list(contract.names)
        return columns_read(contract, self.signature, is_first=contract == self.sources[0])

    def __call__(self, tables: Tables) -> Lifted:
        """Return rows and rejects of the tile's own rows, those whose `is_own` (a boolean column) is true or absent."""
        first = self.sources[0]
        table = tables[first.name]
        is_own = np.ones(table.num_rows, dtype=bool)
        if "is_own" in table.column_names:
            is_own = table.column("is_own").to_numpy()
        own = table.filter(pa.array(is_own))
        try:
            columns = self._call(tables, is_own)
        except Exception as error:
            reason = error.reason if isinstance(error, Refused) else RejectReason.FAILED
            refused = [(i, reason, f"{type(error).__name__}: {error}") for i in range(own.num_rows)]
            return Lifted(self.writes.empty(), reject_table(self.task, own.column(first.key), refused))
        return Lifted(assemble(self.writes, self.signature, own, columns), REJECT.empty())

    def _call(self, tables: Tables, is_own: npt.NDArray[np.bool_]) -> list[Values]:
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
        arguments: dict[str, Any] = {
            name: self._values(name, owner, tables) for name, owner in self.signature.needs.items()
        }
        asked = inspect.signature(self.task).parameters
        arguments |= {contract.name: tables[contract.name] for contract in self.beside if contract.name in asked}
        if "is_own" in asked:
            arguments["is_own"] = is_own
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


def _own(values: Values, is_own: npt.NDArray[np.bool_]) -> Values:
    if isinstance(values, np.ndarray):
        return values[is_own]
    return [value for value, own in zip(values, is_own, strict=True) if own]
