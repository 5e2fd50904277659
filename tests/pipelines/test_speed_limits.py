"""The whole way, from map files to limits, through Prefect and Ray."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.speed_limits import LIMITS, speed_limits
from pipelines.table import Table
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_rule import problems
from tests.pipelines.local import all_rows, tile_bytes
from tests.tasks.readers.osm_files import DATA, PROJECT, REAL_FILES, Way, converted, write

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("cluster", "prefect")]

NODES = {1: (9.50, 47.10), 2: (9.51, 47.10), 3: (9.52, 47.10), 4: (9.51, 47.11), 5: (9.51, 47.09)}
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
    assert told == {
        "w10:n1-n2": (80.0, "posted", None),
        "w10:n2-n3": (80.0, "posted", None),
        "w11:n4-n2": (None, None, "unreadable"),
        "w12:n2-n5": (None, None, "not_posted"),
    }
    rejects = Table(ROAD_SEGMENT, tmp_path / "out").folder / "reject"
    assert {file.name for file in rejects.glob("*.parquet")} == {"none.parquet", "road_segment-q.parquet"}


def test_pbf_and_xml_in_any_number_of_tiles_give_the_same_rows(tmp_path: Path) -> None:
    if not REAL_FILES:
        pytest.skip("real data are not here: no folder ../shared/data beside the checkout")
    pbf = DATA / "herrenberg-2021.osm.pbf"
    xml = converted(pbf, tmp_path / "herrenberg.osm")
    rows = []
    for file, tiles in ((pbf, 1), (xml, None), (pbf, 7), (pbf, 50)):
        into = tmp_path / f"{file.suffix}-{tiles}"
        speed_limits(roads=[str(file)], into=str(into), tiles=tiles)
        assert tiles is None or len(Table(SPEED_LIMIT, into / "speed_limit").tiles()) == tiles
        rows.append(all_rows(into, SPEED_LIMIT))
    assert all(each.equals(rows[0]) for each in rows[1:])
    assert rows[0].num_rows > 1000


@pytest.mark.parametrize("file", REAL_FILES, ids=lambda file: file.name)
def test_every_segment_of_a_real_extract_has_a_number_or_a_reason(file: Path) -> None:
    from tasks.readers.roads import read_roads

    segments = read_roads([file]).segments
    made = LIMITS({"road_segment": segments})
    assert made.rows.num_rows == segments.num_rows
    SPEED_LIMIT.validate(made.rows)
    for row in made.rows.to_pylist():
        has_number = row["max_speed_forward_kmh"] is not None or row["max_speed_backward_kmh"] is not None
        assert has_number == (row["reason"] is None), row["segment_id"]
        assert not row["speed_limits"] or problems(row["speed_limits"]) == [], row["segment_id"]


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Kill the driver with SIGKILL when some tiles are committed; the next run keeps them and ends with equal bytes."""
    file = PROJECT / "infra/demo/helsinki.osm.pbf"
    into = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED.format(file=str(file), into=str(into))]
    child = subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    table = Table(SPEED_LIMIT, into / "speed_limit")
    deadline = time.monotonic() + 120
    while len(table.tiles()) < 2 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(1.0)  # Ray's workers follow their driver
    kept = {tile: table.path(tile).stat().st_mtime_ns for tile in table.tiles()}
    whole = speed_limits(roads=[str(file)], into=str(tmp_path / "whole"), tiles=12)
    assert 2 <= len(kept) < len(whole.tiles())
    again = speed_limits(roads=[str(file)], into=str(into), tiles=12)
    assert tile_bytes(again) == tile_bytes(whole)
    assert {tile: table.path(tile).stat().st_mtime_ns for tile in kept} == kept


KILLED = """
import time
from pathlib import Path
from pipelines.plan import plan_stage
from pipelines.road_segments import read_into_tiles
from pipelines.speed_limits import LIMITS
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
run_stage(LIMITS, [roads], {into!r}, DEFAULTS)
"""
"""A run that takes half a second longer for each tile, so that it can be killed midway."""
