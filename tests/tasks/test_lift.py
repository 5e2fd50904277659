from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Contract, ContractError, field
from schemas.geometry import GEOMETRY_FIELD
from schemas.vocabulary import RejectReason
from tasks.lift import PerRow, Refused
from tasks.tile_lift import PerTile

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


def test_a_value_of_the_wrong_type_names_the_column() -> None:
    def wrong(*, width: float | None) -> Out:
        return Out("wide", [])  # type: ignore[arg-type]

    with pytest.raises(ContractError, match="out v1: 'size'"):
        PerRow(wrong, reads=ROAD, writes=OUT)({"road": roads([("r1", 1.0, {})])})


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


class Rank(NamedTuple):
    size: list[float]
    words: list[list[str]]


def rank(*, width: np.ndarray, is_own: np.ndarray) -> Rank:
    """How many rows in sight are wider."""
    return Rank([float((width > each).sum()) for each in width], [[str(own)] for own in is_own])


def test_a_tile_sees_its_halo_and_writes_its_own_rows() -> None:
    table = roads([("r0", 1.0, {}), ("r1", 9.0, {}), ("r2", 5.0, {})])
    table = table.append_column("is_own", pa.array([True, False, True]))
    made = PerTile(rank, reads=ROAD, writes=OUT, halo_m=100.0)({"road": table})
    assert made.rows.to_pylist() == [
        {"id": "r0", "size": 2.0, "words": ["True"]},
        {"id": "r2", "size": 1.0, "words": ["True"]},
    ]


def test_a_tile_task_that_raises_rejects_the_rows_of_its_tile() -> None:
    def fail(*, width: np.ndarray) -> Rank:
        raise Refused(RejectReason.BAD_VALUE, "no")

    table = roads([("r0", 1.0, {}), ("r1", 2.0, {})]).append_column("is_own", pa.array([True, False]))
    made = PerTile(fail, reads=ROAD, writes=OUT, halo_m=1.0)({"road": table})
    assert made.rows.num_rows == 0
    assert made.rejects.column("key").to_pylist() == ["r0"]
    assert made.rejects.column("reason").to_pylist() == ["bad_value"]


def crowd(
    *, geometry: "np.ndarray[shapely.Point]", people: list[int | None], class_: list[str | None], sight: pa.Table
) -> Rank:
    """How many people live at a row, who of the crowd is seen, and the class of the row."""
    seen = sorted(sight["id"].to_pylist())
    return Rank([-1.0 if each is None else float(each) for each in people], [[str(word), *seen] for word in class_])


TOWN = PerTile(crowd, reads=(ROAD, PLACE, CAR), beside=(SIGHT,), writes=OUT, halo_m=1.0)


@given(
    st.permutations(["r0", "r1", "r2", "r3"]),
    st.permutations(["r3", "r1", "r9"]),
    st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_a_tile_joins_tables_on_the_key_and_sees_others_whole(
    order: list[str], places: list[str], own: list[bool]
) -> None:
    """Whatever the order of rows: a place is that of its road, None where it has none; sights come as they are."""
    table = roads([(key, 1.0, {}) for key in order]).append_column("is_own", pa.array(own))
    beside = pa.table({"id": ["s2", "s1", "s1"], "speed": [1.0, 2.0, 3.0]}, schema=SIGHT.schema)
    joined = pa.table({"id": places, "people": [int(key[1:]) * 10 for key in places]}, schema=PLACE.schema)
    cars = pa.table({"id": ["r2"], "class": ["van"], "speed": [1.0]}, schema=CAR.schema)
    made = TOWN({"road": table, "place": joined, "car": cars, "sight": beside})
    people = {"r1": 10.0, "r3": 30.0}
    assert made.rows.to_pylist() == [
        {"id": key, "size": people.get(key, -1.0), "words": ["van" if key == "r2" else "None", "s1", "s1", "s2"]}
        for key, is_own in zip(order, own, strict=True)
        if is_own
    ]
    assert made.rejects.num_rows == 0


def test_a_tile_lift_says_which_columns_of_which_tables_it_needs() -> None:
    assert TOWN.sources == (ROAD, PLACE, CAR, SIGHT)
    assert [TOWN.columns(each) for each in TOWN.sources] == [
        ["id", "geometry"],
        ["id", "people"],
        ["id", "class"],
        ["id", "speed"],
    ]


def test_a_table_beside_is_no_source_of_columns() -> None:
    def wrong(*, width: list[float], people: list[int]) -> Rank: ...

    with pytest.raises(TypeError, match="wrong takes 'people', not in road"):
        PerTile(wrong, reads=ROAD, beside=(PLACE,), writes=OUT)


def test_a_tile_task_that_forgets_a_row_is_told() -> None:
    def short(*, width: list[float | None]) -> Rank:
        return Rank([1.0], [["a"]] * len(width))

    made = PerTile(short, reads=ROAD, writes=OUT)({"road": roads([("r0", 1.0, {}), ("r1", 2.0, {})])})
    assert made.rows.num_rows == 0
    assert made.rejects["message"].to_pylist() == ["ValueError: 'size' has not one value for each of the 2 rows"] * 2
