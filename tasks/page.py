"""What all map pages share: one HTML file with data and code inside, roads as steps, credits, legends as JSON."""

import base64
import gzip
import html
import json
import re
from collections.abc import Iterable
from importlib import metadata, resources
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.vocabulary import RoadClass
from tasks.legend import View

STEPS_PER_DEGREE = 1_000_000
"""A page keeps coordinates as whole steps of 0.1 m."""

LEVEL = 6
"""Of compression: 9 takes up to ten times as long and saves 1 to 4 %."""

OSM = "OpenStreetMap"
"""Name of the dataset that wants its contributors named."""

Row = dict[str, Any]
Ints = npt.NDArray[np.int64]


def html_page(template: str, told: Row, *, title: str) -> str:
    """Return the page of a template beside this module, with `told` (JSON values, no NaN) as its data.

    It needs no network, and its content security policy forbids any. `@@name_js@@` in the template stands for what is
    in `name.js`, styles alike.
    """
    packed = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    parts = {
        "title": html.escape(title),
        "leaflet_licence": metadata.distribution("django-js-lib-leaflet").read_text("LICENSE") or "",
        "leaflet_css": re.sub(r"url\([^)]*\)", "none", _leaflet("leaflet.css")),
        "leaflet_js": re.sub(r"//# sourceMappingURL.*", "", _leaflet("leaflet.js")),
        "data": base64.b64encode(gzip.compress(packed, LEVEL, mtime=0)).decode(),
    }
    return re.sub(r"@@(\w+)@@", lambda at: parts[at[1]] if at[1] in parts else _part(at[1]), _beside(template))


def _part(name: str) -> str:
    """Return the file that a place in a template names, such as page.css for `page_css`."""
    return _beside(".".join(name.rsplit("_", 1)))


def _leaflet(name: str) -> str:
    """Return a file of Leaflet, which a Python package brings along."""
    return resources.files("js_lib_leaflet").joinpath("static", "js_lib_leaflet", name).read_text(encoding="utf-8")


def _beside(name: str) -> str:
    return resources.files("tasks").joinpath(name).read_text(encoding="utf-8")


def drawing_rank(segments: pa.Table) -> Ints:
    """Return the order in which each of `segments` (rows of ROAD_SEGMENT) is drawn: minor roads first."""
    rank = pc.index_in(segments["class"], value_set=pa.array([str(word) for word in RoadClass]))
    return -np.asarray(pc.fill_null(rank, len(RoadClass)), dtype=np.int64)


def line_steps(geometry: pa.ChunkedArray) -> tuple[list[int], list[int]]:
    """Return how many vertices each line has, and x and y of all vertices in turn as steps from the one before."""
    shapes = shapely.from_wkb(geometry.to_numpy())
    return shapely.get_num_coordinates(shapes).tolist(), place_steps(shapely.get_coordinates(shapes))


def place_steps(degrees: npt.NDArray[np.float64]) -> list[int]:
    """Return x and y in turn as steps from the place before, the first from 0° 0°. Shape: `degrees` (n, 2).

    Examples
    --------
    >>> place_steps(np.array([[24.9, 60.1], [24.900001, 60.1]]))
    [24900000, 60100000, 1, 0]
    """
    places = np.round(degrees * STEPS_PER_DEGREE).astype(np.int64)
    steps: list[int] = np.diff(places, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).ravel().tolist()
    return steps


def view_json(view: View) -> Row:
    """Return a view as the page reads it."""
    entries = [entry._asdict() | {"colour": entry.colour._asdict()} for entry in view.entries]
    return {"name": view.name, "entries": entries, "codes": view.codes}


def dataset_credits(sources: Iterable[list[Row]]) -> list[str]:
    """Return the datasets to credit, OpenStreetMap first; `sources` as in ROAD_SEGMENT."""
    datasets = {source["dataset"] for source in chain.from_iterable(sources)}
    named = sorted(name for name in datasets if name and name != OSM)
    return ([f"© {OSM} contributors"] if OSM in datasets else []) + named
