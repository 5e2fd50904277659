"""PerTile: what a whole tile is given, and what is refused of it when its task breaks down."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract, field
from schemas.geometry import BOX
from schemas.vocabulary import RejectReason
from tasks.grouped import Grouped
from tasks.grouped_words import GroupedWords
from tasks.lift import Lifted, Refused, sliced
from tasks.tile_lift import PerTile
from tasks.tiling import Grid, box_centres, cell_codes, grid_by_count, rows_meeting, total_box, widened
from tests.tasks.test_lift import CAR, OUT, PLACE, ROAD, SIGHT, roads


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


class Speeds(NamedTuple):
    size: np.ndarray
    words: list[list[str]]


def speeds(*, speed: Grouped, seconds: Grouped, is_own: np.ndarray) -> Speeds:
    assert len(speed) == len(seconds) == len(is_own)
    return Speeds(
        speed.count.astype(float), [[f"{each:g}" for each in np.r_[a, b]] for a, b in zip(speed, seconds, strict=True)]
    )


STOP = Contract(
    "stop", 1, "road_id",
    (field("road_id", pa.string(), "Road."), field("seconds", pa.int32(), "Time.", unit="s", nullable=True)),
    is_key_unique=False,
)  # fmt: skip
GATHERING = PerTile(speeds, reads=ROAD, gathers=(SIGHT, STOP), writes=OUT, halo_m=1.0)
KEYS = st.sampled_from(["r0", "r1", "r2", "r3", "elsewhere"])


@given(
    st.permutations(["r0", "r1", "r2", "r3"]),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.lists(st.tuples(KEYS, st.floats(0, 99)), max_size=20),
    st.lists(st.tuples(KEYS, st.none() | st.integers(0, 99)), max_size=20),
)
def test_a_tile_gathers_for_all_its_rows(
    order: list[str], own: list[bool], sights: list[tuple[str, float]], stops: list[tuple[str, int | None]]
) -> None:
    table = roads([(key, 1.0, {}) for key in order]).append_column("is_own", pa.array(own))
    seen = pa.Table.from_pylist([{"id": i, "speed": s} for i, s in sights], schema=SIGHT.schema)
    held = pa.Table.from_pylist([{"road_id": i, "seconds": s} for i, s in stops], schema=STOP.schema)
    made = GATHERING({"road": table, "sight": seen, "stop": held})
    for row in made.rows.to_pylist():
        speed = [f"{s:g}" for i, s in sights if i == row["id"]]
        assert row["size"] == len(speed)
        assert row["words"] == speed + ["nan" if s is None else f"{s:g}" for i, s in stops if i == row["id"]]
    assert made.rows["id"].to_pylist() == [key for key, is_own in zip(order, own, strict=True) if is_own]


SIGN = Contract(
    "sign", 1, "road_id", (field("road_id", pa.string(), "Road."), field("face", pa.string(), "Face.", nullable=True)),
    is_key_unique=False,
)  # fmt: skip


def faces(*, face: GroupedWords) -> Speeds:
    return Speeds(face.count.astype(float), [[f"{each}" for each in texts.to_pylist()] for texts in face])


def test_text_is_gathered_as_numbers_of_words_where_a_task_says_so() -> None:
    lift = PerTile(faces, reads=ROAD, gathers=(SIGN,), writes=OUT)
    seen = [("r1", "50"), ("r0", "stop"), ("elsewhere", "60"), ("r1", None), ("r1", "30")]
    signs = pa.Table.from_pylist([{"road_id": road, "face": face} for road, face in seen], schema=SIGN.schema)
    made = lift({"road": roads([("r0", 1.0, {}), ("r1", 2.0, {})]), "sign": signs})
    assert made.rows["words"].to_pylist() == [["stop"], ["50", "None", "30"]]


def test_a_gathering_lift_says_what_it_reads() -> None:
    assert GATHERING.sources == (ROAD, SIGHT, STOP)
    assert [GATHERING.columns(each) for each in GATHERING.sources] == [["id"], ["id", "speed"], ["road_id", "seconds"]]


@dataclass(frozen=True)
class Touchy:
    """What a task breaks down on."""

    alone: frozenset[float] = frozenset()
    together: frozenset[float] = frozenset()


def touchy(*, width: np.ndarray, is_own: np.ndarray, params: Touchy) -> Rank:
    """The rank of each row; some widths it cannot bear, others only not beside one another."""
    for each in sorted(params.alone & set(width.tolist())):
        raise ZeroDivisionError(f"width {each:g}")
    if params.together and params.together <= set(width.tolist()):
        raise KeyError("together")
    return rank(width=width, is_own=is_own)


def lifted(count: int, own: list[bool], params: Touchy) -> Lifted:
    table = roads([(f"r{i:03}", float(i), {}) for i in range(count)]).append_column("is_own", pa.array(own))
    return PerTile(touchy, reads=ROAD, writes=OUT, halo_m=1.0, params=params)({"road": table})


@st.composite
def broken(draw: st.DrawFn) -> tuple[list[bool], set[int]]:
    """Which rows of a tile are its own, and on which the task breaks down."""
    own = draw(st.lists(st.booleans(), min_size=1, max_size=40))
    return own, draw(st.sets(st.integers(0, len(own) - 1), max_size=6))


@given(broken())
def test_rows_that_break_a_tile_alone_are_refused_and_the_rest_is_computed_without_them(
    drawn: tuple[list[bool], set[int]],
) -> None:
    own, bad = drawn
    made = lifted(len(own), own, Touchy(alone=frozenset(map(float, bad))))
    assert made.rejects.to_pylist() == [
        {"key": f"r{i:03}", "task": "touchy", "reason": "failed", "message": f"ZeroDivisionError: width {i}"}
        for i in sorted(bad)
        if own[i]
    ]
    left = [i for i in range(len(own)) if i not in bad]
    assert made.rows["id"].to_pylist() == [f"r{i:03}" for i in left if own[i]]
    assert made.rows["size"].to_pylist() == [sum(other > i for other in left) for i in left if own[i]]


def test_rows_that_break_a_tile_only_together_take_the_tile_with_them() -> None:
    own = [True, False, True, True]
    made = lifted(4, own, Touchy(together=frozenset({0.0, 3.0})))
    assert made.rows.num_rows == 0
    assert made.rejects["key"].to_pylist() == ["r000", "r002", "r003"]
    assert set(made.rejects["reason"].to_pylist()) == {"together"}
    assert set(made.rejects["message"].to_pylist()) == {"KeyError: 'together'"}
    both_kinds = lifted(4, own, Touchy(alone=frozenset({2.0}), together=frozenset({0.0, 3.0})))
    assert both_kinds.rejects["key"].to_pylist() == ["r000", "r002", "r003"]


def test_too_many_culprits_take_the_tile_with_them() -> None:
    made = lifted(400, [True] * 400, Touchy(alone=frozenset(map(float, range(0, 400, 2)))))
    assert made.rows.num_rows == 0
    assert made.rejects.num_rows == 400


def test_no_row_is_to_blame_for_a_lack_of_memory() -> None:
    def hungry(*, width: np.ndarray) -> Rank:
        if len(width) > 1:
            raise MemoryError
        raise KeyError

    lift = PerTile(hungry, reads=ROAD, writes=OUT)
    tables = {"road": roads([("r0", 1.0, {}), ("r1", 2.0, {})])}
    with pytest.raises(MemoryError):
        lift(tables)
    assert lift(sliced(lift, tables, range(1))).rejects["reason"].to_pylist() == ["failed"]


def test_an_own_row_that_its_column_cannot_hold_is_refused() -> None:
    def wordless(*, width: np.ndarray) -> Rank:
        return Rank(width.tolist(), [None if each == 1 else ["a"] for each in width])  # type: ignore[list-item]

    table = roads([(f"r{i}", float(i % 2), {}) for i in range(4)])
    table = table.append_column("is_own", pa.array([True, False, True, True]))
    made = PerTile(wordless, reads=ROAD, writes=OUT, halo_m=1.0)({"road": table})
    assert made.rows["id"].to_pylist() == ["r0", "r2"]
    assert made.rejects.to_pylist() == [
        {
            "key": "r3",
            "task": "wordless",
            "reason": "bad_value",
            "message": "out v1: 'words': null, expected list<item: string>",
        }
    ]


SPOT = Contract(
    "spot", 1, "id",
    (
        field("id", pa.string(), "Id."),
        field("bbox", BOX, "Box.", unit="°"),
        field("width", pa.float64(), "Width.", unit="m", nullable=True),
    ),
)  # fmt: skip
REACH_M = 2_000.0


def overheard(*, bbox: list[dict[str, float]], speed: Grouped, width: np.ndarray) -> Speeds:
    """The sum of all speeds seen at spots within `REACH_M`, and these spots by width; all sums are of whole numbers."""
    if -1.0 in width:
        raise ValueError("width -1")
    lon, lat = np.array([[box["xmin"], box["ymin"]] for box in bbox]).T
    n = len(lon)
    apart = GEOD.inv(np.repeat(lon, n), np.repeat(lat, n), np.tile(lon, n), np.tile(lat, n))[2].reshape(n, n)
    is_near = apart <= REACH_M
    sums = np.array([each.sum() for each in speed])
    return Speeds(is_near @ sums, [[f"{each:g}" for each in sorted(width[near])] for near in is_near])


HEARING = PerTile(overheard, reads=SPOT, gathers=(SIGHT,), writes=OUT, halo_m=REACH_M)
GEOD = pyproj.Geod(ellps="WGS84")


def spots(points: np.ndarray, widths: list[float]) -> pa.Table:
    """One point for each row, named in order."""
    rows = [
        {"id": f"r{i:03}", "bbox": {"xmin": x, "ymin": y, "xmax": x, "ymax": y}, "width": width}
        for i, ((x, y), width) in enumerate(zip(points.tolist(), widths, strict=True))
    ]
    return pa.Table.from_pylist(rows, schema=SPOT.schema)


def tile_by_tile(grid: Grid, table: pa.Table, seen: pa.Table) -> list[Lifted]:
    """What the lift makes of each tile, given what the engine gives it."""
    owners = grid.owners(*box_centres(table["bbox"]))
    made = []
    for tile in sorted(set(owners.tolist())):
        is_own = owners == tile
        reach = widened(total_box(table.filter(pa.array(is_own))["bbox"]), REACH_M)
        met = pa.array(rows_meeting(table["bbox"], reach) | is_own)
        first = table.append_column("is_own", pa.array(is_own)).filter(met)
        made.append(HEARING({"spot": first, "sight": seen.filter(pc.is_in(seen["id"], first["id"].combine_chunks()))}))
    return made


@settings(deadline=None)
@given(st.data(), st.integers(1, 25), st.sampled_from([(24.9, 60.2), (179.99, 10.0), (0.0, 84.0)]))
def test_any_grid_gives_the_rows_of_one_tile(data: st.DataObject, count: int, centre: tuple[float, float]) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    points = rng.normal(centre, (0.03, 0.01), (count, 2))
    points[:, 0] = (points[:, 0] + 180) % 360 - 180
    widths = [float(each) for each in rng.integers(0, 9, count)]
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=2))
    table = spots(points, [-1.0 if i in bad else width for i, width in enumerate(widths)])
    seen = pa.table(
        {"id": [f"r{i:03}" for i in rng.integers(0, count, 60)], "speed": rng.integers(0, 99, 60).astype(float)},
        schema=SIGHT.schema,
    )
    codes = cell_codes(*points.T)
    made = tile_by_tile(grid_by_count(codes, np.ones(count), count=data.draw(st.integers(2, 9))), table, seen)
    whole = HEARING({"spot": table, "sight": seen})
    assert pa.concat_tables([each.rows for each in made]).sort_by("id").equals(whole.rows)
    assert pa.concat_tables([each.rejects for each in made]).sort_by("key").equals(whole.rejects)
    assert whole.rows.num_rows + whole.rejects.num_rows == count
