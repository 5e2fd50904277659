"""The limit that a tag states by naming the law: `maxspeed=DE:urban`, `source:maxspeed=GB:nsl_single`."""

from functools import lru_cache

from tasks.law.law_table import RURAL, URBAN, Jurisdiction, Law, LawError, RoadLaw, references
from tasks.law.law_words import road_types_of, split_word
from tasks.law.vehicle_limit import NO_LIMITS, Speed, make_rules
from tasks.legal_limit import Certainty, LegalLimit, Match, legal_limit, limit_of
from tasks.speed_code import Code, read_code

DISTRICTS = {URBAN, RURAL, "residential district", "business district"}
"""Road types by which laws tell a built-up area from the land outside."""


class UnknownCode(LawError):
    """A code that the table has no road type for; the message says which it has."""


@lru_cache(4096)
def implicit_limit(law: Law, code: str | Code, *, is_built_up: bool | None = None) -> LegalLimit:
    """Return what the law says of the road or zone that a code names.

    A number in the code (`FR:zone30`) is the answer, whatever the table says. `is_built_up` matters for words that
    leave open what the law asks (`CZ:motorway`: 130 km/h, in built-up areas 80 km/h). Of a country whose parts alone
    have laws (`BE:motorway`) it is what all of them say.

    Raises
    ------
    UnreadableSpeed
        If it is no code.
    UnknownJurisdiction
        If the table has no law for its first part.
    UnknownCode
        If the table has no road type there for its second part.

    Examples
    --------
    >>> from tasks.law.law_table import read_law
    >>> [implicit_limit(read_law(), code)[:2] for code in ("GB:nsl_single", "FI:urban", "FR:zone30")]
    [(60, 'mph'), (50, 'km/h'), (30, 'km/h')]
    >>> implicit_limit(read_law(), "DE:motorway").reason.value
    'unlimited'
    """
    read = read_code(code) if isinstance(code, str) else code
    if read.value is not None and read.unit is not None:
        return _of_number(read.value, read.unit)
    answers = [_limit_in(law, place, read, is_built_up) for place in _places(law, read.jurisdiction)]
    if any(answer[:3] != answers[0][:3] for answer in answers):
        parts = ", ".join(place.code for place in _places(law, read.jurisdiction))
        raise UnknownCode(f"{_text(read)}: the law differs between {parts}, expected one of them")
    return answers[0]


def _places(law: Law, code: str) -> list[Jurisdiction]:
    """Return the places whose law a code means: one, or all parts of a country that has no law of its own."""
    parts = [place for name, place in law.jurisdictions.items() if name.startswith(f"{code}-")]
    return parts if parts and code not in law.jurisdictions else [law.jurisdictions[law.code_of(code)]]


def _limit_in(law: Law, place: Jurisdiction, code: Code, is_built_up: bool | None) -> LegalLimit:
    word, is_stated = split_word(code.zone)
    names = road_types_of(code.jurisdiction[:2], word, is_built_up=is_built_up if is_stated is None else is_stated)
    if road := _first(place, names):
        found = limit_of([Match(road, Certainty.EXACT), *_others(place, road)])
    elif URBAN in names:
        found = _urban(law, place, code)
    else:
        raise _unknown(code, place)
    if found.value is None and found.reason is None:
        raise UnknownCode(f"{_text(code)}: the law table states no limit there")
    return found


def _of_number(value: int, unit: str) -> LegalLimit:
    rules = make_rules(Speed(value, unit), NO_LIMITS)
    return LegalLimit(value, unit, None, Certainty.EXACT, "", rules, ["the code states the number"])


def _first(place: Jurisdiction, names: tuple[str, ...]) -> RoadLaw | None:
    """Return the law of the first road type that a place has; of one listed twice the last."""
    listed = {road.road_type: road for road in place.roads}
    return next((listed[name] for name in names if name in listed), None)


def _others(place: Jurisdiction, road: RoadLaw) -> list[Match]:
    others = place.others()
    return [Match(others, Certainty.FALLBACK)] if others and others != road else []


def _urban(law: Law, place: Jurisdiction, code: Code) -> LegalLimit:
    """Return the limit of built-up areas where no road type is just that."""
    found = legal_limit(law, jurisdiction=place.code, tags={}, is_built_up=True)
    named = {road.road_type for road in place.roads if road.road_type}
    unmapped = {name for name in named if not law.road_types[name].filters}
    depends = unmapped | {name for name in named if DISTRICTS & ({name} | references(law, name))}
    if found.road_type in depends or (not depends and place.others()):
        return found
    raise _unknown(code, place)


def _unknown(code: Code, place: Jurisdiction) -> UnknownCode:
    listed = ", ".join(road.road_type or "other roads" for road in place.roads)
    return UnknownCode(f"{_text(code)}: the law table knows no such road in {place.code}, only {listed}")


def _text(code: Code) -> str:
    return f"{code.jurisdiction}:{code.zone}"
