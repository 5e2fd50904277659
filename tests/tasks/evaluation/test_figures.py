import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.scored_limit import SCORED_LIMIT
from tasks.evaluation.boundary_offset import Offsets
from tasks.evaluation.comparison import Compared, Coverage, Drawn
from tasks.evaluation.figures import BASELINES, Case, boundary, entry, figures, gain
from tasks.evaluation.hiding import Hidden

COVERED = Coverage(segments=9, km=9.0, number=1.0, number_km=1.0, answered=1.0)


def row(number: int, **given: Any) -> dict[str, Any]:
    blank = dict.fromkeys(SCORED_LIMIT.names)
    return blank | {
        "segment_id": f"s{number}", "extract": "town", "tile": f"q{number}", "class": "primary", "length_m": 100.0,
        "truth_kmh": 50.0, "step_kmh": 10.0, "predicted_kmh": 50.0, "confidence": 0.9, "basis": "law",
    } | given  # fmt: skip


def scored(*rows: dict[str, Any]) -> pa.Table:
    return SCORED_LIMIT.conform(pa.Table.from_pylist(list(rows), schema=SCORED_LIMIT.schema))


def case(rows: pa.Table, name: str = "town", missing: dict[str, str] | None = None) -> Case:
    compared = Compared(rows, Offsets((0.0, 30.0), 1, 0), {}, missing or {}, COVERED)
    return Case(name, Drawn(Hidden(("w1",)), frozenset({"s1"}), 1, 2), compared)


def test_gain_is_relative() -> None:
    """Ours finds both limits, the class mode one of two: macro-F1 of 1 against (2/3 + 0) / 2."""
    rows = scored(
        row(1, truth_kmh=50.0, predicted_kmh=50.0, class_mode_kmh=50.0),
        row(2, truth_kmh=30.0, predicted_kmh=30.0, class_mode_kmh=50.0),
    )
    assert gain(rows, "class_mode_kmh") == pytest.approx(3 - 1)
    assert gain(rows, "law_kmh") == float("inf")


def test_cells_of_different_maps_are_different() -> None:
    """The same quadkey in two extracts is drawn as two: with one cell there would be no spread."""
    rows = [row(1, tile="q1", extract=name, predicted_kmh=kmh) for name, kmh in (("one", 50.0), ("two", 80.0))]
    pooled = pa.concat_tables([scored(each) for each in rows])
    low, high = entry(pooled, "predicted_kmh", 0)["by_length"]["exact_interval"]
    assert (low, high) == (0, 1)
    one_cell = scored(rows[0], rows[1] | {"segment_id": "s2", "extract": "one"})
    assert entry(one_cell, "predicted_kmh", 0)["by_length"]["exact_interval"] == [0.5, 0.5]


def test_distances_up_to_the_bound_are_found() -> None:
    told = boundary(Offsets((0.0, 25.0, 25.1, 100.0), 4, 2))
    assert (told["changes"], told["found_within_25_m"], told["found_within_100_m"]) == (8, 0.25, 0.5)
    assert (told["median_m"], told["missed"], told["invented"]) == (pytest.approx(25.05), 4, 2)


def test_no_change_has_no_distance() -> None:
    told = boundary(Offsets((), 0, 1))
    assert (told["changes"], told["found_within_25_m"], told["median_m"], told["p90_m"]) == (0, None, None, None)


def test_guesses_that_could_not_be_had_are_named_and_not_scored() -> None:
    told = figures([case(scored(row(1)), missing={"osmnx_kmh": "OSMnx is not installed"})], seed=1, share=0.5)
    assert told["missing_baselines"] == {"osmnx_kmh": "OSMnx is not installed"}
    assert set(told["baselines"]) == set(BASELINES) - {"osmnx_kmh"}


def test_groups_and_their_sums() -> None:
    rows = scored(
        row(1, is_built_up=True, jurisdiction="FI"),
        row(2, is_built_up=False, jurisdiction="US-OH", **{"class": "track"}),
        row(3, basis=None, predicted_kmh=None, confidence=None),
    )
    told = figures([case(rows)], seed=1, share=0.5)
    assert {group: list(found) for group, found in told["groups"].items()} == {
        "extract": ["town"],
        "jurisdiction": ["FI", "US-OH", "none"],
        "class": ["primary", "track"],
        "area": ["rural", "unknown", "urban"],
        "basis": ["law", "none"],
    }
    for found in told["groups"].values():
        assert sum(each["by_count"]["segments"] for each in found.values()) == 3


def test_figures_are_plain_json(tmp_path: Path) -> None:
    rows = scored(row(1, truth_kmh=float("inf"), predicted_kmh=None, confidence=None))
    told = figures([case(rows), case(scored(row(2, extract="other")), "other")], seed=1, share=0.5)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert list(told["extracts"]) == list(told["groups"]["extract"]) == ["town", "other"]
    assert told["boundary"]["changes"] == 6


def test_without_probes_nothing_is_told_of_them() -> None:
    assert figures([case(scored(row(1)))], seed=1, share=0.5)["probes"] is None


def test_probes_stand_beside_what_is_told_without_them() -> None:
    """Four segments passed 20 times: half right without, three with; the bounds of each range belong to it."""
    many = [
        row(1, traversals=20, predicted_kmh=50.0, probed_kmh=50.0, probed_confidence=0.9),
        row(2, traversals=99, predicted_kmh=50.0, probed_kmh=50.0, probed_confidence=0.9),
        row(3, traversals=20, predicted_kmh=60.0, probed_kmh=50.0, probed_confidence=0.9),
        row(4, traversals=21, predicted_kmh=80.0, probed_kmh=80.0, probed_confidence=0.5, **{"class": "track"}),
    ]
    few = [row(i, traversals=count, probed_kmh=50.0) for i, count in ((5, 19), (6, 5), (7, 4), (8, 1), (9, 0), (10, 0))]
    told = figures([case(scored(*many, *few))], seed=1, share=0.5)["probes"]
    counted = {name: each["with"]["by_count"]["segments"] for name, each in told["traversals"].items()}
    assert counted == {"20 and more": 4, "5 to 19": 2, "1 to 4": 2, "none": 2}
    ways = told["traversals"]["20 and more"]
    assert ways["share"] == 0.4
    before, after = (ways[way]["by_count"] for way in ("without", "with"))
    assert (before["exact"], after["exact"], before["within_10"], after["within_10"]) == (0.5, 0.75, 0.75, 0.75)
    assert before["ece"] == pytest.approx(0.4)
    assert after["ece"] == pytest.approx(0.75 * 0.1 + 0.25 * 0.5)
    assert list(told["class"]) == ["primary", "track"]
    assert [each["share"] for each in told["class"].values()] == [0.75, 0.25]
    assert told["all"]["with"]["by_count"]["segments"] == 10
    assert {round(each["confidence"], 2) for each in told["reliability"]["with"]} == {0.5, 0.9}
    assert [each["confidence"] for each in told["reliability"]["without"]] == pytest.approx([0.9])
