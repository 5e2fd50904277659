"""Three straight streets, their weekly profiles, and traces along them, made in code."""

from typing import Any

import numpy as np
import pyarrow as pa

from schemas.match import MATCH
from schemas.probe import PROBE_POINT
from schemas.speed_profile import SPEED_PROFILE, WEEK_BINS
from schemas.traversal import TRAVERSAL
from tests.roads import road_row, road_table

MONDAY_US = 1_750_046_400_000_000
"""2025-06-16 04:00 UTC, a Monday."""
WEST, SOUTH, STEP = 24.90, 60.17, 0.004
"""Degrees; a street between two corners is STEP long from west to east."""


def streets(count: int = 3) -> pa.Table:
    """Streets `s0`, `s1` … one behind the other from west to east, and a lane beside them that nobody drives."""
    corners = [(WEST + STEP * i, SOUTH) for i in range(count + 1)]
    rows = [
        road_row(f"s{i}", corners[i : i + 2], class_="primary", name=f"Street {i}", one_way="no") for i in range(count)
    ]
    return road_table([*rows, road_row("lane", [(WEST, SOUTH + 0.001), (WEST + STEP, SOUTH + 0.001)])])


def profile_row(segment_id: str, heading: str = "forward", **given: Any) -> dict[str, Any]:
    """A profile of 50 km/h, 5-minute bins on Monday, hours on Tuesday, the week else; slow in Monday's mornings."""
    kmh, count = np.full(WEEK_BINS, 45.0), np.zeros(WEEK_BINS, dtype=int)
    minutes = np.zeros(WEEK_BINS, dtype=int)
    minutes[:288], minutes[288:576] = 5, 60
    kmh[84:108], count[:288] = 20.0, 6
    row = {"segment_id": segment_id, "heading": heading, "traces": 12, "observations": 40}
    row |= {"free_flow_kmh": 50.0, "p15_kmh": 30.0, "p50_kmh": 44.0, "p85_kmh": 52.0, "spread_kmh": 4.5}
    return row | {"week_kmh": kmh, "week_count": count, "week_minutes": minutes} | given


def profile_table(rows: list[dict[str, Any]]) -> pa.Table:
    return SPEED_PROFILE.conform(pa.Table.from_pylist(rows, schema=SPEED_PROFILE.schema))


def drive(
    trace_id: str, points: int, *, streets: int = 3, lost: tuple[int, ...] = ()
) -> dict[str, list[dict[str, Any]]]:
    """One trace from west to east, 10 s and a part of the way between points, 11 m north of the road; some are lost."""
    tables: dict[str, list[dict[str, Any]]] = {"points": [], "matches": [], "traversals": []}
    for number, share in enumerate(np.linspace(0.1, streets - 0.1, points).tolist()):
        time = MONDAY_US + 10_000_000 * number
        place = {"trace_id": trace_id, "number": number, "time": time}
        where = {"lon": WEST + STEP * share, "lat": SOUTH + 0.0001 * (1 + 20 * (number in lost))}
        tables["points"].append(place | where | {"speed_kmh": 40.0, "heading_deg": 90.0, "accuracy_m": None})
        road = {"segment_id": f"s{int(share)}", "fraction": share % 1, "heading": "forward", "distance_m": 11.1}
        road |= {"confidence": 0.4 if number == 1 else 0.987, "reason": None}
        if number in lost:
            road = dict.fromkeys(road) | {"reason": "no_road"}
        tables["matches"].append(place | road | {"speed_kmh": 40.0, "is_trip_end": number == 0, "route": []})
    for i in range(streets):
        ends = {"enter_fraction": 0.1 if i == 0 else 0.0, "leave_fraction": 0.9 if i == streets - 1 else 1.0}
        row = {"trace_id": trace_id, "sequence": 4096 * (i + 1), "segment_id": f"s{i}", "heading": "forward"}
        row |= {"enter": MONDAY_US, "leave": MONDAY_US + 10_000_000, "device_kmh": 40.0, "is_trip_end": False}
        tables["traversals"].append(row | ends)
    return tables


def trace_tables(*drives: dict[str, list[dict[str, Any]]]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Points, matches and traversals of some drives."""
    kinds = {"points": PROBE_POINT, "matches": MATCH, "traversals": TRAVERSAL}
    points, matches, traversals = (
        contract.conform(pa.Table.from_pylist([row for each in drives for row in each[name]], schema=contract.schema))
        for name, contract in kinds.items()
    )
    return points, matches, traversals
