"""What one tag states of a limit: numbers, words and codes, each with whom and when it holds for."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.conditional_limit import MODES, Condition, read_conditional
from tasks.limit_key import LimitKey, Topic, read_limit_key
from tasks.maxspeed import KMH_PER_UNIT, UnreadableSpeed, read_maxspeed, shortened
from tasks.speed_code import find_code, read_code
from tasks.traffic_sign import Sign, SignKind, read_traffic_sign


class Statement(NamedTuple):
    """One thing that one tag states."""

    key: str
    tag: str
    """The tag as it is quoted: `maxspeed=50`."""
    topic: Topic
    basis: Basis = Basis.POSTED
    value: float | None = None
    unit: str | None = None
    reason: SpeedReason | None = None
    """What is stated instead of a number."""
    code: str | None = None
    """The law that is named instead of a number."""
    heading: Heading | None = None
    condition: Condition = Condition()
    """When and for whom it holds; what Overture cannot express of it stands in its `others`."""
    vehicle: str | None = None
    """The vehicle class in its key."""
    is_conditional: bool = False
    is_by_lane: bool = False
    has_blank_lane: bool = False
    """Whether lanes without a value of their own take that of the whole road."""
    remark: str = ""
    """What is to be said of it beside the tag itself."""

    @property
    def kmh(self) -> float | None:
        """The speed in km/h."""
        return None if self.value is None or self.unit is None else self.value * KMH_PER_UNIT[self.unit]


class Refusal(NamedTuple):
    """A tag that cannot be read."""

    key: str
    value: str
    message: str


class Said(NamedTuple):
    """One value: a number, a word or a code."""

    value: float | None = None
    unit: str | None = None
    reason: SpeedReason | None = None
    code: str | None = None
    basis: Basis = Basis.POSTED


GROUNDS = frozenset(
    (
        *("sign", "signs", "signed", "signal", "signals", "marking", "markings", "survey", "zone", "zone30"),
        *("zone20", "implicit", "explicit", "law", "default", "construction", "variable", "temporary", "school_zone"),
        *("trunk", "motorway", "urban", "rural"),
    )
)
"""Words of `source:maxspeed` and `maxspeed:type` that tell how a limit is set or known; others are free text."""

PLACES_UNTOLD = "parts of the way that are not told"
"""Why a list such as `90;30` is no rule: the wiki gives its order no meaning along the way."""

BUILT_UP_SIGNS = {
    SignKind.CITY_LIMIT: "urban",
    SignKind.LIVING_STREET: "living_street",
    SignKind.MOTORWAY: "motorway",
}
"""Signs that put the law of a zone into force on the way that carries them."""


def read_tag(key: str, text: str) -> tuple[Statement, ...] | Refusal:
    """Return what a tag states of a limit; nothing if it is about something else, a refusal if it cannot be read.

    Examples
    --------
    >>> [(each.value, each.condition.others) for each in read_tag("maxspeed:conditional", "80 @ wet")]
    [(80.0, ('wet',))]
    >>> read_tag("maxspeed", "fast").message
    "'fast' is no speed: expected such as 50, 30 mph, 10 knots, none or walk"
    """
    found = read_limit_key(key)
    if found is None:
        return ()
    try:
        return tuple(_about(key, text, found, each) for each in READERS[found.topic](found, text))
    except UnreadableSpeed as error:
        return Refusal(key, text, str(error))


def _about(key: str, text: str, of: LimitKey, found: Statement) -> Statement:
    """Return a statement with what its key says of it."""
    condition = found.condition
    if of.vehicle in MODES and not condition.mode:
        condition = condition._replace(mode=(MODES[of.vehicle],))
    elif of.vehicle:
        condition = condition._replace(others=(of.vehicle, *condition.others))
    condition = condition._replace(others=(*of.others, *condition.others))
    quoted = f"{key}={shortened(text, 200)}"
    return found._replace(
        key=key, tag=quoted, topic=of.topic, heading=of.heading, vehicle=of.vehicle, condition=condition
    )


BLANK = Statement("", "", Topic.LIMIT)
"""A statement that nothing is known of yet."""


def _stated(said: Said, condition: Condition = BLANK.condition, remark: str = "") -> Statement:
    return BLANK._replace(**said._asdict(), condition=condition, remark=remark)


def _limits(key: LimitKey, text: str) -> Iterator[Statement]:
    """Yield what a value of `maxspeed` or `minspeed` states."""
    if key.is_conditional:
        clauses = read_conditional(text)
        for clause in clauses:
            remark = f"the clause {clause.text}" if len(clauses) > 1 else ""
            yield _stated(_said(clause.value), clause.condition, remark)._replace(is_conditional=True)
    elif key.is_by_lane or "|" in text:
        yield _by_lane(text)
    elif ";" in text:
        yield from _list(text)
    else:
        yield _stated(_said(text))


def _said(text: str) -> Said:
    """Read one value."""
    code = find_code(text)
    if code is None:
        found = read_maxspeed(text)
        if found.reason is SpeedReason.NOT_POSTED:
            raise UnreadableSpeed(f"{shortened(text)!r} names neither a speed nor a law: it looks like a sign")
        return Said(found.value, found.unit, found.reason)
    code = read_code(text)
    if code.value is not None:
        return Said(float(code.value), code.unit, basis=Basis.ZONE)
    return Said(code=f"{code.jurisdiction}:{code.zone}", basis=Basis.IMPLICIT)


def _list(text: str) -> Iterator[Statement]:
    """Yield the values of a list with `;`: one if all are the same, else none that holds everywhere."""
    found = list(dict.fromkeys(_said(part) for part in text.split(";") if part.strip()))
    if not found:
        raise UnreadableSpeed(f"{shortened(text)!r} is a list of nothing")
    untold = Condition(others=(PLACES_UNTOLD,)) if len(found) > 1 else Condition()
    yield from (_stated(said, untold) for said in found)


def _by_lane(text: str) -> Statement:
    """Return the highest speed of any lane; lanes without a limit are the highest of all."""
    lanes = [_highest(lane) if lane.strip() else None for lane in text.split("|")]
    found = [lane for lane in lanes if lane]
    if not found:
        raise UnreadableSpeed(f"{shortened(text)!r} has no value in any lane")
    has_blank = len(found) < len(lanes)
    highest = _stated(max(found, key=_height), remark="the highest of its lanes")
    return highest._replace(is_by_lane=True, has_blank_lane=has_blank)


def _highest(lane: str) -> Said:
    return max((_said(part) for part in lane.split(";") if part.strip()), key=_height)


def _height(said: Said) -> float:
    if said.reason is SpeedReason.UNLIMITED:
        return float("inf")
    return -1.0 if said.value is None or said.unit is None else said.value * KMH_PER_UNIT[said.unit]


def _zones(_: LimitKey, text: str) -> Iterator[Statement]:
    """Yield what `zone:maxspeed` states."""
    if text.strip().lower() in ("yes", "no"):
        return
    for part in text.split(";"):
        said = _said(part)
        yield _stated(said if said.code else said._replace(basis=Basis.ZONE))


def _traffic_zones(_: LimitKey, text: str) -> Iterator[Statement]:
    """Yield the law that `zone:traffic` names, or the number that it carries."""
    for part in text.split(";"):
        read_code(part)
        yield _stated(_said(part))


def _grounds(_: LimitKey, text: str) -> Iterator[Statement]:
    """Yield the codes of `source:maxspeed` and `maxspeed:type`, and words that tell how a limit is set."""
    for part in re.split("[;|]", text):
        if find_code(part):
            yield _stated(_said(part))
        elif part.strip().lower() in GROUNDS:
            yield _stated(Said(), remark="how the limit is set or known")


def _variable(_: LimitKey, text: str) -> Iterator[Statement]:
    """Yield that electronic signs may lower the limit."""
    if text.strip().lower() == "no":
        return
    if re.fullmatch(r"[a-z_;, ]+", text.strip(), re.IGNORECASE):
        yield _stated(Said(reason=SpeedReason.VARIABLE))
    else:
        yield _stated(_said(text)._replace(reason=SpeedReason.VARIABLE), remark="signs may show less")


def _advice(key: LimitKey, text: str) -> Iterator[Statement]:
    """Yield a speed that is advised or usual."""
    for each in _limits(key, text):
        yield each._replace(remark="advised or usual, no limit")


def _signs(_: LimitKey, text: str) -> Iterator[Statement]:
    """Yield what the signs on a way put into force."""
    for sign in read_traffic_sign(text):
        yield _from_sign(sign)


def _from_sign(sign: Sign) -> Statement:
    country = sign.code.partition(":")[0]
    condition = Condition(others=sign.plates)
    if sign.kind in BUILT_UP_SIGNS and country != sign.code:
        return _stated(Said(code=f"{country}:{BUILT_UP_SIGNS[sign.kind]}", basis=Basis.IMPLICIT), condition)
    if sign.kind is SignKind.LIMIT and sign.value:
        return _stated(Said(sign.value, sign.unit, basis=Basis.SIGN), condition)
    if sign.kind is SignKind.ZONE and sign.value:
        return _stated(Said(sign.value, sign.unit, basis=Basis.ZONE), condition)
    return _stated(Said(basis=Basis.SIGN), condition, f"{sign.code} is a sign of kind {sign.kind}, without a number")


READERS: dict[Topic, Callable[[LimitKey, str], Iterator[Statement]]] = {
    Topic.LIMIT: _limits,
    Topic.LOWEST: _limits,
    Topic.SIGN: _signs,
    Topic.ZONE: _zones,
    Topic.TRAFFIC_ZONE: _traffic_zones,
    Topic.GROUND: _grounds,
    Topic.VARIABLE: _variable,
    Topic.ADVICE: _advice,
}
