"""Seeded drives over a road table, as GPS receivers see them, with the truth beside them.

For tests, benchmarks and to size a cluster; never the only proof of accuracy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.probe import TIME
from schemas.vocabulary import Heading
from tasks.simulate_departure import SECOND_US, departure_h, utc_us
from tasks.simulate_drive import Motion, Seen, Track, drive, seen, track
from tasks.simulate_network import Network, drive_network, is_through
from tasks.simulate_receiver import Reception, device, errors_m, kept, reception, shifted
from tasks.simulate_route import OPINIONS, Reach, Scratch, find_way, scratch
from tasks.simulate_traffic import Traffic, delay, traffic

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TRIES = 50
"""Places of departure that are tried for one drive."""
SLOWEST = 0.15
"""Share of the free speed that is left in the worst congestion."""
RED_SHARE, RED_SECONDS = 0.4, (2.0, 45.0)
"""How often lights are red, and how long one then stands."""
YIELD_SHARE, YIELD_SECONDS = 0.3, (0.5, 8.0)
"""How often one stands before a larger road, and how long."""
LINE_M, QUEUE_M = (5.0, 12.0), 40.0
"""How far before the middle of a junction one stands, and how much farther at lights, behind others."""
SHYNESS = 5.0
"""How many times longer a road seems on which only those may drive who have business there."""
BATCH_POINTS = 500_000
"""Points after which drives are handed over: about 200 MB."""


class SimulationError(ValueError):
    """Drives that cannot be made of these roads, or parameters that mean nothing; the message says which."""


@dataclass(frozen=True)
class SimulationParams:
    """How many drives, how long, how they are seen.

    Examples
    --------
    >>> SimulationParams(sampling_s=0.0)
    Traceback (most recent call last):
        ...
    tasks.simulate_probes.SimulationError: sampling_s=0.0, expected 0.01 or more
    """

    seed: int = 1
    trips: int = 100
    points: int | None = None
    """If given, drives are added until there are as many points, and `trips` counts for nothing."""
    min_length_m: float = 2_000.0
    max_length_m: float = 15_000.0
    """Lengths of drives, even in their logarithm; a small network makes them shorter."""
    sampling_s: float = 1.0
    sampling_to_s: float | None = None
    """If given, each drive has an interval of its own, from `sampling_s` to this, even in its logarithm."""
    noise_m: float = 5.0
    """Standard deviation of the error in each axis."""
    correlation_s: float = 10.0
    """Time over which an error falls to 1/e of itself; 0 makes each point's error its own."""
    canyon: float = 1.0
    """How many times worse reception is where streets are dense; there it is also off to one side."""
    outage_share: float = 0.0
    outage_s: float = 20.0
    """Share of the time in which nothing is heard, and how long that lasts on average."""
    device_share: float = 1.0
    """Share of the drives whose device gives speed, heading and accuracy."""
    driver_sigma: float = 0.1
    """Spread of drivers about the usual speed: standard deviation of the logarithm."""
    opinion_sigma: float = 0.25
    """How much drivers' ideas of what a road takes differ from the truth: standard deviation of the logarithm."""
    congestion: float = 0.5
    """Share of its free speed that the most crowded kind of road loses in the middle of a rush hour."""
    days: float = 7.0
    """Drives begin within as many days from Monday, 2026-03-02."""
    utc_offset_h: float | None = None
    """Local clocks less UTC; those of the time zone where a drive begins if not given."""

    def __post_init__(self) -> None:
        for each in fields(self):
            given = getattr(self, each.name)
            self._check(each.name, "a finite number", given is None or abs(given) != math.inf)
        for name in ("trips", "points", "min_length_m", "outage_s", "days"):
            self._check(name, "more than 0", getattr(self, name) is None or getattr(self, name) > 0)
        self._check("sampling_s", "0.01 or more", self.sampling_s >= 0.01)
        for name in ("seed", "noise_m", "correlation_s", "driver_sigma", "opinion_sigma"):
            self._check(name, "0 or more", getattr(self, name) >= 0)
        for name, most in (("outage_share", 0.95), ("device_share", 1.0), ("congestion", 1.0)):
            self._check(name, f"a share from 0 to {most:g}", 0 <= getattr(self, name) <= most)
        self._check("canyon", "1 or more", self.canyon >= 1)
        self._check("max_length_m", f"min_length_m={self.min_length_m} or more", self.max_length_m >= self.min_length_m)
        is_range = self.sampling_to_s is None or self.sampling_to_s >= self.sampling_s
        self._check("sampling_to_s", f"sampling_s={self.sampling_s} or more", is_range)
        is_clock = self.utc_offset_h is None or -14 <= self.utc_offset_h <= 14
        self._check("utc_offset_h", "from -14 to 14", is_clock)

    def _check(self, name: str, expected: str, is_sound: bool) -> None:
        if not is_sound:
            raise SimulationError(f"{name}={getattr(self, name)}, expected {expected}")


