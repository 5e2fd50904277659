"""The proof, from roads to the report, with stages run in this process and limits that the test knows."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.evaluate import (
    EvaluationError,
    check_draw,
    evaluate_lines,
    evaluate_map,
    extract_names,
    write_report,
)
from schemas.road import ROAD_SEGMENT
from schemas.scored_limit import SCORED_LIMIT
from tasks.evaluation.comparison import PROBED
from tasks.evaluation.figures import Case
from tasks.evaluation.hiding import tells_limit
from tests.pipelines.local import all_rows
from tests.tasks.evaluation.maps import Answer, answering, hearing, map_of, town

TRUE = {"primary": 80.0, "residential": 30.0}
SHARED = [name for name in SCORED_LIMIT.names if name not in PROBED]


def right(row: dict[str, Any]) -> float:
    return TRUE[row["class"]]


def evaluated(into: Path, answer: Answer, *, roads: pa.Table | None = None, seed: int = 1, **given: Any) -> Case:
    area = map_of(town() if roads is None else roads, into)
    return evaluate_map(area, str(into / "town"), seed=seed, share=0.5, engine=answering(answer, **given))


def told(case: Case, into: Path) -> dict[str, Any]:
    return write_report([case], into, seed=1, share=0.5).figures


def test_right_limits_are_all_exact(tmp_path: Path) -> None:
    figures = told(evaluated(tmp_path, right, confidence=1.0), tmp_path)
    for entry in (figures["all"], *figures["groups"]["class"].values(), *figures["groups"]["area"].values()):
        for scored in entry.values():
            assert (scored["exact"], scored["macro_f1"], scored["covered"]) == (1, 1, 1)
            assert (scored["sure"], scored["sure_exact"], scored["too_high"], scored["ece"]) == (1, 1, 0, 0)
    assert set(figures["groups"]["class"]) == {"primary", "residential"}
    assert set(figures["groups"]["area"]) == {"urban", "rural"}
    boundary = figures["boundary"]
    assert (boundary["missed"], boundary["invented"]) == (0, 0)


def test_half_of_the_confidence_is_half_of_the_truth(tmp_path: Path) -> None:
    """All say 80 with 0.7: primary roads are right, and the error is the distance to their share."""
    figures = told(evaluated(tmp_path, lambda row: 80.0, confidence=0.7), tmp_path)
    primary = figures["groups"]["class"]["primary"]["by_count"]
    residential = figures["groups"]["class"]["residential"]["by_count"]
    count = primary["segments"] + residential["segments"]
    assert (primary["exact"], residential["exact"], residential["too_high"]) == (1, 0, 1)
    scored = figures["all"]["by_count"]
    assert scored["exact"] == pytest.approx(primary["segments"] / count)
    assert scored["ece"] == pytest.approx(abs(0.7 - primary["segments"] / count))
    assert (scored["sure"], scored["sure_exact"]) == (0, None)


def test_no_answer_is_wrong_and_counted(tmp_path: Path) -> None:
    figures = told(evaluated(tmp_path, lambda row: None), tmp_path)
    scored, covered = figures["all"]["by_length"], figures["extracts"]["town"]["coverage"]
    assert (scored["exact"], scored["covered"], scored["ece"]) == (0, 0, None)
    assert (covered["number"], covered["answered"], covered["segments"]) == (0, 1, 60)
    assert list(figures["groups"]["basis"]) == ["none"]


def test_what_is_inferred_from_tells_nothing_of_what_is_hidden(tmp_path: Path) -> None:
    """No tag of a hidden record tells a limit, visible ones are whole, and no record is on both sides."""
    case = evaluated(tmp_path, right)
    before = {row["segment_id"]: row for row in all_rows(tmp_path / "town/map").to_pylist()}
    after = {row["segment_id"]: row for row in all_rows(tmp_path / "town/hidden").to_pylist()}
    sides: dict[str, set[bool]] = {}
    for name, row in after.items():
        is_hidden = name in case.drawn.segments
        sides.setdefault(row["sources"][0]["record_id"], set()).add(is_hidden)
        if is_hidden:
            assert not any(tells_limit(*pair) for pair in row["tags"])
        else:
            assert row == before[name]
    assert all(len(each) == 1 for each in sides.values())
    assert {True, False} == set().union(*sides.values())


def test_rows_hold_truth_and_guesses(tmp_path: Path) -> None:
    case = evaluated(tmp_path, lambda row: math.inf)
    rows = all_rows(tmp_path / "town", SCORED_LIMIT)
    assert rows.equals(case.compared.rows.sort_by("segment_id"))
    SCORED_LIMIT.validate(rows)
    stated = {row["segment_id"] for row in town().to_pylist() if "maxspeed" in dict(row["tags"])}
    assert set(rows["segment_id"].to_pylist()) == stated & case.drawn.segments
    for row in rows.to_pylist():
        assert row["truth_kmh"] == TRUE[row["class"]]
        assert row["class_mode_kmh"] == row["name_mode_kmh"] == row["truth_kmh"]
        assert (row["predicted_kmh"], row["reason"], row["jurisdiction"]) == (math.inf, "unlimited", "LI")
        assert row["graphhopper_kmh"] == {"primary": 65, "residential": 30}[row["class"]]
        assert row["law_kmh"] == {"primary": 80, "residential": 50}[row["class"]]
        assert row["is_built_up"] == (row["class"] == "residential")
        assert row["step_kmh"] == 10


def test_probes_are_heard_beside_what_is_inferred_without_them(tmp_path: Path) -> None:
    """Without probes all say 80, with them all are right; every second segment is passed 25 times."""
    evens = {row["segment_id"] for row in town().to_pylist()[::2]}
    engine = answering(lambda row: 80.0)._replace(hear=hearing(right, passed=lambda name: 25 * (name in evens)))
    case = evaluate_map(map_of(town(), tmp_path), str(tmp_path / "town"), seed=1, share=0.5, engine=engine)
    rows = case.compared.rows.to_pylist()
    assert {row["predicted_kmh"] for row in rows} == {80.0}
    assert all(row["probed_kmh"] == row["truth_kmh"] == TRUE[row["class"]] for row in rows)
    assert all(row["traversals"] == 25 * (row["segment_id"] in evens) for row in rows)
    probed = told(case, tmp_path)["probes"]
    many = probed["traversals"]["20 and more"]
    assert many["share"] == sum(row["traversals"] > 0 for row in rows) / len(rows)
    assert many["with"]["by_count"]["exact"] == 1
    assert many["without"]["by_count"]["exact"] < 1
    assert "## Without and with GPS probes" in (tmp_path / "report.md").read_text(encoding="utf-8")
    without = evaluate_map(
        map_of(town(), tmp_path / "b"), str(tmp_path / "b/t"), seed=1, share=0.5, engine=engine._replace(hear=None)
    )
    assert without.compared.rows.select(SHARED).equals(case.compared.rows.select(SHARED))
    assert without.compared.rows["traversals"].null_count == len(rows)


def test_probes_of_another_place_are_one_line(tmp_path: Path) -> None:
    engine = answering(right)._replace(hear=hearing(right, passed=lambda name: 0))
    with pytest.raises(EvaluationError, match=r"^town: no probe passes any road of this map: expected traces") as error:
        evaluate_map(map_of(town(), tmp_path), str(tmp_path / "town"), seed=1, share=0.5, engine=engine)
    assert "\n" not in str(error.value)


def test_seeds_draw_and_repeat(tmp_path: Path) -> None:
    hidden = [evaluated(tmp_path / f"{i}", right, seed=seed).drawn.segments for i, seed in enumerate((1, 1, 2))]
    assert hidden[0] == hidden[1] != hidden[2]


def test_neither_tiles_nor_order_change_a_figure(tmp_path: Path) -> None:
    figures = []
    for tiles in (1, 4):
        roads = town().take(np.random.default_rng(tiles).permutation(60))
        area = map_of(roads, tmp_path / f"{tiles}", tiles=tiles)
        case = evaluate_map(area, str(tmp_path / f"{tiles}/town"), seed=1, share=0.5, engine=answering(right))
        figures.append(told(case, tmp_path / f"{tiles}"))
    assert json.dumps(figures[0], sort_keys=True) == json.dumps(figures[1], sort_keys=True)


def test_a_duty_without_a_number_is_told_and_not_scored(tmp_path: Path) -> None:
    rows = town().to_pylist()
    for row in rows[::4]:
        row["tags"] = [("highway", row["class"]), ("maxspeed", "walk")]
    roads = ROAD_SEGMENT.conform(pa.Table.from_pylist(rows, schema=ROAD_SEGMENT.schema))
    case = evaluated(tmp_path, right, roads=roads)
    untold = [row for row in rows if row["segment_id"] in case.drawn.segments and ("maxspeed", "walk") in row["tags"]]
    assert untold
    assert case.compared.untold == {"walking_pace": len(untold)}
    assert {row["segment_id"] for row in untold}.isdisjoint(case.compared.rows["segment_id"].to_pylist())


def test_files_of_a_report(tmp_path: Path) -> None:
    done = write_report([evaluated(tmp_path, right)], tmp_path, seed=1, share=0.5)
    assert [Path(file).name for file in done.files] == ["report.md", "report.json", "report.svg"]
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == done.figures
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert evaluate_lines(done)[:-4] == text.splitlines()
    assert evaluate_lines(done)[-3:] == [str(file) for file in done.files]


def test_several_maps_are_pooled(tmp_path: Path) -> None:
    engine = answering(lambda row: 80.0)
    maps = [map_of(town(), tmp_path, name="one"), map_of(town(40), tmp_path, name="other")]
    cases = [evaluate_map(each, str(tmp_path / each.name), seed=1, share=0.5, engine=engine) for each in maps]
    figures = write_report(cases, tmp_path, seed=1, share=0.5).figures
    parts = [figures["groups"]["extract"][name]["by_count"] for name in ("one", "other")]
    counts = [part["segments"] for part in parts]
    assert figures["all"]["by_count"]["segments"] == sum(counts)
    mean = sum(part["exact"] * count for part, count in zip(parts, counts, strict=True)) / sum(counts)
    assert figures["all"]["by_count"]["exact"] == pytest.approx(mean)


@pytest.mark.parametrize(
    ("roads", "words"),
    [
        (town(limits={"primary": None, "residential": None}), "town: none of 60 segments states a limit as a number"),
        (town(2, limits={"primary": "80"}), "town: limits are stated on primary roads alone"),
        (town(60, limits={"primary": "80", "residential": None}), "town: limits are stated on primary roads alone"),
    ],
)
def test_too_little_to_learn_from(tmp_path: Path, roads: pa.Table, words: str) -> None:
    with pytest.raises(EvaluationError, match=words) as error:
        evaluated(tmp_path, right, roads=roads)
    assert "\n" not in str(error.value)


def test_a_single_cell_cannot_be_split(tmp_path: Path) -> None:
    rows = town(20).slice(6, 2)
    with pytest.raises(EvaluationError, match=r"town: limits are stated in the one cell q[0-3]{15} at zoom 15 alone"):
        evaluated(tmp_path, right, roads=_moved(rows))


def _moved(roads: pa.Table) -> pa.Table:
    """Roads of two classes, drawn at one place."""
    rows = roads.to_pylist()
    for row in rows:
        row["bbox"], row["geometry"] = rows[0]["bbox"], rows[0]["geometry"]
    return ROAD_SEGMENT.conform(pa.Table.from_pylist(rows, schema=ROAD_SEGMENT.schema))


@pytest.mark.parametrize(
    ("seed", "share", "words"),
    [
        (-1, 0.5, "seed -1: expected 0 or more"),
        (0, 0.0, "share 0: expected more than 0"),
        (0, 1.0, "share 1: expected"),
    ],
)
def test_a_draw_that_cannot_be(seed: int, share: float, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        check_draw(seed, share)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/helsinki-2019.osm.pbf", "north.osm.gz", "x.osm.bz2"], ["helsinki-2019", "north", "x"]),
        (["boulder.parquet", "overture/"], ["boulder", "overture"]),
        (["one/town.osm", "two/town.osm.pbf", "town.parquet"], ["town", "town-2", "town-3"]),
        (["one/town.osm", "two/town.osm", "town-2.osm"], ["town", "town-2", "town-2-2"]),
        (["v1.2-roads.gpkg", ".osm"], ["v1.2-roads.gpkg", ".osm"]),
    ],
)
def test_names_of_extracts(files: list[str], names: list[str]) -> None:
    assert extract_names(files) == names
