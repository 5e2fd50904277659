"""Folders that hold the tables of probes: the stages of the flow, run in this process."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.driven_steps import part_steps
from pipelines.probe_points import probe_points
from pipelines.probe_stages import TRAVERSED, matched, observed, profiled
from pipelines.probes import Probing, check_usable
from pipelines.reading import write_note
from pipelines.road_segments import lay_grid
from pipelines.table import Table, table_in
from schemas.match import MATCH
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import SPEED_OBSERVATION, TRAVERSAL
from tasks.observe_speed import SpeedObserving
from tasks.simulate_probes import Simulated, SimulationParams, simulate_probes
from tests.pipelines.local import run_here, written


@dataclass(frozen=True)
class ProbeFolder:
    """Tables of a run."""

    into: Path
    roads: Table
    points: Table

    def table(self, contract: object) -> pa.Table:
        """All rows of a table."""
        return table_in(contract, self.into).rows()  # type: ignore[arg-type]


def simulated(roads: pa.Table, file: Path, params: SimulationParams) -> Simulated:
    """Drives over the roads, and a file of what was seen."""
    made = simulate_probes(roads, params)
    pq.write_table(made.probes, file)
    return made


def probe_folder(
    roads: pa.Table, files: list[Path], into: Path, *, tiles: int | None = None, probing: Probing = Probing()
) -> ProbeFolder:
    """Run all stages from roads and probe files to profiles."""
    segments = written(roads, into, tiles=tiles)
    write_note(segments, None, grid=lay_grid(roads, tiles, 20_000).tiles)
    return observed_folder(segments, files, into, probing=probing)


def observed_folder(
    segments: Table, files: list[Path], into: Path | str, *, probing: Probing = Probing()
) -> ProbeFolder:
    """Run all stages from probe files to profiles over roads that have been read."""
    points, pieces = probe_points.fn(files, segments, str(into), probing.format, probing.clean, probing.cut)
    check_usable(points, str(into))
    run_here(matched(probing.match), pieces, segments, into=into)
    steps = part_steps.fn(points, table_in(MATCH, into), segments, str(into))
    run_here(TRAVERSED, segments, steps, into=into)
    run_here(observed(SpeedObserving(salt="secret")), segments, table_in(TRAVERSAL, into), into=into)
    run_here(profiled(probing.profile), segments, table_in(SPEED_OBSERVATION, into), into=into)
    return ProbeFolder(Path(into), segments, points)


CONTRACTS = (MATCH, TRAVERSAL, SPEED_OBSERVATION, SPEED_PROFILE)
"""Tables that come out."""
