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


@compiled
def near_stretches(cells: Cells, lon: float, lat: float, kx: float, ky: float, radius: float, near: Records) -> int:
    """Write the stretches within `radius` (m) of a point into `near`, by number; return how many there are.

    `kx`, `ky` are metres of a degree at the point. Of more than `MOST_STRETCHES` the nearest stay, of two at one
    distance the one of lower number.
    """
    wide, high = radius / kx, radius / ky
    left = max(math.floor((lon - wide - cells.west) / cells.width), 0)
    right = min(math.floor((lon + wide - cells.west) / cells.width), cells.across - 1)
    low = max(math.floor((lat - high - cells.south) / cells.height), 0)
    top = min(math.floor((lat + high - cells.south) / cells.height), cells.down - 1)
    count = 0
    if left > right:
        return 0
    for y in range(low, top + 1):
        for entry in range(cells.start[y * cells.across + left], cells.start[y * cells.across + right + 1]):
            chord = cells.chord[entry]
            across, up = chord.dlon * kx, chord.dlat * ky
            share, square = nearest((chord.lon - lon) * kx, (chord.lat - lat) * ky, across, up)
            if square <= radius * radius:
                along = chord.along + share * chord.metres
                side = (chord.lon - lon) * kx * up - (chord.lat - lat) * ky * across
                count = _take(near, count, chord.stretch, square, along, across, up, side)
    _by_number(near, count)
    for index in range(count):
        near[index].distance = math.sqrt(near[index].distance)
    return count


@compiled
def nearest(east: float, north: float, across: float, up: float) -> tuple[float, float]:
    """Return where on a chord (0 to 1) the origin is nearest, and the square of how far; all in metres.

    The chord begins at (east, north) and goes on by (across, up).

    Examples
    --------
    >>> nearest(-3.0, 2.0, 12.0, 0.0)
    (0.25, 4.0)
    """
    square = across * across + up * up
    share = min(max(-(east * across + north * up) / square, 0.0), 1.0) if square > 0 else 0.0
    east, north = east + share * across, north + share * up
    return share, east * east + north * north


@compiled
def _take(
    near: Records, count: int, stretch: int, square: float, along: float, across: float, up: float, side: float
) -> int:
    """Take a chord into account: its stretch is added, moved nearer, or left out; return how many there are."""
    place = count
    for other in range(count):
        if near[other].stretch == stretch:
            place = other
            break
    if place < count:
        if square > near[place].distance or (square == near[place].distance and along >= near[place].along):
            return count
    elif count == MOST_STRETCHES:
        place = _farthest(near, stretch, square)
        if place < 0:
            return count
    near[place].stretch = stretch
    near[place].along = along
    near[place].distance = square
    near[place].east = across
    near[place].north = up
    near[place].side = side
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
    """Sort by number of the stretch, by insertion."""
    for index in range(1, count):
        hole = index
        while hole > 0 and near[hole - 1].stretch > near[hole].stretch:
            _swap(near, hole - 1, hole)
            hole -= 1


@compiled
def _swap(near: Records, one: int, other: int) -> None:
    a, b = near[one], near[other]
    a.stretch, b.stretch = b.stretch, a.stretch
    a.along, b.along = b.along, a.along
    a.distance, b.distance = b.distance, a.distance
    a.east, b.east = b.east, a.east
    a.north, b.north = b.north, a.north
    a.side, b.side = b.side, a.side
