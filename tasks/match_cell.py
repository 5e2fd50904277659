"""A grid over the straight pieces of roads: which of them lie near a place."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled, compiled_bare
from tasks.match_kernel import Records

Ints = npt.NDArray[np.int64]

CELL_M = 60.0
"""Width of a cell."""

LATITUDE_M = 110_574.0
"""Metres of a degree of latitude where it is shortest."""

LEAST_CELLS, CELLS_A_CHORD = 4096, 16
"""Cells that there may be at least, and for each chord: they grow where roads are few for the ground they cover."""


class Cells(NamedTuple):
    """A grid over the chords: those that touch cell (x, y) are start[y * across + x] and what follows in `chord`."""

    west: float
    south: float
    width: float
    """Degrees of longitude."""
    height: float
    """Degrees of latitude."""
    across: int
    down: int
    start: Ints
    chord: Records


@compiled
def cells_of(chords: Records) -> Cells:
    """Return the grid of chords; those without length are left out."""
    west, south, east, north = _box(chords)
    if west > east:
        return Cells(0.0, 0.0, 1.0, 1.0, 1, 1, np.zeros(2, dtype=np.int64), chords[:0])
    height = CELL_M / LATITUDE_M
    width = height / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.01)
    grow = math.sqrt((east - west) / width * ((north - south) / height) / (CELLS_A_CHORD * len(chords) + LEAST_CELLS))
    width, height = width * max(1.0, grow), height * max(1.0, grow)
    across, down = int((east - west) / width) + 1, int((north - south) / height) + 1
    start = np.zeros(across * down + 1, dtype=np.int64)
    grid = Cells(west, south, width, height, across, down, start, chords)
    for chord in range(len(chords)):
        left, right, low, high = _covered(grid, chord)
        for y in range(low, high + 1):
            for x in range(left, right + 1):
                start[y * across + x + 1] += 1
    start = np.cumsum(start)
    return Cells(west, south, width, height, across, down, start, _sorted(grid, start))


@compiled_bare
def _box(chords: Records) -> tuple[float, float, float, float]:
    """Return the sides (degrees) of the box around chords, west above east where there are none."""
    west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
    for chord in range(len(chords)):
        one = chords[chord]
        if one.metres > 0:
            west, east = min(west, one.lon, one.lon + one.dlon), max(east, one.lon, one.lon + one.dlon)
            south, north = min(south, one.lat, one.lat + one.dlat), max(north, one.lat, one.lat + one.dlat)
    return west, south, east, north


@compiled_bare
def _covered(grid: Cells, chord: int) -> tuple[int, int, int, int]:
    """Return the first and last column and row of the cells under the box of a chord, none if it has no length."""
    one = grid.chord[chord]
    if not one.metres > 0:
        return 0, -1, 0, -1
    left = int((min(one.lon, one.lon + one.dlon) - grid.west) / grid.width)
    right = int((max(one.lon, one.lon + one.dlon) - grid.west) / grid.width)
    low = int((min(one.lat, one.lat + one.dlat) - grid.south) / grid.height)
    high = int((max(one.lat, one.lat + one.dlat) - grid.south) / grid.height)
    return left, min(right, grid.across - 1), low, min(high, grid.down - 1)


@compiled
def _sorted(grid: Cells, start: Ints) -> Records:
    """Return chords cell by cell; those of a cell keep their order."""
    free = start[:-1].copy()
    made = np.empty(start[-1], dtype=grid.chord.dtype)
    for chord in range(len(grid.chord)):
        left, right, low, high = _covered(grid, chord)
        for y in range(low, high + 1):
            for x in range(left, right + 1):
                made[free[y * grid.across + x]] = grid.chord[chord]
                free[y * grid.across + x] += 1
    return made
