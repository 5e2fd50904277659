"""What Prefect shows of stages: real runs against a server of the tests' own."""

import asyncio
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.logging.handlers import APILogHandler

from pipelines.progress import Progress
from pipelines.stage_report import METRICS, SLOWEST, Ran, Step, flow_report, lineage, measurements, report, stage_page
from pipelines.tile_log import LogLine, relay
from schemas.receipt import Measured, Receipt


def ran(stage: str = "speed_limit", tiles: int = 30, **told: Any) -> Ran:
    """A stage of tiles that take 1, 2, 3, … s; one more was reused."""
    names = [f"q{number:03}" for number in range(1, tiles + 1)]
    receipts = [Receipt(name, "", "", 100, 99, 1, 1500.0) for name in ["q000", *names]]
    measured = [Measured(name, 100, float(number), 300.0 + number) for number, name in enumerate(names, 1)]
    facts = {"rejected": {"killed": 3, "failed": 3, "alone": 1, "bad_value": 20}, "seconds": 12.34, **told}
    return Ran(stage, (("road_segment", 31), ("sign_limit", 5)), receipts, 1, measured, **facts)


def test_a_page_names_what_was_slow_and_what_was_refused() -> None:
    page = stage_page(ran(apart=["q007"], dead=["w1|x\ny"]))
    assert (
        "road_segment (31 tiles), sign_limit (5 tiles) → speed_limit: 31 tiles, 1 of them reused; "
        "3,069 rows, 31 refused; 46.5 km; 12.3 s" in page
    )
    assert "| bad_value | 20 |\n| failed | 3 |\n| killed | 3 |\n| alone | 1 |" in page
    slowest = re.findall(r"^\| (q\d+) \| 100 \| 1\.5 \| (\S+) \| (\d+) \|$", page, re.MULTILINE)
    assert slowest == [(f"q{number:03}", f"{number}.00", str(300 + number)) for number in range(30, 30 - SLOWEST, -1)]
    assert "- `q007`" in page
    assert "- `w1\\|x y`" in page


def test_a_page_stays_short_and_says_nothing_of_what_did_not_happen() -> None:
    quiet = stage_page(ran(tiles=0, rejected={}))
    assert quiet.count("#") == 1
    many = stage_page(ran(dead=[f"w{number}" for number in range(1000)]))
    assert "- and 980 more" in many
    assert many.count("- `w") == SLOWEST


def test_the_graph_of_tables() -> None:
    steps = [
        Step("end", (("road_segment", 2),), 2, 1234, 3.21),
        Step("b", (("road_segment", 2), ("end", 2)), 2, 5, 1.0),
    ]
    assert lineage(steps).splitlines() == [
        "```mermaid",
        "graph LR",
        '  t_road_segment["road_segment<br/>2 tiles"]',
        '  t_end["end<br/>2 tiles, 1,234 rows, 3.2 s"]',
        '  t_b["b<br/>2 tiles, 5 rows, 1.0 s"]',
        "  t_road_segment --> t_end",
        "  t_road_segment --> t_b",
        "  t_end --> t_b",
        "```",
    ]


def test_each_metric_but_the_one_of_the_stage_is_measured() -> None:
    receipt, measured = Receipt("q0", "", "", 100, 97, 3, 2500.0), Measured("q0", 100, 1.5, 321.0)
    assert measurements(receipt, measured, {"failed": 2, "killed": 1}) == {
        "waysmith_tiles_total": 1,
        "waysmith_rows_total": 97,
        "waysmith_rejects_total": 3,
        "waysmith_km_total": 2.5,
        "waysmith_seconds_total": 1.5,
        "waysmith_peak_memory_mb": 321,
    }
    assert set(METRICS) - set(measurements(receipt, measured, {})) == {"waysmith_tiles_left"}
    for name, metric in METRICS.items():
        assert name.endswith("_total") == (metric.kind == "counter")


def test_outside_of_a_run_nothing_happens() -> None:
    """No server is started, nor asked."""
    code = "from tests.pipelines.test_stage_report import ran, report; report(ran())"
    asked = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    ended = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


STAGE = task(cache_policy=NO_CACHE, task_run_name="speed_limit")


@STAGE
def stage(name: str) -> None:
    relay([LogLine(30, "my.task", f"odd sign in {name}", "q03", name)])
    with Progress(name, tiles=1, metres=1.0):
        report(ran(name))


@flow(name="Two stages", on_completion=[flow_report], on_failure=[flow_report])
def two_stages(*, fails: bool) -> None:
    stage("road_attribute")
    if fails:
        raise ValueError("midway")
    stage("speed_limit")


def pages(run_id: UUID) -> dict[str, Any]:
    """Artifacts of a flow run by key."""
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        found = client.read_artifacts(artifact_filter=of_run)
    return {each.key: each for each in found if each.key}


def log_of(run_id: UUID) -> Iterator[tuple[int, str, bool]]:
    """Level and text of what the log of a run holds, and whether it is under a task."""
    APILogHandler().flush()

    async def read() -> Any:
        async with get_client() as client:
            return await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))

    for each in asyncio.run(read()):
        yield each.level, each.message, each.task_run_id is not None


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("fails", [False, True])
def test_pages_and_logs_stand_in_prefect_even_when_the_flow_fails_midway(fails: bool) -> None:
    state = two_stages(fails=fails, return_state=True)
    run_id = state.state_details.flow_run_id
    assert run_id
    assert state.is_failed() is fails
    found = pages(run_id)
    done = ["road_attribute"] if fails else ["road_attribute", "speed_limit"]
    assert set(found) == {f"stage-{name.replace('_', '-')}" for name in done} | {"lineage-two-stages"}
    for name in done:
        page = found[f"stage-{name.replace('_', '-')}"]
        assert page.data == stage_page(ran(name))
        assert page.task_run_id
    graph = found["lineage-two-stages"].data
    assert graph.startswith("# Two stages: " + ("Failed" if fails else "Completed"))
    assert ("t_speed_limit" in graph) is not fails
    said = list(log_of(run_id))
    for name in done:
        assert (30, f"{name} q03: odd sign in {name}", True) in said


@pytest.mark.usefixtures("prefect")
def test_a_page_costs_little(caplog: pytest.LogCaptureFixture) -> None:
    """Ten stages must not take a second more; the bound is loose, since other tests run beside."""

    @flow
    def ten() -> float:
        started = time.perf_counter()
        for _ in range(10):
            report(ran(tiles=5000))
        return time.perf_counter() - started

    with caplog.at_level(logging.WARNING):
        assert ten() < 3.0
    assert "no page" not in caplog.text


@pytest.mark.usefixtures("prefect")
def test_a_hook_for_a_flow_without_stages_makes_nothing() -> None:
    @flow(on_completion=[flow_report])
    def empty() -> FlowRun | None:
        return None

    state = empty(return_state=True)
    assert state.state_details.flow_run_id
    assert pages(state.state_details.flow_run_id) == {}
