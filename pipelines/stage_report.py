"""What people are shown of a stage: a page in Prefect, a graph of the flow's tables, and metrics."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pipelines.run_log import run_logger
from schemas.receipt import Measured, Receipt

SLOWEST = 20
"""How many tiles a page names."""

KM = 1000.0


class Ran(NamedTuple):
    """A stage that has run."""

    stage: str
    """Name of the table that it writes."""
    sources: tuple[tuple[str, int], ...]
    """Tables read, and how many tiles each has."""
    receipts: Sequence[Receipt]
    """All tiles, reused ones too."""
    reused: int
    """Tiles that were there already."""
    measured: Sequence[Measured]
    """What the tiles computed in this run have cost."""
    rejected: Mapping[str, int]
    """Rows refused in this run, by reason."""
    seconds: float
    apart: Sequence[str] = ()
    """Tiles that had to be run in a process apart."""
    dead: Sequence[str] = ()
    """Keys of rows refused since they killed their process."""


class Step(NamedTuple):
    """What the graph of a flow shows of a stage."""

    stage: str
    sources: tuple[tuple[str, int], ...]
    tiles: int
    rows: int
    seconds: float


_steps: dict[str, list[Step]] = {}
"""Stages of the flow runs under way, by id of the flow run."""


def report(ran: Ran) -> None:
    """Give the Prefect run that the caller is in a page about a stage; outside of a run do nothing.

    A server that does not answer costs the page and not the stage.
    """
    if "prefect" not in sys.modules:  # its import takes a second, and who has not imported it is in no run
        return
    import httpx
    from prefect.artifacts import create_markdown_artifact
    from prefect.runtime import flow_run as current_flow_run

    run_id = current_flow_run.id
    if not run_id:
        return
    rows = sum(receipt.rows_out for receipt in ran.receipts)
    _steps.setdefault(run_id, []).append(Step(ran.stage, ran.sources, len(ran.receipts), rows, ran.seconds))
    try:
        create_markdown_artifact(stage_page(ran), key=f"stage-{_slug(ran.stage)}", description=_summary(ran))
    except httpx.HTTPError as error:
        run_logger().warning("%s: no page in Prefect: %s", ran.stage, error)


def flow_report(flow: Any, flow_run: Any, state: Any) -> None:
    """Give a flow run the graph of its tables when it ends, whether it failed or not: a hook for Prefect's `flow`."""
    steps = _steps.pop(str(flow_run.id), [])
    if not steps:
        return
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import ArtifactCreate

    page = f"# {flow.name}: {state.name}\n\n{_table(_STEP_HEAD, _step_rows(steps))}\n\n{lineage(steps)}"
    asked = ArtifactCreate(
        type="markdown", key=f"lineage-{_slug(flow.name)}", description=state.name, data=page, flow_run_id=flow_run.id
    )
    with get_client(sync_client=True) as client:
        client.create_artifact(asked)


def stage_page(ran: Ran) -> str:
    """Return all that is told of a stage, as Markdown."""
    parts = [f"# {ran.stage}", _summary(ran)]
    if ran.rejected:
        counts = sorted(ran.rejected.items(), key=lambda each: (-each[1], each[0]))
        rows = [[reason, f"{count:,}"] for reason, count in counts]
        parts += ["## Rows refused", _table(["reason", "rows"], rows)]
    if ran.dead:
        parts += ["## Rows that killed their process", _listed(ran.dead)]
    if ran.apart:
        parts += ["## Tiles run apart", _listed(ran.apart)]
    if ran.measured:
        parts += ["## Slowest tiles", _table(["tile", "rows", "km", "s", "peak MB"], _slowest(ran))]
    return "\n\n".join(parts)


def lineage(steps: Sequence[Step]) -> str:
    """Return the graph of tables as a Mermaid block: which were made of which, with tiles, rows and seconds."""
    told = {name: _tiles(tiles) for step in steps for name, tiles in step.sources}
    told |= {step.stage: f"{_tiles(step.tiles)}, {step.rows:,} rows, {step.seconds:.1f} s" for step in steps}
    nodes = [f'  {_node(name)}["{name}<br/>{words}"]' for name, words in told.items()]
    edges = [f"  {_node(name)} --> {_node(step.stage)}" for step in steps for name, _ in step.sources]
    return "\n".join(["```mermaid", "graph LR", *nodes, *edges, "```"])


