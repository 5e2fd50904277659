"""What matching costs for a point as there are more of them: 0.1, 1, 10 million points on one map.

Run as `python -m tests.benchmarks.test_match_scale [MAP] [POINTS …]`: simulated drives seen every second, one core, the
way between points included, after a run that compiles. Points beyond a million are the same drives again, in batches
of a million as the tiles of a table are: CPU seconds, and the peak of the process.
"""

import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.memory import peak_mb
from tasks.map_match import MatchParams
from tasks.readers.roads import read_roads
from tasks.simulate_probes import SimulationParams, simulate_probes
from tests.benchmarks.simulated_pieces import whole_traces
from tests.benchmarks.test_match_accuracy import DATA, DEMO, match_table

MILLION = 1_000_000


def pieces_of(roads: pa.Table, points: int, *, metres: float) -> pa.Table:
    """At least `points` simulated points, a piece for each drive."""
    params = SimulationParams(seed=8, points=points, min_length_m=metres, max_length_m=5 * metres, device_share=0.0)
    return whole_traces(simulate_probes(roads, params).probes)


def cost(roads: pa.Table, pieces: pa.Table, points: int) -> tuple[int, float]:
    """How many points were matched, the pieces again and again until there are enough, and the CPU seconds."""
    matched, begin = 0, time.process_time()
    while matched < points:
        matched += match_table(pieces, roads).num_rows
    return matched, time.process_time() - begin


@pytest.mark.bench
def test_points_are_matched() -> None:
    roads = read_roads([DEMO]).segments
    matched, seconds = cost(roads, pieces_of(roads, 2000, metres=600.0), 5000)
    assert matched >= 5000
    assert seconds > 0


def main(file: Path, *sizes: int) -> None:
    """Print points a CPU second for each size."""
    roads = read_roads([file]).segments
    match_table(pieces_of(roads, 2000, metres=2000.0), roads)
    for points in sizes or (MILLION // 10, MILLION, 10 * MILLION):
        matched, seconds = cost(roads, pieces_of(roads, min(points, MILLION), metres=2000.0), points)
        each = 1e6 * seconds / matched
        print(
            f"{file.name}: {matched:>11,} points {seconds:8.1f} CPU s {each:6.2f} µs a point "
            f"{matched / seconds:9,.0f} points/s, peak {peak_mb():,.0f} MB; {MatchParams()}",
            flush=True,
        )


if __name__ == "__main__":
    named = [Path(word) for word in sys.argv[1:2]] or [DATA / "columbus.osm.pbf"]
    main(named[0], *(int(word) for word in sys.argv[2:]))
