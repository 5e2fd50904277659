"""PROBE_POINT and TRACE_PIECE: where vehicles were, and the same cut into pieces that are matched one by one."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import BBOX_FIELD

TIME = pa.timestamp("us", tz="UTC")
"""Type of every moment."""

PROBE_POINT = Contract(
    name="probe_point",
    version=1,
    key="trace_id",
    fields=(
        field("trace_id", pa.string(), "Name of the trace, or a salted hash of it."),
        field("number", pa.int32(), "Place of the point in its trace after cleaning, from 0."),
        field("time", TIME, "When the position was taken."),
        field("lon", pa.float64(), "Longitude in WGS 84.", unit="°"),
        field("lat", pa.float64(), "Latitude in WGS 84.", unit="°"),
        field("speed_kmh", pa.float32(), "Speed that the device gave.", unit="km/h", nullable=True),
        field("heading_deg", pa.float32(), "Heading of the device, clockwise from north.", unit="°", nullable=True),
        field("accuracy_m", pa.float32(), "Horizontal accuracy that the device gave.", unit="m", nullable=True),
    ),
    is_key_unique=False,
)
"""Points of traces that were kept, each in the tile that owns its piece of trace."""

TRACE_PIECE = Contract(
    name="trace_piece",
    version=1,
    key="piece_id",
    fields=(
        field("piece_id", pa.string(), "`trace_id#n`: the nth piece of a trace, from 0."),
        field("trace_id", pa.string(), "Trace, as in PROBE_POINT."),
        BBOX_FIELD,
        field("first", pa.int32(), "Number in the trace of the first point in the lists."),
        field("own_from", pa.int32(), "Place in the lists of the first point of the piece itself."),
        field("own_to", pa.int32(), "Place in the lists behind the last point of the piece itself."),
        field("times", pa.list_(pa.int64()), "When each position was taken, since 1970-01-01 UTC.", unit="µs"),
        field("lons", pa.list_(pa.float64()), "Longitudes in WGS 84.", unit="°"),
        field("lats", pa.list_(pa.float64()), "Latitudes in WGS 84.", unit="°"),
        field("speeds", pa.list_(pa.float32()), "Speeds of the device, NaN where unknown.", unit="km/h"),
        field("headings", pa.list_(pa.float32()), "Headings of the device, NaN where unknown.", unit="°"),
        field("accuracies", pa.list_(pa.float32()), "Accuracies of the device, NaN where unknown.", unit="m"),
        field("trip_ends", pa.list_(pa.bool_()), "Whether each lies near an end of its trip, which is not published."),
    ),
)
"""A stretch of a trace that is matched as one: its own points, and some before and behind that belong to others.

A trace is cut by itself, at long gaps in time and where a piece grows too wide, never by tiles: so every grid gives
the same matches.
"""
