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
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import Contract, ContractError
from schemas.reject import REJECT
from schemas.vocabulary import RejectReason
from tasks.columns import python_values
from tasks.grouped import Grouped, Owned, column_array, owned, places
from tasks.grouped_words import GroupedWords, grouped_words

Tables = Mapping[str, pa.Table]
"""Tables of one tile by the name of their contract."""

Values: TypeAlias = Sequence[Any] | npt.NDArray[Any] | pa.Array | pa.ChunkedArray
"""One value for each row; of an array with two dimensions each row is a list."""


Refusal = tuple[int, RejectReason, str]
"""Place of a row, why it was refused, and the same in words."""


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
    def gathers(self) -> tuple[Contract, ...]:
        """Those of `sources` with many rows for a key."""

    @property
    def beside(self) -> tuple[Contract, ...]:
        """Those of `sources` that are given whole, by place and not by key: all features near the tile."""

    @property
    def writes(self) -> Contract:
        """Contract written."""

    @property
    def halo_m(self) -> float:
        """How far into neighbouring tiles the task sees, in metres."""

    @property
    def sight_m(self) -> float:
        """How far around the tile tables of `beside` are given, in metres."""

    @property
    def spreads(self) -> bool:
        """Whether any number of rows may come out for each row."""

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
    told: Sequence[str] = (),
    has_params: bool = False,
) -> Signature:
    """Return how `task` fits the contracts; `given` names parameters that are not columns, `told` such fields.

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
    _check_keys(sources)
    fields = tuple(getattr(hints.get("return"), "_fields", ()))
    if not fields:
        raise TypeError(f"{task.__name__} must say that it returns a NamedTuple")
    missing = [name for name in told if name not in fields]
    if missing:
        raise TypeError(f"{task.__name__} must return {missing[0]!r} too")
    gives = tuple(name for name in fields if name not in told)
    return Signature(needs, gives, _carried(task, gives, sources[0], writes), hints, has_params)


def _check_keys(sources: Sequence[Contract]) -> None:
    first = sources[0]
    for other in sources[1:]:
        ours, theirs = first[first.key].type, other[other.key].type
        if not ours.equals(theirs):
            raise TypeError(f"{other.name} names its rows by {theirs}, {first.name} by {ours}: they cannot be joined")


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
    for a key: a parameter is a read-only NumPy array of all values that belong to the row, in the order of the table,
    empty where there are none; in numbers that may be null NaN stands for null.
    A parameter annotated `shapely.Geometry` (or a subclass) is the decoded geometry; one named `params` is `params`.
    """

    task: Callable[..., Any]
    reads: Contract | tuple[Contract, ...]
    writes: Contract
    gathers: tuple[Contract, ...] = ()
    params: object | None = None
    halo_m: float = field(default=0.0, init=False)
    sight_m: float = field(default=0.0, init=False)
    beside: tuple[Contract, ...] = field(default=(), init=False)
    spreads: bool = field(default=False, init=False)

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
        places_left = np.setdiff1d(np.arange(given.num_rows), [index for index, _, _ in refused])
        kept = given.take(pa.array(places_left)) if refused else given
        made, misfits = assemble(self.writes, self.signature, kept, list(zip(*rows, strict=True)))
        refused += [(int(places_left[index]), reason, message) for index, reason, message in misfits]
        return Lifted(made, reject_table(self.task, given.column(first.key), sorted(refused)))

    def arguments(self, tables: Tables) -> Iterator[dict[str, Any]]:
        """Yield for each row of the first table what the task is called with."""
        extra = {"params": self.params} if self.signature.takes_params else {}
        for row in _rows(self._columns(tables), tables[self.sources[0].name].num_rows):
            yield dict(zip(self.signature.needs, row, strict=True)) | extra

    def _columns(self, tables: Tables) -> list[Sequence[Any]]:
        """Return for each parameter a value for every row."""
        given = gathered(self, self.signature, tables)
        return [
            list(given[name]) if name in given else self._values(name, owner, tables)
            for name, owner in self.signature.needs.items()
        ]

    def _values(self, name: str, owner: str, tables: Tables) -> Sequence[Any]:
        """Return the value of parameter `name` for each row of the first table."""
        first = self.sources[0]
        column = tables[owner].column(column_of(name))
        if owner != first.name:
            key = next(each.key for each in self.sources if each.name == owner)
            column = joined(column, tables[owner].column(key), tables[first.name].column(first.key))
        return python_values(column, self.signature.hints.get(name))

    def _loop(self, columns: Sequence[Sequence[Any]], count: int) -> tuple[list[tuple[Any, ...]], list[Refusal]]:
        """Call the task for each row; what it raises becomes (index, reason, message)."""
        call = self._row_call()
        rows: list[tuple[Any, ...]] = []
        refused: list[Refusal] = []
        for index, row in enumerate(_rows(columns, count)):
            try:
                rows.append(call(row))
            except Refused as error:
                refused.append((index, error.reason, str(error)))
            except MemoryError:  # the tile's fault and no row's: with less beside it the row may pass
                raise
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


