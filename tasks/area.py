"""Geodesic square metres on WGS 84, for whole arrays of polygons at once."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from tasks.measure import ECCENTRICITY_2, EQUATOR_M, GEOD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHORT_DEGREES = 0.01
"""Rings with no longer edge are measured as if edges were straight on the equal-area cylinder: right to 1e-4."""
ECCENTRICITY = ECCENTRICITY_2**0.5


def areas(shapes: Any) -> Floats:
    """Return the square metres of each polygon or multipolygon; 0 for points, lines and None.

    Examples
    --------
    >>> areas([shapely.box(24.9, 60.1, 24.901, 60.1005), shapely.Point(24.9, 60.1)]).round(1)
    array([3099.,    0.])
    """
    polygons, owner = shapely.get_parts(_areal(shapes), return_index=True)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    metres2 = _ring_areas(rings)
    is_hole = np.append(False, polygon[1:] == polygon[:-1])[: len(rings)]
    signed = np.where(is_hole, -metres2, metres2)
    total: Floats = np.bincount(owner[polygon], weights=signed, minlength=len(shapes)).astype(np.float64)
    return np.maximum(total, 0.0)


def _areal(shapes: Any) -> NDArray[np.object_]:
    """Return the shapes, with None for those that cover no ground."""
    kept = np.array(shapes, dtype=object)
    kept[shapely.get_dimensions(kept) != 2] = None
    return kept


def _ring_areas(rings: NDArray[np.object_]) -> Floats:
    xy, owner = shapely.get_coordinates(rings, return_index=True)
    lon, lat = xy.T
    is_edge = owner[1:] == owner[:-1]
    widths, heights = np.diff(lon), np.diff(lat)
    tops = _equal_area_height(lat)
    starts = np.searchsorted(owner, np.arange(len(rings)))
    tops = tops - np.repeat(tops[starts], np.diff(np.append(starts, len(owner))))
    strips = np.radians(widths) * (tops[1:] + tops[:-1]) / 2
    metres2: Floats = np.abs(np.bincount(owner[1:][is_edge], weights=strips[is_edge], minlength=len(rings)))
    is_long = is_edge & ((np.abs(widths) > SHORT_DEGREES) | (np.abs(heights) > SHORT_DEGREES))
    for ring in np.unique(owner[1:][is_long]):
        metres2[ring] = abs(GEOD.geometry_area_perimeter(rings[ring])[0])
    return metres2


def _equal_area_height(lat: Floats) -> Floats:
    """Return the square metres of a zone from the equator to each latitude, for each radian of longitude.

    References
    ----------
    J. P. Snyder, Map Projections: A Working Manual (USGS Professional Paper 1395, 1987), equation 3-12.
    """
    sine = np.sin(np.radians(lat))
    q = (1 - ECCENTRICITY_2) * (sine / (1 - ECCENTRICITY_2 * sine**2) + np.arctanh(ECCENTRICITY * sine) / ECCENTRICITY)
    height: Floats = EQUATOR_M**2 * q / 2
    return height
