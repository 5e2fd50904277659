"""SPEED_LIMIT: what may be driven on each segment, what that rests on and how sure it is."""

import pyarrow as pa

from schemas.contract import Contract, field
from schemas.geometry import BBOX_FIELD, GEOMETRY_FIELD
from schemas.speed_rule import SPEED_RULE

EVIDENCE = pa.struct(
    [
        pa.field("basis", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("heading", pa.string()),
        pa.field("weight", pa.float64()),
        pa.field("note", pa.string()),
    ]
)
"""One witness: its basis, the speed it states with its unit, for which heading, its weight (0–1) and its words."""

SPEED_LIMIT = Contract(
    name="speed_limit",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that the limit holds for."),
        GEOMETRY_FIELD,
        BBOX_FIELD,
        field("jurisdiction", pa.string(), "ISO 3166 code of the law that applies.", nullable=True),
        field("speed_limits", pa.list_(SPEED_RULE), "Overture rules, general first; the last that matches wins."),
        field(
            "max_speed_forward_kmh",
            pa.float64(),
            "Highest speed of a car in drawing direction at any hour; over the longest part where parts differ.",
            unit="km/h",
            nullable=True,
        ),
        field(
            "max_speed_backward_kmh",
            pa.float64(),
            "The same against drawing direction; given on one-way segments too, where nobody drives it.",
            unit="km/h",
            nullable=True,
        ),
        field("basis", pa.string(), "Strongest ground of the value; `Basis` lists them.", nullable=True),
        field("confidence", pa.float64(), "Probability that it holds; the lower of both headings.", nullable=True),
        field("reason", pa.string(), "Why there is no number; `SpeedReason` lists them.", nullable=True),
        field("evidence", pa.list_(EVIDENCE), "All witnesses, strongest first."),
    ),
)
