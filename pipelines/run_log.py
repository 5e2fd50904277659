"""Where a line about a run belongs: in the log of the Prefect run that is under way, else in a plain one."""

import logging
import sys
from typing import Any

RunLogger = logging.Logger | logging.LoggerAdapter[Any]


def run_logger() -> RunLogger:
    """Return the log of the run that the caller is in; outside of one the logger `waysmith`."""
    plain = logging.getLogger("waysmith")
    if "prefect" not in sys.modules:  # its import takes a second, and who has not imported it is in no run
        return plain
    from prefect.exceptions import MissingContextError
    from prefect.logging import get_run_logger

    try:
        return get_run_logger()
    except MissingContextError:
        return plain
