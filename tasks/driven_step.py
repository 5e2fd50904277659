"""The routes of matched traces, step by step: rows of DRIVEN_STEP out of rows of MATCH."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.traversal import DRIVEN_STEP

STEPS_PER_POINT = 4096
"""Most steps that the way to one point may have and still be told apart by `order`."""

READ = ("trace_id", "number", "speed_kmh", "is_trip_end", "route")
"""Columns of MATCH that steps are made of."""


def driven_steps(matches: pa.Table) -> pa.Table:
    """Return one row for each step of each route, in the order of the points and of the way to each.

    The device's speed stands with the last step of the way to its point. A step counts as a trip's end if the point it
    leads to does.

    Raises
    ------
    ValueError
        If the way to a point has `STEPS_PER_POINT` steps or more.
    """
    routes = matches.column("route").combine_chunks()
    owners = pc.list_parent_indices(routes).to_numpy()
    steps = pc.list_flatten(routes)
    count = pc.list_value_length(routes).to_numpy(zero_copy_only=False)
    if count.max(initial=0) >= STEPS_PER_POINT:
        raise ValueError(f"a route of {count.max()} steps between two points, expected fewer than {STEPS_PER_POINT}")
    place = np.arange(len(owners)) - np.repeat(np.cumsum(count) - count, count)
    is_last = place == np.repeat(count, count) - 1
    numbers = matches.column("number").to_numpy().astype(np.int64)
    speeds = matches.column("speed_kmh").combine_chunks().take(pa.array(owners))
    columns = {name: steps.field(name) for name in ("segment_id", "heading", "from", "to", "enter", "leave")}
    columns |= {
        "trace_id": matches.column("trace_id").combine_chunks().take(pa.array(owners)),
        "order": pa.array(numbers[owners] * STEPS_PER_POINT + place),
        "speed_kmh": pc.if_else(pa.array(is_last), speeds, pa.scalar(None, pa.float32())),
        "is_trip_end": matches.column("is_trip_end").combine_chunks().take(pa.array(owners)),
    }
    return pa.Table.from_arrays([columns[name] for name in DRIVEN_STEP.names], schema=DRIVEN_STEP.schema)
