"""Map matching: the same drives on the same map through Waysmith, Valhalla's Meili and fastmm.

Run as `python -m tests.benchmarks.test_matching [MAP] [POINTS] [ROUNDS]`, or with `real` as the only word for real
traces. The rivals run in an environment of their own, see `rivals_python`; without it Waysmith runs alone.

Each gets positions and times, no more, whole traces, uncleaned. CPU seconds are those of matching alone: maps and
tables of shortest ways are loaded and the first traces matched before the clock runs, requests are written before and
answers read after; `read out` counts that too (JSON to dicts, objects to lists, structs to columns). Throughput of
Waysmith is told twice: with its graph made before, as those of the rivals are, and within the time. All run on one
core, one after the other, in rounds; figures are medians.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.readers.roads import read_roads
from tasks.simulate_probes import SimulationParams
from tests.benchmarks.rivals.drives import (
    METRES_PER_DEGREE,
    Edges,
    Ints,
    Points,
    Steps,
    directed_edges,
    drives,
    spaced_drives,
)
from tests.benchmarks.rivals.map_files import graph_map, sorted_map
from tests.benchmarks.rivals.paths import mismatch, steps_of_chords, steps_of_metres, steps_of_routes, way_of
from tests.benchmarks.rivals.real_traces import csv_trace, gpx_trace, trace_points, within

PROJECT = Path(__file__).parents[2]
DEMO = PROJECT / "infra/demo/helsinki.osm.pbf"
DATA = PROJECT / "../shared/data"
RIVALS = Path(__file__).parent / "rivals"
RIVALS_PYTHON = PROJECT / "../rivals/bin/python"
SEED = 5
SPACING_M = 15.0
SAMPLINGS_S = (1.0, 10.0, 30.0, 60.0)
TRIPS = 300
CORRELATIONS_S = (0.0, 10.0)
"""Seconds that errors last: each point's error its own, as papers take it; lasting, as those of receivers are."""
CORE = 0
"""The core that all run on."""

VALHALLA = {"gps_accuracy": 5}
VALHALLA_DENSE = VALHALLA | {"interpolation_distance": 15, "config": {"breakage_distance": 5000}}
VALHALLA_SPARSE = VALHALLA | {"turn_penalty_factor": 100, "config": {"breakage_distance": 5000, "beta": 10}}
"""The best of eleven each, up to 10 s and above, on drives of another seed in Liechtenstein."""
FASTMM = {"max_candidates": 8, "candidate_search_radius": 50, "gps_error": 20, "reverse_tolerance": 40}
"""The best of six on the same drives."""
FASTMM_REACH_M = {1.0: 300.0, 10.0: 1500.0, 30.0: 3000.0, 60.0: 4500.0}
"""Longest way between two points by seconds between them: two or three times what is driven, as its makers advise."""


class World(NamedTuple):
    """A map, its road table, the same as directed edges, and the way of each segment."""

    map_file: Path
    roads: pa.Table
    edges: Edges
    ways: Ints


class Cost(NamedTuple):
    """CPU seconds of matching, and of reading what was found."""

    match_s: float
    read_s: float


class Found(NamedTuple):
    """What a matcher made of the points: their ways (-1 unmatched), the path, and the cost."""

    way: Ints
    path: Steps
    cost: Cost


class Score(NamedTuple):
    """Shares of points on their true way and of those unmatched; route mismatch fractions, of whole ways and inside."""

    way: float
    unmatched: float
    mismatch: float
    inner: float


MEASURES = {
    "mismatch": "route mismatch",
    "inner": "same, but for first and last segment",
    "way": "points on their way",
    "unmatched": "points unmatched",
}
"""Fields of a score, as the table calls them."""

Matcher = Callable[[World, Path], Found]


def world(map_file: Path) -> World:
    """Read a map."""
    roads = read_roads([map_file]).segments
    return World(map_file, roads, directed_edges(roads), way_of(roads["segment_id"]))


