"""Prefect's server for the time of one command, started while other things start, and gone when the command is.

Prefect starts one by itself where none is configured, but only when the first flow runs, and leaves it behind if the
process is killed. This one, run as `python -m pipelines.temporary_server PORT`, ends when the pipe that its parent
holds open closes, which the kernel does however the parent ends. It keeps its runs where Prefect always does.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

API_URL = "PREFECT_API_URL"

PATIENCE_S = 90.0
"""How long a server may take to answer."""

LEAN = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_UI_ENABLED": "false",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
}
"""Settings of a server that serves one command alone."""


class ServerError(RuntimeError):
    """Prefect's server did not start."""


class TemporaryServer:
    """A server that is starting, or has started."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        command = [sys.executable, "-m", __name__, str(self.port)]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the server runs
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._said, env=os.environ | LEAN
        )

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.port}/api"

    def wait(self) -> None:
        """Return when the server answers.

        Raises
        ------
        ServerError
            If it ends instead, or does not answer in time.
        """
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ServerError(f"Prefect's server ended at once: {self._last_word()}")
            if _answers(self.url):
                return
            time.sleep(0.03)
        raise ServerError(f"Prefect's server did not answer within {PATIENCE_S:.0f} s")

    def _last_word(self) -> str:
        self._said.seek(0)
        return "".join(self._said.read().decode(errors="replace").strip().splitlines()[-1:])

    def stop(self) -> None:
        """End the server; nothing that it keeps is lost."""
        self._process.terminate()
        self._process.communicate()
        self._said.close()


_started: list[TemporaryServer] = []


def prefect_server() -> TemporaryServer | None:
    """Start a server where none is configured, and point Prefect to it; to be called before Prefect is imported.

    It serves until this process ends: Prefect hands in what it has to say of runs at the very end. Called again it
    returns the same one.
    """
    for server in _started:
        if os.environ.get(API_URL) == server.url:
            return server
    if is_configured():
        return None
    server = TemporaryServer()
    _started.append(server)
    os.environ[API_URL] = server.url
    atexit.register(server.stop)
    return server


def is_configured() -> bool:
    """Whether the user has told Prefect of a server, in the environment, a profile or a file beside the project."""
    home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
    files = (Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml")), Path("prefect.toml"), Path(".env"))
    return API_URL in os.environ or any(_names_a_server(file) for file in files)


def _names_a_server(file: Path) -> bool:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return API_URL in text or "[api]" in text


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _end_with_parent() -> None:
    """Wait until the pipe closes that the parent holds open, and end this process."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(port: int) -> None:
    """Serve until the parent ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
