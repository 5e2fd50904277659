import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import SpeedUnit
from tasks.legend import GREY, RAMP
from tasks.probe_legend import share_view, speed_view, trace_view

NONE = np.empty(0)


def label(view):
    return [view.entries[code].label for code in view.codes]


def speeds(name, values, sides, metres):
    return speed_view(name, values, sides, metres, SpeedUnit.KMH)


@pytest.mark.parametrize(
    ("kmh", "word"),
    [(4.0, "up to 20"), (20.4, "up to 20"), (20.6, "21–30"), (50.0, "41–50"), (50.6, "51–60"), (130.0, "over 120")],
)
def test_class_of_a_speed(kmh: float, word: str) -> None:
    assert label(speeds("x", np.array([kmh, np.nan]), NONE, np.ones(2))) == [word, "no profile"]


@pytest.mark.parametrize(("mph", "word"), [(15.4, "up to 15"), (15.6, "16–25"), (65.0, "56–65"), (90.0, "over 85")])
def test_class_of_a_speed_in_mph(mph: float, word: str) -> None:
    assert label(speed_view("x", np.array([mph, np.nan]), NONE, np.ones(2), SpeedUnit.MPH)) == [word, "no profile"]


@given(st.lists(st.floats(1, 150), min_size=1, max_size=9), st.lists(st.floats(1, 150), max_size=9))
def test_headings_have_the_classes_that_segments_of_their_speed_have(roads: list[float], sides: list[float]) -> None:
    metres = np.ones(len(roads))
    view = speeds("x", np.array(roads), np.array(sides), metres)
    alike = speeds("x", np.array([*roads, *sides]), NONE, np.ones(len(roads) + len(sides)))
    assert [view.entries[code].label for code in (*view.codes, *view.sides)] == label(alike)
    assert sum(entry.segments for entry in view.entries) == len(roads)
    assert sum(entry.metres for entry in view.entries) == len(roads)


@pytest.mark.parametrize(
    ("share", "word"),
    [(0.1, "under 40 %"), (0.4, "40–50 %"), (0.999, "90–100 %"), (1.0, "100 % or more"), (1.2, "100 % or more")],
)
def test_class_of_a_share(share: float, word: str) -> None:
    assert label(share_view("x", np.array([share, np.nan]), NONE, np.ones(2))) == [word, "no profile"]


@pytest.mark.parametrize(("traces", "word"), [(4, "under 5"), (5, "5–9"), (999, "500–999"), (1000, "1,000 or more")])
def test_class_of_a_number_of_traces(traces: float, word: str) -> None:
    assert label(trace_view("x", np.array([traces, np.nan]), NONE, np.ones(2))) == [word, "no profile"]


@given(st.lists(st.one_of(st.floats(0, 200), st.just(np.nan)), max_size=30), st.sampled_from([speeds, trace_view]))
def test_each_class_has_a_colour_of_its_own_and_all_of_its_road(values: list[float], view_of) -> None:
    view = view_of("x", np.array(values), NONE, np.arange(len(values)) + 1.0)
    colours = [entry.colour for entry in view.entries]
    assert len(set(colours)) == len(colours)
    assert [entry.label for entry in view.entries if entry.colour == GREY] == ["no profile"] * int(
        np.isnan(values).any()
    )
    assert sum(entry.metres for entry in view.entries) == sum(range(len(values) + 1))
    assert [entry.segments for entry in view.entries] == np.bincount(view.codes, minlength=0).tolist()


def test_the_worst_flow_stands_out_most() -> None:
    entries = share_view("x", np.array([0.3, 1.0]), NONE, np.ones(2)).entries
    assert [entry.colour for entry in entries] == [RAMP[-1], RAMP[0]]
