"""The speed limit of one segment: its own tags and signs, the law, the roads around, and how sure all that is."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.vocabulary import Basis, Heading, SpeedReason
from tasks.inferred_rule import inferred_rules
from tasks.ladder import (
    DECIDING,
    FLOOR,
    MOST_INFERRED,
    ORDER,
    RELIABILITY,
    carries,
    odds_against,
    posterior,
    strongest,
)
from tasks.limit_evidence import (
    SURE,
    Around,
    Evidence,
    evidence_rows,
    explained,
    likelihoods,
    own_witnesses,
    probe_heard,
    probe_row,
    reason_of,
)
from tasks.limit_text import UNLIMITED, limit_kmh
from tasks.speed_rule import Rule, longest_limit

Row = Mapping[str, Any]

WITHOUT_NUMBER = (SpeedReason.VARIABLE, SpeedReason.WALKING_PACE)
"""What the map may state instead of a number: nothing is inferred against it."""
WORDS = (SpeedReason.UNLIMITED, *WITHOUT_NUMBER)
"""All that it may state instead of a number."""
CARRIED = 0.5
"""Share of a limit along the road from which on it is said to carry on from there."""


class SpeedLimit(NamedTuple):
    """What may be driven on a segment; the columns of SPEED_LIMIT that the task makes."""

    jurisdiction: str | None
    speed_limits: list[Rule]
    max_speed_forward_kmh: float | None
    max_speed_backward_kmh: float | None
    basis: str | None
    confidence: float | None
    reason: str | None
    evidence: list[Evidence]


class Choice(NamedTuple):
    """The limit of one heading."""

    limit: str
    basis: Basis
    confidence: float
    odds_against: float = 0.0
    """That what is stated of the segment is wrong, by what probes say."""


class Stated(NamedTuple):
    """What the map states of a segment; as in POSTED_LIMIT."""

    rules: Sequence[Rule]
    forward: Row | None
    backward: Row | None
    reason: str | None
    evidence: Sequence[Evidence]

    @property
    def posted(self) -> dict[Heading, Row | None]:
        """The number that is stated for each heading."""
        return {Heading.FORWARD: self.forward, Heading.BACKWARD: self.backward}

    @property
    def worded(self) -> list[Heading]:
        """Headings for which the map states a word instead of a number."""
        reasons = {
            heading: reason_of(heading, each, self.reason, self.evidence) for heading, each in self.posted.items()
        }
        return [heading for heading, reason in reasons.items() if reason in WORDS]


def speed_limit(
    *,
    rules: Sequence[Rule],
    forward: Row | None,
    backward: Row | None,
    reason: str | None,
    evidence: Sequence[Evidence],
    jurisdictions: Sequence[Row],
    built_up: float,
    built_up_note: str,
    signs: Sequence[Row],
    legal: Sequence[Row],
    implied: Sequence[Row],
    nearest_id: str | None,
    nearest_limit: str | None,
    nearest_m: float,
    odds: Sequence[Row],
) -> SpeedLimit:
    """Return the limit of a segment with what it rests on, and how sure it is.

    What is said of the segment itself decides, from the strongest rung down: a posted limit, a sign, a zone, a law
    that the map names. Where nothing is, or only what is wrong more often than right (a sign at the far end), the
    likeliest limit counts. The confidence is the probability that all witnesses together give the limit that was
    chosen. In a segment of several jurisdictions the number is that of the longest part.

    Parameters
    ----------
    rules, forward, backward, reason, evidence
        What the map states, as in POSTED_LIMIT.
    built_up, built_up_note, signs, legal, implied
        As in BUILT_UP, SIGN_LIMIT and LEGAL_LIMIT.
    nearest_id, nearest_limit, nearest_m, odds
        As in CONTINUITY and LIMIT_ODDS.

    Examples
    --------
    >>> odds = [{"limit": "50 km/h", "probability": 0.8, "learned": 0.7, "along": 0.0}]
    >>> found = speed_limit(
    ...     rules=[], forward=None, backward=None, reason="not_posted", evidence=[],
    ...     jurisdictions=[{"code": "FI", "between": None}], built_up=0.9, built_up_note="for: buildings within 60 m",
    ...     signs=[], legal=[], implied=[], nearest_id=None, nearest_limit=None, nearest_m=0.0, odds=odds,
    ... )
    >>> found.max_speed_forward_kmh, found.basis, round(found.confidence, 2)
    (50.0, 'learned', 0.8)
    """
    around = Around(built_up, built_up_note, signs, legal, implied, nearest_id, nearest_limit, nearest_m, odds)
    return weighed(Stated(rules, forward, backward, reason, evidence), jurisdictions, around)


def weighed(stated: Stated, jurisdictions: Sequence[Row], around: Around) -> SpeedLimit:
    """Return the limit of a segment by what the map states of it, and by all around it."""
    code, rules = jurisdictions[0]["code"] if jurisdictions else None, list(stated.rules)
    if stated.reason in WITHOUT_NUMBER:
        told = evidence_rows(stated.evidence, around, _probe_rows(around, {}))
        return SpeedLimit(code, rules, None, None, Basis.POSTED.value, None, stated.reason, told)
    chosen = _chosen(stated, around)
    told = evidence_rows(stated.evidence, around, _probe_rows(around, chosen))
    known = [each for each in chosen.values() if each]
    if not known:
        return SpeedLimit(code, rules, None, None, None, None, SpeedReason.NO_LAW.value, told)
    limits = {heading: each.limit for heading, each in chosen.items() if each}
    made = inferred_rules(rules, stated.posted, limits, around.legal, around.built_up, stated.worded)
    ahead, back = (_kmh(each) for each in chosen.values())
    if len(around.legal) > 1:
        ahead, back = (longest_limit(made, heading) if chosen[heading] else None for heading in Heading)
    return SpeedLimit(
        jurisdiction=code,
        speed_limits=made,
        max_speed_forward_kmh=ahead,
        max_speed_backward_kmh=back,
        basis=min((each.basis for each in known), key=lambda basis: ORDER[basis]).value,
        confidence=min(each.confidence for each in known),
        reason=SpeedReason.UNLIMITED.value if ahead is None and back is None else None,
        evidence=explained(told, {heading: (each.limit, each.basis) for heading, each in chosen.items() if each}),
    )


def _chosen(stated: Stated, around: Around) -> dict[Heading, Choice | None]:
    """Return the limit of each heading; where all that is said holds for both, it is weighed once."""
    if _is_alike(stated, around):
        probe = probe_heard(None, around.probes)
        both = choose(Heading.FORWARD, stated.forward, stated.reason, stated.evidence, around, probe)
        return dict.fromkeys(stated.posted, both)
    return {
        heading: choose(heading, each, stated.reason, stated.evidence, around, probe_heard(heading, around.probes))
        for heading, each in stated.posted.items()
    }


def _is_alike(stated: Stated, around: Around) -> bool:
    """Whether all that is stated holds for both headings."""
    said = (*stated.evidence, *around.signs, *around.implied)
    return stated.forward == stated.backward and all(each["heading"] is None for each in said)


def _probe_rows(around: Around, chosen: Mapping[Heading, Choice | None]) -> list[Evidence]:
    """Return what probes say as evidence: once where both headings are of one choice."""
    ways: list[Heading | None] = [*chosen] if len({*chosen.values()}) > 1 else [None]
    heard = [(heading, probe_heard(heading, around.probes), chosen.get(heading or Heading.FORWARD)) for heading in ways]
    return [
        probe_row(probe, choice.limit if choice else None, heading, choice.odds_against if choice else 0.0)
        for heading, probe, choice in heard
        if probe
    ]


def choose(
    heading: Heading,
    posted: Row | None,
    reason: str | None,
    evidence: Sequence[Row],
    around: Around,
    probe: Row | None = None,
) -> Choice | None:
    """Return the limit of one heading, None where nothing tells any, or where the map states what is no number.

    Parameters
    ----------
    probe
        What the speeds of the heading say, as in PROBE_LIMIT.
    """
    reason = reason_of(heading, posted, reason, evidence)
    if reason in WITHOUT_NUMBER:
        return None
    prior = {each["limit"]: each["probability"] for each in around.odds}
    witnesses = list(own_witnesses(heading, posted, reason, evidence, around))
    before = posterior(prior, witnesses) if witnesses else prior
    driven = likelihoods(probe)
    after = posterior(prior, witnesses, driven) if driven else before
    if own := strongest(each for each in witnesses if RELIABILITY[each.basis] * each.weight >= DECIDING):
        against = odds_against(own.limit, prior, after, driven)
        return Choice(own.limit, own.basis, after[own.limit], against)
    if not after:
        return _by_law(around)
    limit = max(after, key=lambda each: after[each])
    if driven and carries(limit, before, after):
        return Choice(limit, Basis.PROBE, min(after[limit], MOST_INFERRED))
    said = strongest(each for each in witnesses if each.limit == limit)
    sure = min(after[limit], max(MOST_INFERRED, before[limit])) if driven else after[limit]
    return Choice(limit, said.basis if said else _ground(limit, around), sure)


def _by_law(around: Around) -> Choice | None:
    """Return what the law alone says, where nothing else is known."""
    for part in around.legal:
        answer = part["urban" if around.built_up >= 0.5 else "rural"]
        if answer["limit"]:
            return Choice(answer["limit"], Basis.LAW if answer["certainty"] in SURE else Basis.FUZZY, FLOOR)
    return None


def _ground(limit: str, around: Around) -> Basis:
    """Return the strongest rung that says this limit."""
    odds = next(each for each in around.odds if each["limit"] == limit)
    if around.nearest_limit == limit and odds["along"] >= CARRIED:
        return Basis.CONTINUITY
    areas = {"urban": around.built_up, "rural": 1 - around.built_up}
    legal = [part[area] for part in around.legal[:1] for area, chance in areas.items() if chance >= 0.5]
    said = [answer["certainty"] in SURE for answer in legal if answer["limit"] == limit]
    if any(said):
        return Basis.LAW
    likeliest = max(around.odds, key=lambda each: each["learned"])["limit"]
    return Basis.LEARNED if likeliest == limit or not said else Basis.FUZZY


def _kmh(choice: Choice | None) -> float | None:
    return None if choice is None or choice.limit == UNLIMITED else limit_kmh(choice.limit)
