"""Lifts that give any number of rows for each row."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract, field
from tasks.tile_lift import PerTile

STREET = Contract("street", 1, "id", (field("id", pa.string(), "Id."), field("houses", pa.int64(), "How many.")))
HOUSE = Contract(
    "house",
    1,
    "id",
    (field("id", pa.string(), "Street."), field("number", pa.int64(), "Number."), field("note", pa.string(), "Note.")),
    is_key_unique=False,
)


class Houses(NamedTuple):
    row: np.ndarray
    number: np.ndarray
    note: pa.Array


def houses_of(*, houses: np.ndarray) -> Houses:
    """Number the houses of each street; those of a street with thirteen have no note there."""
    row = np.repeat(np.arange(len(houses)), houses)
    number = np.concatenate([np.arange(each) for each in houses]) if len(houses) else np.empty(0, np.int64)
    notes = ["" if houses[place] != 13 or each != 12 else None for place, each in zip(row, number, strict=True)]
    return Houses(row, number, pa.array(notes, pa.string()))


LIFT = PerTile(houses_of, reads=STREET, writes=HOUSE, spreads=True)


@given(st.lists(st.tuples(st.integers(0, 14), st.booleans()), max_size=8))
@settings(deadline=None)
def test_each_row_has_as_many_as_it_has_or_is_refused_whole(streets: list[tuple[int, bool]]) -> None:
    counts, own = [count for count, _ in streets], [is_own for _, is_own in streets]
    names = [f"s{place}" for place in range(len(streets))]
    table = pa.table({"id": pa.array(names, pa.string()), "houses": pa.array(counts, pa.int64())})
    made = LIFT({"street": table.append_column("is_own", pa.array(own, pa.bool_()))})
    HOUSE.validate(made.rows)
    mine = [(name, count) for name, count, is_own in zip(names, counts, own, strict=True) if is_own]
    expected = [(name, number) for name, count in mine if count != 13 for number in range(count)]
    assert list(zip(made.rows["id"].to_pylist(), made.rows["number"].to_pylist(), strict=True)) == expected
    assert made.rejects["key"].to_pylist() == [name for name, count in mine if count == 13]
    assert set(made.rejects["reason"].to_pylist()) <= {"bad_value"}


def test_a_task_that_spreads_says_which_row_each_is_of() -> None:
    class Nameless(NamedTuple):
        number: np.ndarray
        note: pa.Array

    def nameless(*, houses: np.ndarray) -> Nameless:
        return Nameless(houses, pa.array([""] * len(houses)))

    with pytest.raises(TypeError, match="must return 'row' too"):
        PerTile(nameless, reads=STREET, writes=HOUSE, spreads=True)


def test_a_column_comes_as_it_is_where_the_task_asks_for_it() -> None:
    def whole(*, houses: pa.ChunkedArray) -> Houses:
        assert isinstance(houses, pa.ChunkedArray)
        return houses_of(houses=houses.to_numpy())

    lift = PerTile(whole, reads=STREET, writes=HOUSE, spreads=True)
    made = lift({"street": pa.table({"id": ["a"], "houses": [2]}, schema=STREET.schema)})
    assert made.rows["number"].to_pylist() == [0, 1]
