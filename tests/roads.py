"""Small road tables made in code."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import shapely

from schemas.road import ROAD_SEGMENT

GEOD = pyproj.Geod(ellps="WGS84")


def road_row(segment_id: str, line: Sequence[tuple[float, float]], **given: Any) -> dict[str, Any]:
    """One ROAD_SEGMENT row as Python values; `given` replaces columns (`class_` for class)."""
    shape = shapely.LineString(line)
    west, south, east, north = shape.bounds
    row: dict[str, Any] = {
        "segment_id": segment_id,
        "geometry": shapely.to_wkb(shape),
        "bbox": {"xmin": west, "ymin": south, "xmax": east, "ymax": north},
        "class": given.pop("class_", "residential"),
        "subclass": None,
        "length_m": GEOD.geometry_length(shape),
        "one_way": "no",
        "name": None,
        "ref": None,
        "routes": [],
        "connectors": [{"connector_id": "a", "at": 0.0}, {"connector_id": "b", "at": 1.0}],
        "sources": [{"property": "", "dataset": "OpenStreetMap", "record_id": "w1@1", "between": None}],
        "speed_limits": [],
        "tags": [],
    }
    tags: Mapping[str, str] = given.pop("tags", {})
    return row | given | {"tags": sorted(tags.items())}


def road_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return ROAD_SEGMENT.conform(pa.Table.from_pylist(list(rows), schema=ROAD_SEGMENT.schema))


def random_roads(
    count: int, *, seed: int = 0, spread: float = 0.2, centre: tuple[float, float] = (9.0, 47.0)
) -> pa.Table:
    """Short roads around `centre`, every other one with a limit of its own."""
    rng = np.random.default_rng(seed)
    starts = rng.normal(centre, spread, (count, 2))
    steps = rng.normal(0.0, 0.002, (count, 2))
    limits = [{}, {"maxspeed": "50"}, {"maxspeed": "30 mph"}, {"maxspeed": "none"}]
    return road_table(
        [
            road_row(
                f"w{i}:n{i}-n{i + 1}",
                [tuple(start), tuple(start + step)],
                tags=limits[i % 4],
                connectors=[{"connector_id": f"n{i}", "at": 0.0}, {"connector_id": f"n{i}'", "at": 1.0}],
                sources=[{"property": "", "dataset": "OpenStreetMap", "record_id": f"w{i}@1", "between": None}],
            )
            for i, (start, step) in enumerate(zip(starts, steps, strict=True))
        ]
    )
