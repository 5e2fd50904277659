"""How a run is carried out: nothing here changes what it computes."""

import os
from dataclasses import dataclass

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_DEDUP_LOGS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Telemetry off unless the user says otherwise; read by Ray and Prefect when they are first imported."""


@dataclass(frozen=True)
class Settings:
    """Where stages run and when they give up."""

    address: str | None = None
    """Ray cluster; without it that of the environment variable RAY_ADDRESS, else one started on this machine."""
    max_reject_rate: float = 0.05
    """Share of a stage's rows that may be rejected before the stage fails."""

    @property
    def cluster(self) -> str:
        """Address to give to Ray. Never left to discovery, which fails where two clusters are up."""
        return self.address or os.environ.get("RAY_ADDRESS") or "local"


DEFAULTS = Settings()


def be_quiet() -> None:
    """Switch telemetry off in this process and its children, where the user has not chosen."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
