"""Rows put into the tiles of their segments: against a plain loop over all of them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from pipelines.partition import partition
from pipelines.table import Rejects, Table, TableError
from schemas.contract import Contract, ContractError, field
from schemas.road import ROAD_SEGMENT
from tasks.grouped import Grouped
from tasks.tile_lift import PerTile
from tests.pipelines.local import all_rows, run_here, tile_bytes, written
from tests.roads import GEOD, random_roads

SIGHT = Contract(
    "sight", 1, "segment_id",
    (
        field("segment_id", pa.string(), "Segment."),
        field("speed", pa.float64(), "Speed.", unit="km/h"),
        field("who", pa.string(), "Vehicle.", nullable=True),
    ),
    is_key_unique=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return written(random_roads(300), tmp_path_factory.mktemp("roads"), tiles=7)


def sights(segments: Table, count: int = 5000) -> pa.Table:
    """Rows in no order, some of segments that are nowhere."""
    rng = np.random.default_rng(0)
    keys = [*segments.rows(["segment_id"])["segment_id"].to_pylist()[:250], "w7:nowhere", "w8:nowhere"]
    picked = rng.integers(0, len(keys), count)
    who = [None if i % 3 == 0 else f"car {i}" for i in range(count)]
    return pa.table({"who": who, "segment_id": [keys[i] for i in picked], "speed": rng.normal(50, 9, count)})


@pytest.mark.parametrize("size", [5000, 700, 33])
@pytest.mark.parametrize("heap", [10**9, 20_000], ids=["at once", "in heaps"])
def test_each_row_is_in_the_tile_of_its_segment(segments: Table, tmp_path: Path, size: int, heap: int) -> None:
    given = sights(segments)
    made = partition((given.slice(i, size) for i in range(0, 5000, size)), SIGHT, segments, tmp_path, heap_bytes=heap)
    rows = given.select(list(SIGHT.names)).to_pylist()
    for tile in segments.tiles():
        keys = segments.read(tile, ["segment_id"])["segment_id"].to_pylist()
        expected = [row for key in keys for row in rows if row["segment_id"] == key]
        assert made.read(tile).to_pylist() == expected
        receipt = made.receipt(tile)
        assert (receipt.rows_in, receipt.rows_out) == (len(expected), len(expected)) if receipt else not expected
    nowhere = [row["segment_id"] for row in rows if "nowhere" in row["segment_id"]]
    rejects = Rejects(tmp_path).rows()
    assert rejects["key"].to_pylist() == nowhere
    assert set(rejects["task"].to_pylist()) == {"sight"}
    assert set(rejects["message"].to_pylist()) == {"no road_segment has this segment_id"}


def test_the_bytes_do_not_depend_on_how_rows_come(segments: Table, tmp_path: Path) -> None:
    given = sights(segments)
    whole = partition([given], SIGHT, segments, tmp_path / "whole")
    pieces = (given.slice(i, 100) for i in range(0, 5000, 100))
    parts = partition(pieces, SIGHT, segments, tmp_path / "parts", heap_bytes=10_000)
    assert tile_bytes(whole) == tile_bytes(parts)


def test_tiles_and_rejects_of_an_earlier_partition_are_gone(segments: Table, tmp_path: Path) -> None:
    partition([sights(segments)], SIGHT, segments, tmp_path)
    key = segments.read(segments.tiles()[2], ["segment_id"])["segment_id"][0].as_py()
    made = partition([pa.table({"segment_id": [key], "speed": [1.0], "who": ["a"]})], SIGHT, segments, tmp_path)
    assert made.tiles() == [segments.tiles()[2]]
    assert Rejects(tmp_path).rows().num_rows == 0
    assert partition([], SIGHT, segments, tmp_path).tiles() == []


def test_rows_with_a_forbidden_null_are_rejects(segments: Table, tmp_path: Path) -> None:
    key = segments.rows(["segment_id"])["segment_id"][5].as_py()
    given = pa.table(
        {"segment_id": [key, None, key, key], "speed": [1.0, None, None, 2.0], "who": pa.array([None] * 4, pa.string())}
    )
    made = partition([given], SIGHT, segments, tmp_path)
    assert made.rows(["speed"])["speed"].to_pylist() == [1.0, 2.0]
    told = Rejects(tmp_path).rows().select(["key", "reason", "message"]).to_pylist()
    assert told == [
        {"key": "null", "reason": "bad_value", "message": "null in 'segment_id', expected string"},
        {"key": key, "reason": "bad_value", "message": "null in 'speed', expected double"},
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"segment_id": ["a"], "speed": [1.0]}, "sight v1: rows 2–2: no column 'who'"),
        ({"segment_id": ["a"], "speed": ["fast"], "who": ["b"]}, "sight v1: rows 2–2: 'speed': .*'fast'.*double"),
    ],
)
def test_a_table_of_other_columns_is_refused_with_its_rows(
    segments: Table, tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    good = pa.table({"segment_id": ["a", "b"], "speed": [1.0, 2.0], "who": ["a", "b"]})
    with pytest.raises(ContractError, match=message):
        partition([good, pa.table(columns)], SIGHT, segments, tmp_path, heap_bytes=1)


def test_a_table_with_one_row_for_a_key_is_none_to_gather(segments: Table, tmp_path: Path) -> None:
    single = Contract("single", 1, "segment_id", SIGHT.fields)
    with pytest.raises(ContractError, match="single v1: one row for a key"):
        partition([], single, segments, tmp_path)


def test_a_full_disk_is_told_in_a_line(
    segments: Table, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(TableError, match=r"cannot write [0-9]+ bytes of rows"):
        partition([sights(segments, 50_000)], SIGHT, segments, tmp_path)


class Heard(NamedTuple):
    heard: list[float]


HEARD = Contract(
    "heard", 1, "segment_id",
    (field("segment_id", pa.string(), "Segment."), field("heard", pa.float64(), "Sum of speeds around.", unit="km/h")),
)  # fmt: skip
REACH_M = 3_000.0


def heard(*, bbox: list[dict[str, float]], speed: Grouped) -> Heard:
    """The sum of the speeds, in whole numbers, of all segments whose south-west corners are within `REACH_M`."""
    lon, lat = np.array([[box["xmin"], box["ymin"]] for box in bbox]).T
    n = len(lon)
    apart = GEOD.inv(np.repeat(lon, n), np.repeat(lat, n), np.tile(lon, n), np.tile(lat, n))[2].reshape(n, n)
    return Heard(((apart <= REACH_M) @ np.array([np.rint(each).sum() for each in speed])).tolist())


def test_a_tile_gathers_for_its_halo_too(segments: Table, tmp_path: Path) -> None:
    """Seven tiles give what one gives."""
    lift = PerTile(heard, reads=ROAD_SEGMENT, gathers=(SIGHT,), writes=HEARD, halo_m=REACH_M)
    found = []
    for folder, table in (("7", segments), ("1", written(random_roads(300), tmp_path / "1", tiles=1))):
        seen = partition([sights(segments)], SIGHT, table, tmp_path / folder)
        run_here(lift, table, seen, into=tmp_path / folder)
        found.append(all_rows(tmp_path / folder, HEARD))
    assert found[0].num_rows == 300
    assert found[0].equals(found[1])
