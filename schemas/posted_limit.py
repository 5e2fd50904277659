"""POSTED_LIMIT: what the map itself states of a segment's limit, read but not yet judged."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.speed_limit import EVIDENCE
from schemas.speed_rule import SPEED, SPEED_RULE

CODE = pa.struct([pa.field("key", pa.string()), pa.field("code", pa.string()), pa.field("heading", pa.string())])
"""A reference to a law, such as `DE:urban`: the tag it stands in, itself, and the heading it holds for (null: both)."""

REFUSED_TAG = pa.struct(
    [pa.field("key", pa.string()), pa.field("value", pa.string()), pa.field("message", pa.string())]
)
"""A tag that says something of the limit which cannot be read, and why."""

POSTED_LIMIT = Contract(
    name="posted_limit",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that the statements are made of."),
        field("rules", pa.list_(SPEED_RULE), "All that is stated as numbers, as Overture rules, general first."),
        field("forward", SPEED, "Highest limit for any car at any hour in drawing direction.", nullable=True),
        field("backward", SPEED, "The same against drawing direction.", nullable=True),
        field("reason", pa.string(), "What is stated instead of a number; `SpeedReason`.", nullable=True),
        field("codes", pa.list_(CODE), "Laws that the map names, in the order of the tags."),
        field("refused", pa.list_(REFUSED_TAG), "Tags that cannot be read."),
        field("evidence", pa.list_(EVIDENCE), "All that is stated, strongest first."),
    ),
)
