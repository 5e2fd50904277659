"""The flow that gives every road segment its speed limit, with what it rests on and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from prefect import flow

from pipelines.driving_model import learn_driving
from pipelines.limit_model import learn_habits
from pipelines.limit_stages import (
    ATTRIBUTES,
    CONTINUED,
    LIMITS,
    POSTED,
    PROBED,
    PROBED_LIMITS,
    SIGNS,
    built,
    driven_as,
    lawful,
    likely,
    places,
)
from pipelines.map_features import drawn_in, map_features
from pipelines.probes import Probing, observed_speeds
from pipelines.road_segments import SEGMENTS_PER_TILE, road_segments
from pipelines.settings import DEFAULTS, Settings
from pipelines.stage import run
from pipelines.stage_report import flow_report
from pipelines.table import Table
from tasks.built_up import BuiltUpParams
from tasks.fingerprint import file_digest
from tasks.input_file import InputFile
from tasks.limit_model.combiner import FILE as COMBINER
from tasks.limit_odds import LimitModel
from tasks.probe_limit import DrivingFile
from tasks.segment_law import LawFile


@dataclass(frozen=True)
class Sources:
    """What limits are inferred from, beside the map."""

    jurisdiction: str | None = None
    """ISO 3166 code of the law that holds everywhere; without it borders tell."""
    law: str | None = None
    """Law table, a file or a folder; without it that of Waysmith."""
    model: str | None = None
    """File of a combiner that `waysmith train` made; without it that of Waysmith."""
    relearn: bool = False
    """Whether habits are learned anew, however little of the map has changed since they were."""

    @property
    def law_file(self) -> LawFile:
        """The law table and what is in it."""
        return LawFile.of(self.law)

    def limit_model(self, habits: InputFile) -> LimitModel:
        """Return the files that odds are made from."""
        if self.model:
            return LimitModel(habits, self.law_file, InputFile.of(self.model))
        return LimitModel(habits, self.law_file, combiner_digest=file_digest(COMBINER))


@flow(name="speed-limits", log_prints=False, on_completion=[flow_report], on_failure=[flow_report])
def speed_limits(
    roads: list[str],
    into: str,
    bbox: list[float] | None = None,
    mapping: str | None = None,
    tiles: int | None = None,
    max_segments_per_tile: int = SEGMENTS_PER_TILE,
    sources: Sources = Sources(),
    settings: Settings = DEFAULTS,
    probes: list[str] | None = None,
    probing: Probing = Probing(),
) -> Table:
    """Roads in, a speed limit for every segment out; what GPS probes drove is heard if there are any."""
    segments = road_segments(roads, into, bbox, mapping, tiles, max_segments_per_tile)
    features = map_features(roads, segments, into, bbox)
    profiles = observed_speeds(probes, segments, into, probing, settings) if probes else None
    return infer_limits(segments, features, into, sources, settings, profiles)


def infer_limits(
    segments: Table,
    features: Table,
    into: str,
    sources: Sources,
    settings: Settings,
    profiles: Table | None = None,
) -> Table:
    """Roads, what lies beside them and how fast they are driven in, a limit for every segment out: the stages."""
    law = sources.law_file
    posted = run(POSTED, segments, into=into, settings=settings)
    where = run(places(sources.jurisdiction), segments, features, into=into, settings=settings)
    signs = run(SIGNS, segments, where, features, into=into, settings=settings)
    area = built(BuiltUpParams(drawn_in(features)))
    built_up = run(area, segments, posted, features, into=into, settings=settings)
    continued = run(CONTINUED, segments, posted, where, built_up, signs, into=into, settings=settings)
    legal = run(lawful(law), segments, where, posted, into=into, settings=settings)
    described = run(ATTRIBUTES, segments, posted, where, built_up, continued, into=into, settings=settings)
    habits = learn_habits(described, segments, into, relearn=sources.relearn)
    odds = run(
        likely(sources.limit_model(habits)),
        segments,
        described,
        where,
        built_up,
        continued,
        legal,
        into=into,
        settings=settings,
    )
    known = (segments, posted, where, built_up, signs, legal, continued, odds)
    if profiles is None:
        return run(LIMITS, *known, into=into, settings=settings)
    return heard_limits(known, described, profiles, into, sources, settings)


def heard_limits(
    known: Sequence[Table], described: Table, profiles: Table, into: str, sources: Sources, settings: Settings
) -> Table:
    """Tables that `LIMITS` reads, ROAD_ATTRIBUTE and speeds in, limits with probes heard out: the stages."""
    segments, posted, *_, odds = known
    speeds = run(PROBED, segments, described, posted, profiles, into=into, settings=settings)
    driving = driven_as(DrivingFile(learn_driving(speeds, into, relearn=sources.relearn)))
    told = run(driving, segments, speeds, odds, into=into, settings=settings)
    return run(PROBED_LIMITS, *known, told, into=into, settings=settings)
