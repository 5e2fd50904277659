"""The program that gets killed: one stage over a made town, on its own Ray. `python -m tests.faults.driver DIR`."""

import sys
from pathlib import Path

from pipelines.settings import DEFAULTS
from pipelines.stage import run_stage
from pipelines.table import Table, existing
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tests.faults.odd_rows import VALUE, Pace, slow_metres
from tests.pipelines.local import written
from tests.roads import random_roads

TILES, ROWS = 40, 2_000

SECONDS_PER_ROW = 0.004
"""So that the stage takes 4 s on two cores: time enough for a kill at any point of it."""

LIFT = PerRow(slow_metres, reads=ROAD_SEGMENT, writes=VALUE, params=Pace(SECONDS_PER_ROW))


def lay_out(into: Path) -> Table:
    """Write the roads that the stage reads."""
    return written(random_roads(ROWS, seed=1), into, tiles=TILES)


def main(into: str) -> None:
    """Run the stage."""
    run_stage(LIFT, [existing(ROAD_SEGMENT, into)], into, DEFAULTS)


if __name__ == "__main__":
    main(*sys.argv[1:])
