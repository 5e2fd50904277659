"""The flow that reads what lies beside the roads into the table of map features, on the grid of the roads."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from pipelines.limit_stages import MARGIN_M
from pipelines.reading import is_read, note_of, reading_fingerprint, write_note
from pipelines.road_segments import changed_files, check_split, grid_of
from pipelines.table import Rejects, Table, open_table, split_by_tile
from schemas.map_feature import MAP_FEATURE
from tasks.built_up_model.evidence import REACH_M, Drawn, Seen, drawn, seen_in
from tasks.readers.features import FeatureReading, read_features
from tasks.tiling import Box, Grid, widened

READERS = ("tasks.readers.features", "tasks.tiling", "tasks.built_up_model.evidence")
"""Modules whose sources decide what a reading gives."""


@flow(name="map-features", log_prints=False)
def map_features(roads: list[str], segments: Table, into: str, bbox: list[float] | None = None) -> Table:
    """Map files in, what lies beside their roads out: buildings, land use, places, lamps, signs, boundaries.

    Parameters
    ----------
    roads
        The files that the segments were read from; files of roads alone have no features.
    segments
        Table of the roads, whose grid cuts the features too.
    into
        Folder that the tables lie in.
    bbox
        Box that the roads were clipped to; of a clipped map all that lies within reach of its roads is read, since
        these are kept whole.
    """
    box = seen_from(segments) if bbox else None
    return read_features_into_tiles([Path(file) for file in roads], segments, into, box)


def seen_from(segments: Table) -> Box | None:
    """Return the box of all that a stage can see from the roads: west, south, east, north in degrees."""
    boxes = [receipt.bbox for receipt in segments.receipts().values() if receipt.bbox]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return widened((min(west), min(south), max(east), max(north)), REACH_M + MARGIN_M)


@task(name="map_feature", task_run_name="map_feature", cache_policy=NO_CACHE)
def read_features_into_tiles(files: Sequence[Path], segments: Table, into: str, box: Box | None) -> Table:
    """Read `files`, cut their features by the grid of the roads and commit these; nothing is read twice."""
    target = open_table(MAP_FEATURE, into)
    grid = grid_of(segments)
    fingerprint = reading_fingerprint(target, READERS, files, box, grid.tiles)
    if is_read(target, fingerprint):
        return target
    reading = read_features(files, bbox=box)
    commit_features(reading, grid, into)
    write_note(target, fingerprint, records=reading.records, seen=_seen(segments, reading.features))
    return target


def commit_features(reading: FeatureReading, grid: Grid, into: str | Path) -> Table:
    """Write the tiles and what was refused, then remove the tiles of an earlier reading; return the table."""
    target, rejects = open_table(MAP_FEATURE, into), Rejects(into)
    parts = split_by_tile(reading.features, grid, MAP_FEATURE.key)
    check_split(reading.features, parts.values(), MAP_FEATURE)
    target.store.write_together(changed_files(target, parts))
    rejects.prepare()
    rejects.commit(MAP_FEATURE.name, "q", reading.rejects)
    target.keep_only(set(parts))
    return target


def _seen(segments: Table, features: pa.Table) -> Seen:
    """Return how much of the roads and of what lies beside them the files draw."""
    roads = segments.rows(["class", "length_m"])
    return seen_in(roads.column("class").to_pylist(), roads.column("length_m").to_numpy(), features)


def drawn_in(features: Table) -> Drawn:
    """Return how far the map that features were read from draws all there is."""
    return drawn(Seen(*note_of(features)["seen"]))
