from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import Basis
from tasks.legend import GREY, KINDS, NO_LIMIT, RAMP, Colour, basis_view, confidence_view, inferred, limit_view

PAGE = Colour("#f4f3ef", "#14171c")
"""Background of the page in its two schemes."""


def labels(view):
    return [view.entries[code].label for code in view.codes]


@pytest.mark.parametrize(
    ("kmh", "label"),
    [
        (5.0, "up to 20"),
        (20.0, "up to 20"),
        (30.0, "21–30"),
        (20 * 1.609344, "31–40"),
        (25 * 1.609344, "31–40"),
        (30 * 1.609344, "41–50"),
        (50.0, "41–50"),
        (35 * 1.609344, "51–60"),
        (50 * 1.609344, "61–80"),
        (60 * 1.609344, "81–100"),
        (120.0, "101–120"),
        (80 * 1.609344, "over 120"),
        (np.nan, "no number"),
    ],
)
def test_class_of_a_limit(kmh: float, label: str) -> None:
    assert labels(limit_view(np.array([kmh]), [None], np.array([1.0]))) == [label]


def test_no_limit_is_not_unknown() -> None:
    view = limit_view(np.array([np.nan, np.nan]), ["unlimited", "not_posted"], np.array([1.0, 2.0]))
    assert [(entry.label, entry.colour) for entry in view.entries] == [("no limit", NO_LIMIT), ("no number", GREY)]


@given(st.lists(st.floats(1, 150), min_size=1, max_size=30))
def test_limits_in_use_are_told_apart(kmh: list[float]) -> None:
    entries = limit_view(np.array(kmh), [None] * len(kmh), np.ones(len(kmh))).entries
    places = [RAMP.index(entry.colour) for entry in entries]
    assert all(b - a >= (len(RAMP) - 1) // len(places) for a, b in pairwise(places))


def test_basis_or_reason_in_the_order_of_the_vocabulary() -> None:
    bases = [None, "zebra", "posted", None, None]
    reasons = ["unreadable", None, None, "not_posted", None]
    view = basis_view(bases, reasons, np.ones(5))
    assert [entry.label for entry in view.entries] == ["posted", "zebra", "not posted", "unreadable", "unknown"]
    assert labels(view) == ["unreadable", "zebra", "posted", "not posted", "unknown"]
    colours = [entry.colour for entry in view.entries]
    assert colours[2] == colours[4] == GREY
    assert len(set(colours)) == 4


def test_what_the_map_says_of_the_segment_itself_is_not_inferred() -> None:
    found = {basis.value for basis in Basis if inferred([basis.value])[0]}
    assert found == {"probe", "continuity", "law", "learned", "fuzzy"}
    assert inferred([None, "posted", "law"]) == [False, False, True]


def test_more_kinds_than_colours() -> None:
    words = [f"kind {i}" for i in range(2 * len(KINDS) + 3)]
    assert len(basis_view(words, [None] * len(words), np.ones(len(words))).entries) == len(words)


@pytest.mark.parametrize(
    ("confidence", "label"),
    [(0.0, "under 50 %"), (0.5, "50–70 %"), (0.799, "70–80 %"), (0.99, "90–100 %"), (1.0, "100 %"), (np.nan, "none")],
)
def test_class_of_a_confidence(confidence: float, label: str) -> None:
    assert labels(confidence_view(np.array([confidence]), np.array([1.0]))) == [label]


@given(st.lists(st.tuples(st.floats(1, 150) | st.just(np.nan), st.floats(0.1, 5e3)), max_size=40))
def test_every_metre_is_in_one_entry(rows: list[tuple[float, float]]) -> None:
    kmh, metres = (np.array([row[i] for row in rows], dtype=float) for i in (0, 1))
    for view in (limit_view(kmh, [None] * len(rows), metres), confidence_view(kmh / 150, metres)):
        assert sum(entry.segments for entry in view.entries) == len(view.codes) == len(rows)
        assert sum(entry.metres for entry in view.entries) == pytest.approx(metres.sum())
        assert all(entry.segments for entry in view.entries)
        assert set(view.codes) == set(range(len(view.entries)))


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [*RAMP, *KINDS, NO_LIMIT, GREY])
def test_colours_stand_out_from_the_page(colour: Colour) -> None:
    assert contrast(colour.light, PAGE.light) >= 2
    assert contrast(colour.dark, PAGE.dark) >= 2


def test_the_ramp_leads_away_from_the_page() -> None:
    assert all(luminance(a.light) > luminance(b.light) for a, b in pairwise(RAMP))
    assert all(luminance(a.dark) < luminance(b.dark) for a, b in pairwise(RAMP))
