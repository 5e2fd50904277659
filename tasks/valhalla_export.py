"""Speed profiles of a run as the folder of CSV files that `valhalla_add_predicted_traffic` reads."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.speed_profile import WEEK_BINS
from schemas.vocabulary import Heading
from tasks.valhalla_edge import (
    MOST_ID,
    EdgeFileError,
    EdgeParts,
    lines_of,
    parts_by_shape,
    parts_by_way,
    read_way_edges,
)
from tasks.valhalla_speeds import edge_speeds, write_speeds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHAPES = ".jsonl"
CONFIG = ".json"
LISTED = ".txt"


class Exported(NamedTuple):
    """What came of an export."""

    edges: int
    """Edges that have speeds now."""
    files: int
    profiles: int
    """Profiles that any edge lies on."""
    unused: int
    """Profiles that none does: the graph is of another map, or closed to cars there."""


def export_speeds(segments: pa.Table, profiles: pa.Table, edges: Path, into: Path) -> Exported:
    """Write rows of SPEED_PROFILE for the graph that `edges` tells of into the folder `into`.

    `edges` is one of: the configuration of Valhalla (`valhalla.json`), whose tiles pyvalhalla then reads; its edges
    with their shapes, one `[GraphId, [[lon, lat], …]]` on each line (`.jsonl`); the list of `valhalla_ways_to_edges`
    (`way_edges.txt`), which tells no shapes, so that all edges of a way and direction get the mean of the way.

    Raises
    ------
    EdgeFileError
        If that file cannot be read, or none of its edges lies on a segment.
    """
    parts = edges_on_segments(segments, edges)
    if not len(parts.edge):
        raise EdgeFileError(f"{edges}: no edge lies on any of {segments.num_rows} segments; is it of the same map?")
    row = pc.index_in(profiles["segment_id"], value_set=segments["segment_id"].combine_chunks()).to_numpy()
    is_backward = pc.equal(profiles["heading"], Heading.BACKWARD.value).to_numpy()
    week = profiles["week_kmh"].combine_chunks().flatten().to_numpy().reshape(-1, WEEK_BINS)
    free = profiles["free_flow_kmh"].to_numpy()
    made = edge_speeds(parts, row=row, is_backward=is_backward, free_flow_kmh=free, week_kmh=week)
    is_used = np.isin(2 * row + is_backward, 2 * parts.row + parts.is_backward)
    return Exported(len(made.edge), write_speeds(made, into), int(is_used.sum()), int((~is_used).sum()))


def edges_on_segments(segments: pa.Table, edges: Path) -> EdgeParts:
    """Return where the edges of a graph lie on rows of ROAD_SEGMENT; what `edges` may be `export_speeds` says.

    Raises
    ------
    EdgeFileError
        If the file cannot be read.
    """
    if edges.suffix == LISTED:
        way = pc.struct_field(pc.extract_regex(segments["segment_id"], r"^w(?P<way>\d+):"), "way")
        numbers = way.cast(pa.int64()).fill_null(-1).to_numpy()
        return parts_by_way(read_way_edges(edges), numbers, segments["length_m"].to_numpy())
    if edges.suffix not in (SHAPES, CONFIG):
        raise EdgeFileError(f"{edges}: expected valhalla.json, way_edges.txt or a file of shapes (*{SHAPES})")
    shapes = dict(_read_shapes(edges) if edges.suffix == SHAPES else _graph_shapes(edges))
    geometry = shapely.from_wkb(segments["geometry"].to_numpy())
    return parts_by_shape(np.array(list(shapes), dtype=np.int64), list(shapes.values()), geometry)


def _read_shapes(path: Path) -> Iterator[tuple[int, Floats]]:
    """Yield edges and their shapes from a file of lines."""
    for number, line in lines_of(path):
        try:
            edge, drawn = json.loads(line)
            shape = np.array(drawn, dtype=np.float64).reshape(-1, 2)
        except (ValueError, TypeError):
            edge, shape = None, np.full((1, 2), np.nan)
        if not isinstance(edge, int) or not 0 <= edge <= MOST_ID or not np.isfinite(shape).all():
            raise EdgeFileError(f"{path}: line {number} is {line[:60]!r}, expected [GraphId, [[lon, lat], …]]")
        yield edge, shape


def _graph_shapes(config: Path) -> Iterator[tuple[int, Floats]]:
    """Yield edges and their shapes from the tiles that a configuration names."""
    tiles = _tile_folder(config)
    try:
        baldr = import_module("valhalla.baldr")
        reader = import_module("valhalla.baldr.utils").GraphUtils(str(config))
    except ImportError as error:
        raise EdgeFileError(
            f"{config}: reading Valhalla's tiles needs pyvalhalla 3.9 or newer in this Python"
        ) from error
    for file in sorted(tiles.rglob("*.gph")):
        header = baldr.GraphTileHeader.from_file(file)
        for number in range(header.directededgecount):
            edge = baldr.GraphId(header.graphid.tileid(), header.graphid.level(), number)
            yield edge.value, np.array(reader.get_edge_shape(edge), dtype=np.float64)


def _tile_folder(config: Path) -> Path:
    try:
        return Path(json.loads(config.read_text())["mjolnir"]["tile_dir"])
    except (ValueError, KeyError, TypeError) as error:
        raise EdgeFileError(f"{config}: expected JSON that names mjolnir.tile_dir") from error
