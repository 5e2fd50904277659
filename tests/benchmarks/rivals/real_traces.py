"""Real traces as points without a truth."""

import csv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from tasks.measure import distances
from tests.benchmarks.rivals.drives import Floats, Points

PACE_MS = 10.0
"""Speed at which traces without times are taken to be driven."""


def trace_points(traces: list[Floats]) -> Points:
    """Return traces (lon, lat) as points that come one after another at an even pace; points at one place are one."""
    parts = []
    for trace in traces:
        metres = distances(*np.column_stack([trace[:-1], trace[1:]]).T.copy())
        is_new = np.concatenate([[True], metres > 0])
        parts.append((trace[is_new], np.concatenate([[0.0], np.cumsum(metres / PACE_MS)])[is_new]))
    number = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    lon, lat = np.concatenate([part[0] for part in parts]).T
    nowhere, is_clear = np.full(len(lon), -1), np.ones(len(lon), dtype=bool)
    return Points(number, np.concatenate([part[1] for part in parts]), lon, lat, nowhere, is_clear)


def gpx_trace(path: Path) -> Floats:
    """Return the track points of a GPX file, lon and lat."""
    points = (each for each in ElementTree.parse(path).iter() if each.tag.endswith("}trkpt"))
    return np.array([(float(each.attrib["lon"]), float(each.attrib["lat"])) for each in points])


def csv_trace(path: Path) -> Floats:
    """Return the points of a CSV file with the columns longitude and latitude."""
    with path.open() as file:
        return np.array([(float(row["longitude"]), float(row["latitude"])) for row in csv.DictReader(file)])


def within(trace: Floats, box: tuple[float, float, float, float], least: int) -> list[Floats]:
    """Return the runs of at least `least` points of a trace that lie in a box (west, south, east, north)."""
    is_in = ((trace >= box[:2]) & (trace <= box[2:])).all(axis=1)
    cuts = np.flatnonzero(np.diff(is_in)) + 1
    runs = zip(np.split(trace, cuts), np.split(is_in, cuts), strict=True)
    return [run for run, flags in runs if flags[0] and len(run) >= least]
