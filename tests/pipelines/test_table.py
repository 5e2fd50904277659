import json
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.road_segments import commit_reading, lay_grid
from pipelines.table import Rejects, TableError, existing, open_table, sorted_by_key, split_by_tile, write_whole
from schemas.contract import Contract
from schemas.receipt import Receipt
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.readers.reading import Reading
from tasks.tiling import cell_codes, grid_by_count
from tests.pipelines.local import all_rows, written
from tests.roads import random_roads

ROADS = random_roads(60)


def blank(tile: str, fingerprint: str = "f") -> Receipt:
    return Receipt(tile, fingerprint, "", 0, 0, 0, 0.0)


def test_a_tile_is_sorted_by_key_and_carries_its_receipt(tmp_path: Path) -> None:
    table = open_table(ROAD_SEGMENT, tmp_path)
    shuffled = ROADS.take(np.random.default_rng(0).permutation(ROADS.num_rows))
    receipt = table.commit(shuffled, blank("q1"))
    assert table.read("q1").equals(ROADS.sort_by("segment_id"))
    assert table.receipt("q1") == receipt
    assert receipt.rows_out == 60
    boxes = ROADS.column("bbox").to_pylist()
    assert receipt.bbox is not None
    assert receipt.bbox[0] == min(box["xmin"] for box in boxes)
    assert receipt.bbox[3] == max(box["ymax"] for box in boxes)


def test_bytes_and_digest_follow_from_the_rows(tmp_path: Path) -> None:
    table = open_table(ROAD_SEGMENT, tmp_path)
    first = table.commit(ROADS, blank("q1"))
    again = table.commit(ROADS.take(list(reversed(range(60)))), blank("q2"))
    other = table.commit(ROADS.slice(1), blank("q3"))
    assert first.digest == again.digest != other.digest
    assert table.commit(ROADS, blank("q1", "other code")).digest == first.digest
    before = table.path("q2").read_bytes()
    table.commit(ROADS, blank("q2"))
    assert table.path("q2").read_bytes() == before


def test_a_tile_is_geoparquet_that_others_read(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=1)
    frame = geopandas.read_parquet(table.path("q"))
    assert frame.crs.to_epsg() == 4326 or frame.crs.to_string() == "OGC:CRS84"
    assert frame.geometry.to_wkb().tolist() == all_rows(tmp_path).column("geometry").to_pylist()
    geo = json.loads(pq.read_metadata(table.path("q")).metadata[b"geo"])
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]


@pytest.mark.parametrize("count", [1, 7, 50])
def test_every_row_has_one_tile(tmp_path: Path, count: int) -> None:
    table = written(ROADS, tmp_path, tiles=count)
    assert len(table.tiles()) == count
    assert all_rows(tmp_path).equals(ROADS.sort_by("segment_id"))


def test_split_by_tile_gives_rows_to_the_owner_of_their_centre() -> None:
    boxes = ROADS.column("bbox").to_pylist()
    lon = np.array([(box["xmin"] + box["xmax"]) / 2 for box in boxes])
    lat = np.array([(box["ymin"] + box["ymax"]) / 2 for box in boxes])
    grid = grid_by_count(cell_codes(lon, lat), np.ones(60), count=9)
    owner = dict(zip(ROADS.column("segment_id").to_pylist(), grid.owners(lon, lat), strict=True))
    for tile, rows in split_by_tile(ROADS, grid, "segment_id").items():
        assert {grid.tiles[owner[key]] for key in rows.column("segment_id").to_pylist()} == {tile}


def test_another_version_is_refused(tmp_path: Path) -> None:
    newer = Contract(ROAD_SEGMENT.name, 99, "segment_id", ROAD_SEGMENT.fields)
    open_table(newer, tmp_path).commit(ROADS, blank("q"))
    with pytest.raises(TableError, match="holds road_segment v99, expected road_segment v1"):
        open_table(ROAD_SEGMENT, tmp_path)
    with pytest.raises(TableError, match="v99"):
        existing(ROAD_SEGMENT, tmp_path)


def test_a_foreign_or_broken_file_is_refused(tmp_path: Path) -> None:
    table = open_table(ROAD_SEGMENT, tmp_path)
    pq.write_table(pa.table({"a": [1]}), table.path("q"))
    with pytest.raises(TableError, match="holds no Waysmith table"):
        open_table(ROAD_SEGMENT, tmp_path)
    table.path("q").write_bytes(b"PAR1 broken")
    with pytest.raises(TableError, match="not a Parquet file"):
        open_table(ROAD_SEGMENT, tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="cannot make this folder: Not a directory"):
        open_table(ROAD_SEGMENT, tmp_path / "file")


def test_a_full_disk_leaves_what_was_there(small_disk: Path) -> None:
    file = small_disk / "q.parquet"
    write_whole(file, b"old")
    with pytest.raises(TableError, match="No space left on device"):
        write_whole(file, b"x" * 1_000_000)
    assert file.read_bytes() == b"old"
    assert list(small_disk.iterdir()) == [file]


def test_a_full_disk_leaves_the_earlier_reading_whole(small_disk: Path) -> None:
    """Some tiles of the second reading fit and some do not: none of them must replace one of the first."""
    refused = pa.Table.from_pylist([{"key": "w1", "task": "t", "reason": "failed", "message": "m"}], REJECT.schema)
    commit_reading(Reading(ROADS, refused, 61), lay_grid(ROADS, 3, 100), small_disk)
    before = {file: file.read_bytes() for file in small_disk.rglob("*.parquet")}
    many = random_roads(8000)
    with pytest.raises(TableError, match="No space left on device"):
        commit_reading(Reading(many, REJECT.empty(), 8000), lay_grid(many, 9, 100), small_disk)
    assert {file: file.read_bytes() for file in small_disk.rglob("*") if file.is_file()} == before


def test_a_file_appears_under_its_name_alone(tmp_path: Path) -> None:
    for content in (b"one", b"other"):
        write_whole(tmp_path / "q.parquet", content)
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"q.parquet": content}


def test_fewer_tiles_leave_none_of_the_earlier_ones(tmp_path: Path) -> None:
    written(ROADS, tmp_path, tiles=9)
    assert len(written(ROADS.slice(0, 20), tmp_path, tiles=2).tiles()) == 2
    assert all_rows(tmp_path).num_rows == 20


def test_keep_only_removes_tiles_and_drafts(tmp_path: Path) -> None:
    table = written(ROADS, tmp_path, tiles=3)
    kept = table.tiles()[0]
    (table.folder / ".q.parquet.1.draft").write_text("half")
    table.keep_only({kept})
    assert table.tiles() == [kept]
    assert not list(table.folder.glob(".*"))


def test_rejects_of_a_tile_replace_the_earlier_ones(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path)
    row = {"key": "w1", "task": "t", "reason": "failed", "message": "m"}
    rejects.commit("stage", "q1", pa.Table.from_pylist([row, row], schema=REJECT.schema))
    rejects.commit("stage", "q2", pa.Table.from_pylist([row], schema=REJECT.schema))
    rejects.commit("stage", "q1", pa.Table.from_pylist([row], schema=REJECT.schema))
    assert rejects.rows().num_rows == 2
    rejects.commit("stage", "q1", REJECT.empty())
    rejects.keep_only("stage", {"q1"})
    assert rejects.rows().num_rows == 0
    assert pq.read_table(tmp_path / "reject").num_rows == 0


def test_sorted_by_key_leaves_sorted_rows_alone() -> None:
    rows = ROADS.sort_by("segment_id")
    assert sorted_by_key(rows, "segment_id") is rows
