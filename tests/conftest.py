"""What all tests share: the option that rewrites golden files, and the folder of real data."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("shared", deadline=None)  # machines that run tests are busy
hypothesis.settings.load_profile("shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files from what the code says")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).parents[1] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("real data are not here: no folder ../shared/data beside the checkout")
    return folder.resolve()


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """One Ray session for all tests that need one."""
    import ray

    from pipelines.settings import DEFAULTS
    from pipelines.stage import connect

    connect(DEFAULTS)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A Prefect database of the tests' own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)
