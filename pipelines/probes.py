"""The flow that makes observed speeds and weekly profiles out of GPS probes."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from prefect import flow

from pipelines.driven_steps import part_steps
from pipelines.probe_points import point_counts, probe_points
from pipelines.probe_stages import TRAVERSED, matched, observed, profiled
from pipelines.road_segments import SEGMENTS_PER_TILE, road_segments
from pipelines.salt import salt_of
from pipelines.settings import DEFAULTS, Settings
from pipelines.stage import run
from pipelines.stage_report import flow_report
from pipelines.table import Rejects, Table
from schemas.vocabulary import PointReason
from tasks.clean_trace import CleanParams
from tasks.map_match import MatchParams
from tasks.observe_speed import SpeedObserving
from tasks.readers.probe_format import ProbeFormat
from tasks.readers.reading import ReadError
from tasks.speed_profile import SpeedProfiling
from tasks.trace_piece import PieceParams


@dataclass(frozen=True)
class Probing:
    """How probes are read, matched and summed up."""

    format: ProbeFormat = ProbeFormat()
    """What the files look like."""
    clean: CleanParams = CleanParams()
    """Which points are doubted, and how much of the ends of trips is not published."""
    cut: PieceParams = PieceParams()
    """How traces are cut for matching."""
    match: MatchParams = MatchParams()
    """What the matching model is scaled by."""
    observe: SpeedObserving = SpeedObserving(salt="")
    """Which traversals tell a speed; an empty salt is replaced by one that the folder keeps."""
    profile: SpeedProfiling = SpeedProfiling()
    """How many traces a profile must rest on."""
    salt: str | None = field(default=None, repr=False)
    """If given, traces are hashed with it as they are read; without it only where speeds are published."""


@flow(name="probes", log_prints=False, on_completion=[flow_report], on_failure=[flow_report])
def probes(
    roads: list[str],
    probes: list[str],
    into: str,
    bbox: list[float] | None = None,
    mapping: str | None = None,
    tiles: int | None = None,
    max_segments_per_tile: int = SEGMENTS_PER_TILE,
    probing: Probing = Probing(),
    settings: Settings = DEFAULTS,
) -> Table:
    """Roads and GPS probes in, speed profiles of the roads out."""
    segments = road_segments(roads, into, bbox, mapping, tiles, max_segments_per_tile)
    return observed_speeds(probes, segments, into, probing, settings)


def observed_speeds(probes: list[str], segments: Table, into: str, probing: Probing, settings: Settings) -> Table:
    """Probes in, speed profiles of the segments out: the stages, in order."""
    secret = replace(probing.observe, salt=salt_of(into, probing.observe.salt or probing.salt))
    files = [Path(file) for file in probes]
    points, pieces = probe_points(files, segments, into, probing.format, probing.clean, probing.cut, probing.salt)
    check_usable(points, into)
    matches = run(matched(probing.match), pieces, segments, into=into, settings=settings)
    steps = part_steps(points, matches, segments, into)
    traversals = run(TRAVERSED, segments, steps, into=into, settings=settings)
    observations = run(observed(secret), segments, traversals, into=into, settings=settings)
    return run(profiled(probing.profile), segments, observations, into=into, settings=settings)


def check_usable(points: Table, into: str) -> None:
    """Raise `ReadError` if no point is left to be matched: with the counts, and with what is wrong with the first."""
    if points.tiles():
        return
    counts = point_counts(points)
    hint = "; --interval SECONDS gives them times" if PointReason.NO_TIME in counts.dropped else ""
    refused = (row for row in Rejects(into).rows().to_pylist() if row["reason"] in counts.dropped)
    first = next((f"; {row['key']}: {row['message']}" for row in refused), "")
    raise ReadError(f"no probe can be used: {counts.in_words()}{hint}{first}")
