import base64
import gzip
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.limit_map import STEPS_PER_DEGREE, map_page, page_data
from tasks.rule_words import rule_text
from tests.roads import random_roads, road_row, road_table

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = '</script><script>document.title="taken"</script><img src=x onerror=alert(1)>&amp; ü'


def rule(value: int, unit: str = "km/h", **more: Any) -> dict[str, Any]:
    return {"max_speed": {"value": value, "unit": unit}} | more


def limit_table(segments: pa.Table, rows: dict[str, dict[str, Any]] | None = None) -> pa.Table:
    """Return a limit for each segment, `not_posted` unless `rows` says more."""
    told = [
        road
        | {"jurisdiction": None, "speed_limits": [], "max_speed_forward_kmh": None, "max_speed_backward_kmh": None}
        | {"basis": None, "confidence": None, "reason": "not_posted", "evidence": []}
        | (rows or {}).get(road["segment_id"], {})
        for road in segments.select(["segment_id", "geometry", "bbox"]).to_pylist()
    ]
    return SPEED_LIMIT.conform(pa.Table.from_pylist(told, schema=SPEED_LIMIT.schema))


def posted(kmh: float, *rules: dict[str, Any]) -> dict[str, Any]:
    found = {"max_speed_forward_kmh": kmh, "max_speed_backward_kmh": kmh, "speed_limits": list(rules)}
    return found | {"basis": "posted", "confidence": 1.0, "reason": None}


def unpack(page: str) -> dict[str, Any]:
    packed = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', page)
    assert packed is not None
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def vertices(data: dict[str, Any]) -> list[np.ndarray]:
    places = np.cumsum(np.array(data["steps"]).reshape(-1, 2), axis=0) / STEPS_PER_DEGREE
    return np.split(places, np.cumsum(data["counts"])[:-1])


