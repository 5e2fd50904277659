"""Which statements count where several are made, and the Overture rules that they come to."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.limit_key import Topic
from tasks.limit_statement import Statement
from tasks.speed_rule import CAR_MODES, Rule, speed_in_kmh, whole_speed

STRENGTH = (Basis.POSTED, Basis.SIGN, Basis.ZONE, Basis.IMPLICIT)
"""Where statements for the same cars and hours differ, the one on the first of these counts."""

HIGHEST_SPEED = {Topic.LIMIT, Topic.SIGN, Topic.ZONE, Topic.TRAFFIC_ZONE, Topic.GROUND}
"""What states the highest speed allowed."""

MODE_DEPTH = {"vehicle": 0.3, "motor_vehicle": 0.6}
"""How special a travel mode is that holds others; the rest count 1."""


class Judged(NamedTuple):
    """A statement, and how much it says of the limit of a car at any hour."""

    statement: Statement
    weight: float
    """1 or 0."""
    why: str = ""
    """Why it does not count."""
    is_rule: bool = False
    """Whether a rule follows from it."""


def judge(statements: Sequence[Statement]) -> list[Judged]:
    """Return which statements count, in the same order, and why the others do not."""
    return [_judged(each, statements) for each in statements]


def _judged(statement: Statement, among: Sequence[Statement]) -> Judged:
    if statement.condition.others:
        return Judged(statement, 0.0, f"Overture has no rule for {', '.join(statement.condition.others)}")
    if statement.topic is Topic.LOWEST:
        return Judged(statement, 0.0, "the lowest speed allowed", statement.value is not None)
    if statement.topic not in HIGHEST_SPEED:
        return Judged(statement, 0.0)
    if statement.code:
        return Judged(statement, float(is_for_any_car(statement)))
    if not is_settling(statement):
        return Judged(statement, 0.0)
    return _settled(statement, among)


def _settled(statement: Statement, among: Sequence[Statement]) -> Judged:
    """Judge a number, or a word that stands for none."""
    if rival := _rival(statement, among):
        return Judged(statement, 0.0, f"not counted, since {rival.tag} says otherwise")
    if statement.value is None and not is_for_any_car(statement):
        return Judged(statement, 0.0, "Overture has no rule without a number")
    if special := _special(statement, among):
        return Judged(statement, 0.0, f"not counted, since {special.tag} is said of cars", statement.value is not None)
    if not statement.heading and not _open_headings(statement, among):
        why = "not counted, since both directions have a limit of their own"
        return Judged(statement, 0.0, why, statement.value is not None)
    return Judged(statement, float(is_for_any_car(statement)), is_rule=statement.value is not None)


def is_for_any_car(statement: Statement) -> bool:
    """Whether a statement holds for every car at any hour."""
    of = statement.condition
    is_always = not (of.during or of.using or of.recognized or of.vehicle or of.others)
    return is_always and (not of.mode or not CAR_MODES.isdisjoint(of.mode))


def is_settling(statement: Statement) -> bool:
    """Whether a statement tells the highest speed, or that there is none to tell."""
    is_limit = statement.topic in HIGHEST_SPEED and not statement.condition.others
    return is_limit and (statement.value is not None or statement.reason is not None)


def _strength(statement: Statement) -> tuple[int, bool]:
    return STRENGTH.index(statement.basis), not statement.is_by_lane


def _rival(statement: Statement, among: Sequence[Statement]) -> Statement | None:
    """Return a statement that counts instead because it differs."""
    place = among.index(statement)
    for i, other in enumerate(among):
        if _competes(other, statement) and _is_different(other, statement) and _goes_first(other, statement, i < place):
            return other
    return None


def _special(statement: Statement, among: Sequence[Statement]) -> Statement | None:
    """Return a number that is said of cars in particular where a statement is made for all vehicles."""
    for other in among if is_for_any_car(statement) else ():
        is_number = is_settling(other) and is_for_any_car(other) and other.value is not None
        is_special = _depth(other) > _depth(statement) and other.heading in (None, statement.heading)
        if is_number and is_special and _is_different(other, statement):
            return other
    return None


def _depth(statement: Statement) -> float:
    return MODE_DEPTH.get(statement.vehicle, 1.0) if statement.vehicle else 0.0


def _goes_first(other: Statement, statement: Statement, is_earlier: bool) -> bool:
    """Whether the other of two statements counts; lanes that are blank have the limit of the whole road."""
    if statement.basis is other.basis and (statement.has_blank_lane or other.has_blank_lane):
        return _height(other) > _height(statement)
    mine, its = _strength(statement), _strength(other)
    return its < mine or (its == mine and is_earlier)


def _competes(other: Statement, statement: Statement) -> bool:
    """Whether two statements are made for the same vehicles and hours, and the same direction or a weaker one's."""
    if other.key == statement.key or not is_settling(other) or other.condition != statement.condition:
        return False
    is_wider = other.heading is None and STRENGTH.index(other.basis) < STRENGTH.index(statement.basis)
    return other.heading is statement.heading or is_wider


