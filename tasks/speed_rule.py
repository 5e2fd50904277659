"""Overture speed rules: their speeds, and what they come to for one car that drives a whole segment.

Source: Overture Maps schema, transportation segment, `speed_limits`: rules apply in order and the last that
matches wins; `between` and `when` restrict where, when and for whom.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from schemas.vocabulary import Heading, SpeedUnit
from tasks.maxspeed import HIGHEST, KMH_PER_UNIT, LOWEST

Rule = dict[str, Any]
Speed = dict[str, Any]
"""A posted speed as Overture writes it: `value` and `unit`."""

CAR_MODES = {"vehicle", "motor_vehicle", "car"}
"""Overture travel modes that include a car."""


def whole_speed(value: float, unit: str | None) -> Speed:
    """Return a speed as Overture writes it: knots as the nearest whole km/h, fractions as the nearest integer.

    Examples
    --------
    >>> whole_speed(10, "knots")
    {'value': 19, 'unit': 'km/h'}
    """
    kept = SpeedUnit.MPH if unit == "mph" else SpeedUnit.KMH
    number = value if unit in (SpeedUnit.MPH, SpeedUnit.KMH) else value * KMH_PER_UNIT[unit or "km/h"]
    return {"value": min(max(round(number), LOWEST), HIGHEST), "unit": kept.value}


def holds_for_car(rule: Rule, heading: Heading) -> bool:
    """Whether a rule holds for any car at any hour in a direction of travel."""
    when = rule.get("when") or {}
    if when.get("heading") not in (None, heading.value):
        return False
    if when.get("mode") and not CAR_MODES & set(when["mode"]):
        return False
    return not any(when.get(part) for part in ("during", "using", "recognized", "vehicle"))


def speed_in_kmh(speed: dict[str, Any]) -> float:
    """Return a posted speed in km/h.

    Examples
    --------
    >>> speed_in_kmh({"value": 100, "unit": "km/h"})
    100.0
    """
    return float(speed["value"]) * KMH_PER_UNIT[speed["unit"]]


def longest_limit(rules: Sequence[Rule], heading: Heading) -> float | None:
    """Return the highest speed (km/h) for a car that holds over the longest part of a segment.

    None where no rule holds over a longer part than any one speed. Of two parts of one length the lower speed counts.

    Examples
    --------
    >>> slow = {"max_speed": {"value": 30, "unit": "km/h"}, "between": [0.0, 0.4]}
    >>> longest_limit([{"max_speed": {"value": 50, "unit": "km/h"}}, slow], Heading.FORWARD)
    50.0
    """
    speed = longest_speed(rules, heading)
    return speed_in_kmh(speed) if speed else None


def longest_speed(rules: Sequence[Rule], heading: Heading) -> Speed | None:
    """Return the same as `longest_limit`, as the integer and the unit of its rule.

    Examples
    --------
    >>> longest_speed([{"max_speed": {"value": 30, "unit": "mph"}}], Heading.BACKWARD)
    {'value': 30, 'unit': 'mph'}
    """
    rules = [rule for rule in rules if rule.get("max_speed") and holds_for_car(rule, heading)]
    if not rules or not rules[-1].get("between"):
        return dict(rules[-1]["max_speed"]) if rules else None
    ends = sorted({0.0, 1.0, *(end for rule in rules for end in rule.get("between") or ())})
    parts: dict[float | None, float] = {}
    speeds: dict[float | None, Speed | None] = {None: None}
    for low, high in pairwise(ends):
        speed = _speed_at((low + high) / 2, rules)
        kmh = speed_in_kmh(speed) if speed else None
        speeds[kmh] = speed
        parts[kmh] = parts.get(kmh, 0.0) + high - low
    longest = speeds[max(parts, key=lambda kmh: (parts[kmh], -(kmh or 0.0)))]
    return dict(longest) if longest else None


def _speed_at(place: float, rules: Sequence[Rule]) -> Speed | None:
    for rule in reversed(rules):
        low, high = rule.get("between") or (0.0, 1.0)
        if low <= place <= high:
            speed: Speed = rule["max_speed"]
            return speed
    return None
