from itertools import permutations

import pytest

from schemas.vocabulary import Heading
from tasks.limit_key import LimitKey, Topic, read_limit_key

# OpenStreetMap wiki: Key:maxspeed, Conditional restrictions, Lanes, Lifecycle prefix
FACTS = [
    ("maxspeed", LimitKey(Topic.LIMIT)),
    ("minspeed", LimitKey(Topic.LOWEST)),
    ("maxspeed:forward", LimitKey(Topic.LIMIT, Heading.FORWARD)),
    ("maxspeed:hgv", LimitKey(Topic.LIMIT, vehicle="hgv")),
    ("maxspeed:both_ways", LimitKey(Topic.LIMIT)),
    ("maxspeed:hazmat:water", LimitKey(Topic.LIMIT, vehicle="hazmat:water")),
    ("maxspeed:seasonal:winter", LimitKey(Topic.LIMIT, others=("seasonal", "winter"))),
    ("maxspeed:hgv:bus", LimitKey(Topic.LIMIT, vehicle="hgv", others=("bus",))),
    ("maxspeed:forward:backward", LimitKey(Topic.LIMIT, Heading.FORWARD, others=("backward",))),
    ("maxspeed:lanes:backward", LimitKey(Topic.LIMIT, Heading.BACKWARD, is_by_lane=True)),
    ("maxspeed:advisory:forward", LimitKey(Topic.ADVICE, Heading.FORWARD)),
    ("maxspeed:forward:advisory", LimitKey(Topic.ADVICE, Heading.FORWARD)),
    ("maxspeed:practical", LimitKey(Topic.ADVICE)),
    ("maxspeed:variable", LimitKey(Topic.VARIABLE)),
    ("maxspeed:type", LimitKey(Topic.GROUND)),
    ("source:maxspeed:forward", LimitKey(Topic.GROUND, Heading.FORWARD)),
    ("zone:maxspeed", LimitKey(Topic.ZONE)),
    ("zone:traffic", LimitKey(Topic.TRAFFIC_ZONE)),
    ("traffic_sign", LimitKey(Topic.SIGN)),
    ("traffic_sign:2", LimitKey(Topic.SIGN)),
    ("traffic_sign:backward", LimitKey(Topic.SIGN, Heading.BACKWARD)),
]


@pytest.mark.parametrize(("key", "read"), FACTS)
def test_keys(key: str, read: LimitKey) -> None:
    assert read_limit_key(key) == read


OTHERS = ["highway", "proposed:maxspeed", "was:traffic_sign", "maxspeed:note", "cycleway:maxspeed", "note:maxspeed"]


@pytest.mark.parametrize("key", [*OTHERS, "", ":", "old_maxspeed", "traffic_calming", "speed", "zone", "source:name"])
def test_keys_of_something_else(key: str) -> None:
    assert read_limit_key(key) is None


@pytest.mark.parametrize("parts", list(permutations(["hgv", "forward", "conditional"])))
def test_parts_may_stand_in_any_order(parts: tuple[str, ...]) -> None:
    assert read_limit_key(":".join(["maxspeed", *parts])) == read_limit_key("maxspeed:hgv:forward:conditional")
