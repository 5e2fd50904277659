"""A small town made in code: a grid of streets, some one-way, with an avenue, a dead end, a far-off island,
a street that leads nowhere, and a private one."""

import numpy as np
import pyarrow as pa
import pyproj
import shapely

from tests.roads import road_row, road_table

SIDE = 6
STEP = 0.002
"""Degrees between two streets; east and west twice that, since the town lies at 60° N."""
WEST, SOUTH = 25.0, 60.2
GEOD = pyproj.Geod(ellps="WGS84")


def grid_town(*, seed: int = 0) -> pa.Table:
    """Streets from west to east are one segment with connectors on the way; those from south to north are blocks."""
    rng = np.random.default_rng(seed)
    rows = []
    for j in range(SIDE):
        line = [place(i, j) for i in range(SIDE)]
        rows.append(
            road_row(
                f"w{j}:west-east", line, class_="secondary" if j == 2 else "residential",
                connectors=connectors(line, [f"n{i},{j}" for i in range(SIDE)]),
                tags={"maxspeed": "50"} if j == 2 else {},
            )
        )  # fmt: skip
    for i in range(SIDE):
        for j in range(SIDE - 1):
            bend = np.add(place(i, j + 0.5), rng.normal(0, STEP / 20, 2))
            line = [place(i, j), (float(bend[0]), float(bend[1])), place(i, j + 1)]
            one_way = ("no", "forward", "backward")[i % 3] if 0 < i < SIDE - 1 else "no"
            ends = connectors([line[0], line[-1]], [f"n{i},{j}", f"n{i},{j + 1}"])
            rows.append(road_row(f"w{100 + i}:{j}-{j + 1}", line, one_way=one_way, connectors=ends))
    dead_end = [place(SIDE - 1, 0), place(SIDE, 0)]
    rows.append(road_row("w200:dead-end", dead_end, connectors=connectors(dead_end, [f"n{SIDE - 1},0", "dead"])))
    island = [place(0, 40), place(1, 40)]
    rows.append(road_row("w300:island", island, connectors=connectors(island, ["i1", "i2"])))
    for name, given in (("w400:trap", {"one_way": "forward"}), ("w500:private", {"tags": {"access": "private"}})):
        line = [place(0, 0), place(-1, 0.5 if given.get("tags") else 0)]
        rows.append(road_row(name, line, connectors=connectors(line, ["n0,0", name]), **given))
    return road_table(sorted(rows, key=lambda row: row["segment_id"]))


def place(i: float, j: float) -> tuple[float, float]:
    return WEST + 2 * STEP * i, SOUTH + STEP * j


def connectors(line: list[tuple[float, float]], names: list[str]) -> list[dict[str, object]]:
    """Connectors at vertices, by geodesic length."""
    lengths = [GEOD.geometry_length(shapely.LineString(line[: n + 1])) if n else 0.0 for n in range(len(line))]
    return [{"connector_id": name, "at": each / lengths[-1]} for name, each in zip(names, lengths, strict=True)]
