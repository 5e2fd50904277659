"""Learning habits in a run: who is an example, fair draws, and that nothing is learned twice."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import limit_model
from pipelines.limit_model import country_examples, learn_habits, write_habits
from pipelines.table import Table, open_table
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from tasks.input_file import InputFile
from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import Habits
from tests.pipelines.local import written
from tests.roads import road_row, road_table

Row = tuple[str, str | None, str | None]
"""Id, country and stated limit."""


def tables(rows: list[Row]) -> tuple[pa.Table, pa.Table]:
    """Attributes and roads of a tile; the first attribute is the number in the id."""
    told = [
        {
            "segment_id": key,
            "country": country,
            "limit": limit,
            "attributes": [float(key[1:]), *[0.5] * (len(ATTRIBUTES) - 1)],
        }
        for key, country, limit in rows
    ]
    line = [(9.0, 47.0), (9.001, 47.0)]
    roads = [road_row(key, line, class_="primary" if int(key[1:]) % 2 else "trunk") for key, _, _ in rows]
    return pa.Table.from_pylist(told, schema=ROAD_ATTRIBUTE.schema), road_table(roads[::-1])


def test_examples_are_the_segments_whose_limit_and_country_are_known() -> None:
    made = country_examples(
        [
            tables([("w1", "FI", "50 km/h"), ("w2", "FI", None), ("w3", None, "50 km/h")]),
            tables([("w4", "SE", "none"), ("w6", "FI", "30 km/h")]),
        ]
    )
    assert set(made) == {"FI", "SE"}
    assert made["FI"].limits == ["50 km/h", "30 km/h"]
    assert made["FI"].kinds == ["primary", "trunk"]
    assert made["FI"].attributes[:, 0].tolist() == [1.0, 6.0]
    assert made["FI"].attributes.shape == (2, len(ATTRIBUTES))
    assert made["SE"].metres == pytest.approx([75.9], rel=0.01)


@pytest.mark.parametrize("rows", [[], [("w1", None, None)], [("w1", "FI", None)], [("w1", None, "50 km/h")]])
def test_with_no_tagged_segment_nothing_is_learned(tmp_path: Path, rows: list[Row]) -> None:
    made = country_examples([tables(rows)] if rows else [])
    assert made == {}
    write_habits(made, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_limit_and_one_class_are_a_lesson(tmp_path: Path) -> None:
    write_habits(country_examples([tables([(f"w{2 * i}", "FI", "50 km/h") for i in range(30)])]), tmp_path)
    learned = Habits.from_table(pq.read_table(tmp_path / "FI.parquet"))
    assert (learned.limits, learned.forest) == (("50 km/h",), None)
    assert learned.overall().tolist() == [1.0]
    assert learned.learned(np.zeros((2, len(ATTRIBUTES))), ["trunk", "track"]).tolist() == [[1.0], [1.0]]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 12), st.randoms())
def test_the_draw_is_that_of_the_lowest_checksums_however_tiles_are_cut(
    count: int, size: int, most: int, random: Any
) -> None:
    rows: list[Row] = [(f"w{i}", "FI", "50 km/h") for i in range(count)]
    expected = sorted(sorted((key for key, _, _ in rows), key=lambda key: (zlib.crc32(key.encode()), key))[:most])
    random.shuffle(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_model, "MOST_EXAMPLES", most)
        made = country_examples([tables(rows[i : i + size]) for i in range(0, count, size)])["FI"]
    assert [f"w{number:.0f}" for number in made.attributes[:, 0]] == expected


def described(roads: pa.Table, into: Path, limit: str, countries: tuple[str, ...] = ("FI",)) -> tuple[Table, Table]:
    """Tables of attributes and of roads, in two tiles."""
    segments, attributes = written(roads, into, tiles=2), open_table(ROAD_ATTRIBUTE, into)
    for tile in segments.tiles():
        ids = segments.read(tile)["segment_id"].to_pylist()
        rows, _ = tables([(key, countries[int(key[1:]) % len(countries)], limit) for key in ids])
        attributes.commit(rows, Receipt(tile, "", "", len(ids), len(ids), 0, 0.0))
    return attributes, segments


ROADS = road_table([road_row(f"w{i}", [(9 + i / 100, 47), (9 + i / 100, 47.001)]) for i in range(20)])


def learned(into: Path, limit: str = "50 km/h", roads: pa.Table = ROADS, **how: Any) -> InputFile:
    """The habits of roads that all have one limit."""
    return learn_habits.fn(*described(roads, into, limit), str(into), **how)


def test_nothing_is_learned_twice_and_a_changed_map_is_learned_anew(tmp_path: Path) -> None:
    first = learned(tmp_path)
    (file,) = first.path.iterdir()
    written_at = file.stat().st_mtime_ns
    assert learned(tmp_path) == first
    assert file.stat().st_mtime_ns == written_at
    attributes, segments = described(ROADS, tmp_path, "30 km/h", ("SE", "NO"))
    again = learn_habits.fn(attributes, segments, str(tmp_path))
    assert {each.name for each in again.path.iterdir()} == {"SE.parquet", "NO.parquet"}
    assert again != first
    assert again == InputFile.of(tmp_path / "habits")


def test_habits_follow_from_the_map_alone(tmp_path: Path) -> None:
    assert learned(tmp_path / "a") == learned(tmp_path / "b") != learned(tmp_path / "c", "30 km/h")


@pytest.mark.parametrize("spoil", ["_habits.json", "habits/FI.parquet"])
@pytest.mark.parametrize("content", [None, b"[]", b"{}", b'{"stated": 3}'])
def test_what_was_cut_off_or_spoilt_is_learned_again(tmp_path: Path, spoil: str, content: bytes | None) -> None:
    first = learned(tmp_path)
    whole = (tmp_path / "_habits.json").read_bytes()
    (tmp_path / spoil).unlink()
    if content is not None:
        (tmp_path / spoil).write_bytes(content)
    assert learned(tmp_path) == first == InputFile.of(tmp_path / "habits")
    assert (tmp_path / "_habits.json").read_bytes() == whole


def in_tiles(limits: list[str | None], into: Path) -> tuple[Table, Table]:
    """Attributes and roads of tiles of one segment each, with these limits."""
    attributes, segments = open_table(ROAD_ATTRIBUTE, into), open_table(ROAD_SEGMENT, into)
    for i, limit in enumerate(limits):
        rows, roads = tables([(f"w{i}", "FI", limit)])
        attributes.commit(rows, Receipt(f"q{i:04}", "", "", 1, 1, 0, 0.0))
        segments.commit(roads, Receipt(f"q{i:04}", "", "", 1, 1, 0, 0.0))
    return attributes, segments


@pytest.mark.parametrize(("changed", "is_learned"), [(0, False), (2, False), (3, True)])
def test_an_edit_of_one_segment_in_a_hundred_changes_no_habits(tmp_path: Path, changed: int, is_learned: bool) -> None:
    """200 segments state a limit and 50 state none: an edit of one that says nothing never counts."""
    limits: list[str | None] = [*["50 km/h"] * 200, *[None] * 50]
    first = learn_habits.fn(*in_tiles(limits, tmp_path), str(tmp_path))
    limits[:changed] = ["30 km/h"] * changed
    edited = in_tiles(limits, tmp_path)
    assert (learn_habits.fn(*edited, str(tmp_path)) != first) == is_learned
    assert (learn_habits.fn(*edited, str(tmp_path), relearn=True) != first) == bool(changed)


def test_small_edits_add_up(tmp_path: Path) -> None:
    limits: list[str | None] = ["50 km/h"] * 200
    first = learn_habits.fn(*in_tiles(limits, tmp_path), str(tmp_path))
    for i, is_learned in enumerate([False, False, True]):
        limits[i] = "30 km/h"
        assert (learn_habits.fn(*in_tiles(limits, tmp_path), str(tmp_path)) != first) == is_learned
