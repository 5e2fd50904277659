"""Overture's speed limit rule: as an Arrow type, and what makes a rule valid.

The facts are those of Overture's transportation schema 2.0: `SpeedLimitRule` in the Python package
`overture-schema-theme-transportation`, with which the tests compare. Two things are stricter here: a value has the
type that JSON gives it (no `50.0`, `true` or `"50"` where an integer is meant), and `during` is not blank.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeGuard

import pyarrow as pa

from schemas.geometry import BETWEEN
from schemas.vocabulary import Heading, SpeedUnit

SPEED = pa.struct([pa.field("value", pa.int32()), pa.field("unit", pa.string())])
"""A posted speed: the integer on the sign and its unit (`SpeedUnit`)."""

VEHICLE = pa.struct(
    [
        pa.field("dimension", pa.string()),
        pa.field("comparison", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
    ]
)
"""One condition on the vehicle, such as axle_count less_than 3."""

WHEN = pa.struct(
    [
        pa.field("heading", pa.string()),
        pa.field("during", pa.string()),
        pa.field("mode", pa.list_(pa.string())),
        pa.field("using", pa.list_(pa.string())),
        pa.field("recognized", pa.list_(pa.string())),
        pa.field("vehicle", pa.list_(VEHICLE)),
    ]
)
"""When, for whom and in which direction a rule holds; null parts do not restrict it."""

SPEED_RULE = pa.struct(
    [
        pa.field("between", BETWEEN),
        pa.field("max_speed", SPEED),
        pa.field("min_speed", SPEED),
        pa.field("is_max_speed_variable", pa.bool_()),
        pa.field("when", WHEN),
    ]
)
"""One rule of Overture's `speed_limits`: rules are ordered general first, and the last that matches wins."""

LOWEST_SPEED, HIGHEST_SPEED = 1, 350
"""Bounds of a posted number, in either unit."""

MOST_AXLES = 100
"""Bound of a count of axles."""

SPEED_UNITS = tuple(str(unit) for unit in SpeedUnit)
HEADINGS = tuple(str(heading) for heading in Heading)
TRAVEL_MODES = (
    *("vehicle", "motor_vehicle", "car", "truck", "motorcycle", "foot"),
    *("bicycle", "bus", "hgv", "hov", "emergency"),
)
PURPOSES_OF_USE = ("as_customer", "at_destination", "to_deliver", "to_farm", "for_forestry")
RECOGNIZED_STATUSES = ("as_permitted", "as_private", "as_disabled", "as_employee", "as_student")
COMPARISONS = ("greater_than", "greater_than_equal", "equal", "less_than", "less_than_equal")
LENGTH_UNITS = ("in", "ft", "yd", "mi", "cm", "m", "km")
WEIGHT_UNITS = ("oz", "lb", "st", "lt", "g", "kg", "t")

UNITS_OF_DIMENSION: Mapping[str, tuple[str, ...]] = {
    "axle_count": (),
    "height": LENGTH_UNITS,
    "length": LENGTH_UNITS,
    "weight": WEIGHT_UNITS,
    "width": LENGTH_UNITS,
}
"""What a condition on the vehicle may measure, and in which units; a count of axles has none."""

Check = Callable[[str, object], Iterator[str]]
"""Takes the path of a value and the value; yields what is wrong with it."""


def problems(rules: object) -> list[str]:
    """Return what is wrong with the value of Overture's `speed_limits`, in words; nothing if it is valid.

    Keys whose value is None count as absent, as Arrow gives them.

    Examples
    --------
    >>> problems([{"max_speed": {"value": 50, "unit": "km/h"}, "between": None}])
    []
    >>> for problem in problems([{"max_speed": {"value": 0, "unit": "kph"}}, {}]):
    ...     print(problem)
    rule 0: max_speed.value is 0, expected an integer from 1 to 350
    rule 0: max_speed.unit is 'kph', expected km/h or mph
    rule 1: neither max_speed nor min_speed, expected one of them or both
    """
    if not isinstance(rules, list) or not rules:
        return [f"speed_limits is {rules!r}, expected a list of one rule or more"]
    found = [f"rule {i}: {problem}" for i, rule in enumerate(rules) for problem in rule_problems(rule)]
    return found + [f"rule {i}: it repeats an earlier rule" for i in repeats(rules)]


def rule_problems(rule: object) -> list[str]:
    """Return what is wrong with one rule, in words; nothing if it is valid.

    Examples
    --------
    >>> rule_problems({"min_speed": {"value": 60, "unit": "km/h"}, "when": {"heading": "north"}})
    ["when.heading is 'north', expected forward or backward"]
    """
    found = list(_mapping("", rule, _RULE))
    if isinstance(rule, dict) and rule.get("max_speed") is None and rule.get("min_speed") is None:
        found.append("neither max_speed nor min_speed, expected one of them or both")
    return found


def repeats(rules: list[object]) -> list[int]:
    """Return the places of rules that say the same as one before them.

    Examples
    --------
    >>> repeats([{"between": [0, 1]}, {"between": [0.0, 1.0], "when": None}, {}])
    [1]
    """
    told = [_without_nulls(rule) for rule in rules]
    return [i for i, rule in enumerate(told) if rule in told[:i]]


