"""LEGAL_LIMIT: what the law sets for each segment, inside and outside built-up areas."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import BETWEEN
from schemas.speed_rule import SPEED_RULE

ANSWER = pa.struct(
    [
        pa.field("limit", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("certainty", pa.string()),
        pa.field("road_type", pa.string()),
    ]
)
"""One answer of the law: a limit as text, or why it is none, how surely the road type was found, and its name."""

LEGAL_PART = pa.struct(
    [
        pa.field("code", pa.string()),
        pa.field("between", BETWEEN),
        pa.field("urban", ANSWER),
        pa.field("rural", ANSWER),
        pa.field("urban_rules", pa.list_(SPEED_RULE)),
        pa.field("rural_rules", pa.list_(SPEED_RULE)),
    ]
)
"""The law of one jurisdiction over its part of the segment; the rules are those for vehicles and conditions."""

IMPLIED = pa.struct(
    [
        pa.field("key", pa.string()),
        pa.field("code", pa.string()),
        pa.field("limit", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("heading", pa.string()),
        pa.field("note", pa.string()),
    ]
)
"""A law that the map names, and what it says; the note tells why it says nothing."""

LEGAL_LIMIT = Contract(
    name="legal_limit",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that the law was asked for."),
        field("legal", pa.list_(LEGAL_PART), "The law of each jurisdiction along the segment; empty: none known."),
        field("implied", pa.list_(IMPLIED), "Laws that the map names, resolved."),
    ),
)
