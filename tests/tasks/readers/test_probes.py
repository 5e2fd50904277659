"""Probe files of every kind, alone and in folders: one drive, however it is written, is one drive."""

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.readers.probe_format import ProbeFormat
from tasks.readers.probes import read_probes, sources
from tasks.readers.reading import ReadError
from tests.tasks.readers.probe_files import NOW, collection_of, csv_of, drive, gpx_of, line_of, read

DRIVE = drive(6)
TIMES = [point["time"].isoformat() for point in DRIVE]

TEXTS = {
    "csv": csv_of(DRIVE),
    "gpx": gpx_of(("a", DRIVE)),
    "geojson": collection_of({**line_of(DRIVE, times=TIMES), "id": "a"}),
    "geojsonl": json.dumps({**line_of(DRIVE, times=TIMES), "id": "a"}) + "\n",
}
PACKINGS = {
    "": lambda text: text,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda text: pa.Codec("zstd").compress(text, asbytes=True),
}


def positions(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["trace_id"], row["time"], row["lon"], row["lat"]) for row in rows]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("kind", TEXTS)
def test_one_drive_in_every_form(kind: str, packing: str, tmp_path: Path) -> None:
    """The content tells the kind, and the name does not count."""
    for name in (f"drive.{kind}{packing}", "drive"):
        file = tmp_path / name
        file.write_bytes(PACKINGS[packing](TEXTS[kind].encode()))  # type: ignore[no-untyped-call]
        assert positions(read(file).points) == positions(DRIVE)


@pytest.mark.parametrize("packing", [".gz", ".bz2", ".zst"])
def test_a_packed_file_that_is_cut_off(packing: str, tmp_path: Path) -> None:
    """What could be read stays, and the file is told."""
    whole = PACKINGS[packing](csv_of(drive(20_000)).encode())  # type: ignore[no-untyped-call]
    (tmp_path / "cut.csv").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "sound.csv").write_text(csv_of(drive(2)))
    made = read(tmp_path)
    assert made.read >= 2
    assert "cut.csv" in made.rejects[0]["key"]
    assert "\n" not in made.rejects[0]["message"]


def folder_of(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("parquet"):
            pq.write_table(pa.Table.from_pylist(DRIVE), file)
        else:
            file.write_text(TEXTS[file.suffix[1:]])
    return folder


@pytest.mark.parametrize(
    ("given", "is_global", "expected"),
    [
        (["one.csv"], False, ["a"]),
        (["one.gpx"], False, ["a"]),
        (["one.csv", "two.csv"], False, ["one/a", "two/a"]),
        (["one.csv", "two.csv"], True, ["a"]),
        (["tables"], False, ["a"]),
        (["tables", "one.csv"], False, ["tables/a", "one/a"]),
        (["tracks"], False, ["x/a", "y/a"]),
        (["tracks"], True, ["a"]),
        (["twins/m/x.csv", "twins/n/x.csv"], False, ["m/x/a", "n/x/a"]),
        (["twins/m/x.gpx", "twins/m/a.gpx"], False, ["x/a", "a"]),
    ],
)
def test_ids(given: list[str], is_global: bool, expected: list[str], tmp_path: Path) -> None:
    folder_of(
        tmp_path, "one.csv", "one.gpx", "two.csv", "tables/1.csv", "tables/2.parquet", "tracks/x.gpx",
        "tracks/y.geojson", "twins/m/x.csv", "twins/n/x.csv", "twins/m/x.gpx", "twins/m/a.gpx",
    )  # fmt: skip
    assert read([tmp_path / name for name in given], is_id_global=is_global).ids == expected


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    """Without hidden files, such as those that a Mac puts beside each."""
    folder_of(tmp_path, "b.csv", "a.gpx", "c/d.geojson", "e.parquet", ".b.csv")
    (tmp_path / "readme.md").write_text("not this")
    assert [source.path.name for source in sources([tmp_path], ProbeFormat())] == [
        "a.gpx",
        "b.csv",
        "d.geojson",
        "e.parquet",
    ]
    assert read(tmp_path).read == 4 * len(DRIVE)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "none.csv: no such file"),
        ("void.csv", b"", "void.csv: the file is empty"),
        ("names.csv", b"time,lon,lat\n", "names.csv: no points in it"),
        ("names.csv", b"time,lon,lat", "names.csv: no points in it"),
        ("map.osm.pbf", b"\0\0\0\rOSMHeader", r"map.osm.pbf: starts with .*, expected GPX, CSV, GeoJSON or Parquet"),
        ("cut.gz", b"\x1f\x8b\x08\x00", r"cut.gz: cannot be unpacked"),
        ("wide.csv", "time,lon,lat".encode("utf-16"), "wide.csv: is text in UTF-16, expected UTF-8"),
        ("fleet.zip", b"PK\x03\x04\x14\x00", "fleet.zip: is a zip archive, expected the files in it"),
        ("log.nmea", b"$GPRMC,123519,A,4807.038,N,01131.000,E,,,,,\n", "log.nmea: looks like NMEA 0183.*gpsbabel"),
    ],
)
def test_files_that_are_none(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=message):
        read(tmp_path / name)


