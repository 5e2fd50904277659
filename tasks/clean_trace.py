"""Cleaning of traces: clock steps, duplicates, jumps and stops go, and what is left is cut into trips.

Works on the points of many traces at once, trace by trace, in the order in which the files hold them. Nothing that
moves is thinned out: a stop keeps its first and last point, so that its clock stays.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import PointReason
from tasks.kernel import compiled

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REASONS = (
    PointReason.CLOCK_STEP,
    PointReason.DUPLICATE,
    PointReason.JUMP,
    PointReason.STOP,
    PointReason.LONELY,
)
"""Why a point is dropped here; code i + 1 of a point means the ith."""

KEPT, CLOCK_STEP, DUPLICATE, JUMP, STOP, LONELY = range(6)

EARTH_M = 6_371_008.8
"""Mean radius: metres between near points are right to half a per cent, which limits of plausibility can bear."""

TAILS = 8
"""Stretches of one trace that are kept open at a time, to be gone on with after an outlier."""

ZIGZAG_M = 50.0
"""How much longer points in the order of time must drive than in that of the file before the clock is doubted."""

MOST_STEPS = 100
"""A clock that goes back more often in one trace is no clock: its points are put in the order of time alone."""

SECOND = 1_000_000


@dataclass(frozen=True)
class CleanParams:
    """When a point is doubted, and where a trace is cut into trips."""

    gap_s: float = 300.0
    """A longer time without a point ends a trip (s)."""
    gap_m: float = 5000.0
    """A longer way between two points ends a trip (m)."""
    max_kmh: float = 250.0
    """No vehicle on a road is faster (km/h)."""
    slack_m: float = 50.0
    """How far a position may be off before a speed counts as impossible (m)."""
    stop_m: float = 10.0
    """A vehicle that stays within this distance of one point stands (m)."""
    stop_s: float = 10.0
    """Shorter than this is no stop (s)."""
    creep_kmh: float = 5.0
    """A device that tells a higher speed does not stand (km/h)."""
    min_points: int = 2
    """Trips of fewer points are dropped."""
    trip_end_m: float = 200.0
    """Points are trip ends until the vehicle is first this far from where the trip began, and so before its end (m)."""
    park_m: float = 50.0
    """A vehicle that stays within this distance of one point may be parked (m)."""
    park_s: float = 300.0
    """One that does so for longer is: where it parked is an end of its trip, though the trace goes on (s)."""

    def __post_init__(self) -> None:
        for name in ("gap_s", "gap_m", "max_kmh", "slack_m", "stop_m", "stop_s", "creep_kmh", "trip_end_m", "park_m"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if self.min_points < 1:
            raise ValueError(f"min_points is {self.min_points}, expected 1 or more")


class Cleaned(NamedTuple):
    """What became of n points."""

    order: Ints
    """Brings the points into the order of trace and time; shape (n,)."""
    code: Bytes
    """Of each point in the order given: 0 if it is kept, else i + 1 for the ith of REASONS."""
    kept: Ints
    """Places of the points that are kept, in the order of trace and time; shape (k,)."""
    trip: Ints
    """Number of the trip of each kept point, ascending over all traces; shape (k,)."""
    is_trip_end: Bools
    """Whether each kept point lies near an end of its trip; shape (k,)."""


def clean_traces(*, starts: Ints, time: Ints, lon: Floats, lat: Floats, speed: Floats, params: CleanParams) -> Cleaned:
    """Return which points of many traces are kept, in which order, and the trips that they make.

    Parameters
    ----------
    starts
        Where the points of each trace begin: those of trace i are starts[i] up to, not with, starts[i + 1].
    time
        Moments (µs) in the order of the file.
    lon, lat
        Degrees in WGS 84, sound.
    speed
        Speeds of the device (km/h), NaN where unknown.

    Examples
    --------
    >>> at = np.array([0.0, 0.001, 0.5, 0.002, 0.003])
    >>> cleaned = clean_traces(
    ...     starts=np.array([0, 5]), time=np.arange(5) * 5_000_000, lon=at, lat=np.zeros(5),
    ...     speed=np.full(5, np.nan), params=CleanParams(),
    ... )
    >>> cleaned.kept.tolist(), [REASONS[code - 1].value for code in cleaned.code if code]
    ([0, 1, 3, 4], ['jump'])
    """
    order = _in_time(starts, time)
    code = np.zeros(len(time), dtype=np.int8)
    _mark_clock_steps(starts, order, time, lon, lat, code)
    kept, trip = _trips(starts, order, time, lon, lat, code, _limits(params))
    _mark_stops(kept, trip, time, lon, lat, speed, _limits(params), code)
    left = code[kept] == KEPT
    kept, trip = kept[left], trip[left]
    is_end = _trip_ends(kept, trip, time, lon, lat, params.trip_end_m, params.park_m, params.park_s * SECOND)
    return Cleaned(order, code, kept, trip, is_end)


class Limits(NamedTuple):
    """The parameters in the units of the loops: metres, microseconds, metres a microsecond, km/h."""

    gap_us: float
    gap_m: float
    fastest: float
    slack_m: float
    stop_m: float
    stop_us: float
    creep_kmh: float
    min_points: int


def _limits(params: CleanParams) -> Limits:
    return Limits(
        params.gap_s * SECOND,
        params.gap_m,
        params.max_kmh / 3.6 / SECOND,
        params.slack_m,
        params.stop_m,
        params.stop_s * SECOND,
        params.creep_kmh,
        params.min_points,
    )


def _in_time(starts: Ints, time: Ints) -> Ints:
    """Return the places of points by trace and time; points of one time keep their order."""
    order = np.arange(len(time))
    trace = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    is_back = (np.diff(time) < 0) & (np.diff(trace) == 0)
    if not is_back.any():
        return order
    mixed = np.unique(trace[1:][is_back])
    for each in mixed.tolist():
        part = slice(starts[each], starts[each + 1])
        order[part] = starts[each] + np.argsort(time[part], kind="stable")
    return order


@compiled
def metres(lon0: float, lat0: float, lon1: float, lat1: float) -> float:
    """Return metres between two positions in degrees, by the haversine on a sphere."""
    turn = np.pi / 180
    north = np.sin((lat1 - lat0) * turn / 2) ** 2
    east = np.sin((lon1 - lon0) * turn / 2) ** 2
    half = north + np.cos(lat0 * turn) * np.cos(lat1 * turn) * east
    far: float = 2 * EARTH_M * np.arcsin(min(1.0, np.sqrt(half)))
    return far


@compiled
def _mark_clock_steps(starts: Ints, order: Ints, time: Ints, lon: Floats, lat: Floats, code: Bytes) -> None:
    """Mark the points that tell a time over again, in traces where the clock and not the file went back.

    Points that came late are put right by sorting: then they drive a shorter way than in the order of the file. If
    they drive a longer one, two stretches lie over each other, and the one with fewer points there goes.
    """
    for trace in range(len(starts) - 1):
        first, end = starts[trace], starts[trace + 1]
        filed, sorted_ = 0.0, 0.0
        backs = 0
        for i in range(first + 1, end):
            filed += metres(lon[i - 1], lat[i - 1], lon[i], lat[i])
            sorted_ += metres(lon[order[i - 1]], lat[order[i - 1]], lon[order[i]], lat[order[i]])
            backs += time[i] < time[i - 1]
        if 0 < backs <= MOST_STEPS and sorted_ > filed + ZIGZAG_M:
            _mark_overlaps(first, end, time, code)


@compiled
def _mark_overlaps(first: int, end: int, time: Ints, code: Bytes) -> None:
    """Mark at each step back of the clock those points that lie over others in time, on the side with fewer."""
    for step in range(first + 1, end):
        if time[step] >= time[step - 1]:
            continue
        told = _told_before(first, step, time, code)
        if len(told) == 0:
            continue
        after = step
        while after < end and time[after] <= time[told[0]] and (after == step or time[after] >= time[after - 1]):
            after += 1
        if after - step <= len(told):
            code[step:after] = CLOCK_STEP
        else:
            for i in told:
                code[i] = CLOCK_STEP


@compiled
def _told_before(first: int, step: int, time: Ints, code: Bytes) -> Ints:
    """Return the points before a step back of the clock that are not earlier than it, the last one first."""
    told = np.empty(step - first, dtype=np.int64)
    count = 0
    for i in range(step - 1, first - 1, -1):
        if code[i] == KEPT:
            if time[i] < time[step]:
                break
            told[count] = i
            count += 1
    return told[:count].copy()


@compiled
def _trips(
    starts: Ints, order: Ints, time: Ints, lon: Floats, lat: Floats, code: Bytes, limits: Limits
) -> tuple[Ints, Ints]:
    """Return the points without duplicates and jumps in the order of time, and their trips; mark the others."""
    chain = np.full(len(time), -1, dtype=np.int64)
    firsts, lasts, sizes = [0][:0], [0][:0], [0][:0]
    for trace in range(len(starts) - 1):
        begin = len(firsts)
        _link(starts[trace], starts[trace + 1], order, time, lon, lat, code, limits, chain, firsts, lasts, sizes)
        _drop_overlapped(begin, firsts, lasts, sizes)
    kept = np.empty(len(time), dtype=np.int64)
    trip = np.empty(len(time), dtype=np.int64)
    count = 0
    for i in order:
        if code[i] == KEPT and sizes[chain[i]] == 0:
            code[i] = JUMP
        elif code[i] == KEPT and sizes[chain[i]] < limits.min_points:
            code[i] = LONELY
        elif code[i] == KEPT:
            kept[count], trip[count] = i, chain[i]
            count += 1
    return kept[:count].copy(), trip[:count].copy()


@compiled
def _link(
    begin: int,
    end: int,
    order: Ints,
    time: Ints,
    lon: Floats,
    lat: Floats,
    code: Bytes,
    limits: Limits,
    chain: Ints,
    firsts: list[int],
    lasts: list[int],
    sizes: list[int],
) -> None:
    """Put the points of one trace into chains of which each step can be driven; `chain` gets the number of each.

    A point goes on with the chain that was last added to among those that it can go on with, else it begins one. So
    an outlier is a chain of its own beside the one that goes on, and a lasting displacement ends one and begins one.
    """
    tails = np.full(TAILS, -1, dtype=np.int64)
    before = np.int64(np.iinfo(np.int64).min)
    for rank in range(begin, end):
        i = order[rank]
        if code[i] != KEPT:
            continue
        if time[i] == before:
            code[i] = DUPLICATE
            continue
        before = time[i]
        found = 0
        while found < TAILS - 1 and tails[found] >= 0 and not _can_follow(tails[found], i, time, lon, lat, limits):
            found += 1
        tail = tails[found]
        if tail >= 0 and _can_follow(tail, i, time, lon, lat, limits):
            number = chain[tail]
        else:
            number = len(firsts)
            firsts.append(rank)
            lasts.append(rank)
            sizes.append(0)
        chain[i] = number
        lasts[number] = rank
        sizes[number] += 1
        for place in range(found, 0, -1):
            tails[place] = tails[place - 1]
        tails[0] = i


@compiled
def _can_follow(tail: int, point: int, time: Ints, lon: Floats, lat: Floats, limits: Limits) -> bool:
    """Whether a vehicle can drive from one point to a later one without a gap; over 180° it cannot."""
    passed = time[point] - time[tail]
    if passed > limits.gap_us or abs(lon[point] - lon[tail]) > 180:
        return False
    far = metres(lon[tail], lat[tail], lon[point], lat[point])
    return far <= limits.gap_m and far <= limits.fastest * passed + limits.slack_m


@compiled
def _drop_overlapped(begin: int, firsts: list[int], lasts: list[int], sizes: list[int]) -> None:
    """Set to 0 the size of each chain that lies over a larger one in time; of two of one size the earlier stays."""
    stack = [0][:0]
    for number in range(begin, len(firsts)):
        is_kept = True
        while len(stack) > 0 and lasts[stack[-1]] > firsts[number] and is_kept:
            if sizes[number] > sizes[stack[-1]]:
                sizes[stack.pop()] = 0
            else:
                sizes[number] = 0
                is_kept = False
        if is_kept:
            stack.append(number)


@compiled
def _mark_stops(
    kept: Ints, trip: Ints, time: Ints, lon: Floats, lat: Floats, speed: Floats, limits: Limits, code: Bytes
) -> None:
    """Mark the points between the first and the last of each standstill."""
    place = 0
    while place < len(kept):
        last = place
        anchor = kept[place]
        while last + 1 < len(kept) and trip[last + 1] == trip[place]:
            point = kept[last + 1]
            if speed[point] > limits.creep_kmh:
                break
            if metres(lon[anchor], lat[anchor], lon[point], lat[point]) > limits.stop_m:
                break
            last += 1
        if last > place and time[kept[last]] - time[anchor] >= limits.stop_us:
            for inner in range(place + 1, last):
                code[kept[inner]] = STOP
            place = last + 1
        else:
            place += 1


@compiled
def _trip_ends(
    kept: Ints, trip: Ints, time: Ints, lon: Floats, lat: Floats, reach_m: float, park_m: float, park_us: float
) -> Bools:
    """Return which points lie near an end of their trip, or near where the vehicle parked on the way."""
    is_end = np.zeros(len(kept), dtype=np.bool_)
    if reach_m <= 0:
        return is_end
    first = 0
    for place in range(len(kept)):
        if place == 0 or trip[place] != trip[place - 1]:
            first = place
            _spread_end(place, 1, kept, trip, lon, lat, reach_m, is_end)
        if place + 1 == len(kept) or trip[place + 1] != trip[place]:
            _spread_end(place, -1, kept, trip, lon, lat, reach_m, is_end)
            _mark_parked(first, place, kept, trip, time, lon, lat, reach_m, park_m, park_us, is_end)
    return is_end


@compiled
def _spread_end(
    place: int, step: int, kept: Ints, trip: Ints, lon: Floats, lat: Floats, reach_m: float, is_end: Bools
) -> None:
    """Mark the points from an end on until one lies farther from it than `reach_m`."""
    centre, other = kept[place], place
    while 0 <= other < len(kept) and trip[other] == trip[place]:
        if metres(lon[centre], lat[centre], lon[kept[other]], lat[kept[other]]) > reach_m:
            return
        is_end[other] = True
        other += step


@compiled
def _mark_parked(
    first: int,
    last: int,
    kept: Ints,
    trip: Ints,
    time: Ints,
    lon: Floats,
    lat: Floats,
    reach_m: float,
    park_m: float,
    park_us: float,
    is_end: Bools,
) -> None:
    """Mark where the vehicle parked on a trip, and what is near: before it came and after it left."""
    place = first
    while place <= last:
        end, anchor = place, kept[place]
        while end < last and metres(lon[anchor], lat[anchor], lon[kept[end + 1]], lat[kept[end + 1]]) <= park_m:
            end += 1
        if time[kept[end]] - time[anchor] > park_us:
            is_end[place : end + 1] = True
            _spread_end(place, -1, kept, trip, lon, lat, reach_m, is_end)
            _spread_end(end, 1, kept, trip, lon, lat, reach_m, is_end)
            place = end + 1
        else:
            place += 1
