"""The limit that the law sets for a segment where no sign says otherwise.

A jurisdiction lists road types with their limits. Which one a segment is of follows the published way of the table's
authors: first the types whose exact or relation filter matches, then the one whose limit is the posted one, then those
whose fuzzy filter matches, then what holds for all other roads. Of several that match, one below the general rule wins
over one above it; below it the last, above it the first.

A road type that says nothing of cars (a school zone with hours, an interstate with a limit for buses alone) leaves cars
to the next type that matches.

Source: OpenStreetMap wiki, "Default speed limits", and the rules of its reference implementation
osm-legal-default-speeds, whose published examples are among the tests.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple

from schemas.vocabulary import OneWay, RoadClass, RoadSubclass, SpeedReason
from tasks.law.law_table import RURAL, URBAN, Law, RoadLaw, references
from tasks.law.road_filter import Tags
from tasks.law.vehicle_limit import NO_LIMITS, Speed, binding, make_rules, read_limits
from tasks.speed_rule import Rule

ROUTE_KEYS = ("network", "ref", "name")
ANY_ROUTE = {"type": "route", "route": "road"}
"""Tags of every route over a segment."""


class Certainty(StrEnum):
    """How a road type was found, surest first."""

    EXACT = "exact"
    """The tags of the segment say that it is of this type."""
    RELATION = "relation"
    """A road route over the segment says so."""
    POSTED = "posted"
    """The posted limit is the one of this type, and nothing says what else it is."""
    FUZZY = "fuzzy"
    """Segments with such tags mostly are of this type."""
    FALLBACK = "fallback"
    """No type was found: this holds for all other roads."""


class LegalLimit(NamedTuple):
    """What the law sets for a segment. Answers are shared: do not change the rules of one."""

    value: int | None
    """Limit for cars in `unit`; None where `reason` says why, or where the law sets none."""
    unit: str | None
    reason: SpeedReason | None
    """`unlimited`, `walking_pace` or `variable`, where the law says that instead of a number."""
    certainty: Certainty
    road_type: str
    """As the table names it; empty for all other roads."""
    rules: list[Rule]
    """Overture's rules, general first: for cars, then for vehicles and conditions with a lower limit."""
    notes: list[str]
    """What Overture has no words for, and where the limit for cars is from if not from this road type."""


class Match(NamedTuple):
    """A road type that was found."""

    road: RoadLaw
    certainty: Certainty


class Seen(NamedTuple):
    """All of a segment that a jurisdiction looks at."""

    is_built_up: bool | None
    tags: Tags
    routes: tuple[Tags, ...]
    posted: Speed | None


def legal_limit(
    law: Law,
    *,
    jurisdiction: str,
    tags: Tags,
    routes: Sequence[Mapping[str, str | None]] = (),
    is_built_up: bool | None = None,
    posted: tuple[int, str] | None = None,
) -> LegalLimit:
    """Return what the law of a jurisdiction sets for a segment.

    Parameters
    ----------
    law
        The table.
    jurisdiction
        ISO 3166-1 or -2 code; the law of the country holds where a subdivision has none of its own.
    tags
        OSM tags of the segment, or what `law_tags` makes of its columns.
    routes
        Road routes over it, with `network`, `ref` and `name`.
    is_built_up
        Whether the law of built-up areas holds; None to tell it from tags.
    posted
        Number and unit on the signs, if they are known: cars then get this limit, other vehicles what lies below it.

    Raises
    ------
    UnknownJurisdiction
        If the table has no law for the code.

    Examples
    --------
    >>> from tasks.law.law_table import read_law
    >>> found = legal_limit(read_law(), jurisdiction="CH", tags={"highway": "tertiary"}, is_built_up=True)
    >>> found.value, found.unit, found.certainty.value, found.road_type
    (50, 'km/h', 'exact', 'urban')
    >>> legal_limit(read_law(), jurisdiction="DE", tags={"highway": "motorway"}).reason.value
    'unlimited'
    """
    code, keys, patterned, sees_routes = _view(law, jurisdiction, is_built_up is None)
    values = tuple([tags.get(key) for key in keys])
    others = tuple(sorted(tags.items())) if patterned else ()
    seen_routes = tuple(tuple(route.get(key) for key in ROUTE_KEYS) for route in routes) if sees_routes else ()
    return _answer(law, code, keys, values, others, seen_routes, is_built_up, posted)


@lru_cache(1 << 16)
def _answer(
    law: Law,
    code: str,
    keys: tuple[str, ...],
    values: tuple[str | None, ...],
    others: tuple[tuple[str, str], ...],
    routes: tuple[tuple[str | None, ...], ...],
    is_built_up: bool | None,
    posted: tuple[int, str] | None,
) -> LegalLimit:
    tags = dict(others) | {key: value for key, value in zip(keys, values, strict=True) if value is not None}
    of_routes = tuple(
        ANY_ROUTE | {key: value for key, value in zip(ROUTE_KEYS, route, strict=True) if value is not None}
        for route in routes
    )
    seen = Seen(is_built_up, tags, of_routes, Speed(*posted) if posted else None)
    return limit_of(list(matches(law, code, seen)), seen.posted)


@cache
def _view(law: Law, jurisdiction: str, tells_built_up: bool) -> tuple[str, tuple[str, ...], bool, bool]:
    """Return the code whose law holds, the keys it looks at, whether at patterns of keys and whether at routes."""
    code = law.code_of(jurisdiction)
    names = {road.road_type for road in law.jurisdictions[code].roads if road.road_type}
    names |= {other for name in names for other in references(law, name)}
    asked = [law.road_types[name] for name in names if tells_built_up or name not in (URBAN, RURAL)]
    filters = [each for road_type in asked for each in (road_type.exact, road_type.fuzzy) if each]
    keys = sorted({key for each in filters for key in each.keys})
    return code, tuple(keys), any(each.key_patterns for each in filters), any(each.relation for each in asked)


