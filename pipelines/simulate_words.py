"""The words of `waysmith simulate probes`: one for each field of the parameters of a simulation."""

import argparse
import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

from tasks.simulate_probes import SimulationParams

UNITS = {"_m": "METRES", "_s": "SECONDS", "_h": "HOURS", "_share": "SHARE"}
"""How the names of fields end, and what that says of their values."""

MEANINGS = {
    "seed": "another seed makes other drives",
    "trips": "number of drives",
    "points": "add drives until there are as many points, instead of --trips",
    "min_length_m": "length of the shortest drives",
    "max_length_m": "length of the longest",
    "sampling_s": "between two points of a drive",
    "sampling_to_s": "each drive has an interval of its own, from --sampling to this",
    "noise_m": "standard deviation of the error in each axis",
    "correlation_s": "after which an error has fallen to 1/e of itself",
    "canyon": "how many times worse reception is where streets are dense",
    "outage_share": "of the time in which nothing is heard",
    "outage_s": "that this lasts on average",
    "device_share": "of the drives whose device gives speed, heading and accuracy",
    "driver_sigma": "spread of drivers about the usual speed, as a logarithm",
    "opinion_sigma": "how much drivers' ideas of what a road takes differ from the truth",
    "congestion": "share of its speed that the most crowded kind of road loses at rush hour",
    "days": "in which drives begin, from Monday, 2026-03-02 on",
    "utc_offset_h": "local clocks less UTC (the time zone of the place)",
}
"""What each field means, in a few words; `SimulationParams` says more."""


def add_words(parser: argparse.ArgumentParser) -> None:
    """Let a parser read the fields of `SimulationParams`."""
    hints = typing.get_type_hints(SimulationParams)
    for each in fields(SimulationParams):
        usual = "" if each.default is None else f" ({each.default})"
        kind = int if hints[each.name] in (int, int | None) else float
        parser.add_argument(
            flag_of(each.name), dest=each.name, type=kind, default=each.default,
            metavar=_metavar(each.name), help=MEANINGS[each.name] + usual,
        )  # fmt: skip


def flag_of(name: str) -> str:
    """Return the word for a field; its unit stands in the help.

    Examples
    --------
    >>> flag_of("sampling_s"), flag_of("min_length_m"), flag_of("outage_share"), flag_of("outage_s")
    ('--sampling', '--min-length', '--outage-share', '--outage')
    """
    unit = next((end for end in ("_m", "_s", "_h") if name.endswith(end)), "")
    return f"--{name.removesuffix(unit).replace('_', '-')}"


def _metavar(name: str) -> str:
    return next((told for end, told in UNITS.items() if name.endswith(end)), "N")


def params_of(options: argparse.Namespace) -> SimulationParams:
    """Return the parameters that a call names."""
    given: dict[str, Any] = {each.name: getattr(options, each.name) for each in fields(SimulationParams)}
    return SimulationParams(**given)


def simulate(options: argparse.Namespace) -> str:
    """Read roads, drive on them, write what was seen and the truth; return what was done in a line."""
    from tasks.probe_export import write_simulated
    from tasks.readers.roads import read_roads
    from tasks.simulate_probes import simulated_parts

    roads = read_roads(options.roads, mapping=options.mapping).segments
    truth: Path = options.truth or options.to.with_name(f"{options.to.stem}-truth")
    made = write_simulated(simulated_parts(roads, params_of(options)), options.to, truth)
    return f"{options.to}: {made.points:,} points of {made.drives:,} drives; the truth: {truth}"
