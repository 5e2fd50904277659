"""The stages of probes over a random town: any tiling gives the same rows, and where nobody drives nothing changes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.driving_model import learn_driving
from pipelines.explanation import explain
from pipelines.limit_stages import PROBED, PROBED_LIMITS, driven_as
from pipelines.table import open_table, table_in
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import SPEED_OBSERVATION
from tasks.limit_conflict import conflicts
from tasks.limit_text import limit_kmh
from tasks.probe_limit import DrivingFile
from tests.pipelines.local import all_rows
from tests.pipelines.run_folder import RunFolder, inferred_folder
from tests.town import town

SHARE = 0.7
"""Share of the segments that are driven."""


def profiles(segments: pa.Table, *, seed: int = 0) -> pa.Table:
    """Free-flow speeds about a limit that each segment may have: drivers are 3 km/h too fast and differ."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for segment, tags in zip(segments["segment_id"].to_pylist(), segments["tags"].to_pylist(), strict=True):
        if rng.random() > SHARE:
            continue
        stated = dict(tags).get("maxspeed", "")
        limit = limit_kmh(f"{stated} km/h" if stated.isdigit() else stated) if stated[:1].isdigit() else 48.0
        for heading in ("forward", "backward")[: rng.integers(1, 3)]:
            speed, traces = limit + 3 + rng.normal(0, 3), int(rng.integers(2, 60))
            rows.append((segment, heading, traces, traces, speed, speed - 6, speed, speed + 6, 6.0, [], [], []))
    columns = [list(each) for each in zip(*rows, strict=True)]
    arrays = [pa.array(each, field.type) for each, field in zip(columns, SPEED_PROFILE.fields, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SPEED_PROFILE.schema)


def probed(into: Path, tiles: int) -> RunFolder:
    """A run over the town, then the stages of probes."""
    segments, features = town()
    folder = inferred_folder(segments, into, features=features, tiles=tiles)
    told, table = profiles(segments), open_table(SPEED_PROFILE, into)
    for tile in folder.segments.tiles():
        ids = folder.segments.read(tile, ["segment_id"])["segment_id"]
        rows = told.filter(pc.is_in(told["segment_id"], ids.combine_chunks())).sort_by("segment_id")
        table.commit(rows, Receipt(tile, "", "", rows.num_rows, rows.num_rows, 0, 0.0))
    folder.run(PROBED)
    folder.run(driven_as(DrivingFile(learn_driving.fn(table_in(PROBE_SPEED, into), str(into)))))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    into = tmp_path_factory.mktemp("whole")
    folder = probed(into, 1)
    tables = {"before": all_rows(into, SPEED_LIMIT)}
    folder.run(PROBED_LIMITS)
    return tables | {contract.name: all_rows(into, contract) for contract in (PROBE_SPEED, PROBE_LIMIT, SPEED_LIMIT)}


@pytest.mark.parametrize("tiles", [4, 9])
def test_any_tiling_gives_the_same_rows(whole: dict[str, pa.Table], tmp_path: Path, tiles: int) -> None:
    probed(tmp_path, tiles).run(PROBED_LIMITS)
    for contract in (PROBE_SPEED, PROBE_LIMIT, SPEED_LIMIT):
        made = all_rows(tmp_path, contract)
        for column in made.column_names:
            assert made[column].equals(whole[contract.name][column]), (contract.name, column)


def test_where_nobody_drives_nothing_changes(whole: dict[str, pa.Table]) -> None:
    quiet = [not probes for probes in whole["probe_limit"]["probes"].to_pylist()]
    assert 0.1 < np.mean(quiet) < 0.6
    before, after = (whole[name].filter(pa.array(quiet)) for name in ("before", "speed_limit"))
    assert after.equals(before)


def test_the_town_asks_for_everything(whole: dict[str, pa.Table]) -> None:
    after = whole["speed_limit"].to_pylist()
    assert sum(row["basis"] == "probe" for row in after) > 20
    assert {each.basis for each in conflicts(whole["speed_limit"])} >= {"posted"}
    assert any(probe["heading"] is None for probes in whole["probe_limit"]["probes"].to_pylist() for probe in probes)
    stated = [row["segment_id"] for row in whole["before"].to_pylist() if row["basis"] == "posted"]
    assert [row["segment_id"] for row in after if row["basis"] == "posted"] == stated


def test_a_histogram_of_what_was_observed_is_told(tmp_path: Path) -> None:
    segments, features = town(6, 5)
    folder = inferred_folder(segments, tmp_path, features=features)
    keys = segments["segment_id"].to_pylist()
    assert not any("speeds" in line for line in explain(tmp_path, keys[0]))
    moment = pa.scalar(0, pa.timestamp("us", tz="UTC"))
    rows = [
        {"segment_id": keys[0], "heading": "forward", "trace_id": f"t{i}", "time": moment.as_py(), "week_bin": 3,
         "kind": kind, "speed_kmh": speed, "metres": 90.0}
        for i, (kind, speed) in enumerate([("route", 48.3), ("route", 49.0), ("route", 57.0), ("device", 111.0)])
    ]  # fmt: skip
    observed = pa.Table.from_pylist(rows, schema=SPEED_OBSERVATION.schema)
    (tile,) = folder.segments.tiles()
    open_table(SPEED_OBSERVATION, tmp_path).commit(observed, Receipt(tile, "", "", 4, 4, 0, 0.0))
    lines = [line.strip() for line in explain(tmp_path, keys[0])]
    start = next(i for i, line in enumerate(lines) if line.startswith("speeds"))
    assert lines[start].removeprefix("speeds").split()[:3] in (["45", "km/h", "2"], ["30", "mph", "2"])
    assert not any(line.startswith("110") for line in lines)
    assert not any("speeds" in line for line in explain(tmp_path, keys[1]))
    assert ROAD_SEGMENT.name in {table.name for table in tmp_path.iterdir()}
