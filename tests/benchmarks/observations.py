"""Made observations of made segments: many speeds for each, in no order, and the task that sums them up."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.table import Table, open_table
from schemas.contract import Contract, field
from schemas.receipt import Receipt
from tasks.grouped import Grouped

PERCENT = (15.0, 50.0, 85.0)

STREET = Contract(
    "street",
    1,
    "segment_id",
    (field("segment_id", pa.string(), "Id."), field("length_m", pa.float64(), "Length.", unit="m")),
)
PASSAGE = Contract(
    "passage",
    1,
    "segment_id",
    (field("segment_id", pa.string(), "Segment."), field("speed", pa.float32(), "Speed.", unit="km/h")),
    is_key_unique=False,
)
PACE = Contract(
    "pace",
    1,
    "segment_id",
    (
        field("segment_id", pa.string(), "Segment."),
        *(field(f"p{each:.0f}", pa.float64(), "Percentile of speeds.", unit="km/h") for each in PERCENT),
    ),
)


class Pace(NamedTuple):
    p15: float
    p50: float
    p85: float


class Paces(NamedTuple):
    p15: npt.NDArray[np.float64]
    p50: npt.NDArray[np.float64]
    p85: npt.NDArray[np.float64]


def pace(*, speed: npt.NDArray[np.float32]) -> Pace:
    """Percentiles of one segment, as one writes them."""
    return Pace(*np.percentile(speed.astype(np.float64), PERCENT).tolist())


def paces(*, speed: Grouped) -> Paces:
    """Percentiles of all segments of a tile."""
    return Paces(*speed.percentile(*PERCENT).T)


def numbers(segments: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Ids of segments, ascending, far apart from one another."""
    return np.sort(np.random.default_rng(seed).choice(10**10, segments, replace=False))


def names(ids: npt.NDArray[np.int64]) -> pa.Array:
    """The same ids as text, in the style of those of OSM segments, ascending too."""
    return pa.array([f"w{each:010}:n{each // 3}-n{each // 7}" for each in ids.tolist()])


def drawn(segments: int, count: int, seed: int = 1) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The segment of each observation, as its place, and its speed; every segment has one at least."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.arange(segments), rng.integers(0, segments, count - segments)])
    rng.shuffle(rows)
    return rows, rng.normal(50, 12, count)


def streets(keys: pa.Array, tiles: int, into: Path) -> Table:
    """Segments committed in tiles of the same size."""
    table = open_table(STREET, into)
    for index, part in enumerate(np.array_split(np.arange(len(keys)), tiles)):
        digits = np.base_repr(index, 4).zfill(5)
        rows = pa.table([keys.take(pa.array(part)), np.full(len(part), 100.0)], schema=STREET.schema)
        table.commit(rows, Receipt(f"q{digits}", "", "", len(part), len(part), 0, 100.0 * len(part)))
    return table


def in_batches(keys: pa.ChunkedArray, speeds: npt.NDArray[np.float64], size: int = 1_000_000) -> Iterator[pa.Table]:
    """Observations as a reader gives them: batch by batch."""
    for start in range(0, len(keys), size):
        yield pa.table({"segment_id": keys.slice(start, size), "speed": speeds[start : start + size]})
