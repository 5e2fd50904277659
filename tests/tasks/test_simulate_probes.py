from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely
from shapely.ops import substring

from tasks import simulate_probes as simulation
from tasks.measure import GEOD
from tasks.simulate_probes import Simulated, SimulationError, SimulationParams, simulate_probes
from tests.grid_town import grid_town
from tests.roads import random_roads, road_table

SHORT: dict[str, Any] = {"min_length_m": 300.0, "max_length_m": 1500.0, "trips": 60, "seed": 7}
MONDAY = pd.Timestamp("2026-03-02", tz="UTC")
PARAMS = SimulationParams(**SHORT)


@pytest.fixture(scope="module")
def roads() -> pa.Table:
    return grid_town()


@pytest.fixture(scope="module")
def simulated(roads: pa.Table) -> Simulated:
    return simulate_probes(roads, PARAMS)


def with_params(roads: pa.Table, **changed: Any) -> Simulated:
    return simulate_probes(roads, SimulationParams(**(SHORT | changed)))


def test_same_seed_same_drives(roads: pa.Table, simulated: Simulated) -> None:
    again, other = simulate_probes(roads, PARAMS), with_params(roads, seed=8)
    assert all(one.equals(two) for one, two in zip(simulated, again, strict=True))
    begins = [each.points.filter(pc.equal(each.points["number"], 0))["time"] for each in (simulated, other)]
    assert not any(one == two for one, two in zip(*(each.to_pylist() for each in begins), strict=True))


def test_a_drive_does_not_depend_on_how_many_there_are(roads: pa.Table, simulated: Simulated) -> None:
    few = with_params(roads, trips=10)
    assert all(one.slice(0, two.num_rows).equals(two) for one, two in zip(simulated, few, strict=True))


def test_noise_and_sampling_leave_the_way_alone(roads: pa.Table, simulated: Simulated) -> None:
    other = with_params(roads, noise_m=30.0, canyon=3.0)
    assert other.points.equals(simulated.points)
    assert not other.probes.equals(simulated.probes)


def test_drives_go_on_until_there_are_enough_points(roads: pa.Table) -> None:
    found = with_params(roads, points=1000)
    last = found.points.filter(pc.equal(found.points["trace_id"], found.points["trace_id"][-1]))
    assert found.points.num_rows >= 1000 > found.points.num_rows - last.num_rows


def test_routes_connect_and_obey_one_ways(roads: pa.Table, simulated: Simulated) -> None:
    by_id = {row["segment_id"]: row for row in roads.to_pylist()}
    rows = simulated.routes.to_pylist()
    assert sum(row["sequence"] == 0 for row in rows) == PARAMS.trips
    for row in rows:
        is_forward = row["heading"] == "forward"
        assert by_id[row["segment_id"]]["one_way"] != ("backward" if is_forward else "forward")
        assert (row["leave_fraction"] >= row["enter_fraction"]) == is_forward or row["enter"] == row["leave"]
    for before, after in pairwise(rows):
        if after["sequence"]:
            assert after["trace_id"] == before["trace_id"]
            assert after["enter"] == before["leave"]
            assert connector(by_id, before, "leave_fraction") == connector(by_id, after, "enter_fraction")


def connector(by_id: dict[str, Any], row: dict[str, Any], name: str) -> str:
    """The connector at a fraction; fails where there is none."""
    touched = by_id[row["segment_id"]]["connectors"]
    return next(each["connector_id"] for each in touched if abs(each["at"] - row[name]) < 1e-12)


def test_true_points_lie_on_their_segments(roads: pa.Table, simulated: Simulated) -> None:
    shapes = dict(zip(roads["segment_id"].to_pylist(), shapely.from_wkb(roads["geometry"].to_pylist()), strict=True))
    for row in simulated.points.to_pylist()[::7]:
        line, here = shapes[row["segment_id"]], shapely.Point(row["lon"], row["lat"])
        assert line.distance(here) < 1e-9
        until = substring(line, 0, line.project(here))
        metres = GEOD.geometry_length(until) if until.geom_type == "LineString" else 0.0
        assert metres / GEOD.geometry_length(line) == pytest.approx(row["fraction"], abs=1e-5)


