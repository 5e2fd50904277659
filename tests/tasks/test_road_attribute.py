"""Attributes as a table: country, stated limit and numbers of each segment."""

from typing import Any

import numpy as np
import pytest
import shapely

from tasks.built_up_model.evidence import NAMES
from tasks.limit_model.attributes import ATTRIBUTES, attributes
from tasks.road_attribute import country_of, road_attribute

COUNT = 3
COLUMNS: dict[str, Any] = {
    "geometry": np.array([shapely.LineString([(i, 0), (i, 0.01)]) for i in range(COUNT)], dtype=object),
    "length_m": np.array([1105.7] * COUNT),
    "class_": ["primary", "service", "track"],
    "subclass": [None, "alley", None],
    "one_way": ["no", "forward", "no"],
    "name": ["A", None, None],
    "ref": [None, None, "1"],
    "tags": [{"lanes": "2"}, None, {}],
    "start_roads": np.zeros(COUNT, dtype=np.int32),
    "end_roads": np.ones(COUNT, dtype=np.int32),
    "highest_neighbour": np.full(COUNT, 3, dtype=np.int32),
    "built_up": np.array([0.1, 0.2, 0.3]),
    "surroundings": [[0.5] * len(NAMES)] * COUNT,
}
STATED: dict[str, Any] = {
    "jurisdictions": [[{"code": "US-OR", "between": None}], [], None],
    "speed_unit": ["mph", None, None],
    "forward": [{"value": 40, "unit": "km/h"}, None, None],
    "backward": [{"value": 30, "unit": "mph"}, None, None],
    "reason": [None, "unlimited", "not_posted"],
}


def test_country_limit_and_numbers() -> None:
    made = road_attribute(**COLUMNS, **STATED)
    assert made.country == ["US", None, None]
    assert made.limit == ["30 mph", "none", None]
    assert np.array_equal(np.array(made.attributes), attributes(**COLUMNS).astype(np.float32))
    assert np.array(made.attributes).shape == (COUNT, len(ATTRIBUTES))


def test_the_stated_limit_is_in_no_number() -> None:
    hidden = STATED | {"forward": [None] * 3, "backward": [None] * 3, "reason": ["not_posted"] * 3}
    one, other = road_attribute(**COLUMNS, **STATED), road_attribute(**COLUMNS, **hidden)
    assert np.array_equal(np.array(one.attributes), np.array(other.attributes))
    assert other.limit == [None] * 3


@pytest.mark.parametrize(("code", "country"), [("FI", "FI"), ("GB-NIR", "GB"), ("US-DC", "US")])
def test_country_of(code: str, country: str) -> None:
    assert country_of(code) == country
