"""Nothing is read twice, and nothing is kept that has changed."""

from pathlib import Path

import pytest

from pipelines.reading import NOTE, is_read, note_of, reading_fingerprint, write_note
from pipelines.table import Table, open_table
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from tests.roads import random_roads

READERS = ("tasks.tiling",)


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
