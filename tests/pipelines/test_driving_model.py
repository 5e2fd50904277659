"""How countries drive, learned from tables: what teaches, when it is learned again, and that tiles do not matter."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.driving_model import FEWEST_TRACES, country_lessons, learn_driving
from pipelines.limit_stages import LIMITS, PROBED, PROBED_LIMITS, driven_as
from pipelines.table import Table, open_table, table_in
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.receipt import Receipt
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from tasks.input_file import InputFile
from tasks.probe_limit import DrivingFile, driving_in
from tests.pipelines.local import run_here
from tests.pipelines.run_folder import RunFolder, inferred_folder
from tests.town import town

Row = dict[str, Any]


def row(number: int, limit: str | None = "50 km/h", country: str | None = "FI", traces: int = 20, **given: Any) -> Row:
    driven = {"heading": "forward", "traces": traces, "free_flow_kmh": 47.0 + number % 5, "spread_kmh": 6.0}
    told: Row = {
        "segment_id": f"w{number:04}:n1-n2",
        "country": country,
        "record": f"w{number:04}",
        "kind": "primary",
        "limit": limit,
        "context": [0.5, 0.0, 0.1, 0.0],
        "driven": [driven | {"p85_kmh": 55.0}] if traces else [],
    }
    return told | given


def speeds(rows: list[Row]) -> pa.Table:
    return PROBE_SPEED.conform(pa.Table.from_pylist(rows, schema=PROBE_SPEED.schema))


def committed(rows: list[Row], into: Path, tiles: int = 1) -> Table:
    table = open_table(PROBE_SPEED, into)
    for i in range(tiles):
        part = rows[i::tiles]
        table.commit(speeds(part), Receipt(f"q{i:04}", "", "", len(part), len(part), 0, 0.0))
    return table


def learned(rows: list[Row], into: Path, tiles: int = 1, **how: Any) -> InputFile:
    return learn_driving.fn(committed(rows, into, tiles), str(into), **how)


def test_what_is_stated_and_driven_teaches_and_what_is_stated_alone_is_a_limit_there_is() -> None:
    rows = [
        row(1),
        row(2, "30 km/h", traces=0),
        row(3, "80 km/h", traces=FEWEST_TRACES - 1),
        row(4, None),
        row(5, country=None),
        row(6, "none", country="DE"),
    ]
    made = country_lessons([speeds(rows[:3]), speeds(rows[3:])])
    assert set(made) == {"DE", "FI"}
    assert (made["FI"].lesson.limits, made["FI"].lesson.records) == (["50 km/h"], ["w0001"])
    assert set(made["FI"].stated) == {"30 km/h", "50 km/h", "80 km/h"}
    assert made["DE"].lesson.limits == ["none"]


def test_both_headings_together_are_one_example() -> None:
    ways = [{"heading": way, "traces": 9, "free_flow_kmh": kmh, "spread_kmh": 6.0, "p85_kmh": 60.0} for way, kmh in
            (("forward", 40.0), ("backward", 50.0), (None, 45.0))]  # fmt: skip
    assert country_lessons([speeds([row(1, driven=ways)])])["FI"].lesson.driven.speeds.tolist() == [45.0]


def test_nothing_is_stated_nothing_is_learned(tmp_path: Path) -> None:
    made = learned([row(1, None), row(2, country=None)], tmp_path)
    assert list(made.path.iterdir()) == []


@pytest.mark.parametrize("tiles", [2, 7])
def test_tiles_do_not_matter(tmp_path: Path, tiles: int) -> None:
    rows = [row(i, ("30 km/h", "50 km/h")[i % 2]) for i in range(80)]
    assert learned(rows, tmp_path / "a") == learned(rows, tmp_path / "b", tiles)


def test_nothing_is_learned_twice_and_changed_speeds_are_learned_anew(tmp_path: Path) -> None:
    rows = [row(i) for i in range(40)]
    first = learned(rows, tmp_path)
    written_at = (first.path / "FI.parquet").stat().st_mtime_ns
    assert learned(rows, tmp_path) == first
    assert (first.path / "FI.parquet").stat().st_mtime_ns == written_at
    again = learned([row(i, country="SE", traces=9) for i in range(40)], tmp_path)
    assert [each.name for each in again.path.iterdir()] == ["SE.parquet"]
    assert again == InputFile.of(tmp_path / "driving")


@pytest.mark.parametrize(("changed", "is_learned"), [(0, False), (2, False), (3, True)])
def test_a_change_of_one_segment_in_a_hundred_changes_nothing(tmp_path: Path, changed: int, is_learned: bool) -> None:
    rows = [row(i) for i in range(200)]
    first = learned(rows, tmp_path, 200)
    rows[:changed] = [row(i, "30 km/h") for i in range(changed)]
    assert (learned(rows, tmp_path, 200) != first) == is_learned
    assert (learned(rows, tmp_path, 200, relearn=True) != first) == bool(changed)


@pytest.mark.parametrize("spoil", ["_driving.json", "driving/FI.parquet"])
@pytest.mark.parametrize("content", [None, b"[]", b"{}", b'{"teaching": 3}'])
def test_what_was_cut_off_or_spoilt_is_learned_again(tmp_path: Path, spoil: str, content: bytes | None) -> None:
    rows = [row(i) for i in range(30)]
    first = learned(rows, tmp_path)
    (tmp_path / spoil).unlink()
    if content is not None:
        (tmp_path / spoil).write_bytes(content)
    assert learned(rows, tmp_path) == first == InputFile.of(tmp_path / "driving")


def test_what_is_read_is_what_was_learned(tmp_path: Path) -> None:
    made = learned([row(i) for i in range(40)], tmp_path)
    driving = driving_in(made.uri, "FI", made.digest)
    assert (driving.examples, driving.limits) == (40, ("50 km/h",))
    assert driving_in(made.uri, "NO", made.digest).examples == 0


PROFILE: Row = {
    "heading": "forward",
    "traces": 40,
    "observations": 40,
    "free_flow_kmh": 21.0,
    "p15_kmh": 18.0,
    "p50_kmh": 21.0,
    "p85_kmh": 24.0,
    "spread_kmh": 3.0,
    "week_kmh": [],
    "week_count": [],
    "week_minutes": [],
}


def heard(folder: RunFolder, into: Path, driven: list[str]) -> Table:
    """Limits with probes heard, where these segments are driven."""
    table = open_table(SPEED_PROFILE, into)
    for tile in folder.segments.tiles():
        ids = [each for each in folder.segments.read(tile)["segment_id"].to_pylist() if each in driven]
        made = pa.Table.from_pylist([PROFILE | {"segment_id": each} for each in ids], schema=SPEED_PROFILE.schema)
        table.commit(made, Receipt(tile, "", "", len(ids), len(ids), 0, 0.0))
    known = [table_in(contract, folder.into) for contract in LIMITS.sources]
    described, posted, odds = table_in(ROAD_ATTRIBUTE, folder.into), known[1], known[-1]
    run_here(PROBED, folder.segments, described, posted, table, into=into)
    speeds = table_in(PROBE_SPEED, into)
    run_here(driven_as(DrivingFile(learn_driving.fn(speeds, str(into)))), folder.segments, speeds, odds, into=into)
    run_here(PROBED_LIMITS, *known, table_in(PROBE_LIMIT, into), into=into)
    return table_in(SPEED_LIMIT, into)


def test_without_probes_the_bytes_are_those_of_a_run_without(tmp_path: Path) -> None:
    """No pages of the files differ; where one segment is driven, its row alone does."""
    roads, features = town()
    folder = inferred_folder(roads, tmp_path / "run", features=features, tiles=3)
    silent = heard(folder, tmp_path / "none", [])
    before = table_in(SPEED_LIMIT, folder.into)
    digests = [{tile: each.digest for tile, each in table.receipts().items()} for table in (before, silent)]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 3
    rows = before.rows().sort_by("segment_id").to_pylist()
    inferred = [row["segment_id"] for row in rows if row["basis"] in ("learned", "law", "fuzzy") and row["confidence"]]
    told = heard(folder, tmp_path / "one", inferred[:1]).rows().sort_by("segment_id").to_pylist()
    changed = [one["segment_id"] for one, other in zip(rows, told, strict=True) if repr(one) != repr(other)]
    assert changed == inferred[:1]
