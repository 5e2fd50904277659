"""What a run comes to; oracle: the rows counted one by one."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.summary import Amount, Summary, _kinds, summarize, summary_lines, table_lines
from pipelines.table import TableError
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tests.pipelines.local import all_rows
from tests.pipelines.run_folder import inferred_folder
from tests.roads import road_row, road_table

TAGS = [
    {"maxspeed": "50"},
    {"maxspeed": "fast"},
    {"maxspeed": "fast", "maxspeed:hgv": "sl\nower"},
    {"maxspeed": "none"},
    {"maxspeed": "walk"},
    {"maxspeed": "signals"},
    {"maxspeed": "x" * 300},
    {},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Roads one after another to the east, and one far out at sea."""
    into = tmp_path_factory.mktemp("run")
    lines = [[(9 + i / 50, 47.0), (9.001 + i / 40, 47.0)] for i in range(len(TAGS))]
    rows = [road_row(f"w{i}", line, tags=tags) for i, (line, tags) in enumerate(zip(lines, TAGS, strict=True))]
    inferred_folder(road_table([*rows, road_row("w9", [(-40.0, 20.0), (-40.0, 20.01)])]), into, tiles=3)
    return into


def test_all_is_counted(folder: Path) -> None:
    found = summarize(folder)
    limits = all_rows(folder, SPEED_LIMIT).to_pylist()
    km = {row["segment_id"]: row["length_m"] / 1000 for row in all_rows(folder, ROAD_SEGMENT).to_pylist()}
    by_basis: Counter[str] = Counter()
    for row in limits:
        by_basis[row["basis"] or row["reason"]] += 1
    assert {name: each.segments for name, each in found.by_basis.items()} == dict(by_basis)
    assert (found.whole.segments, found.whole.km) == (len(TAGS) + 1, pytest.approx(sum(km.values())))
    without = Counter(row["reason"] for row in limits if row["max_speed_forward_kmh"] is None)
    assert {name: each.segments for name, each in found.by_reason.items()} == dict(without)
    assert set(without) == {"unlimited", "walking_pace", "variable", "no_law"}
    assert found.number.segments == len(limits) - without.total()
    sure = [(row["confidence"], km[row["segment_id"]]) for row in limits if row["confidence"] is not None]
    mean = sum(chance * length for chance, length in sure) / sum(length for _, length in sure)
    assert found.whole.confidence == pytest.approx(mean)


def test_tags_that_cannot_be_read_are_counted_by_value(folder: Path) -> None:
    found = summarize(folder).refused
    assert found["maxspeed=fast"] == 2
    assert found["maxspeed:hgv=sl ower"] == 1
    assert found[f"maxspeed={'x' * 30}…"] == 1
    assert found.total() == 4
    said = summary_lines(summarize(folder))
    assert said[-2].startswith("tags refused: 2 maxspeed=fast, 1 ")
    assert not any("\n" in line for line in said)


def test_five_of_them_are_named() -> None:
    refused: Counter[str] = Counter({f"maxspeed={letter}": 10 - i for i, letter in enumerate("abcdefg")})
    assert summary_lines(Summary(refused=refused))[-2] == (
        "tags refused: 10 maxspeed=a, 9 maxspeed=b, 8 maxspeed=c, 7 maxspeed=d, 6 maxspeed=e, 9 others"
    )


def test_nothing_is_no_error() -> None:
    assert summary_lines(Summary()) == [
        "0 segments, 0.0 km",
        "  basis           segments               km  confidence",
        "a number: 0.0 % of the segments, 0.0 % of the km",
        "no tags refused",
        "no rejects",
    ]


def test_a_number_for_one_heading_is_a_number() -> None:
    limits = pa.table(
        {
            "segment_id": ["a", "b", "c", "d"],
            "basis": ["law"] * 4,
            "confidence": [0.5, 0.5, 0.5, None],
            "reason": [None] * 4,
            "max_speed_forward_kmh": [50.0, None, 50.0, None],
            "max_speed_backward_kmh": [None, 50.0, 50.0, None],
        }
    )
    roads = pa.table({"segment_id": ["d", "c", "b", "a"], "length_m": [8000.0, 4000.0, 2000.0, 1000.0]})
    found = {kind[2]: kind[3:] for kind in _kinds(limits, roads)}
    assert found == {True: (3, 7.0, 7.0, 3.5), False: (1, 8.0, 0.0, 0.0)}


def test_amounts_add_up() -> None:
    total = Amount(1, 2.0, 1.0, 0.5)
    total += Amount(2, 4.0, 3.0, 2.5)
    assert (total.segments, total.km, total.confidence) == (3, 6.0, 0.75)
    assert Amount(1, 1.0).confidence is None


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such table"):
        summarize(tmp_path)
    with pytest.raises(TableError, match="no tables"):
        table_lines(tmp_path, [SPEED_LIMIT])
