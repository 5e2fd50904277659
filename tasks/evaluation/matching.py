"""How right matched routes and points are, against drives whose way is known."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import Heading

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WAY = r"^(w-?[0-9]+):.*$"
"""Segment ids of OSM: what stands before the colon is the way, which its segments share."""


class Mismatch(NamedTuple):
    """Metres of each trace's true route, and those that the matched route lacks and has too many."""

    trace_id: list[str]
    true_m: Floats
    subtracted_m: Floats
    added_m: Floats

    @property
    def fraction(self) -> float:
        """Newson and Krumm's route mismatch fraction over all traces: (subtracted + added) / true."""
        return _ratio(float(self.subtracted_m.sum() + self.added_m.sum()), float(self.true_m.sum()))

    @property
    def by_trace(self) -> Floats:
        """The same of each trace; NaN where the true route has no length."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shares: Floats = np.where(self.true_m > 0, (self.subtracted_m + self.added_m) / self.true_m, np.nan)
        return shares


class RouteMismatch(NamedTuple):
    """Mismatch where a segment driven the wrong way is wrong, and where it is right."""

    directed: Mismatch
    undirected: Mismatch


class PointAccuracy(NamedTuple):
    """Shares of all true points; a point without a match counts as wrong."""

    points: int
    unmatched: float
    segment: float
    segment_and_heading: float
    way: float
    """On the true way of OSM, whichever of its segments; other ids are ways of their own."""


def route_mismatch(truth: pa.Table, matched: pa.Table, roads: pa.Table) -> RouteMismatch:
    """Return how far matched routes are from the true ones.

    A stretch that was driven twice and is matched once counts as subtracted once. Traces that the truth does not know
    are left out; a true trace without a matched route is subtracted whole.

    Parameters
    ----------
    truth, matched
        Rows `trace_id`, `segment_id`, `heading`, `enter_fraction`, `leave_fraction`, in any order: TRAVERSAL, or
        `matched_routes` of MATCH.
    roads
        `segment_id` and `length_m` of all segments that either names.

    Raises
    ------
    ValueError
        If a route names a segment that `roads` lacks.

    References
    ----------
    P. Newson, J. Krumm, Hidden Markov map matching through noise and sparseness, ACM SIGSPATIAL GIS 2009, section 5.2:
    the length erroneously subtracted and that erroneously added, over the length of the correct route.
    """
    traces = pc.unique(truth.column("trace_id")).sort()
    true, found = (_stretches(each, traces, roads) for each in (truth, matched))
    names = traces.to_pylist()
    length_m = roads.column("length_m").to_numpy()
    as_driven = _compared(true, found, names, length_m)
    plain = [each._replace(is_forward=np.zeros(len(each.trace), dtype=np.int64)) for each in (true, found)]
    return RouteMismatch(as_driven, _compared(plain[0], plain[1], names, length_m))


class _Stretches(NamedTuple):
    """Stretches of segments, by number of trace and of segment."""

    trace: Ints
    segment: Ints
    is_forward: Ints
    low: Floats
    high: Floats


def _stretches(routes: pa.Table, traces: pa.Array, roads: pa.Table) -> _Stretches:
    trace = pc.index_in(routes.column("trace_id"), value_set=traces).fill_null(-1).to_numpy()
    segment = pc.index_in(routes.column("segment_id"), value_set=roads.column("segment_id").combine_chunks())
    if segment.null_count:
        unknown = routes.column("segment_id").filter(segment.is_null())[0].as_py()
        raise ValueError(f"{unknown!r} is no segment of the roads, expected the roads that were matched to")
    enter, leave = (routes.column(name).to_numpy() for name in ("enter_fraction", "leave_fraction"))
    forward = pc.equal(routes.column("heading"), Heading.FORWARD.value).to_numpy().astype(np.int64)
    known = trace >= 0
    columns = (trace, segment.to_numpy(), forward, np.minimum(enter, leave), np.maximum(enter, leave))
    return _Stretches(*(each[known].astype(np.int64) for each in columns[:3]), *(each[known] for each in columns[3:]))


def _compared(true: _Stretches, found: _Stretches, traces: list[str], length_m: Floats) -> Mismatch:
    """Sweep along each segment of each trace and heading, counting how often either route passes."""
    both = [np.concatenate(pair) for pair in zip(true, found, strict=True)]
    group = (both[0] * len(length_m) + both[1]) * 2 + both[2]
    group, at = np.tile(group, 2), np.concatenate([both[3], both[4]])
    order = np.lexsort((at, group))
    is_true = np.arange(len(both[0])) < len(true.trace)
    change = np.where(is_true, 1, 0), np.where(is_true, 0, 1)
    wanted, given = (np.cumsum(np.concatenate([each, -each])[order])[:-1] for each in change)
    group, at = group[order], at[order]
    metres = np.diff(at) * length_m[group[:-1] // 2 % len(length_m)]  # from group to group neither route passes
    trace = group[:-1] // 2 // len(length_m)

    def added_up(times: Ints) -> Floats:
        return np.bincount(trace, weights=metres * times, minlength=len(traces)).astype(np.float64, copy=False)

    lacking, extra = np.maximum(wanted - given, 0), np.maximum(given - wanted, 0)
    return Mismatch(traces, added_up(wanted), added_up(lacking), added_up(extra))


def matched_routes(match: pa.Table) -> pa.Table:
    """Return the steps of all routes of a MATCH table, as `route_mismatch` takes them.

    Shape: a row for each step, with `trace_id`, `segment_id`, `heading`, `enter_fraction`, `leave_fraction`.
    """
    routes = match.column("route").combine_chunks()
    steps, owner = routes.flatten(), pc.list_parent_indices(routes)
    names = {"segment_id": "segment_id", "heading": "heading", "from": "enter_fraction", "to": "leave_fraction"}
    columns = {new: steps.field(old) for old, new in names.items()}
    return pa.table({"trace_id": match.column("trace_id").take(owner)} | columns)


def without_ends(routes: pa.Table, truth: pa.Table) -> pa.Table:
    """Return routes without the segments on which the true route of their trace begins or ends.

    Where a drive begins along a segment, noise moves the first point along it by metres that no matching can know;
    on short drives these metres would be most of the mismatch. Take them off truth and match alike.

    Parameters
    ----------
    truth
        Rows `trace_id`, `sequence` and `segment_id` of the true routes.
    """
    ordered = truth.sort_by([("trace_id", "ascending"), ("sequence", "ascending")])
    trace, segment = ordered.column("trace_id"), ordered.column("segment_id")
    is_first = np.ones(len(ordered), dtype=bool)
    if len(ordered) > 1:
        is_first[1:] = pc.not_equal(trace[1:], trace[:-1]).to_numpy()
    is_last = np.append(is_first[1:], True) if len(ordered) else is_first
    ends = pc.unique(_pairs(trace, segment).filter(pa.array(is_first | is_last)))
    return routes.filter(pc.invert(pc.is_in(_pairs(routes.column("trace_id"), routes.column("segment_id")), ends)))


def _pairs(trace: pa.ChunkedArray, segment: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(each.cast(pa.string()) for each in (trace, segment)), "\x1f")


def point_accuracy(truth: pa.Table, match: pa.Table) -> PointAccuracy:
    """Return the shares of true points that are matched right; points are told by trace and time.

    Parameters
    ----------
    truth
        Rows `trace_id`, `time`, `segment_id`, `heading`.
    match
        The same, as in MATCH; of two rows of one trace and time the first counts.
    """
    place = _places(truth, match)
    there = pa.array(place, mask=place < 0)
    segment, heading = (match.column(name).take(there) for name in ("segment_id", "heading"))
    true_segment, true_heading = truth.column("segment_id"), truth.column("heading")
    is_right = _equal(segment, true_segment)
    return PointAccuracy(
        len(place),
        _ratio(segment.null_count, len(place)),
        _ratio(int(is_right.sum()), len(place)),
        _ratio(int((is_right & _equal(heading, true_heading)).sum()), len(place)),
        _ratio(int(_equal(ways(segment), ways(true_segment)).sum()), len(place)),
    )


def ways(segment_id: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the way of each segment: of OSM's ids the part before the colon, of others the id itself.

    Examples
    --------
    >>> ways(pa.chunked_array([["w12:n3-n4", "08f2"]])).to_pylist()
    ['w12', '08f2']
    """
    return pc.replace_substring_regex(segment_id, WAY, r"\1")


def _equal(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Flags:
    same: Flags = pc.fill_null(pc.equal(one, other), False).to_numpy()
    return same


def _places(truth: pa.Table, match: pa.Table) -> Ints:
    """Return for each true point the row of its match, -1 without one."""
    traces = pc.unique(truth.column("trace_id"))
    sought, there = (_keys(each, traces) for each in (truth, match))
    order = np.lexsort((there[:, 1], there[:, 0]))
    both = np.concatenate([there[order], sought])
    number = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    first = np.full(len(both) + 1, -1)
    first[number[: len(order)][::-1]] = order[::-1]
    found: Ints = first[number[len(order) :]]
    return found


def _keys(points: pa.Table, traces: pa.Array) -> Ints:
    trace = pc.index_in(points.column("trace_id"), value_set=traces).fill_null(-1).to_numpy()
    return np.column_stack([trace, points.column("time").cast(pa.int64()).to_numpy()]).astype(np.int64)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