def is_between(value: object) -> bool:
    """Return whether a value is a linear reference: two numbers a, b with 0 ≤ a < b ≤ 1.

    Examples
    --------
    >>> is_between([0, 0.5]), is_between([0.5, 0.5]), is_between([]), is_between([float("nan"), 1])
    (True, False, False, False)
    """
    if not isinstance(value, list) or len(value) != 2 or not all(_is_number(each) for each in value):
        return False
    return bool(0 <= value[0] < value[1] <= 1)


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _in_words(choices: Iterable[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _mapping(path: str, value: object, checks: Mapping[str, Check]) -> Iterator[str]:
    """Yield what the checks say of the values of a mapping, and the keys that have no check."""
    if not isinstance(value, dict):
        yield f"{path or 'it'} is {value!r}, expected a mapping"
        return
    for key, part in value.items():
        if part is None:
            continue
        if key not in checks:
            yield f"{path or 'it'} has the key {key!r}, expected {_in_words(checks)}"
        else:
            yield from checks[key](f"{path}.{key}".lstrip("."), part)


def _missing(path: str, value: object, keys: Iterable[str]) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{path} has no {key!r}" for key in keys if value.get(key) is None)


def _between(path: str, value: object) -> Iterator[str]:
    if not is_between(value):
        yield f"{path} is {value!r}, expected two numbers a, b with 0 ≤ a < b ≤ 1"


def _flag(path: str, value: object) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{path} is {value!r}, expected true or false"


def _during(path: str, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield f"{path} is {value!r}, expected opening hours as OSM writes them"


def _word(words: Iterable[str]) -> Check:
    """Return a check that a value is one of the words."""
    allowed = tuple(words)

    def check(path: str, value: object) -> Iterator[str]:
        if value not in allowed:
            yield f"{path} is {value!r}, expected {_in_words(allowed)}"

    return check


def _list_of(item: Check) -> Check:
    """Return a check that a value is a list of one item or more, each good and none twice."""

    def check(path: str, value: object) -> Iterator[str]:
        if not isinstance(value, list) or not value:
            yield f"{path} is {value!r}, expected a list of one item or more"
            return
        for i, each in enumerate(value):
            yield from item(f"{path}[{i}]", each)
        yield from (f"{path}[{i}] repeats an earlier item" for i in repeats(value))

    return check


def _speed(path: str, value: object) -> Iterator[str]:
    yield from _mapping(path, value, _SPEED)
    yield from _missing(path, value, _SPEED)


def _speed_value(path: str, value: object) -> Iterator[str]:
    if not _is_integer(value) or not LOWEST_SPEED <= value <= HIGHEST_SPEED:
        yield f"{path} is {value!r}, expected an integer from {LOWEST_SPEED} to {HIGHEST_SPEED}"


def _when(path: str, value: object) -> Iterator[str]:
    yield from _mapping(path, value, _WHEN)
    if isinstance(value, dict) and all(part is None for part in value.values()):
        yield f"{path} is empty, expected {_in_words(_WHEN)}"


def _vehicle(path: str, value: object) -> Iterator[str]:
    yield from _mapping(path, value, _VEHICLE)
    yield from _missing(path, value, ("dimension", "comparison", "value"))
    if not isinstance(value, dict):
        return
    unit, dimension = value.get("unit"), value.get("dimension")
    if dimension == "axle_count":
        yield from _axles(f"{path}.value", value.get("value"))
    units = UNITS_OF_DIMENSION.get(str(dimension))
    if units and unit not in units:
        yield f"{path}.unit is {unit!r}, expected {_in_words(units)}"
    if units == () and unit is not None:
        yield f"{path}.unit is {unit!r}, expected none for {dimension}"


def _axles(path: str, value: object) -> Iterator[str]:
    if _is_number(value) and not (1 <= value <= MOST_AXLES and value % 1 == 0):
        yield f"{path} is {value!r}, expected a whole number from 1 to {MOST_AXLES}"


def _quantity(path: str, value: object) -> Iterator[str]:
    if not _is_number(value) or not value >= 0:
        yield f"{path} is {value!r}, expected a number from 0 up"


def _text(path: str, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path} is {value!r}, expected a string"


_SPEED: Mapping[str, Check] = {"value": _speed_value, "unit": _word(SPEED_UNITS)}
_VEHICLE: Mapping[str, Check] = {
    "dimension": _word(UNITS_OF_DIMENSION),
    "comparison": _word(COMPARISONS),
    "value": _quantity,
    "unit": _text,
}
_WHEN: Mapping[str, Check] = {
    "heading": _word(HEADINGS),
    "during": _during,
    "mode": _list_of(_word(TRAVEL_MODES)),
    "using": _list_of(_word(PURPOSES_OF_USE)),
    "recognized": _list_of(_word(RECOGNIZED_STATUSES)),
    "vehicle": _list_of(_vehicle),
}
_RULE: Mapping[str, Check] = {
    "between": _between,
    "max_speed": _speed,
    "min_speed": _speed,
    "is_max_speed_variable": _flag,
    "when": _when,
}
