"""Overture speed rules: made from a posted limit, and read for one car that drives a whole segment.

Source: Overture Maps schema, transportation segment, `speed_limits`: rules apply in order and the last that
matches wins; `between` and `when` restrict where, when and for whom.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from schemas.vocabulary import Heading, SpeedUnit
from tasks.maxspeed import HIGHEST, KMH_PER_UNIT, LOWEST

Rule = dict[str, Any]

CAR_MODES = {"vehicle", "motor_vehicle", "car"}
"""Overture travel modes that include a car."""


def make_rule(value: float, unit: str | None, heading: Heading | None = None) -> Rule:
    """Return the rule for a posted speed; knots become the nearest whole km/h, and fractions the nearest integer.

    Examples
    --------
    >>> make_rule(30, "mph", Heading.FORWARD)["when"]["heading"]
    'forward'
    """
    kept = SpeedUnit.MPH if unit == "mph" else SpeedUnit.KMH
    number = value if unit in (SpeedUnit.MPH, SpeedUnit.KMH) else value * KMH_PER_UNIT[unit or "km/h"]
    when = {"heading": heading.value} if heading else None
    posted = {"value": min(max(round(number), LOWEST), HIGHEST), "unit": kept.value}
    return {"max_speed": posted, "when": when}


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
    rules = [rule for rule in rules if rule.get("max_speed") and holds_for_car(rule, heading)]
    ends = sorted({0.0, 1.0, *(end for rule in rules for end in rule.get("between") or ())})
    parts: dict[float | None, float] = {}
    for low, high in pairwise(ends):
        speed = _speed_at((low + high) / 2, rules)
        parts[speed] = parts.get(speed, 0.0) + high - low
    return max(parts, key=lambda speed: (parts[speed], -(speed or 0.0)))


def _speed_at(place: float, rules: Sequence[Rule]) -> float | None:
    for rule in reversed(rules):
        low, high = rule.get("between") or (0.0, 1.0)
        if low <= place <= high:
            return speed_in_kmh(rule["max_speed"])
    return None
