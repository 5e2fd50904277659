"""Probe files into tiles: whole traces, the same under every grid and heap, nothing lost and nothing read twice."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines import probe_points as module
from pipelines.probe_points import PointCounts, point_counts, probe_points
from pipelines.reading import write_note
from pipelines.road_segments import grid_of, lay_grid
from pipelines.table import Rejects, Table
from pipelines.tile_run import StageError
from schemas.contract import BBOX
from schemas.probe import PROBE_POINT, TRACE_PIECE
from tasks.readers.probe_format import ProbeFormat
from tasks.readers.reading import ReadError
from tasks.tiling import box_centres
from tests.pipelines.local import all_rows, tile_bytes, written
from tests.roads import random_roads
from tests.tasks.readers.probe_files import START, csv_of, drive


def roads(into: Path, tiles: int = 7) -> Table:
    """Road segments in some tiles, their grid noted as a reading notes it."""
    table = random_roads(300)
    segments = written(table, into, tiles=tiles)
    write_note(segments, "test", grid=lay_grid(table, tiles, 20_000).tiles)
    return segments


def fleet(folder: Path) -> Path:
    """CSV of twelve drives across the roads, their rows mixed up; every 40th point of a drive is far off."""
    rows: list[dict[str, Any]] = []
    for car in range(12):
        for i, point in enumerate(drive(300, f"car {car}")):
            at = {"lon": 8.9 + i * 3e-4, "lat": 46.7 + car * 0.03 + i * 1e-3 + (0.5 if i % 40 == 20 else 0)}
            rows.append({**point, **at, "time": START + timedelta(seconds=2 * i)})
    random.Random(0).shuffle(rows)
    file = folder / "fleet.csv"
    file.write_text(csv_of(rows))
    return file


def read(files: Path | list[Path], segments: Table, into: Path, **told: Any) -> tuple[Table, Table]:
    listed = [files] if isinstance(files, Path) else files
    made: tuple[Table, Table] = probe_points.fn(listed, segments, str(into), **told)
    return made


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return roads(tmp_path_factory.mktemp("roads"))


@pytest.fixture(scope="module")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet(tmp_path_factory.mktemp("probes"))


def test_points_lie_in_the_tile_of_their_piece(segments: Table, csv_file: Path, tmp_path: Path) -> None:
    points, pieces = read(csv_file, segments, tmp_path)
    grid = grid_of(segments)
    traces = [set(pieces.read(tile)["trace_id"].to_pylist()) for tile in pieces.tiles()]
    assert sum(map(len, traces)) > len(set().union(*traces))  # some lie in several tiles
    assert points.tiles() == pieces.tiles()
    for tile in pieces.tiles():
        cut = pieces.read(tile)
        TRACE_PIECE.validate(cut)
        assert {grid.tiles[i] for i in grid.owners(*box_centres(cut.column(BBOX)))} == {tile}
        own = {(p["trace_id"], p["first"] + i) for p in cut.to_pylist() for i in range(p["own_from"], p["own_to"])}
        rows = points.read(tile)
        PROBE_POINT.validate(rows)
        assert {(row["trace_id"], row["number"]) for row in rows.to_pylist()} == own
        assert rows.num_rows == len(own)


def test_counts_add_up_and_are_told(segments: Table, csv_file: Path, tmp_path: Path) -> None:
    points, pieces = read(csv_file, segments, tmp_path)
    counts = point_counts(points)
    assert counts == PointCounts(3600, 3516, 12, sum(pieces.read(t).num_rows for t in pieces.tiles()), {"jump": 84})
    assert counts.in_words() == "3,600 points: 3,516 kept, 84 jump"
    assert Rejects(tmp_path).rows()["reason"].to_pylist() == ["jump"] * 84


@pytest.mark.parametrize("tiles", [1, 3])
def test_the_grid_does_not_matter(tiles: int, segments: Table, csv_file: Path, tmp_path: Path) -> None:
    order = [("trace_id", "ascending"), ("number", "ascending")]
    read(csv_file, segments, tmp_path / "many")
    read(csv_file, roads(tmp_path / "roads", tiles), tmp_path / "few")
    assert all_rows(tmp_path / "many", TRACE_PIECE).equals(all_rows(tmp_path / "few", TRACE_PIECE))
    many, few = (all_rows(tmp_path / name, PROBE_POINT).sort_by(order) for name in ("many", "few"))
    assert many.equals(few)


def test_the_heap_and_the_form_of_the_file_do_not_matter(segments: Table, csv_file: Path, tmp_path: Path) -> None:
    whole = read(csv_file, segments, tmp_path / "whole")
    parts = read(csv_file, segments, tmp_path / "parts", heap_bytes=5000)
    pq.write_table(pa.csv.read_csv(csv_file), tmp_path / "fleet.parquet")
    parquet = read(tmp_path / "fleet.parquet", segments, tmp_path / "parquet")
    for one, other, third in zip(whole, parts, parquet, strict=True):
        assert tile_bytes(one) == tile_bytes(other) == tile_bytes(third)


def test_nothing_is_read_twice(
    segments: Table, csv_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    read_probes = module.read_probes
    monkeypatch.setattr(module, "read_probes", lambda *told: calls.append(told) or read_probes(*told))
    first = read(csv_file, segments, tmp_path)
    assert read(csv_file, segments, tmp_path) == first
    assert len(calls) == 1
    read(csv_file, segments, tmp_path, salt="pepper")
    assert len(calls) == 2
    renamed = csv_file.with_name("renamed.csv")
    renamed.write_bytes(csv_file.read_bytes())
    read(renamed, segments, tmp_path, salt="pepper")
    assert len(calls) == 3  # a file's name may be a part of ids
    first[0].store.remove([f"{first[0].tiles()[0]}.parquet"])
    read(renamed, segments, tmp_path, salt="pepper")
    assert len(calls) == 4


def test_tiles_of_an_earlier_reading_are_gone(segments: Table, csv_file: Path, tmp_path: Path) -> None:
    read(csv_file, segments, tmp_path)
    (tmp_path / "one.csv").write_text(csv_of(drive(3)))
    points, pieces = read(tmp_path / "one.csv", segments, tmp_path)
    assert (len(points.tiles()), len(pieces.tiles()), points.rows().num_rows) == (1, 1, 3)
    assert Rejects(tmp_path).rows().num_rows == 0


def test_a_tile_of_many_points_is_split_and_nothing_else_changes(
    segments: Table, csv_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [table.rows() for table in read(csv_file, segments, tmp_path / "whole")]
    monkeypatch.setattr(module, "POINTS_PER_TILE", 500)
    points, pieces = read(csv_file, segments, tmp_path / "split")
    assert len(points.tiles()) > 4
    assert points.tiles() == pieces.tiles()
    for tile in pieces.tiles():
        rows = pieces.read(tile)
        assert set(points.read(tile)["trace_id"].to_pylist()) == set(rows["trace_id"].to_pylist())
    for before, after, key in zip(whole, (points, pieces), ("number", "piece_id"), strict=True):
        order = [("trace_id", "ascending"), (key, "ascending")]
        assert before.sort_by(order).equals(after.rows().sort_by(order))


def test_ids_are_hidden_by_a_salt(segments: Table, csv_file: Path, tmp_path: Path) -> None:
    """The same id, the same digest; another salt, another digest; no id is left anywhere."""
    plain, _ = read(csv_file, segments, tmp_path / "plain")
    hidden = [read(csv_file, segments, tmp_path / salt, salt=salt)[0] for salt in ("a", "b")]
    ids = [set(table.rows()["trace_id"].to_pylist()) for table in (plain, *hidden)]
    assert [len(each) for each in ids] == [12, 12, 12]
    assert not ids[0] & ids[1]
    assert not ids[1] & ids[2]
    counts = [
        sorted(pc.value_counts(t.rows()["trace_id"].combine_chunks()).field(1).to_pylist()) for t in (plain, *hidden)
    ]
    assert counts[0] == counts[1] == counts[2]
    told = [*tmp_path.joinpath("a").rglob("*")]
    assert not any(b"car 7" in file.read_bytes() for file in told if file.is_file())


def test_points_that_are_lost_are_told(
    segments: Table, csv_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace_rows = module.trace_rows
    monkeypatch.setattr(module, "trace_rows", lambda *told: trace_rows(told[0].slice(1), *told[1:]))
    with pytest.raises(StageError, match="3600 points read, but"):
        read(csv_file, segments, tmp_path)


def test_no_point_that_can_be_used_leaves_empty_tables_and_the_reasons(segments: Table, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(csv_of(drive(1)))
    points, pieces = read(tmp_path / "one.csv", segments, tmp_path)
    assert (points.tiles(), pieces.tiles()) == ([], [])
    assert point_counts(points).in_words() == "1 points: 0 kept, 1 lonely"


def test_files_that_cannot_be_read(segments: Table, csv_file: Path, tmp_path: Path) -> None:
    (tmp_path / "naive.csv").write_text("time,lon,lat\n2024-05-06 07:08:09,24.9,60.1\n")
    with pytest.raises(ReadError, match="--time-zone"):
        read(tmp_path / "naive.csv", segments, tmp_path)
    points, _ = read([tmp_path / "naive.csv", csv_file], segments, tmp_path)
    counts = point_counts(points)
    assert counts.read == 3600
    assert "--time-zone" in counts.notes[0]
    named = read(
        [tmp_path / "naive.csv", csv_file], segments, tmp_path, format=ProbeFormat(time_zone="Europe/Helsinki")
    )
    assert point_counts(named[0]).read == 3601
