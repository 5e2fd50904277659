"""Simulated drives for matchers that are compared: roads that all of them hold open to cars, and the truth by edge."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from tasks.simulate_probes import Simulated, SimulationParams, simulate_probes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

METRES_PER_DEGREE = 111_320.0
DRIVEN = ("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential")
"""Classes that are driven: those that every matcher holds open to cars."""
CLOSED = {"no", "private", "delivery", "customers", "agricultural", "forestry", "permit", "destination", "bus", "psv"}
"""Values of access under which Valhalla closes a road, or asks a price for it."""
SPACED_S = 0.5
"""Sampling out of which points at even spacing are taken."""
CLEAR_M = 1.0
MICROSECONDS = 1e6


class Edges(NamedTuple):
    """Directed edges, two for each segment: 2 × row forward, 2 × row + 1 backward."""

    source: Ints
    target: Ints
    metres: Floats
    is_open: Flags
    """Whether it may be driven at all."""
    lines: list[Floats]
    """Vertices (lon, lat) of each segment."""


class Points(NamedTuple):
    """Points of all traces, by trace and time, and where they truly were."""

    trace: Ints
    time_s: Floats
    lon: Floats
    lat: Floats
    edge: Ints
    """Directed edge; -1 where nobody knows."""
    is_clear: Flags
    """Whether the place is clear of the ends of its segment: a vehicle that waits at a junction is on several ways."""

    def only(self, which: Flags | slice) -> "Points":
        """Return some of the points."""
        return Points(
            self.trace[which],
            self.time_s[which],
            self.lon[which],
            self.lat[which],
            self.edge[which],
            self.is_clear[which],
        )


class Steps(NamedTuple):
    """Stretches of paths: from `low` to `high`, fractions of the segment in drawing order, on a directed edge.

    Edges below 0 are ways that the road table lacks.
    """

    trace: Ints
    edge: Ints
    low: Floats
    high: Floats
    metres: Floats
    """Length of the whole segment."""


def directed_edges(roads: pa.Table) -> Edges:
    """Return the directed edges of a road table whose segments meet only at their ends, as those of OSM do."""
    connectors = pc.list_flatten(roads["connectors"]).combine_chunks()
    names = pc.struct_field(connectors, "connector_id").dictionary_encode().indices.to_numpy()
    counts = pc.list_value_length(roads["connectors"]).to_numpy()
    last = np.cumsum(counts) - 1
    ends = np.column_stack([names[last - counts + 1], names[last]]).astype(np.int64)
    one_way = roads["one_way"].to_numpy(zero_copy_only=False)
    is_open = np.column_stack([one_way != "backward", one_way != "forward"])
    shapes = shapely.from_wkb(roads["geometry"].to_numpy())
    lines = [shapely.get_coordinates(shape) for shape in shapes]
    return Edges(
        ends.ravel(), ends[:, ::-1].ravel(), np.repeat(roads["length_m"].to_numpy(), 2), is_open.ravel(), lines
    )


def driven_roads(roads: pa.Table) -> pa.Table:
    """Return the segments that drives may use: of a class that is driven, and closed to nobody by their tags."""
    keys = ("access", "vehicle", "motor_vehicle", "motorcar")
    closed = [any(key in keys and value in CLOSED for key, value in tags) for tags in roads["tags"].to_pylist()]
    is_driven = np.isin(roads["class"].to_numpy(zero_copy_only=False), DRIVEN)
    is_steady = roads["one_way"].to_numpy(zero_copy_only=False) != "reversible"
    return roads.filter(pa.array(is_driven & is_steady & ~np.array(closed, dtype=bool)))


def drives(roads: pa.Table, edges: Edges, params: SimulationParams) -> tuple[Points, Steps]:
    """Return simulated points and the true ways, on edges of `roads`."""
    made = simulate_probes(driven_roads(roads), params)
    row = _rows(roads, made.points["segment_id"])
    points = _points(made, edges, 2 * row + _is_back(made.points))
    routes = made.routes
    row, is_back = _rows(roads, routes["segment_id"]), _is_back(routes)
    enter, leave = (routes[name].to_numpy() for name in ("enter_fraction", "leave_fraction"))
    trace = _numbers(routes["trace_id"], made.probes["trace_id"])
    edge = 2 * row + is_back
    return points, Steps(trace, edge, np.minimum(enter, leave), np.maximum(enter, leave), edges.metres[edge])


def spaced_drives(roads: pa.Table, edges: Edges, params: SimulationParams, spacing_m: float) -> Points:
    """Return points of drives every `spacing_m` of the way, to within what is driven in half a second."""
    made = simulate_probes(driven_roads(roads), replace(params, sampling_s=SPACED_S))
    points = _points(made, edges, 2 * _rows(roads, made.points["segment_id"]) + _is_back(made.points))
    metres = np.cumsum(made.points["speed_kmh"].to_numpy() / 3.6 * SPACED_S)
    is_kept = (np.diff(metres // spacing_m, prepend=-1) > 0) | (np.diff(points.trace, prepend=-1) > 0)
    return points.only(is_kept)


def _points(made: Simulated, edges: Edges, edge: Ints) -> Points:
    """Return the columns of simulated points; traces are numbered in their order."""
    probes = made.probes
    time_s = probes["time"].cast(pa.int64()).to_numpy() / MICROSECONDS
    lon, lat = (probes[name].to_numpy() for name in ("lon", "lat"))
    at = made.points["fraction"].to_numpy()
    is_clear = np.minimum(at, 1 - at) * edges.metres[edge] >= CLEAR_M
    return Points(_numbers(probes["trace_id"], probes["trace_id"]), time_s, lon, lat, edge, is_clear)


def _numbers(names: pa.ChunkedArray, all_names: pa.ChunkedArray) -> Ints:
    """Return the place of each name among the distinct ones of `all_names`."""
    numbers: Ints = pc.index_in(names, pc.unique(all_names)).to_numpy().astype(np.int64)
    return numbers


def _rows(roads: pa.Table, segment_ids: pa.ChunkedArray) -> Ints:
    """Return the row of each segment."""
    rows: Ints = pc.index_in(segment_ids, roads["segment_id"].combine_chunks()).to_numpy().astype(np.int64)
    return rows


def _is_back(table: pa.Table) -> Flags:
    """Return which rows are driven against drawing direction."""
    flags: Flags = pc.equal(table["heading"], "backward").to_numpy(zero_copy_only=False)
    return flags
