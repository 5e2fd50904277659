"""Lose a node in the middle of a flow, and compare what comes out with a run on one machine, byte for byte.

`python -m infra.cluster.run --nodes 3 -- python -m infra.cluster.node_loss --roads infra/demo/helsinki.osm.pbf` runs
speed-limits here, then on the nodes into the object store while one of them is killed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from infra.cluster.run import BUCKET, GCS, NODES
from pipelines.store import Store, open_store

PAUSE = 0.05
"""Seconds between looks at what is committed."""


def main() -> int:
    """Run both and say whether they are equal; return 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m infra.cluster.node_loss", description=__doc__)
    parser.add_argument("--roads", required=True, metavar="FILE", help="map that speed-limits runs on")
    parser.add_argument("--tiles", type=int, default=40, metavar="N", help="how many tiles (%(default)s)")
    parser.add_argument("--table", default="limit_odds", help="stage in which the node is lost (%(default)s)")
    parser.add_argument("--after", type=int, default=10, metavar="N", help="tiles committed before (%(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="node-loss-") as folder:
        here, there = f"{folder}/here", f"s3://{BUCKET}/there"
        calm = flow(given.roads, here, given.tiles)
        threading.Thread(target=lose, args=(open_store(there), given.table, given.after), daemon=True).start()
        lossy = flow(given.roads, there, given.tiles, "--address", GCS)
        print(f"{calm:.0f} s on this machine, {lossy:.0f} s on the nodes")
        return compare(
            open_store(here), open_store(there), [each.name for each in Path(here).iterdir() if each.is_dir()]
        )


def flow(roads: str, into: str, tiles: int, *more: str) -> float:
    """Run speed-limits and return how long it took, in seconds."""
    started = time.monotonic()
    words = ["run", "speed-limits", "--roads", roads, "--into", into, "--tiles", str(tiles), *more]
    subprocess.run([sys.executable, "-m", "pipelines.cli", *words], check=True)
    return time.monotonic() - started


def lose(run: Store, table: str, after: int) -> None:
    """Kill a node, all its processes at once, when so many tiles of a table are committed."""
    address, _, pid = os.environ[NODES].split()[-1].partition("=")
    while (count := len(_tiles(run.child(table)))) < after:
        time.sleep(PAUSE)
    os.kill(int(pid), signal.SIGKILL)
    print(f"node {address} lost after {count} tiles of {table}", flush=True)


def compare(here: Store, there: Store, tables: Sequence[str]) -> int:
    """Say which files differ; return 1 if any does."""
    count, different = 0, []
    for table in sorted(tables):
        ours, theirs = here.child(table), there.child(table)
        names = {*_tiles(ours), *_tiles(theirs)}
        count += len(names)
        different += [f"{table}/{name}" for name in sorted(names) if _content(ours, name) != _content(theirs, name)]
    print(f"{count} files in {len(tables)} tables, {len(different)} differ: {different[:5]}")
    return 1 if different or not count else 0


def _tiles(table: Store) -> list[str]:
    return [name for name in table.names() if name.endswith(".parquet")]


def _content(table: Store, name: str) -> bytes | None:
    try:
        return table.read(name)
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
