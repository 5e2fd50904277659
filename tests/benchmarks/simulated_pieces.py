"""Simulated probes as pieces of traces, one for each trace."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import BBOX
from schemas.geometry import BOX
from schemas.probe import TRACE_PIECE

LISTS = {
    "lons": ("lon", pa.float64()),
    "lats": ("lat", pa.float64()),
    "speeds": ("speed_kmh", pa.float32()),
    "headings": ("heading_deg", pa.float32()),
    "accuracies": ("accuracy_m", pa.float32()),
}
"""List columns of TRACE_PIECE by the columns of probes that they are made of; NaN for null."""


def whole_traces(probes: pa.Table) -> pa.Table:
    """Return TRACE_PIECE with one piece for each trace of probes that are sorted by trace and time."""
    runs = pc.run_end_encode(probes.column("trace_id").combine_chunks())
    traces, ends = runs.values, runs.run_ends.to_numpy().astype(np.int32)
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    counts = np.diff(offsets)
    zeros = np.zeros(len(counts), dtype=np.int32)
    times = probes.column("time").cast(pa.int64()).combine_chunks()
    columns = {
        "piece_id": pc.binary_join_element_wise(traces, "0", "#"),
        "trace_id": traces,
        BBOX: _boxes(probes, offsets[:-1]),
        "first": zeros,
        "own_from": zeros,
        "own_to": counts,
        "times": pa.ListArray.from_arrays(offsets, times),
        "trip_ends": pa.ListArray.from_arrays(offsets, pa.array(np.zeros(len(times), dtype=bool))),
    }
    for name, (column, kind) in LISTS.items():
        filled = pc.fill_null(probes.column(column).combine_chunks().cast(kind), float("nan"))
        columns[name] = pa.ListArray.from_arrays(offsets, filled)
    return TRACE_PIECE.conform(pa.table(columns))


def _boxes(probes: pa.Table, starts: np.ndarray) -> pa.StructArray:
    lon, lat = probes.column("lon").to_numpy(), probes.column("lat").to_numpy()
    sides = [how.reduceat(each, starts) for how in (np.minimum, np.maximum) for each in (lon, lat)]
    return pa.StructArray.from_arrays([pa.array(each) for each in sides], fields=list(BOX))
