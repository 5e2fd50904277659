"""Places on roads where a point may have been: the nearest on each stretch within reach, by a grid of chords."""

import math

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_cell import Cells
from tasks.match_kernel import Records, kind
from tasks.measure import ECCENTRICITY_2, EQUATOR_M

Floats = npt.NDArray[np.float64]

MOST_STRETCHES = 12
"""Nearest stretches that are looked at; more are in reach only where many roads lie within a car's width."""

NOTED = 256
"""Chords that are noted before they are taken into account."""

LEAST_SQUARE = 1e-300
"""Keeps a chord without length from dividing by zero."""


NEAR = kind(stretch="i4", along="f8", distance="f8", east="f8", north="f8", side="f8")
"""A stretch near a point: metres from its begin to the nearest place, metres from the point to that, and the direction
of the chord there, whose length says nothing; and on which side of it the point lies, more than 0 on the left."""


def degrees_metres(lat: Floats) -> tuple[Floats, Floats]:
    """Return metres of a degree of longitude and of latitude at latitudes on WGS 84.

    Both are taken at the point, whatever tile it lies in. A place d metres away is off by d² tan(lat) / 2 R: 0.1 mm
    for 30 m and 1 m for 2.7 km at 60° N.

    Examples
    --------
    >>> [each.round().tolist() for each in degrees_metres(np.array([60.0]))]
    [[55800.0], [111412.0]]
    """
    sine = np.sin(np.radians(lat))
    flat = 1 - ECCENTRICITY_2 * sine * sine
    across = np.pi / 180 * EQUATOR_M / np.sqrt(flat)
    return across * np.cos(np.radians(lat)), across * (1 - ECCENTRICITY_2) / flat


def near_room() -> Records:
    """Return room for the stretches near a point, and behind them for chords that are looked at."""
    return np.empty(MOST_STRETCHES + NOTED, dtype=NEAR)


@compiled
def near_stretches(cells: Cells, lon: float, lat: float, kx: float, ky: float, radius: float, near: Records) -> int:
    """Write the stretches within `radius` (m) of a point into `near`, by number; return how many there are.

    `kx`, `ky` are metres of a degree at the point. Of more than `MOST_STRETCHES` the nearest stay, of two at one
    distance the one of lower number. All chords of the cells are written down, those too far off are overwritten by
    the next: no processor can guess which they are, and a wrong guess costs more than the writing.
    """
    wide, high = radius / kx, radius / ky
    left = max(math.floor((lon - wide - cells.west) / cells.width), 0)
    right = min(math.floor((lon + wide - cells.west) / cells.width), cells.across - 1)
    low = max(math.floor((lat - high - cells.south) / cells.height), 0)
    top = min(math.floor((lat + high - cells.south) / cells.height), cells.down - 1)
    if left > right:
        return 0
    count, end = 0, MOST_STRETCHES
    for y in range(low, top + 1):
        for entry in range(cells.start[y * cells.across + left], cells.start[y * cells.across + right + 1]):
            chord = cells.chord[entry]
            across, up = chord.dlon * kx, chord.dlat * ky
            share, square = nearest((chord.lon - lon) * kx, (chord.lat - lat) * ky, across, up)
            noted = near[end]
            noted.stretch, noted.along, noted.distance = chord.stretch, chord.along + share * chord.metres, square
            noted.east, noted.north = across, up
            noted.side = (chord.lon - lon) * kx * up - (chord.lat - lat) * ky * across
            end += square <= radius * radius
            if end == len(near):
                count, end = _take_noted(near, count, end), MOST_STRETCHES
    count = _take_noted(near, count, end)
    _by_number(near, count)
    for index in range(count):
        near[index].distance = math.sqrt(near[index].distance)
    return count


@compiled
def least_distance(near: Records, count: int) -> float:
    """Return how far (m) the nearest of some stretches is, infinity if there is none."""
    least = np.inf
    for index in range(count):
        least = min(least, near[index].distance)
    return least


@compiled
def nearest(east: float, north: float, across: float, up: float) -> tuple[float, float]:
    """Return where on a chord (0 to 1) the origin is nearest, and the square of how far; all in metres.

    The chord begins at (east, north) and goes on by (across, up).

    Examples
    --------
    >>> nearest(-3.0, 2.0, 12.0, 0.0)
    (0.25, 4.0)
    """
    square = max(across * across + up * up, LEAST_SQUARE)
    share = min(max(-(east * across + north * up) / square, 0.0), 1.0)
    east, north = east + share * across, north + share * up
    return share, east * east + north * north


@compiled
def _take_noted(near: Records, count: int, end: int) -> int:
    """Take what is noted up to `end` into account; return how many stretches there are.

    Chords of a stretch stand in a row, in their order: of each row only the nearest is compared with those before.
    """
    noted = MOST_STRETCHES
    while noted < end:
        best = noted
        noted += 1
        while noted < end and near[noted].stretch == near[best].stretch:
            best = noted if _is_nearer(near, noted, best) else best
            noted += 1
        count = _take(near, count, best)
    return count


@compiled
def _is_nearer(near: Records, one: int, other: int) -> bool:
    """Whether a place is nearer than another of its stretch; where two chords meet, its direction decides."""
    this, that = near[one], near[other]
    if this.distance != that.distance:
        return bool(this.distance < that.distance)
    if this.along != that.along:
        return bool(this.along < that.along)
    return bool(this.east > that.east or (this.east == that.east and this.north > that.north))


@compiled
def _take(near: Records, count: int, noted: int) -> int:
    """Take a place into account: its stretch is added, moved nearer, or left out; return how many there are."""
    place = 0
    while place < count and near[place].stretch != near[noted].stretch:
        place += 1
    if place < count and not _is_nearer(near, noted, place):
        return count
    if place == MOST_STRETCHES:
        place = _farthest(near, near[noted].stretch, near[noted].distance)
        if place < 0:
            return count
    near[place] = near[noted]
    return max(count, place + 1)


@compiled
def _farthest(near: Records, stretch: int, distance: float) -> int:
    """Return the place of the farthest stretch, or -1 if the one that comes is farther."""
    worst = 0
    for other in range(1, MOST_STRETCHES):
        if _is_farther(near[other].distance, near[other].stretch, near[worst].distance, near[worst].stretch):
            worst = other
    return worst if _is_farther(near[worst].distance, near[worst].stretch, distance, stretch) else -1


@compiled
def _is_farther(distance: float, stretch: int, other_distance: float, other: int) -> bool:
    return distance > other_distance or (distance == other_distance and stretch > other)


@compiled
def _by_number(near: Records, count: int) -> None:
    """Sort by number of the stretch, by insertion; what is noted first is overwritten."""
    for index in range(1, count):
        near[MOST_STRETCHES] = near[index]
        hole = index
        while hole > 0 and near[hole - 1].stretch > near[MOST_STRETCHES].stretch:
            near[hole] = near[hole - 1]
            hole -= 1
        near[hole] = near[MOST_STRETCHES]
