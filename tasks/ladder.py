"""What stands on the rungs of evidence, and what all of it together makes of each limit.

Every witness is right with its reliability, and else names some other limit. Bayes' rule turns the odds that a segment
has before its own tags and signs are heard into those after: a true witness never lowers the probability of the truth.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.vocabulary import Basis

OTHERS = 10
"""Limits that a wrong witness may name instead, alike likely."""
FLOOR = 0.01
"""Probability that a limit that a witness names has before, where nothing spoke for it: a town may do what none did."""

RELIABILITY = {Basis.POSTED: 0.98, Basis.SIGN: 0.9, Basis.ZONE: 0.9, Basis.IMPLICIT: 0.85}
"""How often each kind of statement about the segment itself is right, where nothing else is known."""

DECIDING = 0.7
"""A witness that is less often right is weighed with the others, but does not decide by its rung."""

ORDER = {basis: rank for rank, basis in enumerate(Basis)}
"""Rungs, strongest first."""


class Witness(NamedTuple):
    """One statement about the segment itself."""

    basis: Basis
    limit: str
    """As text: `50 km/h`, `none`."""
    weight: float = 1.0
    """Share of the reliability of its kind: less for a sign that may stand on the next road."""


def posterior(prior: Mapping[str, float], witnesses: Iterable[Witness]) -> dict[str, float]:
    """Return the probability of each limit after all witnesses are heard.

    What the prior leaves of 1 is that of limits which nobody named, so that one witness alone is not taken for certain.

    Examples
    --------
    >>> after = posterior({"50 km/h": 0.5, "30 km/h": 0.5}, [Witness(Basis.POSTED, "30 km/h")])
    >>> round(after["30 km/h"], 3)
    0.998
    >>> round(posterior({}, [Witness(Basis.POSTED, "30 km/h")])["30 km/h"], 3)
    0.98
    """
    heard = list(witnesses)
    unnamed = max(1 - sum(prior.values()), 0.0) / (OTHERS + 1)
    chances = {**prior} | {each.limit: max(prior.get(each.limit, 0.0), FLOOR, unnamed) for each in heard}
    rest = OTHERS * unnamed
    for basis, limit, weight in heard:
        right = RELIABILITY[basis] * weight
        wrong = (1 - right) / OTHERS
        rest *= wrong
        for known in chances:
            chances[known] *= max(right, wrong) if known == limit else wrong
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
