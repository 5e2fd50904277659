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
from tasks.input_file import InputFile
from tasks.lift import Lift, PerRow
from tasks.limit_model.combiner import Combiner, calibration_of, fit
from tasks.limit_model.habits import MOST_METRES
from tasks.limit_odds import Known, LimitModel, Weighed, one_voice, voices_of, weigh
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tasks.road_graph import places_m
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
    parts: list[Weighed]
    """The segments that are asked for, as rows of the columns below."""
    truth: list[str | None]
    records: npt.NDArray[np.object_]
    places: Floats
    """Middles in metres; shape (n, 3)."""
    length_m: Floats


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
        model = LimitModel(InputFile(f"{name} {seed}", folder))
        given = limit_stages.likely(model).arguments(tables, asked)
        known = Known(**{name: given[name] for name in Known._fields})
        parts = list(weigh(known, asked, model))
    geometry = shapely.from_wkb(segments.column("geometry").to_numpy())
    middle = shapely.line_interpolate_point(geometry, 0.5, normalized=True)
    records = [each[0]["record_id"] if each else None for each in segments.column("sources").to_pylist()]
    return Lesson(
        name,
        parts,
        truth,
        np.array(records, dtype=object),
        places_m(shapely.get_x(middle), shapely.get_y(middle)),
        segments.column("length_m").to_numpy(),
    )


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


class Trained(NamedTuple):
    """A combiner, and those that each left one map out, with how well they do on that map."""

    combiner: Combiner
    without: dict[str, Combiner]
    """By the file that was left out: what that map can be evaluated with."""
    exact: dict[str, float]
    """Share of the metres asked for whose limit is right, by the file that was left out."""


class Asked(NamedTuple):
    """The likeliest limit of each hidden segment, by trees that did not learn from its map."""

    file: str
    stated: Floats
    is_right: Floats
    metres: Floats
    unit: str


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
    trees = {name: _fitted([lesson for lesson in learned if lesson.file != name]) for name in names}
    asked = [each for lesson in learned for each in _asked(trees[lesson.file], lesson)]
    exact = {name: _exact([each for each in asked if each.file == name]) for name in names}
    without = {
        name: Combiner(
            trees[name],
            _calibration([each for each in asked if each.file != name]),
            _source([file for file in files if file.name != name], exact),
        )
        for name in names
    }
    return Trained(Combiner(_fitted(learned), _calibration(asked), _source(files, exact)), without, exact)


def _source(files: Sequence[Path], exact: Mapping[str, float]) -> dict[str, Any]:
    """Return what a combiner was made from."""
    inputs = [{"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in sorted(files)]
    named = {each["file"]: exact[each["file"]] for each in inputs if each["file"] in exact}
    return {"made by": "waysmith train", "inputs": inputs, "left_out_exact": named}


def _fitted(learned: Sequence[Lesson]) -> str:
    """Return trees learned from those segments whose true limit is among the candidates."""
    rows, hits, metres = [], [], []
    for lesson in learned:
        for part in lesson.parts:
            is_true = np.array([[limit == lesson.truth[row] for limit in part.limits] for row in part.rows])
            chosen = part.allowed & (is_true & part.allowed).any(axis=1, keepdims=True)
            rows.append(part.candidates[chosen])
            hits.append(is_true[chosen].astype(np.float64))
            capped = np.minimum(lesson.length_m[part.rows], MOST_METRES)
            metres.append(np.broadcast_to(capped[:, None], chosen.shape)[chosen])
    return fit(np.concatenate(rows), np.concatenate(hits), np.concatenate(metres))


def _asked(trees: str, lesson: Lesson) -> Iterator[Asked]:
    """Yield the likeliest limits of the hidden segments of each jurisdiction."""
    for voices in voices_of(Combiner(trees, {}, {}), lesson.parts):
        rows = voices.rows
        shares = one_voice(voices.shares, lesson.records[rows], lesson.places[rows], lesson.length_m[rows])
        best = shares.argmax(axis=1)
        is_right = [voices.limits[limit] == lesson.truth[row] for limit, row in zip(best, rows, strict=True)]
        metres = np.minimum(lesson.length_m[rows], MOST_METRES)
        yield Asked(lesson.file, shares.max(axis=1), np.array(is_right, dtype=np.float64), metres, voices.unit)


def _exact(asked: Sequence[Asked]) -> float:
    right = sum(float((each.is_right * each.metres).sum()) for each in asked)
    return round(right / sum(float(each.metres.sum()) for each in asked), 3)


def _calibration(asked: Sequence[Asked]) -> dict[str, list[list[float]]]:
    """Return the curve of each unit; one without examples has that of all."""
    stated, right, metres = (np.concatenate([each[part] for each in asked]) for part in (1, 2, 3))
    units = np.concatenate([np.full(len(each.stated), each.unit) for each in asked])
    curves = {}
    for unit in SpeedUnit:
        rows = units == unit if (units == unit).any() else np.ones(len(units), dtype=bool)
        curves[str(unit)] = calibration_of(stated[rows], right[rows], metres[rows])
    return curves
