"""Reading OSM: ours beside pyosmium, pyrosm and GDAL doing the same work, in one run.

`python -m tests.benchmarks.test_reading` prints the table; as a test it runs once, untimed, and compares answers.
"""

import math
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import osmium
import pyogrio
import pyrosm
import pytest
import shapely
from pyrosm.pbfreader import parse_osm_data

from tasks.readers.osm import read_osm
from tasks.readers.osm_pbf import read_pbf
from tasks.readers.osm_roads import roads_of
from tasks.readers.wkb import line_wkb
from tasks.road_class import CLASSES, LINKS, is_car_road
from tasks.split_way import split_ways

PROJECT = Path(__file__).parents[2]
DEMO = PROJECT / "infra/demo/helsinki.osm.pbf"
DATA = PROJECT / "../shared/data/osm"
FILES = ("columbus.osm.pbf", "liechtenstein.osm.pbf", "baltimore.osm.pbf")
HIGHWAYS = [*CLASSES, *LINKS]

Lines = tuple[np.ndarray, Sequence[bytes]]
"""Segments as rows of way, first node and last node, and their well-known binary."""


def ours(path: Path) -> int:
    """Everything that `read_osm` promises."""
    return read_osm([path]).segments.num_rows


def ours_core(path: Path) -> Lines:
    """Tags, split and well-known binary, as the others do it."""
    roads = roads_of(read_pbf(path))
    pieces = split_ways(roads.nodes, roads.offsets, ~np.isnan(roads.lon[roads.nodes]))
    counts = pieces.last - pieces.first + 1
    offsets = np.concatenate(([0], np.cumsum(counts)))
    node = roads.nodes[np.arange(offsets[-1]) + np.repeat(pieces.first - offsets[:-1], counts)]
    lines = line_wkb(roads.lon[node], roads.lat[node], offsets)
    ends = (roads.ids[pieces.way], *(roads.node_ids[roads.nodes[at]] for at in (pieces.first, pieces.last)))
    return np.column_stack(ends), lines


def by_pyosmium(path: Path) -> Lines:
    """Locations and the filter on `highway` in C++, the split with a dict, WKB by shapely for all at once.

    (`osmium.geom.WKBFactory` writes whole ways alone; a Python call for each segment is slower than shapely's arrays.)
    """
    ways = []
    uses: Counter[int] = Counter()
    reader = osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for way in reader.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)).with_filter(
        osmium.filter.KeyFilter("highway")
    ):
        tags = dict(way.tags)
        if is_car_road(highway=tags["highway"], area=tags.get("area")):
            nodes = [(n.ref, n.lon, n.lat) for n in way.nodes if n.location.valid()]
            uses.update(ref for ref, _, _ in nodes)
            ways.append((way.id, tags, nodes))
    names, coordinates, owners = [], [], []
    for number, _, nodes in ways:
        start = 0
        for at in range(1, len(nodes)):
            if uses[nodes[at][0]] > 1 or at == len(nodes) - 1:
                coordinates += [node[1:] for node in nodes[start : at + 1]]
                owners += [len(names)] * (at + 1 - start)
                names.append((number, nodes[start][0], nodes[at][0]))
                start = at
    return np.array(names), shapely.to_wkb(shapely.linestrings(np.array(coordinates), indices=owners))


