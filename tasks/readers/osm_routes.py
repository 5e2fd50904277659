"""Signed road routes, and the ways they run over."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.geometry import BETWEEN
from schemas.road import ROUTE
from tasks.readers.osm_raw import Ints, Records, offsets_of, rows_of
from tasks.readers.osm_tags import tags_of

TEXTS = ("network", "ref", "name")


class Routes(NamedTuple):
    """Routes in the order they are listed in, and those of each way as a range of `members`."""

    routes: pa.StructArray
    members: Ints
    """Rows of `routes`, way after way."""
    offsets: Ints
    """Where each way starts in `members`."""


def routes_of(parts: Sequence[Records], way_ids: Ints) -> Routes:
    """Return the routes over each of the ways, whose ids rise; a relation counts in its highest version."""
    every = Records.joined(parts)
    newest = every.newest()
    routes = _structs(newest)
    order = sorted(range(len(routes)), key=lambda row: _order(routes[row].as_py()))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    relation = np.searchsorted(newest.ids, every.ids)
    is_newest = every.versions == newest.versions[relation]
    owner = rows_of(every.ref_offsets)
    way, member = _known(way_ids, every.refs[is_newest[owner]], place[relation[owner[is_newest[owner]]]])
    pairs = np.unique(way * max(len(order), 1) + member)
    counts = np.bincount(pairs // max(len(order), 1), minlength=len(way_ids))
    return Routes(routes.take(pa.array(order, pa.int64())), pairs % max(len(order), 1), offsets_of(counts))


def _known(way_ids: Ints, refs: Ints, members: Ints) -> tuple[Ints, Ints]:
    """Return the row of each member way, and its route, for the ways that are known."""
    row = np.minimum(np.searchsorted(way_ids, refs), len(way_ids) - 1)
    is_known = way_ids[row] == refs
    return row[is_known], members[is_known]


def _structs(relations: Records) -> pa.StructArray:
    tags = tags_of(relations)
    texts = [tags.text(tags.value(key)) for key in TEXTS]
    records = record_ids("r", relations.ids, relations.versions)
    return pa.StructArray.from_arrays([*texts, records, pa.nulls(len(records), BETWEEN)], fields=list(ROUTE))


def _order(route: dict[str, str | None]) -> tuple[str, str, str]:
    return route["network"] or "", route["ref"] or "", route["record_id"] or ""


def record_ids(letter: str, ids: Ints, versions: Ints) -> pa.StringArray:
    """Return ids of OSM records with their versions.

    Examples
    --------
    >>> record_ids("w", np.array([123, 124]), np.array([4, 0])).to_pylist()
    ['w123@4', 'w124']
    """
    names = pc.binary_join_element_wise(letter, pa.array(ids).cast(pa.string()), "")
    versioned = pc.binary_join_element_wise(names, pa.array(versions).cast(pa.string()), "@")
    return pc.if_else(pa.array(versions > 0), versioned, names)
