"""The evidence of one segment's limit, in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.lookup import row_of
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.rule_words import rule_text

Row = dict[str, Any]


def explain(into: str | Path, segment_id: str) -> list[str]:
    """Return lines that say what the limit of a segment is and what it rests on."""
    road = row_of(into, ROAD_SEGMENT, segment_id)
    limit = row_of(into, SPEED_LIMIT, segment_id)
    return [*_road_lines(road), *_limit_lines(limit), *_evidence_lines(limit)]


def _road_lines(road: Row) -> Iterator[str]:
    title = " ".join(part for part in (road["name"], f"({road['ref']})" if road["ref"] else None) if part)
    kind = " ".join(part for part in (road["class"], road["subclass"]) if part)
    yield f"{road['segment_id']}  {title or 'without a name'}"
    yield f"  {kind}, {road['length_m']:.0f} m, one-way: {road['one_way']}"
    for source in road["sources"]:
        yield f"  from {source['dataset']} {source['record_id']}{_part(source['between'])}"


def _limit_lines(limit: Row) -> Iterator[str]:
    for heading in ("forward", "backward"):
        kmh = limit[f"max_speed_{heading}_kmh"]
        yield f"  {heading + ':':10}{f'{kmh:g} km/h' if kmh is not None else 'no number'}"
    if limit["reason"]:
        yield f"  reason:   {limit['reason']}"
    if limit["basis"]:
        yield f"  basis:    {limit['basis']}, confidence {limit['confidence']:.2f}"
    for rule in limit["speed_limits"]:
        yield f"  rule:     {rule_text(rule)}"


def _evidence_lines(limit: Row) -> Iterator[str]:
    if not limit["evidence"]:
        yield "  evidence: none; the map states no limit here"
    for witness in limit["evidence"]:
        value = f"{witness['value']:g} {witness['unit']}" if witness["value"] is not None else "no number"
        heading = f" {witness['heading']}" if witness["heading"] else ""
        yield f"  evidence: {witness['basis']}{heading}: {value}, weight {witness['weight']:g}: {witness['note']}"


def _part(between: list[float] | None) -> str:
    return f" between {between[0]:g} and {between[1]:g}" if between else ""
