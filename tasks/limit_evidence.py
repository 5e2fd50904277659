"""All that speaks of the limit of one segment, as witnesses that are weighed and as evidence that people read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.ladder import RELIABILITY, Witness
from tasks.limit_text import limit_speed, limit_text

Row = Mapping[str, Any]
Evidence = dict[str, Any]

SIGN_KINDS = ("limit", "zone")
"""Signs that show a limit; ends and city limits tell of the law alone."""
SURE = ("exact", "relation", "posted")
"""Ways in which the law tells a road type without doubt."""
FULL = 0.9
"""Weight of a sign that stands on one segment: it counts as fully reliable."""


class Around(NamedTuple):
    """What the surroundings of a segment say of its limit."""

    built_up: float
    built_up_note: str
    signs: Sequence[Row]
    legal: Sequence[Row]
    implied: Sequence[Row]
    nearest_id: str | None
    nearest_limit: str | None
    nearest_m: float
    odds: Sequence[Row]


def own_witnesses(
    heading: Heading, posted: Row | None, reason: str | None, evidence: Sequence[Row], around: Around
) -> Iterator[Witness]:
    """Yield what is stated of the segment itself for one heading.

    Parameters
    ----------
    posted
        The number that the map states, the strongest of several.
    evidence
        All that the map states, each weight 1 where it holds for every car at any hour.
    """
    text = limit_text(posted, reason)
    if text:
        yield Witness(_basis_of(posted, heading, evidence), text)
    for each in evidence:
        other = _number(each)
        if other and other != text and each["weight"] >= 1 and _is_for(heading, each) and "rule" not in each["note"]:
            yield Witness(Basis(each["basis"]), other)
    for sign in around.signs:
        shown = _number(sign)
        if shown and sign["kind"] in SIGN_KINDS and sign["weight"] > 0 and _is_for(heading, sign):
            yield Witness(Basis.SIGN, shown, min(sign["weight"] / FULL, 1.0))
    for law in around.implied:
        if law["limit"] and _is_for(heading, law):
            yield Witness(Basis.IMPLICIT, law["limit"])


def _basis_of(posted: Row | None, heading: Heading, evidence: Sequence[Row]) -> Basis:
    """Return which kind of statement the number is from."""
    value = posted["value"] if posted else None
    for each in evidence:
        if each["weight"] >= 1 and each["value"] == value and each["unit"] != "knots" and _is_for(heading, each):
            return Basis(each["basis"])
    return Basis.POSTED


def _number(row: Row) -> str | None:
    if row["value"] is None or row["unit"] == "knots":
        return None
    return limit_text({"value": round(row["value"]), "unit": row["unit"]})


def _is_for(heading: Heading, row: Row) -> bool:
    return row["heading"] is None or row["heading"] == heading


def evidence_rows(evidence: Sequence[Evidence], around: Around) -> list[Evidence]:
    """Return all that was heard, in the order of the rungs."""
    rows = [
        *evidence,
        *(_sign_row(each) for each in around.signs),
        *(_implied_row(each) for each in around.implied),
        *_continuity_row(around),
        *_law_rows(around),
        *_learned_row(around),
    ]
    return sorted(rows, key=lambda row: (list(Basis).index(Basis(row["basis"])), -row["weight"]))


def _row(basis: Basis, limit: str | None, weight: float, note: str, heading: str | None = None) -> Evidence:
    speed = limit_speed(limit) if limit else None
    value, unit = (float(speed["value"]), speed["unit"]) if speed else (None, None)
    return {"basis": basis.value, "value": value, "unit": unit, "heading": heading, "weight": weight, "note": note}


def _sign_row(sign: Row) -> Evidence:
    shown = _number(sign) if sign["kind"] in SIGN_KINDS else None
    weight = RELIABILITY[Basis.SIGN] * min(sign["weight"] / FULL, 1.0) if shown else 0.0
    return _row(Basis.SIGN, shown, weight, sign["note"], sign["heading"])


def _implied_row(law: Row) -> Evidence:
    weight = RELIABILITY[Basis.IMPLICIT] if law["limit"] or law["reason"] else 0.0
    what = "no limit" if law["reason"] == SpeedReason.UNLIMITED else law["reason"] or law["note"]
    note = f"{law['key']}={law['code']}: {law['note'] if law['limit'] and law['limit'] != 'none' else what}"
    return _row(Basis.IMPLICIT, law["limit"], weight, note, law["heading"])


def _continuity_row(around: Around) -> Iterator[Evidence]:
    if around.nearest_limit:
        share = next((each["along"] for each in around.odds if each["limit"] == around.nearest_limit), 0.0)
        note = f"{around.nearest_limit} on {around.nearest_id}, {around.nearest_m:.0f} m along the road"
        yield _row(Basis.CONTINUITY, around.nearest_limit, share, note)


def _law_rows(around: Around) -> Iterator[Evidence]:
    for part in around.legal:
        for area, chance in (("urban", around.built_up), ("rural", 1 - around.built_up)):
            answer = part[area]
            if chance < 0.05 and part["rural"]["limit"] != part["urban"]["limit"]:
                continue
            basis = Basis.LAW if answer["certainty"] in SURE else Basis.FUZZY
            yield _row(basis, answer["limit"], chance if answer["limit"] else 0.0, _law_note(part, area, around))
            if part["rural"]["limit"] == part["urban"]["limit"]:
                break


def _law_note(part: Row, area: str, around: Around) -> str:
    answer = part[area]
    what = answer["road_type"] or "other roads"
    said = {None: "", SpeedReason.UNLIMITED: ": no limit"}.get(answer["reason"], f": {answer['reason']}")
    if part["rural"]["limit"] == part["urban"]["limit"]:
        return f"law of {part['code']}: {what}{said} ({answer['certainty']})"
    place = f"built up {around.built_up:.2f} ({around.built_up_note})"
    return f"law of {part['code']}, {area}: {what}{said} ({answer['certainty']}); {place}"


def _learned_row(around: Around) -> Iterator[Evidence]:
    best = max(around.odds, key=lambda each: each["learned"], default=None)
    if best:
        yield _row(Basis.LEARNED, best["limit"], best["learned"], "such roads here, where the map states a limit")
