"""What it takes to learn which tiles a table holds, and to write one, on a disk and in an object store.

Run as `python -m tests.benchmarks.test_receipts [TILES] [RUNS]`: medians, the store is moto's server on loopback.

- receipts of all tiles by the manifest, and by the footers where there is none;
- one tile of 30 MB written by obstore, as Waysmith does, and by pyarrow.fs.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pytest

from pipelines.store import open_store
from pipelines.table import MANIFEST, Table, open_table
from schemas.contract import Contract, field
from schemas.receipt import Receipt
from tests.pipelines.s3 import new_bucket, served

THING = Contract("thing", 1, "key", (field("key", pa.int64(), "Key."),), False)

TILE_BYTES = 30_000_000


def made(tiles: int, into: Path | str) -> Table:
    """A table of tiles with one row each."""
    table = open_table(THING, into)
    for number in range(tiles):
        name = f"q{np.base_repr(number, 4).zfill(8)}"
        table.commit(pa.table([[number]], schema=THING.schema), Receipt(name, "", "", 1, 1, 0, 0.0))
    return table


def median_s(act: Callable[[], object], runs: int) -> float:
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        act()
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def of_receipts(tiles: int, runs: int, into: Path | str) -> dict[str, float]:
    """Median seconds until all receipts are known; both ways give the same."""
    table = made(tiles, into)
    by_footers = table.receipts()
    footers = median_s(table.receipts, runs)
    table.save_manifest(by_footers.values())
    assert table.receipts() == by_footers
    assert len(by_footers) == tiles
    manifest = median_s(table.receipts, runs)
    table.store.remove([MANIFEST])
    return {"manifest": manifest, "footers": footers}


def of_writing(size: int, runs: int, bucket: str) -> dict[str, float]:
    """Median seconds to write one object; both libraries leave the same bytes."""
    content = np.random.default_rng(0).bytes(size)
    store = open_store(bucket)
    system, root = pyarrow.fs.FileSystem.from_uri(bucket)

    def by_arrow() -> None:
        with system.open_output_stream(f"{root}/arrow") as stream:
            stream.write(content)

    took = {"obstore": median_s(lambda: store.write("obstore", content), runs), "pyarrow.fs": median_s(by_arrow, runs)}
    assert store.read("obstore") == store.read("arrow") == content
    return took


@pytest.mark.bench
def test_all_ways_agree(tmp_path: Path) -> None:
    with served():
        assert set(of_receipts(5, 1, tmp_path)) == set(of_receipts(5, 1, new_bucket()))
        assert set(of_writing(1000, 1, new_bucket())) == {"obstore", "pyarrow.fs"}


def main(tiles: int = 500, runs: int = 5) -> None:
    """Print the medians."""
    with served(), tempfile.TemporaryDirectory() as folder:
        for place, into in (("disk", Path(folder)), ("bucket", new_bucket())):
            for way, seconds in of_receipts(tiles, runs, into).items():
                print(f"receipts of {tiles} tiles, {place:<6} {way:<10} {1000 * seconds:7.0f} ms")
        for way, seconds in of_writing(TILE_BYTES, runs, new_bucket()).items():
            print(f"one tile of {TILE_BYTES / 1e6:.0f} MB, bucket {way:<10} {1000 * seconds:7.0f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
