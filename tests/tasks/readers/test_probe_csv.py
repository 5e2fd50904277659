"""CSV of every make, against pandas; rows that are none are told with their place."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.readers import probe_csv
from tasks.readers.probe_csv import layout_of
from tasks.readers.probe_format import ProbeFormat
from tasks.readers.reading import ReadError
from tests.tasks.readers.probe_files import NOW, START, csv_of, drive, read

ROWS = [*drive(5, "a"), *drive(4, "b", 25.0)]


def written(folder: Path, text: str, name: str = "fleet.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("is_told", [True, False])
def test_any_delimiter(delimiter: str, is_told: bool, tmp_path: Path) -> None:
    file = written(tmp_path, csv_of(ROWS, delimiter))
    assert read(file, **({"delimiter": delimiter} if is_told else {})).points == ROWS


def test_as_pandas_reads_it(tmp_path: Path) -> None:
    text = csv_of(ROWS)
    frame = pd.read_csv(io.StringIO(text), parse_dates=["time"])
    made = read(written(tmp_path, text)).points
    assert [row["lon"] for row in made] == frame["lon"].tolist()
    assert [row["time"] for row in made] == frame["time"].dt.to_pydatetime().tolist()


def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are refused in any of them keep their place."""
    lines = csv_of(drive(400)).splitlines()
    lines[7] += ",one,more"
    lines[211] = lines[211].replace("60.17", "91")
    lines[333] = "x"
    lines[334] = lines[334].replace("60.17", "north")
    file = written(tmp_path, "\n".join(lines))
    whole = read(file)
    monkeypatch.setattr(probe_csv, "BLOCK_BYTES", 1000)
    parts = read(file)
    assert parts._replace(rejects=[]) == whole._replace(rejects=[])
    assert sorted(map(str, parts.rejects)) == sorted(map(str, whole.rejects))
    assert parts.dropped == {"unreadable": 2, "bad_coordinate": 2}
    assert parts.read == 400
    assert sorted(row["key"].partition("@")[2] for row in parts.rejects) == ["212", "334", "335", "8"]
    assert "'north': expected a number from -90 to 90" in " ".join(row["message"] for row in parts.rejects)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("trip_id,timestamp,lng,lat", {"trace_id": "trip_id", "time": "timestamp", "lon": "lng", "lat": "lat"}),
        ("Vehicle ID,Date Time,X,Y,Bearing", {"trace_id": "Vehicle ID", "time": "Date Time", "heading": "Bearing"}),
        ("vehicle_id,trip_id,t,longitude,latitude", {"trace_id": "trip_id"}),
        ("device;ts;lon;lat;speed_kmh;hacc", {"speed": "speed_kmh", "accuracy": "hacc"}),
        ("\ufefflon,lat,time", {"lon": "lon"}),
        ("lon,lat,time,hdop,speed,speed_mph", {"speed": "speed_mph"}),
    ],
)
def test_usual_names(header: str, expected: dict[str, str]) -> None:
    found = layout_of(header.encode(), ProbeFormat(), "a.csv").named.columns
    assert expected.items() <= found.items()
    assert "hdop" not in found.values()


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        ("speed_kmh", None, 50.0),
        ("speed_mps", None, 180.0),
        ("speed_mph", None, 80.4672),
        ("speed_knots", None, 92.6),
        ("speed", "m/s", 180.0),
        ("speed", None, None),
    ],
)
def test_speeds(name: str, unit: str | None, expected: float | None, tmp_path: Path) -> None:
    file = written(tmp_path, f"time,lon,lat,{name}\n{START.isoformat()},24.9,60.1,50\n")
    made = read(file, speed_unit=unit)
    assert made.points[0]["speed_kmh"] == pytest.approx(expected)
    assert ["--speed-unit" in note for note in made.notes] == ([True] if expected is None else [])


