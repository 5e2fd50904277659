"""Arrow columns as Python values: against Arrow's own, slower way."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.limit_odds import ODDS
from schemas.speed_rule import SPEED_RULE
from tasks.columns import array_values, python_values

TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.string(), st.text(max_size=5)),
    (pa.int32(), st.integers(-9, 9)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.list_(pa.float64()), st.lists(st.none() | st.floats(allow_nan=False), max_size=3)),
    (pa.map_(pa.string(), pa.string()), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)),
    (pa.list_(pa.map_(pa.string(), pa.int64())), st.lists(st.dictionaries(st.text(max_size=3), st.integers(0, 9)))),
    (
        pa.list_(pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
        st.lists(
            st.none()
            | st.fixed_dictionaries({"a": st.none() | st.integers(0, 9), "b": st.none() | st.lists(st.text())}),
            max_size=3,
        ),
    ),
]


@pytest.mark.parametrize(("kind", "value"), TYPES, ids=[str(kind) for kind, _ in TYPES])
@given(data=st.data())
def test_values_are_those_of_arrow(kind: pa.DataType, value: st.SearchStrategy[Any], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.none() | value, max_size=8))
    start = data.draw(st.integers(0, len(rows)))
    column = pa.chunked_array([pa.array(rows, kind).slice(start), pa.array(rows[:2], kind)])
    assert python_values(column) == column.to_pylist(maps_as_pydicts="strict")


@pytest.mark.parametrize("kind", [pa.list_(SPEED_RULE), pa.list_(ODDS)], ids=["rules", "odds"])
def test_empty_and_null_rows_of_contracts(kind: pa.DataType) -> None:
    column = pa.chunked_array([pa.array([[], None, []], kind)])
    assert python_values(column) == [[], None, []]


def test_lists_of_one_length_are_the_rows_of_an_array() -> None:
    column = pa.chunked_array([pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float32())).slice(1)])
    assert np.array_equal(array_values(column, np.ndarray), [[3.0, 4.0], [5.0, 6.0]])
    with pytest.raises(ValueError, match="as many in each"):
        array_values(pa.chunked_array([pa.array([[1.0], [1.0, 2.0]])]), np.ndarray)
