"""What a folder of observed speeds comes to, in the lines that a run ends with."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc

from pipelines.probe_points import point_counts
from pipelines.table import Rejects, Table, existing
from schemas.match import MATCH
from schemas.probe import PROBE_POINT, TRACE_PIECE
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import SPEED_OBSERVATION, TRAVERSAL
from schemas.vocabulary import Unmatched
from tasks.readers.probe_rows import TASK as READ_TASK
from tasks.trace_rows import TASK as CLEAN_TASK

MATCHED = "matched"

TOLD = 10
"""Notes that are told; a folder may have thousands of files that are no probes."""

FAR_SHARE = 0.5
"""With a larger share of points far from any road, the roads are of another region."""

Box = tuple[float, float, float, float]


def probe_lines(into: str | Path) -> Iterator[str]:
    """Yield a line each on the points, on what they were matched to, and on what was observed.

    Raises
    ------
    TableError
        If a table is missing.
    """
    counts = point_counts(existing(PROBE_POINT, into))
    yield from counts.notes[:TOLD]
    if len(counts.notes) > TOLD:
        yield f"… and {len(counts.notes) - TOLD:,} more of these: see {REJECT.name}"
    yield counts.in_words()
    outcomes = _outcomes(into)
    yield f"{counts.traces:,} traces, {_shares(outcomes)}"
    if outcomes[Unmatched.NO_ROAD] > FAR_SHARE * outcomes.total():
        yield _where(_box(existing(ROAD_SEGMENT, into)), _box(existing(TRACE_PIECE, into)))
    driven = existing(TRAVERSAL, into)
    rows = sum(receipt.rows_out for receipt in driven.receipts().values())
    seen = existing(SPEED_OBSERVATION, into)
    speeds = sum(receipt.rows_out for receipt in seen.receipts().values())
    yield f"{rows:,} traversals, {speeds:,} observed speeds"
    count, km = _profiled(into)
    yield f"{count:,} segments with a profile, {km:,.1f} km of road"
    yield from _refused(into)


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


def _refused(into: str | Path) -> Iterator[str]:
    """Yield a line on the rows other than points that were rejected, such as roads, if there are any."""
    rejects = Rejects(into).rows()
    rows = zip(rejects["task"].to_pylist(), rejects["reason"].to_pylist(), strict=True)
    found = Counter(f"{task}: {reason}" for task, reason in rows if task not in (READ_TASK, CLEAN_TASK))
    if found:
        yield f"rejected: {', '.join(f'{count:,} {what}' for what, count in found.most_common())}"


def _box(table: Table) -> Box:
    """Return west, south, east and north of all that a table holds."""
    boxes = [receipt.bbox for receipt in table.receipts().values() if receipt.bbox]
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _where(roads: Box, probes: Box) -> str:
    """Return where roads and probes lie if they do not meet, and what to do, in a line.

    Examples
    --------
    >>> _where((24.0, 60.0, 25.0, 61.0), (60.2, 24.3, 60.4, 24.6))
    'probes lie in 60.200,24.300,60.400,24.600, roads in 24.000,60.000,25.000,61.000: are lon and lat swapped?'
    """
    there = f"probes lie in {_in_words(probes)}, roads in {_in_words(roads)}"
    if not _meet(roads, probes) and _meet(roads, (probes[1], probes[0], probes[3], probes[2])):
        return f"{there}: are lon and lat swapped?"
    return f"{there}: give roads that cover the probes, such as an extract of OpenStreetMap"


def _in_words(box: Box) -> str:
    return ",".join(f"{degrees:.3f}" for degrees in box)


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


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
