"""The stages that lead from traces to speeds: which task reads what, and how far it sees."""

from schemas.match import MATCH
from schemas.probe import TRACE_PIECE
from schemas.road import ROAD_SEGMENT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import DRIVEN_STEP, SPEED_OBSERVATION, TRAVERSAL
from tasks.map_match import BESIDE_M, ROAD_COLUMNS, MatchParams, map_match
from tasks.observe_speed import SpeedObserving, observe_speed
from tasks.speed_profile import SpeedProfiling, speed_profile
from tasks.tile_lift import PerTile
from tasks.traversal import traversals

TRAVERSED = PerTile(traversals, reads=ROAD_SEGMENT, gathers=(DRIVEN_STEP,), writes=TRAVERSAL, spreads=True)


def matched(params: MatchParams) -> PerTile:
    """Return the stage that puts points on roads."""
    return PerTile(
        map_match,
        reads=TRACE_PIECE,
        beside=(ROAD_SEGMENT,),
        beside_m=BESIDE_M,
        beside_columns=ROAD_COLUMNS,
        writes=MATCH,
        spreads=True,
        params=params,
    )


def observed(params: SpeedObserving) -> PerTile:
    """Return the stage that takes speeds from traversals."""
    return PerTile(
        observe_speed,
        reads=ROAD_SEGMENT,
        gathers=(TRAVERSAL,),
        writes=SPEED_OBSERVATION,
        spreads=True,
        params=params,
    )


def profiled(params: SpeedProfiling) -> PerTile:
    """Return the stage that sums observations up."""
    return PerTile(
        speed_profile,
        reads=ROAD_SEGMENT,
        gathers=(SPEED_OBSERVATION,),
        writes=SPEED_PROFILE,
        spreads=True,
        params=params,
    )
