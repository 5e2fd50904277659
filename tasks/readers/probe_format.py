"""What probe files look like and what is read from them: names of columns, units, and the batches that come out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from schemas.probe import TIME
from schemas.vocabulary import PointReason
from tasks.readers.reading import ReadError

POINT = pa.schema(
    [
        pa.field("trace_id", pa.string()),
        pa.field("time", TIME),
        pa.field("lon", pa.float64()),
        pa.field("lat", pa.float64()),
        pa.field("speed_kmh", pa.float32()),
        pa.field("heading_deg", pa.float32()),
        pa.field("accuracy_m", pa.float32()),
    ]
)
"""Points as they are read: sound each for itself, in the order of the files; the last three may be null."""

KMH = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6, "kn": 1.852}
"""Kilometres an hour in each unit of speed."""

EPOCH_UNITS = ("s", "ms", "us", "ns")
"""Units that a number of time since 1970 may have."""

USUAL = {
    "trace_id": (
        "trace_id", "traceid", "trace", "track_id", "trackid", "trip_id", "tripid", "trip", "journey_id", "journeyid",
        "ride_id", "vehicle_id", "vehicleid", "vehicle", "device_id", "deviceid", "device", "taxi_id", "bus_id",
        "driver_id", "user_id", "unit_id", "probe_id", "track",
    ),
    "time": (
        "time", "timestamp", "time_utc", "timestamp_utc", "utc_time", "datetime", "date_time", "datetime_utc",
        "gps_time", "gpstime", "gps_timestamp", "fix_time", "fixtime", "recorded_at", "event_time", "captured_at", "ts",
        "timestamp_s", "timestamp_ms", "timestamp_us", "timestamp_ns", "time_s", "time_ms", "time_us", "time_ns",
        "epoch", "epoch_s", "epoch_ms", "unix_time", "unixtime", "t", "date",
    ),
    "lon": ("lon", "lng", "long", "longitude", "lon_deg", "gps_lon", "gps_lng", "gps_longitude", "x"),
    "lat": ("lat", "latitude", "lat_deg", "gps_lat", "gps_latitude", "y"),
    "heading": (
        "heading", "heading_deg", "bearing", "bearing_deg", "course", "course_deg", "azimuth", "direction", "track_deg",
        "cog",
    ),
    "accuracy": (
        "accuracy", "accuracy_m", "hacc", "h_acc", "haccuracy", "horizontal_accuracy", "horizontal_accuracy_m",
        "gps_accuracy", "position_accuracy", "location_accuracy",
    ),
}  # fmt: skip
"""Names that columns usually have, the best first; letters of either case, and blanks count as underscores."""

USUAL_LISTS = {
    "time": ("coordTimes", "times", "coord_times", "timestamps"),
    "speed": ("speeds", "coordSpeeds"),
    "heading": ("headings", "courses", "bearings"),
    "accuracy": ("accuracies",),
}
"""Names that lists with a value for each point of a line usually have."""

USUAL_SPEEDS = {
    "km/h": ("speed_kmh", "speed_kph", "speed_km_h", "speed_kmph", "speed_(km/h)", "speed_[km/h]", "kmh", "kph"),
    "m/s": ("speed_ms", "speed_mps", "speed_m_s", "speed_(m/s)", "speed_[m/s]", "velocity_ms", "velocity_mps"),
    "mph": ("speed_mph", "speed_(mph)", "speed_[mph]", "mph"),
    "kn": ("speed_kn", "speed_knots", "speed_kt", "speed_kts", "sog_kn", "knots"),
}
"""Names of columns of speeds that say their unit."""

USUAL_SPEED = ("speed", "velocity", "gps_speed", "ground_speed", "spd", "sog")
"""Names of columns of speeds that do not."""

TAB_WORDS = ("tab", "\\t")
"""How a tab is written where it cannot be typed."""

LONGEST_INTERVAL_S = 86_400
"""A longer interval between points is a slip of the pen: a day."""

ROLES = (*USUAL, "speed")
"""What a column may be named for."""


@dataclass(frozen=True)
class ProbeFormat:
    """All that can be said about probe files beyond what stands in them."""

    columns: tuple[tuple[str, str], ...] = ()
    """Pairs of a role (trace_id, time, lon, lat, speed, heading, accuracy) and the name of its column in the files."""
    time_zone: str | None = None
    """IANA name of the zone of times without an offset; without it such times are refused."""
    time_format: str | None = None
    """Format of times as `strptime` takes it; without it ISO 8601 and numbers since 1970 are read."""
    epoch: str | None = None
    """Unit of times that are numbers (s, ms, us, ns); without it told by their magnitude."""
    speed_unit: str | None = None
    """Unit of speeds (km/h, mph, m/s, kn) whose column does not say it; without it they are left out."""
    delimiter: str | None = None
    """What stands between the columns of CSV; without it found in the first line."""
    header: tuple[str, ...] = ()
    """Names of the columns of CSV files that have no line of names."""
    is_id_global: bool = False
    """Whether an id means the same trace in every file given; otherwise the file's name becomes a part of it."""
    interval_s: float | None = None
    """Seconds between points of traces without any time, which start on 1980-01-06; without it they are dropped."""

    def __post_init__(self) -> None:
        named = dict(self.columns)
        _check("column", [*named], ROLES)
        _check("epoch", [self.epoch] if self.epoch else [], EPOCH_UNITS)
        _check("speed unit", [self.speed_unit] if self.speed_unit else [], tuple(KMH))
        if self.delimiter in TAB_WORDS:
            object.__setattr__(self, "delimiter", "\t")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ReadError(f"delimiter {self.delimiter!r}: expected one character, or tab")
        if self.interval_s is not None and not 0 < self.interval_s <= LONGEST_INTERVAL_S:
            raise ReadError(f"interval {self.interval_s}: expected seconds above 0, at most {LONGEST_INTERVAL_S}")


