"""LIMIT_ODDS: how likely each limit is on each segment, before its own tags and signs are heard."""

import pyarrow as pa

from schemas.contract import Contract, field

ODDS = pa.struct(
    [
        pa.field("limit", pa.string()),
        pa.field("probability", pa.float32()),
        pa.field("learned", pa.float32()),
        pa.field("along", pa.float32()),
    ]
)
"""A limit, its probability, and two of its grounds: what such roads have here, and the share of it along the road."""

LIMIT_ODDS = Contract(
    name="limit_odds",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that the limits are likely on."),
        field("odds", pa.list_(ODDS), "Limits of 1 in 1000 and more, likeliest first; empty where nothing is known."),
    ),
)