def by_pyrosm(path: Path) -> Lines:
    """The arrays of pyrosm's own in-memory reader, the split and WKB in whole arrays."""
    nodes, ways, *_ = parse_osm_data(str(path), None, True, None)
    keys, values = (np.array(ways.strings, dtype=object)[column] for column in (ways.keys, ways.vals))
    hits = np.flatnonzero((keys == "highway") & np.isin(values.astype(str), HIGHWAYS))
    areas = np.flatnonzero((keys == "area") & (values == "yes"))
    owner = np.repeat(np.arange(len(ways.ids)), np.diff(ways.tags_off))
    rows = np.setdiff1d(owner[hits], owner[areas])
    counts = ways.refs_off[rows + 1] - ways.refs_off[rows]
    way = np.repeat(np.arange(len(rows)), counts)
    refs = ways.refs[np.arange(counts.sum()) + np.repeat(ways.refs_off[rows] - (np.cumsum(counts) - counts), counts)]
    order = np.argsort(nodes["id"])
    node = order[np.minimum(np.searchsorted(nodes["id"], refs, sorter=order), len(order) - 1)]
    is_found = nodes["id"][node] == refs
    way, refs, node = way[is_found], refs[is_found], node[is_found]
    _, number, uses = np.unique(refs, return_inverse=True, return_counts=True)
    is_joint = np.concatenate(([True], way[1:] != way[:-1], [True]))
    cuts = np.flatnonzero(is_joint[:-1] | is_joint[1:] | (uses[number] > 1))
    is_inside = way[cuts[1:]] == way[cuts[:-1]]
    first, last = cuts[:-1][is_inside], cuts[1:][is_inside]
    lengths = last - first + 1
    places = np.arange(lengths.sum()) + np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
    points = np.column_stack((nodes["lon"], nodes["lat"]))[node[places]]
    lines = shapely.linestrings(points, indices=np.repeat(np.arange(len(lengths)), lengths))
    ends = (ways.ids[rows][way[first]], refs[first], refs[last])
    return np.column_stack(ends), shapely.to_wkb(lines)


def by_pyrosm_network(path: Path) -> int:
    """Only the lines of whole ways as `OSM.get_network` gives them, without any split; its cache is emptied before."""
    osm = pyrosm.OSM(str(path))
    return len(osm.get_network(custom_filter={"highway": HIGHWAYS}, filter_type="keep"))


def by_gdal(path: Path) -> int:
    """Only the lines of whole ways, of all kinds, as GDAL's driver gives them, without any split."""
    return len(pyogrio.read_arrow(path, layer="lines")[1])


READERS: dict[str, Callable[[Path], object]] = {
    "waysmith read_osm, all columns": ours,
    "waysmith, tags + split + WKB": ours_core,
    "pyosmium, tags + split + WKB": by_pyosmium,
    "pyrosm arrays, tags + split + WKB": by_pyrosm,
    "pyrosm get_network, no split": by_pyrosm_network,
    "GDAL lines, no split": by_gdal,
}


@pytest.mark.bench
@pytest.mark.filterwarnings("ignore")
def test_same_segments() -> None:
    ends, lines = ours_core(DEMO)
    assert len(ends) > 100
    for reader in (by_pyosmium, by_pyrosm):
        other_ends, other_lines = reader(DEMO)
        order = np.lexsort(other_ends.T[::-1])
        assert (other_ends[order] == ends[np.lexsort(ends.T[::-1])]).all()
        assert Counter(bytes(line) for line in other_lines) == Counter(lines.to_pylist())


def peak_megabytes(reader: str, path: Path) -> float:
    """Return by how much the peak memory of a fresh process grows when it reads the file."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_grown, (reader, path))


def _grown(reader: str, path: Path) -> float:
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_kilobytes()
    milliseconds(reader, path)
    return (_peak_kilobytes() - before) / 1024


def _peak_kilobytes() -> int:
    """Return the high-water mark of resident memory; writing 5 to `clear_refs` sets it to what is in use now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def milliseconds(reader: str, path: Path) -> tuple[float, float]:
    """Return how long one reading takes on the clock, and on all cores together; NaN if the reader fails."""
    pyrosm.OSM.clear_cache()
    start, work = time.perf_counter(), time.process_time()
    try:
        READERS[reader](path)
    except ValueError:
        return math.nan, math.nan
    return (time.perf_counter() - start) * 1000, (time.process_time() - work) * 1000


def main(paths: list[Path], rounds: int = 7) -> None:
    """Print medians in milliseconds on the clock and of processor time, readers taking turns, and peak memory.

    On a machine with other work to do the processor time is the steadier one.
    """
    for path in paths:
        taken = [[milliseconds(reader, path) for reader in READERS] for _ in range(rounds + 1)][1:]
        medians = np.median(np.array(taken), axis=0)
        relative = medians / medians[0]
        print(f"\n{path.name}, {path.stat().st_size / 1e6:.1f} MB, medians of {rounds}, × read_osm")
        for reader, (wall, work), (times, times_work) in zip(READERS, medians, relative, strict=True):
            speed = f"{wall:9.1f} ms × {times:5.2f}   processor {work:9.1f} ms × {times_work:5.2f}"
            print(f"{reader:36}{speed}   {peak_megabytes(reader, path):5.0f} MB")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [DATA / name for name in FILES])
