"""Which segments the map itself says to be built up or not: what the weights are learned from."""

from collections.abc import Sequence
from typing import NamedTuple

from tasks.speed_code import Code, find_code, is_built_up

CLEAR_LIMITS = {
    "AD": (50, 70, "km/h"),
    "AT": (50, 80, "km/h"),
    "CH": (50, 80, "km/h"),
    "DE": (50, 70, "km/h"),
    "FI": (50, 80, "km/h"),
    "LI": (50, 80, "km/h"),
    "US": (35, 45, "mph"),
}
"""The highest number that is posted inside built-up areas as a rule, and the lowest outside; between is unclear."""
SLOWEST_ZONE = 30
CODED, POSTED = 1.0, 0.5
"""What a statement counts: one that names the law, and a number that only makes it likely."""
UNTAUGHT = frozenset({"motorway", "track", "service", "unknown"})
"""Classes whose posted numbers say nothing of settlements."""


class Statement(NamedTuple):
    """What the map says of one segment."""

    is_built_up: bool
    weight: float


def statement(
    *, class_: str, codes: Sequence[str], posted: tuple[int, str] | None, country: str | None
) -> Statement | None:
    """Return whether the map says that a segment is built up, and how surely; None if it does not.

    Examples
    --------
    >>> statement(class_="primary", codes=["DE:rural"], posted=None, country="DE")
    Statement(is_built_up=False, weight=1.0)
    >>> statement(class_="primary", codes=[], posted=(25, "mph"), country="US")
    Statement(is_built_up=True, weight=0.5)
    """
    for code in filter(None, map(find_code, codes)):
        is_inside = True if _is_slow_zone(code) else is_built_up(code)
        if is_inside is not None:
            return Statement(is_inside, CODED)
    if posted is None or class_ in UNTAUGHT or country not in CLEAR_LIMITS:
        return None
    inside, outside, unit = CLEAR_LIMITS[country]
    number, told = posted
    if told != unit or inside < number < outside:
        return None
    return Statement(number <= inside, POSTED)


def _is_slow_zone(code: Code) -> bool:
    """Return whether a code names a zone of 20 or 30, which towns have and open country has not."""
    return code.zone == "zone" and code.value is not None and code.value <= SLOWEST_ZONE
