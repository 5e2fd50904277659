"""A program that gets killed: probes to profiles, on its own Ray. `python -m tests.faults.probe_driver DIR`.

A second argument is the address of a Ray that is there already.
"""

import sys
from pathlib import Path

from pipelines.driven_steps import part_steps
from pipelines.probe_points import probe_points
from pipelines.probe_stages import TRAVERSED, matched, observed, profiled
from pipelines.reading import write_note
from pipelines.road_segments import lay_grid
from pipelines.settings import LOCAL, Settings
from pipelines.stage import run_stage
from pipelines.table import Table, existing
from schemas.road import ROAD_SEGMENT
from tasks.map_match import MatchParams
from tasks.observe_speed import SpeedObserving
from tasks.simulate_probes import SimulationParams
from tasks.speed_profile import SpeedProfiling
from tests.grid_town import grid_town
from tests.pipelines.local import written
from tests.pipelines.probe_folder import simulated

TILES = 12

FILE = "fleet.parquet"

DRIVES = SimulationParams(seed=5, trips=60, min_length_m=600.0, max_length_m=3000.0, sampling_s=4.0, noise_m=4.0)

STAGES = ("match", "traversal", "speed_observation", "speed_profile")
"""Tables whose tiles are committed one by one; the others are read, and committed as one."""


def lay_out(into: Path) -> Table:
    """Write the roads and the probes that are read."""
    roads = grid_town()
    segments = written(roads, into, tiles=TILES)
    write_note(segments, None, grid=lay_grid(roads, TILES, 20_000).tiles)
    simulated(roads, into / FILE, DRIVES)
    return segments


def main(into: str, address: str = LOCAL) -> None:
    """Run all stages, as the flow does; without Prefect, whose server would be one more process to wait for."""
    segments = existing(ROAD_SEGMENT, into)
    points, pieces = probe_points.fn([Path(into) / FILE], segments, into)
    settings = Settings(address)
    matches = run_stage(matched(MatchParams()), [pieces, segments], into, settings)
    steps = part_steps.fn(points, matches, segments, into)
    traversals = run_stage(TRAVERSED, [segments, steps], into, settings)
    observations = run_stage(observed(SpeedObserving(salt="secret")), [segments, traversals], into, settings)
    run_stage(profiled(SpeedProfiling()), [segments, observations], into, settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
