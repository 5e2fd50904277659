"""Speeds for Valhalla: against its formulas written out, and against Valhalla itself where it is installed."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from tasks.readers.roads import read_roads
from tasks.valhalla_edge import EdgeParts, parts_by_shape
from tasks.valhalla_speeds import (
    ValhallaSpeeds,
    compressed,
    csv_files,
    edge_speeds,
    graph_id,
    packed,
    tile_path,
    unpacked,
    write_speeds,
)

DEMO = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"
RIVALS = os.environ.get("WAYSMITH_RIVALS", sys.executable)
"""A Python with pyvalhalla; its wheels want Python 3.12 or newer."""

IN_VALHALLA = """
import json, os, subprocess, sys
import valhalla
from pathlib import Path
from valhalla.baldr import GraphId, GraphTileHeader
from valhalla.baldr import utils
from valhalla.config import get_config
folder = Path(sys.argv[1])
config, bins = folder / "valhalla.json", Path(valhalla.__file__).parent / "bin"
def tool(name, *words):
    subprocess.run([bins / name, "-c", config, *words], check=True, stdout=subprocess.DEVNULL)
def parsed(answer):
    return json.loads(answer) if isinstance(answer, str) else answer
"""
BUILD = """
(folder / "tiles").mkdir()
made = get_config(tile_dir=str(folder / "tiles"), tile_extract="")
made["mjolnir"]["concurrency"] = 1
config.write_text(json.dumps(made))
tool("valhalla_build_tiles", sys.argv[2])
reader, shapes = utils.GraphUtils(str(config)), {}
for file in sorted((folder / "tiles").rglob("*.gph")):
    header = GraphTileHeader.from_file(file)
    for number in range(header.directededgecount):
        edge = GraphId(header.graphid.tileid(), header.graphid.level(), number)
        shapes[edge.value] = [str(edge), os.fspath(edge), reader.get_edge_shape(edge)]
print(json.dumps(shapes))
"""
ADD_AND_ASK = """
tool("valhalla_add_predicted_traffic", "-t", folder / "traffic")
actor = valhalla.Actor(str(config))
told = {}
for lon, lat in json.loads(sys.argv[2]):
    where = {"locations": [{"lon": lon, "lat": lat, "radius": 1}], "costing": "auto", "verbose": True}
    for edge in parsed(actor.locate(where))[0]["edges"] or []:
        speeds = edge["edge"]["speeds"]
        told[edge["edge_id"]["value"]] = [speeds["free_flow"], speeds["constrained_flow"], edge["predicted_speeds"]]
headers = [GraphTileHeader.from_file(file) for file in (folder / "tiles").rglob("*.gph")]
print(json.dumps([told, sum(header.predictedspeeds_count for header in headers)]))
"""
ROUTE = """
actor = valhalla.Actor(str(config))
start, end, moments = json.loads(sys.argv[2])
def seconds(moment):
    ask = {"locations": [dict(zip(("lon", "lat"), each)) for each in (start, end)], "costing": "auto"}
    ask["date_time"] = {"type": 1, "value": moment}
    ask["costing_options"] = {"auto": {"speed_types": ["predicted"]}}
    summary = parsed(actor.route(ask))["trip"]["summary"]
    return summary["time"], summary["length"]
print(json.dumps([seconds(moment) for moment in moments]))
"""
PACK = """
import numpy as np
weeks = np.load(sys.argv[2])
made = [utils.compress_speed_buckets(np.roll(week, 288).astype(np.float32)) for week in weeks]
texts = [utils.encode_compressed_speeds(each) for each in made]
ours = [utils.decode_compressed_speeds(text) for text in json.loads(Path(sys.argv[3]).read_text())]
back = [[utils.decompress_speed_bucket(each, bin) for bin in range(0, 2016, 24)] for each in ours]
print(json.dumps([[each.tolist() for each in made], texts, back]))
"""


def asked(script: str, folder: Path, *words: str) -> Any:
    """What a script prints that runs where pyvalhalla is."""
    run = [RIVALS, "-c", IN_VALHALLA + script, str(folder), *words]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def has_valhalla() -> bool:
    run = [RIVALS, "-c", "import valhalla.baldr.utils"]
    return subprocess.run(run, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Tiles that Valhalla built of the demo town, and its edges: id, path of the tile, shape."""
    if not has_valhalla():
        pytest.skip("no pyvalhalla here, and WAYSMITH_RIVALS names no Python that has it")
    folder = tmp_path_factory.mktemp("valhalla")
    return folder, asked(BUILD, folder, str(DEMO))


