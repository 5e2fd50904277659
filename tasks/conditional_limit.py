"""The grammar of conditional restrictions: `60 @ (22:00-06:00 AND weight>7.5); 80 @ wet`.

Sources: OpenStreetMap wiki, "Conditional restrictions" (grammar, vehicle properties, units) and
"Key:opening_hours/specification" (hours, which the opening-hours library reads).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import opening_hours

from tasks.bracket import split_outside, unwrapped
from tasks.maxspeed import UnreadableSpeed, shortened

MODES = {
    "vehicle": "vehicle",
    "motor_vehicle": "motor_vehicle",
    "motorcar": "car",
    "motorcycle": "motorcycle",
    "bicycle": "bicycle",
    "foot": "foot",
    "bus": "bus",
    "hgv": "hgv",
    "hov": "hov",
    "emergency": "emergency",
}
"""Vehicle classes of OSM that are a travel mode of Overture."""

OTHER_CLASSES = frozenset(
    (
        *("agricultural", "articulated", "atv", "auto_rickshaw", "bdouble", "cargo_bike", "caravan", "carriage"),
        *("coach", "disabled", "forestry", "golf_cart", "goods", "hazmat", "hazmat:water", "hazmat:explosive"),
        *("heavy_goods_vehicle", "horse", "kick_scooter", "lhv", "light_truck", "minibus", "mofa", "moped"),
        *("motor_scooter", "motorhome", "mtb", "ohv", "ped_tricycle", "private_hire", "psv", "roadtrain"),
        *("school_bus", "share_taxi", "small_electric_vehicle", "snowmobile", "speed_pedelec", "taxi", "tourist_bus"),
        *("tractor", "trailer", "trailers", "tram", "tricycle", "trolleybus", "truck_bus", "quad"),
    )
)
"""Vehicle classes of OSM that no travel mode of Overture means."""

PURPOSES = {
    "customers": "as_customer",
    "destination": "at_destination",
    "delivery": "to_deliver",
    "forestry": "for_forestry",
}
STATUSES = {
    "permit": "as_permitted",
    "private": "as_private",
    "disabled": "as_disabled",
    "employees": "as_employee",
    "students": "as_student",
}
"""Conditions on the user that Overture has a word for."""

COMPARISONS = {
    ">": "greater_than",
    ">=": "greater_than_equal",
    "≥": "greater_than_equal",
    "=": "equal",
    "==": "equal",
    "<": "less_than",
    "<=": "less_than_equal",
    "≤": "less_than_equal",
}
DIMENSIONS = {"weight": "t", "length": "m", "width": "m", "height": "m", "axles": ""}
"""Vehicle properties that Overture can measure, with the unit where none is named."""
UNITS = {"": "", "t": "t", "kg": "kg", "lb": "lb", "lbs": "lb", "st": "st", "lt": "lt", "m": "m", "cm": "cm"} | {
    "ft": "ft",
    "'": "ft",
    "in": "in",
}
WEIGHTS, LENGTHS = {"t", "kg", "lb", "st", "lt"}, {"m", "cm", "ft", "in"}
PROPERTY = re.compile(r"([a-z_]+) *(>=|<=|==|≥|≤|=|>|<) *([0-9]+(?:\.[0-9]+)?) *([a-z']*)", re.IGNORECASE)
HOURLESS = re.compile(r"open|off|closed|unknown", re.IGNORECASE)
"""What the grammar of hours reads but what names no hours."""
AND = r"\s+AND\s+"

Vehicle = dict[str, Any]


class Condition(NamedTuple):
    """When and for whom a value holds; all parts at once."""

    during: str | None = None
    """Opening hours as OSM writes them."""
    mode: tuple[str, ...] = ()
    """Overture travel modes."""
    using: tuple[str, ...] = ()
    recognized: tuple[str, ...] = ()
    vehicle: tuple[Vehicle, ...] = ()
    others: tuple[str, ...] = ()
    """Conditions that Overture has no words for, such as `wet` or `trailer`, as they stand in the tag."""

    @property
    def when(self) -> dict[str, Any]:
        """The parts that Overture can express, as a rule's `when` holds them; `others` must be empty to use it."""
        parts = {"mode": self.mode, "using": self.using, "recognized": self.recognized, "vehicle": self.vehicle}
        hours = {"during": self.during} if self.during else {}
        return hours | {name: list(part) for name, part in parts.items() if part}


class Clause(NamedTuple):
    """One value and the condition under which it holds."""

    value: str
    condition: Condition
    text: str = ""
    """The clause as it stands in the tag."""


