"""What is told of one segment."""

import shutil
from pathlib import Path

import pytest

from pipelines.explanation import _odds_facts, columns, explain, fact_lines
from pipelines.table import Rejects, TableError
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tests.pipelines.local import all_rows
from tests.pipelines.run_folder import inferred_folder
from tests.roads import road_row, road_table

ROADS = {
    "posted": {"tags": {"maxspeed": "50", "maxspeed:hgv": "crawl"}, "name": "Main Road", "ref": "L 1"},
    "inferred": {},
    "implicit": {"tags": {"maxspeed": "CH:urban"}},
    "unlimited": {"tags": {"maxspeed": "none"}, "class_": "motorway"},
    "walking": {"tags": {"maxspeed": "walk"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One road of each kind, one at sea, and one that crosses the Rhine into Liechtenstein."""
    into = tmp_path_factory.mktemp("run")
    lines = [[(9 + i / 50, 47.0), (9.001 + i / 50, 47.0)] for i in range(len(ROADS))]
    rows = [road_row(key, line, **given) for (key, given), line in zip(ROADS.items(), lines, strict=True)]
    rows.append(road_row("border", [(9.4785, 47.1680), (9.5087, 47.1650)]))
    rows.append(road_row("sea", [(-40.0, 20.0), (-40.0, 20.01)]))
    inferred_folder(road_table(rows), into, tiles=2)
    return into


def told(folder: Path, segment_id: str) -> dict[str, str]:
    """What is said, by its word; several lines of one word one below the other."""
    facts: dict[str, str] = {}
    word = ""
    for line in explain(folder, segment_id)[1:]:
        word = line[2:10].strip() or word
        facts[word] = f"{facts[word]}\n{line[12:]}" if word in facts else line[12:]
    return facts


def test_a_posted_limit(folder: Path) -> None:
    lines = explain(folder, "posted")
    assert lines[0] == "posted  Main Road (L 1)"
    assert [line[:12] for line in lines[1:5]] == ["  road      ", "  from      ", "  law of    ", "  built up  "]
    said = told(folder, "posted")
    assert said["road"].startswith("residential, 76 m, one-way: no")
    assert said["law of"] == "CH"
    assert (said["forward"], said["backward"]) == ("50 km/h", "50 km/h")
    assert said["basis"].startswith("posted, confidence ")
    assert "posted" in said["evidence"]
    assert "maxspeed=50" in said["evidence"]
    assert said["refused"].startswith("maxspeed:hgv=crawl: ")
    assert "reason" not in said
    assert "reject" not in said


def test_an_inferred_limit_names_the_likeliest(folder: Path) -> None:
    row = next(each for each in all_rows(folder, SPEED_LIMIT).to_pylist() if each["segment_id"] == "inferred")
    said = told(folder, "inferred")
    assert said["basis"] == f"{row['basis']}, confidence {row['confidence']:.2f}"
    assert said["likely"].startswith(f"{row['max_speed_forward_kmh']:g} km/h {row['confidence']:.2f}")
    assert said["likely"].endswith("(its own tags and signs aside)")
    assert said["likely"].count("km/h") <= 3


def test_three_likely_limits_are_named_and_none_of_no_weight() -> None:
    odds = [{"limit": f"{10 * i} km/h", "probability": share} for i, share in enumerate((0.4, 0.3, 0.2, 0.1), start=1)]
    said = "10 km/h 0.40, 20 km/h 0.30, 30 km/h 0.20 (its own tags and signs aside)"
    assert list(_odds_facts({"odds": odds})) == [("likely", said)]
    odds[1]["probability"] = 0.004
    assert "20 km/h" not in next(_odds_facts({"odds": odds}))[1]
    assert list(_odds_facts({"odds": []})) == list(_odds_facts(None)) == []


def test_evidence_stands_in_columns_and_says_nothing_twice(folder: Path) -> None:
    rows = all_rows(folder, SPEED_LIMIT).to_pylist()
    for row in rows:
        said = told(folder, row["segment_id"])
        lines = said["evidence"].splitlines()
        assert len(lines) == max(len(row["evidence"]), 1)
        for line, witness in zip(lines, row["evidence"], strict=False):
            assert line.startswith(witness["basis"])
            assert f" {witness['weight']:.2f}  " in line
        weights = {
            line.index(f"{witness['weight']:.2f}") for line, witness in zip(lines, row["evidence"], strict=False)
        }
        assert len(weights) <= 1
        assert "built up" not in said["evidence"]
        assert said["built up"] in explain(folder, row["segment_id"])[4]


@pytest.mark.parametrize(
    ("segment_id", "word", "said"),
    [
        ("implicit", "basis", "implicit, confidence "),
        ("implicit", "evidence", "CH:urban"),
        ("unlimited", "forward", "no limit"),
        ("unlimited", "reason", "unlimited"),
        ("walking", "forward", "no number"),
        ("walking", "reason", "walking_pace"),
        ("sea", "law of", "no place: at sea"),
        ("sea", "reason", "no_law"),
        ("sea", "evidence", "none"),
        ("border", "law of", "CH between 0 and 0."),
        ("border", "law of", "LI between 0."),
    ],
)
def test_what_is_said(folder: Path, segment_id: str, word: str, said: str) -> None:
    assert said in told(folder, segment_id)[word]


def test_what_was_refused_is_told(folder: Path, tmp_path: Path) -> None:
    """A stage that failed on a segment leaves no limit, and says so in the rejects."""
    into = tmp_path / "copy"
    shutil.copytree(folder, into)
    shutil.rmtree(into / "speed_limit")
    shutil.rmtree(into / "limit_odds")
    columns = {"key": ["sea"], "task": ["limit_odds"], "reason": ["failed"], "message": ["ValueError: adrift"]}
    Rejects(into).commit("limit_odds", "q", REJECT.empty().from_pydict(columns, schema=REJECT.schema))
    said = told(into, "sea")
    assert said["limit"] == "none was made; waysmith run speed-limits makes one"
    assert said["reject"] == "limit_odds: failed: ValueError: adrift"
    assert "reject" not in told(into, "posted")


def test_another_folder_or_segment(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=f"no such table: run a flow into {tmp_path} first"):
        explain(tmp_path, "posted")
    with pytest.raises(TableError, match="no segment_id 'nobody' in 2 tiles"):
        explain(folder, "nobody")
    assert ROAD_SEGMENT.name in {each.name for each in folder.iterdir()}


def test_lines_of_nothing() -> None:
    assert fact_lines([]) == []
    assert columns([]) == []
    assert columns([("a", ""), ("bb", "")]) == ["a", "bb"]
