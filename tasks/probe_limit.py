"""What the speeds of probes say of the limit of each segment: how likely they are under each limit of the country."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import shapely

from tasks.input_file import InputFile
from tasks.limit_model.candidates import speed_order
from tasks.limit_model.driving import ROAD_CONTEXT, Driving, driven_of, joint_logs, likely_shares, weight_of
from tasks.limit_model.driving_fit import Lesson, learn_from
from tasks.road_graph import places_m

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
Row = dict[str, Any]

FEWEST_TRACES = 3
"""With fewer nothing is said."""
SAME_ROAD_M = 1000.0
"""Parts of one record so far apart are heard together, as in LIMIT_ODDS."""
LEAST_LIKELY = 1e-6
"""Likelihood, as a share of the highest, that none falls below."""


@dataclass(frozen=True)
class DrivingFile:
    """Where it stands how each country drives."""

    driving: InputFile
    """Folder with one Parquet file for each country, named by its code."""


class ProbeLimit(NamedTuple):
    """What probes say of each segment."""

    probes: list[list[Row]]


class Heard(NamedTuple):
    """One speed that says something: of which segment and road, and under which limits it is weighed."""

    row: int
    country: str
    road: str
    """Record and heading; of one segment where it is part of no record."""
    told: Row
    limits: frozenset[str]


def probe_limit(
    *,
    segment_id: Sequence[str],
    geometry: "npt.NDArray[shapely.LineString]",
    country: Sequence[str | None],
    record: Sequence[str | None],
    kind: Sequence[str],
    limit: Sequence[str | None],
    context: Floats,
    driven: Sequence[Sequence[Row]],
    odds: Sequence[Sequence[Row] | None],
    is_own: Flags,
    params: DrivingFile,
) -> ProbeLimit:
    """Return how likely the speeds of each segment are under each limit that it may have.

    It may have those that roads of its country state, and those that LIMIT_ODDS names. Parts of one record within
    `SAME_ROAD_M` are heard together with it, since one record has one limit.

    Parameters
    ----------
    country, record, kind, limit, context, driven
        As in PROBE_SPEED; context of shape (n, len(ROAD_CONTEXT)).
    odds
        As in LIMIT_ODDS.
    is_own
        Which rows are asked for.
    """
    probes: list[list[Row]] = [[] for _ in kind]
    context = np.asarray(context, dtype=np.float64).reshape(len(kind), len(ROAD_CONTEXT))
    middle = shapely.line_interpolate_point(geometry, 0.5, normalized=True)
    places = places_m(shapely.get_x(middle), shapely.get_y(middle))
    said = [
        Heard(row, country[row] or "", f"{record[row] or segment_id[row]} {told['heading']}", told,
              frozenset(each for each in (limit[row], *(one["limit"] for one in odds[row] or ())) if each))
        for row, each in enumerate(driven)
        for told in each
        if told["traces"] >= FEWEST_TRACES
    ]  # fmt: skip
    for code, group in groupby(sorted(said, key=lambda each: each.country), key=lambda each: each.country):
        driving, heard = driving_in(params.driving.uri, code, params.driving.digest), list(group)
        rows = np.array([each.row for each in heard])
        for each, told in _told(heard, driving, [kind[row] for row in rows], context[rows], places[rows], is_own[rows]):
            probes[each.row].append(told)
    return ProbeLimit(probes)


def _told(
    heard: Sequence[Heard], driving: Driving, kinds: Sequence[str], context: Floats, places: Floats, asked: Flags
) -> Iterator[tuple[Heard, Row]]:
    """Yield what each of the speeds asked for says, likeliest limits first."""
    limits = sorted({*driving.limits}.union(*(each.limits for each in heard)), key=speed_order)
    if len(limits) < 2:
        return
    driven = driven_of(kinds, context, [each.told for each in heard])
    expected, known = driving.expected(driven, limits), np.array([each in driving.limits for each in limits])
    for place, near in _neighbours([each.road for each in heard], places, asked):
        one, traces = heard[place], driven.traces[near].max()
        allowed = known | np.array([limit in one.limits for limit in limits])
        logs = joint_logs(expected, near)[None, :]
        shares = likely_shares(logs, driving.trust * weight_of(np.array([traces])), allowed[None, :])[0]
        likely = [i for i in np.argsort(-shares, kind="stable").tolist() if allowed[i]]
        yield (
            one,
            {name: one.told[name] for name in ("heading", "traces", "free_flow_kmh")}
            | {"likelihood": [{"limit": limits[i], "likelihood": max(shares[i], LEAST_LIKELY)} for i in likely]},
        )


def _neighbours(roads: Sequence[str], places: Floats, asked: Flags) -> Iterator[tuple[int, Rows]]:
    """Yield each speed asked for with those of its road nearby, itself among them."""
    of_road: dict[str, list[int]] = {}
    for row, road in enumerate(roads):
        of_road.setdefault(road, []).append(row)
    for row in np.flatnonzero(asked).tolist():
        rows = np.array(of_road[roads[row]])
        apart = np.linalg.norm(places[rows] - places[row], axis=1)
        yield row, rows[apart <= SAME_ROAD_M]


@lru_cache(maxsize=64)
def driving_in(folder: str, country: str, digest: str) -> Driving:  # noqa: ARG001  (other content, other driving)
    """Return how a country drives out of a folder; one that has no file is taken to drive at its limits."""
    file = Path(folder) / f"{country}.parquet"
    if country and file.exists():
        return Driving.from_table(pq.read_table(file))
    return learn_from(Lesson(driven_of([], np.empty(0), []), [], []))
