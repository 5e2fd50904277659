"""Local time of places: which five minutes of the week it was where something happened."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import tzfpy

from schemas.speed_profile import WEEK_BINS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Moments = npt.NDArray[np.datetime64]

BIN_S = 300
"""Seconds of a bin of the week."""
QUARTER_S = 900
"""Seconds within which no zone changes its offset: since 1972 all changes fall on quarters of an hour UTC."""
WEEK_S = BIN_S * WEEK_BINS
MONDAY_S = 4 * 86_400
"""The first Monday after 1970-01-01, a Thursday, in seconds."""


def time_zones(lon: Floats, lat: Floats) -> list[str]:
    """Return the IANA time zone of each place (WGS 84), by the polygons of timezone-boundary-builder.

    Borders are simplified and lie within some 111 m of the true ones. At sea it is the nautical zone (`Etc/GMT+2`).

    Raises
    ------
    ValueError
        If a place is outside ±180° or ±90°, or not a number.

    Examples
    --------
    >>> time_zones(np.array([24.94, 77.21, -30.0]), np.array([60.17, 28.61, 30.0]))
    ['Europe/Helsinki', 'Asia/Kolkata', 'Etc/GMT+2']
    """
    wrong = np.flatnonzero(~((np.abs(lon) <= 180) & (np.abs(lat) <= 90)))
    if len(wrong):
        raise ValueError(f"place {wrong[0]} is {lon[wrong[0]]}, {lat[wrong[0]]}: expected ±180° and ±90°")
    return [tzfpy.get_tz(*place) or "UTC" for place in zip(lon.tolist(), lat.tolist(), strict=True)]


def week_bins(moments: Moments, zones: list[str], zone: Ints) -> npt.NDArray[np.int16]:
    """Return for each moment (UTC) the five minutes of the local week it falls in: 0 to 2015, from Monday 0:00 on.

    Shape: `moments` and `zone` (m,), the latter with the place of its zone in `zones`. Summer time counts: the hour
    that is skipped in spring has no moments, the one that is repeated in autumn has twice as many.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        If a zone is unknown.

    Examples
    --------
    >>> noon = np.array(["2026-03-30T12:00:00"], dtype="datetime64[us]")  # a Monday; summer time since the day before
    >>> week_bins(noon, ["Europe/Helsinki"], np.array([0])).tolist()
    [180]
    """
    seconds = moments.astype("datetime64[s]").astype(np.int64)
    local = seconds + _offsets(seconds // QUARTER_S, zones, zone)
    return ((local - MONDAY_S) % WEEK_S // BIN_S).astype(np.int16)


def _offsets(quarters: Ints, zones: list[str], zone: Ints) -> Ints:
    """Return how far local time is ahead of UTC, in seconds; asked once for each zone and quarter of an hour."""
    if not len(quarters):
        return np.empty(0, dtype=np.int64)
    first = int(quarters.min())
    wide = int(quarters.max()) - first + 1
    place, keys = pd.factorize(zone * wide + (quarters - first))
    found = np.array([_offset(zones[key // wide], key % wide + first) for key in keys.tolist()], dtype=np.int64)
    offsets: Ints = found[place]
    return offsets


@lru_cache(maxsize=2**18)
def _offset(zone: str, quarter: int) -> int:
    """Return how many seconds a zone is ahead of UTC in a quarter of an hour since 1970."""
    offset = datetime.fromtimestamp(quarter * QUARTER_S, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())
