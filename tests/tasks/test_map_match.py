import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.match import MATCH
from tasks.map_match import MatchParams, map_match
from tasks.match_graph import BACK_COST, MatchGraph, match_graph
from tasks.match_lattice import (
    BACKWARD_M,
    BACKWARD_SIGMAS,
    BEAM_NATS,
    LASTING_S,
    MOST_NATS,
    TAIL,
    WORSE_NATS,
    WORST_SIGMAS,
    Roads,
    Scales,
    bounds,
    distance_nats,
    track_of,
    way_nats,
)
from tasks.match_piece import room_of
from tasks.match_scale import LEAST_SAMPLE, SAMPLE, scales_of
from tasks.readers.roads import read_roads
from tests.roads import GEOD, road_row, road_table
from tests.tasks.match_town import SOUTH, STEP_LAT, STEP_LON, WEST, drive, pieces, town, wander

PARAMS = MatchParams()
SCALES = Scales(PARAMS.sigma_m, PARAMS.radius_m, PARAMS.beta_m, PARAMS.apart_sigmas, LASTING_S, 0.0, 1.0)


def matched(roads: pa.Table, *traces: Any, params: MatchParams = PARAMS, **given: Any) -> list[dict[str, Any]]:
    made = map_match(**pieces(*traces, **given), road_segment=roads, params=params)
    columns = {name: pa.array(values) for name, values in made._asdict().items()}
    return pa.table(columns).to_pylist()


