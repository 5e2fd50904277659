from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.match import STEP
from schemas.probe import TIME
from tasks.evaluation.matching import matched_routes, point_accuracy, route_mismatch, without_ends

ROADS = pa.table({"segment_id": ["w1:n1-n2", "w1:n2-n3", "w2:n2-n4"], "length_m": [100.0, 200.0, 400.0]})
PARTS = 20
"""Places on a segment where drives of tests begin and end."""
NAMES = ("trace_id", "segment_id", "heading", "enter_fraction", "leave_fraction")


def routes(*rows: tuple[str, str, str, float, float]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [[]] * 5
    types = (pa.string(), pa.string(), pa.string(), pa.float64(), pa.float64())
    return pa.table({name: pa.array(each, kind) for name, each, kind in zip(NAMES, columns, types, strict=True)})


def naive(truth: pa.Table, matched: pa.Table, *, is_directed: bool) -> tuple[Fraction, Fraction, Fraction]:
    """Count the pieces of 1/PARTS of each segment that either route passes."""
    metres = {each["segment_id"]: Fraction(each["length_m"]) / PARTS for each in ROADS.to_pylist()}
    traces = set(truth["trace_id"].to_pylist())

    def pieces(table: pa.Table) -> Counter[tuple[str, str, str, int]]:
        count: Counter[tuple[str, str, str, int]] = Counter()
        for row in table.to_pylist():
            low, high = sorted((round(row["enter_fraction"] * PARTS), round(row["leave_fraction"] * PARTS)))
            for piece in range(low, high):
                if row["trace_id"] in traces:
                    count[row["trace_id"], row["segment_id"], row["heading"] if is_directed else "", piece] += 1
        return count

    def total(count: Counter[tuple[str, str, str, int]]) -> Fraction:
        return sum((metres[key[1]] * times for key, times in count.items()), Fraction(0))

    true, found = pieces(truth), pieces(matched)
    return total(true), total(true - found), total(found - true)


@st.composite
def drawn_routes(draw: st.DrawFn) -> pa.Table:
    step = st.tuples(
        st.sampled_from(["a", "b", "c"]), st.sampled_from(ROADS["segment_id"].to_pylist()), st.booleans(),
        st.integers(0, PARTS), st.integers(0, PARTS),
    )  # fmt: skip
    rows = []
    for trace, segment, forward, one, other in draw(st.lists(step, max_size=8)):
        low, high = sorted((one / PARTS, other / PARTS))
        rows.append((trace, segment, "forward", low, high) if forward else (trace, segment, "backward", high, low))
    return routes(*rows)


@given(drawn_routes(), drawn_routes())
def test_mismatch_is_that_of_counted_pieces(truth: pa.Table, matched: pa.Table) -> None:
    found = route_mismatch(truth, matched, ROADS)
    for each, is_directed in ((found.directed, True), (found.undirected, False)):
        true_m, subtracted, added = naive(truth, matched, is_directed=is_directed)
        sums = [each.true_m.sum(), each.subtracted_m.sum(), each.added_m.sum()]
        assert np.allclose(sums, [float(true_m), float(subtracted), float(added)])
        if true_m:
            assert each.fraction == pytest.approx(float((subtracted + added) / true_m))


def test_mismatch_of_a_side_road() -> None:
    truth = routes(("a", "w1:n1-n2", "forward", 0, 1), ("a", "w1:n2-n3", "forward", 0, 1))
    matched = routes(("a", "w1:n1-n2", "forward", 0, 1), ("a", "w2:n2-n4", "forward", 0, 0.5))
    found = route_mismatch(truth, matched, ROADS).directed
    assert (found.subtracted_m.tolist(), found.added_m.tolist()) == ([200.0], [200.0])
    assert found.fraction == pytest.approx(400 / 300)
    assert found.by_trace.tolist() == pytest.approx([400 / 300])


def test_the_wrong_way_counts_where_headings_do() -> None:
    truth, matched = (routes(("a", "w1:n1-n2", way, 0.0, 1.0)) for way in ("forward", "backward"))
    found = route_mismatch(truth, matched, ROADS)
    assert (found.directed.fraction, found.undirected.fraction) == (2.0, 0.0)


def test_traces_apart_are_not_mixed() -> None:
    truth = routes(("a", "w1:n1-n2", "forward", 0, 1), ("b", "w1:n2-n3", "forward", 0, 1))
    matched = routes(("b", "w1:n1-n2", "forward", 0, 1), ("z", "w1:n1-n2", "forward", 0, 1))
    found = route_mismatch(truth, matched, ROADS).directed
    assert found.trace_id == ["a", "b"]
    assert found.by_trace.tolist() == [1.0, 1.5]


def test_unknown_segment_is_named() -> None:
    with pytest.raises(ValueError, match="'w9' is no segment of the roads"):
        route_mismatch(routes(("a", "w9", "forward", 0, 1)), routes(), ROADS)


def test_nothing_is_no_number() -> None:
    assert np.isnan(route_mismatch(routes(), routes(), ROADS).directed.fraction)


def test_routes_of_matches_are_their_steps() -> None:
    step = {"segment_id": "w1:n1-n2", "heading": "forward", "from": 0.25, "to": 0.5, "enter": 0, "leave": 1}
    match = pa.table({"trace_id": ["a", "b", "c"], "route": pa.array([[], [step, step], [step]], pa.list_(STEP))})
    whole = pa.concat_tables([match.slice(0, 1), match.slice(1)])  # lists of a slice do not begin at 0
    found = matched_routes(whole)
    assert found.to_pylist() == routes(*((each, "w1:n1-n2", "forward", 0.25, 0.5) for each in "bbc")).to_pylist()


def test_ends_are_left_out_of_both() -> None:
    truth = routes(*(("a", each, "forward", 0, 1) for each in ROADS["segment_id"].to_pylist()))
    truth = truth.append_column("sequence", pa.array([2, 0, 1]))
    matched = routes(("a", "w1:n2-n3", "forward", 0.5, 1), ("b", "w1:n2-n3", "forward", 0, 1))
    assert without_ends(truth, truth)["segment_id"].to_pylist() == ["w2:n2-n4"]
    assert without_ends(matched, truth)["trace_id"].to_pylist() == ["b"]


def points(*rows: tuple[str, int, str | None, str | None]) -> pa.Table:
    trace, time, segment, heading = zip(*rows, strict=True)
    texts = {"trace_id": trace, "segment_id": segment, "heading": heading}
    columns = {name: pa.array(each, pa.string()) for name, each in texts.items()}
    return pa.table(columns | {"time": pa.array(time, TIME)})


def test_points_are_found_by_trace_and_time() -> None:
    truth = points(
        ("a", 1, "w1:n1-n2", "forward"), ("a", 2, "w1:n1-n2", "forward"), ("a", 3, "w1:n1-n2", "forward"),
        ("b", 1, "w2:n2-n4", "forward"), ("b", 2, "w2:n2-n4", "forward"),
    )  # fmt: skip
    match = points(
        ("b", 1, None, None), ("a", 3, "w1:n2-n3", "forward"), ("a", 2, "w1:n1-n2", "backward"),
        ("a", 1, "w1:n1-n2", "forward"), ("z", 1, "w1:n1-n2", "forward"),
    )  # fmt: skip
    found = point_accuracy(truth, match)
    assert found == (5, 2 / 5, 2 / 5, 1 / 5, 3 / 5)
