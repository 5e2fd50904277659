import math
from pathlib import Path
from shutil import which

import numpy as np
import pytest
import shapely

from tasks.evaluation import valhalla_speed
from tasks.evaluation.valhalla_speed import PROGRAMS, speed_of, valhalla_speeds, write_map
from tasks.readers.roads import read_roads

LINES = np.array(
    [
        shapely.LineString([(9.50, 47.10), (9.51, 47.10)]),
        shapely.LineString([(9.51, 47.10), (9.51, 47.11), (9.52, 47.11)]),
        shapely.LineString([(9.51, 47.10), (9.52, 47.10)]),
    ]
)
TAGS = [{"highway": "residential"}, {"highway": "primary", "name": "Main"}, {"highway": "service"}]


def edge(way: int, speed: int) -> dict[str, object]:
    return {"edge_info": {"way_id": way}, "edge": {"speeds": {"default": speed, "type": "classified"}}}


def test_the_speed_is_that_of_the_way_asked_for() -> None:
    assert speed_of([edge(1, 35), edge(2, 75), edge(2, 70)], 2) == 75.0
    assert math.isnan(speed_of([edge(1, 35)], 2))
    assert math.isnan(speed_of([], 2))


def test_the_map_that_valhalla_gets(tmp_path: Path) -> None:
    """Read back by the reader of roads: the three lines meet at one node."""
    write_map(tmp_path / "roads.osm.pbf", LINES, TAGS)
    rows = {
        row["sources"][0]["record_id"]: row for row in read_roads([tmp_path / "roads.osm.pbf"]).segments.to_pylist()
    }
    assert [dict(row["tags"]) for row in rows.values()] == TAGS
    for row, line in zip(rows.values(), LINES, strict=True):
        assert shapely.equals_exact(shapely.from_wkb(row["geometry"]), line, tolerance=1e-7)
    shared = set.intersection(*({each["connector_id"] for each in row["connectors"]} for row in rows.values()))
    assert len(shared) == 1


def test_without_valhalla_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valhalla_speed, "which", lambda program: None)
    told = valhalla_speeds(LINES, TAGS, [0])
    assert told == "valhalla_build_config is not on the path (pip install pyvalhalla, or Debian's valhalla-bin)"


def test_a_valhalla_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valhalla_speed, "which", lambda program: program)
    monkeypatch.setattr(valhalla_speed, "PROGRAMS", ("false",))
    monkeypatch.setenv("PATH", "")
    assert str(valhalla_speeds(LINES, TAGS, [0])).startswith("Valhalla failed: ")


@pytest.mark.skipif(any(which(program) is None for program in PROGRAMS), reason="Valhalla is not on the path")
def test_valhalla_itself() -> None:
    """Its guesses lie between a walk and a motorway, and a primary road is faster than a residential one."""
    found = valhalla_speeds(LINES, TAGS, [1, 0])
    assert isinstance(found, np.ndarray)
    assert 5 <= found[1] < found[0] <= 130