class Simulated(NamedTuple):
    """Probes and the truth, by trace and time."""

    probes: pa.Table
    """As a fleet would send them: trace_id, time, lon, lat, speed_kmh, heading_deg, accuracy_m."""
    points: pa.Table
    """Truth of each probe: trace_id, number, time, lon, lat, segment_id, fraction, heading, speed_kmh."""
    routes: pa.Table
    """Truth of the way, from the first probe of a trace to its last; a row for each segment passed, as in TRAVERSAL:
    trace_id, sequence, segment_id, heading, enter, leave, enter_fraction, leave_fraction."""


class Place(NamedTuple):
    """All that drives share."""

    network: Network
    traffic: Traffic
    reception: Reception
    seconds: Floats
    """That each edge seems to take with no one else about, lights and larger roads with it."""
    origins: Ints
    chances: Floats
    """Of `origins` and those before."""
    room: Scratch


class Driven(NamedTuple):
    """One drive as columns of numbers; `points` belong to probes, `steps` to segments passed."""

    points: dict[str, npt.NDArray[np.generic]]
    steps: dict[str, npt.NDArray[np.generic]]


def simulate_probes(roads: pa.Table, params: SimulationParams, limits: Floats | None = None) -> Simulated:
    """Return drives over ROAD_SEGMENT as receivers see them, and the truth; the same for the same seed and roads.

    A drive is the same however many others there are.

    Parameters
    ----------
    limits
        Speed limits (km/h) forward and backward that drivers know; shape (n, 2), inf for unlimited, NaN where there is
        none. Without it they are those that the roads' tags or rules state; where none is, the class tells.

    Raises
    ------
    SimulationError
        If there are no roads, or none that connect over `min_length_m`.
    """
    parts = list(simulated_parts(roads, params, limits))
    probes, points, routes = (pa.concat_tables(each).combine_chunks() for each in zip(*parts, strict=True))
    return Simulated(probes, points, routes)


def simulated_parts(roads: pa.Table, params: SimulationParams, limits: Floats | None = None) -> Iterator[Simulated]:
    """Yield the drives of `simulate_probes` in parts of whole drives and about `BATCH_POINTS` points.

    Memory is bounded by a part and the roads, however many drives there are.

    Raises
    ------
    SimulationError
        As `simulate_probes` does, with the first part.
    """
    if not roads.num_rows:
        raise SimulationError("no roads to drive on: expected a road table with at least one segment")
    place = _place(roads, params, limits)
    first, points, drives = 0, 0, list[Driven]()
    for driven in _drives(place, params):
        drives.append(driven)
        points += len(driven.points["time"])
        if points >= BATCH_POINTS:
            yield _tables(drives, first, place.network)
            first, points, drives = first + len(drives), 0, []
    if drives:
        yield _tables(drives, first, place.network)


def _place(roads: pa.Table, params: SimulationParams, limits: Floats | None) -> Place:
    rng = np.random.default_rng((params.seed, 0))
    network = drive_network(roads)
    if not network.is_origin.any():
        raise SimulationError("no road is open to cars between two connectors: nothing to drive on")
    told = traffic(network, roads, rng, limits)
    stands = np.where(told.has_signal, RED_SHARE * np.mean(RED_SECONDS), 0.0)
    stands += np.where(told.gives_way, YIELD_SHARE * np.mean(YIELD_SECONDS), 0.0)
    shyness = np.where(is_through(roads.column("tags")), 1.0, SHYNESS)[network.edges.segment]
    seconds = 3.6 * network.edges.metres / told.free_kmh * shyness + stands
    origins = np.flatnonzero(network.is_origin & told.is_end)
    chances = np.cumsum(network.edges.metres[origins] + 1e-9)
    heard = reception(network, roads, params.canyon, rng)
    room = scratch(len(seconds))
    return Place(network, told, heard, seconds, origins, chances / chances[-1], room)


def _drives(place: Place, params: SimulationParams) -> Iterator[Driven]:
    points = trip = 0
    while trip < params.trips if params.points is None else points < params.points:
        driven = _driven(place, params, trip)
        points += max(len(driven.points["time"]), 1)
        trip += 1
        yield driven


