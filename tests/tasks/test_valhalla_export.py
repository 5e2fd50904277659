"""Export for Valhalla: from tables to files."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.speed_profile import SPEED_PROFILE
from tasks.valhalla_edge import EdgeFileError
from tasks.valhalla_export import Exported, export_speeds
from tasks.valhalla_speeds import unpacked
from tests.roads import road_row, road_table

LINES = {"w7:n1-n2": [(9.0, 47.0), (9.001, 47.0)], "w7:n2-n3": [(9.001, 47.0), (9.004, 47.0)]}
ROADS = road_table([road_row(name, line) for name, line in LINES.items()])


def profiles(**kmh: float) -> pa.Table:
    """Rows of SPEED_PROFILE: the segment `n1` or `n2` begins with, forward, at one speed."""
    ids = {name[3:5]: name for name in LINES} | {"n9": "w9:n9-n8"}
    rows: list[dict[str, Any]] = [
        {"segment_id": ids[name], "heading": "forward", "traces": 5, "observations": 9, "free_flow_kmh": speed}
        | dict.fromkeys(["p15_kmh", "p50_kmh", "p85_kmh", "spread_kmh"], speed)
        | {"week_kmh": [speed] * 2016, "week_count": [0] * 2016, "week_minutes": [0] * 2016}
        for name, speed in kmh.items()
    ]
    return pa.Table.from_pylist(rows, schema=SPEED_PROFILE.schema)


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read(folder: Path) -> dict[str, list[str]]:
    """Free flow, speed by day and the first bin of each edge."""
    rows = [line.split(",") for file in sorted(folder.rglob("*.csv")) for line in file.read_text().splitlines()]
    return {row[0]: [row[1], row[2], str(round(unpacked([row[3]])[0, 0]))] for row in rows}


def test_edges_with_shapes_get_the_speeds_of_their_segments(tmp_path: Path) -> None:
    shapes = [json.dumps([edge, line]) for edge, line in zip((8, 8 + (1 << 25)), LINES.values(), strict=True)]
    made = export_speeds(ROADS, profiles(n1=30.0, n2=60.0), written(tmp_path, "e.jsonl", *shapes), tmp_path / "out")
    assert made == Exported(edges=2, files=1, profiles=2, unused=0)
    assert read(tmp_path / "out") == {"0/1/0": ["30"] * 3, "0/1/1": ["60"] * 3}


def test_edges_of_a_list_get_the_mean_of_their_way(tmp_path: Path) -> None:
    listed = written(tmp_path, "way_edges.txt", "7,1,8,0,16,1,24", "5,1,32")
    made = export_speeds(ROADS, profiles(n1=30.0, n2=60.0), listed, tmp_path / "out")
    assert made == Exported(edges=2, files=2, profiles=2, unused=0)
    assert read(tmp_path / "out") == {"0/1/0": ["48"] * 3, "0/3/0": ["48"] * 3}  # 1 km at 30 and 3 km at 60


def test_profiles_that_no_edge_lies_on_are_counted(tmp_path: Path) -> None:
    shapes = written(tmp_path, "e.jsonl", json.dumps([8, LINES["w7:n1-n2"]]))
    made = export_speeds(ROADS, profiles(n1=30.0, n2=60.0, n9=20.0), shapes, tmp_path / "out")
    assert made == Exported(edges=1, files=1, profiles=1, unused=2)


def test_free_flow_is_not_the_median_and_headings_are_told_apart(tmp_path: Path) -> None:
    rows = profiles(n1=30.0).to_pylist()
    back = rows[0] | {"heading": "backward", "free_flow_kmh": 77.0, "p50_kmh": 11.0}
    table = pa.Table.from_pylist([*rows, back], schema=SPEED_PROFILE.schema)
    shapes = written(tmp_path, "e.jsonl", json.dumps([8, LINES["w7:n1-n2"][::-1]]))
    made = export_speeds(ROADS, table, shapes, tmp_path / "out")
    assert made == Exported(edges=1, files=1, profiles=1, unused=1)
    assert read(tmp_path / "out") == {"0/1/0": ["77", "30", "30"]}


def test_segments_of_another_source_are_on_no_way(tmp_path: Path) -> None:
    roads = road_table([road_row("08f1:7", LINES["w7:n1-n2"])])
    listed = written(tmp_path, "way_edges.txt", "7,1,8")
    with pytest.raises(EdgeFileError, match="no edge lies on any of 1 segments"):
        export_speeds(roads, profiles(n1=30.0), listed, tmp_path / "out")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    for name in ("e.jsonl", "way_edges.txt"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00\n")
        with pytest.raises(EdgeFileError, match=f"{name}: line 1 is"):
            export_speeds(ROADS, profiles(n1=30.0), tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("e.jsonl", "[8, [[9.0]]]", r"e.jsonl: line 1 is '\[8, \[\[9.0\]\]\]', expected \[GraphId"),
        ("e.jsonl", "8,9", "e.jsonl: line 1 is '8,9', expected"),
        ("e.jsonl", "7", "e.jsonl: line 1 is '7', expected"),
        ("e.jsonl", "[8, [[19.0, 47.0], [19.1, 47.0]]]", "no edge lies on any of 2 segments; is it of the same map?"),
        ("e.jsonl", "[8.5, [[9.0, 47.0], [9.001, 47.0]]]", "e.jsonl: line 1 is"),
        ("e.jsonl", f"[{2**63}, [[9.0, 47.0], [9.001, 47.0]]]", "e.jsonl: line 1 is"),
        ("e.jsonl", "[8, [[NaN, 47.0], [9.001, 47.0]]]", "e.jsonl: line 1 is"),
        ("way_edges.txt", "7,1,\u00b2", "way_edges.txt: line 1 is"),
        ("way_edges.txt", f"7,1,{2**63}", "way_edges.txt: line 1 is"),
        ("valhalla.json", "{", "valhalla.json: expected JSON that names mjolnir.tile_dir"),
        ("valhalla.json", "[]", "valhalla.json: expected JSON that names mjolnir.tile_dir"),
        ("way_edges.txt", "5,1,32", "no edge lies on any of 2 segments"),
        ("way_edges.txt", "5;1;32", "way_edges.txt: line 1 is '5;1;32', expected way,0|1,GraphId"),
        ("edges.csv", "", r"edges.csv: expected valhalla.json, way_edges.txt or a file of shapes"),
    ],
)
def test_bad_files_are_told(name: str, line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeFileError, match=message):
        export_speeds(ROADS, profiles(n1=30.0), written(tmp_path, name, line), tmp_path / "out")
    assert not (tmp_path / "out").exists()
