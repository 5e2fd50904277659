"""What one command needs to run a flow: its code, Ray and Prefect's server, all brought up side by side."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from pipelines.settings import Settings, be_quiet
from pipelines.temporary_server import TemporaryServer, prefect_server

Made = TypeVar("Made")


@contextmanager
def session(settings: Settings, load: Callable[[], Made], *, modules: Sequence[str] = ()) -> Iterator[Made]:
    """Start Prefect's server and Ray while `load` imports what is to be run, and give what it returns.

    Workers import `modules` meanwhile.

    Ray starts in this thread, which must be the main one, and `load` runs in another.
    """
    be_quiet()
    with ExitStack() as stack:
        server = prefect_server()
        with ThreadPoolExecutor(1) as beside:
            loaded = beside.submit(load)
            from pipelines.stage import start

            start(settings, modules)
        made = loaded.result()
        if server:
            _use(server, stack)
        yield made


def _use(server: TemporaryServer, stack: ExitStack) -> None:
    """Wait for the server of this command, and point Prefect to it if it was imported before there was one."""
    server.wait()
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # the thread of the heartbeat sleeps for up to a second at the end of each flow, and nobody watches this server
    changed: dict[object, object] = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_API_URL: server.url}
    stack.enter_context(temporary_settings(changed))