@pytest.fixture(scope="module")
def on_segments(graph: tuple[Path, dict[str, Any]]) -> tuple[Any, EdgeParts]:
    """Segments of the demo town, and Valhalla's edges on them."""
    roads = read_roads([DEMO]).segments
    lines = shapely.from_wkb(roads.column("geometry").to_numpy())
    shapes = [np.array(shape) for _, _, shape in graph[1].values()]
    return roads, parts_by_shape(np.array([int(edge) for edge in graph[1]]), shapes, lines)


def written_out(week: np.ndarray) -> list[int]:
    """`compress_speed_buckets` as it stands in Valhalla's baldr/predictedspeeds.cc, of a week from Sunday on."""
    bins = np.arange(2016)
    sums = [float((np.cos(math.pi / 2016 * (bins + 0.5) * c) * week).sum()) for c in range(200)]
    sums[0] *= math.sqrt(0.5)
    return [round(math.sqrt(2 / 2016) * each) for each in sums]


def read_out(coefficients: list[int], week_bin: int) -> float:
    """`decompress_speed_bucket`, the same way."""
    speed = coefficients[0] * math.sqrt(0.5)
    for k in range(1, 200):
        speed += coefficients[k] * math.cos(math.pi / 2016 * (week_bin + 0.5) * k)
    return speed * math.sqrt(2 / 2016)


def calm_weeks(count: int, seed: int = 0) -> np.ndarray:
    """Weeks with two slow hours on each weekday, from Monday on."""
    rng = np.random.default_rng(seed)
    hour = np.arange(2016) / 12 % 24
    dips = [rng.uniform(3, 9) * np.exp(-((hour - at) ** 2) / 3) for at in rng.uniform(7, 18, (count, 2)).ravel()]
    base = rng.uniform(30, 100, count)
    return (base[:, None] - np.array(dips).reshape(count, 2, 2016).sum(axis=1)).astype(np.float32)


def test_weeks_are_packed_as_valhalla_packs_them() -> None:
    weeks = calm_weeks(4)
    for week, made in zip(weeks, compressed(weeks).tolist(), strict=True):
        wanted = written_out(np.concatenate([week[6 * 288 :], week[: 6 * 288]]))
        assert np.abs(np.array(wanted) - made).max() <= 1  # a half may be rounded either way
        assert np.count_nonzero(np.array(wanted) - made) < 3


def test_weeks_come_back() -> None:
    weeks = calm_weeks(6)
    texts = packed(compressed(weeks))
    assert {len(text) for text in texts} == {536}
    back = unpacked(texts)
    assert np.abs(back - weeks).max() < 2.0
    sunday_noon = 6 * 288 + 144
    assert back[0, sunday_noon] == pytest.approx(read_out(compressed(weeks)[0].tolist(), 144), abs=1e-9)


@pytest.mark.parametrize("bins", [1, 6, 18, 100])
@pytest.mark.parametrize("dip", [1.0, 6.0, 12.0, 30.0])
def test_waves_around_a_dip_do_not_undercut_it(bins: int, dip: float) -> None:
    week = np.full((1, 2016), 64.0)
    week[0, 500 : 500 + bins] = dip
    back = unpacked(packed(compressed(week)))[0]
    assert back.min() >= 0.45 * max(dip, 5.0)
    assert back.min() >= 4.5
    assert np.abs(np.delete(back, np.s_[380 : 620 + bins]) - 64).max() < 6  # far from it all is as it was


def test_a_wild_week_unpacks_to_speeds() -> None:
    rng = np.random.default_rng(0)
    weeks = np.where(rng.random((20, 2016)) < rng.random((20, 1)), 5.0, 130.0)
    back = unpacked(packed(compressed(weeks)))
    assert back.min() >= 4.5
    assert back.max() < 252


@pytest.mark.parametrize(
    ("edge", "name", "path"),
    [
        (112642252344, "0/3381/3357", "0/003/381.csv"),
        (433633, "1/54204/0", "1/054/204.csv"),
        (201299956122, "2/864819/5999", "2/000/864/819.csv"),
    ],
)
def test_names_of_edges(edge: int, name: str, path: str) -> None:
    level, tile, number = (int(part) for part in graph_id(edge).split("/"))
    assert level + (tile << 3) + (number << 25) == edge
    if level:
        assert (graph_id(edge), tile_path(edge)) == (name, path)


def one_part_each(**columns: Any) -> EdgeParts:
    kinds = {"edge": np.int64, "row": np.int64, "is_backward": bool, "metres": np.float64, "edge_m": np.float64}
    return EdgeParts(*(np.array(columns[name], dtype=kind) for name, kind in kinds.items()))


