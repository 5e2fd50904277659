"""Numbers with a unit, as OSM tags write them: a width of `7.5`, `24'6"` or `10000 lb`."""

import re

METRES = {"m": 1.0, "mm": 0.001, "cm": 0.01, "km": 1000.0, "ft": 0.3048, "'": 0.3048, "in": 0.0254, '"': 0.0254}
YARDS = {"yd": 0.9144, "yds": 0.9144, "mi": 1609.344}
TONNES = {"t": 1.0, "kg": 0.001, "lb": 0.00045359237, "lbs": 0.00045359237, "st": 0.90718474, "lt": 1.0160469088}
HUNDREDWEIGHT = {"cwt": 0.05080234544}
KMH = {"km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344}
FACTORS = METRES | YARDS | TONNES | HUNDREDWEIGHT | KMH
"""What one of each unit is in metres, tonnes or km/h. `st` is the short ton, `lt` and `cwt` are imperial."""

NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z/'\"]*)")
FEET_AND_INCHES = re.compile(r"([0-9]+)\s*(?:'|ft)\s*([0-9]+(?:\.[0-9]+)?)\s*(?:\"|in)")


def read_quantity(text: str) -> float | None:
    """Return a number in metres, tonnes or km/h, or as it stands where no unit is named; None if it is no quantity.

    Examples
    --------
    >>> read_quantity("7.5"), read_quantity("2 st"), read_quantity("wide")
    (7.5, 1.81436948, None)
    >>> round(read_quantity("4 ft 6 in"), 4)
    1.3716
    """
    number = NUMBER.fullmatch(text)
    if number and (not number[2] or number[2] in FACTORS):
        return float(number[1]) * FACTORS.get(number[2], 1.0)
    pair = FEET_AND_INCHES.fullmatch(text)
    return float(pair[1]) * FACTORS["ft"] + float(pair[2]) * FACTORS["in"] if pair else None
