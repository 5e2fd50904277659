"""What holds where the roads of a map page lie: the unit of speeds and the side of the road that is driven on."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import shapely

from schemas.vocabulary import SpeedUnit
from tasks.borders.border_map import NOWHERE, border_map
from tasks.maxspeed import KMH_PER_UNIT


class PagePlace(NamedTuple):
    """One unit and one side for a whole page."""

    unit: SpeedUnit
    is_left: bool
    """Whether traffic keeps to the left."""

    @property
    def kmh(self) -> float:
        """One of the unit, in km/h."""
        return KMH_PER_UNIT[self.unit]


def page_place(segments: pa.Table) -> PagePlace:
    """Return what holds where most metres of `segments` (rows of ROAD_SEGMENT) lie, by the packaged borders.

    A segment counts where it begins. Without roads, and at sea, it is km/h and the right.

    Examples
    --------
    >>> from schemas.road import ROAD_SEGMENT
    >>> page_place(ROAD_SEGMENT.empty())
    PagePlace(unit=<SpeedUnit.KMH: 'km/h'>, is_left=False)
    """
    starts = shapely.get_point(shapely.from_wkb(segments["geometry"].to_numpy()), 0)
    borders = border_map()
    codes, length_m = borders.codes_at(shapely.get_x(starts), shapely.get_y(starts)), segments["length_m"].to_numpy()
    is_land = codes != NOWHERE
    metres = np.bincount(codes[is_land], length_m[is_land], len(borders.places))
    miles = sum(metres[row] for row, place in enumerate(borders.places) if place.speed_unit == SpeedUnit.MPH)
    left = sum(metres[row] for row, place in enumerate(borders.places) if place.driving_side == "left")
    return PagePlace(SpeedUnit.MPH if 2 * miles > metres.sum() else SpeedUnit.KMH, bool(2 * left > metres.sum()))
