import importlib.util
from typing import Any

import numpy as np
import pytest

from tasks.evaluation import osmnx_speed
from tasks.evaluation.osmnx_speed import osmnx_speeds, rounded


def speeds(*roads: tuple[str, str | None]) -> list[float]:
    pytest.importorskip("osmnx")
    found = osmnx_speeds(*zip(*roads, strict=True))  # type: ignore[arg-type]
    assert isinstance(found, np.ndarray)
    return list(found)


def test_gaps_get_the_mean_of_their_class() -> None:
    """OSMnx documentation, `add_edge_speeds`: the mean of the class, else the mean of the means of all classes."""
    found = speeds(("primary", "50"), ("primary", "80"), ("primary", None), ("service", "10 mph"), ("track", None))
    assert found == pytest.approx([50, 80, 65, 16.0934, (65 + 16.0934) / 2])


def test_nothing_visible_is_told() -> None:
    pytest.importorskip("osmnx")
    assert "has no answer" in str(osmnx_speeds(["primary"], [None]))


def test_without_osmnx_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(osmnx_speed, "find_spec", lambda name: None if name == "osmnx" else real(name))
    assert osmnx_speeds(["primary"], ["50"]) == "OSMnx is not installed (pip install osmnx)"


@pytest.mark.parametrize(
    ("kmh", "step", "whole"), [(44.9, 10.0, 40.0), (45.1, 10.0, 50.0), (60.0, 8.04672, 56.3), (64.5, 8.04672, 64.4)]
)
def test_means_become_limits(kmh: float, step: float, whole: float) -> None:
    found: Any = rounded(np.array([kmh]), np.array([step]))
    assert found[0] == pytest.approx(whole, abs=0.05)
