"""Points of many traces as they were read, made into rows of PROBE_POINT and TRACE_PIECE."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.probe import PROBE_POINT
from schemas.vocabulary import PointReason
from tasks.clean_trace import REASONS, Cleaned, CleanParams, clean_traces
from tasks.group_kernel import counted_order, counted_starts
from tasks.readers.probe_rows import reject_rows
from tasks.trace_piece import PieceParams, Points, trace_pieces

TASK = "clean_trace"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TraceRows(NamedTuple):
    """Points of traces, cleaned and cut; each point given is in `points` or counted in `dropped`."""

    points: pa.Table
    """Rows of PROBE_POINT, trace by trace in the order of time."""
    owner: Ints
    """For each of them the row of its piece."""
    pieces: pa.Table
    """Rows of TRACE_PIECE."""
    traces: int
    """Traces that points were kept of."""
    dropped: dict[PointReason, int]
    rejects: pa.Table
    """Rows of REJECT: the first points dropped for each reason."""


def trace_rows(
    rows: pa.Table, clean: CleanParams, cut: PieceParams, most: int, listed: Counter[PointReason]
) -> TraceRows:
    """Return points of whole traces cleaned and cut.

    Parameters
    ----------
    rows
        Rows of `tasks.readers.probe_format.POINT`, traces in any mixture, the points of each in the order of the file.
    most
        How many dropped points are listed for each reason.
    listed
        How many were listed by earlier calls; counted on.
    """
    ids = rows.column("trace_id").combine_chunks().dictionary_encode()
    codes = ids.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    starts = counted_starts(codes, len(ids.dictionary))
    order = counted_order(codes, starts)
    time = rows.column("time").cast(pa.int64()).to_numpy()[order]
    lon, lat = (rows.column(name).to_numpy()[order] for name in ("lon", "lat"))
    speed, heading, accuracy = (
        _floats(rows.column(name))[order] for name in ("speed_kmh", "heading_deg", "accuracy_m")
    )
    cleaned = clean_traces(starts=starts, time=time, lon=lon, lat=lat, speed=speed.astype(np.float64), params=clean)
    kept = cleaned.kept
    trace = codes[order][kept]
    points = Points(
        ids.dictionary.take(pa.array(trace)),
        _numbers(trace),
        cleaned.trip,
        time[kept],
        lon[kept],
        lat[kept],
        speed[kept],
        heading[kept],
        accuracy[kept],
        cleaned.is_trip_end,
    )
    pieces, owner = trace_pieces(points, cut)
    counts = np.bincount(cleaned.code, minlength=len(REASONS) + 1)[1:].tolist()
    dropped = {reason: count for reason, count in zip(REASONS, counts, strict=True) if count}
    names = ids.dictionary.take(pa.array(codes[order]))
    told = _rejects(cleaned, names, time, lon, lat, clean, most, listed)
    return TraceRows(_points(points), owner, pieces, len(np.unique(trace)), dropped, told)


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    """Return a column as numbers, NaN for null."""
    values: npt.NDArray[np.float32] = column.to_numpy()
    return values


def _numbers(trace: npt.NDArray[np.int32]) -> Ints:
    """Return the place of each point in its trace, from 0; the points of a trace stand together."""
    place = np.arange(len(trace))
    is_first = np.ones(len(trace), dtype=bool)
    is_first[1:] = trace[1:] != trace[:-1]
    numbers: Ints = place - np.maximum.accumulate(np.where(is_first, place, 0)) if len(trace) else place
    return numbers


def _points(points: Points) -> pa.Table:
    times = pa.array(points.time).cast(PROBE_POINT["time"].type)
    known = [pa.array(values, mask=np.isnan(values)) for values in (points.speed, points.heading, points.accuracy)]
    columns = [points.trace_id, pa.array(points.number, pa.int32()), times, pa.array(points.lon), pa.array(points.lat)]
    return pa.Table.from_arrays([*columns, *known], schema=PROBE_POINT.schema)


def _rejects(
    cleaned: Cleaned,
    names: pa.Array,
    time: Ints,
    lon: Floats,
    lat: Floats,
    clean: CleanParams,
    most: int,
    listed: Counter[PointReason],
) -> pa.Table:
    """Return the first points dropped for each reason as rows of REJECT."""
    words = _in_words(clean)
    told = []
    for number, reason in enumerate(REASONS, 1):
        for row in np.flatnonzero(cleaned.code == number)[: max(0, most - listed[reason])].tolist():
            moment = (EPOCH + timedelta(microseconds=int(time[row]))).isoformat()
            message = f"{lon[row]:.6f}, {lat[row]:.6f}: {words[reason]}"
            told.append((f"{names[row].as_py()}@{moment}", reason, message))
            listed[reason] += 1
    return reject_rows(told, TASK)


def _in_words(clean: CleanParams) -> dict[PointReason, str]:
    return {
        PointReason.CLOCK_STEP: "the clock told this time twice, expected times that ascend",
        PointReason.DUPLICATE: "another point of the trace has this time, expected one",
        PointReason.JUMP: f"farther from those around it than {clean.max_kmh:g} km/h and {clean.slack_m:g} m allow",
        PointReason.STOP: f"within {clean.stop_m:g} m of a place where the vehicle stood {clean.stop_s:g} s or longer",
        PointReason.LONELY: f"expected {clean.min_points} points or more between two gaps or jumps",
    }
