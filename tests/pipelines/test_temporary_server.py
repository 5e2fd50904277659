import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from pipelines.temporary_server import TemporaryServer, is_configured, prefect_server

PARENT = """
import time
from pipelines.temporary_server import TemporaryServer
server = TemporaryServer()
server.wait()
print(server._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_answers_and_is_gone_afterwards(own_home: Path) -> None:
    server = prefect_server()
    assert server
    server.wait()
    assert os.environ["PREFECT_API_URL"] == server.url
    with urllib.request.urlopen(f"{server.url}/health") as answer:
        assert json.loads(answer.read()) is True
    assert prefect_server() is server
    server.stop()
    assert server._process.returncode is not None


def test_it_ends_when_its_parent_is_killed(own_home: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes():
            return
        time.sleep(0.1)
    pytest.fail("the server is still there")


def test_a_server_of_the_users_own_is_used(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_configured()
    (own_home / "profiles.toml").write_text('[profiles.local]\nPREFECT_API_URL = "http://host:4200/api"\n')
    assert is_configured()
    monkeypatch.setenv("PREFECT_API_URL", "http://other:4200/api")
    assert prefect_server() is None
    assert os.environ["PREFECT_API_URL"] == "http://other:4200/api"


def test_what_keeps_it_from_starting_is_told(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", "/dev/null/x")
    server = TemporaryServer()
    with pytest.raises(RuntimeError, match="Prefect's server ended at once"):
        server.wait()
    server.stop()
