"""The flow that gives every road segment its speed limit."""

from prefect import flow

from pipelines.road_segments import SEGMENTS_PER_TILE, road_segments
from pipelines.settings import DEFAULTS, Settings
from pipelines.stage import run
from pipelines.table import Table
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.lift import PerRow
from tasks.speed_limit import speed_limit

LIMITS = PerRow(speed_limit, reads=ROAD_SEGMENT, writes=SPEED_LIMIT)

LIFTS = {lift.task.__name__: lift for lift in (LIMITS,)}
"""The stages of this flow by the name of their task, for trying one on a single segment."""


@flow(name="speed-limits", log_prints=False)
def speed_limits(
    roads: list[str],
    into: str,
    bbox: list[float] | None = None,
    mapping: str | None = None,
    tiles: int | None = None,
    max_segments_per_tile: int = SEGMENTS_PER_TILE,
    settings: Settings = DEFAULTS,
) -> Table:
    """Roads in, a speed limit for every segment out."""
    segments = road_segments(roads, into, bbox, mapping, tiles, max_segments_per_tile)
    return run(LIMITS, segments, into=into, settings=settings)