class Links(HTMLParser):
    """Everything in a page that a browser would fetch by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fetching = {"src", "srcset", "poster", "data", "background"} | ({"href"} if tag == "link" else set())
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in fetching]


@pytest.fixture
def roads() -> pa.Table:
    return road_table(
        [
            road_row("a", [(24.9, 60.1), (24.91, 60.11)], class_="motorway", name="Länsiväylä", one_way="forward"),
            road_row("b", [(24.9, 60.1), (24.92, 60.1)], class_="service", name=EVIL),
            road_row("c", [(-83.0, -1.5), (-83.1, 1 / 3), (-83.2, 0)], class_="primary", ref="US 1"),
        ]
    )


def test_segments_keep_their_place(roads: pa.Table) -> None:
    data = page_data(limit_table(roads), roads)
    shapes = dict(zip(roads["segment_id"].to_pylist(), shapely.from_wkb(roads["geometry"].to_numpy()), strict=True))
    for key, found in zip(data["columns"]["id"], vertices(data), strict=True):
        assert found == pytest.approx(shapely.get_coordinates(shapes[key]), abs=0.5 / STEPS_PER_DEGREE)


def test_great_roads_are_drawn_last(roads: pa.Table) -> None:
    assert page_data(limit_table(roads), roads)["columns"]["class"] == ["service", "primary", "motorway"]


def test_inferred_limits_are_told_apart(roads: pa.Table) -> None:
    rows = {"a": posted(80.0), "b": posted(50.0) | {"basis": "learned", "confidence": 0.7}}
    data = page_data(limit_table(roads, rows), roads)
    assert dict(zip(data["columns"]["id"], data["inferred"], strict=True)) == {"a": 0, "b": 1, "c": 0}
    assert data["inferred_metres"] == pytest.approx(roads["length_m"][1].as_py())


@given(st.permutations(range(20)), st.integers(0, 20))
def test_order_and_further_segments_do_not_matter(order: list[int], count: int) -> None:
    roads = random_roads(20)
    limits = limit_table(roads, {"w3:n3-n4": posted(50.0, rule(50))}).slice(0, count)
    whole, mixed = page_data(limits, roads), page_data(limits, roads.take(order))
    assert whole == mixed
    assert len(whole["counts"]) == count


def test_a_limit_without_segment_is_refused(roads: pa.Table) -> None:
    with pytest.raises(ValueError, match="segment_id 'a' of the limits is not among the segments"):
        map_page(limit_table(roads), roads.slice(1), title="x")


def test_the_driven_direction_gives_the_colour() -> None:
    line = [(0.0, 0.0), (0.01, 0.0)]
    roads = road_table([road_row(way, line, one_way=way) for way in ("forward", "backward", "no", "reversible")])
    found = {"max_speed_forward_kmh": 30.0, "max_speed_backward_kmh": 80.0, "basis": "posted", "reason": None}
    limits = limit_table(roads, dict.fromkeys(("forward", "backward", "no", "reversible"), found))
    view = page_data(limits, roads)["views"][0]
    assert [view["entries"][code]["label"] for code in view["codes"]] == ["21–30", "61–80", "61–80", "61–80"]


def test_the_panel_tells_posted_units_and_evidence(roads: pa.Table) -> None:
    witness = {
        "basis": "posted",
        "value": 25.0,
        "unit": "mph",
        "heading": None,
        "weight": 1.0,
        "note": "maxspeed=25 mph",
    }
    silent = {"basis": "same_road", "value": None, "unit": None, "heading": "forward", "weight": None, "note": None}
    found = posted(40.2336, rule(25, "mph")) | {"evidence": [witness, silent], "jurisdiction": "US-OH"}
    data = page_data(limit_table(roads, {"c": found}), roads)
    row = {name: values[1] for name, values in data["columns"].items()}
    assert (row["id"], row["forward"], row["backward"]) == ("c", "25 mph (40.2 km/h)", "25 mph (40.2 km/h)")
    assert row["evidence"] == [
        ["posted", "25 mph", "", "1.00", "maxspeed=25 mph"],
        ["same road", "", "forward", "", ""],
    ]
    assert (row["rules"], row["sources"], row["ref"]) == (["at most 25 mph"], ["OpenStreetMap w1@1"], "US 1")
    assert data["is_imperial"]


@pytest.mark.parametrize(
    ("given_rule", "text"),
    [
        (rule(50), "at most 50 km/h"),
        (rule(60, min_speed={"value": 30, "unit": "mph"}), "at most 60 km/h; at least 30 mph"),
        ({"is_max_speed_variable": True}, "variable"),
        (rule(80, between=[0.0, 0.3333333]), "at most 80 km/h; from 0 % to 33.33 % of the length"),
        (rule(30, when={"during": "Mo-Fr 07:00-17:00; PH off"}), "at most 30 km/h; during Mo-Fr 07:00-17:00; PH off"),
        (rule(80, when={"mode": ["hgv", "motor_vehicle"]}), "at most 80 km/h; mode hgv, motor vehicle"),
        (
            rule(
                60, when={"vehicle": [{"dimension": "weight", "comparison": "greater_than", "value": 7.5, "unit": "t"}]}
            ),
            "at most 60 km/h; vehicle weight greater than 7.5 t",
        ),
    ],
)
def test_a_rule_in_words(given_rule: dict[str, Any], text: str) -> None:
    assert rule_text(given_rule) == text


def test_openstreetmap_is_credited(roads: pa.Table) -> None:
    own = [{"property": "", "dataset": "City", "record_id": "7", "between": None}]
    mixed = road_table([*roads.to_pylist(), road_row("d", [(0.0, 0.0), (0.1, 0.0)], sources=own)])
    assert page_data(limit_table(mixed), mixed)["credits"] == ["© OpenStreetMap contributors", "City"]
    assert page_data(limit_table(mixed.slice(3)), mixed)["credits"] == ["City"]


def test_nothing_is_fetched_and_data_is_no_markup(roads: pa.Table) -> None:
    page = map_page(limit_table(roads), roads, title=EVIL)
    assert Links(page).found == []
    assert not re.search(r"<style>[^<]*url\(", page)
    assert "sourceMappingURL" not in page
    assert "default-src 'none'" in page
    assert 'document.title="taken"' not in page
    assert "@@" not in page
    assert unpack(page)["columns"]["name"][0] == EVIL


def test_the_same_tables_give_the_same_page(roads: pa.Table) -> None:
    limits = limit_table(roads)
    assert map_page(limits, roads, title="x") == map_page(limits, roads, title="x")


def test_no_segments() -> None:
    data = unpack(map_page(SPEED_LIMIT.empty(), ROAD_SEGMENT.empty(), title="x"))
    assert (data["counts"], data["steps"], data["columns"], data["metres"]) == ([], [], {}, 0.0)
    assert all(view["entries"] == [] for view in data["views"])


def test_a_page_is_compact() -> None:
    roads = random_roads(2000)
    assert len(map_page(limit_table(roads), roads, title="x")) < 200_000 + 100 * 2000


def shown(page: Path, profile: Path) -> str:
    """What stands in a page when its scripts have run."""
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    switches += ["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"]
    command = [str(CHROMIUM), *switches, f"--user-data-dir={profile}", "--dump-dom", f"file://{page}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_the_segment_of_the_address(roads: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "map.html").write_text(map_page(limit_table(roads), roads, title="Roads"), encoding="utf-8")
    said = shown(Path(f"{tmp_path}/map.html#b"), tmp_path / "profile")
    assert "<title>Roads</title>" in said
    heading = re.search(r"<h2>(.*?)</h2>", said)
    assert heading is not None
    assert heading[1].startswith("&lt;/script&gt;&lt;script&gt;")
    assert re.search(r'id="total"[^>]*>3 segments', said)
    assert "© OpenStreetMap contributors</a>" in said
    assert re.search(r'<p id="inferred"[^>]*hidden=""', said)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_tells_basis_and_confidence_and_what_is_inferred(roads: pa.Table, tmp_path: Path) -> None:
    rows = {"b": posted(50.0) | {"basis": "learned", "confidence": 0.714}}
    (tmp_path / "map.html").write_text(map_page(limit_table(roads, rows), roads, title="Roads"), encoding="utf-8")
    said = shown(Path(f"{tmp_path}/map.html#b"), tmp_path / "profile")
    assert "<dt>Basis</dt><dd>learned</dd><dt>Confidence</dt><dd>71.4 %</dd>" in said
    assert re.search(r'<p id="inferred" class="soft"><i[^>]*></i>dashed: inferred, 1.1 km</p>', said)
