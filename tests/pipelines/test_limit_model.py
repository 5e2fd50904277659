"""Learning habits in a run: who is an example, fair draws, and that nothing is learned twice."""

import json
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
from schemas.road_attribute import ROAD_ATTRIBUTE
from tasks.fingerprint import file_digest
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


def test_nothing_is_learned_twice_and_a_changed_map_is_learned_anew(tmp_path: Path) -> None:
    attributes, segments = described(ROADS, tmp_path, "50 km/h")
    folder = learn_habits.fn(attributes, segments, str(tmp_path))
    (file,) = folder.glob("*.parquet")
    written_at, digest = file.stat().st_mtime_ns, file_digest(folder)
    assert learn_habits.fn(attributes, segments, str(tmp_path)) == folder
    assert file.stat().st_mtime_ns == written_at
    described(ROADS, tmp_path, "30 km/h", ("SE", "NO"))
    learn_habits.fn(attributes, segments, str(tmp_path))
    assert {each.name for each in folder.glob("*.parquet")} == {"SE.parquet", "NO.parquet"}
    assert file_digest(folder) != digest


def test_habits_follow_from_the_map_alone(tmp_path: Path) -> None:
    one, other = (learn_habits.fn(*described(ROADS, tmp_path / name, "50 km/h"), str(tmp_path / name)) for name in "ab")
    assert file_digest(one) == file_digest(other)


def test_a_run_that_was_cut_off_learns_again(tmp_path: Path) -> None:
    attributes, segments = described(ROADS, tmp_path, "50 km/h")
    folder = learn_habits.fn(attributes, segments, str(tmp_path))
    note = folder / "_learned.json"
    whole = json.loads(note.read_text())
    (folder / "FI.parquet").unlink()
    note.unlink()
    learn_habits.fn(attributes, segments, str(tmp_path))
    assert (folder / "FI.parquet").exists()
    assert json.loads(note.read_text()) == whole
