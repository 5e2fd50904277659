"""Overture's speed limit rule as an Arrow type."""

import pyarrow as pa

from schemas.geometry import BETWEEN

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
