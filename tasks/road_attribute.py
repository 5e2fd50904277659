"""What each segment of a tile is like, as numbers, and the limit that the map states for it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from tasks.continuity import stated_limits
from tasks.limit_model.attributes import attributes

Floats = npt.NDArray[np.float64]
Row = Mapping[str, Any]


class RoadAttribute(NamedTuple):
    """The columns of ROAD_ATTRIBUTE that the task makes."""

    country: list[str | None]
    limit: list[str | None]
    attributes: npt.NDArray[np.float32]
    """Shape (n, attributes)."""


def road_attribute(
    *,
    geometry: "npt.NDArray[shapely.LineString]",
    length_m: Floats,
    class_: Sequence[str],
    subclass: Sequence[str | None],
    one_way: Sequence[str],
    name: Sequence[str | None],
    ref: Sequence[str | None],
    tags: Sequence[Mapping[str, str] | None],
    start_roads: npt.NDArray[np.int32],
    end_roads: npt.NDArray[np.int32],
    highest_neighbour: npt.NDArray[np.int32],
    built_up: Floats,
    surroundings: Floats,
    jurisdictions: Sequence[Sequence[Row]],
    speed_unit: Sequence[str | None],
    forward: Sequence[Row | None],
    backward: Sequence[Row | None],
    reason: Sequence[str | None],
) -> RoadAttribute:
    """Return the attributes of segments (0 to 1, metres, degrees or counts), their country and their stated limit."""
    known = attributes(
        geometry=geometry,
        length_m=length_m,
        class_=class_,
        subclass=subclass,
        one_way=one_way,
        name=name,
        ref=ref,
        tags=tags,
        start_roads=start_roads,
        end_roads=end_roads,
        highest_neighbour=highest_neighbour,
        built_up=built_up,
        surroundings=surroundings,
    )
    countries = [country_of(parts[0]["code"]) if parts else None for parts in jurisdictions]
    stated = stated_limits(forward, backward, reason, speed_unit)
    return RoadAttribute(countries, stated, known.astype(np.float32))


def country_of(code: str) -> str:
    """Return the country of an ISO 3166 code.

    Examples
    --------
    >>> country_of("US-OR")
    'US'
    """
    return code.partition("-")[0]