def test_points_are_on_the_route_at_their_time(simulated: Simulated) -> None:
    routes: dict[str, list[dict[str, Any]]] = {}
    for row in simulated.routes.to_pylist():
        routes.setdefault(row["trace_id"], []).append(row)
    for point in simulated.points.to_pylist():
        on = [
            row for row in routes[point["trace_id"]]
            if row["enter"] <= point["time"] <= row["leave"] and row["segment_id"] == point["segment_id"]
            and row["heading"] == point["heading"]
        ]  # fmt: skip
        assert any(
            min(row["enter_fraction"], row["leave_fraction"]) - 1e-9 <= point["fraction"]
            <= max(row["enter_fraction"], row["leave_fraction"]) + 1e-9 for row in on
        )  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_routes_begin_and_end_at_the_first_and_last_point(roads: pa.Table, share: float) -> None:
    _, points, routes = (each.to_pandas() for each in with_params(roads, outage_share=share))
    for ends, fraction, time in (("first", "enter_fraction", "enter"), ("last", "leave_fraction", "leave")):
        point, row = (getattr(each.groupby("trace_id"), ends)() for each in (points, routes))
        assert (point["segment_id"] == row["segment_id"]).all()
        assert np.allclose(point["fraction"], row[fraction])
        assert (point["time"] == row[time]).all()


def test_numbers_count_the_points_of_a_trace(simulated: Simulated) -> None:
    points = simulated.points.to_pandas()
    assert (points["number"] == points.groupby("trace_id").cumcount()).all()
    assert simulated.probes["time"].equals(simulated.points["time"])
    assert simulated.probes["trace_id"].equals(simulated.points["trace_id"])


@pytest.mark.parametrize("sampling_s", [1.0, 5.0, 30.0])
def test_sampling_is_even(roads: pa.Table, sampling_s: float) -> None:
    intervals = seconds_between(with_params(roads, sampling_s=sampling_s).probes)
    assert (intervals == sampling_s).all()
    assert len(intervals)


def test_each_drive_has_an_interval_of_its_own(roads: pa.Table) -> None:
    intervals = seconds_between(with_params(roads, sampling_s=2.0, sampling_to_s=20.0).probes)
    assert intervals.min() < 4
    assert intervals.max() > 10
    assert ((intervals >= 2) & (intervals <= 20)).all()


def seconds_between(probes: pa.Table) -> np.ndarray:
    frame = probes.to_pandas()
    return frame.groupby("trace_id")["time"].diff().dropna().dt.total_seconds().to_numpy()


def test_outages_lose_points_and_not_the_way(roads: pa.Table) -> None:
    found = with_params(roads, outage_share=0.3)
    whole = with_params(roads)
    assert found.probes.num_rows < 0.9 * whole.probes.num_rows
    assert seconds_between(found.probes).max() > 10


def test_noise_is_as_stated(simulated: Simulated) -> None:
    probes, points = simulated.probes.to_pandas(), simulated.points.to_pandas()
    north = (probes["lat"] - points["lat"]) * 111_412  # a degree of latitude at 60°
    east = (probes["lon"] - points["lon"]) * 55_800
    assert [north.std(), east.std()] == pytest.approx([5.0, 5.0], rel=0.12)


def test_drivers_keep_to_what_they_know_of_limits(roads: pa.Table) -> None:
    top = {}
    for limit in (32.2, 96.6):
        limits = np.full((roads.num_rows, 2), limit)
        found = simulate_probes(roads, SimulationParams(**SHORT, driver_sigma=0.0), limits)
        top[limit] = found.points["speed_kmh"].to_numpy().max()
    assert top[32.2] < 40.2 * np.exp(4 * 0.07) < top[96.6] < 80.5 * np.exp(4 * 0.07)


def test_vehicles_stand_at_junctions(roads: pa.Table, simulated: Simulated) -> None:
    points = simulated.points.to_pandas()
    is_inside = (points["number"] > 0) & points.duplicated("trace_id", keep="last")
    stands = points[is_inside & (points["speed_kmh"] == 0)]
    assert 0.02 < len(stands) / len(points) < 0.4
    at = {row["segment_id"]: np.array([each["at"] for each in row["connectors"]]) for row in roads.to_pylist()}
    metres = dict(zip(roads["segment_id"].to_pylist(), roads["length_m"].to_pylist(), strict=True))
    places = zip(stands["segment_id"], stands["fraction"], strict=True)
    left = [np.abs(at[name] - fraction).min() * metres[name] for name, fraction in places]
    assert np.quantile(left, 0.05) >= 4.9  # the rest begins its drive behind the line
    assert max(left) <= 52.1


def test_rush_hours_slow_drives(roads: pa.Table) -> None:
    params = {"trips": 300, "days": 5.0, "sampling_s": 5.0, "utc_offset_h": 2.0}
    slow = [with_params(roads, congestion=share, **params).points.to_pandas() for share in (0.0, 0.9)]
    spans = [each.groupby("trace_id")["time"].agg(["first", "last"]) for each in slow]
    seconds = [(each["last"] - each["first"]).dt.total_seconds() for each in spans]
    hour = (spans[0]["first"].dt.hour + 2) % 24
    ratio = seconds[1] / seconds[0]
    assert ratio[hour == 8].mean() > 1.1
    assert ratio[(hour < 4) | (hour == 12)].mean() < 1.05