def _is_different(one: Statement, other: Statement) -> bool:
    return (one.value, one.unit, one.reason) != (other.value, other.unit, other.reason)


def _height(statement: Statement) -> float:
    if statement.reason is SpeedReason.UNLIMITED:
        return float("inf")
    return statement.kmh or 0.0


def _open_headings(statement: Statement, among: Sequence[Statement]) -> list[Heading]:
    """Return the directions for which no statement as strong and for the same vehicles and hours is made."""
    own = {each.heading for each in among if _is_own(each, statement)}
    return [heading for heading in Heading if heading not in own]


def _is_own(other: Statement, statement: Statement) -> bool:
    """Whether one statement says of a direction what another says of both."""
    is_as_strong = STRENGTH.index(other.basis) <= STRENGTH.index(statement.basis)
    return is_settling(other) and other.heading is not None and is_as_strong and other.condition == statement.condition


def rules_of(judged: Sequence[Judged]) -> list[Rule]:
    """Return the rules that follow from statements, general first: later ones hold where several apply."""
    among = [each.statement for each in judged]
    kept = [each.statement for each in judged if each.is_rule]
    highest = sorted((each for each in kept if each.topic is not Topic.LOWEST), key=lambda each: _order(each, kept))
    rules = [rule for each in highest for rule in _rules(each, among)]
    lowest = [each for each in kept if each.topic is Topic.LOWEST]
    variable = [each for each in among if each.topic is Topic.VARIABLE and not each.condition.others]
    return without_repeats(_with_variable(_with_lowest(rules, lowest), variable))


def _order(statement: Statement, among: Sequence[Statement]) -> tuple[float, float]:
    """Return the place of a statement: special ones later, and of equally special ones the slower.

    Clauses of one tag stay in their order, since the last of them holds.
    """
    fastest = max(each.kmh or 0.0 for each in among if each.key == statement.key)
    return (bool(statement.heading) + statement.is_conditional + _depth(statement), -fastest)


def _rules(statement: Statement, among: Sequence[Statement]) -> list[Rule]:
    """Return the rule of a number; for one direction alone where words take its place in the other."""
    words = {each.heading for each in among if _is_own(each, statement) and each.value is None}
    if statement.heading or not words:
        return [_rule(statement, statement.heading)]
    return [_rule(statement, heading) for heading in Heading if heading not in words]


def _rule(statement: Statement, heading: Heading | None) -> Rule:
    when = ({"heading": heading.value} if heading else {}) | statement.condition.when
    kind = "min_speed" if statement.topic is Topic.LOWEST else "max_speed"
    return {kind: whole_speed(statement.value or 0.0, statement.unit), "when": when or None}


def _with_lowest(rules: list[Rule], lowest: Sequence[Statement]) -> list[Rule]:
    """Return rules with the lowest speeds: in the rule for the same vehicles and hours, else in one of their own."""
    for statement in lowest:
        own = _rule(statement, statement.heading)
        same = [rule for rule in rules if rule["when"] == own["when"] and "max_speed" in rule]
        same = [rule for rule in same if speed_in_kmh(rule["max_speed"]) >= speed_in_kmh(own["min_speed"])]
        for rule in same:
            rule["min_speed"] = own["min_speed"]
        rules = rules if same else [own, *rules]
    return rules


def _with_variable(rules: list[Rule], variable: Sequence[Statement]) -> list[Rule]:
    """Return rules that say where electronic signs may lower the limit."""
    headings = {each.heading for each in variable}
    made = []
    for rule in rules:
        heading = (rule["when"] or {}).get("heading")
        if not headings or "max_speed" not in rule:
            made.append(rule)
        elif None in headings or heading in headings:
            made.append(rule | {"is_max_speed_variable": True})
        else:
            made += [rule, *(_turned(rule, each) for each in Heading if each in headings and not heading)]
    return made


def _turned(rule: Rule, heading: Heading) -> Rule:
    return rule | {"is_max_speed_variable": True, "when": {"heading": heading.value} | (rule["when"] or {})}


def without_repeats(rules: Sequence[Rule]) -> list[Rule]:
    """Return rules without those that a later one repeats: the later one holds wherever the earlier one would.

    Examples
    --------
    >>> without_repeats([{"max_speed": 1}, {"max_speed": 2}, {"max_speed": 1}])
    [{'max_speed': 2}, {'max_speed': 1}]
    """
    return [rule for place, rule in enumerate(rules) if rule not in rules[place + 1 :]]
