"""A handful of the fault suite; `python -m tests.faults` (`make faults`) has them all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
@pytest.mark.parametrize("kind", ["segfault", "SystemExit"])
def test_a_row_that_ends_its_process_is_rejected_by_key(tmp_path: Path, kind: str) -> None:
    assert trapped(kind, 1, tmp_path) == []
