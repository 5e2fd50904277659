"""The words of a call that say which probes there are, how to read them, and what may be told of them."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.probes import Probing
    from tasks.readers.probe_format import ProbeFormat

INNER = (0.001, 0.999)
"""Quantiles of positions within which probes lie, save a few that are wrong."""

ROLES = "trace_id, time, lon, lat, speed, heading or accuracy"


def add_words(parser: argparse.ArgumentParser, *, is_needed: bool) -> None:
    """Let a parser read them."""
    told = parser.add_argument_group("GPS probes")
    told.add_argument(
        "--probes", nargs="+", type=Path, required=is_needed, metavar="FILE",
        help="GPX, CSV, GeoJSON, Parquet or GeoParquet, also packed, or folders of them",
    )  # fmt: skip
    told.add_argument(
        "--column", action="append", type=_column, default=[], metavar="ROLE=NAME",
        help=f"name of a column in the files; ROLE is {ROLES}; may be given several times",
    )  # fmt: skip
    told.add_argument("--time-zone", metavar="ZONE", help="of times without an offset, such as Europe/Helsinki or UTC")
    told.add_argument("--time-format", metavar="FORMAT", help="of times, as strptime has it (ISO 8601, or numbers)")
    told.add_argument("--epoch", metavar="UNIT", help="of times that are numbers: s, ms, us, ns (told by their size)")
    told.add_argument("--speed-unit", metavar="UNIT", help="of speeds whose column does not say it: km/h, m/s, mph, kn")
    told.add_argument("--delimiter", metavar="CHARACTER", help="between columns of CSV (found in the first line)")
    told.add_argument(
        "--header", type=_names, default=(), metavar="NAME,NAME…", help="columns of CSV without a line of names"
    )
    told.add_argument(
        "--global-ids", action="store_true", help="an id means the same trace in every file given (its file is named)"
    )
    told.add_argument(
        "--interval", type=float, metavar="SECONDS",
        help="between points of traces without times, which are dropped without it",
    )  # fmt: skip
    told.add_argument(
        "--salt", metavar="SECRET", help="hash the names of traces in all tables, not only in what may be published"
    )
    told.add_argument(
        "--trip-end", type=float, metavar="METRES", help="of each end of a trip from which no speed is taken (200)"
    )
    told.add_argument(
        "--least-traces", type=int, metavar="K", help="nothing is published of fewer different traces (5)"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(","))


def _column(text: str) -> tuple[str, str]:
    role, mark, name = text.partition("=")
    if not (role and mark and name):
        raise argparse.ArgumentTypeError(f"{text!r}: expected ROLE=NAME, where ROLE is {ROLES}")
    return role, name


def format_of(options: argparse.Namespace) -> "ProbeFormat":
    """Return what a call says of its probe files.

    Raises
    ------
    ReadError
        If a value makes no sense.
    """
    from tasks.readers.probe_format import ProbeFormat
    from tasks.readers.probe_time import check_zone

    check_zone(options.time_zone)
    return ProbeFormat(
        columns=tuple(options.column),
        time_zone=options.time_zone,
        time_format=options.time_format,
        epoch=options.epoch,
        speed_unit=options.speed_unit,
        delimiter=options.delimiter,
        header=options.header,
        is_id_global=options.global_ids,
        interval_s=options.interval,
    )


def probing_of(options: argparse.Namespace) -> "Probing":
    """Return how probes are read, matched and summed up, as a call says.

    Raises
    ------
    CallError, ReadError
        If a value makes no sense.
    """
    from pipelines.call import CallError
    from pipelines.probes import Probing

    usual = Probing()
    clean, profile = usual.clean, usual.profile
    if options.least_traces is not None and options.least_traces < 1:
        raise CallError(f"--least-traces {options.least_traces}: expected 1 or more")
    if options.salt == "":
        raise CallError("--salt: is empty, expected a secret that nobody can guess")
    try:
        if options.trip_end is not None:
            clean = replace(clean, trip_end_m=options.trip_end)
        if options.least_traces is not None:
            profile = replace(profile, least_traces=options.least_traces)
    except ValueError as error:
        raise CallError(str(error)) from error
    return replace(usual, format=format_of(options), clean=clean, profile=profile, salt=options.salt)


def roads_wanted(options: argparse.Namespace) -> str:
    """Return what to say of a call that names no roads: where its probes lie, whose reading may take a while.

    Raises
    ------
    CallError, ReadError
        If they cannot be read.
    """
    import numpy as np

    from tasks.readers.probes import read_probes

    format = replace(format_of(options), interval_s=options.interval or 1.0)  # times do not matter here
    read = (batch.points for batch in read_probes(options.probes, format))
    parts = [np.quantile([part["lon"], part["lat"]], INNER, axis=1) for part in read if part.num_rows]
    if not parts:
        return "--roads: is missing, and no probe can be used"
    (west, south), (east, north) = np.min(parts, axis=0)[0], np.max(parts, axis=0)[1]
    return (
        f"--roads: is missing; the probes lie in {west:.3f},{south:.3f},{east:.3f},{north:.3f} (west, south, east, "
        "north): expected an extract of OpenStreetMap or Overture that covers them"
    )
