"""The grammar of one speed in OSM's tags: a number with a unit, or one of four words.

Source: OpenStreetMap wiki, "Key:maxspeed" (values) and "Units" (km/h where none is named).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from schemas.vocabulary import SpeedReason

KMH_PER_MPH = 1.609344
KMH_PER_KNOT = 1.852

KMH_PER_UNIT = {"km/h": 1.0, "mph": KMH_PER_MPH, "knots": KMH_PER_KNOT}
"""How many km/h one of each unit is; knots are written on waterways and now and then on causeways."""

SPELLINGS = {"": "km/h", "km/h": "km/h", "kmh": "km/h", "kph": "km/h", "mph": "mph", "knots": "knots"}

WORDS = {
    "none": SpeedReason.UNLIMITED,
    "walk": SpeedReason.WALKING_PACE,
    "signals": SpeedReason.VARIABLE,
    "variable": SpeedReason.VARIABLE,
}
"""Values that state something else than a number."""

NUMBER = re.compile(r"([0-9]{1,4}(?:\.[0-9]+)?)[ \t]*(km/h|kmh|kph|mph|knots)?", re.IGNORECASE)
LAW = re.compile(r"[A-Z]{2}(?:[-:][A-Za-z0-9_]+)+")
"""A reference to a law, such as `DE:urban`: it names no speed."""

LOWEST, HIGHEST = 1, 350
"""Overture's range of a posted speed, in either unit."""


class UnreadableSpeed(ValueError):
    """A value that is neither a speed nor a word that stands for one; the message quotes it."""


class Posted(NamedTuple):
    """What one tag states: a speed, or the reason why it is none."""

    value: float | None
    unit: str | None
    """`km/h`, `mph` or `knots`."""
    reason: SpeedReason | None = None

    @property
    def kmh(self) -> float | None:
        """The speed in km/h."""
        return None if self.value is None or self.unit is None else self.value * KMH_PER_UNIT[self.unit]


@lru_cache(4096)
def read_maxspeed(text: str) -> Posted:
    """Return what a `maxspeed` value states.

    Raises
    ------
    UnreadableSpeed
        If it is none of the forms of the grammar, or a speed outside 1–350 (in km/h where it is in knots).

    Examples
    --------
    >>> read_maxspeed("30 mph")
    Posted(value=30.0, unit='mph', reason=None)
    >>> read_maxspeed("10 knots").kmh
    18.52
    >>> read_maxspeed("none").reason.value
    'unlimited'
    """
    stripped = text.strip()
    if word := WORDS.get(stripped.lower()):
        return Posted(None, None, word)
    if LAW.fullmatch(stripped):
        return Posted(None, None, SpeedReason.NOT_POSTED)
    number = NUMBER.fullmatch(stripped)
    if not number:
        raise UnreadableSpeed(f"{shortened(text)!r} is no speed: expected such as 50, 30 mph, 10 knots, none or walk")
    value, unit = float(number[1]), SPELLINGS[(number[2] or "").lower()]
    posted = value * KMH_PER_KNOT if unit == "knots" else value
    if not LOWEST <= posted <= HIGHEST:
        raise UnreadableSpeed(f"{shortened(text)!r} is outside {LOWEST}–{HIGHEST}")
    return Posted(value, unit)


def shortened(text: str, longest: int = 60) -> str:
    """Return `text`, cut where it is longer than `longest` characters.

    Examples
    --------
    >>> shortened("abcdef", longest=3)
    'abc…'
    """
    return text if len(text) <= longest else text[:longest] + "…"
