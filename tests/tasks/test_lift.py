from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Contract, field
from schemas.geometry import GEOMETRY_FIELD
from schemas.vocabulary import RejectReason
from tasks.lift import PerRow, Refused, sliced

ROAD = Contract(
    "road", 1, "id",
    (
        field("id", pa.string(), "Id."),
        GEOMETRY_FIELD,
        field("width", pa.float64(), "Width.", unit="m", nullable=True),
        field("tags", pa.map_(pa.string(), pa.string()), "Tags."),
    ),
)  # fmt: skip
PLACE = Contract("place", 1, "id", (field("id", pa.string(), "Id."), field("people", pa.int64(), "Inhabitants.")))
SIGHT = Contract(
    "sight", 1, "id", (field("id", pa.string(), "Id."), field("speed", pa.float64(), "Speed.")), is_key_unique=False
)
OUT = Contract(
    "out", 1, "id",
    (
        field("id", pa.string(), "Id."),
        field("size", pa.float64(), "Size.", nullable=True),
        field("words", pa.list_(pa.string()), "Words."),
    ),
)  # fmt: skip


class Out(NamedTuple):
    size: float | None
    words: list[str]


@dataclass(frozen=True)
class Params:
    factor: float = 2.0


def describe(*, geometry: shapely.LineString, width: float | None, tags: dict[str, str], params: Params) -> Out:
    if width is not None and width < 0:
        raise Refused(RejectReason.BAD_VALUE, f"width {width} is negative")
    if "crash" in tags:
        raise KeyError("crash")
    return Out(geometry.length * (width or 0.0) * params.factor, sorted(tags))


def roads(rows: list[tuple[str, float | None, dict[str, str]]]) -> pa.Table:
    line = shapely.to_wkb(shapely.LineString([(0, 0), (3, 4)]))
    return pa.Table.from_pylist(
        [{"id": i, "geometry": line, "width": w, "tags": list(t.items())} for i, w, t in rows], schema=ROAD.schema
    )


DESCRIBE = PerRow(describe, reads=ROAD, writes=OUT, params=Params())
ROWS = st.lists(
    st.tuples(st.none() | st.floats(-1, 9), st.dictionaries(st.sampled_from("abc") | st.just("crash"), st.just("x")))
)


def test_columns_arrive_as_values_and_leave_as_columns() -> None:
    made = DESCRIBE({"road": roads([("r1", 2.0, {"b": "1", "a": "2"}), ("r2", None, {})])})
    assert made.rows.to_pylist() == [
        {"id": "r1", "size": 20.0, "words": ["a", "b"]},
        {"id": "r2", "size": 0.0, "words": []},
    ]
    assert made.rejects.num_rows == 0


def test_what_a_task_raises_becomes_a_reject_with_key_and_reason() -> None:
    made = DESCRIBE({"road": roads([("r1", -1.0, {}), ("r2", 1.0, {}), ("r3", 1.0, {"crash": "x"})])})
    assert made.rows.column("id").to_pylist() == ["r2"]
    assert made.rejects.to_pylist() == [
        {"key": "r1", "task": "describe", "reason": "bad_value", "message": "width -1.0 is negative"},
        {"key": "r3", "task": "describe", "reason": "failed", "message": "KeyError: 'crash'"},
    ]


@given(ROWS, st.integers(1, 7))
def test_batches_do_not_matter(rows: list[tuple[float | None, dict[str, str]]], size: int) -> None:
    table = roads([(f"r{i}", width, tags) for i, (width, tags) in enumerate(rows)])
    whole = DESCRIBE({"road": table})
    parts = [DESCRIBE({"road": table.slice(i, size)}) for i in range(0, table.num_rows, size)]
    assert whole.rows.num_rows + whole.rejects.num_rows == table.num_rows
    assert whole.rows.to_pylist() == [row for part in parts for row in part.rows.to_pylist()]
    assert whole.rejects.to_pylist() == [row for part in parts for row in part.rejects.to_pylist()]


def meet(*, people: int | None, speed: np.ndarray) -> Out:
    return Out(None if people is None else float(people), [f"{each:g}" for each in speed])


