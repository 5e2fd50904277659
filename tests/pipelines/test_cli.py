import re
import shlex
from pathlib import Path

import geopandas
import pyarrow.parquet as pq
import pytest

from pipelines.cli import COMMANDS, EXAMPLES, main
from pipelines.costs import Costs
from pipelines.speed_limits import LIMITS
from pipelines.table import open_table
from schemas.contract import Contract
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.readers.roads import read_roads
from tests.pipelines.local import run_here, written
from tests.roads import random_roads, road_row, road_table

MAIN = "w7:n1-n2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables as a run leaves them."""
    into = tmp_path_factory.mktemp("tables") / "town"
    tags = {"maxspeed": "50", "maxspeed:backward": "30 mph", "name": "Main Road"}
    roads = [
        road_row(MAIN, [(9.0, 47.0), (9.01, 47.0)], tags=tags, name="Main Road", ref="L 1", class_="primary"),
        road_row("w8:n2-n3", [(9.01, 47.0), (9.02, 47.0)]),
    ]
    run_here(LIMITS, written(road_table(roads), into, tiles=2), into=into)
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


def test_try_runs_the_task_in_this_process(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "speed_limit", str(folder), MAIN]) == 0
    said = capsys.readouterr().out
    assert "tags = {'maxspeed': '50'" in said
    assert "max_speed_backward_kmh = 48.28032" in said


def test_tables_lists_rows_tiles_and_kilometres(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"road_segment +v1 +2 rows +2 tiles +1\.5 km", lines[0])
    assert re.match(r"speed_limit +v1 +2 rows +2 tiles +1\.5 km", lines[1])


@pytest.mark.parametrize("suffix", [".parquet", ".fgb", ".gpkg", ".geojson"])
def test_export_opens_elsewhere(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    file = tmp_path / f"limits{suffix}"
    assert main(["export", str(folder), "speed_limit", "--to", str(file)]) == 0
    frame = geopandas.read_parquet(file) if suffix == ".parquet" else geopandas.read_file(file)
    assert len(frame) == 2
    assert frame.crs.to_string() in ("OGC:CRS84", "EPSG:4326")
    assert frame.set_index("segment_id").geometry[MAIN].length == pytest.approx(0.01)


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
    assert shlex.split(EXAMPLES[command])[:2] == ["waysmith", command]


def test_an_unknown_segment_or_folder_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no segment_id 'w1:n1-n9' in 2 tiles" in failed(capsys, "explain", folder, "w1:n1-n9")
    assert "no tables: run a flow into it first" in failed(capsys, "tables", tmp_path)
    assert "no such table" in failed(capsys, "map", tmp_path, "--to", tmp_path / "m.html")
    assert "no such table" in failed(capsys, "export", tmp_path, "speed_limit", "--to", tmp_path / "a.csv")


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
    town = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"
    newer = Contract(SPEED_LIMIT.name, 99, "segment_id", ROAD_SEGMENT.fields)
    open_table(newer, tmp_path).commit(random_roads(3), Receipt("q", "", "", 3, 3, 0, 0.0))
    said = failed(capsys, "run", "speed-limits", "--roads", town, "--into", tmp_path)
    assert "holds speed_limit v99, expected speed_limit v1: use another folder" in said
    assert not (tmp_path / "road_segment").exists()
    (tmp_path / "file").write_text("")
    said = failed(capsys, "run", "speed-limits", "--roads", town, "--into", tmp_path / "file")
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
    town = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"
    said = failed(capsys, "run", "speed-limits", "--roads", town, "--into", tmp_path / "o", "--address", address)
    assert address in said
    assert not (tmp_path / "o").exists()


def test_what_tiles_have_cost_may_be_unreadable(folder: Path) -> None:
    table = open_table(SPEED_LIMIT, folder)
    (table.folder / "_costs.json").write_text('[{"tile": "q", "old": 1}]')
    assert Costs(table).tiles == {}


def test_the_segment_of_the_examples_is_in_the_demo_town() -> None:
    town = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"
    ids = set(read_roads([town]).segments.column("segment_id").to_pylist())
    named = {word for example in EXAMPLES.values() for word in shlex.split(example) if re.match(r"w\d+:n", word)}
    assert named
    assert named <= ids
