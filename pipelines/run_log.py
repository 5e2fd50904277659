"""The log of the Prefect run that the caller is in; outside of a run, the logger `waysmith`."""

import logging
from typing import TypeAlias

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

RunLogger: TypeAlias = "logging.Logger | logging.LoggerAdapter[logging.Logger]"


def run_logger() -> RunLogger:
    """Return the logger of the task or flow run that the caller is in, else that of Waysmith.

    The logger of a run knows its run, so it can be handed to another thread.
    """
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("waysmith")
