import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.built_up import BUILT_UP
from schemas.contract import Contract
from schemas.jurisdiction import JURISDICTION
from schemas.posted_limit import POSTED_LIMIT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.evaluation.comparison import Drawn, Tables, aligned, compare
from tasks.evaluation.hiding import Hidden, hide_limits
from tasks.law.law_table import read_law
from tasks.lift import PerRow
from tasks.posted_limit import posted_limit
from tests.roads import road_row, road_table

LAW = read_law()
STATED = [{"maxspeed": value} for value in ("60 mph", "40 mph", "none", "60", "walk")]


def road(i: int, tags: dict[str, str]) -> dict[str, Any]:
    source = {"property": "", "dataset": "OpenStreetMap", "record_id": f"w{i}@1", "between": None}
    connectors = [{"connector_id": f"n{i}", "at": 0.0}, {"connector_id": f"n{i + 1}", "at": 1.0}]
    line = [(9.5 + i / 1000, 47.1), (9.501 + i / 1000, 47.1)]
    given = {"class_": "primary", "name": "Main", "sources": [source], "connectors": connectors}
    return road_row(f"w{i}:n{i}-n{i + 1}", line, tags={"highway": "primary"} | tags, **given)


ROADS = [road(i, tags) for i, tags in enumerate([*STATED, {}])]
HIDDEN = ("w1", "w2", "w3", "w4", "w5")


def table(contract: Contract, **columns: list[Any]) -> pa.Table:
    made = {name: columns.get(name, [None] * len(ROADS)) for name in contract.names}
    return pa.Table.from_pydict(made, schema=contract.schema)


def tables(*, rules: dict[int, list[Any]] | None = None, kmh: float = 64.37376) -> tuple[Tables, Drawn]:
    """Six primary roads in the United States, five of them hidden; what is inferred is 40 mph."""
    whole = road_table(
        [row | ({"speed_limits": rules[i]} if rules and i in rules else {}) for i, row in enumerate(ROADS)]
    )
    ids = whole["segment_id"].to_pylist()
    stated = PerRow(posted_limit, reads=ROAD_SEGMENT, writes=POSTED_LIMIT)({"road_segment": whole}).rows
    hide = PerRow(hide_limits, reads=ROAD_SEGMENT, writes=ROAD_SEGMENT, params=Hidden(HIDDEN))
    rest = hide({"road_segment": whole}).rows
    count = len(ids)
    limits = table(
        SPEED_LIMIT, segment_id=ids, geometry=rest["geometry"].to_pylist(), bbox=rest["bbox"].to_pylist(),
        jurisdiction=["US-OH"] * count, speed_limits=[[]] * count, evidence=[[]] * count, basis=["law"] * count,
        max_speed_forward_kmh=[kmh] * count, max_speed_backward_kmh=[None] * count, confidence=[0.8] * count,
    )  # fmt: skip
    places = table(JURISDICTION, segment_id=ids, jurisdictions=[[]] * count, speed_unit=["mph"] * count)
    built = table(BUILT_UP, segment_id=ids, built_up=[0.2, 0.5, 0.49, 0.9, 0.1, 0.1], built_up_note=[""] * count)
    drawn = Drawn(Hidden(HIDDEN), frozenset(ids[1:]), 1, 2)
    # rows of the tables need not stand in one order
    return Tables(rest, stated, limits.take(np.arange(count)[::-1]), places, built), drawn


def test_hidden_segments_with_a_number_are_rows() -> None:
    found = compare(*tables(), extract="town", law=LAW)
    rows = found.rows.to_pylist()
    assert [row["segment_id"][:2] for row in rows] == ["w1", "w2", "w3"]
    assert [row["truth_kmh"] for row in rows] == [pytest.approx(64.37, abs=0.01), math.inf, 60.0]
    assert [row["step_kmh"] for row in rows] == [pytest.approx(8.04672), pytest.approx(8.04672), 10.0]
    assert [row["predicted_kmh"] for row in rows] == [pytest.approx(64.37, abs=0.01)] * 3
    assert [row["is_built_up"] for row in rows] == [True, False, True]
    assert [row["class_mode_kmh"] for row in rows] == [pytest.approx(96.56064)] * 3
    assert found.untold == {"walking_pace": 1}
    assert (found.coverage.segments, found.coverage.number, found.coverage.answered) == (6, 1, 1)


def test_osmnx_sees_visible_limits_alone() -> None:
    """The mean of what is visible is 60 mph; the hidden ones must not move it."""
    pytest.importorskip("osmnx")
    found = compare(*tables(), extract="town", law=LAW)
    assert found.rows["osmnx_kmh"].to_pylist() == [pytest.approx(96.56064), pytest.approx(96.56064), 100.0]
    assert "osmnx_kmh" not in found.missing


def test_parts_of_a_segment_with_rules_have_limits_of_their_own() -> None:
    """Overture's rules put a change at 0.3 of one segment; nobody predicts one there."""
    slow = {"max_speed": {"value": 60, "unit": "km/h"}, "between": [0.0, 0.3], "when": None}
    fast = {"max_speed": {"value": 80, "unit": "km/h"}, "between": None, "when": None}
    without = compare(*tables(), extract="town", law=LAW).offsets
    within = compare(*tables(rules={3: [fast, slow]}), extract="town", law=LAW).offsets
    assert (within.missed, within.invented) == (without.missed + 1, 0)


def test_rows_are_aligned_by_id() -> None:
    told = pa.table({"segment_id": ["b", "a"], "n": [2, 1]})
    ids = pa.chunked_array([["a", "b", "c"]])
    assert [row["n"] for row in aligned(told, ids, ["n"])] == [1, 2, None]
