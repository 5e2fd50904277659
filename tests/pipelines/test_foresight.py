from collections import Counter
from collections.abc import Container
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.foresight import Forecast, Foresight, current, forecast_lines, plain_calls, planning
from pipelines.limit_model import learn_habits
from pipelines.limit_stages import ATTRIBUTES, CONTINUED, POSTED, SIGNS, built, lawful, likely, places
from pipelines.map_features import drawn_in
from pipelines.overlay import nothing_written
from pipelines.store import open_store
from pipelines.table import Table, table_in
from schemas.map_feature import MAP_FEATURE
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from tasks.built_up import BuiltUpParams
from tasks.lift import Lift
from tasks.limit_odds import LimitModel
from tasks.tiling import widened
from tests.pipelines.local import run_here, written
from tests.pipelines.run_folder import LAW, read_folder
from tests.roads import random_roads, road_table

ROADS = random_roads(300, spread=0.1)
TILES = 60

Computed = dict[str, set[str]]


def snapshot(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """All files of a folder with time and content."""
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.rglob("*") if file.is_file()}


def edited(rows: pa.Table, places: Container[int]) -> pa.Table:
    """Roads with another limit at these places in the table."""
    told = rows.to_pylist()
    for index, row in enumerate(told):
        if index in places:
            row["tags"] = [("maxspeed", "90")]
    return road_table(told)


def stages(into: Path) -> list[Lift]:
    """Stages of the speed limits, in order, as a run has them."""
    area = built(BuiltUpParams(drawn_in(table_in(MAP_FEATURE, into))))
    return [POSTED, places(None), SIGNS, area, CONTINUED, lawful(LAW), ATTRIBUTES]


def run_all(into: Path) -> Computed:
    """Run the stages here and return the tiles that each computed."""
    return {
        lift.writes.name: set(run_here(lift, *(table_in(each, into) for each in lift.sources), into=into))
        for lift in stages(into)
    }


def foresee_all(into: Path) -> list[Forecast]:
    """Ask the same stages what they would do, as the flow does: each is given the tables that those before it told."""
    plan = current()
    assert plan
    made_by(plan, into)
    return plan.forecasts


def made_by(plan: Foresight, into: Path) -> dict[str, Table]:
    made: dict[str, Table] = {}
    for lift in stages(into):
        tables = [made.get(each.name, table_in(each, into)) for each in lift.sources]
        made[lift.writes.name] = plan.stage(lift, tables, str(into))
    return made


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pa.Table, list[str]]:
    """A folder as a run leaves it, roads of which three tiles are edited, and those tiles."""
    into = tmp_path_factory.mktemp("town")
    segments = read_folder(ROADS, into, tiles=TILES).segments
    run_all(into)
    three = segments.tiles()[5:50:20]
    keys = {key for tile in three for key in segments.read(tile)["segment_id"].to_pylist()}
    ids = ROADS["segment_id"].to_pylist()
    return into, edited(ROADS, [index for index, key in enumerate(ids) if key in keys]), three


def test_three_edited_tiles_and_their_neighbours_are_foreseen_and_a_run_keeps_within(
    town: tuple[Path, pa.Table, list[str]],
) -> None:
    into, rows, three = town
    before = snapshot(into)
    with planning():
        roads = written(rows, into, tiles=TILES)
        boxes = {tile: receipt.bbox for tile, receipt in roads.receipts().items()}
        told = {each.name: each for each in foresee_all(into)}
    assert snapshot(into) == before
    assert current() is None
    assert told["road_segment"].tiles == told["posted_limit"].tiles == set(three)
    assert (told["posted_limit"].least, told["posted_limit"].most, told["posted_limit"].total) == (3, 3, TILES)
    assert told["jurisdiction"].tiles == set(three)  # rests on the roads alone
    near = naive_neighbours(boxes, set(three), SIGNS.halo_m)
    assert told["sign_limit"].tiles == near
    area = naive_neighbours(boxes, set(three), stages(into)[3].halo_m)
    assert told["built_up"].tiles == area
    assert told["continuity"].tiles == naive_neighbours(boxes, area | near, CONTINUED.halo_m)
    assert told["continuity"].least == len(naive_neighbours(boxes, set(three), CONTINUED.halo_m))
    assert told["continuity"].most < TILES
    written(rows, into, tiles=TILES)
    done = run_all(into)
    assert done["posted_limit"] == set(three)
    for name, tiles in done.items():
        assert tiles <= told[name].tiles, name
        assert len(tiles) >= told[name].least, name


def naive_neighbours(boxes: dict[str, tuple[float, float, float, float]], changed: set[str], halo_m: float) -> set[str]:
    """Tiles whose box, widened by the halo, meets that of a changed one."""
    found = set(changed)
    for tile, box in boxes.items():
        west, south, east, north = widened(box, halo_m)
        found |= {
            tile for w, s, e, n in (boxes[each] for each in changed)
            if w <= east and e >= west and s <= north and n >= south
        }  # fmt: skip
    return found


