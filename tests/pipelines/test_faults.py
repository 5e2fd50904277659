"""A handful of the fault suite; `python -m tests.faults` (`make faults`) has them all."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ray

from tests.faults import probe_driver
from tests.faults.kill import digests
from tests.faults.trap import trapped

CHECKOUT = Path(__file__).parents[2]

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first case puts the run that nobody disturbs."""
    return tmp_path_factory.mktemp("faults") / "whole"


@pytest.mark.parametrize(("victim", "seed"), [("worker", 4), ("driver", 4)])
def test_a_killed_run_goes_on_from_its_committed_tiles(whole: Path, victim: str, seed: int) -> None:
    case = ["tests.faults.kill", "--victim", victim, "--seed", str(seed), "--whole", str(whole)]
    ended = subprocess.run([sys.executable, "-m", *case], cwd=CHECKOUT, capture_output=True, text=True, timeout=300)
    told = json.loads(ended.stdout or "{}")
    assert told.get("wrong") == [], f"python -m {' '.join(case)}: {told} {ended.stderr[-1000:]}"
    assert "nothing" not in told["killed"]


@pytest.mark.usefixtures("cluster")
def test_killed_probes_go_on_where_they_stopped(tmp_path: Path) -> None:
    """On the Ray of all tests, which outlives the one that is killed: as soon as its first tile is matched."""
    whole, into = tmp_path / "whole", tmp_path / "run"
    probe_driver.lay_out(whole)
    into.mkdir()
    shutil.copytree(whole / "road_segment", into / "road_segment")
    shutil.copy2(whole / probe_driver.FILE, into)
    address = ray.get_runtime_context().gcs_address
    words = [sys.executable, "-m", "tests.faults.probe_driver", str(into), address]
    with subprocess.Popen(words, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None and not list(into.glob("match/q*")):
            time.sleep(0.005)
        running.kill()
        assert running.wait() == -signal.SIGKILL, running.communicate()[1]
    before = {file: file.stat().st_mtime_ns for file in into.glob("match/q*")}
    for folder in (whole, into):
        probe_driver.main(str(folder))
    assert 0 < len(before) < len(list(into.glob("match/q*")))
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert digests(into) == digests(whole)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("kind", ["segfault", "SystemExit"])
def test_a_row_that_ends_its_process_is_rejected_by_key(tmp_path: Path, kind: str) -> None:
    assert trapped(kind, 1, tmp_path) == []
