"""Lift a plain function over one segment (or one tile) to a function over Arrow tables.

A task names the columns that it reads as its parameters and the columns that it writes as the fields of the
NamedTuple it returns. A lift checks that against the contracts when it is built, and is then a picklable
`tables -> rows and rejects` that any engine, or a plain loop, can call.
"""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import Contract, ContractError
from schemas.reject import REJECT
from schemas.vocabulary import RejectReason
from tasks.columns import gathered, python_values

Tables = Mapping[str, pa.Table]
"""Tables of one tile by the name of their contract."""

Values = Sequence[Any] | npt.NDArray[Any]
"""One value for each row; of an array with two dimensions each row is a list."""


class Lifted(NamedTuple):
    """What a lift makes of a tile."""

    rows: pa.Table
    """Rows of the contract written."""
    rejects: pa.Table
    """Rows of REJECT: one for every row that the task refused or failed on."""


class Refused(ValueError):
    """Raised by a task to refuse its row for a coded reason; the run goes on."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Lift(Protocol):
    """What a stage runs: its contracts, its halo, and a call from tables to rows."""

    @property
    def task(self) -> Callable[..., Any]:
        """The plain function."""

    @property
    def params(self) -> object | None:
        """Its parameters, a frozen dataclass; part of the fingerprint of every tile."""

    @property
    def sources(self) -> tuple[Contract, ...]:
        """Contracts read; the first one says which rows there are."""

    @property
    def beside(self) -> tuple[Contract, ...]:
        """Those of `sources` that are given whole, by place and not by key: all features near the tile."""

    @property
    def writes(self) -> Contract:
        """Contract written."""

    @property
    def halo_m(self) -> float:
        """How far into neighbouring tiles the task sees, in metres."""

    def columns(self, contract: Contract) -> list[str]:
        """Return the columns of a contract read that the lift needs."""

    def __call__(self, tables: Tables) -> Lifted:
        """Return rows and rejects of one tile."""


@dataclass(frozen=True)
class Signature:
    """What a task asks for and gives, matched with the contracts of its lift."""

    needs: dict[str, str]
    """Parameter -> name of the contract whose column it is."""
    gives: tuple[str, ...]
    """Fields of the NamedTuple it returns."""
    carried: tuple[str, ...]
    """Columns of the contract written that come unchanged from the first contract read."""
    hints: dict[str, Any]
    takes_params: bool


def match(
    task: Callable[..., Any],
    sources: Sequence[Contract],
    writes: Contract,
    *,
    given: Sequence[str] = (),
    has_params: bool = False,
) -> Signature:
    """Return how `task` fits the contracts; `given` names parameters that are not columns.

    Raises
    ------
    TypeError
        If it asks for a column that no contract read has, or fails to give one that the contract written needs.
    """
    hints = typing.get_type_hints(task)
    asked = [name for name in inspect.signature(task).parameters if name not in given]
    if has_params != ("params" in asked):
        raise TypeError(f"{task.__name__} must take 'params' exactly when its lift has params")
    needs: dict[str, str] = {}
    for name in asked:
        if name == "params":
            continue
        owners = [contract.name for contract in sources if column_of(name) in contract.names]
        if not owners:
            raise TypeError(f"{task.__name__} takes {name!r}, not in {', '.join(c.name for c in sources)}")
        needs[name] = owners[0]
    gives = tuple(getattr(hints.get("return"), "_fields", ()))
    if not gives:
        raise TypeError(f"{task.__name__} must say that it returns a NamedTuple")
    return Signature(needs, gives, _carried(task, gives, sources[0], writes), hints, has_params)


def column_of(parameter: str) -> str:
    """Return the column that a parameter stands for: `class_` is the column `class`, as Python's own words need.

    Examples
    --------
    >>> column_of("class_"), column_of("length_m")
    ('class', 'length_m')
    """
    return parameter.removesuffix("_")


def _carried(task: Callable[..., Any], gives: tuple[str, ...], first: Contract, writes: Contract) -> tuple[str, ...]:
    unknown = [name for name in gives if name not in writes.names]
    if unknown:
        raise TypeError(f"{task.__name__} returns {unknown[0]!r}, not in {writes.name}")
    carried = tuple(name for name in writes.names if name not in gives)
    for name in carried:
        if name not in first.names or not first[name].type.equals(writes[name].type):
            raise TypeError(f"{writes.name} needs {name!r}: neither returned by {task.__name__} nor in {first.name}")
    return carried


@dataclass(frozen=True)
class PerRow:
    """Run a task once for each row of the first table.

    `reads` are tables with one row for a key, joined on it: a parameter is the value of the column of that name
    (of the first contract that has it; None where a later table has no row). `gathers` are tables with many rows
    for a key: a parameter is a NumPy array of all values that belong to the row, in the order of the table.
    A parameter annotated `shapely.Geometry` (or a subclass) is the decoded geometry; one named `params` is `params`.
    """

    task: Callable[..., Any]
    reads: Contract | tuple[Contract, ...]
    writes: Contract
    gathers: tuple[Contract, ...] = ()
    params: object | None = None
    halo_m: float = field(default=0.0, init=False)
    beside: tuple[Contract, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self.signature  # noqa: B018  (checked when built)

    @property
    def sources(self) -> tuple[Contract, ...]:
        """Contracts read, the one that gives the rows first."""
        return (*as_tuple(self.reads), *self.gathers)

    @cached_property
    def signature(self) -> Signature:
        """How the task fits the contracts."""
        return match(self.task, self.sources, self.writes, has_params=self.params is not None)

    def columns(self, contract: Contract) -> list[str]:
        """Return the columns of `contract` that the lift needs."""
        return columns_read(contract, self.signature, is_first=contract == self.sources[0])

    def __call__(self, tables: Tables) -> Lifted:
        """Return rows and rejects for the tables of one tile, named by their contracts."""
        first = self.sources[0]
        given = tables[first.name]
        rows, refused = self._loop(self._columns(tables), given.num_rows)
        kept = given
        if refused:
            kept = given.take(np.setdiff1d(np.arange(given.num_rows), [index for index, _, _ in refused]))
        return Lifted(
            assemble(self.writes, self.signature, kept, list(zip(*rows, strict=True))),
            reject_table(self.task, given.column(first.key), refused),
        )

    def arguments(self, tables: Tables) -> Iterator[dict[str, Any]]:
        """Yield for each row of the first table what the task is called with."""
        extra = {"params": self.params} if self.signature.takes_params else {}
        for row in _rows(self._columns(tables), tables[self.sources[0].name].num_rows):
            yield dict(zip(self.signature.needs, row, strict=True)) | extra

    def _columns(self, tables: Tables) -> list[Sequence[Any]]:
        """Return for each parameter a value for every row."""
        first = self.sources[0]
        keys = tables[first.name].column(first.key)
        return [self._values(name, owner, keys, tables) for name, owner in self.signature.needs.items()]

    def _values(self, name: str, owner: str, keys: pa.ChunkedArray, tables: Tables) -> Sequence[Any]:
        """Return one value of parameter `name` for each key."""
        contract = next(each for each in self.sources if each.name == owner)
        table = tables[owner]
        if contract in self.gathers:
            return gathered(table.column(column_of(name)), table.column(contract.key), keys)
        column = table.column(column_of(name))
        if contract != self.sources[0]:
            column = joined(column, table.column(contract.key), keys)
        return python_values(column, self.signature.hints.get(name))

    def _loop(
        self, columns: Sequence[Sequence[Any]], count: int
    ) -> tuple[list[tuple[Any, ...]], list[tuple[int, RejectReason, str]]]:
        """Call the task for each row; what it raises becomes (index, reason, message)."""
        call = self._row_call()
        rows: list[tuple[Any, ...]] = []
        refused: list[tuple[int, RejectReason, str]] = []
        for index, row in enumerate(_rows(columns, count)):
            try:
                rows.append(call(row))
            except Refused as error:
                refused.append((index, error.reason, str(error)))
            except Exception as error:
                refused.append((index, RejectReason.FAILED, f"{type(error).__name__}: {error}"))
        return rows, refused

    def _row_call(self) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        """Return the task as a function of one tuple.

        Written out as source, as dataclasses write their `__init__`: passing the keywords of each row as a dict
        takes 0.6 µs more, a tenth of a small task.
        """
        given = [f"{name}=row[{index}]" for index, name in enumerate(self.signature.needs)]
        given += ["params=params"] * self.signature.takes_params
        source = f"lambda row: task({', '.join(given)})"
        called: Callable[[tuple[Any, ...]], tuple[Any, ...]] = eval(source, {"task": self.task, "params": self.params})
        return called


def _rows(columns: Sequence[Sequence[Any]], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else iter([()] * count)


def as_tuple(contracts: Contract | tuple[Contract, ...]) -> tuple[Contract, ...]:
    """Return one contract or several as a tuple."""
    return contracts if isinstance(contracts, tuple) else (contracts,)


def joined(column: pa.ChunkedArray, owners: pa.ChunkedArray, keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return for each of `keys` the value of `column` whose owner it is, null where there is none."""
    if owners.equals(keys):
        return column
    return column.take(pc.index_in(keys, value_set=owners))