def test_a_folder_without_probes_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no probe files in this folder"):
        read(tmp_path)


def test_a_zero_far_down_in_text_is_a_bad_row_at_most(tmp_path: Path) -> None:
    """As where a logger lost its power."""
    text = csv_of(drive(20)).encode() + b"\0" * 100 + b"\n"
    (tmp_path / "cut.csv").write_bytes(text)
    made = read(tmp_path / "cut.csv")
    assert (len(made.points), made.dropped) == (20, {"unreadable": 1})


def test_a_zone_that_is_none_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="time zone 'Helsinki': no such zone"):
        next(read_probes([folder_of(tmp_path, "a.csv")], ProbeFormat(time_zone="Helsinki"), now=NOW))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"columns": (("longitude", "x"),)}, "column 'longitude': expected trace_id, time, lon, lat"),
        ({"epoch": "h"}, "epoch 'h': expected s, ms, us or ns"),
        ({"speed_unit": "kmh"}, "speed unit 'kmh': expected km/h, mph, m/s or kn"),
        ({"delimiter": "comma"}, "delimiter 'comma': expected one character, or tab"),
        ({"interval_s": 0.0}, "interval 0.0: expected seconds above 0"),
        ({"interval_s": float("inf")}, "interval inf: expected seconds above 0, at most 86400"),
    ],
)
def test_a_format_that_means_nothing(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ReadError, match=message):
        ProbeFormat(**told)


def test_traces_without_any_time_get_even_ones_if_asked(tmp_path: Path) -> None:
    """Those of GPS's first day, which no real point has; a trace with some times keeps its points without."""
    rows = [{**row, "time": None} for row in drive(3, "a")]
    rows += [{**row, "time": row["time"] if i else None} for i, row in enumerate(drive(3, "b"))]
    (tmp_path / "a.csv").write_text(csv_of(rows))
    assert read(tmp_path / "a.csv").dropped == {"no_time": 4}
    made = read(tmp_path / "a.csv", interval_s=5.0)
    assert made.dropped == {"no_time": 1}
    times = [row["time"].isoformat() for row in made.points if row["trace_id"] == "a"]
    assert times == ["1980-01-06T00:00:00+00:00", "1980-01-06T00:00:05+00:00", "1980-01-06T00:00:10+00:00"]


def test_real_edge_cases_do_not_stop_the_run(shared_data: Path) -> None:
    made = read(shared_data / "traces/gpx-edge-cases")
    assert made.dropped == {"no_time": 5}
    assert len(made.points) == 14 + 29 + 17
    unreadable = [Path(row["key"]).name for row in made.rejects if row["reason"] == "unreadable"]
    assert unreadable == ["no_trk.gpx", "no_trkpt.gpx", "no_trkseg.gpx", "test-only-wpt.gpx"]