def _check(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    for each in given:
        if each not in known:
            raise ReadError(f"{what} {each!r}: expected {', '.join(known[:-1])} or {known[-1]}")


class Named(NamedTuple):
    """Which column of a file has which role."""

    columns: dict[str, str]
    """Name of the column of each role that was found."""
    speed_unit: str | None
    """Unit of the speeds, None where it is unknown."""


class ProbeBatch(NamedTuple):
    """Some points of one file; every point read is among `points` or counted in `dropped`."""

    points: pa.Table
    """Rows of POINT."""
    read: int
    """Points that were read."""
    dropped: Mapping[PointReason, int]
    """How many were not kept, by reason."""
    rejects: pa.Table
    """Rows of REJECT: the first points dropped of each reason, and the file where it cannot be read."""
    notes: tuple[str, ...] = ()
    """What a user should know: one line each."""


def named_columns(names: Sequence[str], format: ProbeFormat, file: str) -> Named:
    """Return which columns of a file have which role: as the format says, else by their usual names.

    Raises
    ------
    ReadError
        If a column that the format names is not there.

    Examples
    --------
    >>> named_columns(["Vehicle ID", "Timestamp", "lng", "lat", "speed_mph"], ProbeFormat(), "a.csv").speed_unit
    'mph'
    """
    wanted = dict(format.columns)
    for role, name in wanted.items():
        if name not in names:
            raise ReadError(f"{file}: no column {name!r} for {role}, expected one of {_listed(names)}")
    by_name = {_plain(name): name for name in reversed(names)}
    found = {role: by_name[name] for role, usual in USUAL.items() for name in reversed(usual) if name in by_name}
    speed, unit = _speed(by_name)
    if "speed" in wanted:
        unit = next((each for each, usual in USUAL_SPEEDS.items() if _plain(wanted["speed"]) in usual), None)
    if speed:
        found["speed"] = speed
    return Named(found | wanted, format.speed_unit or unit)


def _speed(by_name: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the column of speeds and its unit; one that says its unit goes before one that does not."""
    for unit, usual in USUAL_SPEEDS.items():
        for name in usual:
            if name in by_name:
                return by_name[name], unit
    return next((by_name[name] for name in USUAL_SPEED if name in by_name), None), None


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_").replace(".", "_")


def _listed(names: Sequence[str]) -> str:
    told = ", ".join(repr(name[:40]) for name in names[:12])
    return f"{told} and {len(names) - 12} more" if len(names) > 12 else told


def require(named: Named, roles: Iterable[str], names: Sequence[str], file: str) -> None:
    """Raise `ReadError` with the columns there are unless each role has a column."""
    for role in roles:
        if role not in named.columns:
            raise ReadError(f"{file}: no column for {role} among {_listed(names)}: name it with --column {role}=NAME")
