"""A drive along a way: where the vehicle is at any moment, with corners, stops and limits of acceleration."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled
from tasks.simulate_network import Network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FASTER, SLOWER = 1.5, 2.0
"""Acceleration and braking (m/s²): what drivers find comfortable."""
ASIDE = 2.0
"""Acceleration across the vehicle that is not passed in corners (m/s²)."""
CREEP_MS = 2.5
"""Speed at which any corner can be taken."""


class Track(NamedTuple):
    """The line of a way, vertex by vertex; legs lie between them."""

    lon: Floats
    lat: Floats
    fraction: Floats
    """Of the segment of the leg that ends at the vertex; of the first leg's at the first."""
    metres: Floats
    """Of each leg; one fewer than vertices."""
    azimuth: Floats
    """Of each leg, clockwise from north (°)."""
    edge: Ints
    """Place in the way of the edge that each leg lies on."""
    start: Floats
    """Fraction at which each leg begins."""
    halt: Ints
    """Vertex of each edge of the way at which vehicles stand before its end."""


class Motion(NamedTuple):
    """Speed (m/s) and time (s since departure) at each vertex, and the highest speed on each leg."""

    speed: Floats
    peak: Floats
    arrive: Floats
    depart: Floats
    """Later than `arrive` where the vehicle stands."""


class Seen(NamedTuple):
    """Where the vehicle is at given moments: leg, share of it behind the vehicle, and speed (m/s)."""

    leg: Ints
    share: Floats
    speed: Floats


def track(network: Network, way: Ints, halts: Floats, *, first: float, last: float) -> Track:
    """Return the line of a way.

    Parameters
    ----------
    halts
        Share of each edge at which there is a vertex for the vehicle to stand at; 1 for its end.
    first, last
        Shares of the first and of the last edge at which the way begins and ends.

    Raises
    ------
    ValueError
        If the way has one edge alone and would end before it begins.
    """
    if len(way) == 1 and last < first:
        raise ValueError(f"a way of one edge begins at {first:g} of it and ends at {last:g}, expected not before")
    low, high, part = _parts(halts, first, last)
    begin, span = network.edges.begin[way[part]], (network.edges.end - network.edges.begin)[way[part]]
    lines, segment = network.lines, network.edges.segment[way[part]]
    end = np.where(high == 1, network.edges.end[way[part]], begin + high * span)
    vertices = _vertices(lines.lon, lines.lat, lines.along, lines.starts, segment, begin + low * span, end)
    lon, lat, fraction, start, leg_part = vertices
    east = (lon[1:] - lon[:-1]) * np.cos(np.radians((lat[1:] + lat[:-1]) / 2))
    azimuth = np.degrees(np.arctan2(east, lat[1:] - lat[:-1])) % 360
    metres = np.abs(fraction[1:] - start[1:]) * network.length_m[segment[leg_part[1:]]]
    edge = part[leg_part[1:]]
    halt = np.searchsorted(leg_part[1:], np.searchsorted(part, np.arange(len(way))), side="right")
    return Track(lon, lat, fraction, metres, azimuth, edge, start[1:], halt)


def _parts(halts: Floats, first: float, last: float) -> tuple[Floats, Floats, Ints]:
    """Return the parts of edges between halts: where each begins and ends, as shares, and the place of its edge."""
    halts = halts.copy()
    halts[0] = max(halts[0], first)
    is_cut = halts < 1
    is_cut[-1] &= halts[-1] < last
    part = np.repeat(np.arange(len(halts)), 1 + is_cut)
    is_second = np.zeros(len(part), dtype=bool)
    is_second[1:] = part[1:] == part[:-1]
    low = np.where(is_second, halts[part], 0.0)
    high = np.where(~is_second & is_cut[part], halts[part], 1.0)
    low[0], high[-1] = first, last
    return low, high, part


@compiled
def _vertices(
    lon: Floats, lat: Floats, along: Floats, starts: Ints, segments: Ints, begins: Floats, ends: Floats
) -> tuple[Floats, Floats, Floats, Floats, Ints]:
    """Return for each vertex its place, fraction, the fraction where its leg began, and the place in the way."""
    most = 1 + len(segments)
    for segment in segments:
        most += starts[segment + 1] - starts[segment]
    x, y, here, was = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    edge = np.zeros(most, dtype=np.int64)
    count = 0
    for place in range(len(segments)):
        low, high = starts[segments[place]], starts[segments[place] + 1]
        begin, end = begins[place], ends[place]
        if place == 0:
            x[0], y[0] = _at(lon[low:high], lat[low:high], along[low:high], begin)
            here[0] = was[0] = begin
            count = 1
        before = begin
        is_forward = begin <= end
        for step in range(high - low + 1):
            vertex = low + step if is_forward else high - 1 - step
            fraction = end
            if step < high - low:
                fraction = along[vertex]
                if (fraction - begin) * (end - fraction) <= 0.0 or fraction == before:
                    continue
                x[count], y[count] = lon[vertex], lat[vertex]
            elif before == end and begin != end:
                continue
            else:
                x[count], y[count] = _at(lon[low:high], lat[low:high], along[low:high], end)
            here[count], was[count], edge[count] = fraction, before, place
            before = fraction
            count += 1
    return x[:count], y[:count], here[:count], was[:count], edge[:count]


