"""Overture rules of a segment: those that the map states, and what was inferred where it states none."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from schemas.speed_rule import repeats
from schemas.vocabulary import Heading
from tasks.limit_text import UNLIMITED, limit_kmh, limit_speed, limit_text
from tasks.speed_rule import Rule, holds_for_car, speed_in_kmh

Row = Mapping[str, Any]


def inferred_rules(
    rules: Sequence[Rule],
    posted: Mapping[Heading, Row | None],
    limits: Mapping[Heading, str],
    legal: Sequence[Row],
    built_up: float,
    worded: Collection[Heading] = (),
) -> list[Rule]:
    """Return all rules, general first: the inferred limit, that of the law for vehicles, then what the map states.

    Where several jurisdictions share a segment, each has its own part, and none of them knows of the others' signs.

    Parameters
    ----------
    posted
        What the map states for each heading; nothing is inferred for a heading whose limit it is.
    limits
        The limit of each heading. Where it is not what the map states (a sign against a zone), its rule follows those
        that the map states for all cars.
    legal
        As in LEGAL_LIMIT.
    worded
        Headings for which the map states a word instead of a number (`none`, `walk`): that holds beyond a border too.
    """
    overruled = {
        heading: limit for heading, limit in limits.items() if limit_text(posted[heading]) not in (None, limit)
    }
    stated = _overruled(rules, overruled) if overruled else list(rules)
    if all(posted.values()):
        return stated
    missing = {heading: limit for heading, limit in limits.items() if not posted[heading]}
    made = [*_general(missing), *_of_parts(legal, built_up, [each for each in missing if each not in worded])]
    if len(missing) == 2:
        made += _of_vehicles(missing, legal, built_up)
    return _without_repeats([*made, *stated])


def _overruled(rules: Sequence[Rule], limits: Mapping[Heading, str]) -> list[Rule]:
    """Return the rules with those of other limits for all cars behind the last that holds for these."""
    for_cars = [place for place, rule in enumerate(rules) if any(holds_for_car(rule, heading) for heading in limits)]
    place = max(for_cars, default=-1) + 1
    return _without_repeats([*rules[:place], *_general(limits), *rules[place:]])


def _general(limits: Mapping[Heading, str]) -> Iterator[Rule]:
    """Yield the rule of each heading, one for both where they agree; no limit needs no rule."""
    if len(limits) == 2 and len(set(limits.values())) == 1:
        limits = {Heading.FORWARD: next(iter(limits.values()))}
        headings: dict[Heading, Any] = {Heading.FORWARD: None}
    else:
        headings = {heading: {"heading": heading.value} for heading in limits}
    for heading, limit in limits.items():
        if speed := limit_speed(limit):
            yield {"max_speed": speed, "when": headings[heading]}


def _of_parts(legal: Sequence[Row], built_up: float, headings: Sequence[Heading]) -> Iterator[Rule]:
    """Yield the law of each further jurisdiction along the segment, over its part, for some headings."""
    whens: list[Any] = [None] if len(headings) == len(Heading) else [{"heading": each.value} for each in headings]
    for part in legal[1:]:
        limit = part[_area(built_up)]["limit"]
        if limit and (speed := limit_speed(limit)) and part["between"]:
            for when in whens:
                yield {"max_speed": speed, "between": list(part["between"]), "when": when}


def _of_vehicles(limits: Mapping[Heading, str], legal: Sequence[Row], built_up: float) -> Iterator[Rule]:
    """Yield what the law says of other vehicles and conditions, as far as it is below the limit of cars."""
    fastest = max(limits.values(), key=limit_kmh)
    for part in legal[:1]:
        for rule in part[f"{_area(built_up)}_rules"] or ():
            is_lower = rule.get("max_speed") and speed_in_kmh(rule["max_speed"]) < limit_kmh(fastest)
            if rule.get("when") and (is_lower or fastest == UNLIMITED):
                yield {**rule, "between": part["between"]} if part["between"] else rule


def _area(built_up: float) -> str:
    return "urban" if built_up >= 0.5 else "rural"


def _without_repeats(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules without those that a later one says again, whatever is null in one and absent in the other."""
    again = {len(rules) - 1 - place for place in repeats([*reversed(rules)])}
    return [rule for place, rule in enumerate(rules) if place not in again]
