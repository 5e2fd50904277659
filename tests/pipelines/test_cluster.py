"""Three nodes that share nothing but an object store, as `infra.cluster.run` makes them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """What came of one run of `cluster_run`."""
    if os.geteuid() != 0 or not all(shutil.which(program) for program in ("unshare", "ip", "mount")):
        pytest.skip("needs root, unshare, ip and mount, to make network namespaces")
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        pytest.skip("needs the right to make network, mount and process namespaces")
    command = ["infra.cluster.run", "--nodes", "3", "--", sys.executable, "-m", "tests.pipelines.cluster_run"]
    ended = subprocess.run([sys.executable, "-m", *command], cwd=CHECKOUT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-2000:]
    came: dict[str, object] = json.loads(ended.stdout.strip().splitlines()[-1])
    return came


def test_a_cluster_writes_the_bytes_that_one_process_writes(told: dict[str, object]) -> None:
    assert told["calm"] == []


def test_nodes_share_no_folder_and_compute_with_the_code_that_was_sent(told: dict[str, object]) -> None:
    assert told["shared"] == []


def test_a_lost_node_loses_nothing(told: dict[str, object]) -> None:
    assert told["loss"] == []
    assert str(told["lost"]).startswith("10.77.0.4 after")
    assert told["nodes"] == 3  # the head and two others
