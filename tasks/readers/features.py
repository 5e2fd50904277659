"""Map files of any kind in, what lies beside the roads out: the features that tell of a road's limit."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from tasks.readers.feature_rows import Feature, Lost, chunks, joined
from tasks.readers.line import Box
from tasks.readers.osm_features import osm_features
from tasks.readers.overture_features import overture_features
from tasks.readers.reject import rejects
from tasks.readers.roads import Kind, kind_of

TASK = "read_features"


class FeatureReading(NamedTuple):
    """Features read from files: every record of a kind that matters is a row or a reject."""

    features: pa.Table
    """Rows of MAP_FEATURE, by feature id."""
    rejects: pa.Table
    """Rows of REJECT."""
    records: int
    """Features read, sound or not, each id once."""


def read_features(files: Sequence[Path], *, bbox: Box | None = None) -> FeatureReading:
    """Return what lies beside the roads of map files: OSM, and Overture's buildings, base and divisions.

    Files of another kind give none. A feature that stands in several files counts once, in its highest version, as
    the first file has it; it must be whole in one of them. No feature at all is no error.

    Parameters
    ----------
    files
        Files, and folders of Overture files.
    bbox
        West, south, east and north edge in degrees; features whose box meets it are kept, whole.

    Raises
    ------
    ReadError
        If a file cannot be read.
    """
    features, refusals = joined([chunk for file in files for chunk in chunks(_found(Path(file)), bbox=bbox)])
    return FeatureReading(features, rejects(refusals, task=TASK), features.num_rows + len(refusals))


def _found(file: Path) -> Iterator[Feature | Lost]:
    """Return the features of a file; one that is neither OSM nor Parquet has none."""
    is_osm = kind_of(file, has_mapping=True) is Kind.OSM
    return osm_features(file) if is_osm else overture_features(file)