def test_parts_are_the_drives_of_the_whole(
    roads: pa.Table, simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "BATCH_POINTS", 1000)
    parts = list(simulation.simulated_parts(roads, PARAMS))
    assert len(parts) > 2
    for tables, whole in zip(zip(*parts, strict=True), simulated, strict=True):
        assert pa.concat_tables(tables).equals(whole)
    assert max(part.probes.num_rows for part in parts) < 1000 + 600  # a drive has fewer than 600


def test_drives_of_which_nothing_is_heard_have_no_rows(roads: pa.Table) -> None:
    rows = roads.to_pylist()
    for row in rows:
        row["tags"] = [("tunnel", "yes")]
    silent = with_params(road_table(rows).select(roads.column_names), trips=3)
    assert [table.num_rows for table in silent] == [0, 0, 0]
    heard = with_params(roads, trips=3)
    assert [table.schema for table in silent] == [table.schema for table in heard]


def test_drives_begin_within_the_days(roads: pa.Table) -> None:
    for days in (0.1, 2.5, 20.0):
        found = with_params(roads, days=days, trips=200, sampling_s=20.0, utc_offset_h=0.0).probes.to_pandas()
        hours = (found.groupby("trace_id")["time"].first() - MONDAY).dt.total_seconds() / 3600
        assert 0 <= hours.min() <= hours.max() <= days * 24
        assert hours.max() > 0.5 * days * 24


def test_some_devices_tell_nothing(roads: pa.Table) -> None:
    probes = with_params(roads, device_share=0.5).probes.to_pandas()
    silent = probes.groupby("trace_id")["speed_kmh"].agg(lambda each: each.isna().all())
    assert 0.2 < silent.mean() < 0.8
    assert probes.loc[probes["trace_id"].isin(silent[~silent].index), "accuracy_m"].notna().all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trips": 0}, "trips=0, expected more than 0"),
        ({"noise_m": -1.0}, "noise_m=-1.0, expected 0 or more"),
        ({"noise_m": float("nan")}, "noise_m=nan, expected 0 or more"),
        ({"outage_share": 1.0}, "outage_share=1.0, expected a share from 0 to 0.95"),
        ({"canyon": 0.5}, "canyon=0.5, expected 1 or more"),
        ({"min_length_m": 9e9}, "max_length_m=15000.0, expected min_length_m=9000000000.0 or more"),
        ({"points": 0}, "points=0, expected more than 0"),
        ({"sampling_s": 0.0}, "sampling_s=0.0, expected 0.01 or more"),
        ({"days": float("inf")}, "days=inf, expected a finite number"),
        ({"utc_offset_h": 99.0}, "utc_offset_h=99.0, expected from -14 to 14"),
        ({"sampling_to_s": 0.5}, "sampling_to_s=0.5, expected sampling_s=1.0 or more"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SimulationError, match=said):
        SimulationParams(**given)


def test_roads_that_lead_nowhere_are_refused(roads: pa.Table) -> None:
    with pytest.raises(SimulationError, match="no roads to drive on"):
        simulate_probes(roads.slice(0, 0), PARAMS)
    with pytest.raises(SimulationError, match="no drive of 2000 m or more from 50 places"):
        simulate_probes(random_roads(20), SimulationParams(trips=1))


def test_drives_hardly_pass_where_one_needs_business(roads: pa.Table, simulated: Simulated) -> None:
    rows = roads.to_pylist()
    avenue = next(row for row in rows if row["segment_id"] == "w2:west-east")
    avenue["tags"] = [("access", "destination"), ("maxspeed", "50")]
    shy = simulate_probes(road_table(rows), PARAMS)
    often, seldom = (pc.sum(pc.equal(each.routes["segment_id"], "w2:west-east")).as_py() for each in (simulated, shy))
    assert 0 < seldom < often / 2


def test_tunnels_are_silent_and_on_the_route(roads: pa.Table, simulated: Simulated) -> None:
    rows = roads.to_pylist()
    tunnel = next(row for row in rows if row["segment_id"] == "w2:west-east")
    tunnel["tags"] = [("maxspeed", "50"), ("tunnel", "yes")]
    found = simulate_probes(road_table(rows), PARAMS)
    below = pc.equal(simulated.points["segment_id"], "w2:west-east")
    assert found.points.num_rows == simulated.points.num_rows - pc.sum(below).as_py()
    assert "w2:west-east" in found.routes["segment_id"].to_pylist()
