"""What is true of a segment as far as the map states it, as one number to be compared."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf, isnan, nan
from typing import Any, NamedTuple

from schemas.vocabulary import Heading, SpeedReason, SpeedUnit
from tasks.maxspeed import KMH_PER_UNIT
from tasks.speed_rule import Rule, holds_for_car, speed_in_kmh

Speed = Mapping[str, Any]

STEPS = {SpeedUnit.KMH.value: 10.0, SpeedUnit.MPH.value: 5 * KMH_PER_UNIT["mph"]}
"""What lies between neighbouring limits, in km/h, by the unit on the signs."""


class Stretch(NamedTuple):
    """A part of a segment with one limit."""

    low: float
    high: float
    """Fractions of its length."""
    kmh: float


def number_of(*, forward: float | None, backward: float | None, reason: str | None) -> float:
    """Return a limit as one number in km/h: the higher of both directions, inf for unlimited, NaN for none.

    Examples
    --------
    >>> number_of(forward=30.0, backward=50.0, reason=None), number_of(forward=None, backward=None, reason="unlimited")
    (50.0, inf)
    """
    told = [speed for speed in (forward, backward) if speed is not None]
    if told:
        return max(told)
    return inf if reason == SpeedReason.UNLIMITED else nan


def stated_number(*, forward: Speed | None, backward: Speed | None, reason: str | None) -> float:
    """Return the same of a row of POSTED_LIMIT.

    Examples
    --------
    >>> stated_number(forward={"value": 50, "unit": "km/h"}, backward=None, reason=None)
    50.0
    """
    return number_of(
        forward=speed_in_kmh(dict(forward)) if forward else None,
        backward=speed_in_kmh(dict(backward)) if backward else None,
        reason=reason,
    )


def step_of(*, forward: Speed | None, backward: Speed | None, unit: str | None) -> float:
    """Return what lies between neighbouring limits in km/h, by the unit stated, else by that of the place.

    Examples
    --------
    >>> step_of(forward={"value": 50, "unit": "km/h"}, backward=None, unit="mph")
    10.0
    """
    stated = forward or backward
    return STEPS.get(stated["unit"] if stated else unit or "", STEPS[SpeedUnit.KMH.value])


def stretches(rules: Sequence[Rule]) -> list[Stretch]:
    """Return the parts of a segment where the limit for a car at any hour is another, the higher of both directions.

    Examples
    --------
    >>> slow = {"max_speed": {"value": 30, "unit": "km/h"}, "between": [0.0, 0.4]}
    >>> stretches([{"max_speed": {"value": 50, "unit": "km/h"}}, slow])
    [Stretch(low=0.0, high=0.4, kmh=30.0), Stretch(low=0.4, high=1.0, kmh=50.0)]
    """
    told = [rule for rule in rules if rule.get("max_speed")]
    ends = sorted({0.0, 1.0, *(end for rule in told for end in rule.get("between") or ())})
    found: list[Stretch] = []
    for low, high in pairwise(ends):
        kmh = _highest((low + high) / 2, told)
        if found and (found[-1].kmh == kmh or (isnan(found[-1].kmh) and isnan(kmh))):
            found[-1] = found[-1]._replace(high=high)
        else:
            found.append(Stretch(low, high, kmh))
    return found


def _highest(place: float, rules: Sequence[Rule]) -> float:
    """Return the higher of the limits in both directions at a place; NaN where no rule holds."""
    here = [rule for rule in rules if _covers(rule, place)]
    last = [[rule for rule in here if holds_for_car(rule, heading)][-1:] for heading in Heading]
    return max((speed_in_kmh(rule["max_speed"]) for rules in last for rule in rules), default=nan)


def _covers(rule: Rule, place: float) -> bool:
    low, high = rule.get("between") or (0.0, 1.0)
    return bool(low <= place <= high)