@given(st.lists(st.tuples(st.sampled_from(["r0", "r1", "r2", "elsewhere"]), st.floats(0, 99)), max_size=30))
def test_tables_are_joined_on_the_key_and_many_rows_gathered_in_order(sights: list[tuple[str, float]]) -> None:
    lift = PerRow(meet, reads=(ROAD, PLACE), gathers=(SIGHT,), writes=OUT)
    places = pa.table({"id": ["r2", "r0"], "people": [7, 5]}, schema=PLACE.schema)
    seen = pa.Table.from_pylist([{"id": i, "speed": s} for i, s in sights], schema=SIGHT.schema)
    made = lift({"road": roads([(f"r{i}", None, {}) for i in range(3)]), "place": places, "sight": seen})
    assert made.rows.column("size").to_pylist() == [5.0, None, 7.0]
    naive = [[f"{s:g}" for i, s in sights if i == f"r{k}"] for k in range(3)]
    assert made.rows.column("words").to_pylist() == naive


def test_a_lift_is_checked_when_it_is_built() -> None:
    def misspelt(*, heigths: float) -> Out: ...

    def untyped(*, width: float): ...  # type: ignore[no-untyped-def]

    class Short(NamedTuple):
        size: float

    def forgets(*, width: float) -> Short: ...

    with pytest.raises(TypeError, match="misspelt takes 'heigths', not in road"):
        PerRow(misspelt, reads=ROAD, writes=OUT)
    with pytest.raises(TypeError, match="must say that it returns a NamedTuple"):
        PerRow(untyped, reads=ROAD, writes=OUT)
    with pytest.raises(TypeError, match="out needs 'words'"):
        PerRow(forgets, reads=ROAD, writes=OUT)
    with pytest.raises(TypeError, match="'params'"):
        PerRow(describe, reads=ROAD, writes=OUT)


class Sized(NamedTuple):
    level: int
    words: list[str] | None


SIZED = Contract(
    "sized", 1, "id",
    (
        field("id", pa.string(), "Id."),
        field("level", pa.int8(), "Level.", nullable=True),
        field("words", pa.list_(pa.string()), "Words."),
    ),
)  # fmt: skip
RETURNED: dict[float, tuple[Any, Any]] = {1: (1, []), 2: ("wide", []), 3: (300, []), 4: (2, None), 5: (10**30, ["a"])}


def odd(*, width: float) -> Sized:
    return Sized(*RETURNED[width])


@given(st.lists(st.sampled_from(sorted(RETURNED)), max_size=9))
def test_a_value_that_its_column_cannot_hold_is_a_reject(widths: list[float]) -> None:
    made = PerRow(odd, reads=ROAD, writes=SIZED)({"road": roads([(f"r{i}", w, {}) for i, w in enumerate(widths)])})
    SIZED.validate(made.rows)
    assert made.rows.column("id").to_pylist() == [f"r{i}" for i, width in enumerate(widths) if width == 1]
    assert made.rejects.column("key").to_pylist() == [f"r{i}" for i, width in enumerate(widths) if width != 1]
    assert set(made.rejects.column("reason").to_pylist()) <= {"bad_value"}
    for key, message in zip(*made.rejects.select(["key", "message"]).to_pydict().values(), strict=True):
        name = "words" if widths[int(key[1:])] == 4 else "level"
        assert message.startswith(f"sized v1: '{name}': ")


def test_refused_failed_and_misfit_rows_keep_their_keys() -> None:
    def mixed(*, width: float) -> Sized:
        if width == 7:
            raise Refused(RejectReason.BAD_VALUE, "seven")
        return Sized(*RETURNED[width])

    made = PerRow(mixed, reads=ROAD, writes=SIZED)(
        {"road": roads([(f"r{i}", width, {}) for i, width in enumerate([1, 7, 2, 9, 1])])}
    )
    assert made.rows.column("id").to_pylist() == ["r0", "r4"]
    assert made.rejects.column("key").to_pylist() == ["r1", "r2", "r3"]
    assert made.rejects.column("reason").to_pylist() == ["bad_value", "bad_value", "failed"]


def test_no_row_is_to_blame_for_a_lack_of_memory() -> None:
    def hungry(*, width: float) -> Sized:
        raise MemoryError

    with pytest.raises(MemoryError):
        PerRow(hungry, reads=ROAD, writes=SIZED)({"road": roads([("r0", 1.0, {})])})


