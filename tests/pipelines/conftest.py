from collections.abc import Iterator

import pytest


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
