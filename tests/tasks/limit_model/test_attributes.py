"""Attributes: what tags say, and that none of them tells a limit."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.built_up_model.evidence import NAMES
from tasks.limit_model.attributes import ATTRIBUTES, TAGGED, UNKNOWN, attributes, number, of_tags

LINE = shapely.LineString([(9.0, 48.0), (9.001, 48.0)])


def known(**given_: Any) -> dict[str, float]:
    columns: dict[str, Any] = {
        "geometry": np.array([LINE], dtype=object),
        "length_m": np.array([74.6]),
        "class_": ["residential"],
        "subclass": [None],
        "one_way": ["no"],
        "name": [None],
        "ref": [None],
        "tags": [{}],
        "start_roads": np.array([2], dtype=np.int32),
        "end_roads": np.array([0], dtype=np.int32),
        "highest_neighbour": np.array([4], dtype=np.int32),
        "built_up": np.array([0.7]),
        "surroundings": [[0.0] * len(NAMES)],
    }
    (row,) = attributes(**(columns | given_))
    return {name: float(row[ATTRIBUTES.index(name)]) for name in ATTRIBUTES}


def test_the_columns_of_a_segment() -> None:
    found = known(subclass=["link"], ref=["A 8"], name=["Road"], one_way=["forward"], tags=[{"lanes": "2"}])
    assert {name: found[name] for name in ("class", "subclass", "is_one_way", "has_name", "ref_length", "lanes")} == {
        "class": 6, "subclass": 1, "is_one_way": 1, "has_name": 1, "ref_length": 3, "lanes": 2,
    }  # fmt: skip
    assert (found["lon"], found["lat"], found["straightness"]) == pytest.approx((9.0005, 48.0, 1.0))
    assert found["length"] == pytest.approx(np.log1p(74.6))
    assert (found["start_roads"], found["end_roads"], found["highest_neighbour"]) == (2, 0, 4)


@pytest.mark.parametrize(
    ("tags", "name", "value"),
    [
        ({}, "lanes", UNKNOWN),
        ({"lanes": "3"}, "lanes", 1.5),
        ({"width": "3.5 m"}, "width", 3.5),
        ({"width": "inf"}, "width", UNKNOWN),
        ({"lit": "no"}, "is_lit", 0),
        ({"lit": "24/7"}, "is_lit", 1),
        ({"surface": "asphalt"}, "is_paved", 1),
        ({"surface": "gravel"}, "is_unpaved", 1),
        ({"sidewalk": "none"}, "has_sidewalk", 0),
        ({"sidewalk:both": "separate"}, "has_sidewalk", 1),
        ({"junction": "roundabout"}, "is_roundabout", 1),
        ({"tunnel": "yes"}, "is_tunnel", 1),
        ({"bridge": "yes"}, "is_bridge", 1),
        ({"toll": "yes"}, "is_toll", 1),
        ({"motorroad": "yes"}, "is_motorroad", 1),
    ],
)
def test_what_tags_say(tags: dict[str, str], name: str, value: float) -> None:
    assert of_tags(tags, is_one_way=False)[TAGGED.index(name)] == value


@given(
    st.dictionaries(
        st.sampled_from(
            ["maxspeed", "maxspeed:forward", "source:maxspeed", "traffic_sign", "zone:traffic", "minspeed"]
        ),
        st.text(max_size=8),
    )
)
def test_no_attribute_tells_a_limit(tags: dict[str, str]) -> None:
    assert known(tags=[{"highway": "residential"} | tags]) == known(tags=[{"highway": "residential"}])


@given(st.text(max_size=8))
def test_any_text_is_a_number_or_unknown(text: str) -> None:
    assert number(text) == UNKNOWN or 0 <= number(text) < 1000


def test_no_segments() -> None:
    empty: Any = {
        "geometry": np.empty(0, dtype=object), "length_m": np.empty(0), "class_": [], "subclass": [], "one_way": [],
        "name": [], "ref": [], "tags": [], "start_roads": np.empty(0, dtype=np.int32), "surroundings": [],
        "end_roads": np.empty(0, dtype=np.int32), "highest_neighbour": np.empty(0, dtype=np.int32),
        "built_up": np.empty(0),
    }  # fmt: skip
    assert attributes(**empty).shape == (0, len(ATTRIBUTES))
