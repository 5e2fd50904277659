"""One fault of the other kind: rows that end the process that computes them, or never come back.

`python -m tests.faults.trap --kind segfault --seed 7` prints one line of JSON, on a Ray of its own.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from pipelines.settings import Settings
from pipelines.stage import run_stage
from pipelines.table import Rejects
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tests.faults.odd_rows import TRAPS, VALUE, Trap, trapped_metres
from tests.pipelines.local import written
from tests.roads import random_roads

ROWS, TILES = 60, 6

SETTINGS = Settings(time_limit_s=4.0, memory_gb=3.0, max_reject_rate=0.2)


def main() -> int:
    """Run one fault and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=TRAPS, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trap-") as folder:
        wrong = trapped(given.kind, given.seed, Path(folder))
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"kind": given.kind, "seed": given.seed, "seconds": seconds, "wrong": wrong}))
    return 1 if wrong else 0


def trapped(kind: str, seed: int, into: Path, settings: Settings = SETTINGS) -> list[str]:
    """Run a stage over rows of which one or two are traps; return which promises were broken."""
    lot = random.Random(seed)
    roads = random_roads(ROWS, seed=seed)
    length_of = dict(zip(roads.column("segment_id").to_pylist(), roads.column("length_m").to_pylist(), strict=True))
    traps = lot.sample(sorted(length_of), lot.choice([1, 2]))
    lift = PerRow(trapped_metres, reads=ROAD_SEGMENT, writes=VALUE, params=Trap(kind, tuple(traps)))
    made = run_stage(lift, [written(roads, into, tiles=TILES)], str(into), settings).rows()
    values = dict(zip(made.column("segment_id").to_pylist(), made.column("value").to_pylist(), strict=True))
    refused = {row["key"]: f"{row['reason']}: {row['message']}" for row in Rejects(into).rows().to_pylist()}
    wrong = []
    if refused.keys() != set(traps):
        wrong.append(f"rejected {refused}, expected {traps}")
    if values != {key: length for key, length in length_of.items() if key not in traps}:
        wrong.append(
            f"{len(values)} rows came out, expected the other {len(length_of) - len(traps)} with their lengths"
        )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
