from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.road import ROAD_SEGMENT
from tasks.evaluation.hiding import (
    EvaluationError,
    Hidden,
    cell_name,
    cells_at,
    draw_cells,
    hidden_records,
    hidden_segments,
    hide_limits,
    records_of,
    tells_limit,
)
from tasks.lift import PerRow
from tasks.limit_key import read_limit_key
from tasks.posted_limit import posted_limit
from tests.roads import road_row, road_table

# OpenStreetMap wiki: Key:maxspeed, Key:source:maxspeed, Key:maxspeed:type, Key:zone:maxspeed, Key:zone:traffic,
# Key:traffic sign, Key:minspeed, Lifecycle prefix, Key:note; sidewalk:left:traffic_sign stands on ways of Herrenberg
TELLING = [
    ("maxspeed", "50"),
    ("maxspeed:forward", "50"),
    ("maxspeed:hgv:conditional", "80 @ (weight>7.5)"),
    ("maxspeed:type", "DE:urban"),
    ("maxspeed:advisory", "40"),
    ("maxspeed:practical", "35"),
    ("maxspeed:variable", "yes"),
    ("source:maxspeed", "sign"),
    ("zone:maxspeed", "DE:30"),
    ("was:maxspeed", "50"),
    ("proposed:maxspeed", "30"),
    ("note:maxspeed", "as signed"),
    ("zone:traffic", "DE:urban"),
    ("traffic_sign", "DE:274-60"),
    ("traffic_sign:forward", "DE:310"),
    ("sidewalk:left:traffic_sign", "DE:239"),
    ("note", "Tempo 30 seit 2019"),
    ("description", "speed limit 25 mph"),
    ("fixme", "check 30 km/h zone"),
]
SILENT = [
    ("highway", "residential"),
    ("minspeed", "60"),
    ("minspeed:lanes", "60|80"),
    ("internet_access:speed", "50"),
    ("traffic_calming", "hump"),
    ("traffic_signals", "signal"),
    ("parking:ticket:zone", "2"),
    ("note", "surface is bad"),
    ("lit", "yes"),
    ("name", "Speedway Boulevard"),
]


@pytest.mark.parametrize(("key", "value"), TELLING)
def test_what_tells_a_limit_is_hidden(key: str, value: str) -> None:
    assert tells_limit(key, value)


@pytest.mark.parametrize(("key", "value"), SILENT)
def test_what_tells_none_stays(key: str, value: str) -> None:
    assert not tells_limit(key, value)


KEYS = st.one_of(
    st.sampled_from([key for key, _ in (*TELLING, *SILENT)]),
    st.tuples(
        st.sampled_from(["maxspeed", "source:maxspeed", "zone:maxspeed", "traffic_sign", "zone:traffic"]),
        st.sampled_from(["", ":forward", ":backward", ":hgv", ":both_ways"]),
        st.sampled_from(["", ":lanes", ":conditional", ":advisory", ":type"]),
    ).map("".join),
)
VALUES = st.sampled_from(["50", "30 mph", "none", "walk", "DE:urban", "DE:30", "DE:274-60", "80 @ wet", "signals", "x"])


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_nothing_that_is_read_of_a_limit_stays(tags: dict[str, str]) -> None:
    kept = dict(hide_limits(segment_id="w1", sources=[], tags=tags, speed_limits=[], params=Hidden(("w1",))).tags)
    told = posted_limit(tags=kept, speed_limits=[])
    assert (told.forward, told.backward, told.codes) == (None, None, [])
    assert all("minspeed" in row["note"] for row in told.evidence)
    assert all("minspeed" in key for key in kept if read_limit_key(key))


def test_rules_of_a_hidden_segment_are_hidden() -> None:
    rule = {"max_speed": {"value": 50, "unit": "km/h"}}
    assert hide_limits(segment_id="08f", sources=[], tags={}, speed_limits=[rule], params=Hidden(("08f",))) == ([], [])


def test_a_visible_segment_stays_as_it_is() -> None:
    tags = {"highway": "primary", "maxspeed": "50"}
    rule = {"max_speed": {"value": 50, "unit": "km/h"}}
    kept = hide_limits(segment_id="w1", sources=[], tags=tags, speed_limits=[rule], params=Hidden(("w2",)))
    assert (dict(kept.tags), kept.speed_limits) == (tags, [rule])


def source(record: str, of: str = "") -> dict[str, Any]:
    return {"property": of, "dataset": "OpenStreetMap", "record_id": record, "between": None}


