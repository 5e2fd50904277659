"""A folder as a run leaves it, made in this process without Ray and Prefect."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pipelines.limit_model import learn_habits
from pipelines.limit_stages import ATTRIBUTES, CONTINUED, LIMITS, POSTED, SIGNS, built, lawful, likely, places
from pipelines.map_features import commit_features, drawn_in
from pipelines.reading import write_note
from pipelines.road_segments import commit_reading, lay_grid
from pipelines.table import Table, table_in
from schemas.map_feature import MAP_FEATURE
from schemas.reject import REJECT
from schemas.road_attribute import ROAD_ATTRIBUTE
from tasks.built_up import BuiltUpParams
from tasks.built_up_model.evidence import seen_in
from tasks.input_file import InputFile
from tasks.lift import Lift
from tasks.limit_odds import LimitModel
from tasks.readers.features import FeatureReading
from tasks.readers.reading import Reading
from tasks.segment_law import LawFile
from tests.pipelines.local import run_here

LAW = LawFile.of(None)


class RunFolder(NamedTuple):
    """The tables that stages read."""

    into: Path | str
    segments: Table
    features: Table

    def run(self, lift: Lift) -> None:
        """Run a stage on the tables that it names."""
        tables = [table_in(contract, self.into) for contract in lift.sources]
        run_here(lift, *tables, into=self.into)


def read_folder(
    segments: pa.Table, into: Path | str, *, features: pa.Table | None = None, tiles: int | None = None
) -> RunFolder:
    """Roads, and what lies beside them, as tables in a folder."""
    beside = MAP_FEATURE.empty() if features is None else features
    grid = lay_grid(segments, tiles, 20_000)
    roads = commit_reading(Reading(segments, REJECT.empty(), segments.num_rows), grid, into)
    write_note(roads, None, records=segments.num_rows, grid=grid.tiles)
    around = commit_features(FeatureReading(beside, REJECT.empty(), beside.num_rows), grid, into)
    seen = seen_in(segments["class"].to_pylist(), segments["length_m"].to_numpy(), beside)
    write_note(around, None, records=beside.num_rows, seen=seen)
    return RunFolder(into, roads, around)


def inferred_folder(
    segments: pa.Table,
    into: Path | str,
    *,
    features: pa.Table | None = None,
    tiles: int | None = None,
    law: LawFile = LAW,
    place: str | None = None,
    combiner: InputFile | None = None,
) -> RunFolder:
    """The tables of a whole run; without a combiner that of Waysmith weighs."""
    folder = read_folder(segments, into, features=features, tiles=tiles)
    area = built(BuiltUpParams(drawn_in(folder.features)))
    for lift in (POSTED, places(place), SIGNS, area, CONTINUED, lawful(law), ATTRIBUTES):
        folder.run(lift)
    described = table_in(ROAD_ATTRIBUTE, into)
    habits = learn_habits.fn(described, folder.segments, str(into))
    for lift in (likely(LimitModel(habits, law, combiner)), LIMITS):
        folder.run(lift)
    return folder
