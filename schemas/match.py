"""MATCH: on which segment each point of a trace was, and the way from the point before."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.probe import TIME

STEP = pa.struct(
    [
        pa.field("segment_id", pa.string()),
        pa.field("heading", pa.string()),
        pa.field("from", pa.float64()),
        pa.field("to", pa.float64()),
        pa.field("enter", TIME),
        pa.field("leave", TIME),
    ]
)
"""A stretch of one segment on the way, in the order driven: heading of travel, where along the segment it begins and
ends (fractions of geodesic length, from > to when driven backward), and when, at an even speed between two points."""

MATCH = Contract(
    name="match",
    version=1,
    key="trace_id",
    fields=(
        field("trace_id", pa.string(), "Trace, as in PROBE_POINT."),
        field("number", pa.int32(), "Place of the point in its trace, as in PROBE_POINT."),
        field("time", TIME, "When the position was taken."),
        field("segment_id", pa.string(), "Segment that the vehicle was on.", nullable=True),
        field("fraction", pa.float64(), "Where along the segment, of its geodesic length.", nullable=True),
        field("heading", pa.string(), "Direction of travel along the segment; `Heading` lists them.", nullable=True),
        field("distance_m", pa.float32(), "From the point to that place.", unit="m", nullable=True),
        field("confidence", pa.float32(), "Probability of the segment, 0 to 1.", nullable=True),
        field("reason", pa.string(), "Why there is no segment; `Unmatched` lists the reasons.", nullable=True),
        field("speed_kmh", pa.float32(), "Speed that the device gave.", unit="km/h", nullable=True),
        field("is_trip_end", pa.bool_(), "Whether it lies near an end of its trip, which is not published."),
        field("route", pa.list_(STEP), "The way from the matched point before; empty where a route begins."),
    ),
    is_key_unique=False,
)
"""One row for each row of PROBE_POINT."""
