"""All that speaks of the limit of one segment, as witnesses that are weighed and as evidence that people read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.ladder import ORDER, RELIABILITY, Witness
from tasks.limit_text import UNLIMITED, limit_speed, limit_text
from tasks.maxspeed import UnreadableSpeed, read_maxspeed

Row = Mapping[str, Any]
Evidence = dict[str, Any]

SIGN_KINDS = ("limit", "zone")
"""Signs that show a limit; ends and city limits tell of the law alone."""
SURE = ("exact", "relation", "posted")
"""Ways in which the law tells a road type without doubt."""
RULE_NOTE = "speed_limits rule"
"""How notes on rules of the source begin; their number may be one for lorries or for a part of the segment."""
OVERRULED = re.compile(r"not counted, since (.+) says otherwise$", re.DOTALL)
"""How notes on a statement end that another one contradicts; the group is the other's tag."""
LEAST_AREA = 0.05
"""Probability of an area below which its law is not worth a line."""
CONFLICT = "what is stated is wrong by"
"""How a note says that probes contradict what is stated; the odds stand behind it."""
LEAST_ODDS = 0.1
"""Odds that a statement is wrong from which on it is told: a look at the road costs little, and 1 to 49 is what every
posted limit has."""
MOST_ODDS = 1e6
"""Odds above which no more is told."""
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
    probes: Sequence[Row] = ()


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
        if other and other != text and _is_for(heading, each) and _is_heard(each, evidence):
            yield Witness(Basis(each["basis"]), other)
    for sign in around.signs:
        shown = _number(sign)
        if shown and sign["kind"] in SIGN_KINDS and sign["weight"] > 0 and _is_for(heading, sign):
            yield Witness(Basis.SIGN, shown, min(sign["weight"] / FULL, 1.0))
    for law in around.implied:
        if law["limit"] and _is_for(heading, law):
            yield Witness(Basis.IMPLICIT, law["limit"])


def _is_heard(row: Row, evidence: Sequence[Row]) -> bool:
    """Whether a statement is about cars at any hour: it counts, or contradicts one that does.

    A statement contradicts only what is said for the same vehicles and hours.
    """
    if row["weight"] >= 1:
        return not row["note"].startswith(RULE_NOTE)
    overruled = OVERRULED.search(row["note"])
    return overruled is not None and any(
        each["weight"] >= 1 and f"{each['note']};".startswith(f"{overruled[1]};") for each in evidence
    )


def reason_of(heading: Heading, posted: Row | None, reason: str | None, evidence: Sequence[Row]) -> str | None:
    """Return why the map states no number for a heading: the word in a tag for it, else that of the whole segment.

    Examples
    --------
    >>> word = {"basis": "posted", "value": None, "weight": 1.0, "heading": "forward", "note": "maxspeed:forward=walk"}
    >>> [reason_of(heading, None, None, [word]) for heading in Heading]
    ['walking_pace', None]
    """
    if posted:
        return None
    words = {each["heading"]: word for each in evidence if (word := _reason_in(each))}
    return words.get(heading, words.get(None)) if words else reason


def _reason_in(row: Row) -> str | None:
    """Return the reason that a tag gives instead of a number."""
    if row["basis"] != Basis.POSTED or row["value"] is not None or row["weight"] < 1:
        return None
    try:
        found = read_maxspeed(row["note"].partition("; ")[0].partition("=")[2]).reason
    except UnreadableSpeed:
        return None
    return found.value if found else None


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


def probe_heard(heading: Heading | None, probes: Sequence[Row]) -> Row | None:
    """Return what probes say for one heading, or for both (None), where one alone is driven those of it.

    Parameters
    ----------
    probes
        As in PROBE_LIMIT.

    Examples
    --------
    >>> one = [{"heading": "forward", "traces": 9}]
    >>> probe_heard(None, one) == one[0], probe_heard(Heading.BACKWARD, one)
    (True, None)
    """
    of_heading = next((each for each in probes if each["heading"] == heading), None)
    return probes[0] if heading is None and of_heading is None and probes else of_heading


def likelihoods(probe: Row | None) -> dict[str, float]:
    """Return how likely the speeds of probes are under each limit; nothing where there are none."""
    return {each["limit"]: each["likelihood"] for each in probe["likelihood"]} if probe else {}


def probe_row(probe: Row, limit: str | None, heading: str | None = None, odds: float = 0.0) -> Evidence:
    """Return what probes say as evidence: the limit they speak for, and its share of all likelihoods.

    Parameters
    ----------
    limit
        The limit that was chosen, whose likelihood is told.
    odds
        That what is stated is wrong; from `LEAST_ODDS` on it is a conflict.
    """
    told = likelihoods(probe)
    best = max(told, key=lambda each: told[each])
    note = f"{probe['traces']} traces, free flow {probe['free_flow_kmh']:.0f} km/h"
    note += ", as without a limit" if best == UNLIMITED else ""
    if limit and limit != best:
        note += f"; likelihood of {limit} {told.get(limit, 0.0):.2g} of that"
    if odds >= LEAST_ODDS:
        note += f"; {CONFLICT} {min(odds, MOST_ODDS):.3g} to 1"
    return _row(Basis.PROBE, best, told[best] / sum(told.values()), note, heading)


def evidence_rows(evidence: Sequence[Evidence], around: Around, probes: Sequence[Evidence] = ()) -> list[Evidence]:
    """Return all that was heard, in the order of the rungs."""
    rows = [
        *evidence,
        *probes,
        *(_sign_row(each) for each in around.signs),
        *(_implied_row(each) for each in around.implied),
        *_continuity_row(around),
        *_law_rows(around),
        *_learned_row(around),
    ]
    return sorted(rows, key=lambda row: (ORDER[Basis(row["basis"])], -row["weight"]))


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
        if part["urban"]["limit"] == part["rural"]["limit"]:
            yield _law_row(part, "urban" if around.built_up >= 0.5 else "rural", 1.0, around)
            continue
        for area, chance in (("urban", around.built_up), ("rural", 1 - around.built_up)):
            if chance >= LEAST_AREA:
                yield _law_row(part, area, chance, around)


def _law_row(part: Row, area: str, chance: float, around: Around) -> Evidence:
    answer = part[area]
    basis = Basis.LAW if answer["certainty"] in SURE else Basis.FUZZY
    return _row(basis, answer["limit"], chance if answer["limit"] else 0.0, _law_note(part, area, around))


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
    if best and (len(around.odds) == 1 or best["learned"] > min(each["learned"] for each in around.odds)):
        yield _row(Basis.LEARNED, best["limit"], best["learned"], "such roads here, where the map states a limit")


def explained(rows: Sequence[Evidence], choices: Mapping[Heading, tuple[str, Basis]]) -> list[Evidence]:
    """Return evidence in which each statement about the segment itself that was not followed says what counts instead.

    Parameters
    ----------
    choices
        Limit and basis of each heading that has one.
    """
    return [row | {"note": _with_choice(row, choices)} for row in rows]


def _with_choice(row: Evidence, choices: Mapping[Heading, tuple[str, Basis]]) -> str:
    note, stated = str(row["note"]), _number(row)
    is_own = Basis(row["basis"]) in RELIABILITY and row["weight"] > 0 and not note.startswith(RULE_NOTE)
    others = [choice for heading, choice in choices.items() if _is_for(heading, row)]
    if not stated or not is_own or not others or any(limit == stated for limit, _ in others):
        return note
    limit, basis = others[0]
    return f"{note}; not followed: {limit} ({basis}) counts"
