"""Train the model of limits: `waysmith train` makes the files that come with Waysmith out of named maps."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from pipelines import limit_stages
from pipelines.limit_model import country_examples, write_habits
from schemas.map_feature import MAP_FEATURE
from schemas.posted_limit import POSTED_LIMIT
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from tasks.built_up import BuiltUpParams
from tasks.built_up_model.evidence import drawn, seen_in
from tasks.evaluation.hiding import Hidden, cells_at, draw_cells, hidden_records, hidden_segments, hide_limits, records_of
from tasks.lift import Lift, PerRow
from tasks.limit_model.combiner import Combiner, calibration_of, fit
from tasks.limit_model.habits import MOST_METRES, habits_of
from tasks.limit_odds import LimitModel, Weighed, weigh
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tasks.segment_law import LawFile

Floats = npt.NDArray[np.float64]
Tables = dict[str, pa.Table]

SEEDS = (0, 1, 2, 3)
"""Draws of hidden cells for each map."""
SHARE = 0.5
"""Share of the cells that is hidden."""


class Lesson(NamedTuple):
    """Hidden segments of one map: what speaks for each limit, and which is the true one."""

    file: str
    rows: Floats
    """One row for a segment and a limit; shape (m, features)."""
    hits: Floats
    metres: Floats
    starts: npt.NDArray[np.int64]
    """First row of each segment."""
    units: list[str]


def lessons(files: Sequence[Path]) -> Iterator[Lesson]:
    """Yield what each map teaches: its limits are hidden cell by cell and asked for."""
    for file in files:
        segments, features = read_roads([file]).segments, read_features([file]).features
        for seed in SEEDS:
            yield _lesson(file.name, segments, features, seed)


def _lesson(name: str, segments: pa.Table, features: pa.Table, seed: int) -> Lesson:
    truth = _attributes_of({ROAD_SEGMENT.name: segments, MAP_FEATURE.name: features}).column("limit").to_pylist()
    is_stated = np.array([each is not None for each in truth])
    hidden = _hidden(segments, is_stated, seed)
    masked = _run(PerRow(hide_limits, reads=ROAD_SEGMENT, writes=ROAD_SEGMENT, params=hidden), {ROAD_SEGMENT.name: segments})
    tables = {ROAD_SEGMENT.name: masked, MAP_FEATURE.name: features}
    _attributes_of(tables)
    tables["legal_limit"] = _run(limit_stages.lawful(LawFile()), tables)
    seen = [each is None for each in tables[ROAD_ATTRIBUTE.name].column("limit").to_pylist()]
    asked = is_stated & np.array(seen)
    with TemporaryDirectory() as folder:
        write_habits(country_examples([(tables[ROAD_ATTRIBUTE.name], masked)]), Path(folder))
        model = limit_stages.likely(LimitModel(folder, f"{name} {seed}"))
        weighed = list(weigh(**model.arguments(tables, np.ones(len(truth), dtype=bool))))
    return _joined(name, weighed, truth, asked, segments.column("length_m").to_numpy())


def _run(lift: Lift, tables: Mapping[str, pa.Table]) -> pa.Table:
    rows, rejects = lift(tables)
    if rejects.num_rows:
        raise RuntimeError(rejects.column("message")[0].as_py())
    return rows


def _attributes_of(tables: Tables) -> pa.Table:
    """Run the stages up to the attributes in this process, and put their tables beside the others."""
    roads, features = tables[ROAD_SEGMENT.name], tables[MAP_FEATURE.name]
    how_drawn = drawn(seen_in(roads.column("class").to_pylist(), roads.column("length_m").to_numpy(), features))
    for lift in (
        limit_stages.POSTED,
        limit_stages.places(None),
        limit_stages.built(BuiltUpParams(how_drawn)),
        limit_stages.SIGNS,
        limit_stages.CONTINUED,
        limit_stages.ATTRIBUTES,
    ):
        tables[lift.writes.name] = _run(lift, tables)
    return tables[ROAD_ATTRIBUTE.name]


def _hidden(segments: pa.Table, is_stated: npt.NDArray[np.bool_], seed: int) -> Hidden:
    geometry = shapely.from_wkb(segments.column("geometry").to_numpy())
    ids, sources = segments.column("segment_id").to_pylist(), segments.column("sources").to_pylist()
    records = [records_of(*each) for each in zip(ids, sources, strict=True)]
    middle = shapely.line_interpolate_point(geometry[is_stated], 0.5, normalized=True)
    cells = draw_cells(cells_at(shapely.get_x(middle), shapely.get_y(middle)), seed=seed, share=SHARE)
    return hidden_records(hidden_segments(geometry, records, cells), records)


def _joined(name: str, parts: Sequence[Weighed], truth: Sequence[str | None], asked: Any, length_m: Floats) -> Lesson:
    rows, hits, metres, counts, units = [], [], [], [], []
    for part in parts:
        for place in np.flatnonzero(asked[part.rows]).tolist():
            row = part.rows[place]
            rows.append(part.candidates[place])
            hits.append(np.array([limit == truth[row] for limit in part.limits], dtype=np.float64))
            metres.append(np.full(len(part.limits), min(length_m[row], MOST_METRES)))
            counts.append(len(part.limits))
            units.append(part.unit)
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1].astype(np.int64)
    return Lesson(name, np.concatenate(rows), np.concatenate(hits), np.concatenate(metres), starts, units)
