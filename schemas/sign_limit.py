"""SIGN_LIMIT: the mapped traffic signs on and beside each segment that tell of its limit."""

import pyarrow as pa

from schemas.contract import Contract, field

SIGN = pa.struct(
    [
        pa.field("kind", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("heading", pa.string()),
        pa.field("at", pa.float64()),
        pa.field("weight", pa.float64()),
        pa.field("note", pa.string()),
    ]
)
"""One sign: its kind (`limit`, `zone`, `city_limit` and their ends), the speed on it, whom it faces (null: not known),
where it stands as a fraction of length, how surely it holds on the segment (0–1, by what lies behind it), its words."""

SIGN_LIMIT = Contract(
    name="sign_limit",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that the signs stand at."),
        field("signs", pa.list_(SIGN), "Signs in drawing order; a limit holds from its place on, a zone beyond it."),
    ),
)
