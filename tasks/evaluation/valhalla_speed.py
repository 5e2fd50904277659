"""What Valhalla guesses: its own programs, run on a map of these segments. They are looked for when it is asked.

Its speeds are those that it takes a car to drive where no limit is tagged: guesses of driving, not of law.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from math import nan
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Lines = npt.NDArray[Any]
Tags = Mapping[str, str]

PROGRAMS = ("valhalla_build_config", "valhalla_build_tiles", "valhalla_service")
AT_ONCE = 500
"""Places that are asked for in one go."""
HOURS = 3600.0


def valhalla_speeds(
    lines: "npt.NDArray[shapely.LineString]", tags: Sequence[Tags], asked: Sequence[int]
) -> Floats | str:
    """Return the speed in km/h that Valhalla takes the segments `asked` for to be driven at, or why it cannot be had.

    NaN where it has no road for a segment. Shapes: n lines in WGS 84 and their tags, m rows of them; (m,).
    """
    if absent := [program for program in PROGRAMS if which(program) is None]:
        return f"{absent[0]} is not on the path (pip install pyvalhalla, or Debian's valhalla-bin)"
    if find_spec("osmium") is None:
        return "osmium is not installed (pip install osmium)"
    with TemporaryDirectory() as folder:
        try:
            return _asked(Path(folder), lines, tags, asked)
        except (subprocess.SubprocessError, OSError, ValueError, KeyError) as error:
            return f"Valhalla failed: {' '.join(str(error).split())}"


def _asked(folder: Path, lines: Lines, tags: Sequence[Tags], asked: Sequence[int]) -> Floats:
    write_map(folder / "roads.osm.pbf", lines, tags)
    config = _run("valhalla_build_config", "--mjolnir-tile-dir", str(folder / "tiles"), "--mjolnir-concurrency", "1")
    (folder / "valhalla.json").write_text(config[config.index("{") :])
    _run("valhalla_build_tiles", "-c", str(folder / "valhalla.json"), str(folder / "roads.osm.pbf"))
    middles = shapely.get_coordinates(shapely.line_interpolate_point(lines[list(asked)], 0.5, normalized=True))
    found: list[float] = []
    for start in range(0, len(asked), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        found += _located(folder, middles[part], asked[part])
    return np.array(found, dtype=float)


def _located(folder: Path, places: Floats, asked: Sequence[int]) -> list[float]:
    """Return the speeds of roads at places in degrees, each the road of its row."""
    request = folder / "request.json"
    spots = [{"lon": lon, "lat": lat} for lon, lat in places.tolist()]
    request.write_text(json.dumps({"locations": spots, "verbose": True}))
    told = _run("valhalla_service", str(folder / "valhalla.json"), "locate", str(request))
    answers = json.loads(told[told.index('[{"input_lat"') if '[{"input_lat"' in told else 0 :])
    return [speed_of(answer["edges"] or (), row + 1) for answer, row in zip(answers, asked, strict=True)]


def speed_of(edges: Sequence[Mapping[str, Any]], way: int) -> float:
    """Return the default speed (km/h) of a way among the edges of Valhalla's answer, NaN if it is not there.

    Examples
    --------
    >>> speed_of([{"edge_info": {"way_id": 7}, "edge": {"speeds": {"default": 35, "type": "classified"}}}], 7)
    35.0
    """
    speeds = [float(each["edge"]["speeds"]["default"]) for each in edges if each["edge_info"]["way_id"] == way]
    return max(speeds, default=nan)


def write_map(file: Path, lines: Lines, tags: Sequence[Tags]) -> None:
    """Write segments as an OSM file: way number n + 1 is line n, and lines that share a vertex share its node."""
    import osmium

    coordinates, line = shapely.get_coordinates(lines, return_index=True)
    places, node = np.unique(np.round(coordinates, 7), axis=0, return_inverse=True)
    parts = np.split(node.reshape(-1) + 1, np.searchsorted(line, np.arange(1, len(lines))))
    with osmium.SimpleWriter(str(file)) as writer:
        for number, (lon, lat) in enumerate(places.tolist(), start=1):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=(lon, lat), version=1))
        for number, (nodes, told) in enumerate(zip(parts, tags, strict=True), start=1):
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=nodes.tolist(), tags=dict(told), version=1))


def _run(program: str, *arguments: str) -> str:
    """Return what a program prints."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=HOURS, check=False)
    if done.returncode:
        last = [*done.stderr.strip().splitlines(), "no message"][0]
        raise subprocess.SubprocessError(f"{program} ended with code {done.returncode}: {last}")
    return done.stdout
