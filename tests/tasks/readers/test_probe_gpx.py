"""GPX 1.0 and 1.1, against ElementTree."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tasks.readers import probe_gpx
from tasks.readers.reading import ReadError
from tests.tasks.readers.probe_files import START, drive, gpx_of, read

EXTENDED = f"""<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"
  xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">
<metadata><name>not this</name><time>2000-01-01T00:00:00Z</time></metadata>
<wpt lat="1" lon="1"><name>nor this</name></wpt>
<trk><name>drive</name><number>1</number><trkseg>
<trkpt lat="60.17" lon="24.9"><time>{START.isoformat()}</time><name>n</name>
<extensions><gpxtpx:TrackPointExtension><gpxtpx:speed>10</gpxtpx:speed><gpxtpx:course>370.5</gpxtpx:course>
</gpxtpx:TrackPointExtension></extensions></trkpt><trkpt lon="24.9" lat="60.17"><time>2024-05-06T07:08:11</time>
</trkpt></trkseg></trk></gpx>"""


def written(folder: Path, text: str, name: str = "drive.gpx") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("rows", [100_000, 2])
def test_tracks(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_gpx, "ROWS", rows)
    monkeypatch.setattr(probe_gpx, "CHUNK", 1 << 20 if rows > 2 else 100)
    points = [*drive(3, "a"), *drive(2, "b & c", 25.0)]
    made = read(written(tmp_path, gpx_of(("a", points[:3]), ("b &amp; c", points[3:])))).points
    keys = ("trace_id", "time", "lon", "lat", "heading_deg")
    assert [[row[key] for key in keys] for row in made] == [[row[key] for key in keys] for row in points]
    assert [row["speed_kmh"] for row in made] == pytest.approx([row["speed_kmh"] for row in points])
    assert {row["accuracy_m"] for row in made} == {None}


def test_extensions_and_times_without_an_offset(tmp_path: Path) -> None:
    """GPX times are UTC by definition, and a zone for other files does not change them."""
    first, second = read(written(tmp_path, EXTENDED), time_zone="Asia/Tokyo", epoch="ms").points
    assert (first["trace_id"], first["speed_kmh"], first["heading_deg"]) == ("drive", 36.0, None)
    assert (first["time"], (second["time"] - START).total_seconds()) == (START, 2.0)


def test_names_of_tracks(tmp_path: Path) -> None:
    """One without a name, or with that of another, goes by the file and its number."""
    one = [("x", drive(1)), (None, drive(1)), ("x", drive(1)), ("", drive(1))]
    assert read(written(tmp_path, gpx_of(*one))).ids == ["x", "drive#2", "drive#3", "drive#4"]
    assert read(written(tmp_path, gpx_of((None, drive(2))))).ids == ["drive"]


def test_a_point_within_a_point_takes_its_place(tmp_path: Path) -> None:
    inner = gpx_of(("a", drive(2))).replace("</ele>", '</ele><trkpt lat="60.5" lon="24.5"/>', 1)
    made = read(written(tmp_path, inner))
    assert (made.read, made.dropped, [row["lat"] for row in made.points]) == (2, {"no_time": 1}, [60.17])


def test_real_files_as_elementtree_reads_them(shared_data: Path) -> None:
    for file in sorted((shared_data / "traces").rglob("*.gpx")):
        points = [each for each in ElementTree.parse(file).iter() if each.tag.endswith("}trkpt")]
        if not points:
            with pytest.raises(ReadError, match="expected trk/trkseg/trkpt"):
                read(file)
            continue
        made = read(file, interval_s=1.0).points
        assert [(row["lon"], row["lat"]) for row in made] == [
            (float(p.get("lon")), float(p.get("lat"))) for p in points
        ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (gpx_of(("a", drive(3)))[:-30], r"line \d+, column \d+: .*; expected GPX"),
        ("<osm><node/></osm>", "first element is <osm>, expected <gpx>"),
        ("<gpx></gpx>", "no points of a track in 0 tracks"),
        ('<gpx><rte><rtept lat="1" lon="1"/></rte></gpx>', "no points of a track but 1 points of a planned route"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    sound = written(tmp_path, gpx_of(("sound", drive(2))), "sound.gpx")
    made = read([file, sound])
    assert made.ids[-1] == "sound"
    assert [row["reason"] for row in made.rejects] == ["unreadable"]
    assert made.notes == [row["message"] for row in made.rejects]
    if "expected GPX" in message:
        assert len(made.points) == 2 + 2  # what came before the break is kept
        return
    with pytest.raises(ReadError, match=message):
        read(file)
