"""The grammar of the OSM keys that say something of a limit: what they state, for whom and in which direction.

Sources: OpenStreetMap wiki, "Key:maxspeed", "Conditional restrictions" (order of the parts), "Key:maxspeed:advisory",
"Key:maxspeed:practical", "Key:maxspeed:variable", "Key:maxspeed:type", "Key:source:maxspeed", "Key:zone:maxspeed",
"Key:zone:traffic", "Key:traffic sign", "Lanes", "Forward & backward, left & right", "Lifecycle prefix".
"""

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from schemas.vocabulary import Heading
from tasks.conditional_limit import MODES, OTHER_CLASSES


class Topic(StrEnum):
    """What a key states."""

    LIMIT = "limit"
    """The highest speed allowed."""
    LOWEST = "lowest"
    """The lowest speed allowed (`minspeed`)."""
    SIGN = "sign"
    """The traffic signs that hold on the way."""
    ZONE = "zone"
    """The zone that sets the limit (`zone:maxspeed`)."""
    TRAFFIC_ZONE = "traffic_zone"
    """The law that holds (`zone:traffic`)."""
    GROUND = "ground"
    """What the limit rests on, or how it is known (`maxspeed:type`, `source:maxspeed`)."""
    VARIABLE = "variable"
    """Whether electronic signs may lower the limit."""
    ADVICE = "advice"
    """A speed that is advised or usual: no limit."""


class LimitKey(NamedTuple):
    """One key, taken apart."""

    topic: Topic
    heading: Heading | None = None
    vehicle: str | None = None
    """The vehicle class of OSM that it holds for; None for all."""
    is_by_lane: bool = False
    is_conditional: bool = False
    others: tuple[str, ...] = ()
    """Parts that restrict it in a way that nobody documents (`maxspeed:seasonal`)."""


HEADINGS = {"forward": Heading.FORWARD, "backward": Heading.BACKWARD}

STARTS: dict[tuple[str, ...], Topic] = {
    ("maxspeed",): Topic.LIMIT,
    ("minspeed",): Topic.LOWEST,
    ("maxspeed", "type"): Topic.GROUND,
    ("maxspeed", "source"): Topic.GROUND,
    ("source", "maxspeed"): Topic.GROUND,
    ("maxspeed", "zone"): Topic.ZONE,
    ("zone", "maxspeed"): Topic.ZONE,
    ("zone", "traffic"): Topic.TRAFFIC_ZONE,
    ("traffic_sign",): Topic.SIGN,
    ("maxspeed", "variable"): Topic.VARIABLE,
    ("maxspeed", "advisory"): Topic.ADVICE,
    ("maxspeed", "practical"): Topic.ADVICE,
    ("maxspeed", "recommended"): Topic.ADVICE,
}
"""Parts that open a key; the longest that fits counts."""

TOPIC_PARTS = {
    "advisory": Topic.ADVICE,
    "practical": Topic.ADVICE,
    "variable": Topic.VARIABLE,
    "type": Topic.GROUND,
    "source": Topic.GROUND,
}
"""Parts that change the topic wherever they stand (`maxspeed:forward:advisory`)."""

REMARKS = frozenset(
    (
        *("check_date", "comment", "date", "description", "fixme", "image", "last_checked", "lastcheck", "mapillary"),
        *("name", "note", "note_de", "reason", "ref", "sign", "signed", "start_date", "end_date", "todo", "url"),
        *("wikidata", "wikimedia_commons", "wikipedia", "was", "old", "historic", "bug", "missing", "direction"),
        *("id", "height", "enforcement", "reference", "operator", "inscription"),
    )
)
"""Parts that make a key a remark about a limit."""


@lru_cache(4096)
def read_limit_key(key: str) -> LimitKey | None:
    """Return what a key states of a limit, or None where it states nothing of a limit that holds here and now.

    Every key that states something holds the word `speed` or `traffic`.

    Examples
    --------
    >>> read_limit_key("maxspeed:hgv:forward:conditional")[1:5]
    (<Heading.FORWARD: 'forward'>, 'hgv', False, True)
    >>> read_limit_key("proposed:maxspeed") is None
    True
    """
    parts = key.split(":")
    length = 2 if tuple(parts[:2]) in STARTS else 1
    topic = STARTS.get(tuple(parts[:length]))
    if topic is None or not REMARKS.isdisjoint(parts):
        return None
    found = LimitKey(topic)
    for part in _joined(parts[length:]):
        found = _with(found, part)
    return found


def _with(key: LimitKey, part: str) -> LimitKey:
    """Return a key with one part more."""
    if part in HEADINGS and key.heading in (None, HEADINGS[part]):
        return key._replace(heading=HEADINGS[part])
    if (part in MODES or part in OTHER_CLASSES) and key.vehicle is None:
        return key._replace(vehicle=part)
    if part == "lanes":
        return key._replace(is_by_lane=True)
    if part == "conditional":
        return key._replace(is_conditional=True)
    if part in TOPIC_PARTS:
        return key._replace(topic=TOPIC_PARTS[part])
    if part == "both_ways" or (key.topic is Topic.SIGN and (part.isdigit() or part == "both")):
        return key
    return key._replace(others=(*key.others, part))


def _joined(parts: list[str]) -> list[str]:
    """Return the parts with those of a class written in two (`hazmat:water`) as one."""
    if "hazmat" in parts[:-1]:
        place = parts.index("hazmat")
        both = ":".join(parts[place : place + 2])
        if both in OTHER_CLASSES:
            return [*parts[:place], both, *parts[place + 2 :]]
    return parts
