import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import evaluate
from pipelines.call import EXPECTED, CallError, check_model
from pipelines.cli import COMMANDS, EXAMPLES, SEED, SHARE, _parser, main
from pipelines.commands import CONTRACTS, OF_PROBES, TRIED
from pipelines.costs import Costs
from pipelines.found_table import contract_named
from pipelines.new_task import write_task
from pipelines.table import Table, open_table
from schemas.contract import Contract, field
from schemas.legal_limit import LEGAL_LIMIT
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.law.law_table import PACKAGED
from tasks.limit_model.combiner import FILE
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tests.pipelines.run_folder import inferred_folder, read_folder
from tests.roads import random_roads, road_row, road_table

MAIN = "w7:n1-n2"
TABLES = [name for name, each in CONTRACTS.items() if each not in (*OF_PROBES, PROBE_SPEED, PROBE_LIMIT)]
"""Those of a run without probes."""
TOWN = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables as a run leaves them."""
    into = tmp_path_factory.mktemp("tables") / "town"
    tags = {"maxspeed": "50", "maxspeed:backward": "30 mph", "name": "Main Road"}
    roads = [
        road_row(MAIN, [(9.0, 47.0), (9.01, 47.0)], tags=tags, name="Main Road", ref="L 1", class_="primary"),
        road_row("w8:n2-n3", [(9.01, 47.0), (9.02, 47.0)]),
    ]
    inferred_folder(road_table(roads), into, tiles=2)
    return into


def failed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that a wrong call prints."""
    assert main([str(word) for word in words]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1, error
    return error


def test_explain_says_what_a_limit_rests_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(folder), MAIN]) == 0
    said = capsys.readouterr().out
    for part in ("Main Road (L 1)", "primary", "50 km/h", "48.2803 km/h", "maxspeed:backward=30 mph", "w1@1", "posted"):
        assert part in said


TRIALS = {
    "posted_limit": ("tags = {'maxspeed': '50'", "backward = {'value': 30, 'unit': 'mph'}"),
    "segment_law": ("jurisdictions = [{'code': 'CH'", "'limit': '50 km/h'"),
    "speed_limit": ("forward = {'value': 50, 'unit': 'km/h'}", "max_speed_backward_kmh = 48.28032"),
}


@pytest.mark.parametrize("task", TRIED)
def test_try_runs_a_task_in_this_process(folder: Path, capsys: pytest.CaptureFixture[str], task: str) -> None:
    assert main(["try", task, str(folder), MAIN]) == 0
    said = capsys.readouterr().out
    given, made = TRIALS[task]
    assert given in said.partition("->")[0]
    assert made in said.partition("->")[2]


def test_tables_lists_rows_tiles_and_kilometres(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines]
    assert named == [name for name in TABLES if name != "map_feature"]  # no features, no tiles
    assert re.match(r"road_segment +v1 +2 rows +2 tiles +1\.5 km", lines[0])
    assert re.match(r"speed_limit +v1 +2 rows +2 tiles +1\.5 km", lines[-2])


