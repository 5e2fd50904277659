"""Where points and lines lie among the packaged borders; read once in a process."""

import hashlib
import io
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import shapely

from tasks.borders.table import BORDERS, BORDERS_FILE, BORDERS_SHA256

Geometries = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHUNK_EDGES = 32
"""Edges of a border that share one box in the search tree."""
NOWHERE = -1
"""Code of a point that no country claims."""


class Place(NamedTuple):
    """What holds at a place."""

    code: str
    """ISO 3166-1 or -2 code, the most specific one that is packaged."""
    speed_unit: str
    """Unit on the signs there; `SpeedUnit`."""
    driving_side: str
    """`right` or `left`."""


@dataclass(frozen=True)
class BorderMap:
    """Areas that neither overlap nor leave gaps, found by point and by line. Codes are told as rows of `places`."""

    places: tuple[Place, ...]
    """All codes in alphabetical order, with those of states that are packaged by their parts alone."""
    country: Ints
    """Row of the state that each code belongs to; a state's own row for itself."""
    area_codes: Ints
    """Code of each polygon."""
    polygons: Geometries

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each code."""
        return {place.code: row for row, place in enumerate(self.places)}

    @cached_property
    def _areas(self) -> shapely.STRtree:
        shapely.prepare(self.polygons)
        return shapely.STRtree(self.polygons)

    @cached_property
    def edges(self) -> shapely.STRtree:
        """Borders in short pieces, so that few are near any line."""
        return shapely.STRtree(chunks(shapely.boundary(self.polygons)))

    def codes_at(self, lon: Floats, lat: Floats) -> Ints:
        """Return the code at each point, the first in the alphabet on a border, `NOWHERE` at sea."""
        codes = np.full(len(lon), len(self.places), dtype=np.int64)
        point, area = self._areas.query(shapely.points(lon, lat))
        is_in = shapely.intersects_xy(self.polygons[area], lon[point], lat[point])
        np.minimum.at(codes, point[is_in], self.area_codes[area[is_in]])
        codes[codes == len(self.places)] = NOWHERE
        return codes

    def is_uniform(self, box: shapely.Geometry) -> bool:
        """Return whether surely no border runs through a box; False may be said where none does."""
        return len(self.edges.query(box)) == 0


def touched(edges: shapely.STRtree, lines: Geometries) -> tuple[Ints, Geometries]:
    """Return rows of lines, each with an edge of the tree that it touches."""
    line, edge = edges.query(lines, predicate="intersects")
    return line, edges.geometries[edge]


def chunks(lines: Geometries) -> Geometries:
    """Return lines and closed rings cut into pieces of `CHUNK_EDGES` edges, the last of each line shorter.

    Examples
    --------
    >>> len(chunks(np.array([shapely.LineString([(x, 0) for x in range(CHUNK_EDGES + 2)])])))
    2
    """
    coordinates, line = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    offsets = np.flatnonzero(np.diff(line, prepend=-1))
    place = np.arange(len(line)) - np.repeat(offsets, np.diff(offsets, append=len(line)))
    is_joint = (place > 0) & (place % CHUNK_EDGES == 0) & (np.diff(line, append=-1) == 0)
    vertex = np.repeat(np.arange(len(line)), 1 + is_joint)  # a joint ends one piece and begins the next
    is_start = (place[vertex] == 0) | (np.diff(vertex, prepend=-1) == 0)
    return typing.cast(Geometries, shapely.linestrings(coordinates[vertex], indices=np.cumsum(is_start) - 1))


@lru_cache(maxsize=1)
def border_map() -> BorderMap:
    """Return the packaged borders.

    Raises
    ------
    ValueError
        If the file is not the one that these sources were made for.
    """
    raw = BORDERS_FILE.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest != BORDERS_SHA256:
        raise ValueError(f"{BORDERS_FILE}: its SHA-256 is {digest}, expected {BORDERS_SHA256}")
    table = BORDERS.conform(pq.read_table(io.BytesIO(raw)))
    codes, countries, units, sides = (
        table.column(name).to_pylist() for name in ("code", "country", "speed_unit", "driving_side")
    )
    known = {row[0]: Place(*row) for row in zip(codes, units, sides, strict=True)}
    for code, country in zip(codes, countries, strict=True):
        if code.startswith(f"{country}-"):  # a state packaged by its parts alone; they agree on unit and side
            known.setdefault(country, known[code]._replace(code=country))
    places = tuple(known[code] for code in sorted(known))
    rows = {place.code: row for row, place in enumerate(places)}
    shapes = shapely.from_wkb(table.column("geometry").to_numpy())
    polygons, owner = shapely.get_parts(shapes, return_index=True)
    belongs = dict(zip(codes, countries, strict=True))
    return BorderMap(
        places=places,
        country=_row_numbers([belongs.get(place.code, place.code) for place in places], rows),
        area_codes=_row_numbers(codes, rows)[owner],
        polygons=polygons,
    )


def _row_numbers(codes: Sequence[str], rows: dict[str, int]) -> Ints:
    return np.array([rows[code] for code in codes], dtype=np.int64)
