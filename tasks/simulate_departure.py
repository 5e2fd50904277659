"""When simulated drives begin: by the demand of the hours, on local clocks and in UTC."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from tasks.local_time import time_zones
from tasks.simulate_traffic import WEEK_HOURS, demand

Floats = npt.NDArray[np.float64]

WEEK_START = datetime(2026, 3, 2)
"""A Monday: where the simulated time begins, by local clocks."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


def departure_h(days: float, rng: np.random.Generator) -> float:
    """Return hours after Monday 0:00 local time, to the second, within some days and by the demand of the hours."""
    weeks, rest = divmod(days * 24, WEEK_HOURS)
    shares = _shares(days)
    hour = int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))
    count = weeks + (hour < rest)
    hours = hour + min(rng.random(), 1.0 if weeks or rest >= hour + 1 else rest - hour)
    return float(round((hours + WEEK_HOURS * int(rng.integers(max(int(count), 1)))) * 3600) / 3600)


@lru_cache(maxsize=8)
def _shares(days: float) -> Floats:
    """Return for each hour of the week the demand of all such hours within some days and of those before."""
    weeks, rest = divmod(days * 24, WEEK_HOURS)
    return np.cumsum(demand() * (weeks + np.clip(rest - np.arange(WEEK_HOURS), 0, 1)))


def utc_us(hours: float, lon: float, lat: float, offset_h: float | None = None) -> int:
    """Return when it is so many hours after Monday 0:00 at a place, in µs since 1970.

    The clock of the place is that of its time zone, or `offset_h` ahead of UTC. In spring the hour that is skipped
    stands for the next one; in autumn the first of the two is meant.

    Examples
    --------
    >>> helsinki = utc_us(8.5, 24.94, 60.17)  # 2026-03-02 08:30, two hours ahead of UTC
    >>> helsinki == 1_772_433_000_000_000, utc_us(8.5, 24.94, 60.17, offset_h=3.0) - helsinki
    (True, -3600000000)
    """
    local = WEEK_START + timedelta(seconds=round(hours * 3600))
    if offset_h is not None:
        return round((local.replace(tzinfo=UTC) - EPOCH).total_seconds() - offset_h * 3600) * SECOND_US
    zone = ZoneInfo(time_zones(np.array([lon]), np.array([lat]))[0])
    return round((local.replace(tzinfo=zone) - EPOCH).total_seconds()) * SECOND_US
