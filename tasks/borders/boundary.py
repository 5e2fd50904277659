"""Boundaries that the map itself draws, laid over the packaged borders."""

import typing
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.vocabulary import FeatureKind
from tasks.borders.border_map import NOWHERE, BorderMap, Floats, Geometries, Ints, chunks, touched


@dataclass(frozen=True)
class Overlay:
    """Polygons with codes that count before those of the packaged borders, inside them."""

    borders: BorderMap
    codes: Ints
    """Row of each boundary's code among the places of the packaged borders."""
    polygons: Geometries

    @cached_property
    def _edges(self) -> shapely.STRtree:
        return shapely.STRtree(chunks(shapely.boundary(self.polygons)))

    def codes_at(self, lon: Floats, lat: Floats) -> Ints:
        """Return the code at each point: of the map's boundaries, or of the packaged borders where those say more.

        Inside several boundaries the smallest kind counts, a part of a state before a state, then the alphabet.
        """
        packaged = self.borders.codes_at(lon, lat)
        drawn = np.full(len(lon), NOWHERE, dtype=np.int64)
        for code, polygon in zip(self.codes, self.polygons, strict=True):
            drawn[(drawn == NOWHERE) & shapely.intersects_xy(polygon, lon, lat)] = code
        is_finer = (packaged != NOWHERE) & (self.borders.country[packaged] == drawn)
        return np.where((drawn == NOWHERE) | is_finer, packaged, drawn)

    def is_uniform(self, box: shapely.Geometry) -> bool:
        """Return whether surely no border runs through a box; False may be said where none does."""
        return len(self._edges.query(box)) == 0 and self.borders.is_uniform(box)

    def touching(self, lines: Geometries) -> tuple[Ints, Geometries]:
        """Return rows of lines, each with a piece of border that it touches, in no promised order."""
        found = [touched(tree, lines) for tree in (self._edges, self.borders.edges)]
        line, edges = (np.concatenate(each) for each in zip(*found, strict=True))
        return line, edges


def overlay(borders: BorderMap, map_feature: pa.Table) -> Overlay:
    """Return the boundaries among map features as a layer over the packaged borders.

    A part of a state that is not packaged counts as the state. A boundary whose code no packaged border knows, or
    that is no polygon, decides nothing.
    """
    rows = map_feature.filter(pc.equal(map_feature.column("kind"), str(FeatureKind.BOUNDARY)))
    shapes = shapely.from_wkb(rows.column("geometry").to_numpy())
    is_area = np.isin(shapely.get_type_id(shapes), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    codes = np.array([_row_of(borders, code) for code in rows.column("value").to_pylist()], dtype=np.int64)
    is_used = is_area & (codes != NOWHERE)
    is_state = borders.country[codes] == codes
    order = np.lexsort((codes, is_state))
    order = order[is_used[order]]
    polygons = typing.cast(npt.NDArray[np.object_], shapes[order])
    shapely.prepare(polygons)
    return Overlay(borders, codes[order], polygons)


def _row_of(borders: BorderMap, code: str) -> int:
    state = code.partition("-")[0]
    return borders.rows.get(code, borders.rows.get(state, NOWHERE))
