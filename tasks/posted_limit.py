"""What the tags or the rules of one segment state of its limit, read but not yet judged against the law."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.limit_key import Topic, read_limit_key
from tasks.limit_statement import Refusal, read_tag
from tasks.speed_rule import Rule, Speed, longest_speed
from tasks.stated_rule import HIGHEST_SPEED, STRENGTH, Judged, is_for_any_car, judge, rules_of

REASONS = (
    SpeedReason.UNLIMITED,
    SpeedReason.VARIABLE,
    SpeedReason.WALKING_PACE,
    SpeedReason.PARTLY_POSTED,
    SpeedReason.UNREADABLE,
    SpeedReason.NOT_POSTED,
)
"""Reasons by how much they tell; the first that applies is given."""

Row = dict[str, Any]


class PostedLimit(NamedTuple):
    """What the map states of a segment's limit; the columns of POSTED_LIMIT that the task makes."""

    rules: list[Rule]
    forward: Speed | None
    backward: Speed | None
    reason: str | None
    codes: list[Row]
    refused: list[Row]
    evidence: list[Row]


def posted_limit(*, tags: dict[str, str], speed_limits: Sequence[Rule]) -> PostedLimit:
    """Return what the map states of a segment's limit (km/h or mph), by Overture rules if it has some, else by tags.

    Rows of several segments share the dicts in the lists, since most segments have the same few tags: make new ones
    instead of changing them.

    Examples
    --------
    >>> found = posted_limit(tags={"maxspeed": "30 mph", "maxspeed:hgv": "20 mph"}, speed_limits=[])
    >>> found.forward, [rule["when"] for rule in found.rules]
    ({'value': 30, 'unit': 'mph'}, [None, {'mode': ['hgv']}])
    >>> posted_limit(tags={"maxspeed": "DE:urban"}, speed_limits=[]).codes
    [{'key': 'maxspeed', 'code': 'DE:urban', 'heading': None}]
    """
    if speed_limits:
        return _from_rules(speed_limits)
    told = [pair for pair in tags.items() if ("speed" in pair[0] or "traffic" in pair[0]) and read_limit_key(pair[0])]
    return _copied(_from_tags(tuple(sorted(told))))


def _copied(found: PostedLimit) -> PostedLimit:
    """Return lists of the caller's own."""
    return PostedLimit(
        [*found.rules],
        found.forward,
        found.backward,
        found.reason,
        [*found.codes],
        [*found.refused],
        [*found.evidence],
    )


def _from_rules(rules: Sequence[Rule]) -> PostedLimit:
    """Keep the rules that the source states, and say what they come to for a car."""
    forward, backward = (longest_speed(rules, heading) for heading in Heading)
    reason = None if forward or backward else SpeedReason.PARTLY_POSTED.value
    return PostedLimit(list(rules), forward, backward, reason, [], [], [_rule_evidence(rule) for rule in rules])


@lru_cache(1 << 15)
def _from_tags(tags: tuple[tuple[str, str], ...]) -> PostedLimit:
    read = [read_tag(key, text) for key, text in sorted(tags, key=lambda pair: _rank(pair[0]))]
    refused = [each._asdict() for each in read if isinstance(each, Refusal)]
    judged = judge([each for told in read if not isinstance(told, Refusal) for each in told])
    rules = rules_of(judged)
    forward, backward = (longest_speed(rules, heading) for heading in Heading)
    reason = None if forward or backward else min(_reasons(judged, bool(refused)), key=REASONS.index).value
    evidence = [_evidence(each) for each in judged] + [_refused_evidence(each) for each in refused]
    evidence.sort(key=lambda row: (-row["weight"], STRENGTH.index(row["basis"])))
    return PostedLimit(rules, forward, backward, reason, [*_codes(judged)], refused, evidence)


def _rank(key: str) -> tuple[int, str]:
    """Return the place of a key: what states the limit itself comes first."""
    found = read_limit_key(key)
    return (list(Topic).index(found.topic) if found else len(Topic), key)


def _reasons(judged: Sequence[Judged], is_refused: bool) -> Iterator[SpeedReason]:
    """Yield why there may be no number."""
    yield SpeedReason.NOT_POSTED
    if is_refused:
        yield SpeedReason.UNREADABLE
    for each in judged:
        said = each.statement
        if (each.weight and said.reason) or (said.topic is Topic.VARIABLE and not said.condition.others):
            yield said.reason or SpeedReason.VARIABLE
        elif said.topic in HIGHEST_SPEED and (said.value is not None or said.reason):
            yield SpeedReason.PARTLY_POSTED


def _codes(judged: Sequence[Judged]) -> Iterator[Row]:
    for each in judged:
        said = each.statement
        if said.code and is_for_any_car(said) and said.topic in HIGHEST_SPEED:
            yield {"key": said.key, "code": said.code, "heading": _word(said.heading)}


def _evidence(judged: Judged) -> Row:
    """Quote a tag as a witness."""
    said = judged.statement
    note = "; ".join(part for part in (said.tag, said.remark, judged.why) if part)
    return _witness(said.basis, said.value, said.unit, said.heading, judged.weight, note)


def _refused_evidence(refused: Row) -> Row:
    return _witness(Basis.POSTED, None, None, None, 0.0, f"{refused['key']}: {refused['message']}")


def _rule_evidence(rule: Rule) -> Row:
    """Quote a rule of the source as a witness."""
    stated = rule.get("max_speed") or {}
    when = rule.get("when") or {}
    part = rule.get("between")
    place = f" between {part[0]:g} and {part[1]:g}" if part else ""
    limits = ", ".join(f"{name}={value}" for name, value in when.items() if value and name != "heading")
    note = f"speed_limits rule{place}" + (f" when {limits}" if limits else "")
    return _witness(Basis.POSTED, stated.get("value"), stated.get("unit"), when.get("heading"), 1.0, note)


def _witness(
    basis: Basis, value: float | None, unit: str | None, heading: Heading | str | None, weight: float, note: str
) -> Row:
    return {
        "basis": basis.value,
        "value": value,
        "unit": unit,
        "heading": _word(heading),
        "weight": weight,
        "note": note,
    }


def _word(heading: Heading | str | None) -> str | None:
    return str(heading) if heading else None
