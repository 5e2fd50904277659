import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks.page import STEPS_PER_DEGREE, dataset_credits, drawing_rank, html_page, line_steps, place_steps
from tests.roads import random_roads, road_row, road_table


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=20))
def test_steps_lead_back_to_the_places(places: list[tuple[float, float]]) -> None:
    degrees = np.array(places, dtype=float).reshape(-1, 2)
    again = np.cumsum(np.array(place_steps(degrees), dtype=float).reshape(-1, 2), axis=0) / STEPS_PER_DEGREE
    assert again == pytest.approx(degrees, abs=0.51 / STEPS_PER_DEGREE)


def test_lines_are_told_apart() -> None:
    roads = random_roads(9)
    counts, steps = line_steps(roads["geometry"])
    assert counts == [len(shapely.get_coordinates(line)) for line in shapely.from_wkb(roads["geometry"].to_numpy())]
    assert len(steps) == 2 * sum(counts)


def test_minor_roads_are_drawn_before_major_ones_and_strange_ones_first() -> None:
    line = [(9.0, 47.0), (9.1, 47.0)]
    classes = ["motorway", "service", "boardwalk", "primary"]
    roads = road_table([road_row(word, line, class_=word) for word in classes])
    order = np.argsort(drawing_rank(roads), kind="stable")
    assert [classes[i] for i in order] == ["boardwalk", "service", "primary", "motorway"]


def test_openstreetmap_is_credited_first() -> None:
    sources = [[{"dataset": "City"}, {"dataset": ""}], [{"dataset": "OpenStreetMap"}, {"dataset": "City"}]]
    assert dataset_credits(sources) == ["© OpenStreetMap contributors", "City"]
    assert dataset_credits(sources[:1]) == ["City"]


@pytest.mark.parametrize("template", ["limit_map.html", "probe_map.html"])
def test_what_is_filled_in_is_not_filled_in_again(template: str) -> None:
    page = html_page(template, {}, title="@@data@@ <b>")
    assert "<title>@@data@@ &lt;b&gt;</title>" in page
    assert page.count("@@") == 2 * page.count("@@data@@") == 4


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        html_page("limit_map.html", {"speed": float("nan")}, title="x")