class Naive:
    """The model as it is written down: every state against every state, ways by networkx, no room saved."""

    def __init__(self, roads: pa.Table) -> None:
        self.graph = match_graph(roads)
        self.roads = roads.sort_by("segment_id")
        self.lines = shapely.from_wkb(self.roads["geometry"].to_numpy())
        edge, link = self.graph.edges.edge, self.graph.edges.link
        self.net = nx.DiGraph()
        for source in range(len(edge)):
            for place in range(edge[source]["first_link"], edge[source]["end_link"]):
                to, turn = int(link[place]["to"]), float(link[place]["cost"])
                self.net.add_edge(("end", source), ("begin", to), cost=turn)
            self.net.add_edge(("begin", source), ("end", source), cost=float(edge[source]["cost"]))
        self.sigma = PARAMS.sigma_m

    def usual_error(self, trace: list[tuple[float, float, float]]) -> float:
        """Return the standard deviation that the distances to the nearest roads tell."""
        nearest = sorted(min((far for _, _, far, _ in self.states(*spot)), default=np.inf) for _, *spot in trace)
        known = [far for far in nearest if far <= WORST_SIGMAS * PARAMS.sigma_m]
        sigma = known[len(known) // 2] / 0.6745 if len(known) >= LEAST_SAMPLE else 0.0
        return float(np.clip(sigma, PARAMS.sigma_m, WORST_SIGMAS / 2 * PARAMS.sigma_m))

    def states(self, lon: float, lat: float) -> list[tuple[int, float, float, complex]]:
        """Return edge, metres along it, metres off, and the way across to the point: east real, north imaginary."""
        found = []
        for row, line in enumerate(self.lines):
            kx, ky = GEOD.inv(lon, lat, lon + 1e-4, lat)[2] * 1e4, GEOD.inv(lon, lat, lon, lat + 1e-4)[2] * 1e4
            plane = shapely.transform(line, lambda xy, kx=kx, ky=ky: (xy - [lon, lat]) * [kx, ky])
            far, length = plane.distance(shapely.Point(0, 0)), float(self.graph.edges.edge[2 * row]["metres"])
            along = plane.project(shapely.Point(0, 0), normalized=True) * length
            if far <= PARAMS.radius_m * self.sigma / PARAMS.sigma_m:
                across = way_across(shapely.get_coordinates(plane) @ [1, 1j])
                found += [(2 * row, along, far, across), (2 * row + 1, length - along, far, across)]
        least = min((distance_nats(far, self.sigma) for _, _, far, _ in found), default=0.0)
        is_open = self.graph.edges.edge["is_open"]
        kept = [each for each in found if distance_nats(each[2], self.sigma) <= least + WORSE_NATS]
        return [each for each in kept if is_open[each[0]]]

    def ways(
        self, one: tuple[int, float], other: tuple[int, float], most: float
    ) -> Iterator[tuple[float, float, float]]:
        """Yield cost, metres and seconds of the ways from one state to another, and nats beside them."""
        edge = self.graph.edges.edge
        (source, x), (target, y) = one, other
        per = [float(edge[each]["cost"] / edge[each]["metres"]) for each in (source, target)]
        pace = [float(edge[each]["seconds"] / edge[each]["metres"]) for each in (source, target)]
        rest = float(edge[source]["metres"]) - x
        try:
            cost, path = nx.single_source_dijkstra(self.net, ("end", source), ("begin", target), weight="cost")
        except nx.NetworkXNoPath:
            return
        if cost + rest * per[0] <= most:
            passed = [number for kind, number in path[1:-1] if kind == "end"]
            metres = rest + sum(float(edge[each]["metres"]) for each in passed) + y
            seconds = rest * pace[0] + sum(float(edge[each]["seconds"]) for each in passed) + y * pace[1]
            yield rest * per[0] + cost + y * per[1], metres, seconds

    def nats(self, one: tuple[int, float], other: tuple[int, float], most: float, passed: float) -> float:
        edge = self.graph.edges.edge
        (source, x), (target, y) = one, other
        per, pace = (float(edge[source][name] / edge[source]["metres"]) for name in ("cost", "seconds"))
        options = [
            way_nats(cost, metres, seconds, passed, SCALES) for cost, metres, seconds in self.ways(one, other, most)
        ]
        if source == target and y >= x - BACKWARD_SIGMAS * self.sigma:
            ahead = max(y - x, 0.0)
            options.append(way_nats(ahead * per, ahead, ahead * pace, passed, SCALES) + max(x - y, 0.0) / BACKWARD_M)
        if source ^ 1 == target:
            there = float(edge[source]["metres"]) - y
            metres = 2 * max(x, there) - x - there
            options.append(way_nats(metres * per + BACK_COST, metres, metres * pace, passed, SCALES))
        return min(options, default=np.inf)

    def error(
        self, one: tuple[int, float, float, complex], other: tuple[int, float, float, complex], passed: float
    ) -> float:
        """Return the cost of the second error after the first: both together, less the first, are normal numbers."""
        kept = np.exp(-passed / LASTING_S)
        alike = kept * (one[3] * np.conj(other[3])).real
        both = np.array([one[2], other[2]]) / self.sigma
        square = both @ np.linalg.inv([[1, alike], [alike, 1]]) @ both - both[0] ** 2
        nats = square / 2 if square < TAIL**2 else TAIL * (np.sqrt(square) - TAIL / 2)
        return float(nats + np.log((1 - alike**2) / (1 - kept**2)) / 2)

    def best(self, trace: list[tuple[float, float, float]]) -> list[int] | None:
        """Return the edges of the best path, or None where it breaks or a point has no road."""
        self.sigma = PARAMS.sigma_m
        self.sigma = self.usual_error(trace)
        columns = [self.states(lon, lat) for _, lon, lat in trace]
        if not all(columns):
            return None
        totals = [distance_nats(far, self.sigma) for _, _, far, _ in columns[0]]
        backs: list[list[int]] = []
        for (t0, *a), (t1, *b), before, column in zip(trace, trace[1:], columns, columns[1:], strict=False):
            crow = GEOD.inv(*a, *b)[2]
            options = [
                [
                    total + self.nats(one[:2], other[:2], bounds(crow, 0)[0], t1 - t0) + self.error(one, other, t1 - t0)
                    if total <= min(totals) + BEAM_NATS
                    else np.inf
                    for one, total in zip(before, totals, strict=True)
                ]
                for other in column
            ]
            if min(map(min, options)) > min(totals) + MOST_NATS + 2 * crow / PARAMS.beta_m:
                return None
            backs.append([int(np.argmin(each)) for each in options])
            totals = [min(each) for each in options]
        state = int(np.argmin(totals))
        path = [columns[-1][state][0]]
        for back, column in zip(reversed(backs), reversed(columns[:-1]), strict=True):
            state = back[state]
            path.append(column[state][0])
        return path[::-1]


def way_across(line: npt.NDArray[np.complex128]) -> complex:
    """Return the unit vector across the chord that is nearest to zero, from it to zero."""
    chords = np.diff(line)
    share = np.clip((-line[:-1] * np.conj(chords)).real / np.abs(chords) ** 2, 0, 1)
    place = int(np.argmin(np.abs(line[:-1] + share * chords)))
    left = 1j * chords[place] / abs(chords[place])
    return complex(left if (-line[place] * np.conj(left)).real > 0 else -left)


def edge_of(graph: MatchGraph, row: dict[str, Any]) -> int:
    segment = graph.segment_id.to_pylist().index(row["segment_id"])
    return 2 * segment + (row["heading"] == "backward")


def test_the_best_path_is_that_of_the_naive_model() -> None:
    compared = 0
    for seed in range(25):
        roads = town(seed)
        naive = Naive(roads)
        trace = drive(roads, seed)
        path = naive.best(trace)
        if path is None:
            continue
        compared += 1
        rows = matched(roads, trace, params=replace(PARAMS, apart_sigmas=0.0))
        inner = [place for place, row in enumerate(rows) if 0 < row["fraction"] < 1]  # at an end two edges are as good
        assert [edge_of(naive.graph, rows[place]) for place in inner] == [path[place] for place in inner], seed
    assert compared >= 15


def connected(roads: pa.Table, rows: list[dict[str, Any]]) -> bool:
    """Whether each step begins where the one before ended, or at a connector that both share."""
    names = {
        (segment, each["at"]): each["connector_id"]
        for segment, touched in zip(roads["segment_id"].to_pylist(), roads["connectors"].to_pylist(), strict=True)
        for each in touched
    }
    before: tuple[str, float] | None = None
    for row in rows:
        steps = row["route"]
        for step in steps:
            here = (step["segment_id"], step["from"])
            is_same = before is not None and here[0] == before[0] and abs(here[1] - before[1]) < 1e-9
            if before is not None and not is_same and names.get(here, "here") != names.get(before, "there"):
                return False
            before = (step["segment_id"], step["to"])
        if not steps:
            before = (row["segment_id"], row["fraction"]) if row["segment_id"] else before
    return True


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_routes_hold_together(seed: int) -> None:
    roads = town(seed % 50)
    rows = matched(roads, wander(seed, points=20, noise=1e-4))
    assert connected(roads, rows)
    headings = dict(zip(roads["segment_id"].to_pylist(), roads["one_way"].to_pylist(), strict=True))
    for before, row in itertools.pairwise(rows):
        assert (row["segment_id"] is None) == (row["reason"] is not None)
        for step in row["route"]:
            assert step["heading"] == "forward" or headings[step["segment_id"]] != "forward", "against a one-way"
            assert (step["from"] <= step["to"]) if step["heading"] == "forward" else (step["from"] >= step["to"])
        if row["route"] and before["segment_id"]:
            assert row["route"][0]["enter"] == before["time"]
            assert row["route"][-1]["leave"] == row["time"]
            assert row["route"][-1]["to"] == pytest.approx(row["fraction"]) or row["fraction"] in (0.0, 1.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_order_of_roads_and_roads_far_away_do_not_matter(seed: int, random: Any) -> None:
    roads, trace = town(seed % 50), wander(seed)
    far = [
        road_row(f"{name}{number}", [(9.2 + number / 1000, 47.1), (9.201 + number / 1000, 47.1)])
        for number in range(5)
        for name in "az"
    ]
    order = list(range(roads.num_rows + len(far)))
    random.shuffle(order)
    more = pa.concat_tables([roads, road_table(far)]).take(order)
    assert matched(roads, trace) == matched(more, trace)


def line(*places: tuple[float, float], every: float = 5.0) -> list[tuple[float, float, float]]:
    """A trace over places (in steps of the town's grid from its south-west corner)."""
    return [(every * number, WEST + x * STEP_LON, SOUTH + y * STEP_LAT) for number, (x, y) in enumerate(places)]


def street(
    name: str, one: tuple[float, float], other: tuple[float, float], a: str, b: str, **given: Any
) -> dict[str, Any]:
    ends = [{"connector_id": a, "at": 0.0}, {"connector_id": b, "at": 1.0}]
    ends = [each for each in ends if each["connector_id"]]
    places = [(WEST + x * STEP_LON, SOUTH + y * STEP_LAT) for x, y in (one, other)]
    return road_row(name, places, connectors=ends, **given)


def test_standing_still_drives_no_loop() -> None:
    roads = road_table([street("a", (0, 0), (3, 0), "x", "y")])
    jitter = [0.5, 1.0, 1.05, 0.92, 1.08, 0.95, 1.0, 1.5]
    rows = matched(roads, line(*((x, 0.02) for x in jitter)))
    assert {row["heading"] for row in rows} == {"forward"}
    fractions = [row["fraction"] for row in rows]
    assert fractions == sorted(fractions)
    assert sum(step["to"] - step["from"] for row in rows for step in row["route"]) == pytest.approx(1 / 3, abs=0.01)


def scattered(places: np.ndarray, sigma_m: float, seed: int) -> list[tuple[float, float, float]]:
    """A trace over places (in steps of the grid) that is seen every second, with an error of each point's own."""
    errors = np.random.default_rng(seed).normal(0, sigma_m, places.shape) / [98.8, 100.1]
    return line(*map(tuple, places + errors), every=1.0)


def crossing() -> pa.Table:
    """Streets of 300 m from a crossing to the west, east, north and south."""
    ends = {"w": (-3, 0), "e": (3, 0), "n": (0, 3), "s": (0, -3)}
    return road_table([street(name, (0, 0), end, "x", name) for name, end in ends.items()])


def driven_m(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Metres driven by street and heading."""
    metres: dict[tuple[str, str], float] = {}
    for step in itertools.chain.from_iterable(row["route"] for row in rows):
        key = (step["segment_id"], step["heading"])
        metres[key] = metres.get(key, 0.0) + 300 * abs(step["to"] - step["from"])
    return metres


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sigma_m", [5.0, 10.0])
def test_errors_of_each_point_drive_no_spurs(sigma_m: float, seed: int) -> None:
    """East at 8 m/s, 40 s at the lights 10 m before the crossing, then on."""
    x = np.concatenate([np.arange(-2.5, -0.1, 0.08), np.full(40, -0.1), np.arange(-0.1, 2.5, 0.08)])
    metres = driven_m(matched(crossing(), scattered(np.column_stack([x, 0 * x]), sigma_m, seed)))
    assert set(metres) == {("w", "backward"), ("e", "forward")}
    assert sum(metres.values()) == pytest.approx(500, abs=3 * sigma_m)


@pytest.mark.parametrize("seed", range(8))
def test_errors_of_each_point_turn_nobody_around_a_corner_twice(seed: int) -> None:
    there = np.arange(-2.5, 0, 0.08)
    places = np.concatenate([np.column_stack([there, 0 * there]), np.column_stack([0 * there, there + 2.5])])
    metres = driven_m(matched(crossing(), scattered(places, 10.0, seed)))
    assert set(metres) == {("w", "backward"), ("n", "forward")}
    assert sum(metres.values()) == pytest.approx(500, abs=30)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("side", [0.0, 0.1])
def test_many_points_tell_parallel_streets_apart(side: float, seed: int) -> None:
    """Streets 10 m apart, errors of 10 m: one point says little, 30 points that know nothing of each other say it."""
    streets = [street(name, (0, y), (3, y), name, f"{name} end") for name, y in (("south", 0.0), ("north", 0.1))]
    x = np.arange(0.1, 2.9, 0.08)
    rows = matched(road_table(streets), scattered(np.column_stack([x, side + 0 * x]), 10.0, seed))
    assert {row["segment_id"] for row in rows} == {"north" if side else "south"}


@pytest.mark.parametrize("seed", range(4))
def test_what_the_device_tells_of_its_errors_is_smoothed_too(seed: int) -> None:
    """It tells of 10 m a point and is right, and so are many points that know nothing of each other."""
    streets = [street(name, (0, y), (3, y), name, f"{name} end") for name, y in (("south", 0.0), ("north", 0.1))]
    x = np.arange(0.1, 2.9, 0.08)
    trace = scattered(np.column_stack([x, 0 * x]), 10.0, seed)
    rows = matched(road_table(streets), trace, accuracies=[[15.0] * len(x)])
    assert {row["segment_id"] for row in rows} == {"south"}
    assert min(row["confidence"] for row in rows) > 0.7


def test_distances_are_those_of_the_points_given() -> None:
    x = np.arange(0.1, 2.9, 0.08)
    places = np.column_stack([x, 0.2 * (-1) ** np.arange(len(x))])
    rows = matched(road_table([street("a", (0, 0), (3, 0), "x", "y")]), scattered(places, 0.0, 1))
    assert [row["distance_m"] for row in rows] == pytest.approx([20.0] * len(x), abs=0.1)


def test_a_single_bad_point_breaks_nothing() -> None:
    roads = road_table([street("a", (0, 0), (6, 0), "x", "y")])
    rows = matched(roads, line((0.5, 0), (1.5, 0), (2, 9), (3, 0), (4, 0)))
    assert [row["reason"] for row in rows] == [None, None, "no_road", None, None]
    assert rows[3]["route"][0]["enter"] == rows[1]["time"]


def test_an_off_road_stretch_breaks_the_route() -> None:
    roads = road_table([street("a", (0, 0), (9, 0), "x", "y")])
    away = [(2 + 0.5 * number, 5.0) for number in range(6)]
    rows = matched(roads, line((0.5, 0), (1.5, 0), *away, (6, 0), (7, 0)))
    assert [row["reason"] for row in rows[2:8]] == ["no_road"] * 6
    assert rows[8]["segment_id"] == "a"
    assert rows[8]["route"] == []
    assert len(rows[9]["route"]) == 1


def test_roads_that_do_not_meet_break_the_route() -> None:
    roads = road_table([street("a", (0, 0), (3, 0), "p", "q"), street("b", (3.5, 0), (9, 0), "r", "s")])
    rows = matched(roads, line(*((x, 0.0) for x in (0.5, 1, 1.5, 2, 2.5, 4, 5, 6, 7, 8))))
    assert [row["segment_id"] for row in rows] == ["a"] * 5 + ["b"] * 5
    assert [len(row["route"]) for row in rows] == [0, 1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_one_point_is_too_short() -> None:
    roads = road_table([street("a", (0, 0), (3, 0), "x", "y")])
    assert [row["reason"] for row in matched(roads, line((1, 0)))] == ["too_short"]


def test_a_parallel_carriageway_is_told_by_the_way_it_runs() -> None:
    roads = road_table(
        [
            street("east", (0, 0), (6, 0), "a", "b", one_way="forward"),
            street("west", (6, 0.1), (0, 0.1), "c", "d", one_way="forward"),
        ]
    )
    for places, name in (((1, 2, 3, 4), "east"), ((4, 3, 2, 1), "west")):
        assert {row["segment_id"] for row in matched(roads, line(*((x, 0.05) for x in places)))} == {name}


def test_the_heading_of_the_device_tells_streets_apart() -> None:
    roads = road_table([street("a", (0, 0), (3, 0), "x", "y"), street("b", (1.5, -1.5), (1.5, 1.5), "z", "w")])
    trace = line((1.4, 0.08), (1.45, 0.2), every=1.0)
    told = matched(roads, trace, headings=[[0.0, 0.0]], speeds=[[40.0, 40.0]])
    assert {(row["segment_id"], row["heading"]) for row in told} == {("b", "forward")}


def test_a_dead_end_is_left_the_way_it_was_entered() -> None:
    roads = road_table([street("a", (0, 0), (3, 0), "x", "y"), street("b", (3, 0), (3, 2), "y", "z")])
    rows = matched(roads, line((1, 0), (2, 0), (3, 0.5), (3, 1.4), (3, 1.95), (3, 1.2), (3, 0.4), (2, 0), (1, 0)))
    assert [row["heading"] for row in rows[:2] + rows[-2:]] == ["forward"] * 2 + ["backward"] * 2
    assert connected(roads, rows)


def test_a_loop_is_driven_around() -> None:
    ring = [(9.0, 47.0), (9.002, 47.0), (9.002, 47.002), (9.0, 47.002), (9.0, 47.0)]
    ends = [{"connector_id": "x", "at": 0.0}, {"connector_id": "x", "at": 1.0}]
    roads = road_table([road_row("ring", ring, connectors=ends)])
    places = shapely.LineString(ring).interpolate(np.arange(0.1, 2.0, 0.1) % 1.0, normalized=True)
    rows = matched(roads, [(10.0 * number, each.x, each.y) for number, each in enumerate(places)])
    assert {row["heading"] for row in rows} == {"forward"}
    assert connected(roads, rows)
    assert sum(step["to"] - step["from"] for row in rows for step in row["route"]) == pytest.approx(1.8, abs=0.01)


def test_a_hairpin_is_driven_once() -> None:
    places = [(9.0, 47.0), (9.004, 47.0), (9.0041, 47.0001), (9.004, 47.0002), (9.0, 47.0002)]
    roads = road_table([road_row("a", places)])
    spots = shapely.LineString(places).interpolate(np.arange(0.02, 1.0, 0.04), normalized=True)
    wrong = [1e-4 if number % 2 else -1e-4 for number in range(len(spots))]  # beyond the middle between both arms
    trace = [(10.0 * number, each.x, each.y + wrong[number]) for number, each in enumerate(spots)]
    rows = matched(roads, trace)
    assert {row["heading"] for row in rows} == {"forward"}
    assert sum(step["to"] - step["from"] for row in rows for step in row["route"]) == pytest.approx(0.96, abs=0.02)


def test_both_sides_of_the_antimeridian() -> None:
    ends = [{"connector_id": name, "at": at} for name, at in (("a", 0.0), ("m", 1.0))]
    west = road_row("w", [(179.99, -17.0), (180.0, -17.0)], connectors=ends)
    ends = [{"connector_id": name, "at": at} for name, at in (("m", 0.0), ("b", 1.0))]
    east = road_row("e", [(-180.0, -17.0), (-179.99, -17.0)], connectors=ends)
    lons = (179.994, 179.998, -179.998, -179.994)
    rows = matched(road_table([west, east]), [(20.0 * number, lon, -17.0) for number, lon in enumerate(lons)])
    assert [row["segment_id"] for row in rows] == ["w", "w", "e", "e"]
    assert [step["segment_id"] for step in rows[2]["route"]] == ["w", "e"]


def test_no_roads_and_no_pieces() -> None:
    assert [row["reason"] for row in matched(road_table([]), line((1, 0), (2, 0)))] == ["no_road", "no_road"]
    assert matched(town(0)) == []


def test_context_is_matched_and_not_given_back() -> None:
    roads = road_table([street("a", (0, 0), (9, 0), "x", "y")])
    trace = line(*((x, 0.0) for x in range(1, 9)))
    whole, part = matched(roads, trace), matched(roads, trace, own=(3, 6))
    assert [row["number"] for row in part] == [3, 4, 5]
    assert part == whole[3:6]


@pytest.mark.parametrize(
    ("error_m", "accuracy_m", "expected"),
    [(2.0, np.nan, 5.0), (9.0, np.nan, 9.0), (12.0, np.nan, 12.0), (40.0, np.nan, 15.0), (9.0, 6.0, 5.0)],
)
def test_the_standard_deviation_is_told_by_the_points(error_m: float, accuracy_m: float, expected: float) -> None:
    graph = match_graph(road_table([street("a", (0, 0), (9, 0), "x", "y")]))
    count = 3 * SAMPLE
    lat = SOUTH + np.random.default_rng(3).normal(0, error_m, count) / 111_200
    lon, nothing = np.linspace(WEST, WEST + 9 * STEP_LON, count), np.full(count, np.nan)
    points = track_of(np.arange(count), lon, lat, nothing, nothing, np.full(count, accuracy_m))
    roads = Roads(graph.edges, graph.chords, graph.cells)
    made = scales_of(roads, points, 0, count, SCALES, room_of(graph))
    assert made.sigma_m == pytest.approx(expected, rel=0.25)
    assert made.radius_m == pytest.approx(10 * made.sigma_m)
    assert scales_of(roads, points, 0, 3, SCALES, room_of(graph)).sigma_m == 5


def test_columns_are_those_of_the_contract() -> None:
    made = map_match(**pieces(wander(1)), road_segment=town(1), params=PARAMS)
    for name in MATCH.names[1:]:
        values = pa.array(getattr(made, name))
        assert values.type == MATCH[name].type, name


def test_points_between_two_kept_ones_lie_on_the_route() -> None:
    roads = road_table([street("a", (0, 0), (9, 0), "x", "y")])
    rows = matched(roads, line(*((1 + 0.04 * number, 0.0) for number in range(40)), every=1.0))
    steps = [step for row in rows for step in row["route"]]
    assert len(steps) == 39
    metres = np.array([step["to"] - step["from"] for step in steps]) * 9
    assert metres == pytest.approx(0.04, abs=1e-6)


def test_a_real_trace_in_andorra(shared_data: Path) -> None:
    file = shared_data / "traces/andorra_for_map_matching.gpx"
    points = ElementTree.parse(file).iter("{http://www.topografix.com/GPX/1/1}trkpt")
    trace = [(5.0 * number, float(each.get("lon", 0)), float(each.get("lat", 0))) for number, each in enumerate(points)]
    roads = read_roads([shared_data / "osm/andorra.osm.pbf"]).segments
    rows = matched(roads, trace)
    assert len(rows) == 21
    assert {row["reason"] for row in rows} == {None}
    assert connected(roads, rows)
    assert max(row["distance_m"] for row in rows) < 20