@compiled
def _at(lon: Floats, lat: Floats, along: Floats, fraction: float) -> tuple[float, float]:
    """Return the place at a fraction of one line."""
    high = min(max(int(np.searchsorted(along, fraction)), 1), len(along) - 1)
    low = high - 1
    span = along[high] - along[low]
    share = (fraction - along[low]) / span if span > 0 else 0.0
    return lon[low] + share * (lon[high] - lon[low]), lat[low] + share * (lat[high] - lat[low])


@compiled
def drive(metres: Floats, azimuth: Floats, wanted: Floats, waits: Floats) -> Motion:
    """Return how a vehicle drives legs one after the other, from standing to standing, as fast as it wants and can.

    Corners slow it: a turn is driven on an arc that begins at most some metres before the vertex, fewer where the turn
    is sharp.

    Parameters
    ----------
    metres, azimuth, wanted
        Length, heading (°) and highest speed (m/s) of each leg; shape (n,).
    waits
        Seconds to stand at each vertex; shape (n + 1,). The vehicle does not stop where they are 0.
    """
    count = len(metres)
    speed = _corners(metres, azimuth, wanted)
    speed[0] = speed[count] = 0.0
    for vertex in range(count + 1):
        if waits[vertex] > 0:
            speed[vertex] = 0.0
    for leg in range(count):
        speed[leg + 1] = min(speed[leg + 1], math.sqrt(speed[leg] ** 2 + 2 * FASTER * metres[leg]))
    for leg in range(count - 1, -1, -1):
        speed[leg] = min(speed[leg], math.sqrt(speed[leg + 1] ** 2 + 2 * SLOWER * metres[leg]))
    peak = np.empty(count)
    arrive, depart = np.zeros(count + 1), np.zeros(count + 1)
    for leg in range(count):
        slow, fast = speed[leg], speed[leg + 1]
        top = (2 * FASTER * SLOWER * metres[leg] + SLOWER * slow**2 + FASTER * fast**2) / (FASTER + SLOWER)
        peak[leg] = max(min(math.sqrt(top), wanted[leg]), slow, fast)
        taken = 0.0
        if metres[leg] > 0:
            up, down = peak[leg] ** 2 - slow**2, peak[leg] ** 2 - fast**2
            even = max(metres[leg] - up / (2 * FASTER) - down / (2 * SLOWER), 0.0)
            taken = (peak[leg] - slow) / FASTER + (peak[leg] - fast) / SLOWER + even / peak[leg]
        arrive[leg + 1] = depart[leg] + taken
        depart[leg + 1] = arrive[leg + 1] + waits[leg + 1]
    return Motion(speed, peak, arrive, depart)


@compiled
def _corners(metres: Floats, azimuth: Floats, wanted: Floats) -> Floats:
    """Return the highest speed at each vertex."""
    count = len(metres)
    speed = np.zeros(count + 1)
    before = -1
    for leg in range(count):
        if metres[leg] <= 0.0:
            continue
        if before >= 0:
            turn = abs((azimuth[leg] - azimuth[before] + 180.0) % 360.0 - 180.0)
            cut = min(min(metres[leg], metres[before]), max(20.0, 120.0 - 100.0 * turn / 90.0))
            tangent = math.tan(math.radians(min(turn, 178.0)) / 2)
            limit = max(math.sqrt(ASIDE * cut / max(2 * tangent, 1e-6)), CREEP_MS)
            for vertex in range(before + 1, leg + 1):
                speed[vertex] = min(limit, min(wanted[before], wanted[leg]))
        before = leg
    return speed


@compiled
def seen(metres: Floats, motion: Motion, moments: Floats) -> Seen:
    """Return where the vehicle is at rising moments (s since departure), from 0 to the end of the drive."""
    legs = np.empty(len(moments), dtype=np.int64)
    shares, speeds = np.empty(len(moments)), np.empty(len(moments))
    leg, last = 0, len(metres) - 1
    for number in range(len(moments)):
        while leg < last and moments[number] >= motion.depart[leg + 1]:
            leg += 1
        legs[number] = leg
        if moments[number] >= motion.arrive[leg + 1]:
            shares[number], speeds[number] = 1.0, motion.speed[leg + 1]
        else:
            driven, speeds[number] = _within(
                moments[number] - motion.depart[leg], motion.speed[leg], motion.peak[leg], motion.speed[leg + 1],
                motion.arrive[leg + 1] - motion.depart[leg], metres[leg],
            )  # fmt: skip
            shares[number] = min(max(driven / metres[leg], 0.0), 1.0)
    return Seen(legs, shares, speeds)


@compiled
def _within(moment: float, slow: float, peak: float, fast: float, taken: float, metres: float) -> tuple[float, float]:
    """Return metres driven and speed some seconds into a leg that takes `taken` seconds."""
    rising, falling = (peak - slow) / FASTER, (peak - fast) / SLOWER
    if moment < rising:
        return moment * (slow + FASTER * moment / 2), slow + FASTER * moment
    if moment > taken - falling:
        left = taken - moment
        return metres - left * (fast + SLOWER * left / 2), fast + SLOWER * left
    return rising * (slow + peak) / 2 + (moment - rising) * peak, peak
