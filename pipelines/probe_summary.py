"""What a folder of observed speeds comes to, in the lines that a run ends with."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc

from pipelines.probe_points import point_counts
from pipelines.table import existing
from schemas.match import MATCH
from schemas.probe import PROBE_POINT
from schemas.road import ROAD_SEGMENT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import SPEED_OBSERVATION, TRAVERSAL

MATCHED = "matched"


def probe_lines(into: str | Path) -> Iterator[str]:
    """Yield a line each on the points, on what they were matched to, and on what was observed.

    Raises
    ------
    TableError
        If a table is missing.
    """
    counts = point_counts(existing(PROBE_POINT, into))
    yield from counts.notes
    yield counts.in_words()
    yield f"{counts.traces:,} traces, {_shares(_outcomes(into))}"
    driven = existing(TRAVERSAL, into)
    rows = sum(receipt.rows_out for receipt in driven.receipts().values())
    seen = existing(SPEED_OBSERVATION, into)
    speeds = sum(receipt.rows_out for receipt in seen.receipts().values())
    yield f"{rows:,} traversals, {speeds:,} observed speeds"
    count, km = _profiled(into)
    yield f"{count:,} segments with a profile, {km:,.1f} km of road"


def _outcomes(into: str | Path) -> Counter[str]:
    """Return how many points were matched, and how many were not for each reason."""
    found: Counter[str] = Counter()
    table = existing(MATCH, into)
    for tile in table.tiles():
        for each in pc.value_counts(table.read(tile, ["reason"])["reason"].combine_chunks()).to_pylist():
            found[each["values"] or MATCHED] += each["counts"]
    return found


def _shares(outcomes: Counter[str]) -> str:
    """Return shares in words.

    Examples
    --------
    >>> _shares(Counter({"matched": 990, "no_road": 10}))
    '99.0 % of the points matched, 1.0 % no_road'
    """
    whole = outcomes.total() or 1
    lost = [f"{100 * count / whole:.1f} % {reason}" for reason, count in outcomes.most_common() if reason != MATCHED]
    return ", ".join([f"{100 * outcomes[MATCHED] / whole:.1f} % of the points matched", *lost])


def _profiled(into: str | Path) -> tuple[int, float]:
    """Return how many segments have a profile, and their length (km)."""
    roads, profiles = existing(ROAD_SEGMENT, into), existing(SPEED_PROFILE, into)
    count, metres = 0, 0.0
    for tile in profiles.tiles():
        known = profiles.read(tile, ["segment_id"])["segment_id"].unique()
        rows = roads.read(tile, ["segment_id", "length_m"])
        metres += pc.sum(rows["length_m"].filter(pc.is_in(rows["segment_id"], known))).as_py() or 0.0
        count += len(known)
    return count, metres / 1000
