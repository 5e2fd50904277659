import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.road import ROAD_SEGMENT
from schemas.speed_profile import SPEED_PROFILE, WEEK_BINS
from schemas.vocabulary import SpeedUnit
from tasks import probe_map
from tasks.page_place import PagePlace
from tasks.probe_map import PROFILE_COLUMNS, SEGMENT_COLUMNS, probe_page, speed_data
from tasks.shown_trace import MATCH_COLUMNS, POINT_COLUMNS, TRAVERSAL_COLUMNS
from tests.probed_streets import drive, profile_row, profile_table, streets, trace_tables
from tests.roads import random_roads, road_row, road_table
from tests.tasks.test_limit_map import CHROMIUM, EVIL, Links, shown, unpack

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
PROFILES = profile_table([profile_row("s0"), profile_row("s0", "backward", p50_kmh=30.0), profile_row("s2")])
HERE, STATES = PagePlace(SpeedUnit.KMH, False), PagePlace(SpeedUnit.MPH, False)
TRACES = trace_tables(drive("car-1", 12, lost=(3, 7)), drive("car-2", 5), drive("car-3", 4))


def labels(data: dict, view: int) -> dict[str, str]:
    entries, codes = data["views"][view]["entries"], data["views"][view]["codes"]
    return dict(zip(data["columns"]["id"], [entries[code]["label"] for code in codes], strict=True))


def test_each_segment_finds_its_profiles() -> None:
    data = speed_data(streets(), PROFILES, HERE)
    places = {way: dict(zip(data["columns"]["id"], found, strict=True)) for way, found in data["profiles"].items()}
    assert places == {
        "forward": {"s0": 0, "s1": -1, "s2": 2, "lane": -1},
        "backward": {"s0": 1, "s1": -1, "s2": -1, "lane": -1},
    }
    assert data["figures"]["p50"] == [44.0, 30.0, 44.0]
    assert data["weeks"][0][:4] == [84, 45, 5, 84 * 6]


def test_the_views() -> None:
    rows = [profile_row("s0", traces=7), profile_row("s0", "backward", free_flow_kmh=81.0, p50_kmh=31.0, traces=8)]
    slow = profile_row("s2", week_kmh=[20.0] * WEEK_BINS, week_minutes=[60] * WEEK_BINS)
    data = speed_data(streets(), profile_table([*rows, slow, profile_row("s1", week_minutes=[0] * WEEK_BINS)]), HERE)
    none = {"lane": "no profile"}
    assert labels(data, 0) == {"s0": "81–100", "s1": "41–50", "s2": "41–50"} | none
    assert labels(data, 1) == {"s0": "41–50", "s1": "41–50", "s2": "41–50"} | none
    assert labels(data, 2)["s2"] == "40–50 %"
    assert labels(data, 2)["s1"] == "no profile"
    assert labels(data, 3) == {"s0": "10–19", "s1": "10–19", "s2": "10–19"} | none


def test_each_heading_has_a_class_of_its_own() -> None:
    rows = [profile_row("s0"), profile_row("s0", "backward", free_flow_kmh=24.0), profile_row("s2", free_flow_kmh=31.0)]
    view = speed_data(streets(), profile_table(rows), HERE)["views"][0]
    assert [view["entries"][code]["label"] for code in view["sides"]] == ["41–50", "21–30", "31–40"]
    assert {entry["label"]: entry["segments"] for entry in view["entries"]}["21–30"] == 0


def test_miles_where_signs_are_in_miles() -> None:
    data = speed_data(streets(), PROFILES, STATES)
    assert (data["unit"], data["figures"]["free_flow"], data["figures"]["p50"]) == (
        "mph",
        [31.1] * 3,
        [27.3, 18.6, 27.3],
    )
    assert data["weeks"][0][:4] == [84, 28, 5, 84 * 6]
    assert data["figures"]["rush"] == speed_data(streets(), PROFILES, HERE)["figures"]["rush"]
    assert labels(data, 0)["s0"] == "26–35"


