"""A small map with known limits, and stages that answer what a test wants."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.evaluate import Engine, Hear, Map
from pipelines.plan import plan_stage
from pipelines.table import Table, open_table, table_in
from pipelines.tile_run import TileRun
from schemas.built_up import BUILT_UP
from schemas.contract import Contract
from schemas.jurisdiction import JURISDICTION
from schemas.map_feature import MAP_FEATURE
from schemas.receipt import Receipt
from schemas.speed_limit import SPEED_LIMIT
from schemas.traversal import TRAVERSAL
from tasks.law.law_table import read_law
from tasks.lift import Lift
from tests.pipelines.local import written
from tests.roads import road_row, road_table

LAW = read_law()
Answer = Callable[[dict[str, Any]], float | None]
"""What is inferred for a road of the map without its hidden limits: km/h, inf, or None."""


def town(count: int = 60, *, classes: tuple[str, ...] = ("primary", "residential"), limits: Any = None) -> pa.Table:
    """Roads in a row from west to east, some 760 m each, every fifth without a limit; one way for two roads."""
    limits = limits or {"primary": "80", "residential": "30", "track": None}
    rows = []
    for i in range(count):
        kind = classes[i // 7 % len(classes)]
        tags = {"highway": kind} | ({} if i % 5 == 4 or not limits[kind] else {"maxspeed": limits[kind]})
        connectors = [{"connector_id": f"c{i}", "at": 0.0}, {"connector_id": f"c{i + 1}", "at": 1.0}]
        source = {"property": "", "dataset": "OpenStreetMap", "record_id": f"w{i // 2}@1", "between": None}
        line = [(9.5 + i / 100, 47.1), (9.51 + i / 100, 47.1)]
        given = {"class_": kind, "tags": tags, "name": f"{kind} road", "connectors": connectors, "sources": [source]}
        rows.append(road_row(f"w{i // 2}:n{i}-n{i + 1}", line, **given))
    return road_table(rows)


def map_of(roads: pa.Table, into: Path, *, name: str = "town", tiles: int | None = 3) -> Map:
    return Map(name, written(roads, into / name / "map", tiles=tiles), open_table(MAP_FEATURE, into / name / "map"))


def run_local(lift: Lift, *tables: Table, into: str) -> Table:
    """A stage, run in this process."""
    target = open_table(lift.writes, into)
    work = TileRun(lift, tables, into)
    for tile in plan_stage(lift, tables, target).todo:
        work(tile)
    return target


def answering(answer: Answer, *, confidence: float = 0.9) -> Engine:
    """An engine whose limits are those of `answer`."""

    def infer(segments: Table, features: Table, into: str) -> Table:
        tables = {contract: open_table(contract, into) for contract in (JURISDICTION, BUILT_UP, SPEED_LIMIT)}
        for tile in segments.tiles():
            rows = segments.read(tile).to_pylist()
            for contract, made in ((JURISDICTION, _place), (BUILT_UP, _built_up)):
                commit(tables[contract], tile, contract, [made(row) for row in rows])
            limits = [_limit(row, answer(row), confidence) for row in rows]
            commit(tables[SPEED_LIMIT], tile, SPEED_LIMIT, limits)
        return tables[SPEED_LIMIT]

    return Engine(run_local, infer, LAW)


def hearing(answer: Answer, *, passed: Callable[[str], int], confidence: float = 0.9) -> Hear:
    """Limits that are those of `answer` with probes heard, and which segments they passed how often."""

    def hear(segments: Table, found: str, into: str) -> Table:
        assert table_in(SPEED_LIMIT, found).tiles() == segments.tiles()
        limits, traversals = open_table(SPEED_LIMIT, into), open_table(TRAVERSAL, into)
        for tile in segments.tiles():
            rows = segments.read(tile).to_pylist()
            commit(limits, tile, SPEED_LIMIT, [_limit(row, answer(row), confidence) for row in rows])
            ids = sorted(row["segment_id"] for row in rows)
            commit(traversals, tile, TRAVERSAL, [_passed(each, i) for each in ids for i in range(passed(each))])
        return limits

    return hear


def _passed(segment_id: str, number: int) -> dict[str, Any]:
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    return {
        "trace_id": f"t{number}",
        "sequence": number,
        "segment_id": segment_id,
        "heading": "forward",
        "enter": moment,
        "leave": moment,
        "enter_fraction": 0.0,
        "leave_fraction": 1.0,
        "device_kmh": None,
        "is_trip_end": False,
    }


def commit(table: Table, tile: str, contract: Contract, rows: list[dict[str, Any]]) -> None:
    made = pa.Table.from_pylist(rows, schema=contract.schema)
    table.commit(made, Receipt(tile, "", "", len(rows), len(rows), 0, 0.0))


def _place(row: dict[str, Any]) -> dict[str, Any]:
    parts = [{"code": "LI", "between": None}]
    return {"segment_id": row["segment_id"], "jurisdictions": parts, "speed_unit": "km/h", "driving_side": "right"}


def _built_up(row: dict[str, Any]) -> dict[str, Any]:
    chance = 0.9 if row["class"] == "residential" else 0.1
    return {"segment_id": row["segment_id"], "built_up": chance, "built_up_note": "", "surroundings": []}


def _limit(row: dict[str, Any], kmh: float | None, confidence: float) -> dict[str, Any]:
    number = None if kmh is None or np.isinf(kmh) else kmh
    reason = {None: "no_law", np.inf: "unlimited"}.get(kmh)
    return {name: row[name] for name in ("segment_id", "geometry", "bbox")} | {
        "jurisdiction": "LI",
        "speed_limits": [],
        "max_speed_forward_kmh": number,
        "max_speed_backward_kmh": number,
        "basis": None if kmh is None else "law",
        "confidence": None if kmh is None else confidence,
        "reason": reason,
        "evidence": [],
    }
