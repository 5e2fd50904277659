"""What a receiver makes of true positions: noise that hangs together in time, worse between tall houses, and gaps."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import RoadClass
from tasks.kernel import compiled
from tasks.simulate_network import Network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

METRES_A_DEGREE = 111_195.0
CELL_M = 250.0
"""Side of the cells in which streets are counted."""
DENSE_PER_KM = 20.0
"""Kilometres of street on a square kilometre from which houses are taken to stand close and tall; service roads and
tracks do not count."""
SIXTY_EIGHT = 1.515
"""Radius in sigmas that holds 68 % of positions whose error is normal in both axes: Android's `accuracy`."""
SPEED_SIGMA = 0.3
"""Error of a speed by Doppler shift (m/s), in each axis."""
STANDING_MS = 1.0
"""Below this a device gives no heading."""


OPEN = ("no", "building_passage", "culvert")
"""Values of OSM's `tunnel` that do not shut out satellites for long."""


class Reception(NamedTuple):
    """What satellites are heard like on each segment."""

    factor: Floats
    """On sigma."""
    bias: Floats
    """Error that stays, east and north, in sigmas."""
    is_deaf: Flags
    """Whether it lies in a tunnel, where nothing is heard."""


def reception(network: Network, roads: pa.Table, factor: float, rng: np.random.Generator) -> Reception:
    """Return where reception is bad: `factor` times worse in cells full of streets, off to a side of the cell's own."""
    owner = np.repeat(np.arange(len(network.length_m)), np.diff(network.lines.starts))
    leg = np.flatnonzero(owner[1:] == owner[:-1])
    is_street = ~np.isin(roads.column("class").to_numpy(zero_copy_only=False), [RoadClass.SERVICE, RoadClass.TRACK])
    metres = (np.diff(network.lines.along) * (network.length_m * is_street)[owner[:-1]])[leg]
    cells, cell = _cells(network.lines.lon[leg], network.lines.lat[leg])
    inside = np.bincount(cell, weights=np.minimum(metres, CELL_M), minlength=cells)  # the rest of it lies in others
    is_dense = inside / (CELL_M / 1000) ** 2 / 1000 >= DENSE_PER_KM
    middle = cell[
        np.searchsorted(leg, (network.lines.starts[:-1] + network.lines.starts[1:] - 1) // 2, side="right") - 1
    ]
    angle = rng.uniform(0, 2 * np.pi, cells)
    off = np.where(is_dense, (factor - 1) / 2, 0.0)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    tunnel = pc.map_lookup(roads.column("tags"), "tunnel", "first")
    is_deaf = pc.fill_null(pc.invert(pc.is_in(tunnel, pa.array(OPEN))), False).to_numpy()
    return Reception(np.where(is_dense, factor, 1.0)[middle], off[middle], is_deaf & tunnel.is_valid().to_numpy())


def _cells(lon: Floats, lat: Floats) -> tuple[int, Ints]:
    """Return how many cells of `CELL_M` hold a point, and the number of each point's cell."""
    row = np.floor(lat * METRES_A_DEGREE / CELL_M)
    shrink = np.cos(np.radians((row + 0.5) * CELL_M / METRES_A_DEGREE))
    column = np.floor(lon * METRES_A_DEGREE * shrink / CELL_M)
    cells, cell = np.unique(np.column_stack([row, column]), axis=0, return_inverse=True)
    return len(cells), cell.ravel()


@compiled
def errors_m(seconds: Floats, sigma: Floats, bias: Floats, correlation_s: float, normals: Floats) -> Floats:
    """Return errors east and north (m) of a Gauss–Markov process of first order; shape (n, 2).

    An error keeps exp(-t / `correlation_s`) of itself over t seconds. Its spread follows `sigma`, its mean `bias`.

    Parameters
    ----------
    seconds
        Moments, rising; shape (n,).
    sigma, bias
        Spread of each axis (m), and mean (m) east and north, wished for at each moment; shapes (n,) and (n, 2).
    normals
        Standard normal numbers; shape (n, 2).
    """
    errors = np.empty((len(seconds), 2))
    for axis in range(2):
        unit, mean = 0.0, 0.0
        for row in range(len(seconds)):
            keep = 0.0
            if row > 0 and correlation_s > 0:
                keep = math.exp(-(seconds[row] - seconds[row - 1]) / correlation_s)
            unit = keep * unit + math.sqrt(1 - keep * keep) * normals[row, axis]
            mean = keep * mean + (1 - keep) * bias[row, axis]
            errors[row, axis] = mean + sigma[row] * unit
    return errors


def shifted(lon: Floats, lat: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return positions (°) moved by metres east and north on a sphere, right to 0.6 % of the metres."""
    north = errors[:, 1] / METRES_A_DEGREE
    return lon + errors[:, 0] / (METRES_A_DEGREE * np.cos(np.radians(lat))), lat + north


def kept(seconds: Floats, share: float, mean_s: float, rng: np.random.Generator) -> Flags:
    """Return which moments are not in an outage.

    Outages and what lies between them last exponential times; outages last `mean_s` seconds on average and take
    `share` of the time.
    """
    if share == 0 or not len(seconds):
        return np.ones(len(seconds), dtype=bool)
    span = seconds[-1] - seconds[0]
    pairs = int(4 * span / mean_s * share) + 20
    lasts = rng.exponential([mean_s * (1 - share) / share, mean_s], (pairs, 2))
    is_out = int(rng.random() < share)
    edges = seconds[0] + np.cumsum(lasts.ravel()[is_out:])
    return np.asarray((np.searchsorted(edges, seconds, side="right") + is_out) % 2 == 0)


class Device(NamedTuple):
    """What a device says beside its position; NaN where it says nothing."""

    speed_kmh: Floats
    heading_deg: Floats
    accuracy_m: Floats


def device(speed: Floats, azimuth: Floats, sigma: Floats, rng: np.random.Generator) -> Device:
    """Return speed, heading and accuracy as given by a device that drives `speed` (m/s) towards `azimuth` (°)."""
    along, across = SPEED_SIGMA * rng.standard_normal((2, len(speed)))
    turned = np.degrees(np.arctan2(across, np.maximum(speed + along, 1e-9)))
    heading = np.where(speed < STANDING_MS, np.nan, (azimuth + turned) % 360)
    accuracy = SIXTY_EIGHT * sigma * np.exp(0.2 * rng.standard_normal(len(speed)))
    return Device(3.6 * np.hypot(speed + along, across), heading, accuracy)
