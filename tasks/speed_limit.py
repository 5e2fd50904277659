"""The speed limit of one segment, from what the map states of it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.maxspeed import Posted, UnreadableSpeed, read_maxspeed
from tasks.speed_rule import Rule, longest_limit, make_rule

TAGS: dict[str, Heading | None] = {
    "maxspeed": None,
    "maxspeed:forward": Heading.FORWARD,
    "maxspeed:backward": Heading.BACKWARD,
}
"""OSM keys that state a limit for every car, general first, and the direction each holds for."""

REASONS = (
    SpeedReason.UNLIMITED,
    SpeedReason.VARIABLE,
    SpeedReason.WALKING_PACE,
    SpeedReason.PARTLY_POSTED,
    SpeedReason.UNREADABLE,
    SpeedReason.NOT_POSTED,
)
"""Reasons by how much they tell; the first that applies is given."""

Evidence = dict[str, Any]


class SpeedLimit(NamedTuple):
    """What may be driven on a segment; the columns of SPEED_LIMIT that the task makes."""

    jurisdiction: str | None
    speed_limits: list[Rule]
    max_speed_forward_kmh: float | None
    max_speed_backward_kmh: float | None
    basis: str | None
    confidence: float | None
    reason: str | None
    evidence: list[Evidence]


def speed_limit(*, tags: dict[str, str], speed_limits: Sequence[Rule]) -> SpeedLimit:
    """Return the limit that the map states for a segment, by Overture rules if it has some, else by OSM tags.

    Examples
    --------
    >>> found = speed_limit(tags={"maxspeed": "30 mph"}, speed_limits=[])
    >>> found.speed_limits[0]["max_speed"], round(found.max_speed_forward_kmh, 2), found.basis
    ({'value': 30, 'unit': 'mph'}, 48.28, 'posted')
    >>> speed_limit(tags={}, speed_limits=[]).reason
    'not_posted'
    """
    if speed_limits:
        return _from_rules(speed_limits)
    return _from_tags(tags)


def _from_rules(rules: Sequence[Rule]) -> SpeedLimit:
    """Keep the rules that the source states, and say what they come to for a car."""
    forward, backward = (longest_limit(rules, heading) for heading in Heading)
    evidence = [_rule_evidence(rule) for rule in rules]
    return _limit(list(rules), forward, backward, evidence, {SpeedReason.PARTLY_POSTED})


def _from_tags(tags: dict[str, str]) -> SpeedLimit:
    posted: dict[Heading | None, Posted] = {}
    evidence, reasons = [], set()
    for key, heading in TAGS.items():
        if key not in tags:
            continue
        try:
            said = read_maxspeed(tags[key])
        except UnreadableSpeed as error:
            reasons.add(SpeedReason.UNREADABLE)
            evidence.append(_evidence(None, None, heading, 0.0, f"{key}: {error}"))
            continue
        posted[heading] = said
        evidence.append(_evidence(said.value, said.unit, heading, 1.0, f"{key}={tags[key]}"))
    reasons |= {said.reason for said in posted.values() if said.reason}
    rules = [make_rule(said.value, said.unit, heading) for heading, said in posted.items() if said.value]
    everywhere = posted.get(None, Posted(None, None))
    forward, backward = (posted.get(heading, everywhere).kmh for heading in Heading)
    return _limit(rules, forward, backward, evidence, reasons)


def _limit(
    rules: list[Rule],
    forward: float | None,
    backward: float | None,
    evidence: list[Evidence],
    reasons: Iterable[SpeedReason],
) -> SpeedLimit:
    has_number = forward is not None or backward is not None
    reason = None if has_number else min({*reasons, SpeedReason.NOT_POSTED}, key=REASONS.index)
    is_posted = reason not in (SpeedReason.NOT_POSTED, SpeedReason.UNREADABLE)
    return SpeedLimit(
        jurisdiction=None,
        speed_limits=rules,
        max_speed_forward_kmh=forward,
        max_speed_backward_kmh=backward,
        basis=Basis.POSTED.value if is_posted else None,
        confidence=1.0 if is_posted else None,
        reason=reason.value if reason else None,
        evidence=evidence,
    )


def _rule_evidence(rule: Rule) -> Evidence:
    """Quote a rule of the source as a witness."""
    stated = rule.get("max_speed") or {}
    when = rule.get("when") or {}
    part = rule.get("between")
    place = f" between {part[0]:g} and {part[1]:g}" if part else ""
    limits = ", ".join(f"{name}={value}" for name, value in when.items() if value and name != "heading")
    note = f"speed_limits rule{place}" + (f" when {limits}" if limits else "")
    return _evidence(stated.get("value"), stated.get("unit"), when.get("heading"), 1.0, note)


def _evidence(
    value: float | None, unit: str | None, heading: Heading | str | None, weight: float, note: str
) -> Evidence:
    return {
        "basis": Basis.POSTED.value,
        "value": value,
        "unit": unit,
        "heading": str(heading) if heading else None,
        "weight": weight,
        "note": note,
    }
