"""DRIVEN_STEP, TRAVERSAL and SPEED_OBSERVATION: how vehicles passed each segment, and how fast."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.probe import TIME

DRIVEN_STEP = Contract(
    name="driven_step",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment driven on."),
        field("trace_id", pa.string(), "Trace, as in PROBE_POINT."),
        field("order", pa.int64(), "Ascends along the trace: number of the point led to × 4096 + place."),
        field("heading", pa.string(), "Direction of travel; `Heading` lists them."),
        field("from", pa.float64(), "Where the step begins, as a fraction of the segment's geodesic length."),
        field("to", pa.float64(), "Where it ends."),
        field("enter", TIME, "When it begins."),
        field("leave", TIME, "When it ends."),
        field("speed_kmh", pa.float32(), "Speed of the device at its end.", unit="km/h", nullable=True),
        field("is_trip_end", pa.bool_(), "Whether it leads to a point near an end of its trip."),
    ),
    is_key_unique=False,
)
"""The routes of MATCH, step by step, in the tiles of their segments."""

TRAVERSAL = Contract(
    name="traversal",
    version=1,
    key="segment_id",
    fields=(
        field("trace_id", pa.string(), "Trace, as in PROBE_POINT."),
        field("sequence", pa.int64(), "Ascends from segment to segment along the trace."),
        field("segment_id", pa.string(), "Segment passed."),
        field("heading", pa.string(), "Direction of travel; `Heading` lists them."),
        field("enter", TIME, "When the vehicle entered the segment, or its trace began on it."),
        field("leave", TIME, "When it left the segment, or its trace ended on it."),
        field("enter_fraction", pa.float64(), "Where along the segment it entered: 0 or 1 if at an end."),
        field("leave_fraction", pa.float64(), "Where along the segment it left."),
        field("device_kmh", pa.float32(), "Mean of the speeds that its device gave there.", unit="km/h", nullable=True),
        field("is_trip_end", pa.bool_(), "Whether a part of it lies near an end of its trip, which is not published."),
    ),
    is_key_unique=False,
)
"""One row for each time that a trace passed a segment."""

SPEED_OBSERVATION = Contract(
    name="speed_observation",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment driven on."),
        field("heading", pa.string(), "Direction of travel; `Heading` lists them."),
        field("trace_id", pa.string(), "Salted hash of the trace."),
        field("time", TIME, "Middle of the time on the segment."),
        field("week_bin", pa.int16(), "Five minutes of the local week, 0 to 2015, from Monday 0:00 on."),
        field("kind", pa.string(), "What the speed was taken from; `SpeedKind` lists them."),
        field("speed_kmh", pa.float32(), "Travel speed, or mean of the device's own speeds.", unit="km/h"),
        field("metres", pa.float32(), "Road that it was observed on.", unit="m"),
    ),
    is_key_unique=False,
)
"""Speeds observed on each segment and heading; those of routes and those of devices are rows apart."""
