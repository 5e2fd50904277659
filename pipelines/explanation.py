"""What one segment's limit rests on, in words."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pipelines.lookup import Row, find, row_if_there, row_of
from pipelines.table import Rejects, TableError, existing, table_in
from schemas.built_up import BUILT_UP
from schemas.jurisdiction import JURISDICTION
from schemas.limit_odds import LIMIT_ODDS
from schemas.posted_limit import POSTED_LIMIT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.traversal import SPEED_OBSERVATION
from schemas.vocabulary import Heading, SpeedKind, SpeedReason, SpeedUnit
from tasks.rule_words import rule_text
from tasks.speed_histogram import speed_histogram

LIKELY, LEAST = 3, 0.005
"""Likely limits that are named at most, and the probability from which on they are."""
INDENT = "  "

Fact = tuple[str, str]
"""What a line is about, and what it says."""


def explain(into: str | Path, segment_id: str) -> list[str]:
    """Return lines that say what the limit of a segment is and what it rests on.

    Raises
    ------
    TableError
        If the folder has no such segment.
    """
    road = row_of(into, ROAD_SEGMENT, segment_id)
    posted, places, area, odds, limit = (
        row_if_there(into, contract, segment_id)
        for contract in (POSTED_LIMIT, JURISDICTION, BUILT_UP, LIMIT_ODDS, SPEED_LIMIT)
    )
    facts = [
        *_road_facts(road),
        *_place_facts(places, area),
        *(_limit_facts(limit) if limit else [("limit", "none was made; waysmith run speed-limits makes one")]),
        *_odds_facts(odds),
        *_rule_facts(limit),
        *_evidence_facts(limit, area),
        *_speed_facts(into, segment_id, places, odds),
        *_refused_facts(posted),
        *_reject_facts(into, segment_id),
    ]
    return [_title(road), *fact_lines(facts)]


def fact_lines(facts: Sequence[Fact]) -> list[str]:
    r"""Return facts as lines, what they say below one another; what a line is about is said once for several.

    Examples
    --------
    >>> print(*fact_lines([("rule", "at most 50 km/h"), ("rule", "at most 30 km/h"), ("basis", "posted")]), sep="\n")
      rule   at most 50 km/h
             at most 30 km/h
      basis  posted
    """
    width = max((len(word) for word, _ in facts), default=0)
    words = [word for word, _ in facts]
    heads = ["" if i and words[i - 1] == word else word for i, word in enumerate(words)]
    return [f"{INDENT}{head:<{width}}  {told}" for head, (_, told) in zip(heads, facts, strict=True)]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines with the cells below one another; a column that is empty in all rows is left out.

    Examples
    --------
    >>> columns([("posted", "", "50 km/h"), ("law", "", "100 km/h")])
    ['posted  50 km/h', 'law     100 km/h']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width).rstrip() for row in rows
    ]


def _title(road: Row) -> str:
    called = " ".join(part for part in (road["name"], f"({road['ref']})" if road["ref"] else None) if part)
    return f"{road['segment_id']}  {called or 'without a name'}"


def _road_facts(road: Row) -> Iterator[Fact]:
    kind = " ".join(part for part in (road["class"], road["subclass"]) if part)
    yield "road", f"{kind}, {road['length_m']:.0f} m, one-way: {road['one_way']}"
    for source in road["sources"]:
        yield "from", f"{source['dataset']} {source['record_id']}{_part(source['between'])}"


def _place_facts(places: Row | None, area: Row | None) -> Iterator[Fact]:
    if places:
        parts = [f"{each['code']}{_part(each['between'])}" for each in places["jurisdictions"]]
        yield "law of", ", ".join(parts) or "no place: at sea"
    if area:
        yield "built up", f"{area['built_up']:.2f} ({area['built_up_note']})"


def _limit_facts(limit: Row) -> Iterator[Fact]:
    for heading in Heading:
        kmh = limit[f"max_speed_{heading}_kmh"]
        nothing = "no limit" if limit["reason"] == SpeedReason.UNLIMITED else "no number"
        yield heading.value, nothing if kmh is None else f"{kmh:g} km/h"
    if limit["reason"]:
        yield "reason", limit["reason"]
    if limit["basis"]:
        sure = "" if limit["confidence"] is None else f", confidence {limit['confidence']:.2f}"
        yield "basis", f"{limit['basis']}{sure}"


def _odds_facts(odds: Row | None) -> Iterator[Fact]:
    if odds and odds["odds"]:
        likely = [each for each in odds["odds"][:LIKELY] if each["probability"] >= LEAST]
        told = [f"{each['limit']} {each['probability']:.2f}" for each in likely]
        yield "likely", f"{', '.join(told)} (its own tags and signs aside)"


def _rule_facts(limit: Row | None) -> Iterator[Fact]:
    for rule in limit["speed_limits"] if limit else ():
        yield "rule", rule_text(rule)


def _evidence_facts(limit: Row | None, area: Row | None) -> Iterator[Fact]:
    """Yield the witnesses; what was said of the built-up area already is not said again."""
    witnesses = limit["evidence"] if limit else []
    told = f"; built up {area['built_up']:.2f} ({area['built_up_note']})" if area else ""
    rows = [
        (
            each["basis"],
            each["heading"] or "",
            "no number" if each["value"] is None else f"{each['value']:g} {each['unit']}",
            f"{each['weight']:.2f}",
            each["note"].removesuffix(told),
        )
        for each in witnesses
    ]
    yield from (("evidence", line) for line in columns(rows))
    if limit and not rows:
        yield "evidence", "none"


def _speed_facts(into: str | Path, segment_id: str, places: Row | None, odds: Row | None) -> Iterator[Fact]:
    """Yield observed speeds as a histogram with the likely limits: those of routes, else those of devices."""
    observed = _observed(into, segment_id)
    kinds = {row["kind"] for row in observed}
    kind = SpeedKind.ROUTE if SpeedKind.ROUTE in kinds else SpeedKind.DEVICE
    speeds = np.array([row["speed_kmh"] for row in observed if row["kind"] == kind], dtype=np.float64)
    limits = [each["limit"] for each in odds["odds"] if each["probability"] >= LEAST] if odds else []
    unit = SpeedUnit((places or {}).get("speed_unit") or SpeedUnit.KMH)
    yield from (("speeds", line) for line in speed_histogram(speeds, limits, unit))


def _observed(into: str | Path, segment_id: str) -> list[Row]:
    """Return what was observed on a segment, nothing where no probes were."""
    if not table_in(SPEED_OBSERVATION, into).store.is_there():
        return []
    try:
        rows: list[Row] = find(existing(SPEED_OBSERVATION, into), segment_id).rows.to_pylist()
    except TableError:
        return []
    return rows


def _refused_facts(posted: Row | None) -> Iterator[Fact]:
    for each in posted["refused"] if posted else ():
        yield "refused", f"{each['key']}={each['value']}: {each['message']}"


def _reject_facts(into: str | Path, segment_id: str) -> Iterator[Fact]:
    for each in Rejects(into).rows().to_pylist():
        if each["key"] == segment_id:
            yield "reject", f"{each['task']}: {each['reason']}: {each['message']}"


def _part(between: list[float] | None) -> str:
    return f" between {between[0]:g} and {between[1]:g}" if between else ""