def _driven(place: Place, params: SimulationParams, trip: int) -> Driven:
    """Return one drive: the way, the motion on it, and what is seen of it."""
    rng = np.random.default_rng((params.seed, 1, trip))
    departure = departure_h(params.days, rng)
    way = _way(place, params, trip, rng)
    line = _line(place, way, rng)
    motion = _motion(place, params, way, line, departure, rng)
    every = _log_even(params.sampling_s, params.sampling_to_s or params.sampling_s, rng)
    moments = np.arange(0.0, motion.arrive[-1], every)
    moments = moments[kept(moments, params.outage_share, params.outage_s, rng)]
    under = place.reception.is_deaf[place.network.edges.segment[way[line.edge[seen(line.metres, motion, moments).leg]]]]
    moments = moments[~under]
    where = seen(line.metres, motion, moments)
    start_us = utc_us(departure, line.lon[0], line.lat[0], params.utc_offset_h)
    points = _points(place, params, way, line, where, moments, rng)
    points |= {"trip": np.full(len(moments), trip), "time": start_us + np.rint(moments * SECOND_US).astype(np.int64)}
    steps = _steps(place.network, way, line, motion, where, moments)
    steps |= {"trip": np.full(len(steps["segment"]), trip)}
    for name in ("enter", "leave"):
        steps[name] = start_us + np.rint(steps[name] * SECOND_US).astype(np.int64)
    return Driven(points, steps)


