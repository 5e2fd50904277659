"""A small town of random streets for tests of the matcher, and drives over it."""

from typing import Any

import numpy as np
import pyarrow as pa

from tasks.match_graph import match_graph
from tests.roads import road_row, road_table

WEST, SOUTH, STEP_LON, STEP_LAT = 9.0, 47.0, 0.0013, 0.0009
"""About 100 m between crossings."""


def town(seed: int, *, side: int = 5, one_way: float = 0.2, missing: float = 0.15) -> pa.Table:
    """Streets between crossings of a bent grid; some are one-way, some are missing."""
    rng = np.random.default_rng(seed)
    lon = WEST + STEP_LON * (np.arange(side)[:, None] + rng.uniform(-0.25, 0.25, (side, side)))
    lat = SOUTH + STEP_LAT * (np.arange(side)[None, :] + rng.uniform(-0.25, 0.25, (side, side)))
    pairs = [((i, j), (i + 1, j)) for i in range(side - 1) for j in range(side)]
    pairs += [((i, j), (i, j + 1)) for i in range(side) for j in range(side - 1)]
    rows = []
    for number, (one, other) in enumerate(pairs):
        if rng.random() < missing:
            continue
        line = [(lon[one], lat[one]), (lon[other], lat[other])]
        if rng.random() < 0.5:
            line.insert(1, tuple(np.mean(line, axis=0) + rng.normal(0, 1e-4, 2)))
        rows.append(
            road_row(
                f"s{number:03d}",
                line,
                one_way="forward" if rng.random() < one_way else "no",
                class_=["residential", "tertiary", "primary", "service"][rng.integers(4)],
                connectors=[{"connector_id": f"{one}", "at": 0.0}, {"connector_id": f"{other}", "at": 1.0}],
            )
        )
    return road_table(rows)


def pieces(
    *traces: list[tuple[float, float, float]], own: tuple[int, int] | None = None, **given: Any
) -> dict[str, Any]:
    """Keyword arguments of `map_match` for traces of (seconds, lon, lat)."""
    whole = [np.array(trace, dtype=float).reshape(-1, 3) for trace in traces]

    def lists(values: list[Any], kind: pa.DataType) -> pa.ChunkedArray:
        return pa.chunked_array([pa.array(values, type=pa.list_(kind))])

    def unknown(name: str) -> pa.ChunkedArray:
        return lists(given.get(name, [[float("nan")] * len(each) for each in whole]), pa.float32())

    count = len(whole)
    return {
        "first": np.zeros(count, dtype=np.int32),
        "own_from": np.full(count, own[0] if own else 0, dtype=np.int32),
        "own_to": np.array([own[1] if own else len(each) for each in whole], dtype=np.int32),
        "times": lists([(each[:, 0] * 1e6).astype(int).tolist() for each in whole], pa.int64()),
        "lons": lists([each[:, 1].tolist() for each in whole], pa.float64()),
        "lats": lists([each[:, 2].tolist() for each in whole], pa.float64()),
        "speeds": unknown("speeds"),
        "headings": unknown("headings"),
        "accuracies": unknown("accuracies"),
        "trip_ends": lists([[False] * len(each) for each in whole], pa.bool_()),
    }


def wander(seed: int, *, points: int = 12, noise: float = 8e-5, step: float = 5e-4) -> list[tuple[float, float, float]]:
    """A random walk across the town, on no road in particular."""
    rng = np.random.default_rng(seed)
    place = np.array([WEST + 2 * STEP_LON, SOUTH + 2 * STEP_LAT])
    heading = rng.uniform(0, 2 * np.pi)
    trace = []
    for number in range(points):
        trace.append((10.0 * number, *(place + rng.normal(0, noise, 2))))
        heading += rng.normal(0, 0.5)
        place = place + step * np.array([np.cos(heading) * 1.4, np.sin(heading)])
    return trace


def drive(roads: pa.Table, seed: int, *, points: int = 12, noise: float = 8e-5) -> list[tuple[float, float, float]]:
    """A drive that takes turns at random, with a point about every 60 m of chord, and noise in degrees."""
    rng = np.random.default_rng(seed)
    graph = match_graph(roads)
    edge, link = graph.edges.edge, graph.edges.link
    here = int(rng.choice(np.flatnonzero(edge["is_open"])))
    places: list[tuple[float, float]] = []
    while len(places) < points:
        chords = graph.chords.chord[graph.chords.start[here >> 1] : graph.chords.start[(here >> 1) + 1]]
        spots = [(one["lon"] + f * one["dlon"], one["lat"] + f * one["dlat"]) for one in chords for f in (0.2, 0.7)]
        places += spots if here & 1 == 0 else spots[::-1]
        onward = link["to"][edge[here]["first_link"] : edge[here]["end_link"]]
        ahead = [int(each) for each in onward if each != here ^ 1]
        if not ahead:
            break
        here = int(rng.choice(ahead))
    return [(10.0 * number, *(place + rng.normal(0, noise, 2))) for number, place in enumerate(places[:points])]
