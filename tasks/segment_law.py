"""What the law says of one segment: on each part of it, in and out of built-up areas, and by the codes it names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from schemas.vocabulary import RoadClass
from tasks.input_file import InputFile
from tasks.law.implicit_limit import implicit_limit
from tasks.law.law_table import Law, LawError, read_law
from tasks.legal_limit import LegalLimit, law_tags, legal_limit
from tasks.limit_text import limit_text
from tasks.maxspeed import UnreadableSpeed
from tasks.speed_code import find_code, is_built_up

Row = dict[str, Any]


AREA_KEY = "zone:traffic"
"""Key of a code that tells the area alone."""
BY_CLASS = "highway"
"""Key of a code that the class of a road stands for."""


@dataclass(frozen=True)
class LawFile:
    """Which law table is asked."""

    file: InputFile | None = None
    """File or folder; None for the table that comes with Waysmith."""
    digest: str = ""
    """Digest of the table that comes with Waysmith, where that is asked: a changed law is a changed parameter."""

    @classmethod
    def of(cls, path: str | Path | None) -> "LawFile":
        """Return the law table of a local file or folder, without one that of Waysmith, with what is in it.

        Raises
        ------
        LawError
            If it cannot be used.
        """
        law = read_law(path)
        return cls(InputFile.of(path)) if path else cls(None, law.digest)

    @property
    def law(self) -> Law:
        """The table, read once in a process."""
        return _law(self.file.uri, self.file.digest) if self.file else _law(None, self.digest)


@lru_cache(maxsize=4)
def _law(path: str | None, digest: str) -> Law:  # noqa: ARG001  (a changed file is another law)
    return read_law(path)


class SegmentLaw(NamedTuple):
    """The columns of LEGAL_LIMIT that the task makes."""

    legal: list[Row]
    implied: list[Row]


def segment_law(
    *,
    class_: str,
    subclass: str | None,
    tags: dict[str, str],
    one_way: str,
    ref: str | None,
    name: str | None,
    routes: Sequence[Mapping[str, Any]],
    jurisdictions: Sequence[Mapping[str, Any]],
    codes: Sequence[Mapping[str, Any]],
    params: LawFile,
) -> SegmentLaw:
    """Return what the law of each jurisdiction along a segment sets, and what the laws set that its tags name.

    A jurisdiction that the table has no law for gives no part.

    Examples
    --------
    >>> found = segment_law(
    ...     class_="tertiary", subclass=None, tags={"highway": "tertiary"}, one_way="no", ref=None, name=None,
    ...     routes=[], jurisdictions=[{"code": "FI", "between": None}], codes=[], params=LawFile(),
    ... )
    >>> [found.legal[0][area]["limit"] for area in ("urban", "rural")]
    ['50 km/h', '100 km/h']
    """
    law = params.law
    described = law_tags(road_class=class_, subclass=subclass, tags=tags, one_way=one_way, ref=ref, name=name)
    legal = []
    for part in jurisdictions:
        try:
            urban, rural = (
                legal_limit(law, jurisdiction=part["code"], tags=described, routes=routes, is_built_up=is_built_up)
                for is_built_up in (True, False)
            )
        except LawError:
            continue
        told = {
            "urban": _answer(urban),
            "rural": _answer(rural),
            "urban_rules": urban.rules,
            "rural_rules": rural.rules,
        }
        legal.append({"code": part["code"], "between": part["between"]} | told)
    named = [*codes, *_by_class(class_, jurisdictions, codes)]
    implied = [_of_area(code, legal) or _implied(law, code) for code in named]
    return SegmentLaw(legal, [each for each in implied if each["key"] != BY_CLASS or each["limit"] or each["reason"]])


def _by_class(
    class_: str, jurisdictions: Sequence[Mapping[str, Any]], codes: Sequence[Mapping[str, Any]]
) -> Iterator[Row]:
    """Yield the code that a living street stands for: a sign makes it one, so its class names its law."""
    if class_ == RoadClass.LIVING_STREET and jurisdictions and not codes:
        yield {"key": BY_CLASS, "code": f"{jurisdictions[0]['code']}:{class_}", "heading": None}


def _answer(found: LegalLimit) -> Row:
    return {
        "limit": _text(found),
        "reason": found.reason.value if found.reason else None,
        "certainty": found.certainty.value,
        "road_type": found.road_type,
    }


def _text(found: LegalLimit) -> str | None:
    speed = {"value": found.value, "unit": found.unit} if found.value is not None else None
    return limit_text(speed, found.reason)


def _of_area(code: Mapping[str, Any], legal: Sequence[Row]) -> Row | None:
    """Return what the law sets for the segment itself, where the map says in which area it is; None where it does not.

    `zone:traffic=DE:urban` names the area and not the limit: a living street there is still one.
    """
    named = find_code(code["code"]) if code["key"].startswith(AREA_KEY) else None
    is_inside = is_built_up(named) if named else None
    if is_inside is None or not legal:
        return None
    answer = legal[0]["urban" if is_inside else "rural"]
    told = {"key": code["key"], "code": code["code"], "heading": code["heading"]}
    return told | {"limit": answer["limit"], "reason": answer["reason"], "note": answer["road_type"] or "other roads"}


def _implied(law: Law, code: Mapping[str, Any]) -> Row:
    told = {"key": code["key"], "code": code["code"], "heading": code["heading"]}
    try:
        found = implicit_limit(law, code["code"])
    except (LawError, UnreadableSpeed) as error:
        return told | {"limit": None, "reason": None, "note": str(error)}
    reason = found.reason.value if found.reason else None
    return told | {"limit": _text(found), "reason": reason, "note": found.road_type or "other roads"}
