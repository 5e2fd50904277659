"""How a run is carried out: nothing here changes what it computes."""

import os
import socket
from dataclasses import dataclass

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_DEDUP_LOGS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Telemetry off unless the user says otherwise; read by Ray and Prefect when they are first imported."""


KEPT = {"RAY_idle_worker_killing_time_threshold_ms": "600000"}
"""Workers of a Ray on this machine stay idle for ten minutes, not for a second: the next stage wants their imports."""

LOCAL = "local"
"""Address that stands for a Ray started on this machine."""


@dataclass(frozen=True)
class Settings:
    """Where stages run and when they give up."""

    address: str | None = None
    """Ray cluster; without it that of the environment variable RAY_ADDRESS, else one started on this machine."""
    max_reject_rate: float = 0.05
    """Share of a stage's rows that may be rejected before the stage fails."""
    time_limit_s: float = 600.0
    """How long one tile may take; past it the row that never ends is looked for, and rejected."""
    memory_gb: float | None = None
    """Memory that all workers of one machine may take together (10^9 bytes); without it what the machine has."""

    dashboard: bool = True
    """Whether a Ray started on this machine serves its dashboard, which takes a second or two to start."""

    @property
    def cluster(self) -> str:
        """Address to give to Ray. Never left to discovery, which fails where two clusters are up."""
        return self.address or os.environ.get("RAY_ADDRESS") or LOCAL


DEFAULTS = Settings()


NODE_NEEDED = "run on a node of the cluster, which `ray start --address=HOST:6379 --num-cpus=0` makes of any machine"
"""What to do where a cluster cannot be used from here."""


class AddressError(ValueError):
    """No cluster answers at an address."""


def check_address(address: str) -> None:
    """Knock at the address of a cluster; Ray itself tries for minutes.

    Raises
    ------
    AddressError
        If it is not `host:port`, or nobody listens there.
    """
    if address in (LOCAL, "auto"):
        return
    if address.startswith("ray://"):
        raise AddressError(f"address {address!r}: Ray Data does not run through Ray's client: {NODE_NEEDED}")
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise AddressError(f"address {address!r}: expected host:port of a Ray cluster")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise AddressError(f"address {address!r}: no Ray cluster answers there ({error})") from error


def be_quiet() -> None:
    """Switch telemetry off in this process and its children, and keep idle workers, where the user has not chosen."""
    for name, value in (QUIET | KEPT).items():
        os.environ.setdefault(name, value)
