"""Pieces of traces, against plain Python, and what must hold of them whatever the trace."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.probe import TRACE_PIECE
from tasks.clean_trace import metres
from tasks.trace_piece import PieceParams, Pieces, Points, cut_trips, trace_pieces

SMALL = PieceParams(side_m=2000, most=30, context=3, context_m=200, context_s=20, context_most=12)

TRIPS = st.lists(
    st.lists(st.tuples(st.integers(1, 30), st.integers(-400, 400), st.integers(-400, 400)), min_size=1, max_size=90),
    min_size=1, max_size=4,
)  # fmt: skip


def points_of(trips: list[list[tuple[int, int, int]]], *, is_one_trace: bool = False) -> Points:
    """Points of trips given as steps in seconds, metres east and metres north."""
    lengths = [len(trip) for trip in trips]
    steps = np.array([step for trip in trips for step in trip], dtype=float).reshape(-1, 3)
    trip = np.repeat(np.arange(len(trips)), lengths)
    count = len(trip)
    number = np.arange(count) if is_one_trace else np.concatenate([np.arange(n) for n in lengths])
    names = ["t"] * count if is_one_trace else [f"t{i}" for i in trip]
    values = np.arange(count, dtype=np.float32)
    return Points(
        pa.array(names, pa.string()), number, trip, np.cumsum(steps[:, 0]).astype(np.int64) * 1_000_000,
        10 + np.cumsum(steps[:, 1]) / 55_000, 60 + np.cumsum(steps[:, 2]) / 111_195,
        values, values + 1, np.where(values % 2, values, np.nan).astype(np.float32), values % 3 == 0,
    )  # fmt: skip


def cut(points: Points, params: PieceParams = SMALL) -> Pieces:
    return cut_trips(trip=points.trip, time=points.time, lon=points.lon, lat=points.lat, params=params)


def naive_context(points: Points, edge: int, step: int, params: PieceParams) -> int:
    """How many points of context lie beyond an edge."""
    count, far = 0, 0.0
    while count < params.context_most:
        here = edge + step * count
        long = abs(int(points.time[here]) - int(points.time[edge])) >= params.context_s * 1e6
        if count >= params.context and far >= params.context_m and long:
            break
        there = here + step
        if not 0 <= there < len(points.trip) or points.trip[there] != points.trip[edge]:
            break
        far += metres(points.lon[here], points.lat[here], points.lon[there], points.lat[there])
        count += 1
    return count


def naive_is_fit(points: Points, first: int, behind: int, params: PieceParams) -> bool:
    """Whether these points may be own to one piece."""
    lon, lat = points.lon[first:behind], points.lat[first:behind]
    middle = (lat.min() + lat.max()) / 2
    wide = metres(lon.min(), middle, lon.max(), middle)
    high = metres(lon.min(), lat.min(), lon.min(), lat.max())
    return len(lon) <= params.most and max(wide, high) <= params.side_m


@given(TRIPS)
def test_pieces(trips: list[list[tuple[int, int, int]]]) -> None:
    """Own parts are in order and complete, as large as they may be, and context is what the brief of a piece says."""
    points = points_of(trips)
    pieces = cut(points)
    assert pieces.own_from.tolist() == [0, *pieces.own_to[:-1].tolist()]
    assert pieces.own_to[-1] == len(points.trip)
    for low, first, behind, high in zip(*(each.tolist() for each in pieces), strict=True):
        assert len(set(points.trip[low:high].tolist())) == 1
        assert naive_is_fit(points, first, behind, SMALL) or behind == first + 1
        if behind < len(points.trip) and points.trip[behind] == points.trip[first]:
            assert not naive_is_fit(points, first, behind + 1, SMALL)
        assert first - low == naive_context(points, first, -1, SMALL)
        assert high - behind == naive_context(points, behind - 1, 1, SMALL)


@given(TRIPS, st.booleans())
def test_rows(trips: list[list[tuple[int, int, int]]], is_one_trace: bool) -> None:
    """Each point is own to one row; the lists of a row are the points of its trace from `first` on."""
    points = points_of(trips, is_one_trace=is_one_trace)
    table, owner = trace_pieces(points, SMALL)
    TRACE_PIECE.validate(table)
    own: list[tuple[str, int]] = []
    names = points.trace_id.to_pylist()
    place = {(names[i], int(points.number[i])): i for i in range(len(names))}
    numbers: dict[str, int] = {}
    for row, piece in enumerate(table.to_pylist()):
        trace = piece["trace_id"]
        assert piece["piece_id"] == f"{trace}#{numbers.setdefault(trace, 0)}"
        numbers[trace] += 1
        at = [place[trace, piece["first"] + i] for i in range(len(piece["times"]))]
        assert piece["times"] == points.time[at].tolist()
        assert piece["lons"] == points.lon[at].tolist()
        assert piece["lats"] == points.lat[at].tolist()
        assert piece["trip_ends"] == points.is_trip_end[at].tolist()
        for name, values in (("speeds", points.speed), ("headings", points.heading), ("accuracies", points.accuracy)):
            np.testing.assert_array_equal(np.array(piece[name], dtype=np.float32), values[at])
        west, south, east, north = (piece["bbox"][side] for side in ("xmin", "ymin", "xmax", "ymax"))
        assert (west, east) == (min(piece["lons"]), max(piece["lons"]))
        assert (south, north) == (min(piece["lats"]), max(piece["lats"]))
        mine = at[piece["own_from"] : piece["own_to"]]
        own += [(trace, int(points.number[i])) for i in mine]
        assert set(owner[mine].tolist()) == {row}
    assert own == list(zip(names, points.number.tolist(), strict=True))


def test_a_million_points_of_one_trace() -> None:
    count = 1_000_000
    points = points_of([[(1, 10, 0)]])
    lon = 10 + np.abs(np.arange(count) % 100_000 - 50_000) * 10 / 111_195
    pieces = cut_trips(
        trip=np.zeros(count, dtype=np.int64),
        time=np.arange(count) * 1_000_000,
        lon=lon,
        lat=np.zeros(count),
        params=PieceParams(),
    )
    own = pieces.own_to - pieces.own_from
    assert own.sum() == count
    assert own.max() <= 1001 + 1000
    assert (pieces.own_from - pieces.low)[1:].tolist() == [100] * (len(own) - 1)
    assert len(points.trip) == 1


@pytest.mark.parametrize(("step", "expected"), [(0, 200), (100, 60), (1, 200), (50_000, 10)])
def test_context_by_default(step: int, expected: int) -> None:
    """10 points, 1,000 m and 60 s at least, 200 points at most; one point a second."""
    count = 12_000
    lon = np.arange(count) * (step / 111_195) if step <= 100 else np.arange(count) * (step / 111_195) % 90
    time = np.arange(count) * (60_000_000 if step > 100 else 1_000_000)
    pieces = cut_trips(
        trip=np.zeros(count, dtype=np.int64), time=time, lon=lon, lat=np.zeros(count), params=PieceParams()
    )
    middle = len(pieces.low) // 2
    assert pieces.own_from[middle] - pieces.low[middle] == expected
    assert pieces.high[middle] - pieces.own_to[middle] == expected


def test_nothing_gives_nothing() -> None:
    none = np.empty(0)
    empty = Points(
        pa.array([], pa.string()), none.astype(np.int64), none.astype(np.int64), none.astype(np.int64), none, none,
        *(none.astype(np.float32) for _ in range(3)), none.astype(bool),
    )  # type: ignore[misc,arg-type]  # fmt: skip
    table, owner = trace_pieces(empty, PieceParams())
    assert table.equals(TRACE_PIECE.empty())
    assert len(owner) == 0