def matches(law: Law, code: str, seen: Seen) -> Iterator[Match]:
    """Yield the road types that a segment may be of, likeliest first."""
    place = law.jurisdictions[code]
    roads = place.in_order()
    exact, relation, fuzzy = (_Tester(law, seen, level) for level in (0, 1, 2))
    for road in roads:
        if relation.holds(road.road_type):
            yield Match(road, Certainty.EXACT if exact.holds(road.road_type) else Certainty.RELATION)
    for road in roads:
        if seen.posted and read_limits(road.tags).car_speed == seen.posted:
            yield Match(road, Certainty.POSTED)
    for road in roads:
        if fuzzy.holds(road.road_type):
            yield Match(road, Certainty.FUZZY)
    if others := place.others():
        yield Match(others, Certainty.FALLBACK)


class _Tester:
    """Answers of one segment: with the exact filters (level 0), the relations too (1), the fuzzy ones too (2)."""

    def __init__(self, law: Law, seen: Seen, level: int) -> None:
        self.law, self.seen, self.level = law, seen, level
        self.known = {} if seen.is_built_up is None else {URBAN: seen.is_built_up, RURAL: not seen.is_built_up}

    def holds(self, name: str) -> bool:
        if name not in self.known:
            self.known[name] = self._asks(name)
        return self.known[name]

    def _asks(self, name: str) -> bool:
        exact, relation, fuzzy, _ = self.law.road_types[name]
        return bool(
            (exact and exact.test(self.seen.tags, self.holds))
            or (relation and self.level and any(relation.test(route, self.holds) for route in self.seen.routes))
            or (fuzzy and self.level == 2 and fuzzy.test(self.seen.tags, self.holds))
        )


def limit_of(found: Sequence[Match], posted: Speed | None = None) -> LegalLimit:
    """Return the answer that road types give, likeliest first."""
    if not found:
        rules = make_rules(posted, NO_LIMITS)
        return LegalLimit(*_parts(posted), None, Certainty.FALLBACK, "", rules, [])
    first = found[0]
    limits = read_limits(first.road.tags)
    cars = next((match for match in found if read_limits(match.road.tags).car), first)
    stated = read_limits(cars.road.tags)
    car = posted or stated.car_speed
    others = [limit.text for limit in binding(car, limits) if not limit.when]
    elsewhere = [f"the limit of cars is that of {_spoken(cars.road)}"] if cars is not first and not posted else []
    return LegalLimit(
        *_parts(car),
        stated.car.reason if stated.car and not posted else None,
        cars.certainty if not posted else first.certainty,
        first.road.road_type,
        make_rules(car, limits),
        [*elsewhere, *limits.notes, *others],
    )


def _parts(speed: Speed | None) -> tuple[int | None, str | None]:
    return (speed.value, speed.unit) if speed else (None, None)


def _spoken(road: RoadLaw) -> str:
    return repr(road.road_type) if road.road_type else "other roads"


def legal_values(law: Law, jurisdiction: str) -> list[tuple[int, str]]:
    """Return the limits that the law of a jurisdiction knows for cars, each with its unit, the lowest first.

    Examples
    --------
    >>> from tasks.law.law_table import read_law
    >>> legal_values(read_law(), "FI")
    [(20, 'km/h'), (50, 'km/h'), (100, 'km/h')]
    """
    roads = law.jurisdictions[law.code_of(jurisdiction)].roads
    speeds = {speed for road in roads if (speed := read_limits(road.tags).car_speed)}
    return [(speed.value, speed.unit) for speed in sorted(speeds, key=lambda speed: speed.kmh)]


def legal_unit(law: Law, jurisdiction: str) -> str | None:
    """Return the unit in which most limits of a jurisdiction are written; None if there are none.

    Examples
    --------
    >>> from tasks.law.law_table import read_law
    >>> legal_unit(read_law(), "GB")
    'mph'
    """
    units = [unit for _, unit in legal_values(law, jurisdiction)]
    return max(sorted(set(units)), key=units.count) if units else None


HIGHWAYS = {road_class: road_class.value for road_class in RoadClass} | {RoadClass.UNKNOWN: "road"}
ONEWAYS = {OneWay.FORWARD: "yes", OneWay.BACKWARD: "-1", OneWay.REVERSIBLE: "reversible", OneWay.NO: "no"}


def law_tags(
    *, road_class: str, subclass: str | None, tags: Tags, one_way: str, ref: str | None, name: str | None
) -> Tags:
    """Return the OSM tags that describe a segment: its own where it has them, else what its columns say.

    Examples
    --------
    >>> law_tags(road_class="service", subclass="alley", tags={}, one_way="forward", ref=None, name=None)
    {'highway': 'service', 'oneway': 'yes', 'service': 'alley'}
    """
    if "highway" in tags:
        return tags
    link = "_link" if subclass == RoadSubclass.LINK else ""
    service = {"service": subclass} if subclass and not link else {}
    known = {"ref": ref, "name": name}
    made = {"highway": HIGHWAYS[RoadClass(road_class)] + link, "oneway": ONEWAYS[OneWay(one_way)]}
    return made | service | {key: value for key, value in known.items() if value} | {**tags}