def _summary(ran: Ran) -> str:
    """Return one line: what was made of what, and how long it took."""
    sources = ", ".join(f"{name} ({_tiles(tiles)})" for name, tiles in ran.sources)
    rows_out = sum(receipt.rows_out for receipt in ran.receipts)
    rejected = sum(receipt.rows_rejected for receipt in ran.receipts)
    km = sum(receipt.metres for receipt in ran.receipts) / KM
    return (
        f"{sources} → {ran.stage}: {_tiles(len(ran.receipts))}, {ran.reused:,} of them reused; {rows_out:,} rows, "
        f"{rejected:,} refused; {km:,.1f} km; {ran.seconds:.1f} s"
    )


def _tiles(count: int) -> str:
    return f"{count:,} tile{'' if count == 1 else 's'}"


def _slowest(ran: Ran) -> list[list[str]]:
    km = {receipt.tile: receipt.metres / KM for receipt in ran.receipts}
    worst = sorted(ran.measured, key=lambda each: (-each.seconds, each.tile))[:SLOWEST]
    return [
        [each.tile, f"{each.rows:,}", f"{km[each.tile]:,.1f}", f"{each.seconds:.2f}", f"{each.peak_mb:,.0f}"]
        for each in worst
    ]


_STEP_HEAD = ("table", "made of", "tiles", "rows", "s")


def _step_rows(steps: Iterable[Step]) -> list[list[str]]:
    return [
        [stage, ", ".join(name for name, _ in sources), f"{tiles:,}", f"{rows:,}", f"{seconds:.1f}"]
        for stage, sources, tiles, rows, seconds in steps
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _listed(names: Sequence[str]) -> str:
    """Return the first names as a list, and how many more there are."""
    more = [f"- and {len(names) - SLOWEST:,} more"] if len(names) > SLOWEST else []
    return "\n".join([*(f"- `{_cell(name)}`" for name in names[:SLOWEST]), *more])


def _slug(name: str) -> str:
    """Return a name as Prefect wants keys: small letters, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def _node(name: str) -> str:
    """Return the name of a node; `end` and the like are words of Mermaid."""
    return f"t_{re.sub('[^A-Za-z0-9_]', '_', name)}"


class Metric(NamedTuple):
    """A number that Waysmith keeps for each stage, under the tag `stage`."""

    kind: Literal["counter", "gauge"]
    """A counter grows by what each tile gives; a gauge is set."""
    help: str


METRICS: dict[str, Metric] = {
    "waysmith_tiles_total": Metric("counter", "Tiles committed"),
    "waysmith_rows_total": Metric("counter", "Rows written"),
    "waysmith_rejects_total": Metric("counter", "Rows refused"),
    "waysmith_km_total": Metric("counter", "Kilometres of road computed"),
    "waysmith_seconds_total": Metric("counter", "Seconds that workers took for tiles"),
    "waysmith_peak_memory_mb": Metric("gauge", "Highest resident memory of a worker at its last tile, in MB"),
    "waysmith_tiles_left": Metric("gauge", "Tiles still to be computed"),
}
"""Metrics of Waysmith by name; Ray shows them with `ray_` before it."""


def measurements(receipt: Receipt, measured: Measured, rejects: Mapping[str, int]) -> dict[str, float]:
    """Return what one tile adds to the counters and sets the gauges to; how many are left is for the caller to say."""
    return {
        "waysmith_tiles_total": 1.0,
        "waysmith_rows_total": float(receipt.rows_out),
        "waysmith_rejects_total": float(sum(rejects.values())),
        "waysmith_km_total": receipt.metres / KM,
        "waysmith_seconds_total": measured.seconds,
        "waysmith_peak_memory_mb": measured.peak_mb,
    }