def test_segments_with_a_profile_are_drawn_last() -> None:
    page = probe_page(streets(), profile_table([profile_row("lane")]), title="x")
    assert unpack(page)["columns"]["id"][-1] == "lane"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([profile_row("s0"), profile_row("x9")], "segment_id 'x9' of the profiles is not among the segments"),
        ([profile_row("s0"), profile_row("s1"), profile_row("s0")], "segment_id 's0' has two profiles for one heading"),
    ],
)
def test_profiles_that_do_not_fit_are_refused(rows: list, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        probe_page(streets(), profile_table(rows), title="x")


def test_tables_of_traces_come_together() -> None:
    with pytest.raises(ValueError, match="points, matches and traversals come together"):
        probe_page(streets(), PROFILES, TRACES[0], title="x")


def test_without_traces_nothing_of_them_is_told() -> None:
    page = probe_page(streets(), PROFILES, title="x")
    assert unpack(page)["traces"] is None
    assert "car-1" not in json.dumps(unpack(page))
    assert unpack(probe_page(streets(), PROFILES, *TRACES, title="x", most_traces=1))["traces"]["total"] == 3


def test_nothing_is_fetched_and_data_is_no_markup() -> None:
    roads = road_table([road_row("s0", [(24.9, 60.1), (24.91, 60.11)], name=EVIL)])
    page = probe_page(roads, PROFILES.slice(0, 2), title=EVIL)
    assert Links(page).found == []
    assert not re.search(r"<style>[^<]*url\(", page)
    assert "default-src 'none'" in page
    assert 'document.title="taken"' not in page
    assert "@@" not in page
    assert unpack(page)["columns"]["name"] == [EVIL]


def test_the_same_tables_give_the_same_page() -> None:
    mixed = [table.take(list(reversed(range(table.num_rows)))) for table in TRACES]
    assert probe_page(streets(), PROFILES, *TRACES, title="x") == probe_page(streets(), PROFILES, *mixed, title="x")


def test_the_columns_named_are_enough() -> None:
    read = zip(TRACES, (POINT_COLUMNS, MATCH_COLUMNS, TRAVERSAL_COLUMNS), strict=True)
    few = [streets().select(SEGMENT_COLUMNS), PROFILES.select(PROFILE_COLUMNS), *(each.select(of) for each, of in read)]
    assert probe_page(*few, title="x") == probe_page(streets(), PROFILES, *TRACES, title="x")


def test_no_segments() -> None:
    data = unpack(probe_page(ROAD_SEGMENT.empty(), SPEED_PROFILE.empty(), title="x"))
    assert (data["counts"], data["weeks"], data["metres"]) == ([], [], 0.0)


def test_a_page_is_compact() -> None:
    roads = random_roads(1000)
    profiles = profile_table([profile_row(name) for name in roads["segment_id"].to_pylist()])
    assert len(probe_page(roads, profiles, title="x")) < 230_000 + 60 * 1000


def browse(folder: Path, place: str = "", acts: str = "", tables: tuple[pa.Table, ...] = TRACES) -> str:
    """What stands in the page, opened at a place, after some acts."""
    page = probe_page(streets(), PROFILES, *tables, title="Speeds", most_traces=2)
    # the data are unpacked in tasks of their own, so that acts wait
    act = f"<script>setTimeout(() => {{ {acts} }}, 1000);</script></body>"
    (folder / "map.html").write_text(page.replace("</body>", act), encoding="utf-8")
    return shown(Path(f"{folder}/map.html{place}"), folder / "profile")


def test_weeks_are_told_by_the_hour_where_they_would_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    uneven = np.arange(WEEK_BINS) % 2 * 20.0 + 30.0
    names = ["s0", "s1", "s2"]
    rows = [profile_row(name, week_kmh=uneven, week_minutes=[5] * WEEK_BINS) for name in names]
    assert len(speed_data(streets(), profile_table(rows), HERE)["weeks"][0]) == 4 * WEEK_BINS
    monkeypatch.setattr(probe_map, "MOST_RUNS", 3000)
    monkeypatch.setattr(probe_map, "BLOCK", 1)
    found = speed_data(streets(), profile_table(rows), HERE)["weeks"]
    assert found == [[WEEK_BINS, 40, 60, int(np.sum(rows[0]["week_count"]))]] * 3


@needs_chromium
def test_a_browser_shows_both_headings_of_a_segment(tmp_path: Path) -> None:
    said = browse(tmp_path, "#s0")
    assert re.search(r'id="total"[^>]*>4 segments', said)
    assert "<h2>Street 0</h2>" in said
    assert '<th scope="row">Median</th><td>44 km/h</td><td>30 km/h</td>' in said
    assert said.count('class="week"') == 2
    shades = re.findall(r'class="bar" d="([^"]*)"', said)
    assert [bool(path) for path in shades[:6]] == [True, False, True, False, False, True]
    assert re.search(r'<section id="panel"[^>]*>.*Traces that pass here.*car-1.*</section>', said, re.DOTALL)


@needs_chromium
def test_a_browser_reads_a_week_by_keys(tmp_path: Path) -> None:
    acts = """const chart = document.querySelector(".week");
        const press = (key) => chart.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        for (let hour = 0; hour < 7; hour++) press("PageUp");
        document.body.dataset.morning = chart.getAttribute("aria-valuetext");
        for (const day of [1, 2]) press("ArrowDown");
        document.body.dataset.wednesday = chart.getAttribute("aria-valuetext");"""
    said = browse(tmp_path, "#s2", acts)
    assert 'data-morning="Mo 07:00–09:00: 20 km/h, mean of 5 min; 144 observed"' in said
    assert 'data-wednesday="We 00:00–24:00: 45 km/h, mean of the week; 0 observed from We 00:00 to Su 24:00"' in said


@needs_chromium
def test_a_browser_shows_a_trace_and_steps_through_it(tmp_path: Path) -> None:
    acts = """const press = (words, within) => [...document.querySelectorAll(within + " button")]
          .find((button) => button.textContent.includes(words)).click();
        press("car-1", "#listed");
        document.body.dataset.first = document.querySelector("#point").textContent;
        press("Next unmatched", ".steps"); press("Next unmatched", ".steps");
        document.body.dataset.lost = document.querySelector("#point").textContent;
        press("‹ Back", ".steps");"""
    said = browse(tmp_path, "", acts)
    assert "<dt>Matched</dt><dd>10 of 12 points</dd><dt>Unmatched</dt><dd>2 no road</dd>" in said
    assert re.search(r'data-first="Time2025-06-16 04:00:00 UTC.*Street 0.*10 % along it.*11.1 m.*98.7 %', said)
    assert re.search(r'data-lost="Time2025-06-16 04:01:10 UTC.*none: no road', said)
    assert "Point 7 of 12" in said
    assert "The 2 longest of 3; 1 left out." in said
    assert not re.search(r'<p id="private"[^>]*hidden', said)


@needs_chromium
def test_a_browser_opens_the_point_of_the_address_and_closes_it(tmp_path: Path) -> None:
    said = browse(tmp_path, "#trace=car-1&point=4")
    assert "Point 5 of 12" in said
    assert 'aria-current="true"' in said
    escape = 'dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" })); document.body.dataset.at = location.hash;'
    said = browse(tmp_path, "#trace=car-1&point=4", escape)
    assert re.search(r'<section id="panel"[^>]*hidden', said)
    assert 'data-at=""' in said


@needs_chromium
def test_a_click_finds_a_point_before_a_road(tmp_path: Path) -> None:
    acts = """const canvas = document.querySelector("canvas");
        const press = (words) => {
          for (let y = 0; y < innerHeight; y += 4) for (let x = 300; x < innerWidth - 420; x += 4) {
            canvas.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: x, clientY: y, view: window }));
            if (document.querySelector("#panel").textContent.includes(words)) return "found";
          }
        };
        document.body.dataset.point = press("Point 6 of 12");
        document.body.dataset.road = press("Street 1primary");"""
    said = browse(tmp_path, "#trace=car-1&point=0", acts)
    assert 'data-point="found"' in said
    assert 'data-road="found"' in said


@needs_chromium
def test_a_browser_without_traces_has_no_word_of_them(tmp_path: Path) -> None:
    said = browse(tmp_path, tables=())
    assert re.search(r'<p id="private"[^>]*hidden', said)
    assert re.search(r'<details id="traces"[^>]*hidden', said)


@needs_chromium
def test_a_browser_draws_headings_side_by_side_and_arrows(tmp_path: Path) -> None:
    acts = """const bend = [[0, 0], [10, 0], [10, 10]].map((at) => L.point(at));
        const [heads, next] = arrowHeads([L.point(0, 0), L.point(0, 300)], 4, 55);
        const told = ({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`;
        document.body.dataset.moved = beside(bend, 2).map(told).join(" ");
        document.body.dataset.tips = heads.map(([tip]) => told(tip)).join(" ");
        document.body.dataset.left = next;"""
    said = browse(tmp_path, "#s0", acts)
    assert 'data-moved="0.0,2.0 8.0,2.0 8.0,10.0"' in said  # right of east, then of south
    assert 'data-tips="0.0,59.0 0.0,169.0 0.0,279.0"' in said
    assert 'data-left="85"' in said
