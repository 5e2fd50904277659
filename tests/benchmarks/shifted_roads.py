"""Many road segments from few: a real extract, or a made one, laid side by side with new ids."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from pipelines.road_segments import commit_reading, lay_grid
from pipelines.table import Table
from schemas.geometry import BOX
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.readers.reading import Reading
from tasks.readers.roads import read_roads
from tests.roads import random_roads

EXTRACT = Path(__file__).parents[2] / "../shared/data/osm/columbus.osm.pbf"

DEGREES_APART = 0.75
"""How far the copies lie from one another: more than the extract is wide."""


def base_roads() -> pa.Table:
    """Segments of a real extract where it is at hand, else of a made one."""
    return read_roads([EXTRACT]).segments if EXTRACT.exists() else random_roads(30_000)


def shifted(base: pa.Table, copy: int) -> pa.Table:
    """Copy number `copy` of `base`, moved to its own place on a lattice, with its own ids."""
    east, north = DEGREES_APART * (copy % 20), -DEGREES_APART * (copy // 20)
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
    """Commit at least `count` segments, copy by copy, in tiles of the usual weight."""
    copies = int(np.ceil(count / base.num_rows))
    whole = pa.concat_tables([shifted(base, copy) for copy in range(copies)])
    return commit_reading(Reading(whole, REJECT.empty(), whole.num_rows), lay_grid(whole, None, 20_000), into)
