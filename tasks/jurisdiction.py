"""Whose law holds on each segment: ISO 3166 codes of the places it runs through."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from tasks.borders.border_map import NOWHERE, Floats, Geometries, Ints, border_map
from tasks.borders.boundary import Overlay, overlay
from tasks.borders.place import place_named
from tasks.measure import TICK_M, distances, fractions, steps

ROUND = 9
"""Decimals of a linear reference: a millimetre in a thousand kilometres."""

Part = dict[str, Any]


@dataclass(frozen=True)
class JurisdictionParams:
    """What a run says of its place beforehand."""

    override: str | None = None
    """Code that holds everywhere, whatever the borders say."""


class Places(NamedTuple):
    """Whose law holds on each segment. Lists of equal content may be one object."""

    jurisdictions: list[list[Part]]
    speed_unit: list[str | None]
    driving_side: list[str | None]


class Stretch(NamedTuple):
    """A part of a line, in fractions of its geodesic length, and the row of its code."""

    start: float
    end: float
    code: int


def jurisdiction(
    *,
    geometry: "npt.NDArray[shapely.LineString]",
    map_feature: pa.Table,
    params: JurisdictionParams,
) -> Places:
    """Return the codes along each line in drawing order, with unit and driving side of the longest part.

    A code comes from the boundaries among the map features where they hold the place, else from the packaged
    borders; the answer for a line depends on nothing but the borders that touch it. Lines at sea have none.

    Raises
    ------
    UnknownJurisdiction
        If the code given for everywhere is none.

    Examples
    --------
    >>> from schemas.map_feature import MAP_FEATURE
    >>> buchs_to_schaan = shapely.LineString([(9.4785, 47.1680), (9.5087, 47.1650)])
    >>> jurisdiction(
    ...     geometry=np.array([buchs_to_schaan]), map_feature=MAP_FEATURE.empty(), params=JurisdictionParams()
    ... ).jurisdictions[0]  # doctest: +ELLIPSIS
    [{'code': 'CH', 'between': [0.0, 0...]}, {'code': 'LI', 'between': [0..., 1.0]}]
    """
    if params.override is not None:
        return _everywhere(params.override, len(geometry))
    layer = overlay(border_map(), map_feature)
    lines = np.asarray(geometry, dtype=object)
    is_line = ~(shapely.is_missing(lines) | shapely.is_empty(lines))
    codes = np.full(len(lines), NOWHERE, dtype=np.int64)
    if is_line.any() and layer.is_uniform(shapely.box(*shapely.total_bounds(lines))):
        codes[is_line] = _first_codes(lines[is_line][:1], layer)
        return _places(codes, {}, layer)
    codes[is_line] = _first_codes(lines[is_line], layer)
    return _places(codes, _divided(lines, layer), layer)


def _everywhere(code: str, count: int) -> Places:
    place = place_named(code)
    parts = [{"code": place.code, "between": None}]
    return Places([parts] * count, [place.speed_unit] * count, [place.driving_side] * count)


def _first_codes(lines: Geometries, layer: Overlay) -> Ints:
    """Return the code at the first vertex of each line, which is that of the whole line where no border touches it."""
    starts = shapely.get_point(lines, 0)
    return layer.codes_at(shapely.get_x(starts), shapely.get_y(starts))


def _divided(lines: Geometries, layer: Overlay) -> dict[int, list[Stretch]]:
    """Return the stretches of each line that touches a border, by its row."""
    rows = np.unique(layer.touching(lines)[0])
    is_turned = _ends_before_start(lines[rows])  # so that a line is cut alike, to the last bit, whichever way it runs
    walks = _walks(np.where(is_turned, shapely.reverse(lines[rows]), lines[rows]))
    line, at = _cuts(walks, layer)
    first = np.flatnonzero(line[1:] == line[:-1])
    codes = layer.codes_at(*walks.points(line[first], (at[first] + at[first + 1]) / 2).T)
    along = walks.fractions(line, at)
    stretches = list(map(Stretch, along[first].tolist(), along[first + 1].tolist(), codes.tolist()))
    ends = np.searchsorted(line[first], np.arange(len(rows) + 1)).tolist()
    return {
        row: _joined(stretches[a:b], bool(turned))
        for row, turned, (a, b) in zip(rows.tolist(), is_turned, pairwise(ends), strict=True)
    }


def _ends_before_start(lines: Geometries) -> npt.NDArray[np.bool_]:
    """Return whether the last vertex of each line lies west of its first, or south of it where neither is west."""
    starts, ends = shapely.get_point(lines, 0), shapely.get_point(lines, -1)
    east, north = shapely.get_x(ends) - shapely.get_x(starts), shapely.get_y(ends) - shapely.get_y(starts)
    is_before: npt.NDArray[np.bool_] = (east < 0) | ((east == 0) & (north < 0))
    return is_before


@dataclass(frozen=True)
class Walks:
    """Lines to go along: a place is told as a line and a number, 1.25 for a quarter of the way from vertex 1 to 2."""

    coordinates: Floats
    line: Ints
    """Row of the line that each vertex belongs to."""
    offsets: Ints

    def vertices(self, line: Ints, at: Floats) -> tuple[Ints, Floats]:
        """Return the vertex before each place, and the share of the way to the next one in degrees."""
        before = np.minimum(at.astype(np.int64), np.diff(self.offsets)[line] - 2)
        return self.offsets[line] + before, at - before

    def points(self, line: Ints, at: Floats) -> Floats:
        """Return the coordinates of places. Shape (n, 2)."""
        vertex, share = self.vertices(line, at)
        start, end = self.coordinates[vertex], self.coordinates[vertex + 1]
        return start + share[:, None] * (end - start)

    def fractions(self, line: Ints, at: Floats) -> Floats:
        """Return places as fractions of the geodesic length of their lines, 1 for the last vertex."""
        lon, lat = self.coordinates.T
        metres = steps(lon, lat, self.offsets)
        along = fractions(metres, self.offsets)
        vertex, _ = self.vertices(line, at)
        beyond = distances(lon[vertex], lat[vertex], *self.points(line, at).T)
        share = beyond / np.maximum(metres[vertex + 1], TICK_M)
        told = along[vertex] + np.minimum(share, 1.0) * (along[vertex + 1] - along[vertex])
        is_end = at == np.diff(self.offsets)[line] - 1
        return np.asarray(np.where(is_end, 1.0, told).round(ROUND), dtype=np.float64)


def _walks(lines: Geometries) -> Walks:
    coordinates, line = shapely.get_coordinates(lines, return_index=True)
    return Walks(coordinates, line, np.searchsorted(line, np.arange(len(lines) + 1)))


def _cuts(walks: Walks, layer: Overlay) -> tuple[Ints, Floats]:
    """Return the places where lines start, touch borders and end: line and place, in order.

    Where a side of a line runs along a border, the ends of what they share.
    """
    vertex = np.flatnonzero(walks.line[1:] == walks.line[:-1])
    start, end = walks.coordinates[vertex], walks.coordinates[vertex + 1]
    side, edges = layer.touching(shapely.linestrings(np.stack([start, end], axis=1)))
    sides = shapely.linestrings(np.stack([start[side], end[side]], axis=1))
    points, hit = shapely.get_coordinates(shapely.intersection(sides, edges), return_index=True)
    side = side[hit]
    run = end[side] - start[side]
    square = (run * run).sum(axis=1)
    share = ((points - start[side]) * run).sum(axis=1) / np.where(square > 0, square, 1.0)
    line = walks.line[vertex[side]]
    at = vertex[side] - walks.offsets[line] + np.round(np.clip(share, 0, 1), ROUND)
    every = np.arange(len(walks.offsets) - 1)
    lines = np.concatenate([every, line, every])
    places = np.concatenate([np.zeros(len(every)), at, np.diff(walks.offsets) - 1.0])
    found = np.unique(np.stack([lines, places], axis=1), axis=0)
    return found[:, 0].astype(np.int64), found[:, 1]


def _joined(stretches: list[Stretch], is_turned: bool) -> list[Stretch]:
    """Return stretches in drawing order, joined where the code is the same, without those at sea or of no length."""
    found: list[Stretch] = []
    for start, end, code in stretches:
        if found and found[-1].code == code:
            found[-1] = found[-1]._replace(end=end)
        elif start < end:
            found.append(Stretch(start, end, code))
    if is_turned:
        found = [Stretch(round(1 - end, ROUND), round(1 - start, ROUND), code) for start, end, code in reversed(found)]
    return [each for each in found if each.code != NOWHERE]


def _places(codes: Ints, divided: dict[int, list[Stretch]], layer: Overlay) -> Places:
    """Return the places of lines of one code each, but for those divided."""
    known = layer.borders.places
    wholes: list[list[Part]] = [*([{"code": place.code, "between": None}] for place in known), []]
    units = [*(place.speed_unit for place in known), None]
    sides = [*(place.driving_side for place in known), None]
    main = codes.tolist()
    parts = [wholes[code] for code in main]
    for row, stretches in divided.items():
        main[row] = _longest(stretches)
        parts[row] = [_part(each, known[each.code].code) for each in stretches]
    return Places(parts, [units[code] for code in main], [sides[code] for code in main])


def _part(stretch: Stretch, code: str) -> Part:
    is_whole = (stretch.start, stretch.end) == (0.0, 1.0)
    return {"code": code, "between": None if is_whole else [stretch.start, stretch.end]}


def _longest(stretches: list[Stretch]) -> int:
    """Return the code that covers most of a line, the first in the alphabet among equals."""
    shares: dict[int, float] = {}
    for start, end, code in stretches:
        shares[code] = shares.get(code, 0.0) + end - start
    return min(shares, key=lambda code: (-round(shares[code], ROUND), code), default=NOWHERE)
