"""Simpler ways to guess a limit, which inference must beat: the most frequent one, the law alone, a fixed table."""

from collections.abc import Hashable, Mapping, Sequence
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import SpeedReason
from tasks.law.law_table import Law, UnknownJurisdiction
from tasks.legal_limit import legal_limit
from tasks.maxspeed import KMH_PER_UNIT

Floats = npt.NDArray[np.float64]


class Known(NamedTuple):
    """Segments whose limit is visible."""

    classes: Sequence[str]
    names: Sequence[str | None]
    truth: Floats
    length: Floats


def mode(values: Floats, weight: Floats) -> float:
    """Return the value with most weight, the lowest among equals; NaN without values.

    Examples
    --------
    >>> mode(np.array([50.0, 30.0, 30.0]), np.array([300.0, 100.0, 150.0]))
    50.0
    """
    if not len(values):
        return nan
    distinct, which = np.unique(values, return_inverse=True)
    return float(distinct[np.argmax(np.bincount(which, weights=weight))])


def modes(keys: Sequence[Hashable], values: Floats, weight: Floats) -> dict[Hashable, float]:
    """Return for each key the value with most weight."""
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    return {key: mode(values[own], weight[own]) for key, own in rows.items()}


def class_modes(known: Known, classes: Sequence[str]) -> list[float]:
    """Return for each class (n of them) the most frequent visible limit of its metres, else that of all roads.

    Examples
    --------
    >>> known = Known(["primary", "service"], [None, None], np.array([70.0, 20.0]), np.array([500.0, 100.0]))
    >>> class_modes(known, ["service", "track"])
    [20.0, 70.0]
    """
    found = modes(known.classes, known.truth, known.length)
    otherwise = mode(known.truth, known.length)
    return [found.get(each, otherwise) for each in classes]


def name_modes(known: Known, classes: Sequence[str], names: Sequence[str | None]) -> list[float]:
    """Return the same of class and name; where no such road is visible, or it has no name, of the class."""
    found = modes(list(zip(known.classes, known.names, strict=True)), known.truth, known.length)
    of_class = class_modes(known, classes)
    keys = zip(classes, names, strict=True)
    return [found.get(key, own) if key[1] else own for key, own in zip(keys, of_class, strict=True)]


def law_alone(
    law: Law,
    *,
    jurisdiction: str | None,
    tags: Mapping[str, str],
    routes: Sequence[Mapping[str, Any]],
    is_built_up: bool | None,
) -> float:
    """Return what the law sets for a segment in km/h: inf for unlimited, NaN for no number or no law.

    Examples
    --------
    >>> from tasks.law.law_table import read_law
    >>> law_alone(read_law(), jurisdiction="CH", tags={"highway": "tertiary"}, routes=[], is_built_up=True)
    50.0
    """
    if jurisdiction is None:
        return nan
    try:
        found = legal_limit(law, jurisdiction=jurisdiction, tags=tags, routes=routes, is_built_up=is_built_up)
    except UnknownJurisdiction:
        return nan
    if found.value is not None and found.unit is not None:
        return found.value * KMH_PER_UNIT[found.unit]
    return inf if found.reason is SpeedReason.UNLIMITED else nan


GRAPHHOPPER_KMH: Mapping[str, float] = {
    "motorway": 100,
    "motorway_link": 70,
    "trunk": 70,
    "trunk_link": 65,
    "primary": 65,
    "primary_link": 60,
    "secondary": 60,
    "secondary_link": 50,
    "tertiary": 50,
    "tertiary_link": 40,
    "unclassified": 30,
    "residential": 30,
    "living_street": 5,
    "service": 20,
    "road": 20,
    "track": 15,
}
"""Speeds that GraphHopper takes a car to drive where no limit is tagged, by `highway`: guesses of driving, not of law.

Source: graphhopper/graphhopper, CarAverageSpeedParser, the table of default speeds (`motorroad` and tracks by grade
aside). Its rules by country and surface are not taken over.
"""


def graphhopper_speed(tags: Mapping[str, str]) -> float:
    """Return what GraphHopper takes a car to drive, in km/h; NaN for what it has no class for.

    Examples
    --------
    >>> graphhopper_speed({"highway": "trunk_link"})
    65.0
    """
    return float(GRAPHHOPPER_KMH.get(tags.get("highway", ""), nan))
