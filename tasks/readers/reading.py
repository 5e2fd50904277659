"""What every reader gives back, and how it says that a file is not what it should be."""

from typing import NamedTuple

import pyarrow as pa


class ReadError(ValueError):
    """A file cannot be read at all: one line with the file, the place, what stands there and what was expected."""


class Reading(NamedTuple):
    """Roads read from files: every record of a car road is a source of a segment or a reject, or both in parts."""

    segments: pa.Table
    """Rows of ROAD_SEGMENT, in no promised order."""
    rejects: pa.Table
    """Rows of REJECT."""
    records: int
    """Car roads read (OSM ways, Overture segments, features of another network)."""