STOP = Contract(
    "stop", 1, "road_id",
    (
        field("road_id", pa.string(), "Road."),
        field("seconds", pa.int32(), "Time.", unit="s", nullable=True),
        field("sign", pa.string(), "Sign."),
    ),
    is_key_unique=False,
)  # fmt: skip


def both(*, speed: np.ndarray, seconds: np.ndarray, sign: np.ndarray) -> Out:
    assert (speed.dtype, seconds.dtype, sign.dtype) == (np.float64, np.float64, object)
    return Out(float(np.nansum(seconds)), [f"{each:g}" for each in speed] + sorted(sign))


BOTH = PerRow(both, reads=ROAD, gathers=(SIGHT, STOP), writes=OUT)
KEYS = st.sampled_from(["r0", "r1", "r2", "elsewhere"])


def several(
    sights: list[tuple[str, float]], stops: list[tuple[str, int | None, str]], chunk: int
) -> dict[str, pa.Table]:
    """Three roads with two tables gathered, which come in chunks."""
    seen = pa.Table.from_pylist([{"id": i, "speed": s} for i, s in sights], schema=SIGHT.schema)
    held = pa.Table.from_pylist([{"road_id": i, "seconds": s, "sign": w} for i, s, w in stops], schema=STOP.schema)
    parts = [held.slice(i, chunk) for i in range(0, held.num_rows, chunk)]
    road = roads([(f"r{i}", None, {}) for i in range(3)])
    return {"road": road, "sight": seen, "stop": pa.concat_tables(parts) if parts else held}


@given(
    st.lists(st.tuples(KEYS, st.floats(0, 99)), max_size=20),
    st.lists(st.tuples(KEYS, st.none() | st.integers(0, 99), st.sampled_from("abc")), max_size=20),
    st.integers(1, 7),
)
def test_several_tables_are_gathered(
    sights: list[tuple[str, float]], stops: list[tuple[str, int | None, str]], chunk: int
) -> None:
    made = BOTH(several(sights, stops, chunk))
    for k, row in enumerate(made.rows.to_pylist()):
        assert row["size"] == sum(seconds or 0 for i, seconds, _ in stops if i == f"r{k}")
        signs = sorted(sign for i, _, sign in stops if i == f"r{k}")
        assert row["words"] == [f"{s:g}" for i, s in sights if i == f"r{k}"] + signs


def test_sliced_tables_hold_what_belongs_to_their_rows() -> None:
    tables = several([("r2", 1.0), ("r0", 2.0), ("r1", 3.0)], [("r1", 4, "a"), ("r2", 5, "b")], 1)
    parts = [sliced(BOTH, tables, range(start, stop)) for start, stop in ((0, 1), (1, 3), (3, 3))]
    assert [part["road"]["id"].to_pylist() for part in parts] == [["r0"], ["r1", "r2"], []]
    assert [part["sight"]["speed"].to_pylist() for part in parts] == [[2.0], [1.0, 3.0], []]
    assert [part["stop"]["seconds"].to_pylist() for part in parts] == [[], [4, 5], []]
    whole = BOTH(tables).rows
    assert pa.concat_tables([BOTH(part).rows for part in parts]).to_pylist() == whole.to_pylist()


def test_tables_are_joined_by_keys_of_one_type() -> None:
    numbered = Contract("numbered", 1, "id", (field("id", pa.int64(), "Id."), field("speed", pa.float64(), "Speed.")))
    with pytest.raises(TypeError, match="numbered names its rows by int64, road by string"):
        PerRow(meet, reads=(ROAD, PLACE), gathers=(numbered,), writes=OUT)


CAR = Contract(
    "car", 1, "id",
    (field("id", pa.string(), "Id."), field("class", pa.string(), "Class."), field("speed", pa.float64(), "Speed.")),
)  # fmt: skip


def named(*, class_: str, speed: float) -> Out:
    return Out(speed, [class_])


def test_a_parameter_with_an_underscore_is_the_column_that_python_keeps_for_itself() -> None:
    cars = pa.table({"id": ["a", "b"], "class": ["van", None], "speed": [1.0, 2.0]}, schema=CAR.schema)
    lift = PerRow(named, reads=CAR, writes=OUT)
    assert lift.columns(CAR) == ["id", "class", "speed"]
    assert lift({"car": cars.slice(0, 1)}).rows.to_pylist() == [{"id": "a", "size": 1.0, "words": ["van"]}]
