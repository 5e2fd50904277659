"""Traces for a map page: which ones are shown, and their points, matches and routes in small numbers."""

import typing
from collections.abc import Iterator
from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import Heading, Unmatched
from tasks.measure import distances
from tasks.page import place_steps

Row = dict[str, Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

US_PER_MS = 1000

POINT_COLUMNS = ["trace_id", "number", "time", "lon", "lat", "speed_kmh", "heading_deg", "accuracy_m"]
MATCH_COLUMNS = [
    "trace_id",
    "number",
    "segment_id",
    "fraction",
    "heading",
    "distance_m",
    "confidence",
    "reason",
    "is_trip_end",
]
TRAVERSAL_COLUMNS = ["trace_id", "sequence", "segment_id", "enter_fraction", "leave_fraction"]
"""What is read of PROBE_POINT, MATCH and TRAVERSAL."""


class Choice(NamedTuple):
    """Traces to show, longest first, with their lengths (m), and how many there are in all."""

    trace_id: list[str]
    metres: list[float]
    total: int


def longest(points: pa.Table, most: int) -> Choice:
    """Return the `most` longest traces of `points` (rows of PROBE_POINT), measured from point to point.

    Of equally long ones the first by name comes first.

    Examples
    --------
    >>> there = {"trace_id": ["a", "b", "b", "c", "c"], "number": [0, 1, 0, 0, 1]}
    >>> choice = longest(pa.table(there | {"lon": [9.0, 9.1, 9.0, 9.0, 9.2], "lat": [47.0] * 5}), 1)
    >>> choice.trace_id, round(choice.metres[0]), choice.total
    (['c'], 15211, 3)
    """
    packed = points["trace_id"].combine_chunks().dictionary_encode()
    names, codes = packed.dictionary.to_pylist(), np.asarray(packed.indices, dtype=np.int64)
    order = np.lexsort((points["number"].to_numpy(), codes))
    lon, lat, codes = points["lon"].to_numpy()[order], points["lat"].to_numpy()[order], codes[order]
    steps, is_same = distances(lon[:-1], lat[:-1], lon[1:], lat[1:]), codes[1:] == codes[:-1]
    metres = np.bincount(codes[1:][is_same], weights=steps[is_same], minlength=len(names))
    best = sorted(range(len(names)), key=lambda code: (-metres[code], names[code]))[:most]
    return Choice([names[code] for code in best], [float(metres[code]) for code in best], len(names))


def shown_traces(
    points: pa.Table, matches: pa.Table, traversals: pa.Table, segment_ids: pa.ChunkedArray, *, most: int, kmh: float
) -> Row:
    """Return the `most` longest traces as JSON values, in which a segment is its place in `segment_ids`.

    Speeds are in units of `kmh` km/h.

    Raises
    ------
    ValueError
        If points and matches of these traces are not one to one, or a segment is not among `segment_ids`.
    """
    choice = longest(points, most)
    chosen = pa.array(choice.trace_id, pa.string())
    points, matches = _of_traces(points, chosen, "number"), _of_traces(matches, chosen, "number")
    traversals = _of_traces(traversals, chosen, "sequence")
    _check_pairs(points, matches, chosen)
    of_points = _point_columns(points, matches, segment_ids, kmh)
    of_routes = _route_columns(traversals, segment_ids)
    places = np.column_stack([points["lon"].to_numpy(), points["lat"].to_numpy()])
    listed = [
        {"id": name, "metres": metres, "steps": place_steps(places[own])}
        | {"points": _part(of_points, own), "route": _part(of_routes, driven)}
        for name, metres, own, driven in zip(
            *choice[:2], _spans(points, chosen), _spans(traversals, chosen), strict=True
        )
    ]
    return {"reasons": [str(word) for word in Unmatched], "total": choice.total, "listed": listed}


def _of_traces(table: pa.Table, chosen: pa.Array, rank: str) -> pa.Table:
    """Return the rows of the chosen traces, by trace in the order of `chosen`, then by `rank`."""
    table = table.filter(pc.is_in(table["trace_id"], chosen))
    place = pc.index_in(table["trace_id"], value_set=chosen).to_numpy()
    return table.take(np.lexsort((table[rank].to_numpy(), place)))


def _spans(table: pa.Table, chosen: pa.Array) -> list[slice]:
    """Return the rows of each chosen trace."""
    place = pc.index_in(table["trace_id"], value_set=chosen).to_numpy()
    return [slice(*ends) for ends in pairwise(np.searchsorted(place, np.arange(len(chosen) + 1)).tolist())]


def _part(columns: Row, rows: slice) -> Row:
    return {name: values[rows] for name, values in columns.items()}


def _check_pairs(points: pa.Table, matches: pa.Table, chosen: pa.Array) -> None:
    """Refuse points without a match and matches without a point; both stand by trace and number."""
    pairs = zip_longest(_keys(points, chosen), _keys(matches, chosen))
    for found in (min(filter(None, pair)) for pair in pairs if pair[0] != pair[1]):
        trace = chosen[found[0]].as_py()
        raise ValueError(f"probe_page: point {found[1]} of trace_id {trace!r} is not once a point and once a match")


def _keys(table: pa.Table, chosen: pa.Array) -> Iterator[tuple[int, int]]:
    place = pc.index_in(table["trace_id"], value_set=chosen)
    return zip(place.to_pylist(), table["number"].to_pylist(), strict=True)


def _point_columns(points: pa.Table, matches: pa.Table, segment_ids: pa.ChunkedArray, kmh: float) -> Row:
    """Return what the page says of points: times in ms since 1970, -1 for no segment or reason, None for no number."""
    reasons = pc.index_in(matches["reason"], value_set=pa.array([str(word) for word in Unmatched]))
    return {
        "time": (points["time"].cast(pa.int64()).to_numpy() // US_PER_MS).tolist(),
        "segment": _places(matches["segment_id"], segment_ids),
        "reason": pc.fill_null(reasons, -1).to_pylist(),
        "backward": pc.fill_null(pc.equal(matches["heading"], Heading.BACKWARD), False).cast(pa.int8()).to_pylist(),
        "end": matches["is_trip_end"].cast(pa.int8()).to_pylist(),
        "fraction": _rounded(matches["fraction"], 6),
        "distance": _rounded(matches["distance_m"], 1),
        "confidence": _rounded(matches["confidence"], 3),
        "speed": _rounded(pc.divide(points["speed_kmh"].cast(pa.float64()), kmh), 1),
        "course": _rounded(points["heading_deg"], 0),
        "accuracy": _rounded(points["accuracy_m"], 1),
    }


def _route_columns(traversals: pa.Table, segment_ids: pa.ChunkedArray) -> Row:
    return {
        "segment": _places(traversals["segment_id"], segment_ids),
        "enter": _rounded(traversals["enter_fraction"], 6),
        "leave": _rounded(traversals["leave_fraction"], 6),
    }


def _places(wanted: pa.ChunkedArray, segment_ids: pa.ChunkedArray) -> list[int]:
    """Return where each segment stands among `segment_ids`, -1 for null."""
    places = pc.index_in(wanted, value_set=segment_ids.combine_chunks())
    lost = pc.and_(pc.is_null(places), pc.is_valid(wanted))
    if pc.any(lost).as_py():
        raise ValueError(
            f"probe_page: segment_id {wanted.filter(lost)[0].as_py()!r} of a trace is not among the segments"
        )
    return typing.cast(list[int], pc.fill_null(places, -1).to_pylist())


def _rounded(column: pa.ChunkedArray, digits: int) -> list[float | None]:
    """Return numbers with so many decimals, None where there is none; from float64: what was float32 stays short."""
    rounded = pc.round(column.cast(pa.float64()), digits)
    return typing.cast(list[float | None], pc.if_else(pc.is_finite(rounded), rounded, None).to_pylist())
