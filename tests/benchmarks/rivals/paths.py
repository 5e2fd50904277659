"""Paths of any matcher in one form, and how much of them is wrong."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from tasks.evaluation.matching import Mismatch, route_mismatch, without_ends
from tasks.measure import distances
from tests.benchmarks.rivals.drives import METRES_PER_DEGREE, Edges, Floats, Ints, Steps


def way_of(segment_ids: pa.ChunkedArray) -> Ints:
    """Return the OSM way of each segment id, -1 for null."""
    return np.array([-1 if each is None else int(each[1 : each.index(":")]) for each in segment_ids.to_pylist()])


def steps_of_chords(path: pa.Table, ways: Ints, edges: Edges) -> Steps:
    """Return chords of ways as stretches of the segments of those ways.

    The segment is the one that lies nearest to the middle of the chord; direction and ends come from two places
    inside of the chord, so that the end of a loop is not taken for its start. A way without a segment is edge -1 - way.
    """
    trace, way = path["trace"].to_numpy(), path["way"].to_numpy()
    ends = np.column_stack([path[name].to_numpy() for name in ("lon0", "lat0", "lon1", "lat1")])
    scale = METRES_PER_DEGREE * np.array([np.cos(np.radians(ends[:, 1].mean() if len(ends) else 0.0)), 1.0])
    row = _nearest_rows(way, ends, ways, edges, scale)
    metres = distances(*ends.T.copy())
    shapes = np.array([shapely.LineString(line * scale) for line in edges.lines])
    at = [
        shapely.line_locate_point(
            shapes[row], shapely.points((ends[:, :2] * (1 - part) + ends[:, 2:] * part) * scale), normalized=True
        )
        for part in (0.25, 0.75)
    ]
    reach = (at[1] - at[0]) / 2
    low, high = np.minimum(at[0] - reach, at[1] + reach), np.maximum(at[0] - reach, at[1] + reach)
    edge = np.where(row < 0, -1 - way, 2 * row + (reach < 0))
    low, high = np.where(row < 0, 0.0, np.clip(low, 0, 1)), np.where(row < 0, 1.0, np.clip(high, 0, 1))
    return Steps(trace, edge, low, high, np.where(row < 0, metres, edges.metres[2 * row]))


def _nearest_rows(way: Ints, ends: Floats, ways: Ints, edges: Edges, scale: Floats) -> Ints:
    """Return for each chord the segment of its way that lies nearest to its middle, -1 if the way has none."""
    order = np.argsort(ways, kind="stable")
    low, high = (np.searchsorted(ways[order], way, side=side) for side in ("left", "right"))
    counts = high - low
    chord = np.repeat(np.arange(len(way)), counts)
    candidate = order[np.arange(counts.sum()) + np.repeat(low - (np.cumsum(counts) - counts), counts)]
    shapes = np.array([shapely.LineString(line * scale) for line in edges.lines])
    middle = shapely.points((ends[:, :2] + ends[:, 2:]) / 2 * scale)
    away = shapely.distance(middle[chord], shapes[candidate])
    best = np.lexsort((away, chord))
    is_first = np.diff(chord[best], prepend=-1) != 0
    row = np.full(len(way), -1)
    row[chord[best][is_first]] = candidate[best][is_first]
    return row


def mismatch(truth: Steps, found: Steps) -> tuple[Mismatch, Mismatch]:
    """Return what is missed and added, directions told apart, of whole ways and without first and last segments.

    Where a drive begins along a segment, noise moves its first point by metres that nobody can know.
    """
    true, matched = _routes(truth), _routes(found)
    both = pa.concat_tables([true, matched])
    roads = both.group_by("segment_id", use_threads=False).aggregate([("length_m", "first")])
    roads = roads.rename_columns({"length_m_first": "length_m"})
    inner = route_mismatch(without_ends(true, true), without_ends(matched, true), roads)
    return route_mismatch(true, matched, roads).directed, inner.directed


def _routes(steps: Steps) -> pa.Table:
    """Return stretches as rows of TRAVERSAL; each stretch of a way that the roads lack is a segment of its own."""
    place = np.arange(len(steps.edge)).astype(str)
    known = (steps.edge // 2).astype(str)
    columns = {
        "trace_id": steps.trace.astype(str),
        "sequence": np.arange(len(steps.edge)),
        "segment_id": np.where(steps.edge < 0, np.char.add("unknown ", place), known),
        "heading": np.where(steps.edge % 2 == 1, "backward", "forward"),
        "enter_fraction": steps.low,
        "leave_fraction": steps.high,
        "length_m": steps.metres,
    }
    return pa.table(columns)


def steps_of_metres(path: pa.Table, edges: Edges) -> Steps:
    """Return steps on directed edges, in metres from their begin, as stretches of segments."""
    trace, edge, start, end = (path[name].to_numpy() for name in ("trace", "edge", "from_m", "to_m"))
    metres = edges.metres[edge]
    low, high = (np.clip(each / metres, 0, 1) for each in (start, end))
    is_back = edge % 2 == 1
    return Steps(trace, edge, np.where(is_back, 1 - high, low), np.where(is_back, 1 - low, high), metres)


def steps_of_routes(path: pa.Table, roads: pa.Table, edges: Edges) -> Steps:
    """Return the steps of routes of MATCH as stretches of segments."""
    row = pc.index_in(path["segment_id"], roads["segment_id"].combine_chunks()).to_numpy().astype(np.int64)
    edge = 2 * row + pc.equal(path["heading"], "backward").to_numpy(zero_copy_only=False)
    start, end = path["from"].to_numpy(), path["to"].to_numpy()
    return Steps(path["trace"].to_numpy(), edge, np.minimum(start, end), np.maximum(start, end), edges.metres[edge])
