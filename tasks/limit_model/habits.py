"""What limits the roads of a country have where the map states them: the habits of one extract."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.limit_model.forest import Forest, grow
from tasks.limit_text import limit_kmh

Floats = npt.NDArray[np.float64]

MOST_METRES = 500.0
"""A longer segment counts as one of this length: one long road is one example."""
PRIOR_METRES = 300.0
"""Roads of all classes count as so many metres in the shares of each class."""
FEWEST_EXAMPLES, FEWEST_LIMITS = 20, 2
"""With less there is no forest, and the shares of the classes stand for it."""


def road_kind(road_class: str, subclass: str | None) -> str:
    """Return class and subclass as one word.

    Examples
    --------
    >>> road_kind("trunk", "link")
    'trunk/link'
    """
    return f"{road_class}/{subclass}" if subclass else road_class


@dataclass(frozen=True)
class Examples:
    """Segments of one country whose limit is stated."""

    attributes: Floats
    """Shape (n, attributes)."""
    limits: list[str]
    kinds: list[str]
    metres: Floats


@dataclass(frozen=True)
class Habits:
    """Limits seen in a country, how often on roads of each kind, and a forest that tells them by attributes."""

    limits: tuple[str, ...]
    """By speed."""
    metres: Mapping[str, tuple[float, ...]]
    """Metres of road of each kind with each limit."""
    forest: Forest | None
    examples: int = 0
    """Segments that all this was learned from."""

    def overall(self) -> Floats:
        """Return the share of each limit over all roads."""
        sums = np.sum([np.zeros(len(self.limits)), *map(np.array, self.metres.values())], axis=0)
        shares: Floats = sums / max(sums.sum(), 1.0)
        return shares

    def of_kinds(self, kinds: Sequence[str]) -> Floats:
        """Return the share of each limit on roads of each kind, leaning on all roads where few are known."""
        overall = self.overall()
        shares = {}
        for kind in set(kinds):
            metres = np.array(self.metres.get(kind, np.zeros(len(self.limits))))
            shares[kind] = (metres + PRIOR_METRES * overall) / (metres.sum() + PRIOR_METRES)
        return np.array([shares[kind] for kind in kinds]).reshape(len(kinds), len(self.limits))

    def learned(self, attributes: Floats, kinds: Sequence[str]) -> Floats:
        """Return the share of each limit on roads like each segment; shape (n, limits)."""
        return self.forest.predict(attributes) if self.forest else self.of_kinds(kinds)

    def to_table(self) -> pa.Table:
        """Return the nodes of the forest as rows, all else as metadata."""
        told = json.dumps({"limits": self.limits, "metres": self.metres, "examples": self.examples}, sort_keys=True)
        table = self.forest.to_table() if self.forest else pa.table({})
        return table.replace_schema_metadata({"habits": told})

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Return the habits written by `to_table`."""
        told = json.loads(table.schema.metadata[b"habits"])
        metres = {kind: tuple(each) for kind, each in told["metres"].items()}
        forest = Forest.from_table(table) if table.num_columns else None
        return cls(tuple(told["limits"]), metres, forest, told["examples"])


def habits_of(examples: Examples) -> Habits:
    """Return what the examples of one country teach."""
    limits = sorted(set(examples.limits), key=lambda text: (limit_kmh(text), text))
    place = {text: number for number, text in enumerate(limits)}
    numbers = np.array([place[text] for text in examples.limits], dtype=np.int64)
    weights = np.minimum(examples.metres, MOST_METRES)
    metres = {}
    for kind in sorted(set(examples.kinds)):
        is_kind = np.array([each == kind for each in examples.kinds])
        sums = np.bincount(numbers[is_kind], weights[is_kind], len(limits))
        metres[kind] = tuple(np.round(sums, 1).tolist())
    enough = len(numbers) >= FEWEST_EXAMPLES and len(limits) >= FEWEST_LIMITS
    forest = grow(examples.attributes, numbers.tolist(), weights, count=len(limits)) if enough else None
    return Habits(tuple(limits), metres, forest, len(numbers))
