"""What holds at a point, and which codes there are."""

from difflib import get_close_matches

import numpy as np

from tasks.borders.border_map import NOWHERE, Place, border_map


class UnknownJurisdiction(ValueError):
    """A code that is no packaged ISO 3166 code; the message names those that look like it."""


def place_of(lon: float, lat: float) -> Place | None:
    """Return code, speed unit and driving side at a point in degrees; None at sea.

    On a border the first code in the alphabet counts.

    Examples
    --------
    >>> place_of(9.5209, 47.1410)
    Place(code='LI', speed_unit='km/h', driving_side='right')
    >>> place_of(0.0, 89.0) is None
    True
    """
    borders = border_map()
    code = borders.codes_at(np.array([lon]), np.array([lat]))[0]
    return None if code == NOWHERE else borders.places[code]


def known_codes() -> frozenset[str]:
    """Return all codes of places, with those of states that are packaged by their parts alone.

    Examples
    --------
    >>> known_codes() >= {"FI", "GB", "GB-SCT", "US", "US-OR"}
    True
    """
    return frozenset(border_map().rows)


def place_named(code: str) -> Place:
    """Return what holds where a code does.

    Raises
    ------
    UnknownJurisdiction
        If no place has the code.

    Examples
    --------
    >>> place_named("US-OR")
    Place(code='US-OR', speed_unit='mph', driving_side='right')
    >>> place_named("GB-SCO")
    Traceback (most recent call last):
        ...
    tasks.borders.place.UnknownJurisdiction: unknown jurisdiction 'GB-SCO': did you mean GB-SCT, GB-WLS?
    """
    borders = border_map()
    if code in borders.rows:
        return borders.places[borders.rows[code]]
    state = code.upper().partition("-")[0]
    likely = [known for known in borders.rows if known.startswith(f"{state}-")]
    near = get_close_matches(code.upper(), likely or borders.rows, n=3)
    near = near or [known for known in borders.rows if known == state]
    words = f"did you mean {', '.join(near)}?" if near else "expected an ISO 3166 code such as FI or US-OR"
    raise UnknownJurisdiction(f"unknown jurisdiction {code!r}: {words}")


def speed_unit_of(code: str) -> str:
    """Return the unit on the speed signs of a jurisdiction: `km/h` or `mph`.

    Examples
    --------
    >>> speed_unit_of("GB-SCT"), speed_unit_of("FI")
    ('mph', 'km/h')
    """
    return place_named(code).speed_unit


def driving_side_of(code: str) -> str:
    """Return the side of the road on which a jurisdiction drives: `right` or `left`.

    Examples
    --------
    >>> driving_side_of("JP"), driving_side_of("US")
    ('left', 'right')
    """
    return place_named(code).driving_side
