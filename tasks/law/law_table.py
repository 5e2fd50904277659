"""The law table: reads its files, checks them, and says in file, line and column what is wrong with them.

`table/README.md` describes the files.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tasks.law.road_filter import FilterError, RoadFilter, read_filter
from tasks.law.vehicle_limit import LimitError, read_limits

PACKAGED = Path(__file__).parent / "table"
"""The table that Waysmith carries."""

URBAN, RURAL = "urban", "rural"
"""Names of the road types that say whether a road is in a built-up area: inputs of whoever asks."""

Texts = tuple[tuple[str, str], ...]
"""Name and text of each file of a table."""

ROAD_TYPE_KEYS = {"exact", "relation", "fuzzy", "note"}
JURISDICTION_KEYS = {"date", "source", "note", "road"}
FILTER_KEYS = ("exact", "relation", "fuzzy")


class LawError(ValueError):
    """A law table that cannot be used, or a question that it cannot be asked; the message says where and why."""


class UnknownJurisdiction(LawError):
    """A code that the table has no law for."""


class RoadType(NamedTuple):
    """A kind of road, and the filters that find it."""

    exact: RoadFilter | None
    relation: RoadFilter | None
    fuzzy: RoadFilter | None
    note: str

    @property
    def filters(self) -> list[RoadFilter]:
        """The filters that it has."""
        return [each for each in (self.exact, self.relation, self.fuzzy) if each]


class RoadLaw(NamedTuple):
    """What the law says of one road type in one jurisdiction."""

    road_type: str
    """Empty for all other roads."""
    tags: tuple[tuple[str, str], ...]
    """The limits, as OSM tags."""


class Jurisdiction(NamedTuple):
    """The law of one place."""

    code: str
    date: date
    """The day on which the source said so."""
    source: str
    note: str
    roads: tuple[RoadLaw, ...]
    """In the order of the table."""

    def in_order(self) -> list[RoadLaw]:
        """Return the named road types, in the order in which they are tried."""
        general = next((i for i, road in enumerate(self.roads) if not road.road_type), -1)
        below, above = self.roads[general + 1 :], self.roads[: max(general, 0)]
        return [*reversed(below), *above]

    def others(self) -> RoadLaw | None:
        """Return what holds for all other roads, if the table says so."""
        return next((road for road in self.roads if not road.road_type), None)


class Law:
    """A law table that was read. Two are the same where their files are; a pickle of one holds the files."""

    def __init__(self, texts: Texts) -> None:
        tables = [_parsed(name, text) for name, text in texts]
        self.texts = texts
        self.digest = digest_of(texts)
        self.notes = [note for table in tables for note in table.get("table", {}).get("notes", [])]
        self.road_types = dict(_merged(texts, tables, "road_type", _road_type))
        self.jurisdictions = dict(_merged(texts, tables, "jurisdiction", _jurisdiction))
        _check_references(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return law_of, (self.texts,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Law) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def code_of(self, jurisdiction: str) -> str:
        """Return the code whose law holds in a jurisdiction: its own, or that of the country that it is part of.

        Raises
        ------
        UnknownJurisdiction
            If the table has neither.
        """
        country = jurisdiction.partition("-")[0]
        if jurisdiction in self.jurisdictions:
            return jurisdiction
        if country in self.jurisdictions:
            return country
        raise UnknownJurisdiction(_unknown(self, jurisdiction))


def read_law(path: str | Path | None = None) -> Law:
    """Return the law table of a file or of a folder of `.toml` files; without a path, the one that Waysmith carries.

    A table that was read before is not read again while its files say the same.

    Raises
    ------
    LawError
        If there is no such table, or what is wrong with it.

    Examples
    --------
    >>> law = read_law()
    >>> len(law.jurisdictions), law.jurisdictions["DE"].date.isoformat()
    (242, '2023-10-21')
    """
    return law_of(_texts(Path(path or PACKAGED)))


@lru_cache(maxsize=8)
def law_of(texts: Texts) -> Law:
    """Return the law table that files with these names and texts make."""
    return Law(texts)


def digest_of(texts: Texts) -> str:
    """Return what tells one table from another: a hexadecimal digest of its files.

    Examples
    --------
    >>> digest_of((("a.toml", ""),)) == digest_of((("b.toml", ""),))
    True
    """
    digest = hashlib.sha256()
    for _, text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()


def _texts(path: Path) -> Texts:
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise LawError(f"{path}: no .toml file in this folder, expected those of a law table")
    try:
        return tuple((str(file), file.read_text(encoding="utf-8")) for file in files)
    except OSError as error:
        raise LawError(f"{path}: {error.strerror}, expected a law table: a .toml file or a folder of them") from None
    except UnicodeDecodeError as error:
        raise LawError(f"{path}: byte {error.start} is no UTF-8, expected a law table as text") from None


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LawError(f"{name}: {error}, expected TOML") from None
    for key in table.keys() - {"table", "road_type", "jurisdiction"}:
        raise _Entry(name, text, key, key).error("it is not known, expected table, road_type or jurisdiction")
    return table


def _merged(texts: Texts, tables: Sequence[dict[str, Any]], kind: str, make: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and meaning of all entries of one kind in all files."""
    seen: dict[str, str] = {}
    for (file, text), table in zip(texts, tables, strict=True):
        for name, entry in _entries(file, text, table, kind):
            at = _Entry(file, text, kind, name)
            if name in seen:
                raise at.error(f"it is in {seen[name]} too, expected it once")
            seen[name] = file
            yield name, make(at, entry)


