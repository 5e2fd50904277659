"""SPEED_PROFILE: how fast each segment is driven, freely and through the week."""

import pyarrow as pa

from schemas.contract import Contract, field

WEEK_BINS = 2016
"""Five-minute bins of a week, from Monday 0:00 local time on."""

SPEED_PROFILE = Contract(
    name="speed_profile",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment driven on."),
        field("heading", pa.string(), "Direction of travel; `Heading` lists them."),
        field("traces", pa.int32(), "Different traces that it rests on."),
        field("observations", pa.int32(), "Speeds that it rests on."),
        field("free_flow_kmh", pa.float32(), "Speed in free flow.", unit="km/h"),
        field("p15_kmh", pa.float32(), "Speed that 15 % of all observations stay below.", unit="km/h"),
        field("p50_kmh", pa.float32(), "Median speed.", unit="km/h"),
        field("p85_kmh", pa.float32(), "Speed that 85 % of all observations stay below.", unit="km/h"),
        field("spread_kmh", pa.float32(), "Standard deviation of speeds in free flow.", unit="km/h"),
        field("week_kmh", pa.list_(pa.float32()), "Mean speed in each of 2,016 bins of the week.", unit="km/h"),
        field("week_count", pa.list_(pa.int32()), "Observations in each of these bins themselves."),
        field("week_minutes", pa.list_(pa.int16()), "Minutes of the week that each mean pools, 0: all.", unit="min"),
    ),
    is_key_unique=False,
)
"""One row for each segment and heading that enough traces have passed."""
