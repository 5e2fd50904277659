"""How right matching is on simulated drives, by the interval between points and their noise.

`python -m tests.benchmarks.test_match_accuracy [MAP …]` prints a table for each map; as a test it runs once on the
demo town. Noise hangs together over 10 s, or each point has its own; drives differ from the fastest way. The mismatch
is Newson and Krumm's, headings counted, the first and last segment of each drive left out.
"""

import sys
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.evaluation.matching import matched_routes, point_accuracy, route_mismatch, without_ends
from tasks.map_match import MatchParams, map_match
from tasks.readers.roads import read_roads
from tasks.simulate_probes import Simulated, SimulationParams, simulate_probes
from tests.benchmarks.simulated_pieces import whole_traces

PROJECT = Path(__file__).parents[2]
DEMO = PROJECT / "infra/demo/helsinki.osm.pbf"
DATA = PROJECT / "../shared/data/osm"
MAPS = (DEMO, DATA / "columbus.osm.pbf", DATA / "liechtenstein.osm.pbf")

SAMPLINGS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
NOISES_M = (5.0, 10.0)
CORRELATIONS_S = (10.0, 0.0)
TARGETS = {1.0: 0.001, 10.0: 0.01, 30.0: 0.05, 60.0: 0.10}
DEMO_LENGTHS_M, LENGTHS_M = (800.0, 2500.0), (3_000.0, 15_000.0)
"""The demo town is a kilometre wide."""
TRIPS = 300


class Accuracy(NamedTuple):
    """What one simulation came to."""

    points: int
    km: float
    mismatch: float
    undirected: float
    with_ends: float
    segment: float
    way: float
    unmatched: float
    too_sure: float
    """How much more often than they are right points claim to be so, in the worst tenth of `confidence`."""
    points_per_second: float


def accuracy(roads: pa.Table, simulated: Simulated) -> Accuracy:
    """Match simulated probes and return how right that is."""
    pieces = whole_traces(simulated.probes)
    begin = time.process_time()
    match = match_table(pieces, roads)
    taken = time.process_time() - begin
    found = matched_routes(match)
    inner = route_mismatch(*(without_ends(each, simulated.routes) for each in (simulated.routes, found)), roads)
    whole = route_mismatch(simulated.routes, found, roads).directed
    points = point_accuracy(simulated.points, match)
    return Accuracy(
        points.points,
        whole.true_m.sum() / 1000,
        inner.directed.fraction,
        inner.undirected.fraction,
        whole.fraction,
        points.segment_and_heading,
        points.way,
        points.unmatched,
        too_sure(simulated.points, match),
        points.points / taken,
    )


def too_sure(truth: pa.Table, match: pa.Table) -> float:
    """Return the most by which the mean confidence of a tenth of its range is beyond the share of right points there.

    Tenths with fewer than a hundredth of all points tell nothing. Points of both tables are in the same order.
    """
    sure = np.nan_to_num(match["confidence"].to_numpy(zero_copy_only=False))
    same = [pc.fill_null(pc.equal(match[name], truth[name]), False) for name in ("segment_id", "heading")]
    is_right = pc.and_(*same).to_numpy()
    tenth = np.minimum((10 * sure).astype(int), 9)
    count, claimed, right = (np.bincount(tenth, each, minlength=10) for each in (None, sure, is_right))
    return float(((claimed - right) / np.maximum(count, 1))[count >= len(sure) / 100].max())


def match_table(pieces: pa.Table, roads: pa.Table, params: MatchParams | None = None) -> pa.Table:
    """Return the match of pieces, with their traces."""
    numbers = {name: pieces.column(name).to_numpy() for name in ("first", "own_from", "own_to")}
    lists = ("times", "lons", "lats", "speeds", "headings", "accuracies", "trip_ends")
    columns = numbers | {name: pieces.column(name) for name in lists}
    found = map_match(**columns, road_segment=roads, params=params or MatchParams())._asdict()
    traces = pieces.column("trace_id").take(pa.array(found.pop("row")))
    return pa.table({"trace_id": traces} | found)


def simulated_drives(roads: pa.Table, *, is_demo: bool, trips: int, **given: float) -> Simulated:
    """Return drives of lengths that the map has room for."""
    least, most = DEMO_LENGTHS_M if is_demo else LENGTHS_M
    return simulate_probes(roads, SimulationParams(trips=trips, min_length_m=least, max_length_m=most, **given))


@pytest.mark.bench
@pytest.mark.parametrize(
    ("correlation_s", "noise_m", "sampling_s", "most"),
    [(10.0, 5.0, 1.0, 0.02), (10.0, 5.0, 30.0, 0.2), (0.0, 5.0, 1.0, 0.012), (0.0, 10.0, 1.0, 0.025)],
)
def test_matches_of_simulated_drives(correlation_s: float, noise_m: float, sampling_s: float, most: float) -> None:
    roads = read_roads([DEMO]).segments
    simulated = simulated_drives(
        roads,
        is_demo=True,
        trips=30,
        sampling_s=sampling_s,
        noise_m=noise_m,
        correlation_s=correlation_s,
        device_share=0.0,
    )
    found = accuracy(roads, simulated)
    assert found.mismatch < most
    assert found.unmatched < 0.01
    assert found.too_sure < 0.1
    assert found.points == simulated.probes.num_rows


def main(maps: list[Path], trips: int = TRIPS) -> None:
    """Print a row for each interval, noise, and kind of device."""
    for file in maps:
        if not file.exists():
            print(f"\n{file}: not here, skipped")
            continue
        roads = read_roads([file]).segments
        print(f"\n{file.name}: {roads.num_rows:,} segments, {trips} drives")
        print(
            "   s   m  lasts  device    points     km   mismatch  undirected  with ends  segment     way  unmatched"
            "  too sure  points/s"
        )
        for share, lasts, noise, sampling in product((0.0, 1.0), CORRELATIONS_S, NOISES_M, SAMPLINGS_S):
            given = {"noise_m": noise, "sampling_s": sampling, "device_share": share, "correlation_s": lasts}
            simulated = simulated_drives(roads, is_demo=file.resolve() == DEMO, trips=trips, **given)
            each = accuracy(roads, simulated)
            is_met = each.mismatch <= TARGETS.get(sampling, np.inf)
            print(
                f"{sampling:4.0f} {noise:3.0f}  {lasts:5.0f}  {'yes' if share else 'no ':6}"
                f" {each.points:9,} {each.km:6,.0f}"
                f"   {each.mismatch:8.5f}{' ' if is_met else '!'} {each.undirected:9.5f} {each.with_ends:10.5f}"
                f" {each.segment:8.4f} {each.way:7.4f} {each.unmatched:10.5f}"
                f" {each.too_sure:9.3f} {each.points_per_second:9,.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or list(MAPS))
