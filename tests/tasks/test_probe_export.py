from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks import simulate_probes as simulation
from tasks.probe_export import ProbeExportError, write_simulated
from tasks.simulate_probes import Simulated, SimulationError, SimulationParams, simulate_probes, simulated_parts
from tests.grid_town import grid_town

NAMES = {
    "gpx": "http://www.topografix.com/GPX/1/1",
    "tpx": "http://www.garmin.com/xmlschemas/TrackPointExtension/v2",
}


PARAMS = SimulationParams(trips=4, min_length_m=300.0, max_length_m=900.0, sampling_s=1.5, device_share=0.6, days=0.5)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate_probes(grid_town(), PARAMS)


def test_parquet_and_truth_hold_the_tables(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated([simulated], tmp_path / "new/probes.parquet", tmp_path / "truth")
    files = (tmp_path / "new/probes.parquet", tmp_path / "truth/points.parquet", tmp_path / "truth/routes.parquet")
    assert all(pq.read_table(file).equals(table) for file, table in zip(files, simulated, strict=True))


def test_csv_holds_what_pandas_reads(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated([simulated], tmp_path / "probes.csv", tmp_path)
    assert_same(pd.read_csv(tmp_path / "probes.csv", parse_dates=["time"]), simulated.probes)


def test_gpx_holds_what_a_parser_of_xml_reads(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated([simulated], tmp_path / "probes.gpx", tmp_path)
    rows = []
    for track in ElementTree.parse(tmp_path / "probes.gpx").getroot().findall("gpx:trk", NAMES):
        name = track.findtext("gpx:name", namespaces=NAMES)
        for point in track.iterfind("gpx:trkseg/gpx:trkpt", NAMES):
            told = (point.findtext(f".//tpx:{each}", namespaces=NAMES) for each in ("speed", "course"))
            place = float(point.attrib["lon"]), float(point.attrib["lat"])
            moment = pd.Timestamp(point.findtext("gpx:time", namespaces=NAMES))
            rows.append((name, moment, *place, *(float(each) if each else np.nan for each in told)))
    frame = pd.DataFrame(rows, columns=["trace_id", "time", "lon", "lat", "speed_kmh", "heading_deg"])
    assert_same(frame.assign(speed_kmh=frame["speed_kmh"] * 3.6), simulated.probes.drop_columns("accuracy_m"))


def assert_same(frame: pd.DataFrame, probes: pa.Table) -> None:
    expected = probes.to_pandas()
    assert frame.columns.tolist() == expected.columns.tolist()
    assert expected["speed_kmh"].isna().any()
    for name in frame.columns:
        if frame[name].dtype.kind == "f":
            assert np.allclose(
                frame[name], expected[name], atol=5e-8 if name in ("lon", "lat") else 0.06, equal_nan=True
            )
        else:
            assert (frame[name] == expected[name]).all()


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".gpx"])
def test_parts_make_the_file_that_the_whole_makes(
    simulated: Simulated, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, many = tmp_path / f"one{ending}", tmp_path / f"many{ending}"
    assert write_simulated([simulated], one, tmp_path / "a") == (simulated.probes.num_rows, 4)
    monkeypatch.setattr(simulation, "BATCH_POINTS", 60)
    parts = list(simulated_parts(grid_town(), PARAMS))
    assert len(parts) > 1
    assert write_simulated(parts, many, tmp_path / "b") == (simulated.probes.num_rows, 4)
    if ending == ".parquet":
        assert pq.read_table(many).equals(pq.read_table(one))
        assert pq.ParquetFile(many).num_row_groups == len(parts)
    else:
        assert many.read_text() == one.read_text()
    for name in ("points.parquet", "routes.parquet"):
        assert pq.read_table(tmp_path / "b" / name).equals(pq.read_table(tmp_path / "a" / name))


def test_a_failure_leaves_what_was_there(simulated: Simulated, tmp_path: Path) -> None:
    def parts() -> Iterator[Simulated]:
        yield simulated
        raise SimulationError("no way")

    (tmp_path / "probes.csv").write_text("before")
    with pytest.raises(SimulationError):
        write_simulated(parts(), tmp_path / "probes.csv", tmp_path / "truth")
    assert (tmp_path / "probes.csv").read_text() == "before"
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["probes.csv"]


def test_no_traces_are_a_gpx_without_tracks(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated([simulated._replace(probes=simulated.probes.slice(0, 0))], tmp_path / "none.gpx", tmp_path)
    assert ElementTree.parse(tmp_path / "none.gpx").getroot().findall("gpx:trk", NAMES) == []


def test_other_endings_are_refused(simulated: Simulated, tmp_path: Path) -> None:
    with pytest.raises(ProbeExportError, match=r"probes.txt: ends in '.txt', expected one of .parquet, .csv, .gpx"):
        write_simulated([simulated], tmp_path / "probes.txt", tmp_path)


def test_a_folder_that_is_a_file_is_told(simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ProbeExportError, match=r"taken: .* expected a writable place"):
        write_simulated([simulated], tmp_path / "taken/probes.csv", tmp_path)
