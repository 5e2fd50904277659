"""The stages that lead from roads to their limits: which task reads what, and how far it sees."""

from schemas.built_up import BUILT_UP
from schemas.continuity import CONTINUITY
from schemas.jurisdiction import JURISDICTION
from schemas.legal_limit import LEGAL_LIMIT
from schemas.limit_odds import LIMIT_ODDS
from schemas.map_feature import MAP_FEATURE
from schemas.posted_limit import POSTED_LIMIT
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.sign_limit import SIGN_LIMIT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from tasks.built_up import REACH_M, BuiltUpParams, built_up
from tasks.continuity import HALO_M, continuity
from tasks.jurisdiction import JurisdictionParams, jurisdiction
from tasks.lift import PerRow
from tasks.limit_odds import ONE_VOICE_M, LimitModel, limit_odds
from tasks.posted_limit import posted_limit
from tasks.probe_limit import SAME_ROAD_M, DrivingFile, probe_limit
from tasks.probe_speed import probe_speed
from tasks.probed_limit import probed_limit
from tasks.road_attribute import road_attribute
from tasks.segment_law import LawFile, segment_law
from tasks.sign_limit import NEAR_M, sign_limit
from tasks.speed_limit import speed_limit
from tasks.tile_lift import PerTile

MARGIN_M = 25.0
"""What a halo has beyond the reach of its task: distances on the sphere and on the ellipsoid differ a little."""

POSTED = PerRow(posted_limit, reads=ROAD_SEGMENT, writes=POSTED_LIMIT)

SIGNS = PerTile(
    sign_limit, reads=(ROAD_SEGMENT, JURISDICTION), beside=(MAP_FEATURE,), writes=SIGN_LIMIT, halo_m=NEAR_M + MARGIN_M
)

CONTINUED = PerTile(
    continuity,
    reads=(ROAD_SEGMENT, POSTED_LIMIT, JURISDICTION, BUILT_UP, SIGN_LIMIT),
    writes=CONTINUITY,
    halo_m=HALO_M,
)

ATTRIBUTES = PerTile(
    road_attribute, reads=(ROAD_SEGMENT, POSTED_LIMIT, JURISDICTION, BUILT_UP, CONTINUITY), writes=ROAD_ATTRIBUTE
)

LIMITS = PerRow(
    speed_limit,
    reads=(ROAD_SEGMENT, POSTED_LIMIT, JURISDICTION, BUILT_UP, SIGN_LIMIT, LEGAL_LIMIT, CONTINUITY, LIMIT_ODDS),
    writes=SPEED_LIMIT,
)

PROBED = PerTile(
    probe_speed, reads=(ROAD_SEGMENT, ROAD_ATTRIBUTE, POSTED_LIMIT), gathers=(SPEED_PROFILE,), writes=PROBE_SPEED
)

PROBED_LIMITS = PerRow(
    probed_limit,
    reads=(
        ROAD_SEGMENT,
        POSTED_LIMIT,
        JURISDICTION,
        BUILT_UP,
        SIGN_LIMIT,
        LEGAL_LIMIT,
        CONTINUITY,
        LIMIT_ODDS,
        PROBE_LIMIT,
    ),
    writes=SPEED_LIMIT,
)
"""In place of `LIMITS` where there are probes; a segment without any comes out as there."""


def places(override: str | None) -> PerTile:
    """Return the stage that tells whose law holds; `override` is a code that holds everywhere."""
    return PerTile(
        jurisdiction,
        reads=ROAD_SEGMENT,
        beside=(MAP_FEATURE,),
        writes=JURISDICTION,
        params=JurisdictionParams(override),
    )


def built(params: BuiltUpParams) -> PerTile:
    """Return the stage that tells built-up areas from others."""
    return PerTile(
        built_up,
        reads=(ROAD_SEGMENT, POSTED_LIMIT),
        beside=(MAP_FEATURE,),
        writes=BUILT_UP,
        halo_m=REACH_M + MARGIN_M,
        params=params,
    )


def lawful(params: LawFile) -> PerRow:
    """Return the stage that asks the law."""
    return PerRow(segment_law, reads=(ROAD_SEGMENT, JURISDICTION, POSTED_LIMIT), writes=LEGAL_LIMIT, params=params)


def likely(params: LimitModel) -> PerTile:
    """Return the stage that weighs what is known around each segment."""
    return PerTile(
        limit_odds,
        reads=(ROAD_SEGMENT, ROAD_ATTRIBUTE, JURISDICTION, BUILT_UP, CONTINUITY, LEGAL_LIMIT),
        writes=LIMIT_ODDS,
        halo_m=ONE_VOICE_M + MARGIN_M,
        params=params,
    )


def driven_as(params: DrivingFile) -> PerTile:
    """Return the stage that asks what the speeds of probes say of limits."""
    return PerTile(
        probe_limit,
        reads=(ROAD_SEGMENT, PROBE_SPEED, LIMIT_ODDS),
        writes=PROBE_LIMIT,
        halo_m=SAME_ROAD_M + MARGIN_M,
        params=params,
    )