def test_an_edge_takes_as_long_as_its_parts() -> None:
    parts = one_part_each(edge=[8, 8], row=[0, 1], is_backward=[False, True], metres=[100, 300], edge_m=[400, 400])
    made = edge_speeds(
        parts,
        row=np.array([1, 0, 0]),
        is_backward=np.array([True, False, True]),
        free_flow_kmh=np.array([60.0, 20.0, 99.0]),
        week_kmh=np.array([[60.0] * 2016, [20.0] * 2016, [99.0] * 2016], dtype=np.float32),
    )
    assert made.edge.tolist() == [8]
    assert made.free_flow_kmh.tolist() == made.constrained_kmh.tolist() == [40]  # 5 s + 5 s a hundred metres each 18 s
    assert unpacked(made.week)[0].mean() == pytest.approx(40, abs=0.1)


def test_speeds_by_day_are_those_from_7_to_19_in_time_driven() -> None:
    """A road driven in turn at 60 and at 20 by day takes as long as one at 30; by night all is 90."""
    week = np.full((1, 2016), 90.0)
    for day in range(7):
        for minute in range(7 * 60, 19 * 60, 5):
            week[0, (day * 1440 + minute) // 5] = 60.0 if minute % 10 else 20.0
    parts = one_part_each(edge=[8], row=[0], is_backward=[False], metres=[70], edge_m=[70])
    only = {"row": np.array([0]), "is_backward": np.array([False]), "free_flow_kmh": np.array([90.0])}
    assert edge_speeds(parts, **only, week_kmh=week).constrained_kmh.tolist() == [30]


def test_speeds_are_within_what_valhalla_believes() -> None:
    """Below 5 km/h nothing is believed: half an edge at 2 and half at 45 takes as long as half at 5 and half at 45."""
    parts = one_part_each(
        edge=[8, 8, 9, 7], row=[0, 1, 2, 3], is_backward=[False] * 4, metres=[50] * 4, edge_m=[100, 100, 50, 50]
    )
    free = np.array([2.0, 45.0, 400.0, 33.6])
    week = np.repeat(free[:, None], 2016, axis=1)
    made = edge_speeds(parts, row=np.arange(4), is_backward=np.zeros(4, dtype=bool), free_flow_kmh=free, week_kmh=week)
    assert made.edge.tolist() == [7, 8, 9]
    assert made.free_flow_kmh.tolist() == [34, 9, 252]
    assert made.constrained_kmh.tolist() == [34, 9, 252]


@pytest.mark.parametrize(("metres", "rows"), [(49.0, 0), (51.0, 1)])
def test_an_edge_that_is_mostly_unknown_says_nothing(metres: float, rows: int) -> None:
    parts = one_part_each(
        edge=[8, 8], row=[0, 5], is_backward=[False, False], metres=[metres, 100 - metres], edge_m=[100, 100]
    )
    row, way, week = np.array([0]), np.array([False]), np.full((1, 2016), 50.0)
    made = edge_speeds(parts, row=row, is_backward=way, free_flow_kmh=np.array([50.0]), week_kmh=week)
    assert len(made.edge) == len(made.week) == rows


def test_many_edges_are_as_each_alone() -> None:
    count = 5000  # more than are joined at a time
    rng = np.random.default_rng(0)
    parts = one_part_each(
        edge=rng.permutation(count),
        row=np.arange(count),
        is_backward=[0] * count,
        metres=[9] * count,
        edge_m=[9] * count,
    )
    free = rng.integers(20, 120, count).astype(float)
    week = np.broadcast_to(free[:, None], (count, 2016))
    way = np.zeros(count, dtype=bool)
    made = edge_speeds(parts, row=np.arange(count), is_backward=way, free_flow_kmh=free, week_kmh=week)
    assert made.edge.tolist() == list(range(count))
    assert made.free_flow_kmh.tolist() == free[np.argsort(parts.edge)].tolist()
    assert unpacked(made.week)[:, 0] == pytest.approx(made.free_flow_kmh, abs=0.1)


def test_nothing_known_nothing_written(tmp_path: Path) -> None:
    nothing, none = one_part_each(edge=[], row=[], is_backward=[], metres=[], edge_m=[]), np.empty(0)
    columns = {"row": none.astype(int), "is_backward": none.astype(bool), "free_flow_kmh": none}
    assert write_speeds(edge_speeds(nothing, **columns, week_kmh=np.empty((0, 2016))), tmp_path) == 0


def test_files_are_those_of_tiles() -> None:
    ids = [433633, 201299956122, 433633 + (1 << 25)]
    files = csv_files(ValhallaSpeeds(np.array(ids), np.array([50, 60, 70]), np.array([40, 41, 42]), ["a", "b", "c"]))
    assert files["1/054/204.csv"].splitlines() == ["1/54204/0,50,40,a", "1/54204/1,70,42,c"]
    assert list(files) == ["1/054/204.csv", "2/000/864/819.csv"]
    turned = ValhallaSpeeds(np.array(ids[::-1]), np.array([70, 60, 50]), np.array([42, 41, 40]), ["c", "b", "a"])
    assert csv_files(turned) == files


def test_valhalla_packs_and_reads_the_same(graph: tuple[Path, Any], tmp_path: Path) -> None:
    weeks = calm_weeks(5, seed=2)
    np.save(tmp_path / "weeks.npy", weeks)
    texts = packed(compressed(weeks))
    (tmp_path / "packed.json").write_text(json.dumps(texts))
    theirs, encoded, back = asked(PACK, graph[0], str(tmp_path / "weeks.npy"), str(tmp_path / "packed.json"))
    assert np.abs(np.array(theirs) - compressed(weeks)).max() <= 1  # theirs sums in 32 bits
    assert encoded == packed(np.array(theirs, dtype=np.int16))
    np.testing.assert_allclose(np.roll(unpacked(texts), 288, axis=1)[:, ::24], back, atol=0.01)


def test_valhalla_names_edges_the_same(graph: tuple[Path, Any]) -> None:
    for edge, (name, path, _) in graph[1].items():
        assert (graph_id(int(edge)), tile_path(int(edge))) == (name, path.removesuffix(".gph") + ".csv")


def test_segments_are_covered_by_edges(on_segments: tuple[Any, EdgeParts]) -> None:
    roads, parts = on_segments
    length = roads.column("length_m").to_numpy()
    one_way = np.array(roads.column("one_way").to_pylist())
    for is_backward, closed in ((False, "backward"), (True, "forward")):
        pairs = np.unique(np.stack([parts.row, parts.is_backward], axis=1), axis=0)
        seen = np.isin(np.arange(len(length)), pairs[pairs[:, 1] == is_backward, 0])
        is_open = one_way != closed
        assert length[is_open & seen].sum() / length[is_open].sum() > 0.97
    assert (parts.metres <= parts.edge_m * (1 + 1e-9)).all()


def test_valhalla_reads_the_files(graph: tuple[Path, Any], on_segments: tuple[Any, EdgeParts]) -> None:
    """What `valhalla_add_predicted_traffic` puts into the graph is what the profiles say."""
    folder, shapes = graph
    roads, parts = on_segments
    count = roads.num_rows
    speeds = np.tile(20.0 + np.arange(count) % 60, 2)
    weeks = np.repeat(speeds[:, None], 2016, axis=1)
    weeks[:, 6 * 288 :] = 12.0  # on Sundays all crawl
    way = np.repeat([False, True], count)
    row = np.tile(np.arange(count), 2)
    made = edge_speeds(parts, row=row, is_backward=way, free_flow_kmh=speeds, week_kmh=weeks)
    assert write_speeds(made, folder / "traffic") == 3
    chosen = np.flatnonzero([len(shapes[str(edge)][2]) > 2 for edge in made.edge])[::40][:25]
    middles = [shapes[str(made.edge[i])][2][1] for i in chosen]
    told, predicted = asked(ADD_AND_ASK, folder, json.dumps(middles))
    assert predicted == len(set(zip(map(tile_path, made.edge.tolist()), made.week, strict=True)))  # equal weeks are one
    seen = {int(edge): each for edge, each in told.items() if int(edge) in set(made.edge.tolist())}
    assert len(seen) >= 20
    for edge, (free, constrained, week) in seen.items():
        place = int(np.flatnonzero(made.edge == edge)[0])
        assert (free, constrained) == (made.free_flow_kmh[place], made.constrained_kmh[place])
        np.testing.assert_allclose(np.roll(week, -288), unpacked([made.week[place]])[0], atol=1.0)
    check_days(folder, shapes, made)


def check_days(folder: Path, shapes: dict[str, Any], made: ValhallaSpeeds) -> None:
    """A drive on Sunday takes the crawl of Sundays, one on Monday and one on Saturday do not."""
    shape = max((shapes[str(edge)][2] for edge in made.edge), key=lambda each: shapely.LineString(each).length)
    moments = ["2026-01-04T12:00", "2026-01-05T12:00", "2026-01-10T12:00"]
    sunday, monday, saturday = asked(ROUTE, folder, json.dumps([shape[0], shape[-1], moments]))
    assert sunday[1] / (sunday[0] / 3600) == pytest.approx(12, rel=0.2)
    assert monday[0] < 0.8 * sunday[0]
    assert monday[0] == pytest.approx(saturday[0], rel=0.1)
