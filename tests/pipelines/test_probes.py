"""Probes from files to profiles: any tiling gives the same, nothing is lost, nothing private is published."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.cli import main
from pipelines.commands import OF_PROBES
from pipelines.probe_summary import probe_lines
from pipelines.salt import salt_of
from schemas.match import MATCH
from schemas.probe import PROBE_POINT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import DRIVEN_STEP, SPEED_OBSERVATION, TRAVERSAL
from tasks.readers.reading import ReadError
from tasks.simulate_probes import SimulationParams
from tests.grid_town import grid_town
from tests.pipelines.probe_folder import CONTRACTS, ProbeFolder, probe_folder, simulated

DRIVES = SimulationParams(seed=5, trips=40, min_length_m=600.0, max_length_m=3000.0, sampling_s=4.0, noise_m=4.0)
ORDER = {
    MATCH: ["trace_id", "number"],
    TRAVERSAL: ["trace_id", "sequence"],
    SPEED_OBSERVATION: ["trace_id", "time", "segment_id", "kind"],
    SPEED_PROFILE: ["segment_id", "heading"],
}


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("probes") / "fleet.parquet"
    simulated(grid_town(), file, DRIVES)
    return file


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, probes: Path) -> ProbeFolder:
    return probe_folder(grid_town(), [probes], tmp_path_factory.mktemp("whole"), tiles=1)


@pytest.mark.parametrize("tiles", [4, 9])
def test_any_tiling_gives_the_same(tmp_path: Path, whole: ProbeFolder, probes: Path, tiles: int) -> None:
    parted = probe_folder(grid_town(), [probes], tmp_path, tiles=tiles)
    assert len(parted.roads.tiles()) > 1
    for contract in CONTRACTS:
        keys = [(name, "ascending") for name in ORDER[contract]]
        one, other = (each.table(contract).sort_by(keys) for each in (whole, parted))
        assert one.num_rows > 0
        assert one.equals(other), contract.name


def test_every_point_has_a_match_and_every_step_a_place(whole: ProbeFolder) -> None:
    points, matches = whole.table(PROBE_POINT), whole.table(MATCH)
    keys = [("trace_id", "ascending"), ("number", "ascending")]
    named = ["trace_id", "number", "time"]
    assert points.select(named).sort_by(keys).equals(matches.select(named).sort_by(keys))
    is_matched = pc.is_valid(matches["segment_id"])
    assert is_matched.equals(pc.is_null(matches["reason"]))
    assert pc.mean(is_matched.cast(pa.float64())).as_py() > 0.95
    steps = pc.sum(pc.list_value_length(matches["route"])).as_py()
    assert whole.table(DRIVEN_STEP).num_rows == steps


def test_traversals_of_a_trace_follow_one_another(whole: ProbeFolder) -> None:
    rows = whole.table(TRAVERSAL).sort_by([("trace_id", "ascending"), ("sequence", "ascending")]).to_pylist()
    for before, after in pairwise(rows):
        if before["trace_id"] == after["trace_id"]:
            assert before["enter"] <= before["leave"] <= after["enter"]


def test_what_may_be_published_holds_no_name_and_no_single_trace(whole: ProbeFolder) -> None:
    names = set(whole.table(PROBE_POINT)["trace_id"].to_pylist())
    assert not names & set(whole.table(SPEED_OBSERVATION)["trace_id"].to_pylist())
    profiles = whole.table(SPEED_PROFILE)
    assert pc.min(profiles["traces"]).as_py() >= 5
    assert "trace_id" not in profiles.column_names


def test_a_run_says_what_it_came_to(whole: ProbeFolder) -> None:
    told = list(probe_lines(whole.into))
    points = whole.table(PROBE_POINT).num_rows
    assert f"{points:,} kept" in told[-4]
    assert told[-3].startswith("40 traces, ")
    assert told[-2].startswith(f"{whole.table(TRAVERSAL).num_rows:,} traversals")


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("", r"2 no_time; --interval SECONDS gives them times; .*fleet\.csv@2: no time, expected one$"),
        ("05/06/2024 07:08", r"2 unreadable; .*fleet\.csv@2: time '05/06/2024 07:08': expected .* or --time-format"),
    ],
)
def test_probes_none_of_which_can_be_used_are_one_line(time: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").write_text(f"trace_id,time,lon,lat\na,{time},25.0,60.2\na,{time},25.1,60.2\n")
    with pytest.raises(ReadError, match=rf"^no probe can be used: 2 points: 0 kept, {told}"):
        probe_folder(grid_town(), [tmp_path / "fleet.csv"], tmp_path)


@pytest.mark.parametrize(
    ("swap", "told"), [(False, "give roads that cover the probes"), (True, "are lon and lat swapped?")]
)
def test_probes_of_another_region_are_matched_to_nothing_and_the_run_says_so(
    swap: bool, told: str, whole: ProbeFolder, tmp_path: Path
) -> None:
    """What is told of the files beside them is bounded."""
    inside = whole.table(PROBE_POINT).slice(0, 20).to_pylist()
    places = [(row["lat"], row["lon"]) if swap else (row["lon"] - 100, row["lat"]) for row in inside]
    lines = [f"{row['time'].isoformat()},{lon},{lat}" for row, (lon, lat) in zip(inside, places, strict=True)]
    traces = tmp_path / "traces"
    traces.mkdir()
    (traces / "fleet.csv").write_text("\n".join(["time,lon,lat", *lines]))
    for number in range(12):
        (traces / f"notes{number:02}.txt").write_text("no probes\n")
    lines = list(probe_lines(probe_folder(grid_town(), [traces], tmp_path / "run").into))
    assert lines[9].startswith(f"{traces}/notes09.txt: ")
    assert lines[10] == "… and 2 more of these: see reject"
    assert lines[12] == "1 traces, 0.0 % of the points matched, 100.0 % no_road"
    assert lines[13].endswith(told if swap else f"{told}, such as an extract of OpenStreetMap")
    assert not [line for line in probe_lines(whole.into) if line.startswith("probes lie in")]


def test_a_folder_keeps_its_salt(tmp_path: Path) -> None:
    drawn = salt_of(str(tmp_path), None)
    assert len(drawn) >= 32
    assert salt_of(str(tmp_path), None) == drawn
    assert salt_of(str(tmp_path), "given") == "given"
    assert salt_of(str(tmp_path / "other"), None) != drawn


def test_each_table_can_be_listed_exported_and_drawn(
    whole: ProbeFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tables", str(whole.into)]) == 0
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert named[1:8] == [contract.name for contract in OF_PROBES]
    for contract in OF_PROBES:
        for suffix in (".parquet", ".csv"):
            file = tmp_path / f"{contract.name}{suffix}"
            assert main(["export", str(whole.into), contract.name, "--to", str(file)]) == 0
            assert file.stat().st_size > 100
    for flag, told in (("--speeds", "profiles"), ("--traces", "keep it to yourself")):
        page = tmp_path / f"page{flag}.html"
        capsys.readouterr()
        assert main(["map", str(whole.into), flag, "--to", str(page)]) == 0
        assert told in capsys.readouterr().out
        assert "<!doctype html>" in page.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["export", "DIR", "speed_profile", "--to", "valhalla"], "expected the table speed_profile, and --edges with"),
        (["export", "DIR", "match", "--to", "valhalla", "--edges", "x.txt"], "expected the table speed_profile"),
        (["export", "DIR", "speed_profile", "--to", "valhalla", "--edges", "no.txt"], "no.txt"),
        (["tables", "DIR", "--conflicts"], "no such table"),
        (["run", "probes", "--roads", "no.pbf", "--probes", "no.gpx", "--into", "DIR"], "no.pbf: no such file"),
        (["run", "probes", "--roads", "DIR", "--probes", "DIR", "--into", "DIR/x"], "which is read: expected a folder"),
        (["plan", "probes", "--roads", "DIR", "--probes", "DIR", "--into", "x", "--salt", ""], "--salt: is empty"),
        (["plan", "probes", "--roads", "DIR", "--probes", "DIR", "--into", "x", "--least-traces", "0"], "1 or more"),
        (
            ["run", "probes", "--roads", "DIR", "--probes", "DIR", "--into", "x", "--time-zone", "Nowhere"],
            "no such zone",
        ),
        (["run", "probes", "--probes", "DIR/probe_point", "--into", "x"], "probes lie in 25.00"),
        (["plan", "probes", "--probes", "DIR/reject", "--into", "x"], "none.parquet: no column for lon"),
        (["simulate", "probes", "--roads", "no.pbf", "--to", "a.csv"], "no.pbf: no such file"),
    ],
)
def test_what_is_missing_is_one_line(
    whole: ProbeFolder, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main([word.replace("DIR", str(whole.into)) for word in words]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
