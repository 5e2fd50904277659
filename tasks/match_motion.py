"""Positions smoothed by what vehicles can do between them, where errors of neighbouring points have little in common.

References
----------
H. E. Rauch, F. Tung, C. T. Striebel, Maximum likelihood estimates of linear dynamic systems, AIAA Journal 3, 1965.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_kernel import Records, kind

Floats = npt.NDArray[np.float64]

DRIVEN_M2_S3 = 5.0
"""How much a second adds to the variance of the velocity, in each axis (m²/s²): 2 m/s² for a second, now and then."""

QUICKEST_MS = 40.0
"""Standard deviation of a velocity of which nothing is known, in each axis (m/s)."""

GATE = 3.0
"""Standard deviations from where it is expected beyond which a position counts for less (Huber 1964)."""

DIFFERENCES = 127
"""Differences of a piece that its scatter is taken from."""

LEAST_DIFFERENCES = 15
"""Fewer tell nothing of it."""

LONGEST_US = 4_000_000
"""Points farther apart than this tell of the drive and not of their errors."""

UNEVEN = 0.05
"""Share by which intervals between points may differ and count as even."""

THIRD = 20.0
"""Variances of errors that have nothing in common in a third difference of them: 1 + 9 + 9 + 1."""

QUARTER_SIGMAS = 0.7585
"""A quarter of all normal errors in the plane are less, in standard deviations of an axis."""

LEAST_SECONDS = 1e-6
"""Keeps times from standing still."""


PHASE = kind(lon="f8", lat="f8", east="f8", north="f8", to_east="f8", to_north="f8", place="f8", both="f8", pace="f8")
"""A point as it was given (degrees); where it is thought to be, in metres from the first one, and how it moves (m/s),
by the points so far; and the covariance of that in each axis: of place (m²), of place and pace, of pace."""


class Motion(NamedTuple):
    """Room for what is thought of the motion along a piece."""

    phase: Records
    sample: Floats
    """Differences that a quartile is taken of; shape (`DIFFERENCES`,)."""


def motion_room(points: int) -> Motion:
    """Return room for a piece of so many points."""
    return Motion(np.empty(points, dtype=PHASE), np.empty(DIFFERENCES))


@compiled
def scatter_m(track: Records, first: int, end: int, sample: Floats) -> float:
    """Return the standard deviation (m, each axis) of what neighbouring errors do not share, 0 where nothing tells.

    Vehicles change their velocity little by little, and lasting errors change little, so both vanish in third
    differences of positions at even times. The least quarter of these tells: the others may hold a turn.
    """
    count = 0
    stride = (end - first + DIFFERENCES - 1) // DIFFERENCES
    for point in range(first, end - 3, stride):
        if not _is_even(track, point):
            continue
        lon = track[point + 3].lon - 3 * track[point + 2].lon + 3 * track[point + 1].lon - track[point].lon
        lat = track[point + 3].lat - 3 * track[point + 2].lat + 3 * track[point + 1].lat - track[point].lat
        insert(sample, count, math.hypot(lon * track[point].kx, lat * track[point].ky))
        count += 1
    return sample[count // 4] / (math.sqrt(THIRD) * QUARTER_SIGMAS) if count >= LEAST_DIFFERENCES else 0.0


@compiled
def _is_even(track: Records, point: int) -> bool:
    """Whether a point and the three behind it follow each other soon and evenly."""
    step = track[point + 1].time - track[point].time
    worst = 0
    for later in (point + 1, point + 2):
        worst = max(worst, abs(track[later + 1].time - track[later].time - step))
    return bool(0 < step <= LONGEST_US and worst <= UNEVEN * step)


@compiled
def insert(values: Floats, count: int, value: float) -> None:
    """Put a value among `count` ascending ones."""
    while count > 0 and values[count - 1] > value:
        values[count] = values[count - 1]
        count -= 1
    values[count] = value


@compiled
def smooth(track: Records, first: int, end: int, scatter: float, phase: Records) -> tuple[float, float]:
    """Move points to where the vehicle was most probably, by all of them, and keep what was given in `phase`.

    Its velocity is taken to wander (`DRIVEN_M2_S3`), and each point to be `scatter` (m) off in each axis. Returns the
    mean variance that is left (m², each axis) and the mean seconds between points.
    """
    _filter(track, first, end, scatter * scatter, phase)
    return _look_back(track, first, end, phase)


@compiled
def _filter(track: Records, first: int, end: int, variance: float, phase: Records) -> None:
    """Write what the points so far tell of each (Kalman 1960)."""
    start = track[first]
    east, north, to_east, to_north = 0.0, 0.0, 0.0, 0.0
    place, both, pace = variance, 0.0, QUICKEST_MS * QUICKEST_MS
    for point in range(first, end):
        if point > first:
            passed = _seconds(track, point)
            east, north = east + passed * to_east, north + passed * to_north
            place, both, pace = _later(place, both, pace, passed)
            off_east = (track[point].lon - start.lon) * start.kx - east
            off_north = (track[point].lat - start.lat) * start.ky - north
            sigmas2 = (off_east * off_east + off_north * off_north) / (2 * (place + variance))
            spread = (place + variance) * max(sigmas2 / (GATE * GATE), 1.0)
            gain, turn = place / spread, both / spread
            east, north = east + gain * off_east, north + gain * off_north
            to_east, to_north = to_east + turn * off_east, to_north + turn * off_north
            place, both, pace = place - gain * place, both - gain * both, pace - turn * both
        here = phase[point - first]
        here.lon, here.lat = track[point].lon, track[point].lat
        here.east, here.north, here.to_east, here.to_north = east, north, to_east, to_north
        here.place, here.both, here.pace = place, both, pace


@compiled
def _look_back(track: Records, first: int, end: int, phase: Records) -> tuple[float, float]:
    """Let each point know those behind it, and move it; return mean variance and mean seconds."""
    kx, ky = track[first].kx, track[first].ky
    then = phase[end - 1 - first]
    east, north, to_east, to_north = then.east, then.north, then.to_east, then.to_north
    place, both, pace = then.place, then.both, then.pace
    total, seconds = place, 0.0
    for point in range(end - 1, first, -1):
        _move(track, point, east, north, phase[0], kx, ky)
        here, passed = phase[point - 1 - first], _seconds(track, point)
        # what the point alone makes of the next one, and how much of a surprise there comes back to place and pace
        place_next, both_next, pace_next = _later(here.place, here.both, here.pace, passed)
        det = place_next * pace_next - both_next * both_next
        ahead, turned = here.place + passed * here.both, here.both + passed * here.pace
        a, b = (ahead * pace_next - here.both * both_next) / det, (here.both * place_next - ahead * both_next) / det
        c, d = (turned * pace_next - here.pace * both_next) / det, (here.pace * place_next - turned * both_next) / det
        off, off_pace = east - here.east - passed * here.to_east, to_east - here.to_east
        east, to_east = here.east + a * off + b * off_pace, here.to_east + c * off + d * off_pace
        off, off_pace = north - here.north - passed * here.to_north, to_north - here.to_north
        north, to_north = here.north + a * off + b * off_pace, here.to_north + c * off + d * off_pace
        place, both, pace = place - place_next, both - both_next, pace - pace_next
        place, both, pace = (
            here.place + a * a * place + 2 * a * b * both + b * b * pace,
            here.both + a * c * place + (a * d + b * c) * both + b * d * pace,
            here.pace + c * c * place + 2 * c * d * both + d * d * pace,
        )
        total += place
        seconds += min(passed, 1e-6 * LONGEST_US)
    _move(track, first, east, north, phase[0], kx, ky)
    return total / (end - first), seconds / max(end - first - 1, 1)


@compiled
def _seconds(track: Records, point: int) -> float:
    """Return seconds since the point before."""
    passed: float = 1e-6 * (track[point].time - track[point - 1].time)
    return max(passed, LEAST_SECONDS)


@compiled
def _later(place: float, both: float, pace: float, passed: float) -> tuple[float, float, float]:
    """Return the covariance of place and pace some seconds later."""
    return (
        place + 2 * passed * both + passed * passed * pace + DRIVEN_M2_S3 * passed * passed * passed / 3,
        both + passed * pace + DRIVEN_M2_S3 * passed * passed / 2,
        pace + DRIVEN_M2_S3 * passed,
    )


@compiled
def _move(track: Records, point: int, east: float, north: float, start: Any, kx: float, ky: float) -> None:
    """Move a point to metres from `start`; `kx` and `ky` are metres of a degree there."""
    track[point].lon, track[point].lat = start.lon + east / kx, start.lat + north / ky


@compiled
def restore(track: Records, first: int, end: int, phase: Records) -> None:
    """Put the points back to where they were given."""
    for point in range(first, end):
        track[point].lon, track[point].lat = phase[point - first].lon, phase[point - first].lat
