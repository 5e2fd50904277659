"""Traces through Waysmith: `python -m tests.benchmarks.rivals.by_waysmith FOLDER ROADS REPORT [cold]`.

Reads FOLDER/points.parquet as the rivals do and the road table ROADS, and writes FOLDER/REPORT-points.parquet (segment
of each point), FOLDER/REPORT-path.parquet (the steps of all routes) and FOLDER/REPORT-cost.json. Every trace is one
piece. The graph of the roads is made before the clock runs, with the first traces, as rivals load theirs; with `cold`
it is made within the time, as for the first points of a tile.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.probe import TRACE_PIECE
from tasks.map_match import Matched, MatchParams, map_match
from tasks.match_ground import LAST

WARM_UP = 20
"""Traces matched before the clock runs: compiled code is loaded then."""
LISTS = ("times", "lons", "lats", "speeds", "headings", "accuracies", "trip_ends")


def pieces(points: pa.Table) -> pa.Table:
    """Return each trace as one piece, all points its own."""
    trace = points["trace"].to_numpy()
    starts = np.append(np.flatnonzero(np.diff(trace, prepend=-1)), len(trace)).astype(np.int32)
    unknown = np.full(len(trace), np.nan, dtype=np.float32)
    values = {
        "times": np.rint(points["time_s"].to_numpy() * 1e6).astype(np.int64),
        "lons": points["lon"].to_numpy(),
        "lats": points["lat"].to_numpy(),
        "speeds": unknown,
        "headings": unknown,
        "accuracies": unknown,
        "trip_ends": pa.repeat(False, len(trace)),
    }
    counts = np.diff(starts)
    columns = {name: pa.ListArray.from_arrays(starts, pa.array(values[name])) for name in LISTS}
    columns |= {"first": pa.array(np.zeros_like(counts)), "own_from": pa.array(np.zeros_like(counts))}
    columns |= {"own_to": pa.array(counts), "trace_id": pa.array([f"{each:06}" for each in trace[starts[:-1]]])}
    return pa.table({name: columns[name].cast(TRACE_PIECE[name].arrow.type) for name in columns})


def matched(some: pa.Table, roads: pa.Table) -> Matched:
    """Match pieces as the stage does."""
    whole = {name: some[name].to_numpy() for name in ("first", "own_from", "own_to")}
    return map_match(**whole, **{name: some[name] for name in LISTS}, road_segment=roads, params=MatchParams())


def main(folder: Path, roads: Path, report: str, *, is_cold: bool) -> None:
    """Match the traces in `folder` and write what was found."""
    traces, table = pieces(pq.read_table(folder / "points.parquet")), pq.read_table(roads)
    matched(traces.slice(0, WARM_UP), table)
    if is_cold:
        LAST.clear()
    start = time.process_time()
    found = matched(traces, table)
    seconds = time.process_time() - start
    start = time.process_time()
    path = steps(found)
    read_s = time.process_time() - start
    pq.write_table(path, folder / f"{report}-path.parquet")
    pq.write_table(pa.table({"segment_id": found.segment_id}), folder / f"{report}-points.parquet")
    cost = {"match_s": seconds, "read_s": read_s}
    (folder / f"{report}-cost.json").write_text(json.dumps(cost))


def steps(found: Matched) -> pa.Table:
    """Return the steps of all routes, with the trace of each."""
    trace = np.repeat(found.row, pc.list_value_length(found.route).to_numpy(zero_copy_only=False))
    flat = pc.list_flatten(found.route)
    names = ("segment_id", "heading", "from", "to")
    return pa.table({"trace": trace} | {name: pc.struct_field(flat, name) for name in names})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], is_cold=sys.argv[4:] == ["cold"])
