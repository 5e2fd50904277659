"""What a folder of tables holds, in a few numbers."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from pipelines.table import Rejects, Table, TableError
from schemas.contract import Contract
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT


class Summary(NamedTuple):
    """Coverage of a speed limit table."""

    segments: int
    km: float
    km_by_ground: dict[str, float]
    """Kilometres by basis, or by reason where there is no number; longest first."""
    rejects: dict[str, int]
    """Rejected rows by reason, most first."""


def summarize(into: str | Path) -> Summary:
    """Return the coverage of the speed limits in a folder, tile by tile."""
    roads, limits = (Table(contract, Path(into) / contract.name) for contract in (ROAD_SEGMENT, SPEED_LIMIT))
    segments, km_by_ground = 0, Counter[str]()
    for tile in limits.tiles():
        rows = limits.read(tile, ["segment_id", "basis", "reason"])
        lengths = roads.read(tile, ["segment_id", "length_m"])
        km = pc.divide(lengths.column("length_m"), 1000.0)
        here = km.take(pc.index_in(rows.column("segment_id"), value_set=lengths.column("segment_id")))
        ground = pc.coalesce(rows.column("reason"), rows.column("basis"))
        segments += rows.num_rows
        for name, length in zip(ground.to_pylist(), here.to_pylist(), strict=True):
            km_by_ground[name] += length
    rejects = Counter(Rejects(into).rows().column("reason").to_pylist())
    return Summary(segments, sum(km_by_ground.values()), dict(km_by_ground.most_common()), dict(rejects.most_common()))


def table_lines(folder: str | Path, contracts: Sequence[Contract]) -> list[str]:
    """Return a line for each table of a folder, and one for each reason of a reject."""
    lines = []
    for contract in contracts:
        table = Table(contract, Path(folder) / contract.name)
        receipts = table.receipts().values()
        if receipts:
            rows, metres = sum(each.rows_out for each in receipts), sum(each.metres for each in receipts)
            size = f"{rows:>12,} rows {len(receipts):>6,} tiles {metres / 1000:>12,.1f} km"
            lines.append(f"{contract.name:<14} v{contract.version} {size}")
    if not lines:
        raise TableError(f"{folder}: no tables: run a flow into it first")
    rejects = Rejects(folder).rows()
    lines.append(f"{REJECT.name:<14} v{REJECT.version} {rejects.num_rows:>12,} rows")
    counts = Counter(zip(rejects.column("task").to_pylist(), rejects.column("reason").to_pylist(), strict=True))
    return lines + [f"{count:>30,} {task}: {reason}" for (task, reason), count in counts.most_common()]


def summary_lines(summary: Summary, seconds: float | None = None) -> list[str]:
    r"""Return the summary as lines for a terminal.

    Examples
    --------
    >>> print("\n".join(summary_lines(Summary(3, 2.0, {"posted": 1.5, "not_posted": 0.5}, {}), 1.0)))
    3 segments, 2.0 km, 1.0 s
        75.0 %        1.5 km  posted
        25.0 %        0.5 km  not_posted
    no rejects
    """
    took = "" if seconds is None else f", {seconds:.1f} s"
    lines = [f"{summary.segments:,} segments, {summary.km:,.1f} km{took}"]
    for ground, km in summary.km_by_ground.items():
        lines.append(f"{100 * km / (summary.km or 1):8.1f} % {km:10,.1f} km  {ground}")
    rejected = ", ".join(f"{count} {reason}" for reason, count in summary.rejects.items())
    lines.append(f"rejects: {rejected}" if rejected else "no rejects")
    return lines
