import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import RoadClass
from tasks.evaluation.baselines import Known, class_modes, graphhopper_speed, law_alone, mode, name_modes
from tasks.law.law_table import read_law
from tasks.road_class import CLASSES, LINKS

LAW = read_law()

ROADS = st.lists(
    st.tuples(
        st.sampled_from(["primary", "residential", "service"]),
        st.sampled_from([None, "Main", "Side"]),
        st.sampled_from([30.0, 50.0, math.inf]),
        st.integers(1, 500).map(float),
    ),
    min_size=1,
    max_size=30,
)


def known_of(roads: list[Any]) -> Known:
    classes, names, truth, length = zip(*roads, strict=True)
    return Known(classes, names, np.array(truth), np.array(length))


def naive(roads: list[Any]) -> float:
    metres: dict[float, float] = defaultdict(float)
    for *_, limit, length in roads:
        metres[limit] += length
    return min(metres, key=lambda limit: (-metres[limit], limit))


@given(ROADS, st.sampled_from(["primary", "track"]), st.sampled_from([None, "Main", "Elsewhere"]))
def test_modes_against_adding_up(roads: list[Any], kind: str, name: str | None) -> None:
    of_class = naive([road for road in roads if road[0] == kind] or roads)
    assert class_modes(known_of(roads), [kind]) == [of_class]
    same = [road for road in roads if road[:2] == (kind, name) and name]
    assert name_modes(known_of(roads), [kind], [name]) == [naive(same) if same else of_class]


def test_roads_without_a_name_are_not_one_road() -> None:
    known = known_of([("primary", None, 30.0, 10.0), ("primary", "Main", 50.0, 100.0)])
    assert name_modes(known, ["primary"], [None]) == [50.0]


def test_nothing_has_no_mode() -> None:
    assert math.isnan(mode(np.zeros(0), np.zeros(0)))


# The dated law table: `waysmith law DE`, `waysmith law US-OH`, `waysmith law FI`
@pytest.mark.parametrize(
    ("code", "highway", "is_built_up", "kmh"),
    [
        ("DE", "motorway", False, math.inf),
        ("DE", "secondary", True, 50.0),
        ("DE", "secondary", False, 100.0),
        ("FI", "residential", True, 50.0),
        ("GB", "residential", True, 30 * 1.609344),
        ("XX", "residential", True, math.nan),
        (None, "residential", True, math.nan),
    ],
)
def test_the_law_alone(code: str | None, highway: str, is_built_up: bool, kmh: float) -> None:
    found = law_alone(LAW, jurisdiction=code, tags={"highway": highway}, routes=[], is_built_up=is_built_up)
    assert found == pytest.approx(kmh, nan_ok=True)


@pytest.mark.parametrize("highway", [*CLASSES, *LINKS])
def test_graphhopper_has_a_speed_for_every_car_road(highway: str) -> None:
    assert 5 <= graphhopper_speed({"highway": highway}) <= 100


# graphhopper/graphhopper, CarAverageSpeedParser and its test CarTagParserTest
@pytest.mark.parametrize(
    ("highway", "kmh"),
    [("motorway", 100), ("trunk", 70), ("primary", 65), ("tertiary", 50), ("residential", 30), ("track", 15)],
)
def test_speeds_of_graphhopper(highway: str, kmh: float) -> None:
    assert graphhopper_speed({"highway": highway}) == kmh


def test_no_class_no_speed() -> None:
    assert math.isnan(graphhopper_speed({}))
    assert math.isnan(graphhopper_speed({"highway": RoadClass.UNKNOWN.value}))
