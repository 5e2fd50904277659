"""Each limit that a segment may have, and all that speaks for it, as numbers that mean the same in every country."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.limit_model.attributes import ATTRIBUTES
from tasks.limit_model.habits import Habits, road_kind
from tasks.limit_model.row_sum import row_sums
from tasks.limit_text import limit_kmh

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Row = Mapping[str, Any]

UNLIMITED_KMH = 160.0
"""What no limit counts as, beside other speeds."""
SURE = ("exact", "relation", "posted")
"""Ways in which the law tells a road type without doubt."""

AREAS = ("urban", "rural")

ALIKE_PRIOR, NAMED_PRIOR, ALONG_PRIOR, AROUND_PRIOR = 1.0, 0.3, 0.15, 1.0
"""Segments that the weaker ground counts as, in the shares of the stronger one that leans on it."""

GROUNDS = ("overall", "kind", "learned", "alike", "around", "named", "far", "near")
"""Shares of a limit by one ground each, weakest first."""
SUMS = ("named_sum", "far_sum", "near_sum", "alike_sum", "around_sum")
WEIGHTS = ("named_weight", "far_weight", "near_weight")
LAW = ("law", "law_sure", "law_urban", "law_rural")
GAPS = ("kind_gap", "learned_gap", "alike_gap", "around_gap", "far_gap")
"""How far the limit lies from the mean of a ground, in km/h."""
OWN = ("kmh", "class", "subclass", "is_one_way", "lanes", "length", "built_up", "has_name", "ref_length", "is_mph")
FEATURES = (*GROUNDS, *SUMS, *WEIGHTS, *LAW, *GAPS, *OWN)
"""Names of the numbers, in the order of the columns."""
RISING = frozenset({*GROUNDS, *WEIGHTS, *LAW}) - {"overall"}
"""Numbers of which more never makes a limit less likely."""


@dataclass(frozen=True)
class Segments:
    """What is known of the segments of one country."""

    attributes: Floats
    classes: Sequence[str]
    subclasses: Sequence[str | None]
    built_up: Floats
    witnesses: Sequence[Sequence[Row] | None]
    """As in CONTINUITY."""
    legal: Sequence[Sequence[Row] | None]
    """As in LEGAL_LIMIT."""
    is_mph: bool


def speed_order(limit: str) -> tuple[float, str]:
    """Return what limits are sorted by: their speed."""
    return limit_kmh(limit), limit


def limits_of(segments: Segments, common: Iterable[str]) -> tuple[list[str], Flags]:
    """Return all limits that any of the segments may have, and which of them each may; shape (n, limits).

    A segment may have those `common` to its jurisdiction, those that stand around it, and those of its law.
    """
    own = [
        {each["limit"] for each in witnesses or ()}
        | {part[area]["limit"] for part in (legal or ())[:1] for area in AREAS}
        for witnesses, legal in zip(segments.witnesses, segments.legal, strict=True)
    ]
    shared = set(common)
    limits = sorted(shared.union(*own) - {None}, key=speed_order)
    place = {limit: number for number, limit in enumerate(limits)}
    allowed = np.zeros((len(own), len(limits)), dtype=bool)
    allowed[:, [place[limit] for limit in shared]] = True
    for row, each in enumerate(own):
        allowed[row, [place[limit] for limit in each if limit is not None]] = True
    return limits, allowed


def candidates(segments: Segments, habits: Habits | None, limits: Sequence[str], allowed: Flags) -> Floats:
    """Return for each segment and limit all that speaks for it; shape (n, limits, len(FEATURES))."""
    count, speeds = len(segments.classes), np.array([min(limit_kmh(text), UNLIMITED_KMH) for text in limits])
    weights = _weights(segments.witnesses, limits)
    made = _shares(segments, habits, limits, weights, allowed)
    for name in ("named", "far", "near", "alike", "around"):
        made[f"{name}_sum"] = np.log(row_sums(weights[name]) + 0.01)
        made[f"{name}_weight"] = np.log1p(weights[name])
    made |= _law(segments, limits)
    for name in ("kind", "learned", "alike", "around", "far"):
        total = np.maximum(row_sums(made[name]), 1e-9)
        made[f"{name}_gap"] = speeds - row_sums(made[name] * speeds) / total
    made |= _own(segments, speeds)
    return np.stack([np.broadcast_to(made[name], (count, len(limits))) for name in FEATURES], axis=2)


def _weights(witnesses: Sequence[Sequence[Row] | None], limits: Sequence[str]) -> dict[str, Floats]:
    """Return what is said for each limit around each segment."""
    place = {text: number for number, text in enumerate(limits)}
    names = ("near", "far", "named", "alike", "around")
    sums = np.zeros((len(names), len(witnesses), len(limits)))
    for row, told in enumerate(witnesses):
        for each in told or ():
            sums[:, row, place[each["limit"]]] = [each[name] for name in names]
    return dict(zip(names, sums, strict=True))


def _shares(
    segments: Segments, habits: Habits | None, limits: Sequence[str], weights: Mapping[str, Floats], allowed: Flags
) -> dict[str, Floats]:
    """Return the share of each limit by each ground; a ground leans on the weaker one where it knows little."""
    overall, kind, learned = _habits(segments, habits, limits, allowed)
    alike = _leaning(weights["alike"], kind, ALIKE_PRIOR)
    named = _leaning(weights["named"], alike, NAMED_PRIOR)
    return {
        "overall": overall,
        "kind": kind,
        "learned": learned,
        "alike": alike,
        "around": _leaning(weights["around"], overall, AROUND_PRIOR),
        "named": named,
        "far": _leaning(weights["far"], named, ALONG_PRIOR),
        "near": _leaning(weights["near"], named, ALONG_PRIOR),
    }


def _leaning(weights: Floats, prior: Floats, strength: float) -> Floats:
    shares: Floats = (weights + strength * prior) / (row_sums(weights) + strength)
    return shares


def _habits(
    segments: Segments, habits: Habits | None, limits: Sequence[str], allowed: Flags
) -> tuple[Floats, Floats, Floats]:
    """Return the shares over all roads, over roads of the kind, and over roads like each segment."""
    shape = (len(segments.classes), len(limits))
    if habits is None or not habits.limits:
        even = allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1)
        return even, even, even
    kinds = [road_kind(*each) for each in zip(segments.classes, segments.subclasses, strict=True)]
    columns = [list(limits).index(text) for text in habits.limits]
    made = []
    for shares in (habits.overall()[None, :], habits.of_kinds(kinds), habits.learned(segments.attributes, kinds)):
        spread = np.zeros(shape)
        spread[:, columns] = shares
        made.append(spread)
    return made[0], made[1], made[2]


def _law(segments: Segments, limits: Sequence[str]) -> dict[str, Floats]:
    """Return how far the law speaks for each limit; of a segment in several jurisdictions the first counts."""
    place = {text: number for number, text in enumerate(limits)}
    made = {name: np.zeros((len(segments.legal), len(limits))) for name in LAW}
    for row, (legal, built_up) in enumerate(zip(segments.legal, segments.built_up, strict=True)):
        for area, chance in (("urban", built_up), ("rural", 1 - built_up)) if legal else ():
            answer = (legal or [{}])[0][area]
            if answer["limit"] is None:
                continue
            column = place[answer["limit"]]
            made["law"][row, column] += chance
            made["law_sure"][row, column] += chance * (answer["certainty"] in SURE)
            made[f"law_{area}"][row, column] = 1.0
    return made


def _own(segments: Segments, speeds: Floats) -> dict[str, Floats]:
    """Return what is known of the segments themselves, and the speed of each limit."""
    of_segment = {name: segments.attributes[:, [ATTRIBUTES.index(name)]] for name in OWN if name in ATTRIBUTES}
    return of_segment | {"kmh": speeds[None, :], "is_mph": np.array([[float(segments.is_mph)]])}
