"""How much road lies around each segment: a task that needs its neighbours, and little else."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

REACH_M = 200.0

METRES_PER_DEGREE = 111_320.0


class Around(NamedTuple):
    metres: npt.NDArray[np.float64]


def road_around(
    *, length_m: npt.NDArray[np.float64], bbox: list[dict[str, float]], is_own: npt.NDArray[np.bool_]
) -> Around:
    """Length of all segments, itself included, whose middle lies within about 150 m of the middle of the segment."""
    sides = np.array([[box["xmin"], box["ymin"], box["xmax"], box["ymax"]] for box in bbox])
    lon, lat = (sides[:, 0] + sides[:, 2]) / 2, (sides[:, 1] + sides[:, 3]) / 2
    points = METRES_PER_DEGREE * np.column_stack([lon * np.cos(np.radians(np.round(lat))), lat])
    tree = cKDTree(points)
    near = tree.query_ball_point(points[is_own], 150.0)
    metres = np.zeros(len(length_m))
    metres[is_own] = [length_m[indices].sum() for indices in near]
    return Around(metres)
