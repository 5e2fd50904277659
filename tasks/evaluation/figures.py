"""All figures of an evaluation, as plain values that go into a JSON file."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.evaluation.boundary_offset import Offsets, together
from tasks.evaluation.calibration import (
    Bin,
    calibration_error,
    equal_mass,
    equal_width,
    interval,
    reliability,
)
from tasks.evaluation.comparison import Compared, Drawn
from tasks.evaluation.hiding import ZOOM
from tasks.evaluation.scores import is_exact, score

Floats = npt.NDArray[np.float64]
Figures = dict[str, Any]

PREDICTED, PROBED = "predicted_kmh", "probed_kmh"
CONFIDENCE = {PREDICTED: "confidence", PROBED: "probed_confidence"}
"""Columns of SCORED_LIMIT with limits that were inferred, and how sure those are."""
BASELINES = {
    "class_mode_kmh": "class mode",
    "name_mode_kmh": "class and name",
    "law_kmh": "law alone",
    "osmnx_kmh": "OSMnx",
    "valhalla_kmh": "Valhalla",
    "graphhopper_kmh": "GraphHopper",
}
"""Columns of SCORED_LIMIT with other ways to guess, and their names in a report."""
GROUPS = ("extract", "jurisdiction", "class", "area", "basis")
RIVALS = ("class_mode_kmh", "law_kmh")
"""Ways whose macro-F1 the gain is reported over."""
MANY = "20 and more"
TRAVERSALS = {MANY: (20, np.inf), "5 to 19": (5, 20), "1 to 4": (1, 5), "none": (0, 1)}
"""How often probes passed a segment: from the first to below the second."""
CLOSE_M = (25.0, 100.0)
"""Distances within which a predicted change of limit is counted as found."""


class Case(NamedTuple):
    """One map of an evaluation."""

    name: str
    drawn: Drawn
    compared: Compared


def figures(cases: Sequence[Case], *, seed: int, share: float) -> Figures:
    """Return all figures of an evaluation; shares are from 0 to 1, None where there is nothing to take a share of."""
    rows = pa.concat_tables([case.compared.rows for case in cases])
    missing = {name: why for case in cases for name, why in case.compared.missing.items()}
    asked = [name for name in BASELINES if name not in missing]
    told = {
        "hiding": {"seed": seed, "share": share, "zoom": ZOOM},
        "extracts": {case.name: _case(case) for case in cases},
        "all": entry(rows, PREDICTED, seed),
        "groups": {group: grouped(rows, group, seed) for group in GROUPS},
        "baselines": {name: _baseline(rows, name) for name in asked},
        "missing_baselines": missing,
        "macro_f1_gain": {name: gain(rows, name) for name in RIVALS},
        "reliability": [each._asdict() for each in _reliability(rows, PREDICTED)],
        "boundary": boundary(together([case.compared.offsets for case in cases])),
        "probes": probed(rows, seed),
    }
    plain: Figures = _plain(told)
    return plain


def grouped(rows: pa.Table, group: str, seed: int) -> dict[str, Figures]:
    """Return the figures of each group of scored segments, by its name."""
    return {name: entry(part, PREDICTED, seed) for name, part in _parts(rows, group).items()}


def _parts(rows: pa.Table, group: str) -> dict[str, pa.Table]:
    """Return the rows of each group by its name; extracts in the order given, others by name."""
    labels = np.array(_labels(rows, group), dtype=object)
    names = dict.fromkeys(labels) if group == "extract" else sorted(set(labels))
    return {name: rows.filter(pa.array(labels == name)) for name in names}


def _labels(rows: pa.Table, group: str) -> list[str]:
    if group == "area":
        names = {None: "unknown", True: "urban", False: "rural"}
        return [names[each] for each in rows.column("is_built_up").to_pylist()]
    return [each or "none" for each in rows.column(group).to_pylist()]


def entry(rows: pa.Table, column: str, seed: int) -> Figures:
    """Return how right a column of SCORED_LIMIT is, weighed by length and by count, and how well calibrated."""
    length = _floats(rows, "length_m")
    told: Figures = {}
    for name, weight in (("by_length", length), ("by_count", np.ones(len(length)))):
        told[name] = _scored(rows, column, weight)
        told[name]["exact_interval"] = list(interval(_exact(rows, column), weight, _tiles(rows), seed=seed))
        told[name] |= _calibration(rows, column, weight)
    return told


def probed(rows: pa.Table, seed: int) -> Figures | None:
    """Return how right limits are without and with probes heard, by how often probes passed; None without probes.

    Classes and extracts are those of segments that they passed 20 times or more.
    """
    passed = _floats(rows, "traversals")
    if np.isnan(passed).all():
        return None
    parts = {name: rows.filter(pa.array((passed >= low) & (passed < high))) for name, (low, high) in TRAVERSALS.items()}
    many = parts[MANY]
    told = {name: _reliability(many, column) for name, column in (("without", PREDICTED), ("with", PROBED))}
    return {
        "all": _side_by_side(rows, rows, seed),
        "traversals": {name: _side_by_side(part, rows, seed) for name, part in parts.items()},
        "class": {name: _side_by_side(part, many, seed) for name, part in _parts(many, "class").items()},
        "extract": {name: _side_by_side(part, many, seed) for name, part in _parts(many, "extract").items()},
        "reliability": {name: [each._asdict() for each in bins] for name, bins in told.items()},
    }


def _side_by_side(rows: pa.Table, of: pa.Table, seed: int) -> Figures:
    """Return how right limits are without and with probes, and what share of others the rows are."""
    share = rows.num_rows / of.num_rows if of.num_rows else None
    return {"share": share, "without": entry(rows, PREDICTED, seed), "with": entry(rows, PROBED, seed)}


def _scored(rows: pa.Table, column: str, weight: Floats) -> Figures:
    confidence = _sure(rows, column) if column in CONFIDENCE else np.full(rows.num_rows, np.nan)
    return score(
        truth=_floats(rows, "truth_kmh"),
        predicted=_floats(rows, column),
        confidence=confidence,
        step=_floats(rows, "step_kmh"),
        length=_floats(rows, "length_m"),
        weight=weight,
    )._asdict()


def _calibration(rows: pa.Table, column: str, weight: Floats) -> Figures:
    confidence = _sure(rows, column)
    told = ~np.isnan(confidence) & ~np.isnan(_floats(rows, column))
    stated, exact, mass = confidence[told], _exact(rows, column)[told], weight[told]
    return {
        "ece": calibration_error(reliability(equal_width(stated), stated, exact, mass)),
        "ece_equal_mass": calibration_error(reliability(equal_mass(stated, mass), stated, exact, mass)),
    }


def _reliability(rows: pa.Table, column: str) -> list[Bin]:
    confidence, length = _sure(rows, column), _floats(rows, "length_m")
    told = ~np.isnan(confidence) & ~np.isnan(_floats(rows, column))
    stated, mass = confidence[told], length[told]
    return reliability(equal_mass(stated, mass), stated, _exact(rows, column)[told], mass)


def _sure(rows: pa.Table, column: str) -> Floats:
    """Return how sure the limits of a column are."""
    return _floats(rows, CONFIDENCE[column])


def _baseline(rows: pa.Table, column: str) -> Figures:
    """Return how right another way to guess is: over all, for each extract and for each class."""
    told: Figures = {"all": _both(rows, column)}
    for group in ("extract", "class"):
        told[group] = {name: _both(part, column) for name, part in _parts(rows, group).items()}
    return told


def _both(rows: pa.Table, column: str) -> Figures:
    length = _floats(rows, "length_m")
    weights = {"by_length": length, "by_count": np.ones(len(length))}
    return {name: _scored(rows, column, weight) for name, weight in weights.items()}


def gain(rows: pa.Table, rival: str) -> float:
    """Return by how much of a rival's macro-F1, weighed by length, the inferred limits are better."""
    length = _floats(rows, "length_m")
    ours, theirs = (_scored(rows, column, length)["macro_f1"] for column in (PREDICTED, rival))
    return float(ours / theirs - 1) if theirs else float("inf")


