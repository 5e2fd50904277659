"""What a run costs before it computes anything: seconds from the command to the prompt on a table of one tile.

Run as `python -m tests.benchmarks.test_start [RUNS]`, on the town that comes with Waysmith. Side by side, medians:

- nothing: an empty flow of Prefect and an empty stage of Ray Data, one after the other, as a script of one's own has
  them;
- one stage: the task that `waysmith new-task` writes, from a map file to its table; also without Ray's dashboard, and
  with a Ray and a server of Prefect that are running already;
- all stages: `waysmith run speed-limits`, then the same command again with nothing changed.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from pipelines.temporary_server import TemporaryServer

CHECKOUT = Path(__file__).parents[2]
TOWN = CHECKOUT / "infra/demo/helsinki.osm.pbf"

NOTHING = """
import pyarrow as pa, ray, ray.data
from prefect import flow, task

@task
def stage():
    ray.init(logging_level="error", log_to_driver=False)
    ray.data.from_arrow([pa.table({"tile": ["q"]})]).map_batches(lambda rows: rows, batch_format="pyarrow").take_all()

@flow
def nothing():
    stage()

nothing()
"""


RUNNING = """
import ray
print(ray.init(logging_level="error", log_to_driver=False).address_info["gcs_address"], flush=True)
import sys; sys.stdin.read()
"""
"""A Ray that runs until its standard input closes."""


def seconds(command: Sequence[str | Path], **environment: str) -> float:
    """Wall time of a command."""
    words = [str(each) for each in command]
    started = time.perf_counter()
    subprocess.run(words, cwd=CHECKOUT, check=True, capture_output=True, env=_environment() | environment)
    return time.perf_counter() - started


def _environment() -> dict[str, str]:
    """The environment without what names a server or a cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAY_ADDRESS"))}


@contextmanager
def all_running() -> Iterator[dict[str, str]]:
    """A Ray and a server of Prefect, and the variables that lead to them."""
    server, open_to_all = TemporaryServer(), {"RAY_AUTH_MODE": "disabled"}
    words, pipe = [sys.executable, "-c", RUNNING], subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=_environment() | open_to_all) as ray:
        try:
            assert ray.stdin
            assert ray.stdout
            address = ray.stdout.readline().strip()
            server.wait()
            yield {"RAY_ADDRESS": address, "PREFECT_API_URL": server.url} | open_to_all
        finally:
            ray.stdin.close()
            ray.wait()
            server.stop()


def compare(runs: int, folder: Path, only: Sequence[str] = ()) -> dict[str, float]:
    """Median seconds of each way, one after another in each round."""
    waysmith: list[str | Path] = [Path(sys.executable).with_name("waysmith")]
    subprocess.run([*waysmith, "new-task", "winding", "--into", str(folder)], cwd=CHECKOUT, check=True)
    limits, into = folder / "limits", folder / "winding"
    one_stage = [*waysmith, "run", f"{folder}/winding.py:winding", "--roads", TOWN, "--into", into]
    one_tile = ["--tiles", "1", "--roads", TOWN, "--into", limits]
    ways: dict[str, list[str | Path]] = {
        "nothing": [sys.executable, "-c", NOTHING],
        "one stage": one_stage,
        "one stage, no dashboard": [*one_stage, "--no-dashboard"],
        "one stage, all running": one_stage,
        "all stages": [*waysmith, "run", "speed-limits", *one_tile],
        "all stages, nothing changed": [*waysmith, "run", "speed-limits", *one_tile],
    }
    ways = {name: command for name, command in ways.items() if name in only or not only}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        shutil.rmtree(limits, ignore_errors=True)
        for name, command in ways.items():
            shutil.rmtree(into, ignore_errors=True)
            with all_running() if name.endswith("all running") else nullcontext({}) as environment:
                took[name].append(seconds(command, **environment))
    return {name: statistics.median(each) for name, each in took.items()}


@pytest.mark.bench
def test_a_run_comes_through(tmp_path: Path) -> None:
    assert 1 < compare(1, tmp_path, only=["one stage, no dashboard"])["one stage, no dashboard"] < 300


def main(runs: int = 5) -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        for name, median in compare(runs, Path(folder)).items():
            print(f"{name:<28} {median:5.1f} s")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
