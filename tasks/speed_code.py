"""References to a law that tags name instead of a speed, or beside it: `DE:urban`, `BE-VLG:rural`, `FR:zone30`.

Sources: OpenStreetMap wiki, "Key:source:maxspeed", "Key:maxspeed:type", "Key:zone:maxspeed", "Key:zone:traffic" and
"Speed limits" (forms of the codes); ISO 3166 (their first part).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from tasks.maxspeed import HIGHEST, LOWEST, UnreadableSpeed, shortened

MPH_JURISDICTIONS = frozenset(
    (
        *("AG", "AI", "AS", "BS", "BZ", "DM", "FK", "FM", "GB", "GD", "GG", "GS", "GU", "IM", "JE", "KN", "KY", "LC"),
        *("MH", "MP", "MS", "PR", "PW", "SH", "TC", "UM", "US", "VC", "VG", "VI"),
    )
)
"""Where limits are posted in miles an hour; elsewhere in km/h. Source: `roadSpeedUnit` of country-coder 5.6.1."""

HIGHEST_BARE = 100
"""A number alone behind the country is a zone up to here (`DE:30`); higher ones number signs (`DE:274`)."""

ALIASES = {"UK": "GB"}
"""First parts that are no ISO code but are written and documented."""

JURISDICTION = r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?"
CODE = re.compile(rf"({JURISDICTION}):([^\W\d_][\w:-]*(?: mph)?|[0-9]{{1,3}}(?: ?mph)?)")
"""A jurisdiction and what stands behind it: words, or a number alone."""
TWO_PARTS = re.compile(r"([A-Z]{2}):([A-Z]{2,3}):(.+)")
"""A subdivision set off by a colon (`US:NY:urban`)."""
ZONE_NUMBER = re.compile(r"(?:([^\W\d][^\W\d:]*?(?::[^\W\d]+?)*?)[: _]?)??([0-9]{1,3})( ?mph)?", re.IGNORECASE)
"""A zone and the number on its sign: `zone30`, `zone:30`, `30`, `zone20 mph`."""

KNOWN_ZONES = frozenset(
    (
        *("urban", "rural", "motorway", "trunk", "expressway", "living_street", "zone", "zone10", "zone20", "zone30"),
        *("zone40", "nsl_single", "nsl_dual", "nsl_restricted", "motorroad", "bicycle_road", "pedestrian_zone"),
        *("school",),
    )
)
"""Words that make a code of one that is written small (`de:urban`): `at:survey` is none."""

BUILT_UP_WORDS = {
    **dict.fromkeys(("urban", "living_street", "nsl_restricted", "residential", "town", "city", "built_up"), True),
    **dict.fromkeys(("rural", "nsl_single", "nsl_dual", "nonurban", "non_urban", "extra_urban", "interurban"), False),
}
"""Words that say whether the law of built-up areas holds; GB's national limit (nsl) holds where it does not."""


class Code(NamedTuple):
    """A reference to a law."""

    jurisdiction: str
    """ISO 3166 code of a country or a part of one: `DE`, `BE-VLG`."""
    zone: str
    """The word of the road or zone in small letters: `urban`, `zone`; empty where there is a number alone."""
    value: int | None = None
    """The number that the code itself carries, in the unit of the jurisdiction or `unit`."""
    unit: str | None = None
    """`km/h` or `mph` where there is a number."""


def read_code(text: str) -> Code:
    """Return the jurisdiction, the zone and the number (km/h or mph) of a code.

    Raises
    ------
    UnreadableSpeed
        If it has not the form of a code, or a number outside 1–350.

    Examples
    --------
    >>> read_code("DE:urban")
    Code(jurisdiction='DE', zone='urban', value=None, unit=None)
    >>> read_code("GB:zone20")
    Code(jurisdiction='GB', zone='zone', value=20, unit='mph')
    >>> read_code("BE-VLG:zone:30")[:3]
    ('BE-VLG', 'zone', 30)
    """
    found = find_code(text)
    if found is None:
        raise UnreadableSpeed(f"{shortened(text)!r} is no reference to a law: expected such as DE:urban or FR:zone30")
    if found.value is not None and not LOWEST <= found.value <= HIGHEST:
        raise UnreadableSpeed(f"{shortened(text)!r} has a number outside {LOWEST}–{HIGHEST}")
    return found


@lru_cache(4096)
def find_code(text: str) -> Code | None:
    """Return the code that a text is, or None where it has not the form of one.

    Examples
    --------
    >>> find_code("local knowledge") is None
    True
    >>> find_code("de:urban").jurisdiction
    'DE'
    """
    stripped = text.strip()
    if stripped[:2].islower() and stripped[2:3] == ":" and stripped[3:].lower() in KNOWN_ZONES:
        stripped = stripped[:2].upper() + stripped[2:]
    if parts := TWO_PARTS.fullmatch(stripped):
        stripped = f"{parts[1]}-{parts[2]}:{parts[3]}"
    match = CODE.fullmatch(stripped)
    if not match:
        return None
    country, *part = match[1].split("-")
    jurisdiction = "-".join([ALIASES.get(country, country), *part])
    number = ZONE_NUMBER.fullmatch(match[2])
    if not number:
        return Code(jurisdiction, _word(match[2]))
    if not number[1] and int(number[2]) > HIGHEST_BARE:
        return None
    unit = "mph" if number[3] else unit_of(jurisdiction)
    return Code(jurisdiction, _word(number[1] or ""), int(number[2]), unit)


def unit_of(jurisdiction: str) -> str:
    """Return the unit in which limits are posted in a jurisdiction: `mph` or `km/h`.

    Examples
    --------
    >>> unit_of("US-OR"), unit_of("FI")
    ('mph', 'km/h')
    """
    return "mph" if jurisdiction[:2] in MPH_JURISDICTIONS else "km/h"


def is_built_up(code: Code) -> bool | None:
    """Return whether a code says that the law of built-up areas holds, or that it does not; None if it says neither.

    Examples
    --------
    >>> [is_built_up(read_code(text)) for text in ("DE:urban", "GB:nsl_single", "DE:motorway")]
    [True, False, None]
    """
    if code.zone in BUILT_UP_WORDS:
        return BUILT_UP_WORDS[code.zone]
    return next((BUILT_UP_WORDS[word] for word in re.split("[:_]", code.zone) if word in BUILT_UP_WORDS), None)


def _word(zone: str) -> str:
    return zone.strip(" :_-").lower().replace(" ", "_")
