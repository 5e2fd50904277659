"""The flow that proves limits: those of whole cells are hidden, inferred from the rest, and compared."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
from prefect import flow

from pipelines.limit_stages import LIMITS, POSTED
from pipelines.map_features import map_features
from pipelines.probes import Probing, observed_speeds
from pipelines.road_segments import road_segments
from pipelines.settings import DEFAULTS, Settings
from pipelines.speed_limits import Sources, heard_limits, infer_limits
from pipelines.stage import run
from pipelines.stage_report import flow_report
from pipelines.store import open_store
from pipelines.table import Table, open_table, table_in
from schemas.built_up import BUILT_UP
from schemas.jurisdiction import JURISDICTION
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.scored_limit import SCORED_LIMIT
from schemas.traversal import TRAVERSAL
from tasks.evaluation.comparison import Compared, Drawn, Heard, Tables, compare, draw
from tasks.evaluation.figures import Case, figures
from tasks.evaluation.hiding import EvaluationError, Hidden, hide_limits
from tasks.evaluation.plot import plot
from tasks.evaluation.report import report_lines
from tasks.law.law_table import Law
from tasks.lift import Lift, PerRow

SEED = 20_260
"""Lot by which cells are drawn unless another is named; not among those that the model is trained with."""
SHARE = 0.5
ENDINGS = re.compile(r"(?:\.(?:gz|bz2|pbf|osm|parquet))+$")

Run = Callable[..., Table]
"""Runs a lift over tables, as `pipelines.stage.run` does, with `into`."""
Infer = Callable[[Table, Table, str], Table]
"""Makes limits out of roads and what lies beside them, into a folder."""
Hear = Callable[[Table, str, str], Table]
"""Makes limits out of probes on the roads of a map, and the folder of what was inferred without, into another one."""


class Map(NamedTuple):
    """What one file holds."""

    name: str
    segments: Table
    features: Table


class Engine(NamedTuple):
    """How stages are run and limits inferred."""

    run: Run
    infer: Infer
    law: Law
    hear: Hear | None = None
    """None where there are no probes."""


class Evaluation(NamedTuple):
    """What came of an evaluation."""

    figures: dict[str, Any]
    files: tuple[str, ...]
    """Where report, figures and picture lie."""


@flow(name="evaluate-speed-limits", log_prints=False, on_completion=[flow_report], on_failure=[flow_report])
def evaluate(
    roads: list[str],
    into: str,
    seed: int = SEED,
    share: float = SHARE,
    sources: Sources | None = None,
    settings: Settings = DEFAULTS,
    probes: list[str] | None = None,
    probing: Probing = Probing(),
) -> Evaluation:
    """Map files in, out how right inferred limits are where those of the map are hidden, without and with probes.

    Parameters
    ----------
    roads
        Files, or folders of Overture files; each is evaluated by itself into a folder of its name.
    into
        Folder for report.md, report.json, report.svg and the tables.
    seed
        Lot by which cells are drawn.
    share
        Share of the cells with stated limits whose limits are hidden.
    sources, settings
        As in the flow of speed limits; a model may be a folder of `waysmith train`, with one for each file left out.
    probes, probing
        As in the flow of speed limits; the same segments are hidden with and without them.
    """
    check_draw(seed, share)
    asked = [sources_for(file, sources or Sources()) for file in roads]
    names = extract_names(roads)
    maps = [read_map(name, file, f"{into}/{name}/map") for name, file in zip(names, roads, strict=True)]
    cases = [
        evaluate_map(
            each, f"{into}/{each.name}", seed=seed, share=share, engine=engine_of(its, settings, probes, probing)
        )
        for each, its in zip(maps, asked, strict=True)
    ]
    return write_report(cases, into, seed=seed, share=share)


def sources_for(file: str, sources: Sources) -> Sources:
    """Return the sources for one file: of a folder of models the one that did not learn from it.

    Raises
    ------
    EvaluationError
        If the folder has none for the file.
    """
    if sources.model is None or not Path(sources.model).is_dir():
        return sources
    model = Path(sources.model) / f"{Path(file).name}.json"
    if not model.exists():
        raise EvaluationError(f"{model}: no such model, expected one that `waysmith train` made without {file}")
    return replace(sources, model=str(model))


def engine_of(
    sources: Sources, settings: Settings, probes: Sequence[str] | None = None, probing: Probing = Probing()
) -> Engine:
    """Return an engine that runs stages on Ray and infers limits by all stages of the flow."""

    def staged(lift: Lift, *tables: Table, into: str) -> Table:
        return run(lift, *tables, into=into, settings=settings)

    def inferred(segments: Table, features: Table, into: str) -> Table:
        return infer_limits(segments, features, into, sources, settings)

    def heard(segments: Table, found: str, into: str) -> Table:
        # traces are matched on the map as it is read: that asks for lines and classes, never for limits
        profiles = observed_speeds(list(probes or ()), segments, into, probing, settings)
        known = [table_in(contract, found) for contract in LIMITS.sources]
        return heard_limits(known, table_in(ROAD_ATTRIBUTE, found), profiles, into, sources, settings)

    return Engine(staged, inferred, sources.law_file.law, heard if probes else None)


def check_draw(seed: int, share: float) -> None:
    """Raise unless cells can be drawn by such a lot.

    Raises
    ------
    EvaluationError
        If the seed is below 0 or the share not between 0 and 1.
    """
    if seed < 0:
        raise EvaluationError(f"seed {seed}: expected 0 or more")
    if not 0 < share < 1:
        raise EvaluationError(f"share {share:g}: expected more than 0 and less than 1")


def extract_names(roads: Sequence[str]) -> list[str]:
    """Return a name for each file, without its endings; of several with one name the later ones are numbered.

    Examples
    --------
    >>> extract_names(["a/town.osm.pbf", "b/town.osm.gz", "boulder.parquet"])
    ['town', 'town-2', 'boulder']
    """
    names: list[str] = []
    for file in roads:
        whole = Path(file).resolve().name
        name = ENDINGS.sub("", whole) or whole
        numbered = (f"{name}-{number}" for number in count(2))
        names.append(next(each for each in chain([name], numbered) if each not in names))
    return names


def read_map(name: str, file: str, into: str) -> Map:
    """Return the roads of a file and what lies beside them, as tables in the folder `into`."""
    segments = road_segments([file], into)
    return Map(name, segments, map_features([file], segments, into))


def evaluate_map(given: Map, into: str, *, seed: int, share: float, engine: Engine) -> Case:
    """Return one map, scored: its limits as stated, a draw, the map without them, what is inferred, the comparison.

    Raises
    ------
    EvaluationError
        If it states too little to hide a part and learn from the rest, or no probe passes any of its roads.
    """
    stated = engine.run(POSTED, given.segments, into=f"{into}/map")
    drawn = drawn_of(given, stated, seed=seed, share=share)
    rest = engine.run(hiding(drawn.hidden), given.segments, into=f"{into}/hidden")
    limits = engine.infer(rest, given.features, f"{into}/hidden")
    places, built_up = (table_in(contract, f"{into}/hidden") for contract in (JURISDICTION, BUILT_UP))
    tables = Tables(*(table.rows() for table in (rest, stated, limits, places, built_up)))
    heard = hear(given, engine.hear, into) if engine.hear else None
    compared = compare(tables, drawn, extract=given.name, law=engine.law, heard=heard)
    commit_scored(compared, into)
    return Case(given.name, drawn, compared)


def hear(given: Map, engine: Hear, into: str) -> Heard:
    """Return what probes make of a map whose hidden limits are inferred without them in the folder `into`.

    Raises
    ------
    EvaluationError
        If they pass none of its roads.
    """
    limits = engine(given.segments, f"{into}/hidden", f"{into}/probed")
    traversals = table_in(TRAVERSAL, f"{into}/probed").rows(["segment_id"])
    if not traversals.num_rows:
        raise EvaluationError(f"{given.name}: no probe passes any road of this map: expected traces that lie on it")
    return Heard(limits.rows(), traversals)


def hiding(hidden: Hidden) -> PerRow:
    """Return the stage that takes the limits of hidden records from the map."""
    return PerRow(hide_limits, reads=ROAD_SEGMENT, writes=ROAD_SEGMENT, params=hidden)


def drawn_of(given: Map, stated: Table, *, seed: int, share: float) -> Drawn:
    """Return what is hidden of a map; an error names the map."""
    try:
        return draw(given.segments.rows(), stated.rows(), seed=seed, share=share)
    except EvaluationError as error:
        raise EvaluationError(f"{given.name}: {error}") from error


def commit_scored(compared: Compared, into: str) -> Table:
    """Write the scored segments as a table of one tile."""
    table = open_table(SCORED_LIMIT, into)
    metres = float(pc.sum(compared.rows.column("length_m")).as_py() or 0.0)
    count = compared.rows.num_rows
    table.commit(compared.rows, Receipt("q", "", "", count, count, 0, metres))
    return table


def write_report(cases: Sequence[Case], into: str | Path, *, seed: int, share: float) -> Evaluation:
    """Write report, figures and picture into a folder, and return them."""
    told = figures(cases, seed=seed, share=share)
    contents = {
        "report.md": "\n".join(report_lines(told)) + "\n",
        "report.json": json.dumps(told, indent=1, ensure_ascii=False) + "\n",
        "report.svg": plot(told),
    }
    store = open_store(into)
    store.make()
    store.write_together((name, text.encode()) for name, text in contents.items())
    return Evaluation(told, tuple(f"{store.uri}/{name}" for name in contents))


def evaluate_lines(done: Evaluation) -> list[str]:
    """Return an evaluation as lines for a terminal: the report, and where it lies."""
    return [*report_lines(done.figures), "", *done.files]
