"""What the errors of a piece's points are like: how large, how lasting, and what of them is smoothed away."""

import math

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled_bare as compiled
from tasks.match_candidate import least_distance, near_stretches
from tasks.match_kernel import Records
from tasks.match_lattice import SIXTY_EIGHT, WORST_SIGMAS, Lattice, Roads, Room, Scales
from tasks.match_motion import insert, scatter_m, smooth

Floats = npt.NDArray[np.float64]

LEAST_SCATTER = 0.2
"""Share of the standard deviation that neighbouring errors must not have in common for points to be smoothed."""

LANE_M = 1.5
"""Standard deviation of where vehicles drive about the drawn line, half a lane: it lasts."""

SAMPLE = 63
"""Points of a piece that its standard deviation is taken from."""

LEAST_SAMPLE = 7
"""Fewer points tell nothing of it."""

MEDIAN_SIGMAS = 0.6745
"""Half of all normal errors are less."""


@compiled
def scales_of(roads: Roads, track: Records, first: int, end: int, scales: Scales, room: Room) -> Scales:
    """Return the scales for the points from `first` up to `end`: their standard deviation may be larger than usual."""
    usual = scales.sigma_m
    sigma = seen_sigma(roads, track, first, end, min(scales.radius_m, WORST_SIGMAS * usual), room)
    sigma = min(max(sigma, usual), WORST_SIGMAS / 2 * usual)
    radius = min(scales.radius_m * sigma / usual, 150.0)
    return Scales(sigma, radius, scales.beta_m, scales.apart_sigmas, scales.lasting_s, 0.0, 1.0)


@compiled
def seen_sigma(roads: Roads, track: Records, first: int, end: int, radius: float, room: Room) -> float:
    """Return the least standard deviation (m) that the distances to the nearest road allow, 0 where nothing tells.

    Half of all errors across a road are less than 0.67 standard deviations, and the nearest road is no farther than
    the one driven: so the median distance of a sample of points to their nearest road tells the least that it can be.
    Points whose device gives an accuracy are believed.
    """
    stride = (end - first + SAMPLE - 1) // SAMPLE
    count = 0
    for point in range(first, end, stride):
        here = track[point]
        if not math.isnan(here.accuracy):
            continue
        found = near_stretches(roads.cells, here.lon, here.lat, here.kx, here.ky, radius, room.near)
        if found > 0:
            insert(room.sample, count, least_distance(room.near, found))
            count += 1
    return room.sample[count // 2] / MEDIAN_SIGMAS if count >= LEAST_SAMPLE else 0.0


@compiled
def piece_scales(
    roads: Roads, track: Records, first: int, end: int, scales: Scales, room: Room, lattice: Lattice
) -> Scales:
    """Return the scales of a piece, whose points are smoothed first where their errors have little in common.

    What is left of such errors is less, and shared by neighbours. What of an error lasts is not smoothed away: it is
    what the distances from roads tell beyond that, and never less than a vehicle is off the drawn line. The mean of
    both kinds over a long time keeps its variance, and that tells how long the errors last that are taken for both.
    """
    seen = scales_of(roads, track, first, end, scales, room)
    before = max(seen.sigma_m, told_sigma(track, first, end, room.sample))
    scatter = min(scatter_m(track, first, end, lattice.motion.sample), before)
    if scatter < LEAST_SCATTER * before:
        return seen
    left, every = smooth(track, first, end, scatter, lattice.motion.phase)
    still = min(seen_sigma(roads, track, first, end, scales.radius_m, room), before)
    lasting = max(before * before - scatter * scatter, still * still - left, LANE_M * LANE_M)
    lasting_s = (0.5 * scatter * scatter * every + lasting * scales.lasting_s) / (left + lasting)
    sigma = min(math.sqrt(left + lasting), before)
    least = min(sigma, seen.sigma_m)
    return Scales(least, seen.radius_m, seen.beta_m, seen.apart_sigmas, lasting_s, scatter, sigma / before)


@compiled
def told_sigma(track: Records, first: int, end: int, sample: Floats) -> float:
    """Return the median standard deviation (m, each axis) that the device tells of a sample of points, 0 if of none."""
    count = 0
    for point in range(first, end, (end - first + SAMPLE - 1) // SAMPLE):
        if not math.isnan(track[point].accuracy):
            insert(sample, count, track[point].accuracy / SIXTY_EIGHT)
            count += 1
    return sample[count // 2] if count else 0.0
