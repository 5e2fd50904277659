"""ROAD_ATTRIBUTE: what each segment is like, as the numbers that limits are learned by."""

import pyarrow as pa

from schemas.contract import Contract, field

ROAD_ATTRIBUTE = Contract(
    name="road_attribute",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that is described."),
        field("country", pa.string(), "ISO 3166-1 code of its country.", nullable=True),
        field("limit", pa.string(), "Limit that the map states for it, as text; the higher heading.", nullable=True),
        field("attributes", pa.list_(pa.float32()), "Numbers in the order of `ATTRIBUTES`; none tells a limit."),
    ),
)
