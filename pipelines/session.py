"""What one command needs to run flows: Ray and Prefect's server, started side by side and ended with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.settings import Settings, be_quiet
from pipelines.temporary_server import prefect_server


@contextmanager
def session(settings: Settings) -> Iterator[Callable[[], None]]:
    """Start what flows need, and yield a function that waits until Prefect can be used.

    Import flows inside, while both start; Ray is waited for by the first stage.
    """
    be_quiet()
    with prefect_server() as server:
        from pipelines.stage import start

        start(settings)
        yield server.wait if server else _nothing


def _nothing() -> None:
    """Wait for nothing: the user's own server runs already."""
