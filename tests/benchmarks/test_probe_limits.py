"""How much right limits probes add where those of the map are hidden, and whether confidence still means what it says.

Run as `python -m tests.benchmarks.test_probe_limits MAP …`. Limits of whole cells are hidden, drivers are
simulated by the true ones, and all stages run with and without them. The simulation is none of the model's: drivers are
lognormal about published means, whole roads and segments of them differ by factors, and traffic lights stop some
vehicles for some time. The combiner that comes with Waysmith learned from these maps, which favours the ladder
without probes.

References
----------
Department for Transport, Vehicle speed compliance statistics for Great Britain (2016 to 2022): free-flow speeds of cars
are above the limit on roads of 20 mph, at it on roads of 30 mph, and below it on single carriageways of 60 mph.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.driving_model import learn_driving
from pipelines.limit_stages import POSTED, PROBED, PROBED_LIMITS, driven_as
from pipelines.table import open_table, table_in
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.receipt import Receipt
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from tasks.evaluation.calibration import calibration_error, equal_width, reliability
from tasks.evaluation.comparison import draw
from tasks.evaluation.hiding import hide_limits
from tasks.lift import Lift, PerRow
from tasks.limit_text import limit_kmh, limit_text
from tasks.probe_limit import DrivingFile
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tests.pipelines.local import all_rows
from tests.pipelines.run_folder import inferred_folder

Floats = npt.NDArray[np.float64]
Limits = list[tuple[str | None, str | None]]
"""True limits forward and backward, None where nobody knows."""

LIMITS_KMH = (5.0, 32.2, 48.3, 96.6, 112.7, 130.0)
MEANS_KMH = (8.0, 40.0, 50.0, 80.0, 110.0, 122.0)
"""Mean speeds of cars at a limit, straight lines between; the ends are ours."""
UNLIMITED_KMH = 133.0
CLASS_KMH = {
    "motorway": 115.0,
    "trunk": 95.0,
    "primary": 72.0,
    "secondary": 64.0,
    "tertiary": 54.0,
    "residential": 36.0,
}
OTHERS_KMH = 28.0
"""Where no limit is known."""
TRACES = {"motorway": 60, "trunk": 60, "primary": 50, "secondary": 40, "tertiary": 25, "residential": 9}
OTHER_TRACES = 5
SEEDS = (1, 2)
FEWEST, MANY = 5, 20
"""Traces of a profile at least, and those from which on there are many."""
ROAD, OWN, DRIVER = 0.04, 0.06, 0.1
"""Standard deviations of the logarithms: of whole records, of their segments, of drivers."""
LIGHTS, STOPPED, WAIT_S = 0.3, 0.5, 12.0
"""Share of segments that end at lights, of vehicles that these stop, and for how long in the mean."""
BRAKING = 1.6
"""Deceleration and acceleration, in m/s²."""


def simulated_profiles(segments: pa.Table, limits: Limits, *, seed: int) -> pa.Table:
    """Return SPEED_PROFILE rows of simulated drives at the true limits; weekly columns stay empty."""
    rng = np.random.default_rng(seed)
    records = [parts[0]["record_id"] for parts in segments["sources"].to_pylist()]
    _, record = np.unique(np.array(records), return_inverse=True)
    factor = np.exp(rng.normal(0, ROAD, record.max() + 1)[record] + rng.normal(0, OWN, len(record)))
    lights = np.where(rng.random(len(record)) < LIGHTS, STOPPED, 0.0)
    columns = (segments[name].to_pylist() for name in ("segment_id", "class", "one_way", "length_m"))
    rows: list[tuple[object, ...]] = []
    for i, (key, class_, one_way, metres) in enumerate(zip(*columns, strict=True)):
        for heading, limit in zip(("forward", "backward"), limits[i], strict=True):
            count = int(rng.poisson(TRACES.get(class_, OTHER_TRACES) * np.exp(rng.normal(0, 0.8))))
            if count < FEWEST or one_way in {"forward", "backward"} - {heading}:
                continue
            wanted = mean_speed(limit, class_) * factor[i] * np.exp(rng.normal(0, DRIVER, count)) / 3.6
            waits = np.where(rng.random(count) < lights[i], wanted / BRAKING + rng.exponential(WAIT_S, count), 0.0)
            speeds = 3.6 * metres / (metres / wanted + waits)
            spread = 1.4826 * np.median(np.abs(speeds - np.median(speeds)))
            p15, p50, p85 = np.percentile(speeds, [15, 50, 85])
            rows.append((key, heading, count, count, p50, p15, p50, p85, spread, [], [], []))
    arrays = [
        pa.array(each, field.type)
        for each, field in zip(map(list, zip(*rows, strict=True)), SPEED_PROFILE.fields, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SPEED_PROFILE.schema)


def mean_speed(limit: str | None, class_: str) -> float:
    """Return how fast drivers mean to drive, in km/h."""
    if limit is None:
        return CLASS_KMH.get(class_, OTHERS_KMH)
    return UNLIMITED_KMH if limit == "none" else float(np.interp(limit_kmh(limit), LIMITS_KMH, MEANS_KMH))


class Asked(NamedTuple):
    """Hidden segments of one map; one entry each."""

    traces: Floats
    right: npt.NDArray[np.bool_]
    """Without and with probes; shape (2, n)."""
    confidence: Floats
    """The same."""


def asked(file: Path, *, seed: int) -> Asked:
    """Hide limits of a map, infer them without and with simulated probes, and compare."""
    segments, features = read_roads([file]).segments, read_features([file]).features
    stated = applied(POSTED, segments)
    hidden = draw(segments, stated, seed=seed, share=0.5)
    masked = applied(PerRow(hide_limits, reads=ROAD_SEGMENT, writes=ROAD_SEGMENT, params=hidden.hidden), segments)
    truth = [
        (limit_text(row["forward"], row["reason"]), limit_text(row["backward"], row["reason"]))
        for row in stated.to_pylist()
    ]
    with tempfile.TemporaryDirectory() as into:
        folder = inferred_folder(masked, into, features=features, tiles=1)
        tables = [all_rows(into, SPEED_LIMIT)]
        (tile,) = folder.segments.tiles()
        told = simulated_profiles(segments, truth, seed=seed).sort_by("segment_id")
        open_table(SPEED_PROFILE, into).commit(told, Receipt(tile, "", "", len(told), len(told), 0, 0.0))
        folder.run(PROBED)
        folder.run(driven_as(DrivingFile(learn_driving.fn(table_in(PROBE_SPEED, into), into))))
        folder.run(PROBED_LIMITS)
        tables.append(all_rows(into, SPEED_LIMIT))
        probes = all_rows(into, PROBE_LIMIT)
    order = pc.index_in(tables[0]["segment_id"], value_set=segments["segment_id"].combine_chunks()).to_pylist()
    kmh = np.array([max((limit_kmh(each) for each in truth[i] if each), default=np.nan) for i in order])
    rows = np.array([segments["segment_id"][i].as_py() in hidden.segments for i in order]) & ~np.isnan(kmh)
    traces = np.array([each[-1]["traces"] if each else 0 for each in probes["probes"].to_pylist()], dtype=np.float64)
    right = np.array([np.isclose(highest(table), kmh, atol=1.0, rtol=0.0) for table in tables])
    confidence = np.array([table["confidence"].fill_null(0.0).to_numpy() for table in tables])
    return Asked(traces[rows], right[:, rows], confidence[:, rows])


def highest(limits: pa.Table) -> Floats:
    """Return the limit of the faster heading, inf where there is none, -1 without a number."""
    kmh = pc.max_element_wise(limits["max_speed_forward_kmh"], limits["max_speed_backward_kmh"])
    unlimited = pc.equal(limits["reason"], "unlimited").fill_null(fill_value=False)
    found: Floats = pc.if_else(unlimited, np.inf, kmh).fill_null(-1.0).to_numpy()
    return found


def applied(lift: Lift, segments: pa.Table) -> pa.Table:
    return lift({ROAD_SEGMENT.name: segments}).rows


def figures(found: Sequence[Asked], least: float, most: float) -> list[tuple[int, float, float]]:
    """Return count, share that is right and calibration error, without and with probes, by traces."""
    traces, right, confidence = (np.concatenate(each, axis=-1) for each in zip(*found, strict=True))
    some = (traces >= least) & (traces < most)
    made = []
    for exact, stated in zip(right[:, some], confidence[:, some], strict=True):
        bins = reliability(equal_width(stated), stated, exact, np.ones(len(exact)))
        made.append((len(exact), float(exact.mean()) if len(exact) else np.nan, calibration_error(bins)))
    return made


def test_probes_make_hidden_limits_right_more_often(shared_data: Path) -> None:
    file = shared_data / "osm" / "harrisburg.osm.pbf"
    before, after = figures([asked(file, seed=2)], MANY, np.inf)
    assert before[0] > 100
    assert after[1] >= before[1] + 0.05
    assert after[2] <= before[2] + 0.03


def lines(name: str, found: Sequence[Asked]) -> list[str]:
    """Return a row of the table for each range of traces."""
    told = []
    for label, least, most in (("none", 0, 1), ("5 to 19", 1, MANY), ("20 and more", MANY, np.inf)):
        (count, was, error), (_, now, error_now) = figures(found, least, most)
        told.append(f"| {name} | {label} | {count} | {was:.3f} | {now:.3f} | {error:.3f} | {error_now:.3f} |")
    return told


if __name__ == "__main__":
    every: list[Asked] = []
    print("| map | traces | hidden segments | exact without | exact with | ECE without | ECE with |")
    print("|---|---|---|---|---|---|---|")
    for map_file in map(Path, sys.argv[1:]):
        of_map = [asked(map_file, seed=seed) for seed in SEEDS]
        every += of_map
        print(*lines(map_file.name.partition(".")[0], of_map), sep="\n", flush=True)
    print(*lines("all", every), sep="\n")