@pytest.mark.parametrize(
    ("sources", "records"),
    [
        ([source("w7@3")], {"w7"}),
        ([source("w7@3"), source("w8@1")], {"w7", "w8"}),
        ([source("w7@3"), source("w9@1", "/properties/speed_limits")], {"w7"}),
        ([source("w9@1", "/properties/speed_limits")], {"s"}),
        ([{"property": "", "dataset": "TomTom", "record_id": None, "between": None}], {"s"}),
        ([], {"s"}),
    ],
)
def test_records_of_a_segment(sources: list[dict[str, Any]], records: set[str]) -> None:
    assert records_of("s", sources) == records


@pytest.mark.parametrize(
    # computed by hand from the formulas of the Bing Maps tile system: interleaved bits of column and row
    ("lon", "lat", "name"),
    [(0.001, -0.001, "q3" + "0" * 14), (-0.001, 0.001, "q0" + "3" * 14), (24.94, 60.17, "q120120211013310")],
)
def test_cells(lon: float, lat: float, name: str) -> None:
    assert cell_name(int(cells_at(np.array([lon]), np.array([lat]))[0])) == name


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(0, 9), st.floats(0.01, 0.99))
def test_a_share_of_the_cells_is_drawn(cells: list[int], seed: int, share: float) -> None:
    distinct = set(cells)
    if len(distinct) == 1:
        with pytest.raises(EvaluationError, match=r"in the one cell q[0-3]+ at zoom 15 alone"):
            draw_cells(np.array(cells), seed=seed, share=share)
        return
    drawn = draw_cells(np.array(cells), seed=seed, share=share).tolist()
    assert 0 < len(drawn) < len(distinct)
    assert set(drawn) < distinct
    assert len(drawn) == pytest.approx(share * len(distinct), abs=1)
    assert draw_cells(np.array(cells[::-1]), seed=seed, share=share).tolist() == drawn


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.5, 5), (0.99, 9)])
def test_at_least_one_cell_is_hidden_and_one_left(share: float, count: int) -> None:
    assert len(draw_cells(np.arange(10), seed=0, share=share)) == count


def test_another_seed_draws_other_cells() -> None:
    drawn = {tuple(draw_cells(np.arange(30), seed=seed, share=0.5)) for seed in range(5)}
    assert len(drawn) == 5


CELL = 360 / 2**15
"""Width of a cell in degrees of longitude."""


ROADS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 40), st.sets(st.integers(0, 8), min_size=1, max_size=2)), min_size=1
)


@given(ROADS, st.sets(st.integers(0, 10)))
def test_no_record_stands_on_both_sides(roads: list[tuple[int, int, set[int]]], chosen: set[int]) -> None:
    """Lines along one row of cells, in tenths of a cell, against walking from record to record."""
    ends = [((at + 0.3) / 10 * CELL, (at + long + 0.4) / 10 * CELL) for at, long, _ in roads]
    lines = np.array([shapely.LineString([(west, 0.001), (east, 0.001)]) for west, east in ends])
    records = [{f"w{number}" for number in numbers} for _, _, numbers in roads]
    cells = cells_at(np.array([(each + 0.5) * CELL for each in sorted(chosen)]), np.full(len(chosen), 0.001))
    flags = hidden_segments(lines, records, cells)
    reached = set()
    for name in set().union(*records):
        own = [end for end, named in zip(ends, records, strict=True) if name in named]
        middle = (min(west for west, _ in own) + max(east for _, east in own)) / 2
        if int(middle / CELL) in chosen:
            reached |= {row for row, named in enumerate(records) if name in named}
    waiting = list(reached)
    while waiting:
        row = waiting.pop()
        for other, named in enumerate(records):
            if other not in reached and named & records[row]:
                reached.add(other)
                waiting.append(other)
    assert set(np.flatnonzero(flags).tolist()) == reached
    hidden = hidden_records(flags, records)
    assert all(hidden.known.isdisjoint(records[row]) for row in np.flatnonzero(~flags).tolist())
    assert list(hidden.records) == sorted(hidden.known)


def test_the_stage_changes_tags_and_rules_alone() -> None:
    rows = [
        road_row("a", [(9.0, 47.0), (9.1, 47.0)], tags={"maxspeed": "50", "lit": "yes"}, name="Main"),
        road_row("b", [(9.0, 47.0), (9.1, 47.0)], tags={"maxspeed": "70"}, sources=[source("w2@1")]),
    ]
    stage = PerRow(hide_limits, reads=ROAD_SEGMENT, writes=ROAD_SEGMENT, params=Hidden(("w1",)))
    made, rejects = stage({"road_segment": road_table(rows)})
    assert rejects.num_rows == 0
    assert made.to_pylist() == [rows[0] | {"tags": [("lit", "yes")]}, rows[1]]
