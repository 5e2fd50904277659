"""Traces through fastmm: `python by_fastmm.py FOLDER REPORT OPTIONS`, in an environment with fastmm.

Reads FOLDER/points.parquet (trace, time_s, x, y in metres; by trace and time) and FOLDER/edges.parquet (edge, source,
target, xs, ys), and writes FOLDER/REPORT-points.parquet (edge of each point, -1 where unmatched),
FOLDER/REPORT-path.parquet (trace, edge, metres from and to) and FOLDER/REPORT-cost.json. OPTIONS is JSON: those of
`match`, and `reach`, the longest way between two points that the table of shortest ways holds, in metres.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WARM_UP = 20
"""Traces matched before the clock runs."""


def matcher(folder: Path, reach: float) -> tuple[Any, Any]:
    """Return a matcher over the edges in `folder`, with its network, which it does not keep alive by itself.

    Its table of ways is computed when it is made.
    """
    import fastmm

    network = fastmm.Network()
    for edge in pq.read_table(folder / "edges.parquet").to_pylist():
        geom = list(zip(edge["xs"], edge["ys"], strict=True))
        network.add_edge(edge["edge"], source=edge["source"], target=edge["target"], geom=geom)
    network.finalize()
    mode = fastmm.TransitionMode.SHORTEST
    cache = folder / "ubodt"
    return fastmm.FastMapMatch(network, mode, max_distance_between_candidates=reach, cache_dir=cache), network


def trajectories(points: pa.Table) -> list[Any]:
    """Return the traces as the objects that `match` takes."""
    import fastmm

    starts = np.flatnonzero(np.diff(points["trace"].to_numpy(), prepend=-1))
    rows = np.column_stack([points[name].to_numpy() for name in ("x", "y", "time_s")])
    return [fastmm.Trajectory.from_xyt_tuples(part.tolist()) for part in np.split(rows, starts[1:])]


def results(found: list[Any], counts: list[int]) -> tuple[list[int], list[tuple[int, int, float, float]]]:
    """Return the edge of each point, -1 where unmatched, and the steps of all paths."""
    points: list[int] = []
    path: list[tuple[int, int, float, float]] = []
    for trace, (one, count) in enumerate(zip(found, counts, strict=True)):
        edges = [-1] * count
        for segment in (each for part in one.subtrajectories for each in part.segments):
            passed = segment.edges
            edges[segment.p0.trajectory_index] = passed[0].edge_id
            edges[segment.p1.trajectory_index] = passed[-1].edge_id
            path += steps(trace, segment.p0.offset_from_start_of_edge, passed)
        points += edges
    return points, path


def steps(trace: int, offset: float, passed: list[Any]) -> list[tuple[int, int, float, float]]:
    """Return the way between two points: trace, edge, metres from and to.

    `edge_offset` counts from where the way enters the edge. A step back on the same edge is none.
    """
    rows = []
    for edge in passed:
        if not edge.reversed:
            rows.append((trace, edge.edge_id, offset, offset + edge.points[-1].edge_offset))
        offset = 0.0
    return rows


def main(folder: Path, report: str, options: dict[str, Any]) -> None:
    """Match the traces in `folder` and write what was found."""
    match_one, _network = matcher(folder, options.pop("reach"))
    traces = trajectories(pq.read_table(folder / "points.parquet"))
    for each in traces[:WARM_UP]:
        match_one.match(each, **options)
    start = time.process_time()
    found = [match_one.match(each, **options) for each in traces]
    seconds = time.process_time() - start
    start = time.process_time()
    points, path = results(found, [len(each) for each in traces])
    read_s = time.process_time() - start
    pq.write_table(pa.table({"edge": pa.array(points, pa.int64())}), folder / f"{report}-points.parquet")
    names, columns = ("trace", "edge", "from_m", "to_m"), list(zip(*path, strict=True)) or [()] * 4
    pq.write_table(pa.table(dict(zip(names, map(pa.array, columns), strict=True))), folder / f"{report}-path.parquet")
    cost = {"match_s": seconds, "read_s": read_s}
    (folder / f"{report}-cost.json").write_text(json.dumps(cost))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