@pytest.mark.parametrize(
    ("text", "told", "message"),
    [
        ("time;lon;lat\n1;2;3\n", {"delimiter": ","}, r"one column 'time;lon;lat' with delimiter ',', expected ';'"),
        ("a,b\n1,2\n", {}, r"no column for lon among 'a', 'b': name it with --column lon=NAME"),
        (
            "time,lon,lat\n1,2,3\n",
            {"columns": (("time", "when"),)},
            r"no column 'when' for time, expected one of 'time'",
        ),
        ("24.9,60.1,1714996800\n24.9,60.1,1714996801\n", {}, r"first line '24.9,60.1,1714996800' holds no names"),
        ("bus 7,1714996800,24.9,60.1\n", {}, r"first line 'bus 7,1714996800,24.9,60.1' holds no names"),
        ("Geolife trajectory\nWGS 84\n60.1,24.9,0,0,0,2024-05-06,07:08:09\n", {}, "first line 'Geolife.*--header"),
        ("time^lon^lat\n1^2^3\n", {}, r"one column 'time\^lon\^lat', expected several, or --delimiter"),
        ("  \n", {}, "the file is empty"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(text: str, told: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message) as caught:
        read(written(tmp_path, text), **told)
    assert "fleet.csv: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_names(tmp_path: Path) -> None:
    text = "".join(f"{row['trace_id']},{row['time']},{row['lon']},{row['lat']}\n" for row in ROWS)
    made = read(written(tmp_path, text), header=("trace_id", "time", "lon", "lat"))
    assert [(p["trace_id"], p["lon"]) for p in made.points] == [(p["trace_id"], p["lon"]) for p in ROWS]
    bad = read(written(tmp_path, f"a,{START},24.9,95\n{text}"), header=("trace_id", "time", "lon", "lat"))
    assert bad.rejects[0]["key"].endswith("fleet.csv@1")


def test_geolife(tmp_path: Path) -> None:
    """Six lines of preamble, no names, days and hours apart: https://www.microsoft.com/en-us/research/project/geolife."""
    top = "Geolife trajectory\nWGS 84\nAltitude is in Feet\nReserved 3\n0,2,255,My Track,0,0,2,8421376\n0\n"
    lines = [f"{row['lat']},{row['lon']},0,492,45418.29733,2024-05-06,{row['time']:%H:%M:%S}\n" for row in ROWS[:5]]
    file = written(tmp_path, (top + "".join([*lines, "95,24.9,0,492,0,2024-05-06,07:08:09\n"])), "x.plt")
    told = read(file, header=("lat", "lon", "zero", "feet", "days", "date", "time"), time_zone="UTC")
    assert [(p["time"], p["lon"], p["lat"]) for p in told.points] == [(p["time"], p["lon"], p["lat"]) for p in ROWS[:5]]
    assert (told.read, told.rejects[0]["key"].partition("@")[2]) == (6, "12")


@pytest.mark.parametrize("top", ["sep=;\n", "# export of 2024\n# all;rights;reserved\n\n", "lon;of;what\n"])
def test_lines_above_the_names(top: str, tmp_path: Path) -> None:
    made = read(written(tmp_path, f"{top}{csv_of(ROWS, ';')}a;{START};24.9;95;;;\n"))
    assert made.points == ROWS
    assert made.rejects[0]["key"].endswith(f"@{top.count(chr(10)) + len(ROWS) + 2}")


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_ends_of_lines(end: str, tmp_path: Path) -> None:
    file = tmp_path / "fleet.csv"
    file.write_bytes(csv_of(ROWS).replace("\n", end).encode())
    assert read(file).points == ROWS


def test_rows_that_end_with_a_delimiter(tmp_path: Path) -> None:
    names, *lines = csv_of(ROWS).splitlines()
    assert read(written(tmp_path, "\n".join([names, *(f"{line}," for line in lines)]))).points == ROWS


def test_of_two_columns_of_one_name_the_first_is_read(tmp_path: Path) -> None:
    names, *lines = csv_of(ROWS).splitlines()
    assert read(written(tmp_path, "\n".join([f"{names},lat", *(f"{line},0" for line in lines)]))).points == ROWS


@pytest.mark.parametrize("size", [1_000_000, 100])
def test_text_that_is_not_utf8_stays_distinct(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In rows that are none as well, and wherever a block ends."""
    monkeypatch.setattr(probe_csv, "BLOCK_BYTES", size)
    file = tmp_path / "fleet.csv"
    rows = [{**row, "trace_id": f"M{each}ller"} for each in "üö" for row in ROWS[:2]]
    plain = [{**row, "trace_id": f"{each} ±20°"} for each in "ab" for row in ROWS[:20]]
    file.write_bytes(csv_of(plain).encode() + csv_of(rows).partition("\n")[2].encode("latin-1") + b"M\xfcll\n")
    made = read(file)
    assert made.ids == ["a ±20°", "b ±20°", "M\\xfcller", "M\\xf6ller"]
    assert (made.dropped, made.rejects[0]["message"]) == ({"unreadable": 1}, "1 columns in 'M\\\\xfcll', expected 7")
    assert [note.partition(": ")[2] for note in made.notes] == [
        "text that is not UTF-8 is kept byte by byte, such as \\xfc"
    ]


@pytest.mark.parametrize("word", ["tab", "\\t"])
def test_a_tab_in_words_and_blank_lines_above_the_names(word: str, tmp_path: Path) -> None:
    made = read(written(tmp_path, f"\n\n{csv_of(ROWS, chr(9))}a\t{START}\t24.9\t95\t\t\t\n"), delimiter=word)
    assert made.points == ROWS
    assert made.rejects[0]["key"].endswith(f"@{len(ROWS) + 4}")


def test_decimal_commas(tmp_path: Path) -> None:
    """A whole degree in the first row does not mislead."""
    start = START.isoformat()
    made = read(written(tmp_path, f"time;lon;lat;speed_kmh\n{start};24;60;50\n{start};24,9;60,1;50,5\n")).points[1]
    assert (made["lon"], made["lat"], made["speed_kmh"]) == (24.9, 60.1, 50.5)


def test_day_and_hour_in_two_columns(tmp_path: Path) -> None:
    """A first row without an hour does not mislead, and is not at midnight."""
    text = "date,time,lon,lat\n2024-05-06,,24.9,60.1\n2024-05-06,07:08:09,24.9,60.1\n"
    made = read(written(tmp_path, text), time_zone="UTC")
    assert (made.points[0]["time"], made.dropped) == (START, {"no_time": 1})


@pytest.mark.parametrize(("ids", "expected"), [("aabb", ["a", "b"]), ("abcd", ["fleet"])])
def test_a_bare_id_names_the_trace_where_it_repeats(ids: str, expected: list[str], tmp_path: Path) -> None:
    lines = [f"{each},{START.isoformat()},24.9,60.1" for each in ids]
    assert read(written(tmp_path, "\n".join(["id,time,lon,lat", *lines]))).ids == expected


def test_points_that_are_none(tmp_path: Path) -> None:
    good = f"a,{START.isoformat()},24.9,60.1"
    late = NOW.replace(year=2099).isoformat()
    bad = [
        ("a,,24.9,60.1", "no_time"),
        (f"a,{late},24.9,60.1", "future"),
        ("a,1979-12-31T00:00:00Z,24.9,60.1", "future"),
        ("a,noon,24.9,60.1", "unreadable"),
        (f",{START.isoformat()},24.9,60.1", "unreadable"),
        (f"a,{START.isoformat()},nan,60.1", "bad_coordinate"),
        (f"a,{START.isoformat()},,60.1", "bad_coordinate"),
        (f"a,{START.isoformat()},inf,60.1", "bad_coordinate"),
        (f"a,{START.isoformat()},180.1,60.1", "bad_coordinate"),
        (f"a,{START.isoformat()},24.9,-90.1", "bad_coordinate"),
        (f"a,{START.isoformat()},0,0.0", "null_island"),
    ]
    made = read(written(tmp_path, "\n".join(["trace_id,time,lon,lat", good, *(line for line, _ in bad), good])))
    assert len(made.points) == 2
    keys = {row["key"].partition("@")[2]: row["reason"] for row in made.rejects}
    assert keys == {str(number): reason for number, (_, reason) in enumerate(bad, 3)}


def test_values_that_a_device_cannot_mean_are_null(tmp_path: Path) -> None:
    lines = ["time,lon,lat,speed_kmh,heading,accuracy", f"{START.isoformat()},24.9,60.1,-1,-1,0"]
    lines += [f"{START.isoformat()},24.9,60.1,slow,361,", f"{START.isoformat()},24.9,60.1,NA,360,inf"]
    made = read(written(tmp_path, "\n".join(lines)))
    told = [(row["speed_kmh"], row["heading_deg"], row["accuracy_m"]) for row in made.points]
    assert [note.partition("fleet.csv: ")[2] for note in made.notes] == [
        "speed 'slow' is no number, and left out as all such"
    ]
    assert told == [(None, None, None), (None, None, None), (None, 0.0, None)]


def test_many_points_of_one_reason_are_counted(tmp_path: Path) -> None:
    made = read(written(tmp_path, "time,lon,lat\n" + "\n".join([f"{START.isoformat()},24.9,60.1", *["x,1,1"] * 250])))
    assert made.dropped == {"unreadable": 250}
    assert len(made.rejects) == 101
    assert made.rejects[-1]["message"] == "250 points dropped for this reason, of which the first 100 are listed"
