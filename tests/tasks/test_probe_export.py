from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.probe_export import ProbeExportError, write_simulated
from tasks.simulate_probes import Simulated, SimulationParams, simulate_probes
from tests.grid_town import grid_town

NAMES = {
    "gpx": "http://www.topografix.com/GPX/1/1",
    "tpx": "http://www.garmin.com/xmlschemas/TrackPointExtension/v2",
}


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    params = SimulationParams(
        trips=4, min_length_m=300.0, max_length_m=900.0, sampling_s=1.5, device_share=0.6, days=0.5
    )
    return simulate_probes(grid_town(), params)


def test_parquet_and_truth_hold_the_tables(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated(simulated, tmp_path / "new/probes.parquet", tmp_path / "truth")
    files = (tmp_path / "new/probes.parquet", tmp_path / "truth/points.parquet", tmp_path / "truth/routes.parquet")
    assert all(pq.read_table(file).equals(table) for file, table in zip(files, simulated, strict=True))


def test_csv_holds_what_pandas_reads(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated(simulated, tmp_path / "probes.csv", tmp_path)
    assert_same(pd.read_csv(tmp_path / "probes.csv", parse_dates=["time"]), simulated.probes)


def test_gpx_holds_what_a_parser_of_xml_reads(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated(simulated, tmp_path / "probes.gpx", tmp_path)
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


def test_no_traces_are_a_gpx_without_tracks(simulated: Simulated, tmp_path: Path) -> None:
    write_simulated(simulated._replace(probes=simulated.probes.slice(0, 0)), tmp_path / "none.gpx", tmp_path)
    assert ElementTree.parse(tmp_path / "none.gpx").getroot().findall("gpx:trk", NAMES) == []


def test_other_endings_are_refused(simulated: Simulated, tmp_path: Path) -> None:
    with pytest.raises(ProbeExportError, match=r"probes.txt: ends in '.txt', expected one of .parquet, .csv, .gpx"):
        write_simulated(simulated, tmp_path / "probes.txt", tmp_path)


def test_a_folder_that_is_a_file_is_told(simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ProbeExportError, match=r"taken: .* expected a writable place"):
        write_simulated(simulated, tmp_path / "taken/probes.csv", tmp_path)
