"""What lies beside the roads in an OSM file: buildings, land use, places, lamps, signs, crossings, boundaries.

libosmium reads the file three times, for relations, nodes and ways, and hands on what has one of the keys alone; it
puts the rings of areas together. Held in memory are 16 bytes for each node and the features themselves.
"""

import bz2
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, cast

import osmium
from osmium.filter import KeyFilter

from schemas.vocabulary import FeatureKind, RejectReason
from tasks.readers.feature_rows import Feature, Lost, Tags
from tasks.readers.reading import ReadError
from tasks.readers.reject import Refusal

AREA_KEYS = {"building": FeatureKind.BUILDING, "landuse": FeatureKind.LAND_USE, "place": FeatureKind.PLACE}
"""What an area is, by the key that says so."""
CODES = ("ISO3166-1:alpha2", "ISO3166-1", "ISO3166-2")
"""Keys of ISO 3166 codes, the one that counts first."""
SPEED_KEYS = ("maxspeed", "maxspeed:forward", "maxspeed:backward")
SIGN_HIGHWAYS = (None, "traffic_sign", "speed_camera")
"""Values of `highway` on nodes whose `maxspeed` is what drivers are shown there."""
OTHER_SPEEDS = ("railway", "waterway", "aeroway", "aerialway")
"""Keys of nodes whose `maxspeed` is not for cars."""
AREA_FILTER = (*AREA_KEYS, *CODES)
SIGN_KEYS = ("traffic_sign", "traffic_sign:both", "traffic_sign:forward", "traffic_sign:backward")
LINE_KEYS = (*SIGN_KEYS, "traffic_calming", "crossing")
NODE_FILTER = ("building", "place", "highway", *LINE_KEYS, *SPEED_KEYS)
TAGLESS = (FeatureKind.BUILDING, FeatureKind.LAND_USE)
"""Kinds of which only the value is kept."""
FORMATS = {b"<": "osm", b"\xef": "osm", b"\x1f": "osm.gz", b"B": "osm.bz2"}
"""Format in libosmium's words, by the first byte; PBF has none of them."""

UNPACKERS: dict[str, Callable[[bytes], bytes]] = {"osm.gz": gzip.decompress, "osm.bz2": bz2.decompress}
AREA_TYPES = ("multipolygon", "boundary")
"""Values of `type` of the relations whose member ways are rings."""

NODE = re.compile(rb"""<node\b(?:[^>"']|"[^"]*"|'[^']*')*>""")
PLACE = re.compile(rb"""\b(lon|lat)\s*=\s*["']([^"']*)["']""")

OUT_OF_ORDER = "out of order"
"""What libosmium says when it builds areas and a record has a lower id than the one before it."""
CLOSED_WORDS = "no area comes of the closed way: nodes are not in the file, or its ring is broken"
RELATION_WORDS = "no area comes of the relation: ways are not in the file, or its rings do not close"

Kinds = list[tuple[FeatureKind, str]]
Awaited = dict[tuple[str, int], tuple[int, Kinds, str]]
"""Ways and relations that should become areas: version, kinds, and what to say if none comes."""
File = osmium.io.File | osmium.io.FileBuffer


class TagsOf(Protocol):
    """Tags as libosmium shows them, or a dict."""

    def get(self, key: str, /) -> str | None:
        """Return the value of a key."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the tags."""


