"""Where probes contradict what the map states of a limit: for people who mend maps."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import Basis
from tasks.ladder import RELIABILITY
from tasks.limit_evidence import CONFLICT, MOST_ODDS
from tasks.limit_text import limit_text

NOTE = re.compile(rf"(\d+) traces, free flow (\d+) km/h.*; {CONFLICT} (\S+) to 1$")
"""How the evidence of probes tells a conflict: traces, speed in km/h, odds."""
NEEDED = ("segment_id", "basis", "max_speed_forward_kmh", "max_speed_backward_kmh", "evidence")
"""Columns of SPEED_LIMIT that are read."""


class Conflict(NamedTuple):
    """A limit that is stated, and that the speeds of probes and the roads around speak against."""

    segment_id: str
    heading: str | None
    """None: both."""
    basis: str
    """What the limit rests on."""
    stated_kmh: float | None
    """None: no limit."""
    likeliest: str
    """The limit that probes speak for, as text."""
    traces: int
    free_flow_kmh: float
    odds: float
    """That what is stated is wrong, to 1."""


def conflicts(limits: pa.Table) -> list[Conflict]:
    """Return all conflicts in rows of SPEED_LIMIT, the surest first, then by segment.

    Examples
    --------
    >>> note = "23 traces, free flow 71 km/h; likelihood of 50 km/h 0.0001 of that; what is stated is wrong by 84 to 1"
    >>> row = {"basis": "probe", "value": 70.0, "unit": "km/h", "heading": None, "weight": 0.9, "note": note}
    >>> told = {"segment_id": "w1", "basis": "posted", "evidence": [row]}
    >>> table = pa.Table.from_pylist([told | {f"max_speed_{way}_kmh": 50.0 for way in ("forward", "backward")}])
    >>> [(each.stated_kmh, each.likeliest, each.traces, each.odds) for each in conflicts(table)]
    [(50.0, '70 km/h', 23, 84.0)]
    """
    stated = limits.select(NEEDED).filter(pc.is_in(limits["basis"], pa.array([str(each) for each in RELIABILITY])))
    found = (each for row in stated.to_pylist() for each in _in(row))
    return sorted(found, key=lambda each: (-each.odds, each.segment_id, each.heading or ""))


def _in(row: dict[str, Any]) -> Iterator[Conflict]:
    for each in row["evidence"]:
        told = NOTE.match(each["note"]) if each["basis"] == Basis.PROBE else None
        if told:
            speed = {"value": each["value"], "unit": each["unit"]} if each["unit"] else None
            heading = each["heading"]
            number = row[f"max_speed_{heading or 'forward'}_kmh"]
            yield Conflict(
                row["segment_id"],
                heading,
                row["basis"],
                number,
                limit_text(speed, None if speed else "unlimited") or "",
                int(told[1]),
                float(told[2]),
                min(float(told[3]), MOST_ODDS),
            )
