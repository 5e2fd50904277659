"""What lies around places: counts within a radius and cover of the ground, alike however the map is cut into tiles.

Places are metres of the spherical Mercator map, whose scale at a latitude is known, so that no tile needs a projection
of its own. Counts are whole numbers, which add up alike in any order.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]

RADIUS_M = 6371008.8
"""Mean radius of the earth: distances here need two digits, not ten."""
HIGHEST_DEGREES = 89.0
"""Latitude beyond which the map would be torn apart; what lies there is taken to lie here."""
STEP_M = 120.0
"""A segment is looked at once for each such stretch, in its middle."""
MOST_STEPS = 8
"""Long segments are looked at this often at most."""


class Samples(NamedTuple):
    """Places at which segments are looked at."""

    owner: Ints
    """Row of the segment of each place, in order."""
    xy: Floats
    """Degrees; shape (m, 2)."""
    starts: Ints
    """First place of each segment, with the end of the last one."""

    def mean(self, values: Floats) -> Floats:
        """Return the mean of one value for each place over the places of each segment."""
        sums = np.bincount(self.owner, weights=values, minlength=len(self.starts) - 1)
        means: Floats = sums / np.maximum(np.diff(self.starts), 1)
        return means


def samples_of(lines: Shapes, length_m: Floats) -> Samples:
    """Return the middles of equal stretches of each line, one for each `STEP_M` metres, `MOST_STEPS` at most.

    Examples
    --------
    >>> found = samples_of(np.array([shapely.LineString([(0, 0), (0, 0.002)])]), np.array([221.0]))
    >>> found.xy.tolist(), found.starts.tolist()
    ([[0.0, 0.0005], [0.0, 0.0015]], [0, 2])
    """
    counts = np.clip(np.ceil(length_m / STEP_M), 1, MOST_STEPS).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    owner = np.repeat(np.arange(len(lines)), counts)
    along = (np.arange(len(owner)) - starts[owner] + 0.5) / counts[owner]
    points = shapely.line_interpolate_point(lines[owner], along, normalized=True)
    return Samples(owner, np.column_stack([shapely.get_x(points), shapely.get_y(points)]), starts)


def metres(xy: Floats) -> tuple[Floats, Floats]:
    """Return Mercator metres of points in degrees, and how many of them are one metre on the ground there.

    Examples
    --------
    >>> there, scale = metres(np.array([[0.0, 60.0]]))
    >>> there.round().tolist(), scale.round(3).tolist()
    ([[0.0, 8390350.0]], [2.0])
    """
    lat = np.radians(np.clip(xy[:, 1], -HIGHEST_DEGREES, HIGHEST_DEGREES))
    flat = RADIUS_M * np.column_stack([np.radians(xy[:, 0]), np.arcsinh(np.tan(lat))])
    return flat, 1 / np.cos(lat)


class Around:
    """The same places, asked for what lies around them."""

    def __init__(self, xy: Floats) -> None:
        self.degrees = xy
        self.xy, self.scale = metres(xy)

    def beside(self, distance_m: float) -> Floats:
        """Return four points (degrees) for each place, east, west, north and south of it; shape (4 m, 2)."""
        north = np.array([0.0, np.degrees(distance_m / RADIUS_M)])
        east = np.column_stack([north[1] * self.scale, np.zeros(len(self.scale))])
        sides = (self.degrees + east, self.degrees - east, self.degrees + north, self.degrees - north)
        around: Floats = np.stack(sides, axis=1).reshape(-1, 2)
        return around

    def counts(self, others: Floats, *radii_m: float) -> list[Ints]:
        """Return for each radius how many other points (degrees) lie within it of each place."""
        if not len(others) or not len(self.xy):
            return [np.zeros(len(self.xy), dtype=np.int64) for _ in radii_m]
        tree = cKDTree(metres(others)[0], balanced_tree=False, compact_nodes=False)
        return [tree.query_ball_point(self.xy, radius * self.scale, return_length=True) for radius in radii_m]

    def nearest_m(self, others: Floats, most_m: float) -> Floats:
        """Return the metres from each place to the nearest other point, `most_m` where none is nearer."""
        if not len(others) or not len(self.xy):
            return np.full(len(self.xy), most_m)
        near, _ = cKDTree(metres(others)[0]).query(self.xy)
        found: Floats = np.minimum(near / self.scale, most_m)
        return found


class Ground:
    """Points on the ground, asked what covers them."""

    def __init__(self, xy: Floats) -> None:
        self.points = shapely.STRtree(shapely.points(xy))

    def covered(self, areas: Shapes) -> npt.NDArray[np.bool_]:
        """Return which points lie in one of the areas, or on its edge."""
        is_covered = np.zeros(len(self.points.geometries), dtype=bool)
        is_covered[self.points.query(areas, predicate="intersects")[1]] = True
        return is_covered