def columns_read(contract: Contract, signature: Signature, *, is_first: bool) -> list[str]:
    """Return the columns of a contract that a task needs, its key among them."""
    wanted = {column_of(name) for name, owner in signature.needs.items() if owner == contract.name} | {contract.key}
    if is_first:
        wanted |= set(signature.carried)
    return [name for name in contract.names if name in wanted]


def assemble(contract: Contract, signature: Signature, source: pa.Table, values: Sequence[Values]) -> pa.Table:
    """Return rows of `contract`: carried columns of `source`, and the task's columns of Python values."""
    made = dict(zip(signature.gives, values, strict=True)) if values else dict.fromkeys(signature.gives, ())
    columns = []
    for each in contract.fields:
        if each.name in made:
            columns.append(_arrow_column(contract, each.name, made[each.name]))
        else:
            columns.append(source.column(each.name))
    return pa.Table.from_arrays(columns, schema=contract.schema)


def _arrow_column(contract: Contract, name: str, values: Values) -> pa.Array:
    try:
        if isinstance(values, np.ndarray) and values.ndim == 2:
            return _lists(values).cast(contract[name].type)
        return pa.array(values, type=contract[name].type, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ContractError(f"{contract.name} v{contract.version}: {name!r}: {error}") from error


def _lists(rows: npt.NDArray[Any]) -> pa.ListArray:
    """Return the rows of an array as lists."""
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(rows).ravel()))


def reject_table(
    task: Callable[..., Any], keys: pa.ChunkedArray, refused: Sequence[tuple[int, RejectReason, str]]
) -> pa.Table:
    """Return refused rows, given as place in `keys`, reason and message, as rows of REJECT."""
    if not refused:
        return REJECT.empty()
    indices, reasons, messages = zip(*refused, strict=True)
    named = keys.take(pa.array(indices)).cast(pa.string()).to_pylist()
    columns = [named, [task.__name__] * len(refused), [str(reason) for reason in reasons], list(messages)]
    return pa.Table.from_arrays([pa.array(each, pa.string()) for each in columns], schema=REJECT.schema)
