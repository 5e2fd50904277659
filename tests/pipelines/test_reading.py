"""Nothing is read twice, and nothing is kept that has changed."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.reading import NOTE, is_read, note_of, reading_fingerprint, write_note
from pipelines.road_segments import check_split, read_into_tiles
from pipelines.table import Table, open_table
from pipelines.tile_run import StageError
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from tests.pipelines.local import tile_bytes
from tests.roads import random_roads, road_row, road_table
from tests.tasks.readers.osm_files import Way, write

READERS = ("tasks.tiling",)
NODES = {i: (9.0 + i % 12 / 100, 47.0 + i // 12 / 100) for i in range(144)}
WAYS = [Way(i, [i, i + 1], {"highway": "residential"}) for i in range(144) if i % 12 < 11]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table of two tiles that was read from a file."""
    made = open_table(ROAD_SEGMENT, tmp_path)
    for tile, seed in (("q0", 1), ("q1", 2)):
        made.commit(random_roads(4, seed=seed), Receipt(tile, "", "", 4, 4, 0, 0.0))
    return made


def test_what_is_noted_can_be_asked_for(table: Table) -> None:
    write_note(table, "abc", records=8, grid=("q0", "q1"))
    note = note_of(table)
    assert (note["fingerprint"], note["records"], note["grid"]) == ("abc", 8, ["q0", "q1"])
    assert set(note["tiles"]) == {"q0", "q1"}
    assert is_read(table, "abc")
    assert not is_read(table, "abd")


@pytest.mark.parametrize("content", [None, "", "[]", "[1", '"abc"', "null", '{"fingerprint": "abc"}', b"\xff"])
def test_a_note_that_is_none_counts_for_nothing(table: Table, content: str | bytes | None) -> None:
    if content is not None:
        (table.folder / NOTE).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert not is_read(table, "abc")
    assert note_of(table) in ({}, {"fingerprint": "abc"})


def test_without_a_fingerprint_nothing_is_read_yet(table: Table) -> None:
    write_note(table, None)
    assert not is_read(table, None)


def test_other_tiles_are_not_what_was_read(table: Table) -> None:
    write_note(table, "abc")
    table.commit(random_roads(4, seed=3), Receipt("q1", "", "", 4, 4, 0, 0.0))
    assert not is_read(table, "abc")
    write_note(table, "abc")
    table.path("q1").unlink()
    assert not is_read(table, "abc")


def test_all_that_decides_is_in_the_fingerprint(table: Table, tmp_path: Path) -> None:
    one, other = tmp_path / "a.osm", tmp_path / "b.osm"
    one.write_text("<osm>")
    other.write_text("<osm >")
    prints = [
        reading_fingerprint(table, READERS, [one], None, 4),
        reading_fingerprint(table, READERS, [other], None, 4),
        reading_fingerprint(table, READERS, [one, other], None, 4),
        reading_fingerprint(table, READERS, [one], (1.0, 2.0, 3.0, 4.0), 4),
        reading_fingerprint(table, READERS, [one], None, 5),
        reading_fingerprint(table, ("tasks.measure",), [one], None, 4),
    ]
    assert len({*prints}) == len(prints)
    assert reading_fingerprint(table, READERS, [one], None, 4) == prints[0]
    other.write_text("<osm>")
    assert reading_fingerprint(table, READERS, [other], None, 4) == prints[0]  # content counts, not the name


def test_a_file_that_cannot_be_read_is_the_readers_to_tell(table: Table, tmp_path: Path) -> None:
    assert reading_fingerprint(table, READERS, [tmp_path / "none.osm"]) is None


def read(file: Path, ways: list[Way], nodes: dict[int, tuple[float, float]] = NODES) -> Table:
    """The roads of a map in some 16 tiles, beside it."""
    write(file, nodes, ways)
    return read_into_tiles.fn([file], str(file.parent / "out"), None, None, None, 12)


@pytest.mark.parametrize("edit", ["tag", "node", "new", "gone"])
def test_an_edited_map_changes_those_tiles_alone_whose_rows_changed(tmp_path: Path, edit: str) -> None:
    """The others are not even written again."""
    file = tmp_path / "map.osm"
    table = read(file, WAYS)
    before, times = tile_bytes(table), {tile: table.path(tile).stat().st_mtime_ns for tile in table.tiles()}
    assert len(before) > 10
    rows = {tile: table.read(tile) for tile in before}
    ways, nodes = list(WAYS), dict(NODES)
    if edit == "tag":
        ways[70] = ways[70]._replace(tags={"highway": "residential", "maxspeed": "30"})
    elif edit == "node":
        nodes[70] = (nodes[70][0] + 1e-4, nodes[70][1])
    elif edit == "new":
        ways.append(Way(1000, [70, 82], {"highway": "residential"}))
    else:
        del ways[70]
    assert read(file, ways, nodes) == table
    after = tile_bytes(table)
    changed = {tile for tile in {*before, *after} if not table.read(tile).equals(rows.get(tile))}
    assert 0 < len(changed) < 4
    assert {tile for tile in {*before, *after} if before.get(tile) != after.get(tile)} == changed
    assert {tile for tile in before if tile in after and table.path(tile).stat().st_mtime_ns == times[tile]} == {
        *before
    } - changed


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([[0, 1]], "3 rows read, but 2 in tiles with 2 keys"),
        ([[0, 1], [1, 2]], "3 rows read, but 4 in tiles with 3 keys"),
        ([[0, 1], [1]], "3 rows read, but 3 in tiles with 2 keys"),
    ],
)
def test_a_split_that_loses_or_doubles_rows_is_told(parts: list[list[int]], words: str) -> None:
    rows = road_table([road_row(f"w{i}", [(9.0, 47.0), (9.0, 47.001 + i / 1000)]) for i in range(3)])
    check_split(rows, [rows.slice(0, 1), rows.slice(1)], ROAD_SEGMENT)
    with pytest.raises(StageError, match=words):
        check_split(rows, [rows.take(part) for part in parts], ROAD_SEGMENT)


def test_a_split_that_changes_lengths_is_told() -> None:
    rows = road_table([road_row(f"w{i}", [(9.0, 47.0), (9.0, 47.001 + i / 1000)]) for i in range(3)])
    lengths = rows["length_m"].to_numpy() + np.array([0.0, 1e-6, 0.0])
    other = rows.set_column(rows.column_names.index("length_m"), "length_m", [lengths])
    with pytest.raises(StageError, match="m read, but"):
        check_split(rows, [other], ROAD_SEGMENT)
