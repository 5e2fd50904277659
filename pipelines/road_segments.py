"""The flow that reads map files into the table of road segments and lays the grid that all tables share."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from pipelines.reading import is_read, note_of, reading_fingerprint, write_note
from pipelines.store import Content, open_store
from pipelines.table import Rejects, Table, file_of, open_table, split_by_tile
from pipelines.tile_run import StageError
from schemas.contract import BBOX, Contract
from schemas.receipt import Receipt
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.readers.reading import Reading
from tasks.readers.roads import read_roads
from tasks.tiling import Box, Grid, box_centres, cell_codes, grid_by_count, grid_by_weight

READERS = ("tasks.readers.roads", "tasks.tiling")
"""Modules whose sources decide what a reading gives."""

SEGMENTS_PER_TILE = 20_000
"""Most segments in a tile: some 20 MB in memory, and enough work that opening files does not count."""


@flow(name="road-segments", log_prints=False)
def road_segments(
    roads: list[str],
    into: str,
    bbox: list[float] | None = None,
    mapping: str | None = None,
    tiles: int | None = None,
    max_segments_per_tile: int = SEGMENTS_PER_TILE,
) -> Table:
    """Map files in, road segments out.

    Parameters
    ----------
    roads
        OSM, Overture or other files, or folders of Overture files.
    into
        Folder that the tables lie in.
    bbox
        West, south, east, north in degrees; roads that do not meet this box are left out.
    mapping
        TOML file that names the columns of a network of one's own.
    tiles
        How many tiles to cut into; without it as many as `max_segments_per_tile` makes necessary.
    """
    box = (bbox[0], bbox[1], bbox[2], bbox[3]) if bbox else None
    return read_into_tiles([Path(file) for file in roads], into, box, mapping, tiles, max_segments_per_tile)


@task(name="road_segment", task_run_name="road_segment", cache_policy=NO_CACHE)
def read_into_tiles(
    files: Sequence[Path], into: str, box: Box | None, mapping: str | None, tiles: int | None, most: int
) -> Table:
    """Read `files`, cut them into tiles and commit these; nothing is read where nothing changed."""
    target = open_table(ROAD_SEGMENT, into)
    mapping_file = Path(mapping) if mapping else None
    contents = [*files, *([mapping_file] if mapping_file else [])]
    fingerprint = reading_fingerprint(target, READERS, contents, box, mapping is None, tiles, most)
    if is_read(target, fingerprint):
        return target
    reading = read_roads(files, bbox=box, mapping=mapping_file)
    grid = lay_grid(reading.segments, tiles, most)
    commit_reading(reading, grid, into)
    write_note(target, fingerprint, records=reading.records, grid=grid.tiles)
    return target


def grid_of(segments: Table) -> Grid:
    """Return the grid that a reading was cut by: the one that all tables share."""
    return Grid(tuple(note_of(segments)["grid"]))


def lay_grid(segments: pa.Table, tiles: int | None, most: int) -> Grid:
    """Return the grid for these segments: with `tiles` cells, or with at most `most` segments in each."""
    codes = cell_codes(*box_centres(segments.column(BBOX)))
    weights = np.ones(len(codes))
    if tiles:
        return grid_by_count(codes, weights, count=tiles)
    return grid_by_weight(codes, weights, most=most)


def commit_reading(reading: Reading, grid: Grid, into: str | Path) -> Table:
    """Write the tiles and what was refused, then remove the tiles of an earlier reading; return the table."""
    target = open_table(ROAD_SEGMENT, into)
    parts = split_by_tile(reading.segments, grid, ROAD_SEGMENT.key)
    check_split(reading.segments, parts.values(), ROAD_SEGMENT)
    rejects = Rejects(into)
    rejects.prepare()
    open_store(into).write_together(_files(reading, parts, target, rejects))
    if not reading.rejects.num_rows:
        rejects.commit(ROAD_SEGMENT.name, "q", reading.rejects)
    target.keep_only(set(parts))
    return target


def check_split(rows: pa.Table, parts: Iterable[pa.Table], contract: Contract) -> None:
    """Raise unless rows were put into tiles one for one: each key once, none lost, as many metres as before.

    Raises
    ------
    StageError
        With the numbers that do not agree.
    """
    told = list(parts)
    kept = sum(part.num_rows for part in told)
    keys = pa.chunked_array(
        [chunk for part in told for chunk in part[contract.key].chunks], contract[contract.key].type
    )
    if not kept == rows.num_rows == len(keys.unique()):
        raise StageError(
            f"{contract.name}: {rows.num_rows} rows read, but {kept} in tiles with {len(keys.unique())} keys"
        )
    if "length_m" in contract.names:
        given, split = _metres([rows]), _metres(told)
        if given != split:
            raise StageError(f"{contract.name}: {given} m read, but {split} m in tiles")


def changed_files(target: Table, parts: Mapping[str, pa.Table]) -> Iterator[tuple[str, Content]]:
    """Yield the tiles that are not there as they should be, each as a file and its content."""
    there = target.receipts()
    for tile, rows in parts.items():
        metres = pc.sum(rows.column("length_m")).as_py() if "length_m" in rows.column_names else 0.0
        receipt, content = target.encoded(rows, Receipt(tile, "", "", rows.num_rows, rows.num_rows, 0, metres))
        if there.get(tile) != receipt:
            yield file_of(tile), content


def _metres(tables: Iterable[pa.Table]) -> float:
    """Return the sum of all lengths, rounded once: it does not depend on their order."""
    return math.fsum(chain.from_iterable(table["length_m"].to_numpy().tolist() for table in tables))


def _files(
    reading: Reading, parts: dict[str, pa.Table], target: Table, rejects: Rejects
) -> Iterator[tuple[str, Content]]:
    """Yield each tile, and what was refused, as a file of the run's folder and its content."""
    for rows in parts.values():
        ROAD_SEGMENT.validate(rows)
    for name, content in changed_files(target, parts):
        yield f"{ROAD_SEGMENT.name}/{name}", content
    if reading.rejects.num_rows:
        name, content = rejects.encoded(ROAD_SEGMENT.name, "q", reading.rejects)
        yield f"{REJECT.name}/{name}", content