def boundary(offsets: Offsets) -> Figures:
    """Return how far predicted changes of limit lie from true ones, in metres.

    Examples
    --------
    >>> boundary(Offsets((0.0, 40.0), missed=2, invented=1))["found_within_25_m"]
    0.25
    """
    metres = np.array(offsets.metres)
    true = len(metres) + offsets.missed
    within = {f"found_within_{m:.0f}_m": float((metres <= m).sum()) / true if true else None for m in CLOSE_M}
    median = float(np.median(metres)) if len(metres) else None
    return (
        {"changes": true, "paired": len(metres), "missed": offsets.missed, "invented": offsets.invented}
        | within
        | {
            "median_m": median,
            "p90_m": float(np.quantile(metres, 0.9)) if len(metres) else None,
        }
    )


def _case(case: Case) -> Figures:
    compared = case.compared
    return {
        "cells_hidden": case.drawn.cells,
        "cells": case.drawn.of_cells,
        "segments_hidden": len(case.drawn.segments),
        "segments_scored": compared.rows.num_rows,
        "not_scored": compared.untold,
        "coverage": compared.coverage._asdict(),
        "macro_f1_gain": {name: gain(compared.rows, name) for name in RIVALS},
        "boundary": boundary(compared.offsets),
        "missing_baselines": compared.missing,
    }


def _floats(rows: pa.Table, name: str) -> Floats:
    """Return a column of numbers; null is NaN."""
    column: Floats = rows.column(name).to_numpy().astype(np.float64, copy=False)
    return column


def _exact(rows: pa.Table, column: str) -> npt.NDArray[np.bool_]:
    return is_exact(_floats(rows, "truth_kmh"), _floats(rows, column))


def _tiles(rows: pa.Table) -> npt.NDArray[np.intp]:
    names = zip(rows.column("extract").to_pylist(), rows.column("tile").to_pylist(), strict=True)
    _, tiles = np.unique([f"{extract}/{tile}" for extract, tile in names], return_inverse=True)
    return tiles


def _plain(value: Any) -> Any:
    """Return figures with None for what is no number: JSON knows neither NaN nor inf."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
