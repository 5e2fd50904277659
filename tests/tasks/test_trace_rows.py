"""Rows of PROBE_POINT and TRACE_PIECE out of points in any mixture, against plain Python."""

from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.probe import PROBE_POINT, TRACE_PIECE
from tasks.clean_trace import CleanParams
from tasks.readers.probe_format import POINT
from tasks.trace_piece import PieceParams
from tasks.trace_rows import TraceRows, trace_rows
from tests.tasks.readers.probe_files import START, drive

CUT = PieceParams(side_m=300, most=20, context=2, context_m=50, context_s=5, context_most=5)


def made_of(rows: list[dict[str, Any]], most: int = 100, listed: Counter[Any] | None = None) -> TraceRows:
    return trace_rows(
        pa.Table.from_pylist(rows, schema=POINT), CleanParams(), CUT, most, Counter() if listed is None else listed
    )


def test_values_stay_with_their_point() -> None:
    rows = drive(60, "b")
    rows[3] |= {"speed_kmh": None, "heading_deg": None, "accuracy_m": None}
    made = made_of([*rows[::2], *drive(5, "a"), *rows[1::2]])
    PROBE_POINT.validate(made.points)
    TRACE_PIECE.validate(made.pieces)
    expected = [{**row, "number": i} for i, row in enumerate(rows)]
    told = [row for row in made.points.to_pylist() if row["trace_id"] == "b"]
    assert told == [{name: row[name] for name in PROBE_POINT.names} for row in expected]
    assert (made.traces, made.dropped, made.rejects.num_rows) == (2, {}, 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 900), st.integers(-9, 9)), max_size=80))
def test_every_point_is_a_row_or_is_counted(points: list[tuple[str, int, int]]) -> None:
    """And every row is own to one piece, under its number."""
    rows = [
        {**drive(1, trace, 24.9 + east * 1e-3)[0], "time": START + timedelta(seconds=time)}
        for trace, time, east in points
    ]
    made = made_of(rows)
    assert made.points.num_rows + sum(made.dropped.values()) == len(points)
    assert made.rejects.num_rows == sum(made.dropped.values())
    pieces = made.pieces.to_pylist()
    for row, owner in zip(made.points.to_pylist(), made.owner.tolist(), strict=True):
        piece = pieces[owner]
        place = row["number"] - piece["first"]
        assert piece["trace_id"] == row["trace_id"]
        assert piece["own_from"] <= place < piece["own_to"]
        assert (piece["lons"][place], piece["lats"][place]) == (row["lon"], row["lat"])
    for trace in {row["trace_id"] for row in made.points.to_pylist()}:
        numbers = [row["number"] for row in made.points.to_pylist() if row["trace_id"] == trace]
        assert numbers == list(range(len(numbers)))
    assert sum(piece["own_to"] - piece["own_from"] for piece in pieces) == made.points.num_rows


def test_what_is_dropped_is_told_up_to_a_number() -> None:
    standing = {**drive(1, "x")[0], "speed_kmh": 0.0}
    rows = [{**standing, "lon": 24.9 + i * 1e-6, "time": START + timedelta(seconds=i)} for i in range(50)]
    listed: Counter[Any] = Counter()
    made = made_of(rows, 30, listed)
    assert made.dropped == {"stop": 48}
    assert made.rejects.num_rows == 30
    assert made.rejects.to_pylist()[0] == {
        "key": "x@2024-05-06T07:08:10+00:00",
        "task": "clean_trace",
        "reason": "stop",
        "message": "24.900001, 60.170000: within 10 m of a place where the vehicle stood 10 s or longer",
    }
    again = made_of(rows, 30, listed)
    assert (again.dropped, again.rejects.num_rows) == ({"stop": 48}, 0)


def test_no_points() -> None:
    made = made_of([])
    assert (made.points.num_rows, made.pieces.num_rows, made.traces, len(made.owner)) == (0, 0, 0, 0)
    assert np.array_equal(made.points.schema.names, PROBE_POINT.names)
