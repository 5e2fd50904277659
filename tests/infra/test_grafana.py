"""The dashboard asks for metrics that there are, in the way of their kind."""

import json
import re
from pathlib import Path
from typing import Any

from pipelines.stage_report import METRICS

DASHBOARD = json.loads((Path(__file__).parents[2] / "infra/grafana/stages.json").read_text())

PANELS: list[dict[str, Any]] = DASHBOARD["panels"]


def asked() -> list[str]:
    """All expressions of the dashboard."""
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_every_metric_of_ours_is_shown_and_no_other() -> None:
    named = set(re.findall(r"ray_(waysmith_\w+)", " ".join(asked())))
    assert named == set(METRICS)


def test_gauges_are_not_taken_for_counters() -> None:
    for expression in asked():
        for name in re.findall(r"rate\(ray_(waysmith_\w+)", expression):
            assert METRICS[name].kind == "counter"


def test_every_panel_says_what_it_shows_and_stands_apart() -> None:
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}
    assert len(places) == len(PANELS) == len({panel["id"] for panel in PANELS})
    assert all(panel["title"] and panel["description"] for panel in PANELS)
