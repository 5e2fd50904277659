"""Small OSM files built in code, and conversions of real ones."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import osmium

PROJECT = Path(__file__).parents[3]
DATA = PROJECT / "../shared/data/osm"
REAL_FILES = sorted(DATA.glob("*.osm.*"))
PBF_FILES = [path for path in REAL_FILES if path.suffix == ".pbf"]

Place = tuple[float | str, float | str]
"""Longitude and latitude; text stands in the file as it is."""


class Way(NamedTuple):
    """One way of a made-up file."""

    id: int
    nodes: list[int]
    tags: Mapping[str, str] | Sequence[tuple[str, str]] = (("highway", "residential"),)
    version: int = 1


class Relation(NamedTuple):
    """One relation of a made-up file."""

    id: int
    members: list[tuple[str, int]]
    tags: Mapping[str, str]
    version: int = 1


def osm_xml(nodes: Mapping[int, Place], ways: Iterable[Way], relations: Iterable[Relation] = ()) -> str:
    """Return an OSM XML document; version 0 writes none."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6">']
    parts += [f'<node id="{number}" version="1" lon="{lon}" lat="{lat}"/>' for number, (lon, lat) in nodes.items()]
    for way in ways:
        refs = "".join(f'<nd ref="{node}"/>' for node in way.nodes)
        parts.append(f'<way id="{way.id}"{_version(way.version)}>{refs}{_tags(way.tags)}</way>')
    for relation in relations:
        members = "".join(f'<member type="{kind}" ref="{ref}" role=""/>' for kind, ref in relation.members)
        parts.append(
            f'<relation id="{relation.id}"{_version(relation.version)}>{members}{_tags(relation.tags)}</relation>'
        )
    return "\n".join([*parts, "</osm>", ""])


def _version(version: int) -> str:
    return f' version="{version}"' if version else ""


def _tags(tags: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    pairs = tags.items() if isinstance(tags, Mapping) else tags
    entities = {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
    return "".join(f"<tag k={quoteattr(key, entities)} v={quoteattr(value, entities)}/>" for key, value in pairs)


def write(path: Path, nodes: Mapping[int, Place], ways: Iterable[Way], relations: Iterable[Relation] = ()) -> Path:
    """Write a made-up file as OSM XML and return its path."""
    path.write_text(osm_xml(nodes, ways, relations), encoding="utf-8")
    return path


def converted(source: Path, target: Path) -> Path:
    """Write an OSM file in the format that the name of `target` tells, by libosmium, and return its path."""
    reader, writer = osmium.io.Reader(str(source)), osmium.SimpleWriter(str(target))
    osmium.apply(reader, writer)
    writer.close()
    reader.close()
    return target
