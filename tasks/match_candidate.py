"""Places on roads where a point may have been: the nearest on each stretch within reach, by a grid of chords."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.match_graph import Cells
from tasks.match_kernel import compiled
from tasks.measure import ECCENTRICITY_2, EQUATOR_M

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]

MOST_STRETCHES = 12
"""Nearest stretches that are looked at; more are in reach only where many roads lie within a car's width."""


class Near(NamedTuple):
    """Room for the stretches near one point: stretch, metres from its begin, metres from the point, and direction."""

    stretch: Places
    along: Floats
    distance: Floats
    east: Floats
    """Direction of the chord there, metres; its length says nothing."""
    north: Floats


def room() -> Near:
    """Return room for the stretches near one point."""
    return Near(np.empty(MOST_STRETCHES, dtype=np.int32), *(np.empty(MOST_STRETCHES) for _ in range(4)))


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
def near_stretches(cells: Cells, lon: float, lat: float, kx: float, ky: float, radius: float, near: Near) -> int:
    """Write the stretches within `radius` (m) of a point into `near`, by number; return how many there are.

    `kx`, `ky` are metres of a degree at the point. Of more than `MOST_STRETCHES` the nearest stay, of two at one
    distance the one of lower number.
    """
    if lon < cells.west - 180:
        lon += 360  # roads on both sides of the antimeridian lie from 0° to 360°
    wide, high = radius / kx, radius / ky
    left = max(int(math.floor((lon - wide - cells.west) / cells.width)), 0)
    right = min(int(math.floor((lon + wide - cells.west) / cells.width)), cells.across - 1)
    low = max(int(math.floor((lat - high - cells.south) / cells.height)), 0)
    top = min(int(math.floor((lat + high - cells.south) / cells.height)), cells.down - 1)
    count = 0
    if left > right:
        return 0
    for y in range(low, top + 1):
        for entry in range(cells.start[y * cells.across + left], cells.start[y * cells.across + right + 1]):
            chord = cells.chord[entry]
            across, up = chord[2] * kx, chord[3] * ky
            share, square = nearest((chord[0] - lon) * kx, (chord[1] - lat) * ky, across, up)
            if square <= radius * radius:
                along = chord[4] + share * chord[5]
                count = _take(near, count, cells.stretch[entry], square, along, across, up)
    _by_number(near, count)
    for index in range(count):
        near.distance[index] = math.sqrt(near.distance[index])
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
def _take(near: Near, count: int, stretch: int, square: float, along: float, across: float, up: float) -> int:
    """Take a chord into account: its stretch is added, moved nearer, or left out; return how many there are."""
    place = count
    for other in range(count):
        if near.stretch[other] == stretch:
            place = other
            break
    if place < count:
        if square > near.distance[place] or (square == near.distance[place] and along >= near.along[place]):
            return count
    elif count == MOST_STRETCHES:
        place = _farthest(near, stretch, square)
        if place < 0:
            return count
    near.stretch[place] = stretch
    near.along[place] = along
    near.distance[place] = square
    near.east[place] = across
    near.north[place] = up
    return max(count, place + 1)


@compiled
def _farthest(near: Near, stretch: int, distance: float) -> int:
    """Return the place of the farthest stretch, or -1 if the one that comes is farther."""
    worst = 0
    for other in range(1, MOST_STRETCHES):
        if _is_farther(near.distance[other], near.stretch[other], near.distance[worst], near.stretch[worst]):
            worst = other
    return worst if _is_farther(near.distance[worst], near.stretch[worst], distance, stretch) else -1


@compiled
def _is_farther(distance: float, stretch: int, other_distance: float, other: int) -> bool:
    return distance > other_distance or (distance == other_distance and stretch > other)


@compiled
def _by_number(near: Near, count: int) -> None:
    """Sort by number of the stretch, by insertion."""
    for index in range(1, count):
        hole = index
        while hole > 0 and near.stretch[hole - 1] > near.stretch[hole]:
            below = hole - 1
            near.stretch[below], near.stretch[hole] = near.stretch[hole], near.stretch[below]
            near.along[below], near.along[hole] = near.along[hole], near.along[below]
            near.distance[below], near.distance[hole] = near.distance[hole], near.distance[below]
            near.east[below], near.east[hole] = near.east[hole], near.east[below]
            near.north[below], near.north[hole] = near.north[hole], near.north[below]
            hole = below