def test_a_length_that_no_table_has_is_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_folder(read_roads([TOWN]).segments, tmp_path, features=read_features([TOWN]).features)
    assert main(["tables", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"map_feature +v1 +[\d,]+ rows +1 tiles", lines[1])


@pytest.mark.parametrize("suffix", [".parquet", ".fgb", ".gpkg", ".geojson"])
def test_export_opens_elsewhere(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    file = tmp_path / f"limits{suffix}"
    assert main(["export", str(folder), "speed_limit", "--to", str(file)]) == 0
    frame = geopandas.read_parquet(file) if suffix == ".parquet" else geopandas.read_file(file)
    assert len(frame) == 2
    assert frame.crs.to_string() in ("OGC:CRS84", "EPSG:4326")
    assert frame.set_index("segment_id").geometry[MAIN].length == pytest.approx(0.01)


@pytest.mark.parametrize("name", TABLES)
def test_each_table_can_be_exported(folder: Path, tmp_path: Path, name: str) -> None:
    for suffix in (".parquet", ".csv"):
        assert main(["export", str(folder), name, "--to", str(tmp_path / f"t{suffix}")]) == 0
    written = pq.read_table(tmp_path / "t.parquet")
    assert written.num_rows == (0 if name in ("reject", "map_feature") else 2)
    assert written.column_names == list(CONTRACTS[name].names)


@pytest.mark.parametrize("name", [name for name, each in CONTRACTS.items() if not each.has_geometry])
def test_a_table_without_geometry_is_no_map(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    said = failed(capsys, "export", folder, name, "--to", tmp_path / "t.gpkg")
    assert f"{name} has no geometry, which .gpkg needs; .parquet and .csv do not" in said


def test_rejects_can_be_exported(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(folder), "reject", "--to", str(tmp_path / "r.parquet")]) == 0
    assert pq.read_table(tmp_path / "r.parquet").num_rows == 0


def test_map_is_one_page(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "map.html"
    assert main(["map", str(folder), "--to", str(page)]) == 0
    text = page.read_text()
    assert "Content-Security-Policy" in text
    assert "<title>town</title>" in text
    assert "default-src 'none'" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_shows_an_example_that_parses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert EXAMPLES[command] in " ".join(capsys.readouterr().out.split())
    words = shlex.split(EXAMPLES[command])[1:]
    assert _parser(words).parse_args(words).command
    assert shlex.split(EXAMPLES[command])[:2] == ["waysmith", command]


def test_an_unknown_segment_or_folder_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no segment_id 'w1:n1-n9' in 2 tiles" in failed(capsys, "explain", folder, "w1:n1-n9")
    assert "no tables: run a flow into it first" in failed(capsys, "tables", tmp_path)
    assert "no such table" in failed(capsys, "map", tmp_path, "--to", tmp_path / "m.html")
    assert "no such table" in failed(capsys, "export", tmp_path, "speed_limit", "--to", tmp_path / "a.csv")


def parsed(*words: str) -> argparse.Namespace:
    return _parser(words).parse_args(words)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_folders_may_be_uris_and_a_run_has_limits(command: str) -> None:
    call = (command, "speed-limits", "--roads", "a.osm", "--into", "s3://maps/run")
    usual = parsed(*call)
    assert (usual.into, usual.time_limit, usual.memory, usual.relearn) == ("s3://maps/run", 600.0, None, False)
    asked = parsed(*call, "--time-limit", "2.5", "--memory", "12", "--relearn")
    assert (asked.time_limit, asked.memory, asked.relearn) == (2.5, 12.0, True)
    assert parsed("explain", "s3://maps/run", "w1").folder == "s3://maps/run"
    assert parsed(command, "road-segments", "--roads", "a", "--into", "b", "--tiles", "3").tiles == 3


@pytest.mark.parametrize("words", [["--time-limit", "0"], ["--memory", "-1"], ["--memory", "lots"]])
def test_a_limit_that_is_none_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "speed-limits", "--roads", "a", "--into", "b", *words])
    assert ended.value.code == 2
    assert f"{words[1]!r} is not a number above 0" in capsys.readouterr().err


def test_a_plan_of_a_whole_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "out"
    assert main(["plan", "speed-limits", "--roads", str(TOWN), "--into", str(into), "--tiles", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = {line.split()[0]: line for line in lines[1:-1]}
    assert set(named) == set(TABLES) - {"reject"}
    assert all(line.split()[1:4] == ["4", "0", "4"] and line.endswith("4 never computed") for line in named.values())
    assert lines[-1].startswith("44 tiles at most")
    assert not into.exists()
    assert "no.pbf: no such file" in failed(capsys, "plan", "speed-limits", "--roads", "no.pbf", "--into", into)


def test_tables_of_one_s_own_are_listed_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A contract that only its files know: name, version, units and meanings come back from there."""
    mine = Contract("width", 3, "segment_id", (*ROAD_SEGMENT.fields[:3], field("m", pa.float64(), "Width.", unit="m")))
    rows = random_roads(5)
    rows = pa.table({name: rows[name] for name in mine.names[:3]} | {"m": [1.0] * 5}, schema=mine.schema)
    open_table(mine, tmp_path).commit(rows, Receipt("q", "", "", 5, 5, 0, 0.0))
    assert main(["tables", str(tmp_path)]) == 0
    assert re.match(r"width +v3 +5 rows +1 tiles", capsys.readouterr().out)
    assert main(["export", str(tmp_path), "width", "--to", str(tmp_path / "w.gpkg")]) == 0
    assert geopandas.read_file(tmp_path / "w.gpkg")["m"].tolist() == [1.0] * 5
    found = contract_named(tmp_path, "width")
    assert (found.fields, found.geometry_types) == (mine.fields, mine.geometry_types)
    capsys.readouterr()
    assert "no such table" in failed(capsys, "export", tmp_path, "height", "--to", tmp_path / "h.csv")


def test_a_task_of_one_s_own_is_tried(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task("bends_tried", "row", tmp_path)
    assert main(["try", f"{tmp_path}/bends_tried.py:bends_tried", str(folder), MAIN]) == 0
    said = capsys.readouterr().out
    assert "params = BendsTriedParams(bend_deg=30.0)" in said
    assert "turn_per_km = 0.0" in said
    assert "'posted' is none of posted_limit, segment_law, speed_limit" in failed(capsys, "try", "posted", folder, MAIN)


def test_an_unknown_format_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "export", folder, "speed_limit", "--to", tmp_path / "limits.xls")
    assert ".gpkg" in said


def test_a_missing_file_is_told_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "run", "speed-limits", "--roads", tmp_path / "no.osm.pbf", "--into", tmp_path / "out")
    assert "no.osm.pbf: no such file" in said
    assert not (tmp_path / "out").exists()


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "garbage.osm.pbf": (b"garbage, not a map" * 100, "expected OSM PBF"),
    "empty.osm.pbf": (b"", "is empty"),
    "broken.osm": (b'<?xml version="1.0"?><osm version="0.6"><node id="1" lon="1" lat="1"/><way id="2"', "broken.osm"),
    "footways.osm": (b'<osm version="0.6"><way id="2"><tag k="highway" v="steps"/></way></osm>', "no car roads"),
}


@pytest.mark.ray
@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_line_and_leaves_the_tables(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content, expected = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    before = {file: file.read_bytes() for file in folder.rglob("*.parquet")}
    said = failed(capsys, "run", "speed-limits", "--roads", tmp_path / name, "--into", folder)
    assert expected in said
    assert {file: file.read_bytes() for file in folder.rglob("*.parquet")} == before


def test_tables_of_another_version_and_unwritable_folders_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = Contract(SPEED_LIMIT.name, 99, "segment_id", ROAD_SEGMENT.fields)
    open_table(newer, tmp_path).commit(random_roads(3), Receipt("q", "", "", 3, 3, 0, 0.0))
    said = failed(capsys, "run", "speed-limits", "--roads", TOWN, "--into", tmp_path)
    assert "holds speed_limit v99, expected speed_limit v1: use another folder" in said
    assert not (tmp_path / "road_segment").exists()
    (tmp_path / "file").write_text("")
    said = failed(capsys, "run", "speed-limits", "--roads", TOWN, "--into", tmp_path / "file")
    assert "cannot write into this folder" in said


@pytest.mark.parametrize("box", ["1,2,3", "9,47,8,48", "a,b,c,d", "0,-91,1,1"])
def test_a_box_that_is_none_is_refused(box: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "speed-limits", "--roads", "x", "--into", str(tmp_path), "--bbox", box])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert box in error


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "127.0.0.1:99999"])
def test_an_address_where_no_cluster_is_is_told(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failed(capsys, "run", "speed-limits", "--roads", TOWN, "--into", tmp_path / "o", "--address", address)
    assert address in said
    assert not (tmp_path / "o").exists()


def test_what_tiles_have_cost_may_be_unreadable(folder: Path) -> None:
    table = open_table(SPEED_LIMIT, folder)
    (table.folder / "_costs.json").write_text('[{"tile": "q", "old": 1}]')
    assert Costs(table).tiles == {}


def test_the_segment_of_the_examples_is_in_the_demo_town() -> None:
    ids = set(read_roads([TOWN]).segments.column("segment_id").to_pylist())
    named = {word for example in EXAMPLES.values() for word in shlex.split(example) if re.match(r"w\d+:n", word)}
    assert named
    assert named <= ids


def law_table(folder: Path, old: str, new: str) -> Path:
    """The law table of Waysmith with one change in Switzerland's."""
    copy = folder / "law"
    shutil.copytree(PACKAGED, copy)
    file = copy / "jurisdictions.toml"
    before, mark, after = file.read_text(encoding="utf-8").partition("[jurisdiction.CH]")
    assert old in after
    file.write_text(before + mark + after.replace(old, new, 1), encoding="utf-8")
    return copy


def test_law_prints_a_place_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["law", "US-OR"]) == 0
    assert capsys.readouterr().out.startswith("US-OR: as of 2023-10-21\n  source: ")
    assert main(["law"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "242 jurisdictions, 194 road types"
    assert sum(bool(re.match(r"[A-Z]{2}(-\w+)? +\d{4}-\d\d-\d\d +\d+ road types  \w", line)) for line in lines) == 242


OWN_LAW = """\
[jurisdiction.{code}]
date = 2025-01-31
source = "Act 5"

[[jurisdiction.{code}.road]]
maxspeed = "{limit}"
"""


def test_law_of_a_table_of_one_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "law.toml"
    file.write_text(
        '[jurisdiction.XA]\ndate = 2025-01-31\nsource = "Act 5"\n[[jurisdiction.XA.road]]\nmaxspeed = "7"\n'
    )
    assert main(["law", "XA", "--law", str(file)]) == 0
    assert "all other roads: 7 km/h" in capsys.readouterr().out


def test_law_says_what_changed_and_whom_it_moves(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    law = law_table(tmp_path, 'type = "rural"\nmaxspeed = "80"', 'type = "rural"\nmaxspeed = "75"')
    assert main(["law", "--diff", "-", str(law), "--run", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "~ CH: rural: maxspeed 80 -> 75",
        "1 of 2 segments (0.8 of 1.5 km) rest on a law that says something else",
        "  w8:n2-n3  80 km/h -> 75 km/h",
        "1 more (0.8 km) have a limit on signs or in the map, which stays",
    ]
    assert main(["law", "--diff", "-", "-"]) == 0
    assert capsys.readouterr().out == "no change\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["FX"], "FX: the law table has no such jurisdiction, expected such as"),
        (["FI", "--diff", "-", "-"], "expected no CODE and no --law beside it"),
        (["--diff", "-", "-", "--law", "x"], "expected no CODE and no --law beside it"),
        (["--run", "x"], "expected --diff OLD NEW beside it"),
        (["--law", "absent.toml"], "absent.toml: No such file"),
        (["--diff", "-", "absent.toml"], "absent.toml: No such file"),
    ],
)
def test_a_wrong_question_to_the_law_is_told(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert said in failed(capsys, "law", *words)


def test_the_reader_of_a_pipe_may_leave() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    call = [sys.executable, "-m", "pipelines.cli", "law", "US-OR"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(call, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=TOWN.parents[2], env=env)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


BROKEN = """\
[road_type.alley]
exact = "service=alley and"
"""


@pytest.mark.parametrize("command", ["run", "evaluate"])
def test_what_limits_are_inferred_from_is_checked_before_anything_is_read(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = (command, "speed-limits", "--roads", TOWN, "--into", tmp_path / "out")
    assert "unknown jurisdiction 'US-ORE': did you mean US-OR" in failed(capsys, *call, "--jurisdiction", "US-ORE")
    (tmp_path / "law.toml").write_text(BROKEN)
    said = failed(capsys, *call, "--law", tmp_path / "law.toml")
    assert re.search(r"law\.toml:2:\d+: alley: exact: ", said)
    assert "no-law: No such file" in failed(capsys, *call, "--law", tmp_path / "no-law")
    assert "no.json: No such file" in failed(capsys, *call, "--model", tmp_path / "no.json")
    assert f"law.toml:1:2: Expecting value, {EXPECTED}" in failed(capsys, *call, "--model", tmp_path / "law.toml")
    (tmp_path / "empty").mkdir()
    assert "empty: " in failed(capsys, *call, "--model", tmp_path / "empty")
    assert "no.pbf: no such file" in failed(capsys, command, *call[1:3], tmp_path / "no.pbf", *call[4:])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: [], "TypeError"),
        (lambda told: {"trees": told["trees"]}, "KeyError 'calibration'"),
        (lambda told: told | {"calibration": {"mph": []}}, "a model of another version, which differs in km/h"),
        (lambda told: told | {"trees": []}, "a model of another version, which differs in "),
    ],
)
def test_a_model_of_another_kind_is_told(change: Callable[[Any], Any], said: str, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps(change(json.loads(FILE.read_text(encoding="utf-8")))))
    with pytest.raises(CallError, match=re.escape(said)):
        check_model(file)
    check_model(FILE)


def test_a_map_alone_teaches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = failed(capsys, "train", "speed-limits", "--roads", TOWN, "--into", tmp_path / "model")
    assert "expected" in said
    assert not list((tmp_path / "model").glob("*.json"))
    assert "no.pbf: no such file" in failed(capsys, "train", "speed-limits", "--roads", "no.pbf", "--into", tmp_path)


@pytest.mark.ray
@pytest.mark.usefixtures("cluster", "prefect")
def test_a_run_uses_what_the_call_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Helsinki under a law of one's own for Estonia."""
    law = tmp_path / "law.toml"
    law.write_text(
        '[jurisdiction.EE]\ndate = 2025-01-31\nsource = "Act 5"\n[[jurisdiction.EE.road]]\nmaxspeed = "35"\n'
    )
    into = tmp_path / "out"
    call = ["run", "speed-limits", "--roads", str(TOWN), "--into", str(into), "--jurisdiction", "EE", "--law", str(law)]
    assert main([*call, "--model", str(FILE)]) == 0
    said = capsys.readouterr().out
    assert re.match(r"928 segments, 26\.6 km, [\d.]+ s\n", said)
    assert "a number: 100.0 % of the segments" in said
    rows = Table(LEGAL_LIMIT, into / "legal_limit").rows(["legal"])["legal"].to_pylist()
    assert {(part["code"], part["urban"]["limit"]) for row in rows for part in row} == {("EE", "35 km/h")}


def test_the_lot_of_an_evaluation_is_told_as_it_is() -> None:
    assert (evaluate.SEED, evaluate.SHARE) == (SEED, SHARE)


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("share", ["0", "1"])
def test_nothing_or_all_hidden_proves_nothing(share: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ("evaluate", "speed-limits", "--roads", TOWN, "--into", tmp_path, "--share", share)
    assert f"share {share}: expected more than 0 and less than 1" in failed(capsys, *call)
