"""PROBE_SPEED and PROBE_LIMIT: how fast each segment is driven freely, and what that says of its limit."""

import pyarrow as pa

from schemas.contract import Contract, field

DRIVEN = pa.struct(
    [
        pa.field("heading", pa.string()),
        pa.field("traces", pa.int32()),
        pa.field("free_flow_kmh", pa.float32()),
        pa.field("spread_kmh", pa.float32()),
        pa.field("p85_kmh", pa.float32()),
    ]
)
"""Traces of one heading (null: of both), their speed in free flow, its standard deviation, and that of the fast."""

PROBE_SPEED = Contract(
    name="probe_speed",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment driven on."),
        field("country", pa.string(), "ISO 3166-1 code of its country.", nullable=True),
        field("record", pa.string(), "What it is a part of: an OSM way; parts of one have one limit.", nullable=True),
        field("kind", pa.string(), "Road class, and subclass behind a slash where it has one."),
        field("limit", pa.string(), "Limit that the map states for both headings, as text.", nullable=True),
        field(
            "context", pa.list_(pa.float32()), "Numbers from 0 to 1 in the order of `ROAD_CONTEXT`; none tells a limit."
        ),
        field("driven", pa.list_(DRIVEN), "Speeds of each heading, and of both where both are driven; empty: none."),
    ),
)
"""One row for each segment, driven or not."""

LIKELIHOOD = pa.struct([pa.field("limit", pa.string()), pa.field("likelihood", pa.float32())])
"""A limit, and how likely the observed speed is under it, as a share of what it is under the likeliest."""

PROBE_LIMIT = Contract(
    name="probe_limit",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment driven on."),
        field(
            "probes",
            pa.list_(
                pa.struct(
                    [
                        pa.field("heading", pa.string()),
                        pa.field("traces", pa.int32()),
                        pa.field("free_flow_kmh", pa.float32()),
                        pa.field("likelihood", pa.list_(LIKELIHOOD)),
                    ]
                )
            ),
            "For each heading, and for both (null) where both are driven: traces, speed, and what it says of limits.",
        ),
    ),
)
"""What probes say of the limit of each segment; an empty list where too few have passed."""
