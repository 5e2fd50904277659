"""Maps as files that every matcher reads: an OSMnx graph as OSM, and an extract in the order that Valhalla wants."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import osmium
import shapely
from osmium.osm.mutable import Node, Way

from tests.benchmarks.rivals.drives import Floats

GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
TAGS = {"d9": "highway", "d11": "maxspeed", "d12": "name", "d14": "ref", "d18": "junction"}
"""Columns of the graph that are tags."""
INNER_NODES = 10**12
"""Ids of made nodes begin here: the graph keeps only places where roads meet."""


def sorted_map(map_file: Path, folder: Path) -> Path:
    """Write a map by kind and id, as Valhalla asks of it, and return the new file in `folder`."""
    into = folder / f"sorted-{map_file.name}"
    reader = osmium.MergeInputReader()
    reader.add_file(str(map_file))
    with osmium.SimpleWriter(into, overwrite=True) as writer:
        reader.apply(writer, simplify=False)
    return into


def graph_map(graph: Path, into: Path) -> Path:
    """Write a simplified OSMnx graph as an OSM file: a way for each edge, with the tags that the graph kept.

    Edges that the graph holds both ways are one way; `id` and node ids of inner vertices are made.
    """
    root = ElementTree.parse(graph).getroot().find(f"{GRAPHML}graph")
    if root is None:
        raise ValueError(f"{graph}: no graph, expected GraphML of OSMnx")
    places = {node.attrib["id"]: _data(node) for node in root.iter(f"{GRAPHML}node")}
    nodes = {int(name): (float(data["d5"]), float(data["d4"])) for name, data in places.items()}
    ways: dict[tuple[int, ...], Way] = {}
    for edge in root.iter(f"{GRAPHML}edge"):
        data, ends = _data(edge), (int(edge.attrib["source"]), int(edge.attrib["target"]))
        line = shapely.from_wkt(data["d17"]) if "d17" in data else shapely.LineString([nodes[end] for end in ends])
        _add_way(ways, nodes, ends, shapely.get_coordinates(line), data)
    into.unlink(missing_ok=True)
    with osmium.SimpleWriter(into) as writer:
        for number in sorted(nodes):
            writer.add_node(Node(id=number, version=1, location=nodes[number]))
        for way in ways.values():
            writer.add_way(way)
    return into


def _data(element: ElementTree.Element) -> dict[str, str]:
    """Return the columns of a node or an edge."""
    return {each.attrib["key"]: each.text or "" for each in element.iter(f"{GRAPHML}data")}


def _add_way(
    ways: dict[tuple[int, ...], Way],
    nodes: dict[int, tuple[float, float]],
    ends: tuple[int, int],
    line: Floats,
    data: dict[str, str],
) -> None:
    """Add an edge as a way, and its inner vertices as nodes, unless it is there already the other way round."""
    is_one_way = data["d13"] == "True"
    metres = round(float(data["d16"]))
    if not is_one_way and (*ends[::-1], metres) in ways:
        return
    inner = range(INNER_NODES + len(nodes), INNER_NODES + len(nodes) + len(line) - 2)
    nodes.update(zip(inner, map(tuple, line[1:-1].tolist()), strict=True))
    tags = {name: data[key].strip("[]").split(",")[0].strip("' ") for key, name in TAGS.items() if key in data}
    tags["oneway"] = "yes" if is_one_way else "no"
    number = len(ways) + 1
    ways[(*ends, metres)] = Way(id=number, version=1, nodes=[ends[0], *inner, ends[1]], tags=tags)
