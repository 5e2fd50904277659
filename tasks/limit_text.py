"""A limit as one short text: `50 km/h`, `30 mph`, or `none` where there is no limit."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.vocabulary import SpeedReason, SpeedUnit
from tasks.maxspeed import KMH_PER_MPH

UNLIMITED = "none"
"""The text for a road without a limit."""

STEP = 5
"""Signs in miles an hour show multiples of this."""
ROUNDING_KMH = 0.55
"""How far a whole number of km/h lies from the miles it was turned from, at most."""


def limit_text(
    speed: Mapping[str, Any] | None, reason: str | None = None, *, speed_unit: str | None = None
) -> str | None:
    """Return a limit as text, None if there is none known.

    Where signs show miles, a number of km/h that is such a sign turned into km/h becomes that sign: `40` without a
    unit in the US is 25 mph.

    Examples
    --------
    >>> limit_text({"value": 40, "unit": "km/h"}, speed_unit="mph"), limit_text({"value": 40, "unit": "km/h"})
    ('25 mph', '40 km/h')
    >>> limit_text(None, "unlimited")
    'none'
    """
    if speed is None:
        return UNLIMITED if reason == SpeedReason.UNLIMITED else None
    return _text(speed["value"], speed["unit"], speed_unit)


@lru_cache(maxsize=4096)
def _text(value: float, unit: str, speed_unit: str | None) -> str:
    if unit == SpeedUnit.KMH and speed_unit == SpeedUnit.MPH:
        miles = STEP * round(value / KMH_PER_MPH / STEP)
        if miles and abs(miles * KMH_PER_MPH - value) <= ROUNDING_KMH:
            return f"{miles} {SpeedUnit.MPH}"
    return f"{value:g} {unit}"


@lru_cache(maxsize=4096)
def limit_kmh(text: str) -> float:
    """Return a limit in km/h; infinite where there is none.

    Examples
    --------
    >>> limit_kmh("50 km/h"), limit_kmh("none")
    (50.0, inf)
    """
    speed = limit_speed(text)
    if speed is None:
        return math.inf
    return float(speed["value"]) * (KMH_PER_MPH if speed["unit"] == SpeedUnit.MPH else 1.0)


def limit_speed(text: str) -> dict[str, Any] | None:
    """Return a limit as Overture's speed, None where there is none.

    Examples
    --------
    >>> limit_speed("30 mph")
    {'value': 30, 'unit': 'mph'}
    """
    if text == UNLIMITED:
        return None
    value, unit = text.split(" ")
    return {"value": int(value), "unit": unit}
