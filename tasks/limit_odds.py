"""How likely each limit is on each segment of a tile, by the law, the roads around, and the habits of the country."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from schemas.vocabulary import SpeedUnit
from tasks.law.law_table import LawError
from tasks.legal_limit import legal_values
from tasks.limit_model.candidates import GROUNDS, Segments, candidates, limits_of
from tasks.limit_model.combiner import Combiner, read_combiner
from tasks.limit_model.habits import Habits
from tasks.road_attribute import country_of
from tasks.segment_law import LawFile

Floats = npt.NDArray[np.float64]
Row = Mapping[str, Any]

LEAST = 0.001
"""Probability below which a limit is not worth a row."""
PART = 4000
"""Segments weighed in one go: memory goes by this times the number of limits."""
NOWHERE = ""
"""Code of a segment at sea."""
LEARNED, FAR = GROUNDS.index("learned"), GROUNDS.index("far")


@dataclass(frozen=True)
class LimitModel:
    """The files that odds are made from; digests make a changed file a changed parameter."""

    habits: str
    """Folder with one Parquet file for each country, named by its code."""
    habits_digest: str
    law: LawFile = field(default_factory=LawFile)
    combiner: str | None = None
    """File; None for the combiner that comes with Waysmith."""
    combiner_digest: str = ""


class LimitOdds(NamedTuple):
    """For each segment its likely limits, likeliest first."""

    odds: list[list[dict[str, Any]]]


class Weighed(NamedTuple):
    """Segments of one jurisdiction, and all that speaks for each limit there."""

    rows: npt.NDArray[np.intp]
    limits: list[str]
    candidates: Floats
    """Shape (rows, limits, features)."""
    unit: str


def limit_odds(
    *,
    class_: Sequence[str],
    subclass: Sequence[str | None],
    built_up: Floats,
    attributes: Sequence[Sequence[float]],
    jurisdictions: Sequence[Sequence[Row]],
    speed_unit: Sequence[str | None],
    witnesses: Sequence[Sequence[Row]],
    legal: Sequence[Sequence[Row]],
    params: LimitModel,
) -> LimitOdds:
    """Return the probability of each limit on each segment; what its own tags state of its limit plays no part.

    Parameters
    ----------
    attributes
        As in ROAD_ATTRIBUTE.
    jurisdictions, speed_unit
        As in JURISDICTION; of several the first one's country counts.
    witnesses, legal
        As in CONTINUITY and LEGAL_LIMIT.
    """
    combiner = read_combiner(params.combiner, params.combiner_digest)
    odds: list[list[dict[str, Any]]] = [[] for _ in class_]
    for part in weigh(
        class_=class_,
        subclass=subclass,
        built_up=built_up,
        attributes=attributes,
        jurisdictions=jurisdictions,
        speed_unit=speed_unit,
        witnesses=witnesses,
        legal=legal,
        params=params,
    ):
        for row, found in zip(part.rows.tolist(), _odds(part, combiner), strict=True):
            odds[row] = found
    return LimitOdds(odds)


def weigh(
    *,
    class_: Sequence[str],
    subclass: Sequence[str | None],
    built_up: Floats,
    attributes: Sequence[Sequence[float]],
    jurisdictions: Sequence[Sequence[Row]],
    speed_unit: Sequence[str | None],
    witnesses: Sequence[Sequence[Row]],
    legal: Sequence[Sequence[Row]],
    params: LimitModel,
) -> Iterator[Weighed]:
    """Yield all that speaks for each limit, jurisdiction by jurisdiction, in parts; parameters as in `limit_odds`."""
    known = np.array(attributes, dtype=np.float64).reshape(len(class_), -1)
    codes = [parts[0]["code"] if parts else NOWHERE for parts in jurisdictions]
    for rows in groups(codes):
        code, unit = codes[rows[0]], speed_unit[rows[0]] or str(SpeedUnit.KMH)
        habits = habits_in(params.habits, country_of(code), params.habits_digest)
        legal_limits = law_limits(params.law, code)
        for part in np.array_split(rows, -(-len(rows) // PART)):
            segments = Segments(
                known[part],
                [class_[i] for i in part],
                [subclass[i] for i in part],
                built_up[part],
                [witnesses[i] for i in part],
                [legal[i] for i in part],
                is_mph=unit == SpeedUnit.MPH,
            )
            limits = limits_of(segments, habits, legal_limits)
            if limits:
                yield Weighed(part, limits, candidates(segments, habits, limits), unit)


def groups(codes: Sequence[str]) -> list[npt.NDArray[np.intp]]:
    """Return the rows of each code, by code."""
    named = np.array(codes, dtype=object)
    return [np.flatnonzero(named == code) for code in sorted(set(codes))]


def law_limits(law: LawFile, code: str) -> list[str]:
    """Return the limits that the law of a place knows for cars, as text; none where it has no law."""
    try:
        return [f"{value} {unit}" for value, unit in legal_values(law.law, code)]
    except LawError:
        return []


@lru_cache(maxsize=64)
def habits_in(folder: str, country: str, digest: str) -> Habits | None:  # noqa: ARG001  (other content, other habits)
    """Return the habits of a country out of a folder, None where it has none."""
    file = Path(folder) / f"{country}.parquet"
    return Habits.from_table(pq.read_table(file)) if country and file.exists() else None


def _odds(part: Weighed, combiner: Combiner) -> Iterator[list[dict[str, Any]]]:
    """Yield the likely limits of each segment."""
    chances = combiner.calibrated(combiner.probabilities(part.candidates), part.unit)
    order = np.argsort(-chances, axis=1, kind="stable").tolist()
    told = np.stack([chances, part.candidates[:, :, LEARNED], part.candidates[:, :, FAR]], axis=2).tolist()
    for row, cells in zip(order, told, strict=True):
        yield [
            {"limit": part.limits[i], "probability": cells[i][0], "learned": cells[i][1], "along": cells[i][2]}
            for i in row
            if cells[i][0] >= LEAST
        ]
