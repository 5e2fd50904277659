"""A whole run in an object store: the bytes of one on a disk, the same answers, and bad days of the server."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from pipelines.limit_stages import POSTED
from pipelines.plan import plan_stage
from pipelines.table import TableError, open_table, table_in
from pipelines.tile_run import TileRun
from schemas.posted_limit import POSTED_LIMIT
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.speed_limit import SPEED_LIMIT
from tests.pipelines.local import all_rows, run_here, tile_bytes, written
from tests.pipelines.run_folder import inferred_folder
from tests.pipelines.s3 import everything, new_bucket, served
from tests.roads import random_roads
from tests.town import town

ROADS = random_roads(60)


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with served():
        yield


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in a folder."""
    segments, features = town(8, 6)
    into = tmp_path_factory.mktemp("deep") / "er" / "run"
    inferred_folder(segments, into, features=features, tiles=4)
    return into


@pytest.fixture(scope="module")
def bucket(server: None) -> str:
    """The same run in a bucket."""
    segments, features = town(8, 6)
    into = f"{new_bucket()}/some/run"
    inferred_folder(segments, into, features=features, tiles=4)
    return into


def parquet_files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


def test_a_run_in_a_bucket_has_the_bytes_of_one_on_a_disk(disk: Path, bucket: str) -> None:
    """All tables, rejects and habits; so fingerprints do not depend on where files lie."""
    name, _, inside = bucket.removeprefix("s3://").partition("/")
    stored = everything(f"s3://{name}")
    found = {path.removeprefix(f"{inside}/"): content for path, content in stored.items() if path.endswith(".parquet")}
    expected = parquet_files(disk)
    assert len(expected) > 4 * 9
    assert found.keys() == expected.keys()
    assert [path for path, content in expected.items() if found[path] != content] == []


def test_a_run_in_another_folder_has_the_same_bytes(disk: Path, tmp_path: Path) -> None:
    segments, features = town(8, 6)
    inferred_folder(segments, tmp_path / "elsewhere", features=features, tiles=4)
    assert parquet_files(tmp_path / "elsewhere") == parquet_files(disk)


@pytest.mark.parametrize(
    "words",
    [
        ["tables", "DIR"],
        ["explain", "DIR", "ID"],
        ["try", "posted_limit", "DIR", "ID"],
        ["law", "--diff", "-", "-", "--run", "DIR"],
    ],
)
def test_commands_say_of_a_bucket_what_they_say_of_a_folder(
    disk: Path, bucket: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    segment = all_rows(disk)["segment_id"][0].as_py()
    told = []
    for place in (str(disk), bucket):
        filled = [{"DIR": place, "ID": segment}.get(word, word) for word in words]
        assert main(filled) in (0, None)
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] != ""


def test_a_table_of_a_bucket_is_exported_and_drawn(disk: Path, bucket: str, tmp_path: Path) -> None:
    assert main(["export", bucket, "speed_limit", "--to", str(tmp_path / "limits.parquet")]) in (0, None)
    rows = pq.read_table(tmp_path / "limits.parquet").sort_by("segment_id")
    assert rows["segment_id"].equals(all_rows(disk, SPEED_LIMIT)["segment_id"])
    assert main(["map", bucket, "--to", str(tmp_path / "map.html")]) in (0, None)
    assert (tmp_path / "map.html").stat().st_size > 10_000


def test_a_folder_that_is_not_there_is_told(server: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "s3://no-such-bucket/run"]) == 2
    said = capsys.readouterr().err
    assert "no such bucket" in said
    assert said.count("\n") == 1


def test_nothing_is_computed_twice_in_a_bucket(server: None) -> None:
    into = new_bucket()
    roads = written(ROADS, into, tiles=5)
    assert len(run_here(POSTED, roads, into=into)) == 5
    target = open_table(POSTED_LIMIT, into)
    target.save_manifest(target.receipts().values())
    assert run_here(POSTED, roads, into=into) == []
    tile = roads.tiles()[2]
    roads.commit(roads.read(tile).slice(1), roads.receipts()[tile])
    assert run_here(POSTED, roads, into=into) == [tile]


def test_a_server_that_goes_away_leaves_what_was_committed(tmp_path: Path) -> None:
    """Two tiles are committed, then the server ends: one clear line. When it is back, the run goes on from there."""
    oracle = written(ROADS, tmp_path, tiles=5)
    run_here(POSTED, oracle, into=tmp_path)
    expected = tile_bytes(table_in(POSTED_LIMIT, tmp_path))
    with served() as server:
        into = new_bucket()
        roads = written(ROADS, into, tiles=5)
        target = open_table(POSTED_LIMIT, into)
        work, todo = TileRun(POSTED, (roads,), into), plan_stage(POSTED, [roads], target).todo
        for tile in todo[:2]:
            work(tile)
        server.stop()
        for ask in (lambda: work(todo[2]), target.tiles, lambda: target.save_manifest([])):
            with pytest.raises(TableError, match=r"^s3://[^\n]* does not answer$"):
                ask()
    with served():
        assert tile_bytes(target) == {tile.tile: expected[tile.tile] for tile in todo[:2]}
        assert len(run_here(POSTED, roads, into=into)) == 3
        assert tile_bytes(target) == expected


def test_attributes_rest_on_no_place(disk: Path, bucket: str) -> None:
    here, there = (table_in(ROAD_ATTRIBUTE, place).receipts() for place in (disk, bucket))
    assert here == there