@cache
def rivals_python() -> str | None:
    """Return the Python of the rivals' environment, None where there is none.

    Made by `python3.12 -m venv D; D/bin/pip install pyvalhalla==3.9.1 fastmm==0.3.2 numpy pyarrow`, and named by
    WAYSMITH_RIVALS=D/bin/python, or D is `rivals` beside the checkout.
    """
    python = os.environ.get("WAYSMITH_RIVALS", str(RIVALS_PYTHON))
    probe = [python, "-c", "import valhalla, fastmm, pyarrow"]
    is_there = Path(python).exists() and not subprocess.run(probe, capture_output=True).returncode
    return python if is_there else None


def lay_out(here: World, points: Points, folder: Path) -> None:
    """Write points, edges and roads as the matchers read them."""
    scale = METRES_PER_DEGREE * np.array([np.cos(np.radians(points.lat.mean())), 1.0])
    x, y = points.lon * scale[0], points.lat * scale[1]
    columns = {"trace": points.trace, "time_s": points.time_s, "lon": points.lon, "lat": points.lat, "x": x, "y": y}
    pq.write_table(pa.table(columns), folder / "points.parquet")
    number = np.flatnonzero(here.edges.is_open)
    lines = [here.edges.lines[edge // 2][:: -1 if edge % 2 else 1] * scale for edge in number.tolist()]
    ends = {"source": here.edges.source[number], "target": here.edges.target[number]}
    shapes = {"xs": [line[:, 0] for line in lines], "ys": [line[:, 1] for line in lines]}
    pq.write_table(pa.table({"edge": number} | ends | shapes), folder / "edges.parquet")
    pq.write_table(here.roads, folder / "roads.parquet")


def run(command: list[str | Path], folder: Path, report: str) -> Cost:
    """Run a matcher on one core and return what it cost."""
    ran = subprocess.run(["taskset", "-c", str(CORE), *command], capture_output=True, text=True, cwd=PROJECT)
    if ran.returncode:
        raise RuntimeError(f"{report} failed: {ran.stderr.strip()[-500:]}")
    cost = json.loads((folder / f"{report}-cost.json").read_text())
    return Cost(cost["match_s"], cost["read_s"])


def by_waysmith(here: World, folder: Path, *, is_cold: bool = False) -> Found:
    """Match by `tasks.map_match`; if `is_cold`, its graph is made within the time."""
    module = "tests.benchmarks.rivals.by_waysmith"
    cost = run(
        [sys.executable, "-m", module, folder, folder / "roads.parquet", "waysmith", *["cold"] * is_cold],
        folder,
        "waysmith",
    )
    way = way_of(pq.read_table(folder / "waysmith-points.parquet")["segment_id"])
    return Found(way, steps_of_routes(pq.read_table(folder / "waysmith-path.parquet"), here.roads, here.edges), cost)


def by_valhalla(here: World, folder: Path, options: Mapping[str, Any]) -> Found:
    """Match by `trace_attributes`."""
    script = RIVALS / "by_valhalla.py"
    command: list[str | Path] = [str(rivals_python()), script, folder, here.map_file, "valhalla", json.dumps(options)]
    cost = run(command, folder, "valhalla")
    path = steps_of_chords(pq.read_table(folder / "valhalla-path.parquet"), here.ways, here.edges)
    return Found(pq.read_table(folder / "valhalla-points.parquet")["way"].to_numpy(), path, cost)


def by_fastmm(here: World, folder: Path, options: Mapping[str, Any]) -> Found:
    """Match by fastmm over the edges of the road table."""
    script = RIVALS / "by_fastmm.py"
    cost = run([str(rivals_python()), script, folder, "fastmm", json.dumps(options)], folder, "fastmm")
    edge = pq.read_table(folder / "fastmm-points.parquet")["edge"].to_numpy()
    way = np.where(edge < 0, -1, here.ways[edge // 2])
    return Found(way, steps_of_metres(pq.read_table(folder / "fastmm-path.parquet"), here.edges), cost)


def matchers(seconds: float) -> dict[str, Matcher]:
    """Return the matchers that are at hand, with their settings for seconds between points."""
    if rivals_python() is None:
        print("without Valhalla and fastmm: WAYSMITH_RIVALS names no Python that has them")
        return {"Waysmith": by_waysmith}
    return {
        "Waysmith": by_waysmith,
        "Valhalla, own settings": partial(by_valhalla, options=VALHALLA),
        "Valhalla, tuned": partial(by_valhalla, options=VALHALLA_DENSE if seconds <= 10 else VALHALLA_SPARSE),
        "fastmm, tuned": partial(by_fastmm, options=FASTMM | {"reach": FASTMM_REACH_M[seconds]}),
    }


def score(here: World, points: Points, truth: Steps, found: Found) -> Score:
    """Compare with the truth; points at the very end of a segment do not count for the way."""
    way, unmatched = right_points(here, points, found)
    whole, inner = mismatch(truth, found.path)
    return Score(way, unmatched, whole.fraction, inner.fraction)


def right_points(here: World, points: Points, found: Found) -> tuple[float, float]:
    """Return the shares of points on their true way, and of points without a match."""
    is_right = found.way == here.ways[points.edge // 2]
    return float(is_right[points.is_clear].mean()), float((found.way < 0).mean())


def throughput(here: World, count: int, rounds: int, folder: Path) -> None:
    """Print points per CPU second at even spacing, matchers taking turns."""
    points = spaced_drives(here.roads, here.edges, SimulationParams(seed=SEED, points=count * 4), SPACING_M)
    points = points.only(slice(count))
    lay_out(here, points, folder)
    at_hand = matchers(1.0) | {"Waysmith, graph as well": partial(by_waysmith, is_cold=True)}
    laps = [{name: match(here, folder) for name, match in at_hand.items()} for _ in range(rounds)]
    print(f"\n{here.map_file.name}: {len(points.trace):,} points every {SPACING_M:.0f} m, medians of {rounds}")
    print(f"{'':24}{'points/CPU s':>14}{'read out':>12}{'way':>9}{'unmatched':>11}")
    for name in at_hand:
        match_s = statistics.median(lap[name].cost.match_s for lap in laps)
        read_s = statistics.median(lap[name].cost.read_s for lap in laps)
        way, unmatched = right_points(here, points, laps[0][name])
        pace = f"{len(points.trace) / match_s:14,.0f}{len(points.trace) / (match_s + read_s):12,.0f}"
        print(f"{name:24}{pace}{way:9.4f}{unmatched:11.4f}", flush=True)


def accuracy(here: World, trips: int, folder: Path) -> None:
    """Print mismatch and way accuracy by seconds between points."""
    for correlation in CORRELATIONS_S:
        scores: dict[str, list[Score]] = {}
        for seconds in SAMPLINGS_S:
            params = SimulationParams(seed=SEED, trips=trips, sampling_s=seconds, correlation_s=correlation)
            points, truth = drives(here.roads, here.edges, params)
            lay_out(here, points, folder)
            for name, match in matchers(seconds).items():
                scores.setdefault(name, []).append(score(here, points, truth, match(here, folder)))
        print(f"\n{here.map_file.name}: {trips} drives, noise 5 m that lasts {correlation:.0f} s")
        for measure, title in MEASURES.items():
            print(f"{title:36}" + "".join(f"{f'{seconds:.0f} s':>9}" for seconds in SAMPLINGS_S))
            for name, rows in scores.items():
                figures = (f"{getattr(row, measure):9.4f}" for row in rows)
                print(f"  {name:34}" + "".join(figures), flush=True)


def agreement(here: World, points: Points, folder: Path, title: str) -> None:
    """Print, for traces that nobody knows the truth of, how far matchers agree with the first of them."""
    lay_out(here, points, folder)
    found = {name: match(here, folder) for name, match in matchers(10.0).items()}
    name, first = next(iter(found.items()))
    print(f"\n{title}: {len(points.trace):,} points, {points.trace.max() + 1} traces; compared with {name}")
    print(f"{'':24}{'matched':>9}{'same way':>10}{'path km':>9}{'not in it':>11}{'beside it':>11}")
    for each, one in found.items():
        both = (one.way >= 0) & (first.way >= 0)
        same = (one.way == first.way)[both].mean() if both.any() else math.nan
        against = mismatch(first.path, one.path)[0]
        missed, added = against.subtracted_m.sum() / 1000, against.added_m.sum() / 1000
        driven = ((one.path.high - one.path.low) * one.path.metres).sum() / 1000
        share = f"{(one.way >= 0).mean():9.4f}{same:10.4f}"
        print(f"{each:24}{share}{driven:9.2f}{missed:11.3f}{added:11.3f}", flush=True)


def real(folder: Path) -> None:
    """Compare the matchers on the real traces that have a map."""
    traces = DATA / "traces"
    andorra = world(DATA / "osm/andorra.osm.pbf")
    agreement(andorra, trace_points([gpx_trace(traces / "andorra_for_map_matching.gpx")]), folder, "Andorra")
    denver = world(graph_map(traces / "denver/osmnx_drive_graph.graphml", folder / "denver.osm.pbf"))
    vertices = np.concatenate(denver.edges.lines)
    box = (*vertices.min(axis=0).tolist(), *vertices.max(axis=0).tolist())
    files = [csv_trace(each) for each in sorted(traces.glob("denver/*.csv"))]
    files.append(gpx_trace(traces / "denver/test_trace.gpx"))
    runs = [run for trace in files for run in within(trace, box, least=5)]
    print(f"\nDenver: of {sum(map(len, files)):,} points {sum(map(len, runs)):,} lie in the box of the graph")
    agreement(denver, trace_points(runs), folder, "Denver")


def main(words: list[str]) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if words == ["real"]:
            return real(folder)
        here = world(sorted_map(Path(words[0]) if words else DEMO, folder))
        throughput(here, int(words[1]) if len(words) > 1 else 100_000, int(words[2]) if len(words) > 2 else 5, folder)
        accuracy(here, TRIPS, folder)
    return None


@pytest.mark.bench
def test_drives_are_matched(tmp_path: Path) -> None:
    """Waysmith finds nearly the whole way of drives that are seen every five seconds."""
    here = world(DEMO)
    points, truth = drives(
        here.roads, here.edges, SimulationParams(seed=SEED, trips=10, min_length_m=500.0, sampling_s=5.0)
    )
    lay_out(here, points, tmp_path)
    found = score(here, points, truth, by_waysmith(here, tmp_path))
    assert found.mismatch < 0.03
    assert found.way > 0.75


@pytest.mark.bench
def test_rivals_find_drives_without_noise(tmp_path: Path) -> None:
    """Their answers are read as they are meant: without noise hardly anything of a way is missed or added."""
    if rivals_python() is None:
        pytest.skip("no Valhalla and fastmm: WAYSMITH_RIVALS names no Python that has them")
    here = world(DEMO)
    params = SimulationParams(seed=SEED, trips=10, min_length_m=500.0, noise_m=0.01, sampling_s=2.0)
    points, truth = drives(here.roads, here.edges, params)
    lay_out(here, points, tmp_path)
    rivals = {name: match for name, match in matchers(1.0).items() if name != "Waysmith"}
    assert len(rivals) == 3
    for name, match in rivals.items():
        found = score(here, points, truth, match(here, tmp_path))
        assert found.mismatch < 0.01, name
        assert found.way > 0.95, name


if __name__ == "__main__":
    main(sys.argv[1:])
