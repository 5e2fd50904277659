"""How much right limits probes add where those of the map are hidden, and whether confidence still means what it says.

Run as `python -m tests.benchmarks.test_probe_limits FOLDER MAP…`, where FOLDER holds the models that `waysmith train`
made without each map, or is `-` for that of Waysmith, which has learned from some maps and favours the ladder without
probes. What `waysmith simulate probes` and `waysmith evaluate speed-limits --probes` do is done in one process: drives
by the true limits are simulated and matched, the limits of whole cells are hidden, and inferred without and with the
drives. Drivers go by British means at each limit, by the bends, lights and rush hours of their roads; the model has no
number of theirs, and learns from segments whose limit is not hidden. What both have is the map.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.driving_model import learn_driving
from pipelines.evaluate import Engine, Map, evaluate_map
from pipelines.limit_stages import LIMITS, PROBED, PROBED_LIMITS, driven_as
from pipelines.table import Table, table_in
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from tasks.evaluation.figures import MANY, Case, figures
from tasks.input_file import InputFile
from tasks.probe_limit import DrivingFile
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tasks.simulate_probes import SimulationParams
from tests.pipelines.local import run_here
from tests.pipelines.probe_folder import observed_folder, simulated
from tests.pipelines.run_folder import LAW, inferred_folder, read_folder
from tests.tasks.evaluation.maps import run_local

SEEDS, TRIPS = (1,), 3000
HEAD = "| map | hidden, 20 passes or more | of all hidden | exact without | with | gain | ECE without | with |"


def evaluated(file: Path, *, seed: int, trips: int, combiner: InputFile | None = None) -> Case:
    """Simulate drives on a map, hide half of its limits, and infer these without and with the drives."""
    roads, features = read_roads([file]).segments, read_features([file]).features
    with tempfile.TemporaryDirectory() as into:
        probes = Path(into) / "probes.parquet"
        simulated(roads, probes, SimulationParams(seed=seed, trips=trips))
        folder = read_folder(roads, f"{into}/map", features=features)
        name = file.name.partition(".")[0]
        engine = engine_here(probes, combiner)
        return evaluate_map(
            Map(name, folder.segments, folder.features), f"{into}/{name}", seed=seed, share=0.5, engine=engine
        )


def engine_here(probes: Path, combiner: InputFile | None) -> Engine:
    """An engine that runs all stages in this process."""

    def inferred(segments: Table, features: Table, into: str) -> Table:
        inferred_folder(segments.rows(), into, features=features.rows(), combiner=combiner)
        return table_in(SPEED_LIMIT, into)

    def heard(segments: Table, found: str, into: str) -> Table:
        return heard_here(segments, probes, found, into)

    return Engine(run_local, inferred, LAW.law, heard)


def heard_here(segments: Table, probes: Path, found: str, into: str) -> Table:
    """Match probes on roads, and hear them beside what was inferred in the folder `found`."""
    observed_folder(segments, [probes], into)
    known = [table_in(contract, found) for contract in LIMITS.sources]
    posted, odds = known[1], known[-1]
    run_here(PROBED, segments, table_in(ROAD_ATTRIBUTE, found), posted, table_in(SPEED_PROFILE, into), into=into)
    driving = driven_as(DrivingFile(learn_driving.fn(table_in(PROBE_SPEED, into), into)))
    run_here(driving, segments, table_in(PROBE_SPEED, into), odds, into=into)
    run_here(PROBED_LIMITS, *known, table_in(PROBE_LIMIT, into), into=into)
    return table_in(SPEED_LIMIT, into)


def lines(cases: Sequence[Case]) -> Iterator[str]:
    """Yield a row for each map, and one for all."""
    told = figures(cases, seed=0, share=0.5)["probes"]
    of_all = told["all"]["with"]["by_count"]["segments"]
    every = told["extract"] | {"all": told["traversals"][MANY]}
    for name, each in every.items():
        before, after = (each[way]["by_count"] for way in ("without", "with"))
        hidden = sum(case.compared.rows.num_rows for case in cases if name in ("all", case.name)) or of_all
        gain = 100 * (after["exact"] - before["exact"])
        yield (
            f"| {name} | {before['segments']:,} | {before['segments'] / hidden:.2f} | {before['exact']:.3f} "
            f"| {after['exact']:.3f} | {gain:+.1f} | {before['ece']:.3f} | {after['ece']:.3f} |"
        )


def test_probes_make_hidden_limits_right_more_often(shared_data: Path) -> None:
    told = figures([evaluated(shared_data / "osm" / "andorra.osm.pbf", seed=1, trips=700)], seed=0, share=0.5)["probes"]
    before, after = (told["traversals"][MANY][way]["by_count"] for way in ("without", "with"))
    assert before["segments"] > 50
    assert after["exact"] >= before["exact"] + 0.03
    assert after["ece"] <= before["ece"] + 0.03


def main(models: str, files: Sequence[str]) -> None:
    cases: list[Case] = []
    print(HEAD, "|---|---|---|---|---|---|---|---|", sep="\n")
    for file in map(Path, files):
        combiner = None if models == "-" else InputFile.of(f"{models}/{file.name}.json")
        of_map = [evaluated(file, seed=seed, trips=TRIPS, combiner=combiner) for seed in SEEDS]
        print(*list(lines(of_map))[:-1], sep="\n", flush=True)
        cases += of_map
    print(*list(lines(cases))[-1:], sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
