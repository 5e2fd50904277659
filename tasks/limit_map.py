"""Speed limits as a map for people: one HTML page with all data and code inside."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import Heading, OneWay, SpeedUnit
from tasks.legend import View, basis_view, confidence_view, inferred, limit_view
from tasks.page import STEPS_PER_DEGREE as STEPS_PER_DEGREE
from tasks.page import dataset_credits, drawing_rank, html_page, line_steps, view_json
from tasks.rule_words import rule_text
from tasks.speed_rule import speed_in_kmh

Row = dict[str, Any]


def map_page(limits: pa.Table, segments: pa.Table, *, title: str) -> str:
    """Return an HTML page that shows `limits` (rows of SPEED_LIMIT) on their `segments` (rows of ROAD_SEGMENT).

    The page needs no network, and its content security policy forbids any. Roads are drawn minor ones first.
    Segments without a limit row are left out.

    Raises
    ------
    ValueError
        If a limit's segment is missing.

    Examples
    --------
    >>> from schemas.road import ROAD_SEGMENT
    >>> from schemas.speed_limit import SPEED_LIMIT
    >>> page = map_page(SPEED_LIMIT.empty(), ROAD_SEGMENT.empty(), title="R&D")
    >>> page.splitlines()[0], "<title>R&amp;D</title>" in page
    ('<!doctype html>', True)
    """
    return html_page("limit_map.html", page_data(limits, segments), title=title)


def page_data(limits: pa.Table, segments: pa.Table) -> dict[str, Any]:
    """Return what the page knows, as JSON values: parallel lists with one item for each segment."""
    limits, segments = _aligned(limits, segments)
    roads, found = segments.select(ROAD_COLUMNS).to_pylist(), limits.select(LIMIT_COLUMNS).to_pylist()
    counts, steps = line_steps(segments["geometry"])
    rows = [_row(road, limit) for road, limit in zip(roads, found, strict=True)]
    is_inferred = inferred(limits["basis"].to_pylist())
    return {
        "counts": counts,
        "steps": steps,
        "columns": {name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
        "views": [view_json(view) for view in _views(limits, segments)],
        "inferred": [int(each) for each in is_inferred],
        "inferred_metres": float(segments["length_m"].to_numpy()[is_inferred].sum()),
        "credits": dataset_credits(road["sources"] for road in roads),
        "metres": pc.sum(segments["length_m"]).as_py() or 0.0,
        "is_imperial": any(f" {SpeedUnit.MPH}" in row["forward"] for row in rows),
    }


ROAD_COLUMNS = ["segment_id", "class", "subclass", "length_m", "one_way", "name", "ref", "sources"]
LIMIT_COLUMNS = [
    "jurisdiction",
    "speed_limits",
    "max_speed_forward_kmh",
    "max_speed_backward_kmh",
    "basis",
    "confidence",
    "reason",
    "evidence",
]


def _aligned(limits: pa.Table, segments: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return both tables with one row for each limit, in the order of drawing."""
    places = pc.index_in(limits["segment_id"], value_set=segments["segment_id"].combine_chunks())
    if places.null_count:
        lost = limits["segment_id"].filter(pc.is_null(places))[0].as_py()
        raise ValueError(f"map_page: segment_id {lost!r} of the limits is not among the segments")
    segments = segments.take(places)
    order = np.argsort(drawing_rank(segments), kind="stable")
    return limits.take(order), segments.take(order)


def _views(limits: pa.Table, segments: pa.Table) -> list[View]:
    metres = segments["length_m"].to_numpy()
    bases, reasons = limits["basis"].to_pylist(), limits["reason"].to_pylist()
    confidence = limits["confidence"].to_numpy()
    kmh = _highest(limits, segments["one_way"])
    return [limit_view(kmh, reasons, metres), basis_view(bases, reasons, metres), confidence_view(confidence, metres)]


def _highest(limits: pa.Table, one_way: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return the higher limit (km/h) of the directions that cars may drive; NaN without a number."""
    ways = one_way.to_numpy()
    forward, backward = (limits[f"max_speed_{heading}_kmh"].to_numpy() for heading in Heading)
    forward = np.where(ways == OneWay.BACKWARD, np.nan, forward)
    return np.fmax(forward, np.where(ways == OneWay.FORWARD, np.nan, backward))


def _row(road: Row, limit: Row) -> Row:
    """Return what the side panel says of one segment, in words."""
    rules = limit["speed_limits"]
    return {
        "id": road["segment_id"],
        "name": road["name"],
        "ref": road["ref"],
        "kind": " ".join(filter(None, (road["class"], road["subclass"]))).replace("_", " "),
        "class": road["class"],
        "length": road["length_m"],
        "one_way": road["one_way"],
        "forward": _limit_text(limit["max_speed_forward_kmh"], rules),
        "backward": _limit_text(limit["max_speed_backward_kmh"], rules),
        "jurisdiction": limit["jurisdiction"],
        "basis": limit["basis"],
        "confidence": limit["confidence"],
        "reason": limit["reason"],
        "rules": [rule_text(rule) for rule in rules],
        "evidence": [_evidence_cells(witness) for witness in limit["evidence"]],
        "sources": list(dict.fromkeys(f"{source['dataset']} {source['record_id']}" for source in road["sources"])),
    }


def _limit_text(kmh: float | None, rules: list[Row]) -> str:
    """Return a limit as posted, with km/h beside it where the sign is in another unit.

    Examples
    --------
    >>> _limit_text(40.2336, [{"max_speed": {"value": 25, "unit": "mph"}}]), _limit_text(50.0, [])
    ('25 mph (40.2 km/h)', '50 km/h')
    """
    if kmh is None:
        return ""
    posted = [rule["max_speed"] for rule in rules if rule["max_speed"]]
    for speed in posted:
        if speed["unit"] != SpeedUnit.KMH and abs(speed_in_kmh(speed) - kmh) < 0.01:
            return f"{speed['value']} {speed['unit']} ({round(kmh, 1):g} km/h)"
    return f"{round(kmh, 1):g} km/h"


def _evidence_cells(witness: Row) -> list[str]:
    """Return basis, speed, heading, weight and note of one witness as text."""
    speed = "" if witness["value"] is None else f"{witness['value']:g} {witness['unit'] or ''}".rstrip()
    weight = "" if witness["weight"] is None else f"{witness['weight']:.2f}"
    basis = (witness["basis"] or "").replace("_", " ")
    return [basis, speed, witness["heading"] or "", weight, witness["note"] or ""]
