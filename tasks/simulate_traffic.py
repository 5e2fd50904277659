"""How fast simulated drivers go: on which roads, how they differ, and how the hours of the week slow them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.vocabulary import RoadClass, RoadSubclass
from tasks.maxspeed import KMH_PER_UNIT
from tasks.posted_limit import PostedLimit, posted_limit
from tasks.simulate_network import Edges, Network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CLASS_KMH = {
    RoadClass.MOTORWAY: 110.0,
    RoadClass.TRUNK: 90.0,
    RoadClass.PRIMARY: 70.0,
    RoadClass.SECONDARY: 62.0,
    RoadClass.TERTIARY: 52.0,
    RoadClass.UNCLASSIFIED: 45.0,
    RoadClass.RESIDENTIAL: 35.0,
    RoadClass.LIVING_STREET: 15.0,
    RoadClass.SERVICE: 18.0,
    RoadClass.TRACK: 20.0,
    RoadClass.UNKNOWN: 30.0,
}
"""Mean free-flow speed where no limit is stated."""
LINK_SHARE = 0.7
"""What of it is driven on slip roads."""

LIMITS_KMH = np.array([5.0, 32.2, 48.3, 96.6, 112.7, 130.0])
MEANS_KMH = np.array([7.0, 40.2, 49.9, 80.5, 111.0, 122.0])
"""Mean free-flow speeds of cars at a limit, straight lines between.

