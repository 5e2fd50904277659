"""Places on roads where a point may have been: the nearest on each stretch within reach, by a grid of chords."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.match_graph import Cells, Chords
from tasks.road_graph import compiled

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]

EQUATOR_M = 6378137.0
"""Semi-major axis of WGS 84."""

ECCENTRICITY_2 = 0.0066943799901413165
"""Its first eccentricity, squared."""

MOST_STRETCHES = 8
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


@compiled
def degree_metres(lat: float) -> tuple[float, float]:
    """Return metres of a degree of longitude and of latitude at a latitude on WGS 84.

    Both are taken at the point, whatever tile it lies in. A place d metres away is off by d² tan(lat) / 2 R: 0.1 mm
    for 30 m and 1 m for 2.7 km at 60° N.

    Examples
    --------
    >>> tuple(round(each) for each in degree_metres(60.0))
    (55800, 111412)
    """
    sine = math.sin(math.radians(lat))
    flat = 1 - ECCENTRICITY_2 * sine * sine
    across = EQUATOR_M / math.sqrt(flat)
    degree = math.pi / 180
    return degree * across * math.cos(math.radians(lat)), degree * across * (1 - ECCENTRICITY_2) / flat


@compiled
def near_stretches(chords: Chords, cells: Cells, lon: float, lat: float, radius: float, near: Near) -> int:
    """Write the stretches within `radius` (m) of a point into `near`, by number; return how many there are.

    Of more than `MOST_STRETCHES` the nearest stay, of two at one distance the one of lower number.
    """
    count = 0
    kx, ky = degree_metres(lat)
    if lon < cells.west - 180:
        lon += 360  # roads on both sides of the antimeridian lie from 0° to 360°
    left = int(math.floor((lon - radius / kx - cells.west) / cells.width))
    right = int(math.floor((lon + radius / kx - cells.west) / cells.width))
    low = int(math.floor((lat - radius / ky - cells.south) / cells.height))
    high = int(math.floor((lat + radius / ky - cells.south) / cells.height))
    for y in range(max(low, 0), min(high, cells.down - 1) + 1):
        for x in range(max(left, 0), min(right, cells.across - 1) + 1):
            cell = y * cells.across + x
            for place in range(cells.start[cell], cells.start[cell + 1]):
                count = _look(chords, cells.chord[place], lon, lat, kx, ky, radius, near, count)
    _by_number(near, count)
    return count


@compiled
def _look(
    chords: Chords, chord: int, lon: float, lat: float, kx: float, ky: float, radius: float, near: Near, count: int
) -> int:
    """Take a chord into account: its stretch is added, moved nearer, or left out."""
    share, distance = on_chord(chords, chord, lon, lat, kx, ky)
    if distance > radius:
        return count
    stretch = chords.stretch[chord]
    along = chords.along[chord] + share * chords.metres[chord]
    place = count
    for other in range(count):
        if near.stretch[other] == stretch:
            if distance > near.distance[other] or (distance == near.distance[other] and along >= near.along[other]):
                return count
            place = other
            break
    if place == MOST_STRETCHES:
        place = _farthest(near, stretch, distance)
        if place < 0:
            return count
    near.stretch[place] = stretch
    near.along[place] = along
    near.distance[place] = distance
    near.east[place] = chords.dlon[chord] * kx
    near.north[place] = chords.dlat[chord] * ky
    return max(count, place + 1)


@compiled
def on_chord(chords: Chords, chord: int, lon: float, lat: float, kx: float, ky: float) -> tuple[float, float]:
    """Return where on a chord (0 to 1) the nearest place to a point is, and how far (m)."""
    east, north = (chords.lon[chord] - lon) * kx, (chords.lat[chord] - lat) * ky
    across, up = chords.dlon[chord] * kx, chords.dlat[chord] * ky
    square = across * across + up * up
    share = 0.0
    if square > 0:
        share = min(max(-(east * across + north * up) / square, 0.0), 1.0)
    east, north = east + share * across, north + share * up
    return share, math.sqrt(east * east + north * north)


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
        for hole in range(index, 0, -1):
            if near.stretch[hole - 1] <= near.stretch[hole]:
                break
            _swap(near, hole)


@compiled
def _swap(near: Near, hole: int) -> None:
    """Swap an entry with the one before it."""
    near.stretch[hole - 1], near.stretch[hole] = near.stretch[hole], near.stretch[hole - 1]
    for values in (near.along, near.distance, near.east, near.north):
        values[hole - 1], values[hole] = values[hole], values[hole - 1]
