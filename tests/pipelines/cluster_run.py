"""What `test_cluster` runs on the head of a cluster of three nodes: prints one line of JSON.

A stage over a small town, in this process without Ray into a folder; on the nodes into the object store; and once more
while a node is lost.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import ray

from infra.cluster.run import BUCKET, GCS, NODES
from pipelines.settings import Settings
from pipelines.shipping import ship
from pipelines.stage import run_stage
from pipelines.store import Store, open_store
from pipelines.table import existing, open_table
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow
from tests.faults.odd_rows import VALUE, Pace, slow_metres
from tests.pipelines.local import run_here, written
from tests.roads import random_roads

ROWS, TILES = 900, 30

TILES_BEFORE_LOSS = 8
"""How many tiles are committed when the node is lost."""

SETTINGS = Settings(address=GCS)

LIFT = PerRow(slow_metres, reads=ROAD_SEGMENT, writes=VALUE, params=Pace(0.01))


def main() -> int:
    """Run all three and print what came of them."""
    ship(Path(__file__).parents[1] / "faults")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "here"
        run_here(LIFT, written(random_roads(ROWS, seed=1), here, tiles=TILES), into=here)
        whole = files(open_store(here))
        calm, loss = f"s3://{BUCKET}/calm", f"s3://{BUCKET}/loss"
        told: dict[str, object] = {"calm": _differing(on_nodes(open_store(here), calm), whole)}
        told["shared"] = shared([here / "road_segment", Path(__file__).parents[2] / "tasks"])
        lost = threading.Thread(target=lose_node, args=(open_store(loss), told), daemon=True)
        lost.start()
        told["loss"] = _differing(on_nodes(open_store(here), loss), whole)
        lost.join()
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    told["nodes"] = sum(node["Alive"] for node in nodes)
    print(json.dumps(told))
    return 0


def on_nodes(roads: Store, into: str) -> dict[str, bytes]:
    """Run the stage on the cluster, over roads put into the object store; return the files that it wrote."""
    source, target = roads.child(ROAD_SEGMENT.name), open_table(ROAD_SEGMENT, into).store
    for name in source.names():
        target.write(name, source.read(name))
    run_stage(LIFT, [existing(ROAD_SEGMENT, into)], into, SETTINGS)
    return files(open_store(into))


def files(run: Store) -> dict[str, bytes]:
    """Return the Parquet files of what the stage writes."""
    folders = [run.child(contract.name) for contract in (VALUE, REJECT)]
    return {
        f"{folder.uri.rpartition('/')[2]}/{name}": folder.read(name)
        for folder in folders
        for name in folder.names()
        if name.endswith(".parquet")
    }


def shared(folders: Sequence[Path]) -> list[str]:
    """Return those of our folders that a node sees, and what it has of Waysmith's code that was not sent to it."""

    def seen() -> list[str]:
        import tasks

        code = str(tasks.__path__[0])
        return [str(each) for each in folders if each.is_dir() and any(each.glob("*.p*"))] + (
            [] if "runtime_resources" in code else [code]
        )

    asked = [ray.remote(num_cpus=1)(seen).remote() for _ in range(3)]
    return sorted({each for answer in ray.get(asked) for each in answer})


def lose_node(into: Store, told: dict[str, object]) -> None:
    """Kill the last node, all its processes at once, when some tiles are committed."""
    address, _, pid = os.environ[NODES].split()[-1].partition("=")
    table = into.child(VALUE.name)
    while (count := sum(name.startswith("q") for name in table.names())) < TILES_BEFORE_LOSS:
        time.sleep(0.05)
    os.kill(int(pid), signal.SIGKILL)
    told["lost"] = f"{address} after {count} tiles"


def _differing(ours: dict[str, bytes], theirs: dict[str, bytes]) -> list[str]:
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


if __name__ == "__main__":
    sys.exit(main())
