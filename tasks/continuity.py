"""Which limits the roads around each segment have: along the road, on roads of its name, on roads of its class."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from schemas.vocabulary import RoadClass
from tasks.kernel import compiled
from tasks.limit_text import limit_kmh, limit_text
from tasks.road_graph import Graph, Reached, degrees_of, ends_of, graph_of, places_m, reach

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]
Speed = Mapping[str, Any]

NEAR_M, FAR_M = 150.0, 600.0
"""Lengths over which what speaks for a limit falls to 1/e, along the road."""
MOST_COST = 3.5
"""Where following a road ends: at FAR_M × MOST_COST = 2,100 m on a straight road of one name."""
OTHER_NAME, OTHER_CLASS, OTHER_KIND, TURN, OTHER_AREA = 1.0, 1.0, 0.7, 0.7, 1.5
"""What a change of name, class or subclass, a turn, and the way into a built-up area cost, as exponents."""
SIGNED = 1.0
"""What going on beyond a segment with a sign of another limit, a zone or a town costs."""
STRAIGHT, SHARP = 0.7, -0.2
"""Cosines: above the first a road goes straight on, below the second it turns back."""

NAMED_M, ALIKE_M, AROUND_M = 2000.0, 800.0, 800.0
"""How far roads of the same name, of the same class, and any roads are looked at."""
FADE_M = 700.0
"""Length over which what they say falls to 1/e."""

HALO_M = 2500.0
"""What a stage must show of the neighbours: more than any distance above."""

WHOLE = 1_000_000
"""Weights are added up as whole numbers of this, so that the order of adding does not matter."""

RANKS = {str(each): rank for rank, each in enumerate(RoadClass)}
"""Road classes by importance; 0 is a motorway."""


class Continuity(NamedTuple):
    """For each segment the limits around it, the surest of them, and how roads meet at its ends."""

    witnesses: list[list[dict[str, Any]]]
    nearest_id: list[str | None]
    nearest_limit: list[str | None]
    nearest_m: list[float]
    start_roads: npt.NDArray[np.int32]
    end_roads: npt.NDArray[np.int32]
    highest_neighbour: npt.NDArray[np.int32]


class Kinds(NamedTuple):
    """What makes two segments the same road, as numbers; equal means the same."""

    road_class: Ints
    subclass: Ints
    name: Ints
    """-1 where there is none."""
    ref: Ints
    built_up: Floats
    is_signed: Flags


def continuity(
    *,
    segment_id: Sequence[str],
    geometry: "npt.NDArray[shapely.LineString]",
    length_m: Floats,
    class_: Sequence[str],
    subclass: Sequence[str | None],
    name: Sequence[str | None],
    ref: Sequence[str | None],
    connectors: Sequence[Sequence[Mapping[str, Any]]],
    forward: Sequence[Speed | None],
    backward: Sequence[Speed | None],
    reason: Sequence[str | None],
    speed_unit: Sequence[str | None],
    built_up: Sequence[float | None],
    signs: Sequence[Sequence[Mapping[str, Any]] | None],
) -> Continuity:
    """Return which limits stand around each segment, none of them its own.

    A limit carries on along the road, damped by distance, by turns, by a change of name, class or built-up area, and
    by signs on the way. Beside that, segments of the same name or class nearby are counted. Nothing beyond `HALO_M`
    counts, and weights are whole numbers when they are added: tiles do not matter.

    Parameters
    ----------
    forward, backward, reason
        What the map states of each segment, as in POSTED_LIMIT; the higher of the two headings counts.
    speed_unit
        Unit on the signs there.
    signs
        Signs mapped on each segment, as in SIGN_LIMIT.
    """
    kinds = Kinds(
        _numbers(class_), _numbers(subclass), _numbers(name), _numbers(ref),
        np.array([0.5 if each is None else each for each in built_up], dtype=np.float64),
        np.array([bool(each) for each in signs], dtype=bool),
    )  # fmt: skip
    stated = stated_limits(forward, backward, reason, speed_unit)
    texts = sorted({text for text in stated if text}, key=lambda text: (limit_kmh(text), text))
    place = {text: number for number, text in enumerate(texts)}
    limits = np.array([place[text] if text else -1 for text in stated], dtype=np.int64)
    ends = ends_of(connectors)
    graph = graph_of(ends, geometry, length_m)
    reached = along(graph, kinds, np.flatnonzero(limits >= 0))
    start_roads, end_roads = _meetings(ends.connector, ends.segment, ends.at, len(limits))
    sums = np.concatenate([_along_sums(reached, limits, len(texts)), _around_sums(geometry, kinds, limits, len(texts))])
    nearest = _nearest(reached, len(limits))
    return Continuity(
        _witnesses(sums, texts),
        [segment_id[reached.source[row]] if row >= 0 else None for row in nearest],
        [texts[limits[reached.source[row]]] if row >= 0 else None for row in nearest],
        [float(reached.metres[row]) if row >= 0 else 0.0 for row in nearest],
        start_roads,
        end_roads,
        _highest(graph, class_),
    )


def stated_limits(
    forward: Sequence[Speed | None],
    backward: Sequence[Speed | None],
    reason: Sequence[str | None],
    speed_unit: Sequence[str | None],
) -> list[str | None]:
    """Return the limit of each segment as text, the higher one of the two headings, None where none is stated.

    Examples
    --------
    >>> stated_limits([{"value": 50, "unit": "km/h"}, None], [None, None], [None, "unlimited"], [None, None])
    ['50 km/h', 'none']
    """
    stated: list[str | None] = []
    for ahead, back, why, unit in zip(forward, backward, reason, speed_unit, strict=True):
        texts = [text for text in (limit_text(each, why, speed_unit=unit) for each in (ahead, back)) if text]
        stated.append(max(texts, key=limit_kmh) if texts else None)
    return stated


def along(graph: Graph, kinds: Kinds, sources: Ints) -> Reached:
    """Return which segments can be reached along the roads from each source, and at what cost."""
    found = reach(graph.offsets, graph.target, graph.metres, penalties(graph, kinds), sources, FAR_M, MOST_COST)
    return Reached(*found)


def penalties(graph: Graph, kinds: Kinds) -> Floats:
    """Return what each link costs beyond its length: alike both ways."""
    one, other = np.repeat(np.arange(len(graph.offsets) - 1), np.diff(graph.offsets)), graph.target
    is_same_name = (kinds.name[one] == kinds.name[other]) & (kinds.name[one] >= 0)
    is_same_ref = (kinds.ref[one] == kinds.ref[other]) & (kinds.ref[one] >= 0)
    are_both_nameless = (kinds.name[one] < 0) & (kinds.name[other] < 0)
    is_renamed = ~(is_same_name | is_same_ref | are_both_nameless)
    is_other_class = kinds.road_class[one] != kinds.road_class[other]
    is_other_kind = ~is_other_class & (kinds.subclass[one] != kinds.subclass[other])
    turns = np.where(graph.cosine >= STRAIGHT, 0.0, np.where(graph.cosine >= SHARP, TURN, 2 * TURN))
    turns = np.where(is_same_name, turns / 2, turns)
    area = OTHER_AREA * np.abs(kinds.built_up[one] - kinds.built_up[other])
    signed = SIGNED / 2 * (kinds.is_signed[one].astype(np.float64) + kinds.is_signed[other])
    cost: Floats = OTHER_NAME * is_renamed + OTHER_CLASS * is_other_class + OTHER_KIND * is_other_kind + turns + area
    return cost + signed


def _numbers(words: Sequence[str | None]) -> Ints:
    """Return equal numbers for equal words, -1 for None."""
    known: dict[str, int] = {}
    return np.array([-1 if word is None else known.setdefault(word, len(known)) for word in words], dtype=np.int64)


def _along_sums(reached: Reached, limits: Ints, count: int) -> Ints:
    """Return near and far weights; shape (2, segments, limits)."""
    cell = reached.target * max(count, 1) + limits[reached.source]
    sums = np.zeros((2, len(limits) * count), dtype=np.int64)
    for row, scale in enumerate((NEAR_M, FAR_M)):
        weights = np.rint(WHOLE * np.exp(-reached.metres / scale - reached.penalty)).astype(np.int64)
        np.add.at(sums[row], cell, weights)
    return sums.reshape(2, len(limits), count)


def _around_sums(geometry: Shapes, kinds: Kinds, limits: Ints, count: int) -> Ints:
    """Return named, alike and around weights; shape (3, segments, limits)."""
    middle = shapely.line_interpolate_point(geometry, 0.5, normalized=True)
    lon, lat = shapely.get_x(middle), shapely.get_y(middle)
    name = np.where(
        kinds.name >= 0, kinds.name, np.where(kinds.ref >= 0, kinds.ref + kinds.name.max(initial=0) + 1, -1)
    )
    kind = kinds.road_class * (kinds.subclass.max(initial=0) + 2) + kinds.subclass + 1
    stated = np.flatnonzero(limits >= 0)
    stated = stated[np.argsort(lat[stated], kind="stable")]
    return around(
        places_m(lon, lat), lat, name, kind, limits, stated, count, degrees_of(max(NAMED_M, ALIKE_M, AROUND_M))
    )


@compiled
def around(
    places: Floats, lat: Floats, name: Ints, kind: Ints, limits: Ints, stated: Ints, count: int, window: float
) -> Ints:
    """Return what stated segments nearby say, as sums over those of one name, of one kind, and all of them.

    `stated` are rows by latitude; only those within `window` degrees are looked at.
    """
    sums = np.zeros((3, len(lat), count), dtype=np.int64)
    heights = lat[stated]
    for row in range(len(lat)):
        first = np.searchsorted(heights, lat[row] - window)
        last = np.searchsorted(heights, lat[row] + window)
        for other in stated[first:last]:
            across = places[row, 0] - places[other, 0]
            if other == row or across > NAMED_M or across < -NAMED_M:
                continue
            off = places[row] - places[other]
            metres = np.sqrt(off[0] * off[0] + off[1] * off[1] + off[2] * off[2])
            if metres > NAMED_M:
                continue
            is_named = name[row] >= 0 and name[row] == name[other]
            if not is_named and metres > ALIKE_M and metres > AROUND_M:
                continue
            weight = round(WHOLE * np.exp(-metres / FADE_M))
            limit = limits[other]
            if is_named:
                sums[0, row, limit] += weight
            if metres <= ALIKE_M and kind[row] == kind[other]:
                sums[1, row, limit] += weight
            if metres <= AROUND_M:
                sums[2, row, limit] += weight
    return sums


def _witnesses(sums: Ints, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Return the limits of each segment that anything speaks for, lowest first."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(sums.shape[1])]
    rows, limits = np.nonzero(sums.any(axis=0))
    weights = (sums[:, rows, limits] / WHOLE).T.tolist()
    for row, limit, (near, far, named, alike, around) in zip(rows.tolist(), limits.tolist(), weights, strict=True):
        told = {"limit": texts[limit], "near": near, "far": far, "named": named, "alike": alike, "around": around}
        found[row].append(told)
    return found


def _nearest(reached: Reached, count: int) -> list[int]:
    """Return for each segment the entry of `reached` that costs least, the first of several, -1 if there is none."""
    cost = reached.metres / FAR_M + reached.penalty
    order = np.lexsort((reached.source, cost, reached.target))
    targets, first = np.unique(reached.target[order], return_index=True)
    nearest = np.full(count, -1, dtype=np.int64)
    nearest[targets] = order[first]
    return nearest.tolist()


def _meetings(connector: Ints, segment: Ints, at: Floats, count: int) -> tuple[npt.NDArray[np.int32], ...]:
    """Return how many other segments touch the first and the last connector of each."""
    pairs = np.unique(np.column_stack([connector, segment]), axis=0)  # a loop touches its connector twice
    degree = np.bincount(pairs[:, 0])
    found = []
    for place in (0.0, 1.0):
        here = at == place
        meeting = np.zeros(count, dtype=np.int32)
        meeting[segment[here]] = degree[connector[here]] - 1
        found.append(meeting)
    return tuple(found)


def _highest(graph: Graph, classes: Sequence[str]) -> npt.NDArray[np.int32]:
    ranks = np.array([RANKS.get(each, len(RANKS)) for each in classes], dtype=np.int32)
    highest = np.full(len(ranks), len(RANKS), dtype=np.int32)
    source = np.repeat(np.arange(len(ranks)), np.diff(graph.offsets))
    np.minimum.at(highest, source, ranks[graph.target])
    return highest