def _entries(file: str, text: str, table: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = table.get(kind, {})
    for name, entry in entries.items() if isinstance(entries, dict) else [("", entries)]:
        if not isinstance(entry, dict):
            raise _Entry(file, text, kind, name).error(f"it is {entry!r}, expected a table [{kind}.NAME]")
        yield name, entry


class _Entry(NamedTuple):
    """An entry of a file, for messages: its kind, its name, and for a road of a jurisdiction the how manieth it is."""

    file: str
    text: str
    kind: str
    name: str
    road: int | None = None

    def error(self, message: str, *words: str, offset: int = 0) -> LawError:
        """Return an error at the last of the words that stand one after another behind the entry's heading."""
        place = max(self.start(), 0)
        for word in words:
            found = self.text.find(word, place)
            place = found if found >= 0 else place
        place += offset
        column = place - self.text.rfind("\n", 0, place)
        line = self.text.count("\n", 0, place) + 1
        return LawError(f"{self.file}:{line}:{column}: {self.name}: {message}")

    def start(self) -> int:
        """Return where the heading stands, in any of the ways that TOML lets one write it; -1 if it is not there."""
        tail = "" if self.road is None else r"\.\s*road\s*"
        heading = rf"^[ \t]*\[+\s*{self.kind}\s*\.\s*([\"']?){re.escape(self.name)}\1\s*{tail}\]"
        places = [match.start() for match in re.finditer(heading, self.text, re.MULTILINE)]
        return places[self.road or 0] if len(places) > (self.road or 0) else self.text.find(self.name)


def _road_type(at: _Entry, entry: dict[str, Any]) -> RoadType:
    _check_keys(at, entry, ROAD_TYPE_KEYS)
    exact, relation, fuzzy = (_filter(at, key, entry.get(key)) for key in FILTER_KEYS)
    return RoadType(exact, relation, fuzzy, entry.get("note", ""))


def _filter(at: _Entry, key: str, text: object) -> RoadFilter | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise at.error(f"{key} is {text!r}, expected a filter in quotes", key)
    try:
        return read_filter(text)
    except FilterError as error:
        raise at.error(f"{key}: {error}", key, text, offset=error.offset) from None


def _jurisdiction(at: _Entry, entry: dict[str, Any]) -> Jurisdiction:
    _check_keys(at, entry, JURISDICTION_KEYS)
    if not isinstance(entry.get("date"), date):
        raise at.error(f"date is {entry.get('date')!r}, expected a day such as 2023-10-21", "date")
    if not isinstance(entry.get("source"), str):
        raise at.error(f"source is {entry.get('source')!r}, expected words", "source")
    roads = tuple(_road_law(at, nth, road) for nth, road in enumerate(entry.get("road", [])))
    if sum(not road.road_type for road in roads) > 1:
        raise at.error("two roads without a type, expected one for all other roads")
    return Jurisdiction(at.name, entry["date"], entry["source"], entry.get("note", ""), roads)


def _road_law(at: _Entry, nth: int, road: dict[str, Any]) -> RoadLaw:
    for key, value in road.items():
        if not isinstance(value, str):
            raise at._replace(road=nth).error(f"{key} is {value!r}, expected words in quotes", key)
    tags = tuple((key, value) for key, value in road.items() if key != "type")
    try:
        read_limits(tags)
    except LimitError as error:
        raise at._replace(road=nth).error(str(error), error.key, error.value) from None
    return RoadLaw(road.get("type", ""), tags)


def _check_keys(at: _Entry, entry: dict[str, Any], known: set[str]) -> None:
    for key in entry.keys() - known:
        raise at.error(f"{key!r}, expected one of {', '.join(sorted(known))}", key)


def _check_references(law: Law) -> None:
    """Raise if a name stands for no road type, or for itself by a detour."""
    for name, road_type in law.road_types.items():
        for road in (road for found in road_type.filters for road in sorted(found.roads)):
            if road not in law.road_types:
                message = f"{{{road}}} is no road type{_nearest(road, law.road_types)}"
                raise _entry_of(law, "road_type", name).error(message, road)
    for name in law.road_types:
        if name in references(law, name):
            raise _entry_of(law, "road_type", name).error("its filters lead back to itself, expected an end")
    for code, jurisdiction in law.jurisdictions.items():
        for road in (each.road_type for each in jurisdiction.roads if each.road_type):
            if road not in law.road_types:
                message = f"{road!r} is no road type{_nearest(road, law.road_types)}"
                raise _entry_of(law, "jurisdiction", code).error(message, road)


def _entry_of(law: Law, kind: str, name: str) -> _Entry:
    """Return where an entry of any file stands."""
    entries = [_Entry(file, text, kind, name) for file, text in law.texts]
    return max(entries, key=_Entry.start)


def references(law: Law, name: str) -> set[str]:
    """Return the road types that the filters of one refer to, straight or through others.

    Examples
    --------
    >>> sorted(references(read_law(), "urban unpaved road"))
    ['has sidewalk', 'unpaved road', 'urban']
    """
    found: set[str] = set()
    new = {road for each in law.road_types[name].filters for road in each.roads}
    while new:
        found |= new
        new = {road for each in new for found_in in law.road_types[each].filters for road in found_in.roads} - found
    return found


def _unknown(law: Law, jurisdiction: str) -> str:
    parts = sorted(code for code in law.jurisdictions if code.startswith(f"{jurisdiction.partition('-')[0]}-"))
    if parts:
        return f"{jurisdiction}: the law table has no rules for it, only for its parts {', '.join(parts)}"
    return f"{jurisdiction}: the law table has no such jurisdiction{_nearest(jurisdiction, law.jurisdictions)}"


def _nearest(name: str, names: Mapping[str, object]) -> str:
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    return f", expected such as {', '.join(near)}" if near else ""