def test_of_an_empty_folder_all_is_foreseen_and_nothing_is_made(tmp_path: Path) -> None:
    into = tmp_path / "out"
    with planning():
        read_folder(ROADS, into, tiles=4)
        told = {each.name: each for each in foresee_all(into)}
    assert not into.exists()
    assert {name: each.least for name, each in told.items()} == {name: 4 for name in told if name != "map_feature"} | {
        "map_feature": 0
    }
    assert set(told["posted_limit"].reasons) == {"never computed"}
    assert told["posted_limit"].metres == pytest.approx(np.sum(ROADS["length_m"].to_numpy()))


def test_where_nothing_changed_nothing_is_computed(tmp_path: Path) -> None:
    read_folder(ROADS, tmp_path, tiles=4)
    run_all(tmp_path)
    with planning():
        told = foresee_all(tmp_path)
    assert all((each.least, each.most, each.total) in ((0, 0, 4), (0, 0, 0)) for each in told)
    assert forecast_lines(told)[-1] == "nothing to compute"


def test_tiles_that_would_go_are_told(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=4)
    run_here(POSTED, table, into=tmp_path)
    gone = table.tiles()[0]
    keys = set(table.read(gone)["segment_id"].to_pylist())
    rest = [row for row in ROADS.to_pylist() if row["segment_id"] not in keys]
    with planning() as plan:
        plan.stage(POSTED, [written(road_table(rest), tmp_path, tiles=3)], str(tmp_path))
    assert [(each.name, each.gone) for each in plan.forecasts][-1] == ("posted_limit", plan.forecasts[0].gone)
    assert plan.forecasts[0].gone >= 1


def test_what_is_written_in_a_plan_is_seen_there_and_nowhere_else(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write("a", b"1")
    store.write("b", b"2")
    with nothing_written():
        over = open_store(tmp_path)
        over.write("a", b"3")
        over.write_together([("c", b"4"), ("d/e", b"5")])
        over.remove(["b"])
        assert open_store(tmp_path).names() == ["a", "c"]
        assert (over.read("a"), over.open("c").read()) == (b"3", b"4")
        with pytest.raises(FileNotFoundError):
            over.read("b")
        assert over.child("d").names() == ["e"]
        assert over.versions()["a"] != store.versions()["a"]
    assert open_store(tmp_path).names() == ["a", "b"]
    assert open_store(tmp_path).read("a") == b"1"


def test_habits_that_may_be_learned_anew_leave_no_odds_sure(tmp_path: Path) -> None:
    """Of 300 stated segments 1 % may change before habits are learned again: two tiles of many are more."""
    read_folder(ROADS, tmp_path, tiles=TILES)
    run_all(tmp_path)
    segments, described = (table_in(each, tmp_path) for each in (ROAD_SEGMENT, ROAD_ATTRIBUTE))
    learn = learn_habits.fn
    habits = learn(described, segments, str(tmp_path))
    model = LimitModel(habits, LAW)
    run_here(likely(model), *(table_in(each, tmp_path) for each in likely(model).sources), into=tmp_path)
    before = snapshot(tmp_path)
    for edits, most in ((0, 0), (1, TILES)):
        with planning() as plan:
            written(edited(ROADS, range(20 * edits)), tmp_path, tiles=TILES)
            made = made_by(plan, tmp_path)
            tables = [made.get(each.name, table_in(each, tmp_path)) for each in likely(model).sources]
            params = LimitModel(learn(made[ROAD_ATTRIBUTE.name], segments, str(tmp_path)), LAW)
            plan.stage(likely(params), tables, str(tmp_path))
        assert (plan.forecasts[-1].name, plan.forecasts[-1].most) == ("limit_odds", most)
        assert ("parameters may change" in plan.forecasts[-1].reasons) == (edits > 0)
    assert snapshot(tmp_path) == before


def test_a_forecast_reads_as_a_table() -> None:
    reasons = {"its input changed": 3, "a neighbour within 2,500 m changed": 4}
    near = Forecast("continuity", 3, 7, frozenset(), 500, 1, 12_300.0, Counter(reasons), 4.0)
    lines = forecast_lines([near], cores=2)
    assert lines == [
        "table         compute     reuse     of           km    about  why",
        "continuity        3–7   493–497    500         12.3    2.0 s  "
        "4 a neighbour within 2,500 m changed; 3 its input changed; 1 removed",
        "7 tiles at most, about 2.0 s on 2 cores",
    ]


def test_flows_and_tasks_are_plain_functions_in_a_plan() -> None:
    from prefect import flow, task

    @task
    def twice(value: int) -> int:
        return 2 * value

    @flow
    def four() -> int:
        return twice(2)

    with plain_calls():
        assert four() == 4