def osm_features(path: Path) -> Iterator[Feature | Lost]:
    """Yield the features of an OSM file, PBF or XML, plain or packed by gzip or bzip2, and those that are broken.

    A record gives one feature for each kind that its tags name, called `w1/building`. A relation must be of type
    multipolygon or boundary; its rings, and the ring of a closed way, become an area. Land use that is a node, and
    signs that are relations, have no shape and are passed over.

    Raises
    ------
    ReadError
        If the file is damaged.
    """
    form = _format(path)
    try:
        try:
            yield from _features(osmium.io.File(str(path), form))
        except osmium.InvalidLocationError:
            yield from _in_any_order(_mended_text(path), "osm")
        except RuntimeError as error:
            if OUT_OF_ORDER not in str(error):
                raise
            yield from _in_any_order(path.read_bytes(), form)
    except (RuntimeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise ReadError(f"{path}: {str(error).splitlines()[0]}; expected a whole OSM file") from error


def _in_any_order(text: bytes, form: str) -> Iterator[Feature | Lost]:
    """Yield the features of a file whose records do not stand in the order that area building asks for."""
    merged = osmium.MergeInputReader()
    merged.add_buffer(text, form)
    with TemporaryDirectory() as folder:
        ordered = f"{folder}/ordered.osm.pbf"
        with osmium.SimpleWriter(ordered) as writer:
            merged.apply(writer, simplify=True)
        yield from _features(osmium.io.File(ordered))


def _format(path: Path) -> str:
    """Return the format of a file in libosmium's words, by its first byte."""
    with path.open("rb") as file:
        return FORMATS.get(file.read(1), "pbf")


def _mended_text(path: Path) -> bytes:
    """Return an XML file with nodes whose place is no number left without one: libosmium gives up the file for them."""
    unpack = UNPACKERS.get(_format(path), bytes)
    return NODE.sub(_mended_node, unpack(path.read_bytes()))


def _mended_node(node: re.Match[bytes]) -> bytes:
    return node[0] if all(_is_degrees(value) for _, value in PLACE.findall(node[0])) else PLACE.sub(b"", node[0])


def _is_degrees(text: bytes) -> bool:
    try:
        return abs(float(text)) <= 180
    except ValueError:
        return False


def _features(file: File) -> Iterator[Feature | Lost]:
    """Yield the features of nodes, ways and areas; the node locations are read before the first way."""
    manager, locations = osmium.area.AreaManager(), osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
    locations.ignore_errors()
    awaited = _area_relations(file, manager)
    yield from _of_nodes(file, locations)
    yield from _of_ways(file, locations, manager, awaited)


def _area_relations(file: File, manager: osmium.area.AreaManager) -> Awaited:
    """Return the relations that should become areas, which the manager is told of too."""
    awaited: Awaited = {}
    keys, first_pass = KeyFilter(*AREA_FILTER), manager.first_pass_handler()
    with osmium.io.Reader(file, osmium.osm.RELATION) as reader:
        for relation in cast(Iterator[osmium.osm.Relation], osmium.OsmFileIterator(reader, keys, first_pass)):
            kinds = area_kinds(relation.tags)
            if kinds and relation.tags.get("type") in AREA_TYPES:
                awaited["r", relation.id] = relation.version, kinds, RELATION_WORDS
    return awaited


def _of_nodes(file: File, locations: osmium.NodeLocationsForWays) -> Iterator[Feature | Lost]:
    """Yield the features of nodes; the place of every node is remembered."""
    keys, geometries = KeyFilter(*NODE_FILTER), osmium.geom.WKBFactory()
    with osmium.io.Reader(file, osmium.osm.NODE) as reader:
        for node in cast(Iterator[osmium.osm.Node], osmium.OsmFileIterator(reader, locations, keys)):
            kinds = node_kinds(node.tags)
            if not kinds:
                continue
            if node.location.valid():
                yield from _made("n", node.id, node.version, kinds, geometries.create_point(node), node.tags)
            else:
                words = "the node has no place within ±180° and ±90°"
                yield from _lost("n", node.id, node.version, kinds, RejectReason.BAD_COORDINATE, words)


def _of_ways(
    file: File, locations: osmium.NodeLocationsForWays, manager: osmium.area.AreaManager, awaited: Awaited
) -> Iterator[Feature | Lost]:
    """Yield the features of ways, and of areas as they are done; last those whose area was never done."""
    keys, geometries = KeyFilter(*AREA_FILTER, *LINE_KEYS), osmium.geom.WKBFactory()
    areas = osmium.BufferIterator(keys)
    second_pass = manager.second_pass_to_buffer(areas)  # the iterator keeps no reference: a temporary would crash it
    with osmium.io.Reader(file, osmium.osm.WAY) as reader:
        ways = osmium.OsmFileIterator(reader, locations, second_pass, keys)
        for way in cast(Iterator[osmium.osm.Way], ways):
            if kinds := area_kinds(way.tags):
                awaited["w", way.id] = way.version, kinds, _way_words(way)
            yield from _of_line(way, geometries)
            yield from _of_areas(areas, geometries, awaited)
    yield from _of_areas(areas, geometries, awaited)
    for (letter, number), (version, lost, words) in awaited.items():
        yield from _lost(letter, number, version, lost, RejectReason.BAD_GEOMETRY, words)


def _of_areas(
    areas: osmium.BufferIterator, geometries: osmium.geom.WKBFactory, awaited: Awaited
) -> Iterator[Feature | Lost]:
    for area in cast(Iterator[osmium.osm.Area], areas) if areas else ():
        record = "w" if area.from_way() else "r", area.orig_id()
        if record in awaited and area.num_rings()[0]:
            version, kinds, _ = awaited.pop(record)
            yield from _made(*record, version, kinds, geometries.create_multipolygon(area), area.tags)


def _of_line(way: osmium.osm.Way, geometries: osmium.geom.WKBFactory) -> Iterator[Feature | Lost]:
    kinds = line_kinds(way.tags)
    if not kinds:
        return
    try:
        wkb = geometries.create_linestring(way)
    except (RuntimeError, osmium.InvalidLocationError) as error:
        words = f"{error}, expected two nodes or more, all in the file"
        yield from _lost("w", way.id, way.version, kinds, RejectReason.BAD_GEOMETRY, words)
    else:
        yield from _made("w", way.id, way.version, kinds, wkb, way.tags)


def _way_words(way: osmium.osm.Way) -> str:
    """Return why no area would come of a way, should none come."""
    return CLOSED_WORDS if way.is_closed() else f"the way does not close, {len(way.nodes)} nodes; expected an area"


def _made(letter: str, number: int, version: int, kinds: Kinds, wkb: str, tags: TagsOf) -> Iterator[Feature]:
    name = f"{letter}{number}"
    for kind, value in kinds:
        kept = () if kind in TAGLESS else _sorted(tags)
        yield Feature(f"{name}/{kind}", _record(name, version), version, kind, value, wkb, kept)


def _lost(letter: str, number: int, version: int, kinds: Kinds, reason: RejectReason, words: str) -> Iterator[Lost]:
    name = f"{letter}{number}"
    for kind, _ in kinds:
        yield Lost(f"{name}/{kind}", Refusal(_record(name, version), reason, f"no {kind}: {words}"))


def _record(name: str, version: int) -> str:
    return f"{name}@{version}" if version > 0 else name


def _sorted(tags: TagsOf) -> Tags:
    return sorted((tag.k, tag.v) for tag in tags)


def area_kinds(tags: TagsOf) -> Kinds:
    """Return what the tags of an area say that it is.

    Examples
    --------
    >>> area_kinds({"landuse": "retail", "building": "no"})
    [(<FeatureKind.LAND_USE: 'land_use'>, 'retail')]
    >>> area_kinds({"boundary": "administrative", "ISO3166-2": "US-OR"})
    [(<FeatureKind.BOUNDARY: 'boundary'>, 'US-OR')]
    """
    kinds = [(kind, value) for key, kind in AREA_KEYS.items() if (value := tags.get(key)) not in (None, "no")]
    if tags.get("boundary") == "administrative":
        codes = [code for key in CODES if (code := tags.get(key))]
        kinds += [(FeatureKind.BOUNDARY, codes[0])] if codes else []
    return kinds


def line_kinds(tags: TagsOf) -> Kinds:
    """Return what the tags of a way say that it is, other than an area.

    Examples
    --------
    >>> line_kinds({"traffic_calming": "island"})
    [(<FeatureKind.TRAFFIC_CALMING: 'traffic_calming'>, 'island')]
    """
    kinds: Kinds = []
    if signs := [sign for key in SIGN_KEYS if (sign := tags.get(key))]:
        kinds.append((FeatureKind.TRAFFIC_SIGN, signs[0]))
    if (calming := tags.get("traffic_calming")) not in (None, "no"):
        kinds.append((FeatureKind.TRAFFIC_CALMING, calming))
    if (crossing := tags.get("crossing")) not in (None, "no") and tags.get("railway") is None:
        kinds.append((FeatureKind.CROSSING, crossing))
    return kinds


def node_kinds(tags: TagsOf) -> Kinds:
    """Return what the tags of a node say that it is.

    Examples
    --------
    >>> node_kinds({"highway": "traffic_sign", "maxspeed": "30"})
    [(<FeatureKind.TRAFFIC_SIGN: 'traffic_sign'>, 'maxspeed')]
    >>> node_kinds({"highway": "bus_stop"})
    []
    """
    kinds = [(AREA_KEYS[key], value) for key in ("building", "place") if (value := tags.get(key)) not in (None, "no")]
    kinds += line_kinds(tags)
    highway = tags.get("highway")
    if highway == "street_lamp":
        kinds.append((FeatureKind.STREET_LAMP, highway))
    if highway == "crossing" and (tags.get("crossing") is None or tags.get("railway") is not None):
        kinds.append((FeatureKind.CROSSING, tags.get("crossing") or "yes"))
    if not any(tags.get(key) for key in SIGN_KEYS) and (highway == "traffic_sign" or _shows_speed(tags, highway)):
        kinds.append((FeatureKind.TRAFFIC_SIGN, "maxspeed" if _shows_speed(tags, highway) else "yes"))
    return kinds


def _shows_speed(tags: TagsOf, highway: str | None) -> bool:
    """Return whether a node states a limit that drivers are shown there."""
    if highway not in SIGN_HIGHWAYS or all(tags.get(key) is None for key in SPEED_KEYS):
        return False
    return all(tags.get(key) is None for key in OTHER_SPEEDS)
