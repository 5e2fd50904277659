"""Observed speeds: what each traversal tells, one by one."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.grouped import Grouped
from tasks.grouped_words import GroupedWords
from tasks.observe_speed import SpeedObservations, SpeedObserving, hashed, observe_speed

PARAMS = SpeedObserving(salt="pepper")
START = np.datetime64("2026-01-05T07:00:00", "us")  # Monday; 9:00 in Helsinki, 18:00 in Sydney
BOXES = [(24.94, 60.17), (151.21, -33.87), (24.94, 60.17)]


def seen(passes: list[dict[str, Any]], params: SpeedObserving = PARAMS) -> SpeedObservations:
    """Observations of traversals of segments of 100, 1,000 and 10 m; what is not given is an ordinary whole pass."""
    plain = {"segment": 0, "trace": "a", "heading": "forward", "at": 0.0, "seconds": 9.0}
    plain |= {"from": 0.0, "to": 1.0, "device": float("nan"), "end": False}
    rows = sorted([plain | each for each in passes], key=lambda each: each["segment"])
    starts = np.searchsorted([row["segment"] for row in rows], np.arange(4))

    def grouped(name: str, kind: Any) -> Grouped:
        return Grouped(np.array([row[name] for row in rows], dtype=kind), starts)

    def words(name: str) -> GroupedWords:
        return GroupedWords.of([row[name] for row in rows], starts)

    enter = START + (grouped("at", float).values * 1e6).astype("timedelta64[us]")
    leave = enter + (grouped("seconds", float).values * 1e6).astype("timedelta64[us]")
    return observe_speed(
        bbox=pa.chunked_array([[{"xmin": x, "ymin": y, "xmax": x, "ymax": y} for x, y in BOXES]]),
        length_m=np.array([100.0, 1000.0, 10.0]),
        trace_id=words("trace"),
        heading=words("heading"),
        enter=Grouped(enter, starts),
        leave=Grouped(leave, starts),
        enter_fraction=grouped("from", float),
        leave_fraction=grouped("to", float),
        device_kmh=grouped("device", float),
        is_trip_end=grouped("end", bool),
        params=params,
    )


@pytest.mark.parametrize(
    ("passage", "speeds"),
    [
        ({}, [40.0]),
        ({"heading": "backward", "from": 1.0, "to": 0.0}, [40.0]),
        ({"from": 0.4}, [24.0]),  # 60 of 100 m
        ({"from": 0.6}, []),  # 40 of 100 m: too little
        ({"segment": 1, "from": 0.95}, [20.0]),  # a twentieth, but 50 m
        ({"segment": 2, "seconds": 0.9}, [40.0]),
        ({"segment": 2, "seconds": 0.9, "from": 0.6}, []),
        ({"seconds": 0.0}, []),
        ({"seconds": 0.0, "device": 50.0}, []),  # no time went by: a clock that stood still
        ({"seconds": -9.0}, []),
        ({"seconds": 1.0}, []),  # 360 km/h
        ({"seconds": 200.0}, []),  # 1.8 km/h
        ({"at": -1.5e9, "device": 50.0}, []),  # before 1981: a time that was made up
        ({"end": True}, []),
        ({"end": True, "device": 50.0}, []),
    ],
)
def test_a_traversal_tells_a_travel_speed(passage: dict[str, Any], speeds: list[float]) -> None:
    made = seen([passage])
    assert made.speed_kmh.tolist() == pytest.approx(speeds)
    assert set(made.kind.tolist()) <= {"route"}


def test_devices_speak_for_themselves() -> None:
    made = seen([{"device": 47.0}, {"device": 0.0}, {"seconds": 1.0, "device": 50.0}])
    assert made.kind.tolist() == ["route"] * 2 + ["device"] * 2
    assert made.speed_kmh.tolist() == pytest.approx([40.0, 40.0, 47.0, 50.0])


def test_time_is_the_middle_and_local() -> None:
    made = seen([{"seconds": 9.0}, {"segment": 1, "seconds": 90.0, "at": -40.0}])
    assert made.time.tolist() == [(START + np.timedelta64(us, "us")).item() for us in (4_500_000, 5_000_000)]
    assert made.week_bin.tolist() == [9 * 12, 18 * 12]
    assert made.row.tolist() == [0, 1]
    assert made.metres.tolist() == [100.0, 1000.0]


def test_names_are_hashed_with_the_salt() -> None:
    ids = seen([{"trace": "a"}, {"trace": "b"}, {"trace": "a"}]).trace_id.tolist()
    wanted = [hashlib.blake2b(name, key=b"pepper", digest_size=16).hexdigest() for name in (b"a", b"b", b"a")]
    assert ids == wanted
    assert seen([{}], SpeedObserving(salt="other")).trace_id.tolist() != ids[:1]


def test_the_salt_is_not_shown() -> None:
    assert "pepper" not in repr(PARAMS)


@pytest.mark.parametrize("salt", ["", "s" * 65, "ä" * 33])
def test_a_salt_that_cannot_be_is_told(salt: str) -> None:
    with pytest.raises(ValueError, match=r"a salt of \d+ bytes, expected 1 to 64"):
        hashed(GroupedWords.of(["a"], [0, 1]), np.array([0]), salt=salt)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.integers(1, 400)), max_size=12))
def test_together_as_each_alone(drawn: list[tuple[int, str, int]]) -> None:
    passes = [{"segment": s, "trace": t, "seconds": float(x), "device": float(x)} for s, t, x in drawn]

    def told(made: SpeedObservations) -> list[tuple[Any, ...]]:
        return list(zip(*(column.tolist() for column in made), strict=True))

    assert sorted(told(seen(passes))) == sorted(row for one in passes for row in told(seen([one])))
