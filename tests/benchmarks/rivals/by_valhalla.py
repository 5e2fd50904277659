"""Traces through Valhalla's Meili: `python by_valhalla.py FOLDER MAP REPORT OPTIONS`, where pyvalhalla is installed.

Reads FOLDER/points.parquet (trace, time_s, lon, lat; by trace and time), builds the tiles of MAP in FOLDER once, and
writes FOLDER/REPORT-points.parquet (way of each point, -1 where unmatched),
FOLDER/REPORT-path.parquet (the path as chords: trace, way, ends) and FOLDER/REPORT-cost.json. OPTIONS is JSON: those of
`trace_options`, and `config`, which goes to the section `meili.default`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ATTRIBUTES = [
    "edge.way_id",
    "edge.begin_shape_index",
    "edge.end_shape_index",
    "matched.point",
    "matched.type",
    "matched.edge_index",
    "matched.distance_along_edge",
    "shape",
]
"""What a user of the path asks for; everything else costs Valhalla time."""
LONGEST_TRACE = 1_000_000
"""Points that a request may have; 16,000 in Valhalla's own settings."""
WARM_UP = 20
"""Traces matched before the clock runs, so that tiles are in memory and allocators are grown."""
NO_EDGE = 2**32
"""Edge indices beyond this stand for none."""


def config_of(folder: Path, map_file: Path, meili: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration whose tiles lie in `folder`; they are built if they are not there."""
    from valhalla.config import get_config

    tiles = folder / f"tiles-{map_file.name}"
    is_built = tiles.exists()
    tiles.mkdir(exist_ok=True)
    config: dict[str, Any] = get_config(tile_extract="", tile_dir=tiles)
    config["mjolnir"]["concurrency"] = 1
    config["meili"]["default"] |= meili
    config["service_limits"]["trace"] |= {"max_shape": LONGEST_TRACE, "max_distance": 1e7}
    if not is_built:
        build_tiles(config, map_file, tiles)
    return config


def build_tiles(config: dict[str, Any], map_file: Path, tiles: Path) -> None:
    """Build routing tiles with the program that comes with the package."""
    import valhalla

    settings = tiles / "valhalla.json"
    settings.write_text(json.dumps(config))
    program = Path(valhalla.__file__).parent / "bin/valhalla_build_tiles"
    subprocess.run([program, "-c", settings, map_file], check=True, capture_output=True)


def request(points: pa.Table, options: dict[str, Any]) -> str:
    """Return one trace as a request."""
    names = (("lon", "lon"), ("lat", "lat"), ("time", "time_s"))
    columns = [points.column(source).to_pylist() for _, source in names]
    shape = [dict(zip((name for name, _ in names), values, strict=True)) for values in zip(*columns, strict=True)]
    asked = {"attributes": ATTRIBUTES, "action": "include"}
    fixed = {"costing": "auto", "shape_match": "map_snap", "filters": asked}
    return json.dumps(fixed | {"shape": shape, "trace_options": options})


def decoded(text: str) -> np.ndarray:
    """Return the vertices (lon, lat) of a polyline of six decimals; shape (n, 2)."""
    codes = np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64) - 63
    ends = np.flatnonzero(codes < 0x20)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    steps = np.where(values & 1, ~(values >> 1), values >> 1).reshape(-1, 2)
    return np.cumsum(steps, axis=0)[:, ::-1] / 1e6


def answers(actor: Any, requests: list[str]) -> tuple[list[str | None], float]:
    """Return the answer to each request, None where Valhalla refuses it, and the CPU seconds that all took."""
    found: list[str | None] = []
    start = time.process_time()
    for each in requests:
        try:
            found.append(actor.trace_attributes(each))
        except RuntimeError:
            found.append(None)
    return found, time.process_time() - start


def chords(answer: dict[str, Any], trace: int) -> list[tuple[int, int, float, float, float, float]]:
    """Return the path of one answer as chords of ways: trace, way, lon and lat of both ends."""
    shape = decoded(answer["shape"]).tolist()
    return [
        (trace, edge["way_id"], *shape[at], *shape[at + 1])
        for edge in answer["edges"]
        for at in range(edge["begin_shape_index"], edge["end_shape_index"])
    ]


def ways(answer: dict[str, Any]) -> list[int]:
    """Return the way of each point of one answer, -1 where there is none."""
    edges = [edge["way_id"] for edge in answer["edges"]]
    places = [point.get("edge_index", NO_EDGE) for point in answer["matched_points"]]
    return [edges[place] if place < len(edges) else -1 for place in places]


def main(folder: Path, map_file: Path, report: str, options: dict[str, Any]) -> None:
    """Match the traces in `folder` and write what was found."""
    import valhalla

    points = pq.read_table(folder / "points.parquet")
    starts = np.flatnonzero(np.diff(points["trace"].to_numpy(), prepend=-1))
    counts = np.diff(np.append(starts, points.num_rows)).tolist()
    config = config_of(folder, map_file, options.pop("config", {}))
    requests = [request(points.slice(at, n), options) for at, n in zip(starts.tolist(), counts, strict=True)]
    actor = valhalla.Actor(config)
    answers(actor, requests[:WARM_UP])
    texts, seconds = answers(actor, requests)
    start = time.process_time()
    found = [json.loads(text) if text else None for text in texts]
    read_s = time.process_time() - start
    way = [each for one, n in zip(found, counts, strict=True) for each in (ways(one) if one else [-1] * n)]
    path = [row for trace, one in enumerate(found) if one for row in chords(one, trace)]
    write(folder, report, way, path)
    cost = {"match_s": seconds, "read_s": read_s}
    (folder / f"{report}-cost.json").write_text(json.dumps(cost))


def write(folder: Path, report: str, way: list[int], path: list[tuple[int, int, float, float, float, float]]) -> None:
    """Write ways of points and chords of paths."""
    pq.write_table(pa.table({"way": pa.array(way, pa.int64())}), folder / f"{report}-points.parquet")
    names = ("trace", "way", "lon0", "lat0", "lon1", "lat1")
    kinds = (pa.int64(), pa.int64(), *[pa.float64()] * 4)
    columns = list(zip(*path, strict=True)) or [()] * len(names)
    table = pa.table({name: pa.array(v, kind) for name, kind, v in zip(names, kinds, columns, strict=True)})
    pq.write_table(table, folder / f"{report}-path.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
