"""JURISDICTION: whose law holds on each segment."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import BETWEEN

PART = pa.struct([pa.field("code", pa.string()), pa.field("between", BETWEEN)])
"""An ISO 3166 code and the part of the segment that it covers; null for the whole."""

JURISDICTION = Contract(
    name="jurisdiction",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that the law holds on."),
        field("jurisdictions", pa.list_(PART), "ISO 3166-1 or -2 codes in drawing order; empty at sea."),
        field("speed_unit", pa.string(), "Unit on the signs there; `SpeedUnit`.", nullable=True),
        field("driving_side", pa.string(), "`right` or `left`.", nullable=True),
    ),
)
