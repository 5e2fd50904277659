"""Whether limits that probes contradict are those that are wrong: some posted ones are falsified on purpose.

Run as `python -m tests.benchmarks.test_probe_conflicts MAP…`. A tenth of the records that state a limit state another
one of their map instead, drawn by how often roads have it. Drives by the true limits are simulated and matched; how
people drive is learned from the falsified map, and its conflicts are those of `waysmith tables DIR --conflicts`.
Counted are segments with a posted limit that were passed 20 times or more, and the roads (records) they are of; the
same drives over the map as it is tell how many true limits are flagged there.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.table import table_in
from schemas.traversal import TRAVERSAL
from tasks.evaluation.hiding import records_of
from tasks.limit_conflict import conflicts
from tasks.limit_text import limit_kmh, limit_text
from tasks.posted_limit import posted_limit
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tasks.simulate_probes import SimulationParams
from tests.benchmarks.test_probe_limits import heard_here
from tests.pipelines.probe_folder import simulated
from tests.pipelines.run_folder import inferred_folder
from tests.tasks.evaluation.maps import town

SEEDS, TRIPS, SHARE, MANY = (1, 2, 3), 3000, 0.1, 20
FAR_KMH = 19.0
"""How far a false limit is from the true one to count as 20 km/h off: 12 mph are 19.3 km/h."""
HEAD = (
    "| map | posted, passed often | false | by ≥ 20 km/h | flagged | precision | recall | of ≥ 20 km/h "
    "| roads false by ≥ 20 km/h | flagged | true roads flagged | in the map as it is |"
)


def falsified(roads: pa.Table, *, seed: int, share: float) -> tuple[pa.Table, dict[str, float]]:
    """Return roads of which some state a wrong `maxspeed`, and by how many km/h those segments are wrong."""
    rng = np.random.default_rng(seed)
    ids, sources, tags = (roads[name].to_pylist() for name in ("segment_id", "sources", "tags"))
    stated = {i: dict(each)["maxspeed"] for i, each in enumerate(tags) if _is_plain(dict(each))}
    records = {i: min(records_of(ids[i], sources[i])) for i in stated}
    counts, wrong, off = Counter(stated.values()), {}, {}
    for record in sorted({*records.values()}):
        is_drawn, place = rng.random() < share, rng.random()
        own = next(stated[i] for i in stated if records[i] == record) if is_drawn else None
        if is_drawn:
            wrong[record] = _another(str(own), counts, place)
    for i, record in records.items():
        if record in wrong and wrong[record] != stated[i]:
            off[ids[i]] = abs(_kmh(wrong[record]) - _kmh(stated[i]))
            tags[i] = [(key, wrong[record] if key == "maxspeed" else value) for key, value in tags[i]]
    place = roads.column_names.index("tags")
    field = roads.schema.field("tags")
    return roads.set_column(place, field, pa.array(tags, field.type)), off


def _is_plain(tags: dict[str, str]) -> bool:
    """Whether a road states one limit for all and repeats it nowhere."""
    told = [key for key in tags if "speed" in key or "zone" in key or "sign" in key]
    return told == ["maxspeed"] and posted_limit(tags=tags, speed_limits=[]).forward is not None


def _another(own: str, counts: Mapping[str, int], place: float) -> str:
    """Return another limit, by how often roads have it."""
    others = sorted(each for each in counts if abs(_kmh(each) - _kmh(own)) > 1)
    steps = np.cumsum([counts[each] for each in others])
    return others[int(np.searchsorted(steps, place * steps[-1], side="right"))]


def _kmh(value: str) -> float:
    return limit_kmh(limit_text(posted_limit(tags={"maxspeed": value}, speed_limits=[]).forward) or "")


class Told(NamedTuple):
    """Segments of one map that were passed often; one entry each."""

    off: np.ndarray
    """By how many km/h what is stated is wrong."""
    is_flagged: np.ndarray
    roads: np.ndarray
    """Record that each is of."""


def told(file: Path, *, seed: int, trips: int, share: float = SHARE) -> Told:
    """Falsify limits of a map, drive by the true ones, and see which of them are flagged."""
    roads, features = read_roads([file]).segments, read_features([file]).features
    wrong, off = falsified(roads, seed=seed, share=share)
    with tempfile.TemporaryDirectory() as into:
        probes = Path(into) / "probes.parquet"
        simulated(roads, probes, SimulationParams(seed=seed, trips=trips))
        folder = inferred_folder(wrong, f"{into}/run", features=features)
        limits = heard_here(folder.segments, probes, f"{into}/run", f"{into}/probed").rows()
        passed = Counter(table_in(TRAVERSAL, f"{into}/probed").rows(["segment_id"])["segment_id"].to_pylist())
    flagged = {each.segment_id for each in conflicts(limits)}
    rows = zip(limits["segment_id"].to_pylist(), limits["basis"].to_pylist(), strict=True)
    often = [each for each, basis in rows if basis == "posted" and passed[each] >= MANY]
    of_record = {
        each: min(records_of(each, parts))
        for each, parts in zip(roads["segment_id"].to_pylist(), roads["sources"].to_pylist(), strict=True)
    }
    return Told(
        np.array([off.get(each, 0.0) for each in often]),
        np.array([each in flagged for each in often], dtype=bool),
        np.array([f"{file.name} {seed} {of_record[each]}" for each in often]),
    )


def line(name: str, found: Sequence[Told], untouched: Sequence[Told]) -> str:
    """Return a row of the table."""
    off, is_flagged, roads = (np.concatenate(each) for each in zip(*found, strict=True))
    is_false, is_far = off > 0, off >= FAR_KMH
    precision = is_false[is_flagged].mean() if is_flagged.any() else np.nan
    shares = " | ".join(f"{each:.2f}" for each in (precision, is_flagged[is_false].mean(), is_flagged[is_far].mean()))
    count = (roads[is_far], roads[is_far & is_flagged], roads[~is_false & is_flagged])
    alarms = np.concatenate([each.roads[each.is_flagged] for each in untouched])
    of_roads = " | ".join(str(len(np.unique(each))) for each in (*count, alarms))
    return f"| {name} | {len(off):,} | {is_false.sum()} | {is_far.sum()} | {is_flagged.sum()} | {shares} | {of_roads} |"


def test_a_share_of_the_records_states_another_limit_of_the_map() -> None:
    roads = town(200)
    wrong, off = falsified(roads, seed=1, share=0.5)
    before, after = ([dict(each) for each in table["tags"].to_pylist()] for table in (roads, wrong))
    moved = {roads["segment_id"][i].as_py() for i in range(200) if before[i] != after[i]}
    assert moved == set(off)
    assert 40 < len(moved) < 120
    assert {each["maxspeed"] for each in after if "maxspeed" in each} == {"80", "30"}
    assert set(off.values()) == {50.0}
    assert falsified(roads, seed=1, share=0.5)[1] == off


def main(files: Sequence[str]) -> None:
    print(HEAD, "|---" * 12 + "|", sep="\n")
    every, untouched = [], []
    for file in map(Path, files):
        every += [told(file, seed=seed, trips=TRIPS) for seed in SEEDS]
        untouched += [told(file, seed=seed, trips=TRIPS, share=0.0) for seed in SEEDS]
        last = slice(-len(SEEDS), None)
        print(line(file.name.partition(".")[0], every[last], untouched[last]), flush=True)
    print(line("all", every, untouched))


if __name__ == "__main__":
    main(sys.argv[1:])
