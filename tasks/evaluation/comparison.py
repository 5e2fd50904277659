"""What was inferred where limits were hidden, row by row beside the truth and the guesses of others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from schemas.contract import BBOX, GEOMETRY
from schemas.scored_limit import SCORED_LIMIT
from schemas.vocabulary import SpeedReason
from tasks.columns import python_values
from tasks.evaluation.baselines import Known, class_modes, graphhopper_speed, law_alone, name_modes
from tasks.evaluation.boundary_offset import Line, Offsets, boundary_offsets, end_connectors, road_of
from tasks.evaluation.hiding import (
    EvaluationError,
    Hidden,
    cell_name,
    cells_at,
    draw_cells,
    hidden_records,
    hidden_segments,
    records_of,
)
from tasks.evaluation.osmnx_speed import osmnx_speeds, rounded
from tasks.evaluation.truth import Stretch, number_of, stated_number, step_of, stretches
from tasks.evaluation.valhalla_speed import valhalla_speeds
from tasks.law.law_table import Law
from tasks.legal_limit import law_tags
from tasks.lift import joined
from tasks.tiling import box_centres

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Row = dict[str, Any]
Columns = dict[str, Any]
"""Columns of SCORED_LIMIT by name, each a sequence of one value for a scored segment."""

PROBED = ("traversals", "probed_kmh", "probed_basis", "probed_confidence")
"""Those that are empty where no probes are given."""

INFERRED = ("jurisdiction", "max_speed_forward_kmh", "max_speed_backward_kmh", "basis", "confidence", "reason")


class Tables(NamedTuple):
    """The tables of one map; rows in any order."""

    roads: pa.Table
    """ROAD_SEGMENT without the hidden limits."""
    stated: pa.Table
    """POSTED_LIMIT of the map as it is."""
    limits: pa.Table
    """SPEED_LIMIT as inferred."""
    places: pa.Table
    """JURISDICTION."""
    built_up: pa.Table
    """BUILT_UP; without rows where nobody asked."""


class Heard(NamedTuple):
    """What GPS probes add to one map; rows in any order."""

    limits: pa.Table
    """SPEED_LIMIT as inferred with probes heard."""
    traversals: pa.Table
    """TRAVERSAL; its `segment_id` alone is read."""


class Drawn(NamedTuple):
    """What is hidden of a map."""

    hidden: Hidden
    segments: frozenset[str]
    """Ids of all hidden segments."""
    cells: int
    """Cells that were drawn."""
    of_cells: int
    """Cells with stated limits."""


class Coverage(NamedTuple):
    """What all segments of the map got, hidden or not."""

    segments: int
    km: float
    number: float
    """Share of segments with a number."""
    number_km: float
    """Share of kilometres with a number."""
    answered: float
    """Share of segments with a number or a coded reason."""


class Compared(NamedTuple):
    """One map, scored."""

    rows: pa.Table
    """Rows of SCORED_LIMIT."""
    offsets: Offsets
    untold: dict[str, int]
    """Hidden segments that state something else than a number, by what: they are not scored."""
    missing: dict[str, str]
    """Columns of guesses that could not be had, and why."""
    coverage: Coverage


class Held(NamedTuple):
    """A map with hidden limits, its columns in the order of the roads."""

    tables: Tables
    stated: list[Row]
    truth: Floats
    tags: list[Mapping[str, str]]
    """OSM tags that describe each segment, the hidden ones aside."""
    is_hidden: Flags
    scored: npt.NDArray[np.intp]
    """Rows that are hidden and have a known truth."""

    def column(self, name: str) -> list[Any]:
        """Return a column of the scored roads as Python values."""
        return python_values(self.tables.roads.column(name).take(self.scored))


def draw(roads: pa.Table, stated: pa.Table, *, seed: int, share: float) -> Drawn:
    """Return what is hidden: the records that a share of the cells with stated limits owns, drawn by lot.

    Raises
    ------
    EvaluationError
        If there is no limit to hide, none would be left, or all are on roads of one class.
    """
    ids = roads.column("segment_id")
    is_told = ~np.isnan(_truth(aligned(stated, ids, ("forward", "backward", "reason"))))
    _check_told(roads, is_told)
    cells = cells_at(*box_centres(roads.column(BBOX)))
    drawn = draw_cells(cells[is_told], seed=seed, share=share)
    sources = roads.column("sources").to_pylist()
    records = [records_of(*each) for each in zip(ids.to_pylist(), sources, strict=True)]
    flags = hidden_segments(shapely.from_wkb(roads.column(GEOMETRY).to_numpy()), records, drawn)
    if not (is_told & ~flags).any():
        raise EvaluationError("no stated limit is left to learn from: every road runs through a cell that is hidden")
    named = frozenset(ids.filter(pa.array(flags)).to_pylist())
    return Drawn(hidden_records(flags, records), named, len(drawn), len(np.unique(cells[is_told])))


def _check_told(roads: pa.Table, is_told: Flags) -> None:
    if not is_told.any():
        raise EvaluationError(f"none of {roads.num_rows} segments states a limit as a number: there is nothing to hide")
    classes = set(roads.column("class").filter(pa.array(is_told)).to_pylist())
    if len(classes) == 1:
        raise EvaluationError(f"limits are stated on {classes.pop()} roads alone: expected two classes or more")


def compare(tables: Tables, drawn: Drawn, *, extract: str, law: Law, heard: Heard | None = None) -> Compared:
    """Return the hidden segments of one map with what was inferred for them, what is true, and what others guess."""
    held = hold(tables, drawn)
    roads = tables.roads.take(held.scored)
    told, missing = _foreign(held)
    columns = _inferred(held) | _modes(held) | told
    columns |= _tabled(held, law, columns["jurisdiction"], columns["is_built_up"]) | _probed(held, heard)
    columns |= {"extract": [extract] * roads.num_rows, "truth_kmh": held.truth[held.scored], "tile": _tiles(roads)}
    made = {name: _array(name, columns[name]) if name in columns else roads.column(name) for name in SCORED_LIMIT.names}
    told_else = np.flatnonzero(held.is_hidden & np.isnan(held.truth)).tolist()
    untold = Counter(held.stated[row]["reason"] for row in told_else)
    untold.pop(SpeedReason.NOT_POSTED.value, None)
    return Compared(SCORED_LIMIT.conform(pa.table(made)), _offsets(held), dict(untold), missing, coverage(tables))


def hold(tables: Tables, drawn: Drawn) -> Held:
    """Return a map with hidden limits in columns."""
    ids = tables.roads.column("segment_id")
    stated = aligned(tables.stated, ids, ("forward", "backward", "reason", "rules"))
    truth = _truth(stated)
    is_hidden = np.array([each in drawn.segments for each in ids.to_pylist()])
    return Held(
        tables, stated, truth, _described(tables.roads), is_hidden, np.flatnonzero(is_hidden & ~np.isnan(truth))
    )


def aligned(table: pa.Table, ids: pa.ChunkedArray, names: Sequence[str]) -> list[Row]:
    """Return the row of each id as a dict of the columns `names`, None in them where it has none."""
    columns = [python_values(joined(table.column(name), table.column("segment_id"), ids)) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def coverage(tables: Tables) -> Coverage:
    """Return what all segments of a map got."""
    limits = aligned(tables.limits, tables.roads.column("segment_id"), INFERRED)
    length = tables.roads.column("length_m").to_numpy()
    number = np.array([not isnan(_predicted(row)) for row in limits])
    answered = number | np.array([row["reason"] is not None for row in limits])
    weighed = float(np.average(number, weights=length))
    return Coverage(len(limits), float(length.sum()) / 1000, float(number.mean()), weighed, float(answered.mean()))


def _truth(stated: Sequence[Row]) -> Floats:
    return np.array(
        [stated_number(forward=row["forward"], backward=row["backward"], reason=row["reason"]) for row in stated]
    )


def _predicted(row: Row) -> float:
    ahead, back = row["max_speed_forward_kmh"], row["max_speed_backward_kmh"]
    return number_of(forward=ahead, backward=back, reason=row["reason"])


def _described(roads: pa.Table) -> list[Mapping[str, str]]:
    names = ("class", "subclass", "one_way", "ref", "name", "tags")
    rows = zip(*(python_values(roads.column(name)) for name in names), strict=True)
    return [
        law_tags(road_class=kind, subclass=sub, one_way=way, ref=ref, name=name, tags=tags)
        for kind, sub, way, ref, name, tags in rows
    ]


def _inferred(held: Held) -> Columns:
    ids = held.tables.roads.column("segment_id").take(held.scored)
    limits = aligned(held.tables.limits, ids, INFERRED)
    units = aligned(held.tables.places, ids, ["speed_unit"])
    built = aligned(held.tables.built_up, ids, ["built_up"])
    stated = [held.stated[row] for row in held.scored.tolist()]
    steps = [
        step_of(forward=row["forward"], backward=row["backward"], unit=place["speed_unit"])
        for row, place in zip(stated, units, strict=True)
    ]
    chances = [row["built_up"] for row in built]
    return {name: [row[name] for row in limits] for name in ("jurisdiction", "basis", "confidence", "reason")} | {
        "predicted_kmh": [_predicted(row) for row in limits],
        "step_kmh": steps,
        "is_built_up": [None if chance is None else chance >= 0.5 for chance in chances],
    }


def _probed(held: Held, heard: Heard | None) -> Columns:
    """Return what was inferred with probes heard, and how many passed; without any probes nothing."""
    if heard is None:
        return {name: [None] * len(held.scored) for name in PROBED}
    ids = held.tables.roads.column("segment_id").take(held.scored)
    limits = aligned(heard.limits, ids, INFERRED)
    passed = Counter(heard.traversals.column("segment_id").to_pylist())
    return {
        "traversals": [passed[each] for each in ids.to_pylist()],
        "probed_kmh": [_predicted(row) for row in limits],
        "probed_basis": [row["basis"] for row in limits],
        "probed_confidence": [row["confidence"] for row in limits],
    }


def _modes(held: Held) -> Columns:
    """Return the most frequent visible limits of like roads."""
    roads = held.tables.roads
    visible = np.flatnonzero(~held.is_hidden & ~np.isnan(held.truth))
    classes, names, length = (roads.column(name).take(visible) for name in ("class", "name", "length_m"))
    known = Known(classes.to_pylist(), names.to_pylist(), held.truth[visible], length.to_numpy())
    return {
        "class_mode_kmh": class_modes(known, held.column("class")),
        "name_mode_kmh": name_modes(known, held.column("class"), held.column("name")),
    }


def _tabled(held: Held, law: Law, codes: Sequence[str | None], built_up: Sequence[bool | None]) -> Columns:
    """Return what the law says, and the table of GraphHopper."""
    tags = [held.tags[row] for row in held.scored.tolist()]
    given = zip(codes, tags, held.column("routes"), built_up, strict=True)
    lawful = [
        law_alone(law, jurisdiction=code, tags=own, routes=routes, is_built_up=is_inside)
        for code, own, routes, is_inside in given
    ]
    return {"law_kmh": lawful, "graphhopper_kmh": [graphhopper_speed(own) for own in tags]}


def _foreign(held: Held) -> tuple[Columns, dict[str, str]]:
    """Return what other programs guess, and for those that cannot be asked why."""
    highways = [own["highway"] for own in held.tags]
    visible = [None if hidden else _as_tag(row) for hidden, row in zip(held.is_hidden, held.stated, strict=True)]
    guessed = osmnx_speeds(highways, visible)
    step = np.array(_inferred(held)["step_kmh"])
    lines = shapely.from_wkb(held.tables.roads.column(GEOMETRY).to_numpy())
    found = {
        "osmnx_kmh": guessed if isinstance(guessed, str) else rounded(guessed[held.scored], step),
        "valhalla_kmh": valhalla_speeds(lines, held.tags, held.scored.tolist()),
    }
    missing = {name: values for name, values in found.items() if isinstance(values, str)}
    nothing = [nan] * len(held.scored)
    return {name: nothing if isinstance(values, str) else values for name, values in found.items()}, missing


def _as_tag(stated: Row) -> str | None:
    """Return a stated limit as a `maxspeed` value."""
    speed = stated["forward"] or stated["backward"]
    if speed is None:
        return None
    return f"{speed['value']} mph" if speed["unit"] == "mph" else str(speed["value"])


def _tiles(roads: pa.Table) -> list[str]:
    return [cell_name(code) for code in cells_at(*box_centres(roads.column(BBOX))).tolist()]


def _array(name: str, values: Sequence[Any]) -> pa.Array:
    """Return values as a column of SCORED_LIMIT; NaN is null."""
    return pa.array(values, SCORED_LIMIT[name].type, from_pandas=True)


def _offsets(held: Held) -> Offsets:
    rows = held.scored.tolist()
    ids = held.tables.roads.column("segment_id").take(held.scored)
    told = aligned(held.tables.limits, ids, (*INFERRED, "speed_limits"))
    names = ("segment_id", "class", "name", "ref", "connectors", "length_m", "sources")
    roads = zip(*(held.column(name) for name in names), strict=True)
    return boundary_offsets(
        [
            Line(
                road_of(class_=kind, name=name, ref=ref, record=min(records_of(each, sources))),
                *end_connectors(connectors),
                length,
                _parts(held.stated[row]["rules"], held.truth[row]),
                _parts(limit["speed_limits"], _predicted(limit)),
            )
            for row, limit, (each, kind, name, ref, connectors, length, sources) in zip(rows, told, roads, strict=True)
        ]
    )


def _parts(rules: Sequence[Row], number: float) -> list[Stretch]:
    """Return the parts of a segment by its rules; the whole with its one number where they say nothing of parts."""
    if any(rule.get("between") for rule in rules):
        return stretches(rules)
    return [Stretch(0.0, 1.0, number)]
