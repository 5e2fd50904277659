import json
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.road_segments import commit_reading, lay_grid
from pipelines.store import Store, TableError, write_whole
from pipelines.table import (
    MANIFEST,
    Rejects,
    Table,
    _groups_between,
    existing,
    open_table,
    sorted_by_key,
    split_by_tile,
)
from schemas.contract import Contract, field
from schemas.posted_limit import POSTED_LIMIT
from schemas.receipt import Receipt
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.readers.reading import Reading
from tasks.tiling import cell_codes, grid_by_count
from tests.pipelines.local import all_rows, tile_bytes, written
from tests.pipelines.s3 import new_bucket, served
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


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where tables can lie."""
    if request.param == "disk":
        return str(tmp_path)
    request.getfixturevalue("server")
    return f"{new_bucket()}/run"


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with served():
        yield


def test_tables_are_the_same_wherever_they_lie(place: str, tmp_path: Path) -> None:
    table = written(ROADS, place, tiles=9)
    oracle = written(ROADS, tmp_path / "oracle", tiles=9)
    assert tile_bytes(table) == tile_bytes(oracle)
    assert table.receipts() == oracle.receipts()
    assert table.rows(["segment_id", "length_m"]).equals(oracle.rows(["segment_id", "length_m"]))
    assert table.read("q-none").num_rows == 0
    assert table.receipt("q-none") is None
    kept = table.tiles()[:2]
    table.keep_only(set(kept))
    assert table.tiles() == kept
    assert existing(ROAD_SEGMENT, place).uri == table.uri
    with pytest.raises(TableError, match="no such table: run a flow into"):
        existing(POSTED_LIMIT, place)


def footers_read(table: Table) -> tuple[dict[str, Receipt], list[str]]:
    """The receipts of a table, and the files that were opened to read them."""
    opened: list[str] = []
    kind = type(table.store)
    plain = kind.open

    def noted(self: Store, name: str) -> pa.NativeFile:
        opened.append(name)
        return plain(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "open", noted)
        return table.receipts(), sorted(opened)


@pytest.fixture
def noted(place: str) -> Table:
    """A table of five tiles with a manifest."""
    table = written(ROADS, place, tiles=5)
    table.save_manifest(table.receipts().values())
    return table


def test_a_manifest_saves_reading_the_footers(noted: Table) -> None:
    receipts, opened = footers_read(noted)
    assert (len(receipts), opened) == (5, [])
    noted.store.remove([MANIFEST])
    assert footers_read(noted) == (receipts, [f"{tile}.parquet" for tile in sorted(receipts)])


def test_a_tile_written_again_is_told_as_it_is(noted: Table) -> None:
    tile = noted.tiles()[1]
    written_now = noted.commit(noted.read(tile).slice(1), blank(tile, "other"))
    receipts, opened = footers_read(noted)
    assert receipts[tile] == written_now
    assert opened == [f"{tile}.parquet"]
    noted.save_manifest(noted.receipts().values())
    assert footers_read(noted) == (receipts, [])


def test_a_tile_removed_or_added_behind_a_manifest_is_told(noted: Table) -> None:
    first, *rest = noted.tiles()
    noted.store.remove([f"{first}.parquet"])
    added = noted.commit(ROADS, blank("q9999"))
    receipts, opened = footers_read(noted)
    assert list(receipts) == [*rest, "q9999"]
    assert receipts["q9999"] == added
    assert opened == ["q9999.parquet"]
    noted.commit(ROADS.slice(3), blank(first))
    assert footers_read(noted)[1] == [f"{first}.parquet", "q9999.parquet"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-20],
        lambda text: b"",
        lambda text: b"\xff",
        lambda text: b"[]",
        lambda text: b"null",
        lambda text: b'{"is": null, "tiles": {}}',
        lambda text: text.replace(b'"is": [1,', b'"is": [2,'),
        lambda text: text.replace(b'"road_segment"', b'"other"'),
        lambda text: text.replace(b"fingerprint", b"print"),
        lambda text: json.dumps({"is": json.loads(text)["is"], "tiles": [1]}).encode(),
        lambda text: json.dumps({"is": json.loads(text)["is"], "tiles": {"q": 1}}).encode(),
    ],
)
def test_a_manifest_that_cannot_be_used_says_nothing(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    table = written(ROADS, tmp_path, tiles=5)
    before = table.receipts()
    table.save_manifest(table.receipts().values())
    whole = table.store.read(MANIFEST)
    assert spoil(whole) != whole
    table.store.write(MANIFEST, spoil(whole))
    assert footers_read(table) == (before, [f"{tile}.parquet" for tile in before])


def test_a_manifest_of_another_version_hides_no_tile_of_it(tmp_path: Path) -> None:
    newer = Contract(ROAD_SEGMENT.name, 99, "segment_id", ROAD_SEGMENT.fields)
    table = open_table(newer, tmp_path)
    table.commit(ROADS, blank("q"))
    table.save_manifest(table.receipts().values())
    with pytest.raises(TableError, match="holds road_segment v99"):
        Table(ROAD_SEGMENT, table.uri).receipts()


ID = Contract("id", 1, "key", (field("key", pa.string(), "Key."), field("value", pa.int64(), "Value.")), False)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A tile of three groups of rows, with keys that stand more than once and in several groups."""
    table = open_table(ID, tmp_path_factory.mktemp("large"))
    keys = [f"k{i // 70_000 * 70_000:06}" if i % 3 else f"k{i:06}" for i in range(150_000)]
    table.commit(pa.table({"key": keys, "value": range(150_000)}, schema=ID.schema), blank("q"))
    assert pq.read_metadata(table.path("q")).num_row_groups == 3
    return table


