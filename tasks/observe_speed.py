"""From traversals to observed speeds, in the local time of the place, under hashed names."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import SpeedKind
from tasks.grouped import Grouped
from tasks.grouped_words import GroupedWords
from tasks.local_time import time_zones, week_bins

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FIRST_CLOCK = np.datetime64("1981-01-01")
"""Traces without times are given some before it, which tell an order and no speed."""
HASH_BYTES = 16
"""Bytes of a hashed name; two of 10¹² traces share one with a probability of 10⁻¹⁵."""


@dataclass(frozen=True)
class SpeedObserving:
    """Which traversals tell a speed."""

    salt: str = field(repr=False)
    """Kept secret, it keeps anyone from finding a trace by hashing its name; the same salt gives the same hashes."""
    least_share: float = 0.5
    """Share of the segment that must have been driven …"""
    least_metres: float = 50.0
    """… or metres of it, whichever is less."""
    slowest_kmh: float = 2.0
    """Below it the vehicle was not under way: it parked, or somebody walked."""
    fastest_kmh: float = 250.0
    """Above it the positions or the clock were wrong."""


class SpeedObservations(NamedTuple):
    """Columns of SPEED_OBSERVATION, and the row of the segment."""

    row: Ints
    heading: pa.StringArray
    trace_id: pa.StringArray
    time: Array
    week_bin: npt.NDArray[np.int16]
    kind: Array
    speed_kmh: Floats
    metres: Floats


def observe_speed(
    *,
    bbox: pa.ChunkedArray,
    length_m: Floats,
    trace_id: GroupedWords,
    heading: GroupedWords,
    enter: Grouped,
    leave: Grouped,
    enter_fraction: Grouped,
    leave_fraction: Grouped,
    device_kmh: Grouped,
    is_trip_end: Grouped,
    params: SpeedObserving,
) -> SpeedObservations:
    """Return the speeds that the traversals of each segment tell: those of routes first, then those of devices.

    A travel speed is the metres between entering and leaving over the time between; waits count. Traversals at the ends
    of trips tell nothing, nor do those of too little road. Local time is that of the zone at the centre of `bbox`.

    Examples
    --------
    >>> box = pa.chunked_array([[{"xmin": 24.9, "ymin": 60.1, "xmax": 25.0, "ymax": 60.2}]])
    >>> one, name = (lambda value: Grouped(np.array([value]), np.array([0, 1]))), GroupedWords.of
    >>> made = observe_speed(
    ...     bbox=box, length_m=np.array([100.0]), trace_id=name(["a"], [0, 1]), heading=name(["forward"], [0, 1]),
    ...     enter=one(np.datetime64("2026-03-30T05:00:00")), leave=one(np.datetime64("2026-03-30T05:00:09")),
    ...     enter_fraction=one(0.0), leave_fraction=one(1.0), device_kmh=one(41.0), is_trip_end=one(False),
    ...     params=SpeedObserving(salt="secret"),
    ... )
    >>> list(zip(made.kind.tolist(), made.speed_kmh.round(1).tolist(), made.week_bin.tolist()))
    [('route', 40.0, 96), ('device', 41.0, 96)]
    """
    owner, hours = trace_id.owners, (leave.values - enter.values) / np.timedelta64(1, "h")
    driven = np.abs(leave_fraction.values - enter_fraction.values)
    metres = driven * length_m[owner]
    is_open = ~is_trip_end.values.astype(bool) & _is_enough(driven, metres, params) & (enter.values >= FIRST_CLOCK)
    by_route = np.flatnonzero(is_open & _is_plausible(_speeds(metres, hours), params))
    by_device = np.flatnonzero(is_open & (hours > 0) & _is_plausible(device_kmh.values, params))
    seen = np.concatenate([by_route, by_device])
    time = enter.values[seen] + (leave.values[seen] - enter.values[seen]) // 2
    return SpeedObservations(
        row=owner[seen],
        heading=heading.text(seen),
        trace_id=hashed(trace_id, seen, salt=params.salt),
        time=time,
        week_bin=_local_bins(bbox, owner[seen], time),
        kind=np.repeat(np.array([SpeedKind.ROUTE.value, SpeedKind.DEVICE.value]), [len(by_route), len(by_device)]),
        speed_kmh=np.concatenate([_speeds(metres, hours)[by_route], device_kmh.values[by_device]]),
        metres=metres[seen],
    )


def hashed(names: GroupedWords, rows: Ints, *, salt: str) -> pa.StringArray:
    """Return the hashed name at each of `rows`: BLAKE2b keyed with the salt (RFC 7693), in hexadecimal digits.

    Raises
    ------
    ValueError
        If the salt is empty or longer than 64 bytes.

    Examples
    --------
    >>> hashed(GroupedWords.of(["a", "b", "a"], [0, 3]), np.array([0, 2]), salt="x").to_pylist()
    ['809b78e659e976e4cbada6d9580efc0a', '809b78e659e976e4cbada6d9580efc0a']
    """
    key = salt.encode()
    if not 0 < len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise ValueError(f"a salt of {len(key)} bytes, expected 1 to {hashlib.blake2b.MAX_KEY_SIZE}")
    place, wanted = pd.factorize(names.codes[rows])
    known = names.words.take(pa.array(wanted)).to_pylist()
    made = [hashlib.blake2b(name.encode(), key=key, digest_size=HASH_BYTES).hexdigest() for name in known]
    return pa.array(made, pa.string()).take(pa.array(place))


def _speeds(metres: Floats, hours: Floats) -> Floats:
    """Return speeds in km/h, NaN where no time went by."""
    speeds: Floats = np.divide(metres / 1000, hours, out=np.full(len(metres), np.nan), where=hours > 0)
    return speeds


def _is_enough(driven: Floats, metres: Floats, params: SpeedObserving) -> Bools:
    """Whether enough of the segment was driven, by share or metres."""
    is_enough: Bools = (driven >= params.least_share) | (metres >= params.least_metres)
    return is_enough


def _is_plausible(speed: Array, params: SpeedObserving) -> Bools:
    """Whether each is the speed (km/h) of a vehicle under way; NaN is not."""
    is_plausible: Bools = (speed >= params.slowest_kmh) & (speed <= params.fastest_kmh)
    return is_plausible


def _local_bins(bbox: pa.ChunkedArray, owner: Ints, time: Array) -> npt.NDArray[np.int16]:
    """Return the five minutes of the local week of each moment at its segment."""
    place, wanted = pd.factorize(owner)
    boxes = bbox.take(pa.array(wanted))
    west, south, east, north = (_side(boxes, side) for side in ("xmin", "ymin", "xmax", "ymax"))
    zone, names = pd.factorize(np.array(time_zones((west + east) / 2, (south + north) / 2), dtype=object))
    return week_bins(time, names.tolist(), zone.astype(np.int64)[place])


def _side(boxes: pa.ChunkedArray, side: str) -> Floats:
    numbers: Floats = pc.struct_field(boxes, side).to_numpy().astype(np.float64)
    return numbers
