"""A task that takes a stated time for a row, as plain Python arithmetic does."""

from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from schemas.contract import Contract, field

EFFORT = Contract(
    "effort",
    1,
    "segment_id",
    (field("segment_id", pa.string(), "Id of the segment."), field("value", pa.float64(), "Some number.")),
)


@dataclass(frozen=True)
class Rounds:
    """How often the loop of `effort` turns: about 20 turns take a microsecond here."""

    turns: int


class Effort(NamedTuple):
    value: float


def effort(*, segment_id: str, length_m: float, one_way: str, params: Rounds) -> Effort:
    """Turn `params.turns` times over the attributes of a segment."""
    value = length_m + len(one_way) + len(segment_id)
    for turn in range(params.turns):
        value = value * 0.999 + turn
    return Effort(value)