@lru_cache(4096)
def read_conditional(text: str) -> tuple[Clause, ...]:
    """Return the clauses of a `:conditional` value, in order: the last whose condition is met holds.

    Raises
    ------
    UnreadableSpeed
        If a clause lacks its value, its `@` or its condition, or a bracket is not closed.

    Examples
    --------
    >>> night, wet = read_conditional("60 @ (22:00-06:00; PH off); 80 @ wet")
    >>> night.value, night.condition.during, wet.condition.others
    ('60', '22:00-06:00; PH off', ('wet',))
    >>> read_conditional("60 @ (weight>7.5)")[0].condition.when["vehicle"][0]["comparison"]
    'greater_than'
    """
    try:
        return tuple(_clause(part) for part in _clauses(text))
    except UnreadableSpeed:
        raise
    except ValueError as error:
        raise UnreadableSpeed(f"{shortened(text)!r} has a bracket or quote without its other half") from error


def _clause(text: str) -> Clause:
    value, _, condition = text.partition("@")
    if not value.strip() or not condition.strip("() ") or "@" in condition:
        raise UnreadableSpeed(f"{shortened(text)!r} is no clause: expected such as 60 @ (22:00-06:00)")
    return Clause(value.strip(), read_condition(condition), text)


def read_condition(text: str) -> Condition:
    """Return what a condition restricts a value to.

    Examples
    --------
    >>> read_condition("(Mo-Fr 07:00-17:00 AND hgv)").when
    {'during': 'Mo-Fr 07:00-17:00', 'mode': ['hgv']}
    >>> read_condition("trailer AND wet").others
    ('trailer', 'wet')
    """
    found = Condition()
    for part in split_outside(unwrapped(text), AND):
        found = _both(found, _part(unwrapped(part)))
    return found


def _part(text: str) -> Condition:
    """Read one condition that is joined with others by AND."""
    word = text.lower()
    if word in MODES:
        return Condition(mode=(MODES[word],))
    if word in PURPOSES:
        return Condition(using=(PURPOSES[word],))
    if word in STATUSES:
        return Condition(recognized=(STATUSES[word],))
    if vehicle := _property(text):
        return Condition(vehicle=(vehicle,))
    if is_hours(text):
        return Condition(during=text)
    return Condition(others=(text,))


def _both(one: Condition, other: Condition) -> Condition:
    """Join two conditions that must both be met; what Overture would read as either … or stays in words."""
    if (one.mode and other.mode) or (one.using and other.using) or (one.recognized and other.recognized):
        return one._replace(others=one.others + other.mode + other.using + other.recognized)
    if one.during and other.during:
        return one._replace(others=(*one.others, other.during))
    return Condition(
        one.during or other.during,
        one.mode + other.mode,
        one.using + other.using,
        one.recognized + other.recognized,
        one.vehicle + tuple(each for each in other.vehicle if each not in one.vehicle),
        one.others + other.others,
    )


def _property(text: str) -> Vehicle | None:
    """Return a condition on the vehicle as Overture writes it; None if Overture cannot."""
    match = PROPERTY.fullmatch(text)
    if not match or match[1] not in DIMENSIONS or match[4].lower() not in UNITS:
        return None
    dimension, value = match[1], float(match[3])
    unit = UNITS[match[4].lower()] or DIMENSIONS[dimension]
    comparison = COMPARISONS[match[2]]
    if dimension == "axles":
        is_count = not unit and 1 <= value <= 100 and value % 1 == 0
        return {"dimension": "axle_count", "comparison": comparison, "value": value} if is_count else None
    if unit not in (WEIGHTS if dimension == "weight" else LENGTHS):
        return None
    return {"dimension": dimension, "comparison": comparison, "value": value, "unit": unit}


@lru_cache(4096)
def is_hours(text: str) -> bool:
    """Return whether a text states hours, days or seasons in OSM's grammar of opening hours.

    Examples
    --------
    >>> is_hours("Mo-Fr 07:00-17:00"), is_hours("winter"), is_hours('"when children are present"')
    (True, False, False)
    """
    is_comment = text.startswith('"') and text.endswith('"') and text.count('"') == 2
    return not is_comment and not HOURLESS.fullmatch(text) and bool(opening_hours.validate(text))


def _clauses(text: str) -> Iterator[str]:
    """Yield the clauses of a value; hours without brackets may hold a semicolon of their own."""
    whole = ""
    for part in split_outside(text, ";"):
        if "@" in part or not whole:
            if whole:
                yield whole
            whole = part
        elif part:
            whole = f"{whole}; {part}"
    yield whole