def gathered(lift: Lift, signature: Signature, tables: Tables) -> dict[str, Grouped | GroupedWords]:
    """Return for each parameter that comes of a gathered table its values, row by row of the first table.

    Text is given as numbers of its words where the task says `GroupedWords`.
    """
    first = lift.sources[0]
    keys = tables[first.name].column(first.key)
    found: dict[str, Owned] = {}
    made: dict[str, Grouped | GroupedWords] = {}
    for name, owner in signature.needs.items():
        contract = next((each for each in lift.gathers if each.name == owner), None)
        if contract is None:
            continue
        table = tables[owner]
        if owner not in found:
            found[owner] = owned(table.column(contract.key), keys)
        field, hint = contract[column_of(name)], signature.hints.get(name)
        column = table.column(field.name)
        if hint is GroupedWords:
            made[name] = grouped_words(column, found[owner])
        else:
            made[name] = found[owner].grouped(column_array(column, hint, is_nullable=field.nullable))
    return made


def sliced(lift: Lift, tables: Tables, rows: range) -> Tables:
    """Return the tables of a tile with `rows` of the first table alone, those of the halo counted with the others.

    Tables joined or seen by place stay whole; of gathered ones only what belongs to `rows` is left.
    """
    return _narrowed(lift, tables, tables[lift.sources[0].name].slice(rows.start, len(rows)))


def without(lift: Lift, tables: Tables, rows: Sequence[int]) -> Tables:
    """Return the tables of a tile without some rows of the first table and what was gathered for them."""
    first = tables[lift.sources[0].name]
    kept = np.setdiff1d(np.arange(first.num_rows), rows)
    return _narrowed(lift, tables, first.take(pa.array(kept, pa.int64())))


def _narrowed(lift: Lift, tables: Tables, first: pa.Table) -> Tables:
    keys = first.column(lift.sources[0].key)
    left = dict(tables) | {lift.sources[0].name: first}
    for contract in lift.gathers:
        table = tables[contract.name]
        left[contract.name] = table.filter(pa.array(places(table.column(contract.key), keys) >= 0))
    return left


def columns_read(contract: Contract, signature: Signature, *, is_first: bool) -> list[str]:
    """Return the columns of a contract that a task needs, its key among them."""
    wanted = {column_of(name) for name, owner in signature.needs.items() if owner == contract.name} | {contract.key}
    if is_first:
        wanted |= set(signature.carried)
    return [name for name in contract.names if name in wanted]


def assemble(
    contract: Contract, signature: Signature, source: pa.Table, values: Sequence[Values]
) -> tuple[pa.Table, list[Refusal]]:
    """Return rows of `contract`: carried columns of `source`, and the task's columns of Python values.

    Rows with a value that the contract does not allow are left out; they come second, by their place in `source`.
    """
    made: dict[str, Values] = dict(zip(signature.gives, values, strict=True)) if values else {}
    misfits: dict[int, str] = {}
    columns: dict[str, pa.Array] = {}
    for name in signature.gives:
        try:
            columns[name] = _arrow_column(contract, name, made.get(name, ()))
        except ContractError:
            misfits |= _misfits(contract, name, made[name])
    if misfits:
        left = np.setdiff1d(np.arange(source.num_rows), list(misfits))
        rest, _ = assemble(contract, signature, source.take(pa.array(left)), [taken(each, left) for each in values])
        return rest, [(row, RejectReason.BAD_VALUE, misfits[row]) for row in sorted(misfits)]
    given = [columns[name] if name in columns else source.column(name) for name in contract.names]
    return pa.Table.from_arrays(given, schema=contract.schema), []


def _misfits(contract: Contract, name: str, values: Values) -> dict[int, str]:
    """Return which values a column cannot hold, and why."""
    found: dict[int, str] = {}
    for row in range(len(values)):
        try:
            _arrow_column(contract, name, values[row : row + 1])
        except ContractError as error:
            found[row] = str(error)
    return found


def taken(values: Values, rows: npt.NDArray[np.int64]) -> Values:
    """Return the values of some rows."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.take(pa.array(rows))
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]


def _arrow_column(contract: Contract, name: str, values: Values) -> pa.Array:
    told = f"{contract.name} v{contract.version}: {name!r}"
    field = contract[name]
    try:
        if isinstance(values, pa.Array | pa.ChunkedArray):
            column = values if values.type.equals(field.type) else values.cast(field.type)
        elif isinstance(values, np.ndarray) and values.ndim == 2:
            column = _lists(values).cast(field.type)
        else:
            is_float = isinstance(values, np.ndarray) and values.dtype.kind == "f"
            column = pa.array(values, type=field.type, from_pandas=is_float and field.nullable)  # NaN is null there
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise ContractError(f"{told}: {error}") from error
    if column.null_count and not field.nullable:
        raise ContractError(f"{told}: null, expected {field.type}")
    return column


def _lists(rows: npt.NDArray[Any]) -> pa.ListArray:
    """Return the rows of an array as lists."""
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(rows).ravel()))


def reject_table(task: Callable[..., Any], keys: pa.ChunkedArray, refused: Sequence[Refusal]) -> pa.Table:
    """Return refused rows, given as place in `keys`, reason and message, as rows of REJECT."""
    if not refused:
        return REJECT.empty()
    indices, reasons, messages = zip(*refused, strict=True)
    named = keys.take(pa.array(indices)).cast(pa.string()).to_pylist()
    columns = [named, [task.__name__] * len(refused), [str(reason) for reason in reasons], list(messages)]
    return pa.Table.from_arrays([pa.array(each, pa.string()) for each in columns], schema=REJECT.schema)
