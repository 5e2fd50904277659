"""The mapping of one's own network: which of its columns says what, written as TOML."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from schemas.speed_rule import SPEED_UNITS
from schemas.vocabulary import OneWay, RoadClass, SpeedUnit
from tasks.readers.reading import ReadError


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Columns of a line layer and what they say; None where the layer says nothing of the kind.

    In TOML the fields have the same names, but `class` for `class_`. A value of `max_speed` becomes a rule for both
    directions; the one of a direction is added behind it and wins there.
    """

    id: str
    """Unique id of a segment."""
    class_: str | None = None
    """Road class: one of `RoadClass`, or whatever `class_values` translates."""
    class_values: dict[str, str] = field(default_factory=dict)
    """Road class for each value of the class column."""
    name: str | None = None
    """Street name."""
    ref: str | None = None
    """Road numbers as signed."""
    max_speed: str | None = None
    """Posted limit, a whole number; null or 0 where none is known."""
    max_speed_forward: str | None = None
    """The same, in drawing direction."""
    max_speed_backward: str | None = None
    """The same, against drawing direction."""
    unit: str = SpeedUnit.KMH.value
    """Unit of the limits: km/h or mph."""
    one_way: str | None = None
    """Directions open to cars: one of `OneWay`, or whatever `one_way_values` translates."""
    one_way_values: dict[str, str] = field(default_factory=dict)
    """Word of `OneWay` for each value of the one-way column."""
    from_node: str | None = None
    """Id of the place where the line starts."""
    to_node: str | None = None
    """Id of the place where the line ends."""
    layer: str | None = None
    """Layer of a file that has several."""
    dataset: str | None = None
    """Name of the data, for the `sources` of each segment; the file's name without it."""
    tags: dict[str, str] = field(default_factory=dict)
    """Column for each OSM key that a speed rule may ask for."""

    @property
    def columns(self) -> dict[str, str]:
        """The columns that must be in the file, each with the key of the mapping that names it.

        Examples
        --------
        >>> Mapping(id="LINK_ID", class_="FC", tags={"surface": "SURF"}).columns
        {'LINK_ID': 'id', 'FC': 'class', 'SURF': 'tags.surface'}
        """
        named = {getattr(self, name): name.rstrip("_") for name in COLUMN_FIELDS if getattr(self, name)}
        return named | {column: f"tags.{key}" for key, column in self.tags.items() if column not in named}


COLUMN_FIELDS = (
    *("id", "class_", "name", "ref", "max_speed", "max_speed_forward", "max_speed_backward"),
    *("one_way", "from_node", "to_node"),
)
"""Fields of a mapping that name one column each."""

KEYS = {f.name.rstrip("_"): f.name for f in fields(Mapping)}
"""Field for each key of the TOML file."""

TABLES = ("class_values", "one_way_values", "tags")
"""Keys that hold a table of strings; all others hold a string."""

WORDS = {
    "class_values": ("class_", tuple(map(str, RoadClass))),
    "one_way_values": ("one_way", tuple(map(str, OneWay))),
}
"""The column that a table translates, and what it may translate to."""


def read_mapping(file: Path) -> Mapping:
    """Return the mapping that a TOML file holds.

    Raises
    ------
    ReadError
        If the file is missing or no TOML, or has a key or value that no mapping has.
    """
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        return mapping_of(told)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReadError(f"{file}: {error}; expected a mapping of columns as TOML") from error
    except ValueError as error:
        raise ReadError(f"{file}: {error}") from error


def mapping_of(told: dict[str, Any]) -> Mapping:
    """Return the mapping told by the values of a TOML file.

    Raises
    ------
    ValueError
        If a key or value is none of a mapping's.

    Examples
    --------
    >>> mapping_of({"id": "LINK_ID", "unit": "mph"}).unit
    'mph'
    >>> mapping_of({"id": "LINK_ID", "max_sped": "SPEED"})
    Traceback (most recent call last):
        ...
    ValueError: unknown key 'max_sped', expected class, class_values, dataset, ..., tags, to_node, unit
    """
    for key, value in told.items():
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}, expected {', '.join(sorted(KEYS))}")
        _check_type(key, value)
    if "id" not in told:
        raise ValueError("no key 'id', expected the name of the column with the segment's id")
    mapping = Mapping(**{KEYS[key]: value for key, value in told.items()})
    _check_words(mapping)
    return mapping


def _check_type(key: str, value: object) -> None:
    if key not in TABLES:
        if not isinstance(value, str) or not value:
            raise ValueError(f"{key} is {value!r}, expected a string")
        return
    if not isinstance(value, dict):
        raise ValueError(f"{key} is {value!r}, expected a table [{key}]")
    for name, each in value.items():
        if not isinstance(each, str):
            raise ValueError(f"{key}.{name} is {each!r}, expected a string")


def _check_words(mapping: Mapping) -> None:
    if mapping.unit not in SPEED_UNITS:
        raise ValueError(f"unit is {mapping.unit!r}, expected {' or '.join(SPEED_UNITS)}")
    for table, (column, words) in WORDS.items():
        for value, word in getattr(mapping, table).items():
            if word not in words:
                raise ValueError(f"{table}.{value} is {word!r}, expected one of {', '.join(words)}")
        if getattr(mapping, table) and not getattr(mapping, column):
            raise ValueError(f"{table} is given without {table.removesuffix('_values')}, expected both")
    if (mapping.from_node is None) != (mapping.to_node is None):
        given, missing = ("from_node", "to_node") if mapping.from_node else ("to_node", "from_node")
        raise ValueError(f"{given} is given without {missing}, expected both or neither")
