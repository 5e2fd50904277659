"""The whole way, from map files to limits, through Prefect and Ray."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.speed_limits import speed_limits
from pipelines.table import Rejects, Table
from schemas.posted_limit import POSTED_LIMIT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_rule import problems
from schemas.vocabulary import SpeedReason
from tasks.law.law_table import read_law
from tasks.legal_limit import legal_values
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tests.pipelines.local import all_rows, tile_bytes
from tests.pipelines.run_folder import inferred_folder
from tests.tasks.readers.osm_files import DATA, PROJECT, REAL_FILES, Way, converted, write

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("cluster", "prefect")]

INFERRED = {"continuity", "law", "learned", "fuzzy"}
NODES = {1: (9.53, 47.10), 2: (9.54, 47.10), 3: (9.55, 47.10), 4: (9.54, 47.11), 5: (9.54, 47.09)}
WAYS = [
    Way(10, [1, 2, 3], {"highway": "primary", "maxspeed": "80", "name": "Main Road"}, version=4),
    Way(11, [4, 2], {"highway": "residential", "maxspeed": "fast"}),
    Way(12, [2, 5], {"highway": "residential"}),
    Way(13, [3, 5], {"highway": "footway"}),
    Way(14, [3, 99], {"highway": "residential"}),
]


def test_a_small_network(tmp_path: Path) -> None:
    """Way 10 is cut at node 2, where 11 and 12 meet it; 13 is no car road; 14 lacks a node."""
    file = write(tmp_path / "town.osm", NODES, WAYS)
    made = speed_limits(roads=[str(file)], into=str(tmp_path / "out"))
    assert made.contract == SPEED_LIMIT
    found = {row["segment_id"]: row for row in all_rows(tmp_path / "out", SPEED_LIMIT).to_pylist()}
    told = {key: (row["max_speed_forward_kmh"], row["basis"], row["reason"]) for key, row in found.items()}
    assert told.pop("w10:n1-n2") == told.pop("w10:n2-n3") == (80.0, "posted", None)
    assert set(told) == {"w11:n4-n2", "w12:n2-n5"}
    known = {80.0, *(float(value) for value, _ in legal_values(read_law(), "LI"))}
    for kmh, basis, reason in told.values():
        assert kmh in known
        assert basis in INFERRED
        assert reason is None
    assert {row["jurisdiction"] for row in found.values()} == {"LI"}
    assert all(0 < row["confidence"] <= 1 for row in found.values())
    notes = [each["note"] for each in found["w11:n4-n2"]["evidence"]]
    assert any("fast" in note for note in notes)
    rejects = Table(ROAD_SEGMENT, tmp_path / "out").folder / "reject"
    assert {file.name for file in rejects.glob("*.parquet")} == {"none.parquet", "road_segment-q.parquet"}


def test_pbf_and_xml_in_any_number_of_tiles_give_the_same_rows_with_ray_and_without(tmp_path: Path) -> None:
    if not REAL_FILES:
        pytest.skip("real data are not here: no folder ../shared/data beside the checkout")
    pbf = DATA / "herrenberg-2021.osm.pbf"
    xml = converted(pbf, tmp_path / "herrenberg.osm")
    for file, tiles in ((pbf, None), (xml, 7)):
        speed_limits(roads=[str(file)], into=str(tmp_path / file.suffix), tiles=tiles)
    assert len(Table(SPEED_LIMIT, tmp_path / ".osm/speed_limit").tiles()) == 7
    segments, features = read_roads([pbf]).segments, read_features([pbf]).features
    inferred_folder(segments, tmp_path / "plain", features=features, tiles=50)
    rows = [all_rows(tmp_path / name, SPEED_LIMIT) for name in (".pbf", ".osm", "plain")]
    assert all(each.equals(rows[0]) for each in rows[1:])
    assert rows[0].num_rows > 1000


@pytest.mark.parametrize("file", REAL_FILES, ids=lambda file: file.name)
def test_every_segment_of_a_real_extract_has_a_number_or_a_reason(file: Path, tmp_path: Path) -> None:
    segments = read_roads([file]).segments
    inferred_folder(segments, tmp_path, features=read_features([file]).features)
    made = all_rows(tmp_path, SPEED_LIMIT)
    assert made.num_rows == segments.num_rows
    assert Rejects(tmp_path).rows().num_rows == 0
    SPEED_LIMIT.validate(made)
    numbers = 0
    for row in made.to_pylist():
        has_number = row["max_speed_forward_kmh"] is not None or row["max_speed_backward_kmh"] is not None
        numbers += has_number
        assert has_number == (row["reason"] is None), row["segment_id"]
        assert row["reason"] is None or row["reason"] in set(SpeedReason), row["segment_id"]
        assert (row["basis"] is None) == (row["reason"] == SpeedReason.NO_LAW), row["segment_id"]
        assert row["evidence"], row["segment_id"]
        assert not row["speed_limits"] or problems(row["speed_limits"]) == [], row["segment_id"]
    assert numbers >= 0.95 * made.num_rows


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Kill the driver with SIGKILL when some tiles are committed; the next run keeps them and ends with equal bytes."""
    file = PROJECT / "infra/demo/helsinki.osm.pbf"
    into = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED.format(file=str(file), into=str(into))]
    child = subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    table = Table(POSTED_LIMIT, into / "posted_limit")
    deadline = time.monotonic() + 120
    while len(table.tiles()) < 2 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(1.0)  # Ray's workers follow their driver
    kept = {tile: table.path(tile).stat().st_mtime_ns for tile in table.tiles()}
    whole = speed_limits(roads=[str(file)], into=str(tmp_path / "whole"), tiles=12)
    assert 2 <= len(kept) < len(whole.tiles()) == 12
    assert not Table(SPEED_LIMIT, into / "speed_limit").tiles()
    again = speed_limits(roads=[str(file)], into=str(into), tiles=12)
    assert tile_bytes(again) == tile_bytes(whole)
    assert {tile: table.path(tile).stat().st_mtime_ns for tile in kept} == kept


KILLED = """
import time
from pathlib import Path
from pipelines.plan import plan_stage
from pipelines.road_segments import read_into_tiles
from pipelines.limit_stages import POSTED
from pipelines.stage import run_stage
from pipelines.settings import DEFAULTS
import pipelines.tile_run as tile_run
roads = read_into_tiles.fn([Path({file!r})], {into!r}, None, None, 12, 20000)
whole = tile_run.TileRun.__call__
def slow(self, plan):
    time.sleep(0.5)
    return whole(self, plan)
tile_run.TileRun.__call__ = slow
import ray.cloudpickle, sys
ray.cloudpickle.register_pickle_by_value(tile_run)
run_stage(POSTED, [roads], {into!r}, DEFAULTS)
"""
"""A run that takes half a second longer for each tile, so that it can be killed midway."""
