"""Numbers with units, against the definitions of the units."""

import pytest

from tasks.law.quantity import read_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7.5", 7.5),
        (".4", 0.4),
        ("3.", 3.0),
        ("30 mph", 48.28032),  # international mile, 1609.344 m
        ("5280 ft", 1609.344),
        ("1 mi", 1609.344),
        ("4'6\"", 1.3716),  # 54 inches of 25.4 mm
        ("4 ft 6 in", 1.3716),
        ("10000 lb", 4.5359237),  # avoirdupois pound, 0.45359237 kg
        ("1 st", 0.90718474),  # short ton, 2000 lb
        ("1 lt", 1.0160469088),  # long ton, 2240 lb
        ("20 cwt", 1.0160469088),  # imperial hundredweight, 112 lb
        ("wide", None),
        ("", None),
        ("-3", None),
        ("3 furlongs", None),
        ("3;4", None),
    ],
)
def test_quantities(text: str, value: float | None) -> None:
    assert read_quantity(text) == (None if value is None else pytest.approx(value, rel=1e-12))
