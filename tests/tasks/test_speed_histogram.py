"""Histograms as text: what is counted, and where limits stand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import SpeedUnit
from tasks.speed_histogram import WIDTH, speed_histogram


@given(st.lists(st.floats(0, 250), min_size=1, max_size=60), st.sampled_from(list(SpeedUnit)))
def test_every_speed_is_counted_in_its_bin(speeds: list[float], unit: SpeedUnit) -> None:
    factor = 1.609344 if unit == SpeedUnit.MPH else 1.0
    lines = speed_histogram(np.array(speeds), [], unit)
    starts = [int(line.split()[0]) for line in lines]
    width = starts[1] - starts[0] if len(starts) > 1 else 5
    for start, line in zip(starts, lines, strict=True):
        naive = sum(1 for speed in speeds if start <= speed / factor < start + width)
        assert int(line.split()[2]) == naive
        assert line.count("█") <= WIDTH
        assert ("█" in line or "▏" in line) == (naive > 0)
    assert {b - a for a, b in pairwise(starts)} <= {5, 10}


def test_limits_stand_beside_the_bin_that_they_begin() -> None:
    lines = speed_histogram(np.array([28.0, 33.0, 52.0]), ["50 km/h", "30 km/h", "none", "130 km/h"], SpeedUnit.KMH)
    assert [line.partition("◂ ")[2] for line in lines] == ["", "30 km/h", "", "", "", "50 km/h"]


def test_miles_are_binned_as_miles() -> None:
    lines = speed_histogram(np.array([48.3, 49.0]), ["30 mph"], SpeedUnit.MPH)
    assert lines == [f"30 mph  2  {'█' * WIDTH}  ◂ 30 mph"]


def test_speeds_that_spread_far_have_wider_bins() -> None:
    assert len(speed_histogram(np.array([2.0, 199.0]), [], SpeedUnit.KMH)) == 20


@pytest.mark.parametrize("speeds", [[], [np.nan]])
def test_no_speeds_no_lines(speeds: list[float]) -> None:
    assert speed_histogram(np.array(speeds), ["50 km/h"], SpeedUnit.KMH) == []
