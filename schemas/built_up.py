"""BUILT_UP: how likely each segment runs through a built-up area."""

import pyarrow as pa

from schemas.contract import Contract, field

BUILT_UP = Contract(
    name="built_up",
    version=1,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Segment that was looked at."),
        field("built_up", pa.float64(), "Probability that the law of built-up areas holds (0–1)."),
        field("built_up_note", pa.string(), "What speaks for and against it, strongest first, in words."),
        field("surroundings", pa.list_(pa.float32()), "All evidence as numbers from 0 to 1, in the order of `PIECES`."),
    ),
)