@given(st.integers(-10, 150_010), st.integers(0, 80_000))
@settings(max_examples=30, deadline=None)
def test_rows_between_two_keys_are_those_a_filter_finds(large: Table, start: int, count: int) -> None:
    first, last = f"k{start:06}", f"k{start + count:06}"
    whole = large.read("q")
    expected = whole.filter((pc.field("key") >= first) & (pc.field("key") <= last))
    assert large.read("q", keys=(first, last)).equals(expected)
    assert large.read("q", ["value"], keys=(first, last)).equals(expected.select(["value"]))


def test_only_groups_of_rows_that_can_hold_a_key_are_read(large: Table) -> None:
    metadata = pq.read_metadata(large.path("q"))
    ends = [metadata.row_group(i).column(0).statistics for i in range(3)]
    assert _groups_between(metadata, "key", ends[1].min, ends[1].min) in ([1], [0, 1])
    assert _groups_between(metadata, "key", "a", "b") == []
    assert _groups_between(metadata, "key", "a", "z") == [0, 1, 2]
    assert large.read("q", keys=("a", "b")).schema.equals(ID.schema)


def test_rejects_of_a_tile_replace_the_earlier_ones(place: str) -> None:
    rejects = Rejects(place)
    row = {"key": "w1", "task": "t", "reason": "failed", "message": "m"}
    rejects.commit("stage", "q1", pa.Table.from_pylist([row, row], schema=REJECT.schema))
    rejects.commit("stage", "q2", pa.Table.from_pylist([row], schema=REJECT.schema))
    rejects.commit("stage", "q1", pa.Table.from_pylist([row], schema=REJECT.schema))
    rejects.commit("other", "q3", pa.Table.from_pylist([row], schema=REJECT.schema))
    assert rejects.rows().num_rows == 3
    rejects.commit("stage", "q1", REJECT.empty())
    rejects.keep_only("stage", {"q1"})
    assert rejects.rows().to_pylist() == [row]


def test_a_reject_table_without_rows_is_readable(tmp_path: Path) -> None:
    Rejects(tmp_path).keep_only("stage", {"q1"})
    assert pq.read_table(tmp_path / "reject").num_rows == 0
    assert Rejects(tmp_path / "none").rows().equals(REJECT.empty())


def test_sorted_by_key_leaves_sorted_rows_alone() -> None:
    rows = ROADS.sort_by("segment_id")
    assert sorted_by_key(rows, "segment_id") is rows
