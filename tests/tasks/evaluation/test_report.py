import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.boundary_offset import Offsets
from tasks.evaluation.figures import boundary
from tasks.evaluation.plot import plot
from tasks.evaluation.report import boundary_line, report_lines, share_text, table

SCORED = {
    "segments": 1200, "km": 345.6, "exact": 0.912, "one_step": 0.95, "within_10": 0.93, "too_high": 0.031,
    "covered": 1.0, "macro_f1": 0.654, "sure": 0.5, "sure_exact": 0.97, "sure_too_high": 0.012, "ece": 0.021,
    "ece_equal_mass": 0.02, "exact_interval": [0.88, 0.94],
}  # fmt: skip
UNTOLD = SCORED | {"sure": 0.0, "sure_exact": None, "sure_too_high": None, "ece": None, "exact_interval": [None, None]}
BINS = ((0.9, 0.8, 0.5), (0.2, 0.1, 0.5))


def told(**others: Any) -> dict[str, Any]:
    entry = {"by_length": SCORED, "by_count": SCORED | {"exact": 0.899}}
    rival = {"by_length": SCORED | {"exact": 0.5}, "by_count": SCORED}
    case = {
        "segments_hidden": 7, "not_scored": {"walking_pace": 2},
        "coverage": {"segments": 9000, "km": 1234.5, "number": 0.999, "number_km": 0.998, "answered": 1.0},
    }  # fmt: skip
    by_class = {"primary": entry, "<track>": {"by_length": UNTOLD, "by_count": UNTOLD}}
    return {
        "hiding": {"seed": 3, "share": 0.5, "zoom": 15},
        "extracts": {"town": case, "village": case},
        "all": entry,
        "groups": {"extract": {"town": entry, "village": entry}, "jurisdiction": {"FI": entry}, "class": by_class,
                   "area": {"urban": entry}, "basis": {"law": entry}},
        "baselines": {"class_mode_kmh": {"all": rival, "extract": {"town": rival, "village": rival},
                                         "class": {"primary": rival, "<track>": rival}}},
        "missing_baselines": {"osmnx_kmh": "OSMnx is not installed"},
        "macro_f1_gain": {"class_mode_kmh": 0.234, "law_kmh": None},
        "reliability": [dict(zip(("confidence", "exact", "weight"), each, strict=True)) for each in BINS],
        "boundary": boundary(Offsets((10.0, 80.0), 2, 1)),
        "probes": None,
    } | others  # fmt: skip


def test_what_a_report_says() -> None:
    text = "\n".join(report_lines(told()))
    assert "1,200 segments (345.6 km)" in text
    assert "91.2 % (88.0–94.0)" in text
    assert "| town " in text
    assert "50.0 % / 0.654" in text
    assert "Not asked: OSMnx: OSMnx is not installed." in text
    assert "Relative gain in macro-F1: +23 % over class mode, – over law alone." in text
    assert "2 walking_pace" in text
    assert "4 places where the true limit changes along a road: 25.0 % within 25 m, 50.0 % within 100 m" in text
    assert "nan" not in text.lower()
    assert "None" not in text


def probed() -> dict[str, Any]:
    """Twice as many segments as without any probes, of which 61 and 72.5 % are right."""
    ways = (("without", 0.61, 0.1), ("with", 0.725, 0.04))
    pair = {name: {"by_length": SCORED, "by_count": SCORED | {"exact": exact, "ece": ece}} for name, exact, ece in ways}
    nothing = {"by_length": UNTOLD, "by_count": UNTOLD | {"segments": 0, "exact": None, "within_10": None}}
    bins = [dict(zip(("confidence", "exact", "weight"), (0.7, 0.4, 1.0), strict=True))]
    return {
        "all": pair | {"share": 1.0},
        "traversals": {"20 and more": pair | {"share": 0.25}, "none": {"share": 0.0} | dict.fromkeys(pair, nothing)},
        "class": {"primary": pair | {"share": 1.0}},
        "extract": {},
        "reliability": {"without": bins, "with": bins},
    }


def test_probes_stand_side_by_side() -> None:
    lines = report_lines(told(probes=probed()))
    start = lines.index("## Without and with GPS probes")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:] if line[:2] == "| "]
    assert cells[2] == [
        *("20 and more", "1,200", "25.0 %", "61.0 %", "72.5 %", "+11.5", "93.0 %", "93.0 %", "3.1 %", "3.1 %"),
        *("0.100", "0.040"),
    ]
    assert cells[3][:6] == ["none", "0", "0.0 %", "–", "–", "–"]
    assert [row[0] for row in cells[2:]][:5] == ["20 and more", "none", "all", "class", ":------"]
    assert not any("GPS" in line for line in report_lines(told()))


def test_the_picture_shows_probes_too() -> None:
    root = ET.fromstring(plot(told(probes=probed())))
    spots = [(each.get("cx"), each.get("fill")) for each in root.findall(".//{*}circle")]
    assert len(spots) == 3
    assert (f"{60 + 0.7 * 360:.1f}", "#d6604d") in spots
    assert any((each.text or "").startswith("red: with probes") for each in root.findall(".//{*}text"))


def test_one_extract_needs_no_line_for_all() -> None:
    lone = told()
    lone["groups"]["extract"] = {"town": lone["groups"]["extract"]["town"]}
    assert not any(line.startswith("| all ") for line in report_lines(lone))
    assert sum(line.startswith("| all ") for line in report_lines(told())) == 2


@given(st.lists(st.tuples(st.text("ab", max_size=9), st.text("12.", max_size=12)), max_size=5))
def test_cells_of_a_table_stand_below_each_other(rows: list[tuple[str, str]]) -> None:
    lines = table(["name", "n"], rows)
    assert len({len(line) for line in lines}) == 1
    assert {tuple(i for i, sign in enumerate(line) if sign == "|") for line in lines} == {
        tuple(i for i, sign in enumerate(lines[0]) if sign == "|")
    }
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
    assert cells == rows


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.0 %"), (1.0, "100.0 %"), (0.12345, "12.3 %"), (None, "–")])
def test_shares(share: float | None, text: str) -> None:
    assert share_text(share) == text


def test_no_change_of_limits() -> None:
    assert boundary_line(boundary(Offsets((), 0, 3))) == "No limit changes along the hidden roads."
    assert "half of" not in boundary_line(boundary(Offsets((), 2, 3)))


def test_the_picture_is_whole_and_needs_nothing_else() -> None:
    picture = plot(told())
    root = ET.fromstring(picture)
    spots = root.findall(".//{*}circle")
    assert len(spots) == 2
    assert [float(each.get("cx", 0)) for each in spots] == pytest.approx([60 + 0.9 * 360, 60 + 0.2 * 360])
    assert [float(each.get("cy", 0)) for each in spots] == pytest.approx([60 + 0.2 * 360, 60 + 0.9 * 360])
    words = [each.text for each in root.findall(".//{*}text")]
    assert "<track>, 346 km" in words
    assert "91.2 %" in words
    assert picture.count("http") == 1, "the name space alone"


def test_a_picture_without_confidence() -> None:
    nothing = told(reliability=[], all={"by_length": UNTOLD, "by_count": UNTOLD})
    assert "calibration error" not in plot(nothing)
