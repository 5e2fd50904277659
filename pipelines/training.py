"""Train the model of limits: `waysmith train` makes the files that come with Waysmith out of named maps."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from pipelines import limit_stages
from pipelines.limit_model import country_examples, write_habits
from schemas.map_feature import MAP_FEATURE
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.vocabulary import SpeedUnit
from tasks.built_up import BuiltUpParams
from tasks.built_up_model.evidence import drawn, seen_in
from tasks.evaluation.hiding import (
    EvaluationError,
    Hidden,
    cells_at,
    draw_cells,
    hidden_records,
    hidden_segments,
    hide_limits,
    records_of,
)
from tasks.lift import Lift, PerRow
from tasks.limit_model.combiner import LEAST, Combiner, calibration_of, fit, scores
from tasks.limit_model.habits import MOST_METRES
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
    masked = _run(
        PerRow(hide_limits, reads=ROAD_SEGMENT, writes=ROAD_SEGMENT, params=hidden), {ROAD_SEGMENT.name: segments}
    )
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


def _joined(name: str, parts: Sequence[Weighed], truth: Sequence[str | None], asked: npt.NDArray[np.bool_], length_m: Floats) -> Lesson:
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


class Trained(NamedTuple):
    """A combiner, and how well it does on each map when it has learned from all others alone."""

    combiner: Combiner
    exact: dict[str, float]
    """Share of the metres asked for whose limit is right, by file."""


class Asked(NamedTuple):
    """The likeliest limit of each hidden segment, by trees that did not learn from its map."""

    file: str
    stated: Floats
    is_right: Floats
    metres: Floats
    units: list[str]


def train(files: Sequence[Path]) -> Trained:
    """Return a combiner that learned from map files, each a map of its own.

    Its calibration is that of combiners that each left one of the maps out, asked for that map.

    Raises
    ------
    ReadError
        If a file cannot be read.
    EvaluationError
        If a map states too few limits to hide some and learn from the others, or there is one map alone.
    """
    if len(files) < 2:
        raise EvaluationError(f"{len(files)} map to train on, expected two or more: one is always left out to measure")
    learned = list(lessons(sorted(files, key=lambda file: file.name)))
    names = sorted({lesson.file for lesson in learned})
    asked = []
    for name in names:
        trees = _fitted([lesson for lesson in learned if lesson.file != name])
        asked += [_asked(trees, lesson) for lesson in learned if lesson.file == name]
    inputs = [{"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in sorted(files)]
    exact = {name: _exact([each for each in asked if each.file == name]) for name in names}
    source = {"made by": "waysmith train", "inputs": inputs, "left_out_exact": exact}
    return Trained(Combiner(_fitted(learned), _calibration(asked), source), exact)


def _fitted(learned: Sequence[Lesson]) -> str:
    """Return trees learned from those segments whose true limit is among the candidates."""
    kept = [_with_truth(lesson) for lesson in learned]
    rows, hits, metres = (np.concatenate([each[part] for each in kept]) for part in range(3))
    return fit(rows, hits, metres)


def _with_truth(lesson: Lesson) -> tuple[Floats, Floats, Floats]:
    owner = _owners(lesson)
    is_known = (np.bincount(owner, lesson.hits, len(lesson.starts)) > 0)[owner]
    return lesson.rows[is_known], lesson.hits[is_known], lesson.metres[is_known]


def _owners(lesson: Lesson) -> npt.NDArray[np.int64]:
    """Return the segment of each row."""
    return np.searchsorted(lesson.starts, np.arange(len(lesson.hits)), side="right") - 1


def _asked(trees: str, lesson: Lesson) -> Asked:
    owner = _owners(lesson)
    chances = np.maximum(scores(trees, lesson.rows), LEAST)
    shares = chances / np.bincount(owner, chances)[owner]
    order = np.lexsort((-shares, owner))
    best = order[np.searchsorted(owner[order], np.arange(len(lesson.starts)))]
    return Asked(lesson.file, shares[best], lesson.hits[best], lesson.metres[best], lesson.units)


def _exact(asked: Sequence[Asked]) -> float:
    right = sum(float((each.is_right * each.metres).sum()) for each in asked)
    return round(right / sum(float(each.metres.sum()) for each in asked), 3)


def _calibration(asked: Sequence[Asked]) -> dict[str, list[list[float]]]:
    """Return the curve of each unit; one without examples has that of all."""
    stated, right, metres = (np.concatenate([each[part] for each in asked]) for part in (1, 2, 3))
    units = np.array([unit for each in asked for unit in each.units])
    curves = {}
    for unit in SpeedUnit:
        rows = units == unit if (units == unit).any() else np.ones(len(units), dtype=bool)
        curves[str(unit)] = calibration_of(stated[rows], right[rows], metres[rows])
    return curves
