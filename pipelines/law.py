"""What the law table says of a jurisdiction, and what changed between two tables, in lines for people."""

from collections.abc import Iterator, Mapping

from tasks.law.law_table import FILTER_KEYS, Jurisdiction, Law, RoadLaw, RoadType, references
from tasks.law.vehicle_limit import Limits, read_limits

TYPE_KEYS = (*FILTER_KEYS, "note")
OTHERS = "all other roads"


def law_lines(law: Law, jurisdiction: str) -> list[str]:
    """Return lines that say all the law table knows of a jurisdiction.

    Raises
    ------
    UnknownJurisdiction
        If the table has no law for it; the message names codes that are near.

    Examples
    --------
    >>> from tasks.law.law_table import read_law
    >>> for line in law_lines(read_law(), "US-IL")[:6]:
    ...     print(line)
    US-IL: as of 2023-10-21
      source: OpenStreetMap wiki, Default speed limits, revision 2607051
      Below 'all other roads' the last that matches wins; where none does, above it the first.
      alley: 15 mph
        exact: highway=service and service=alley
      urban: 30 mph
    """
    place = law.jurisdictions[law.code_of(jurisdiction)]
    return list(_place_lines(law, place, jurisdiction))


def law_table_lines(law: Law) -> list[str]:
    """Return lines that say what a law table holds, and what its source could not place."""
    count = f"{len(law.jurisdictions)} jurisdictions, {len(law.road_types)} road types"
    codes = ", ".join(sorted(law.jurisdictions))
    return [count, *(f"note: {note}" for note in law.notes), f"codes: {codes}"]


def law_diff_lines(old: Law, new: Law) -> list[str]:
    """Return lines that say what changed from one law table to another, by jurisdiction and road type.

    A line starts with `+` for what is new, `-` for what is gone and `~` for what is otherwise; no line, no change.
    """
    codes = sorted(old.jurisdictions.keys() | new.jurisdictions.keys())
    names = sorted(old.road_types.keys() | new.road_types.keys())
    places = (_place_diff(code, old.jurisdictions.get(code), new.jurisdictions.get(code)) for code in codes)
    types = (_type_diff(name, old.road_types.get(name), new.road_types.get(name)) for name in names)
    return [line for lines in (*places, *types) for line in lines]


def _place_lines(law: Law, place: Jurisdiction, asked: str) -> Iterator[str]:
    whose = f", whose law holds in {asked}" if asked != place.code else ""
    yield f"{place.code}{whose}: as of {place.date}"
    yield f"  source: {place.source}"
    if place.note:
        yield f"  note: {place.note}"
    if place.others():
        yield f"  Below '{OTHERS}' the last that matches wins; where none does, above it the first."
    for road in place.roads:
        yield from _road_lines(road)
        yield from _filter_lines(law.road_types.get(road.road_type))
    named = {road.road_type for road in place.roads if road.road_type}
    for name in sorted({other for each in named for other in references(law, each)} - named):
        yield f"  {{{name}}}"
        yield from _filter_lines(law.road_types[name])


def _road_lines(road: RoadLaw) -> Iterator[str]:
    limits = read_limits(road.tags)
    yield f"  {road.road_type or OTHERS}: {_car_text(limits)}"
    if limits.lowest:
        yield f"    at least {limits.lowest.value} {limits.lowest.unit}"
    yield from (f"    {limit.text}" for limit in limits.vehicles)
    yield from (f"    {note}" for note in limits.notes)


def _car_text(limits: Limits) -> str:
    if limits.car_speed:
        return f"{limits.car_speed.value} {limits.car_speed.unit}"
    if limits.car and limits.car.reason:
        return limits.car.reason.replace("_", " ")
    return "no limit of its own for cars"


def _filter_lines(road_type: RoadType | None) -> Iterator[str]:
    if road_type:
        yield from (f"    {key}: {text}" for key, text in zip(TYPE_KEYS, _texts(road_type), strict=True) if text)


def _place_diff(code: str, old: Jurisdiction | None, new: Jurisdiction | None) -> Iterator[str]:
    if old is None or new is None:
        sign, place = ("+", new) if new else ("-", old)
        yield f"{sign} {code}: {len(place.roads) if place else 0} road types"
        return
    for key in ("date", "source", "note"):
        if getattr(old, key) != getattr(new, key):
            yield f"~ {code}: {key} {getattr(old, key) or 'none'} -> {getattr(new, key) or 'none'}"
    before, after = _by_name(old), _by_name(new)
    for name in before | after:
        yield from _road_diff(f"{code}: {name}", before.get(name), after.get(name))
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield f"~ {code}: order of the road types {', '.join(before)} -> {', '.join(after)}"


def _by_name(place: Jurisdiction) -> dict[str, Mapping[str, str]]:
    """Return the tags of each road type; one that is listed again has a number behind its name."""
    found: dict[str, Mapping[str, str]] = {}
    for road in place.roads:
        name = road.road_type or OTHERS
        again = sum(each == name or each.startswith(f"{name} (") for each in found)
        found[f"{name} ({again + 1})" if again else name] = dict(road.tags)
    return found


def _road_diff(name: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Iterator[str]:
    if old is None or new is None:
        sign, tags = ("+", new) if new is not None else ("-", old)
        yield f"{sign} {name}: {', '.join(f'{key}={value}' for key, value in (tags or {}).items()) or 'no limits'}"
        return
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"~ {name}: {key} {old.get(key, 'absent')} -> {new.get(key, 'absent')}"


def _type_diff(name: str, old: RoadType | None, new: RoadType | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{'+' if new else '-'} road type {name}"
        return
    for key, before, after in zip(TYPE_KEYS, _texts(old), _texts(new), strict=True):
        if before != after:
            yield f"~ road type {name}: {key} {before or 'absent'} -> {after or 'absent'}"


def _texts(road_type: RoadType) -> list[str]:
    filters = (road_type.exact, road_type.relation, road_type.fuzzy)
    return [*(found.text if found else "" for found in filters), road_type.note]
