"""What the law says of one road type, read from its tags: for cars, for other vehicles, and under conditions.

Overture has one weight and does not say which; `weightrating`, the weight by which laws class vehicles, is written as
that. What Overture has no words for (`trailer`, `coach`, `articulated` …) stays as a note by its name.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

from tasks.conditional_limit import MODES, OTHER_CLASSES, Condition, read_condition, read_conditional
from tasks.maxspeed import KMH_PER_UNIT, Posted, UnreadableSpeed, read_maxspeed
from tasks.rule_words import rule_text
from tasks.speed_rule import Rule

VEHICLES = (*MODES, *sorted(OTHER_CLASSES))
"""Vehicles of OSM, the general ones first."""
SUFFIXES = ("conditional", "advisory", "lanes")
Tags = tuple[tuple[str, str], ...]


class LimitError(ValueError):
    """A tag of the table that cannot be read; `key` and `value` quote it, `value` where it is at fault."""

    def __init__(self, key: str, value: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.value = value


class Speed(NamedTuple):
    """A whole number and its unit."""

    value: int
    unit: str

    @property
    def kmh(self) -> float:
        """The speed in km/h."""
        return self.value * KMH_PER_UNIT[self.unit]


class VehicleLimit(NamedTuple):
    """A limit for some vehicles, or under a condition."""

    speed: Speed
    vehicle: str
    """As OSM names it; empty for all."""
    when: Mapping[str, Any]
    """As Overture writes it; empty where Overture cannot."""
    condition: str
    """As the table writes it; empty where there is none."""

    @property
    def text(self) -> str:
        """The limit in words."""
        speed = f"{self.speed.value} {self.speed.unit}"
        whom = f" for {self.vehicle}".replace("_", " ") if self.vehicle else ""
        return f"{speed}{whom}{f' when {self.condition}' if self.condition else ''}"


class Limits(NamedTuple):
    """All limits of a road type."""

    car: Posted | None
    """None where nothing is said of cars."""
    lowest: Speed | None
    """How fast one must be able to drive."""
    vehicles: tuple[VehicleLimit, ...]
    """General first, and of several for the same vehicles the lowest last."""
    notes: tuple[str, ...]
    """What is no limit: advice, lanes, vehicles that may not be there."""

    @property
    def car_speed(self) -> Speed | None:
        """The limit for cars, if it is a number."""
        return _speed(self.car)


NO_LIMITS = Limits(None, None, (), ())


@lru_cache(4096)
def read_limits(tags: Tags) -> Limits:
    """Return what tags of the table say of a road type.

    Raises
    ------
    LimitError
        If one of them cannot be read.

    Examples
    --------
    >>> limits = read_limits((("maxspeed", "60 mph"), ("maxspeed:bus:conditional", "50 mph @ (trailer)")))
    >>> limits.car_speed, [limit.text for limit in limits.vehicles]
    (Speed(value=60, unit='mph'), ['50 mph for bus when trailer'])
    """
    found = [each for key, value in tags for each in _read_tag(key, value)]
    known = dict(tags)
    return Limits(
        _car_limit("maxspeed", known["maxspeed"]) if "maxspeed" in known else None,
        _number("minspeed", known["minspeed"]) if "minspeed" in known else None,
        tuple(sorted((each for each in found if isinstance(each, VehicleLimit)), key=_place)),
        tuple(each for each in found if isinstance(each, str)),
    )


def make_rules(car: Speed | None, limits: Limits) -> list[Rule]:
    """Return Overture's rules where cars may drive at `car`: theirs first, then those that are lower, general first.

    Examples
    --------
    >>> limits = read_limits((("maxspeed:hgv", "80"), ("maxspeed:motorcycle", "100")))
    >>> make_rules(Speed(100, "km/h"), limits)[1]
    {'max_speed': {'value': 80, 'unit': 'km/h'}, 'when': {'mode': ['hgv']}}
    """
    first = {"max_speed": car._asdict() if car else None, "min_speed": limits.lowest and limits.lowest._asdict()}
    general: list[Rule] = [{key: part for key, part in first.items() if part} | {"when": None}]
    rules: list[Rule] = general if car or limits.lowest else []
    for limit in binding(car, limits):
        rule = {"max_speed": limit.speed._asdict(), "when": {**limit.when}}
        if limit.when and rule not in rules:
            rules.append(rule)
    return rules


def binding(car: Speed | None, limits: Limits) -> list[VehicleLimit]:
    """Return the limits of vehicles that are lower than what holds for them anyway."""
    anyway = {each.vehicle: each.speed.kmh for each in limits.vehicles if each.vehicle and not each.condition}
    most = car.kmh if car else inf
    return [
        limit
        for limit in limits.vehicles
        if limit.speed.kmh < (min(most, anyway.get(limit.vehicle, inf)) if limit.condition else most)
    ]


def _place(limit: VehicleLimit) -> tuple[int, bool, float]:
    """Return what to sort by: all vehicles, then each; without a condition, then with one; the lowest last."""
    return ("", *VEHICLES).index(limit.vehicle), bool(limit.condition), -limit.speed.kmh


def _read_tag(key: str, value: str) -> Iterator[VehicleLimit | str]:
    """Yield limits of vehicles and notes that one tag states."""
    base, *parts = key.split(":")
    suffix = parts.pop() if parts and parts[-1] in SUFFIXES else ""
    vehicle = parts[0] if parts else ""
    if base in VEHICLES and not parts and not suffix:
        yield f"{base}={value}"
    elif base not in ("maxspeed", "minspeed") or parts[1:] or (vehicle and vehicle not in VEHICLES):
        raise LimitError(key, "", "expected maxspeed, minspeed, or one with a vehicle or :conditional behind it")
    elif suffix == "conditional":
        yield from _conditional(key, value, vehicle)
    elif suffix:
        yield f"{suffix} {value}" + (f" for {vehicle}" if vehicle else "")
    elif vehicle:
        yield VehicleLimit(_number(key, value), vehicle, _when_of(vehicle), "")


def _conditional(key: str, value: str, vehicle: str) -> Iterator[VehicleLimit]:
    try:
        clauses = read_conditional(value)
    except UnreadableSpeed as error:
        raise LimitError(key, value, str(error)) from None
    for clause in clauses:
        condition = _weighed(clause.condition)
        can_tell = not condition.others and (not vehicle or (vehicle in MODES and not condition.mode))
        when = condition.when | _when_of(vehicle) if can_tell else {}
        yield VehicleLimit(_number(key, clause.value), vehicle, when, _condition_text(clause.condition))


def _weighed(condition: Condition) -> Condition:
    """Return a condition whose `weightrating` is Overture's weight."""
    ratings = [each for each in condition.others if each.startswith("weightrating")]
    weights = [read_condition(each.replace("weightrating", "weight")) for each in ratings]
    others = [each for each in condition.others if each not in ratings]
    return condition._replace(
        vehicle=condition.vehicle + tuple(vehicle for each in weights for vehicle in each.vehicle),
        others=(*others, *(other for each in weights for other in each.others)),
    )


def _condition_text(condition: Condition) -> str:
    return " AND ".join(filter(None, (rule_text({"when": condition.when}), *condition.others)))


def _when_of(vehicle: str) -> dict[str, Any]:
    return {"mode": [MODES[vehicle]]} if vehicle in MODES else {}


def _car_limit(key: str, value: str) -> Posted:
    try:
        return read_maxspeed(value)
    except UnreadableSpeed as error:
        raise LimitError(key, value, str(error)) from None


def _number(key: str, value: str) -> Speed:
    speed = _speed(_car_limit(key, value))
    if speed is None or speed.unit == "knots":
        raise LimitError(key, value, f"{value!r}, expected a whole number of km/h or mph")
    return speed


def _speed(posted: Posted | None) -> Speed | None:
    if posted is None or posted.value is None or posted.unit is None or posted.value % 1:
        return None
    return Speed(int(posted.value), posted.unit)