def _log_even(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if high > low else low


def _way(place: Place, params: SimulationParams, trip: int, rng: np.random.Generator) -> Ints:
    opinion = np.exp(params.opinion_sigma * rng.standard_normal(OPINIONS))
    for attempt in range(TRIES):
        wanted = _log_even(params.min_length_m, params.max_length_m, rng)
        origin = int(place.origins[np.searchsorted(place.chances, rng.random())])
        reach = Reach(params.min_length_m, wanted, 1.5 * params.max_length_m)
        way = find_way(
            place.network, place.seconds, opinion, origin=origin, is_end=place.traffic.is_end, reach=reach,
            extra=rng.random(), room=place.room, number=trip * TRIES + attempt + 1,
        )  # fmt: skip
        if len(way):
            return way
    raise SimulationError(
        f"no drive of {params.min_length_m:g} m or more from {TRIES} places: expected longer roads that connect, or a"
        " smaller min_length_m"
    )


def _line(place: Place, way: Ints, rng: np.random.Generator) -> Track:
    """Return the line of the way from somewhere on its first edge to somewhere on its last."""
    first, last = rng.random(2)
    if len(way) == 1:
        first, last = min(first, last), max(first, last)
    metres = np.maximum(place.network.edges.metres[way], 1e-9)
    before = np.minimum(
        rng.uniform(*LINE_M, len(way)) + place.traffic.has_signal[way] * rng.uniform(0, QUEUE_M), metres / 2
    )
    stands = place.traffic.has_signal[way] | place.traffic.gives_way[way]
    return track(place.network, way, np.where(stands, 1 - before / metres, 1.0), first=first, last=last)


def _motion(
    place: Place, params: SimulationParams, way: Ints, line: Track, departure: float, rng: np.random.Generator
) -> Motion:
    usual = place.traffic.free_kmh[way] * np.exp(params.driver_sigma * rng.standard_normal())
    slowing = 1 - params.congestion * delay(departure) * place.traffic.crowding[way]
    wanted = (usual * np.maximum(slowing, SLOWEST) / 3.6)[line.edge]
    waits = np.zeros(len(line.lon))
    chance, red, yielding = rng.random((3, len(way)))
    is_red = place.traffic.has_signal[way] & (chance < RED_SHARE)
    gives_way = place.traffic.gives_way[way] & (chance < YIELD_SHARE)
    stands = np.where(is_red, RED_SECONDS[0] + red * np.ptp(RED_SECONDS), 0.0)
    stands += np.where(gives_way, YIELD_SECONDS[0] + yielding * np.ptp(YIELD_SECONDS), 0.0)
    waits[line.halt[:-1]] = stands[:-1]
    return drive(line.metres, line.azimuth, wanted, waits)


def _points(
    place: Place, params: SimulationParams, way: Ints, line: Track, where: Seen, moments: Floats,
    rng: np.random.Generator,
) -> dict[str, npt.NDArray[np.generic]]:  # fmt: skip
    """Return the columns of probes and of their truth."""
    leg, share = where.leg, where.share
    edge = way[line.edge[leg]]
    segment = place.network.edges.segment[edge]
    true_lon = line.lon[leg] + share * (line.lon[leg + 1] - line.lon[leg])
    true_lat = line.lat[leg] + share * (line.lat[leg + 1] - line.lat[leg])
    sigma = params.noise_m * place.reception.factor[segment]
    bias = params.noise_m * place.reception.bias[segment]
    errors = errors_m(moments, sigma, bias, params.correlation_s, rng.standard_normal((len(moments), 2)))
    lon, lat = shifted(true_lon, true_lat, errors)
    told = device(where.speed, line.azimuth[leg], sigma, rng)
    has_device = rng.random() < params.device_share
    return {
        "lon": np.round(lon, 7),
        "lat": np.round(lat, 7),
        **{name: values if has_device else np.full(len(values), np.nan) for name, values in told._asdict().items()},
        "true_lon": true_lon,
        "true_lat": true_lat,
        "segment": segment,
        "fraction": line.start[leg] + share * (line.fraction[leg + 1] - line.start[leg]),
        "is_forward": place.network.edges.is_forward[edge],
        "true_kmh": 3.6 * where.speed,
    }


def _steps(
    network: Network, way: Ints, line: Track, motion: Motion, where: Seen, moments: Floats
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the columns of the true way between the first and the last moment; edges of one segment as one."""
    if not len(moments):
        return dict.fromkeys(STEP_COLUMNS, np.empty(0, dtype=np.int64))
    edges = network.edges
    bounds = np.concatenate([[0], np.searchsorted(line.edge, np.arange(len(way)), side="right")])
    first, last = line.edge[where.leg[0]], line.edge[where.leg[-1]]
    driven = slice(first, last + 1)
    enter, leave = motion.depart[bounds[:-1]][driven], motion.depart[bounds[1:]][driven]
    begin, end = edges.begin[way][driven], edges.end[way][driven]
    places = line.start[where.leg] + where.share * (line.fraction[where.leg + 1] - line.start[where.leg])
    enter[0], leave[-1], begin[0], end[-1] = moments[0], moments[-1], places[0], places[-1]
    segment, forward = edges.segment[way][driven], edges.is_forward[way][driven]
    is_new = np.ones(len(segment), dtype=bool)
    is_new[1:] = (segment[1:] != segment[:-1]) | (forward[1:] != forward[:-1])
    rows = np.flatnonzero(is_new)
    stops = np.append(rows[1:], len(segment)) - 1
    columns = (segment[rows], forward[rows], enter[rows], leave[stops], begin[rows], end[stops], np.arange(len(rows)))
    return dict(zip(STEP_COLUMNS, columns, strict=True))


STEP_COLUMNS = ("segment", "is_forward", "enter", "leave", "enter_fraction", "leave_fraction", "sequence")
HEADINGS = pa.array([Heading.BACKWARD.value, Heading.FORWARD.value])


def _tables(drives: list[Driven], first: int, network: Network) -> Simulated:
    """Return drives, the first of which has the number `first`, as tables."""
    point = _joined([each.points for each in drives])
    step = _joined([each.steps for each in drives])
    traces = pa.array([f"t{first + number:06}" for number in range(len(drives))])
    counts = np.array([len(each.points["time"]) for each in drives])
    number = np.arange(len(point["trip"])) - np.repeat(np.cumsum(counts) - counts, counts)
    of_point, of_step = (traces.take(pa.array(each["trip"] - first)) for each in (point, step))
    key = {"trace_id": of_point, "time": pa.array(point["time"]).cast(TIME)}
    seen_by = {"lon": point["lon"], "lat": point["lat"]} | {name: _single(point[name]) for name in DEVICE}
    truth = {"number": pa.array(number, pa.int32()), "lon": point["true_lon"], "lat": point["true_lat"]}
    truth |= _on(point, network) | {"fraction": point["fraction"], "speed_kmh": _single(point["true_kmh"])}
    routes = {"trace_id": of_step, "sequence": step["sequence"]} | _on(step, network)
    routes |= {name: pa.array(step[name]).cast(TIME) for name in ("enter", "leave")}
    routes |= {name: pa.array(step[name], pa.float64()) for name in ("enter_fraction", "leave_fraction")}
    return Simulated(pa.table(key | seen_by), pa.table(key | truth), pa.table(routes))


DEVICE = ("speed_kmh", "heading_deg", "accuracy_m")


def _joined(parts: list[dict[str, npt.NDArray[np.generic]]]) -> dict[str, npt.NDArray[np.generic]]:
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


def _single(values: npt.NDArray[np.generic]) -> pa.Array:
    """Return numbers as float32, NaN as null."""
    return pa.array(values, pa.float64(), from_pandas=True).cast(pa.float32())


def _on(columns: dict[str, npt.NDArray[np.generic]], network: Network) -> dict[str, pa.Array]:
    return {
        "segment_id": network.segment_id.take(pa.array(columns["segment"])),
        "heading": HEADINGS.take(pa.array(columns["is_forward"].astype(np.int64))),
    }