Department for Transport, Vehicle speed compliance statistics for Great Britain (2016–2022): 20 mph 25, 30 mph 31,
60 mph single carriageway 50, 70 mph motorway 69. The ends are ours.
"""
UNLIMITED_KMH = 135.0
ROAD_SIGMA = 0.07
"""Spread of segments about what their limit or class says: standard deviation of the logarithm."""

RUSHES = ((8.0, 1.2, 1.0), (17.0, 1.6, 0.9))
"""Rush hours of working days: middle and spread (h), and how much of the full delay."""
WEEKEND = (14.0, 2.5, 0.35)
CROWDED = {
    RoadClass.MOTORWAY: 0.9,
    RoadClass.TRUNK: 1.0,
    RoadClass.PRIMARY: 1.0,
    RoadClass.SECONDARY: 0.9,
    RoadClass.TERTIARY: 0.7,
}
"""How much of the delay of the hour roads of a class feel; others 0.3."""
QUIET = 0.3

SIGNAL_SHARE = 0.5
"""Share of the junctions of three or more roads, one of them tertiary or larger, that have traffic lights."""
LARGE = (RoadClass.TRUNK, RoadClass.PRIMARY, RoadClass.SECONDARY, RoadClass.TERTIARY)

WEEK_HOURS = 168


class Traffic(NamedTuple):
    """How edges and junctions are driven before any hour or driver; one entry for each edge."""

    free_kmh: Floats
    crowding: Floats
    """How much of the delay of the hour it feels, 0 to about 1.5."""
    has_signal: Flags
    """Whether there are traffic lights at its end."""
    gives_way: Flags
    """Whether a larger road meets it at its end."""
    is_end: Flags
    """Whether drives may begin and end here: not on motorways, trunk roads and slip roads, if there are others."""


def traffic(network: Network, roads: pa.Table, rng: np.random.Generator, limits: Floats | None = None) -> Traffic:
    """Return how the roads are driven.

    Parameters
    ----------
    limits
        Speed limits (km/h) forward and backward; shape (n, 2), inf for unlimited, NaN where none is known. Without it
        they are those that the roads' tags or rules state.
    """
    count = roads.num_rows
    edges = network.edges
    limits = posted_kmh(roads) if limits is None else limits
    side = (~edges.is_forward).astype(np.int64)
    free = _free_flow(roads, limits) * np.exp(ROAD_SIGMA * rng.standard_normal(count))[:, None]
    classes = roads.column("class").to_numpy(zero_copy_only=False)
    crowding = np.array([CROWDED.get(each, QUIET) for each in classes]) * rng.uniform(0.5, 1.5, count)
    has_signal, gives_way = _junctions(edges, classes, rng)
    links = roads.column("subclass").to_numpy(zero_copy_only=False) == RoadSubclass.LINK
    is_local = ~(np.isin(classes, [RoadClass.MOTORWAY, RoadClass.TRUNK]) | links)[edges.segment]
    is_end = is_local if (is_local & network.is_origin).any() else np.ones(len(is_local), dtype=bool)
    return Traffic(free[edges.segment, side], crowding[edges.segment], has_signal, gives_way, is_end)


def posted_kmh(roads: pa.Table) -> Floats:
    """Return the limits that tags or rules state, forward and backward (km/h); inf, NaN as in `traffic`; (n, 2)."""
    tags, rules = roads.column("tags").to_pylist(), roads.column("speed_limits").to_pylist()
    found = [posted_limit(tags=dict(each), speed_limits=stated or []) for each, stated in zip(tags, rules, strict=True)]
    return np.array([_both_kmh(each) for each in found], dtype=np.float64).reshape(-1, 2)


def _both_kmh(found: PostedLimit) -> tuple[float, float]:
    none = np.inf if found.reason == "unlimited" else np.nan
    forward, backward = (
        each["value"] * KMH_PER_UNIT[each["unit"]] if each else none for each in (found.forward, found.backward)
    )
    return forward, backward


def _free_flow(roads: pa.Table, limits: Floats) -> Floats:
    """Return mean free-flow speeds forward and backward (km/h); shape (n, 2)."""
    classes = roads.column("class").to_numpy(zero_copy_only=False)
    links = roads.column("subclass").to_numpy(zero_copy_only=False) == RoadSubclass.LINK
    usual = np.array([CLASS_KMH.get(each, CLASS_KMH[RoadClass.UNKNOWN]) for each in classes])
    usual = usual * np.where(links, LINK_SHARE, 1.0)
    stated = np.where(np.isinf(limits), UNLIMITED_KMH, np.interp(limits, LIMITS_KMH, MEANS_KMH))
    return np.where(np.isnan(limits), usual[:, None], stated)


def _junctions(edges: Edges, classes: npt.NDArray[np.object_], rng: np.random.Generator) -> tuple[Flags, Flags]:
    """Return for each edge whether lights stand at its end, and whether it must give way there."""
    nodes = int(max(edges.tail.max(), edges.head.max())) + 1 if len(edges.tail) else 0
    ranks = {str(each): rank for rank, each in enumerate(RoadClass)}
    rank = np.array([ranks[each] for each in classes], dtype=np.int64)[edges.segment]
    ends = np.unique(np.column_stack([np.r_[edges.tail, edges.head], np.r_[edges.stretch, edges.stretch]]), axis=0)
    roads = np.bincount(ends[:, 0], minlength=nodes)
    largest = np.full(nodes, len(ranks))
    np.minimum.at(largest, edges.head, rank)
    np.minimum.at(largest, edges.tail, rank)
    is_large = np.isin(largest, [ranks[each] for each in LARGE])
    has_signal = (roads >= 3) & is_large & (rng.random(nodes) < SIGNAL_SHARE)
    return has_signal[edges.head], (roads >= 3)[edges.head] & ~has_signal[edges.head] & (largest[edges.head] < rank)


def delay(hour: float) -> float:
    """Return how much of the full delay there is at an hour of the local week, 0 to 1; 0 is Monday 0:00.

    Examples
    --------
    >>> [round(delay(hour), 2) for hour in (3.0, 8.0, 5 * 24 + 8.0, 5 * 24 + 14.0)]
    [0.0, 1.0, 0.02, 0.35]
    """
    day, clock = divmod(hour % WEEK_HOURS, 24)
    bumps = RUSHES if day < 5 else (WEEKEND,)
    return float(max(much * np.exp(-0.5 * ((clock - middle) / spread) ** 2) for middle, spread, much in bumps))


def demand() -> Floats:
    """Return the share of the week's drives that begin in each of its hours; shape (168,)."""
    hours = np.arange(WEEK_HOURS) + 0.5
    by_day = np.where((hours % 24 > 6) & (hours % 24 < 22), 0.5, 0.08)
    weight = by_day + np.array([delay(hour) for hour in hours])
    shares: Floats = weight / weight.sum()
    return shares
