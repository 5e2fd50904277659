"""Car roads out of `Raw`: each way once, in its newest version, with the places of its nodes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.readers.osm_raw import DEGREE, NOWHERE, Flags, Ints, Nodes, Raw, Records
from tasks.readers.osm_routes import Routes, routes_of
from tasks.readers.osm_tags import Kinds, Tags, kinds_of, tags_of
from tasks.split_way import without_repeats

MAX_LON, MAX_LAT = 180 * DEGREE, 90 * DEGREE


class Roads(NamedTuple):
    """Car roads by way id, and the nodes they use by node id."""

    ids: Ints
    versions: Ints
    tags: Tags
    kinds: Kinds
    routes: Routes
    nodes: Ints
    """Node of each reference, as a row of the columns below; no way repeats a node at once."""
    offsets: Ints
    """Where each way starts in `nodes`."""
    node_ids: Ints
    lon: NDArray[np.float64]
    """NaN where the node has no usable place."""
    lat: NDArray[np.float64]
    is_found: Flags
    """Whether the node is in the files at all."""


def roads_of(raw: Raw) -> Roads:
    """Return the car roads with their nodes."""
    ways, tags, kinds = _car_ways(Records.joined(raw.ways).newest())
    refs, offsets = without_repeats(ways.refs, ways.ref_offsets)
    node_ids, nodes = np.unique(refs, return_inverse=True)
    lon, lat, is_found = locate(node_ids, raw.nodes)
    routes = routes_of(raw.routes, ways.ids)
    return Roads(ways.ids, ways.versions, tags, kinds, routes, nodes, offsets, node_ids, lon, lat, is_found)


def _car_ways(ways: Records) -> tuple[Records, Tags, Kinds]:
    tags = tags_of(ways)
    kinds = kinds_of(tags)
    rows = np.flatnonzero(kinds.is_car_road[kinds.kind])
    return ways.where(rows), tags.where(rows), kinds._replace(kind=kinds.kind[rows])


def locate(ids: Ints, parts: Sequence[Nodes]) -> tuple[NDArray[np.float64], NDArray[np.float64], Flags]:
    """Return longitude and latitude of the nodes `ids`, which rise, and whether each was found.

    A node that stands in several parts is where the last one says. The work per part goes by the ids wanted there
    and not by its size: most nodes of a country belong to no road.

    Examples
    --------
    >>> part = Nodes(np.array([3, 5]), np.array([249000000, 0]), np.array([601000000, 950000000]))
    >>> locate(np.array([3, 4, 5]), [part])
    (array([24.9,  nan,  nan]), array([60.1,  nan,  nan]), array([ True, False,  True]))
    """
    lon = np.full(len(ids), NOWHERE, dtype=np.int32)
    lat = np.full(len(ids), NOWHERE, dtype=np.int32)
    is_found = np.zeros(len(ids), dtype=bool)
    for part in parts:
        row, place = _matches(ids, part.ids)
        lon[row], lat[row], is_found[row] = part.lon[place], part.lat[place], True
    usable = (np.abs(lon.astype(np.int64)) <= MAX_LON) & (np.abs(lat.astype(np.int64)) <= MAX_LAT)
    return np.where(usable, lon / DEGREE, np.nan), np.where(usable, lat / DEGREE, np.nan), is_found


def _matches(ids: Ints, part: Ints) -> tuple[Ints, Ints]:
    """Return the rows of `ids` that stand in `part`, and where; of equal ids in `part` the last one."""
    order = None if (part[1:] > part[:-1]).all() else np.argsort(part, kind="stable")
    rising = part if order is None else part[order]
    if len(rising) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    row = np.arange(np.searchsorted(ids, rising[0]), np.searchsorted(ids, rising[-1], side="right"))
    place = np.searchsorted(rising, ids[row], side="right") - 1
    is_hit = rising[place] == ids[row]
    place = place[is_hit]
    return row[is_hit], place if order is None else order[place]
