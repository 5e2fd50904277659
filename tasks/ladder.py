"""What stands on the rungs of evidence, and what all of it together makes of each limit.

Every witness is right with its reliability, and else names some other limit. Bayes' rule turns the odds that a segment
has before its own tags and signs are heard into those after: a true witness never lowers the probability of the truth.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple

from schemas.vocabulary import Basis

OTHERS = 10
"""Limits that a wrong witness may name instead, alike likely."""
UNTOLD = 0.0005
"""Probability of a limit that the odds do not name, where probes are heard: they leave out those below 1 in 1000."""
FLOOR = 0.01
"""Probability that a limit that a witness names has before, where nothing spoke for it: a town may do what none did."""

RELIABILITY = {Basis.POSTED: 0.98, Basis.SIGN: 0.9, Basis.ZONE: 0.9, Basis.IMPLICIT: 0.85}
"""How often each kind of statement about the segment itself is right, where nothing else is known."""

POSITIVE = 3.0
"""Ratio of likelihoods from which on speeds speak against a limit.

R. Kass, A. Raftery, Bayes Factors, JASA 90, 1995: below 3 it is not worth more than a bare mention.
"""
LEAST_CHANCE = 1e-9
"""Probability that a statement does not fall below where odds are told."""

DECIDING = 0.7
"""A witness that is less often right is weighed with the others, but does not decide by its rung."""

MOST_INFERRED = 0.98
"""Confidence that what probes decide does not go beyond, as nothing inferred does."""

ORDER = {basis: rank for rank, basis in enumerate(Basis)}
"""Rungs, strongest first."""


class Witness(NamedTuple):
    """One statement about the segment itself."""

    basis: Basis
    limit: str
    """As text: `50 km/h`, `none`."""
    weight: float = 1.0
    """Share of the reliability of its kind: less for a sign that may stand on the next road."""


SILENCE: Mapping[str, float] = MappingProxyType({})
"""What probes say where there are none."""


def posterior(
    prior: Mapping[str, float], witnesses: Iterable[Witness], probes: Mapping[str, float] = SILENCE
) -> dict[str, float]:
    """Return the probability of each limit after all witnesses are heard.

    What the prior leaves of 1 is that of limits which nobody named, so that one witness alone is not taken for certain.

    Parameters
    ----------
    probes
        How likely the observed speeds are under each limit, up to a factor; others are as likely as the mean of these.

    Examples
    --------
    >>> after = posterior({"50 km/h": 0.5, "30 km/h": 0.5}, [Witness(Basis.POSTED, "30 km/h")])
    >>> round(after["30 km/h"], 3)
    0.998
    >>> round(posterior({}, [Witness(Basis.POSTED, "30 km/h")])["30 km/h"], 3)
    0.98
    """
    heard, usual = list(witnesses), fmean(probes.values()) if probes else 1.0
    unnamed = max(1 - sum(prior.values()), 0.0) / (OTHERS + 1)
    chances = {**prior} | {each.limit: max(prior.get(each.limit, 0.0), FLOOR, unnamed) for each in heard}
    for limit in probes:
        chances.setdefault(limit, max(UNTOLD, unnamed))
    rest = OTHERS * unnamed
    for basis, limit, weight in heard:
        right = RELIABILITY[basis] * weight
        wrong = (1 - right) / OTHERS
        rest *= wrong
        for known in chances:
            chances[known] *= max(right, wrong) if known == limit else wrong
    if probes:
        chances = {limit: chance * probes.get(limit, usual) for limit, chance in chances.items()}
        rest *= usual
    total = sum(chances.values()) + rest
    return {limit: chance / total for limit, chance in chances.items()}


def strongest(witnesses: Iterable[Witness]) -> Witness | None:
    """Return the witness on the highest rung; of several there the surest, of equals the first.

    Examples
    --------
    >>> strongest([Witness(Basis.IMPLICIT, "50 km/h"), Witness(Basis.SIGN, "30 km/h", 0.5)]).limit
    '30 km/h'
    """
    return min(witnesses, key=lambda each: (ORDER[each.basis], -each.weight), default=None)


def odds_against(
    limit: str, prior: Mapping[str, float], after: Mapping[str, float], probes: Mapping[str, float]
) -> float:
    """Return the odds that a statement of `limit` is wrong, by all that was heard.

    0 where the probes do not speak against it: where the other limits, each as likely as the prior has it, explain the
    speeds less than `POSITIVE` times as well.

    Parameters
    ----------
    after
        What `posterior` makes of the prior, the statement, and the probes.

    Examples
    --------
    >>> prior, probes = {"30 km/h": 0.5, "50 km/h": 0.5}, {"30 km/h": 1.0, "50 km/h": 0.001}
    >>> after = posterior(prior, [Witness(Basis.POSTED, "50 km/h")], probes)
    >>> round(odds_against("50 km/h", prior, after, probes), 1)
    2.0
    """
    shares = {other: max(prior.get(other, 0.0), FLOOR) for other in probes if other != limit}
    if limit not in probes or not shares:
        return 0.0
    otherwise = sum(share * probes[other] for other, share in shares.items()) / sum(shares.values())
    if otherwise < POSITIVE * probes[limit]:
        return 0.0
    return (1 - after[limit]) / max(after[limit], LEAST_CHANCE)


def carries(limit: str, before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Return whether what came in between made the limit the likeliest, or more than squared its odds.

    Examples
    --------
    >>> carries("30 km/h", {"30 km/h": 0.4, "50 km/h": 0.6}, {"30 km/h": 0.7, "50 km/h": 0.3})
    True
    >>> carries("30 km/h", {"30 km/h": 0.9}, {"30 km/h": 0.95})
    False
    """
    if not before or max(before, key=lambda each: before[each]) != limit:
        return True
    old, new = (chances[limit] / max(1 - chances[limit], 1e-9) for chances in (before, after))
    return new > max(old, old**2)
