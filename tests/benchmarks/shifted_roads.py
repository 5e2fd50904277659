"""Many road segments from few: a real extract, or a made one, laid side by side with new ids."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from pipelines.reading import write_note
from pipelines.road_segments import SEGMENTS_PER_TILE
from pipelines.table import Table, open_table
from schemas.geometry import BOX
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from tasks.readers.roads import read_roads
from tasks.tiling import Floats, Grid, box_centres, cell_codes, grid_by_weight
from tests.roads import random_roads

Indices = npt.NDArray[np.intp]

EXTRACT = Path(__file__).parents[2] / "../shared/data/osm/columbus.osm.pbf"

DEGREES_APART = 0.75
"""How far the copies lie from one another: more than the extract is wide."""


def base_roads() -> pa.Table:
    """Segments of a real extract where it is at hand, else of a made one."""
    return read_roads([EXTRACT]).segments if EXTRACT.exists() else random_roads(30_000)


def offset(copy: int) -> tuple[float, float]:
    """How far copy number `copy` lies east and north of the first, in degrees."""
    return DEGREES_APART * (copy % 20), -DEGREES_APART * (copy // 20)


def shifted(base: pa.Table, copy: int) -> pa.Table:
    """Copy number `copy` of `base`, moved to its own place on a lattice, with its own ids."""
    east, north = offset(copy)
    here = shapely.from_wkb(base.column("geometry").to_numpy())
    shapes = shapely.transform(here, lambda xy: xy + np.array((east, north)))
    moved = dict(zip(("xmin", "ymin", "xmax", "ymax"), shapely.bounds(shapes).T, strict=True))
    boxes = pa.StructArray.from_arrays([pa.array(moved[side.name]) for side in BOX], fields=list(BOX))
    ids = pc.binary_join_element_wise(base.column("segment_id"), f"c{copy}", "-")
    columns = {"segment_id": ids, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()), "bbox": boxes}
    for name, values in columns.items():
        base = base.set_column(base.column_names.index(name), ROAD_SEGMENT[name].arrow, values)
    return base


def lay_out(base: pa.Table, count: int, into: Path) -> Table:
    """Commit at least `count` segments in tiles of the usual weight, tile by tile: all copies never are in memory."""
    copies = int(np.ceil(count / base.num_rows))
    lon, lat = box_centres(base.column("bbox"))
    moved = [(lon + east, lat + north) for east, north in map(offset, range(copies))]
    codes = np.concatenate([cell_codes(*centres) for centres in moved])
    grid = grid_by_weight(codes, np.ones(len(codes)), most=SEGMENTS_PER_TILE)
    here = lru_cache(maxsize=64)(lambda copy: shifted(base, copy))
    table = open_table(ROAD_SEGMENT, into)
    for tile, rows in _rows_of_tiles(grid, moved):
        part = pa.concat_tables([here(copy).take(pa.array(indices)) for copy, indices in rows])
        metres = pc.sum(part.column("length_m")).as_py()
        table.commit(part, Receipt(tile, "", "", part.num_rows, part.num_rows, 0, metres))
    write_note(table, None, records=len(codes), grid=grid.tiles)
    return table


def _rows_of_tiles(grid: Grid, centres: list[tuple[Floats, Floats]]) -> Iterator[tuple[str, list[tuple[int, Indices]]]]:
    """Yield each tile that owns rows, and which rows of which copies."""
    owned: dict[int, list[tuple[int, Indices]]] = {}
    for copy, (lon, lat) in enumerate(centres):
        owners = grid.owners(lon, lat)
        order = np.argsort(owners, kind="stable")
        for indices in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1):
            owned.setdefault(int(owners[indices[0]]), []).append((copy, indices))
    for index in sorted(owned):
        yield grid.tiles[index], owned[index]
