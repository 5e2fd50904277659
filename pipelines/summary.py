"""What a folder of tables holds, in a few numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.table import Rejects, TableError, existing, table_in
from schemas.contract import Contract
from schemas.posted_limit import POSTED_LIMIT
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT

MOST_REFUSED = 5
"""Values that cannot be read of which a summary names so many."""
MOST_LETTERS = 40
"""Letters of a value that are shown."""

UNKNOWN = "unknown"

NUMBERS = ("max_speed_forward_kmh", "max_speed_backward_kmh")


@dataclass
class Amount:
    """Segments, their length, and how sure their limits are."""

    segments: int = 0
    km: float = 0.0
    sure_km: float = 0.0
    """Length of those with a confidence."""
    sureness: float = 0.0
    """Sum over them of confidence times length."""

    def __iadd__(self, other: "Amount") -> "Amount":
        self.segments += other.segments
        self.km += other.km
        self.sure_km += other.sure_km
        self.sureness += other.sureness
        return self

    @property
    def confidence(self) -> float | None:
        """Mean confidence by length; None where no segment has one."""
        return self.sureness / self.sure_km if self.sure_km else None


@dataclass
class Summary:
    """What a speed limit table holds."""

    whole: Amount = field(default_factory=Amount)
    number: Amount = field(default_factory=Amount)
    """Segments with a number for one heading or both."""
    by_basis: dict[str, Amount] = field(default_factory=dict)
    """By basis; by reason where there is none."""
    by_reason: dict[str, Amount] = field(default_factory=dict)
    """Those without a number."""
    refused: Counter[str] = field(default_factory=Counter)
    """Tags that cannot be read, and on how many segments."""
    rejects: Counter[str] = field(default_factory=Counter)
    """Rejected rows by reason."""

    def add(self, amount: Amount, *, basis: str | None, reason: str | None, has_number: bool) -> None:
        """Count segments of one kind."""
        self.whole += amount
        self.by_basis.setdefault(basis or reason or UNKNOWN, Amount()).__iadd__(amount)
        if has_number:
            self.number += amount
        else:
            self.by_reason.setdefault(reason or UNKNOWN, Amount()).__iadd__(amount)


def summarize(into: str | Path) -> Summary:
    """Return what the speed limits in a folder come to, tile by tile.

    Raises
    ------
    TableError
        If there are none.
    """
    found = Summary()
    roads, limits = (existing(contract, into) for contract in (ROAD_SEGMENT, SPEED_LIMIT))
    posted = table_in(POSTED_LIMIT, into)
    for tile in limits.tiles():
        rows = limits.read(tile, ["segment_id", "basis", "confidence", "reason", *NUMBERS])
        for kind in _kinds(rows, roads.read(tile, ["segment_id", "length_m"])):
            found.add(Amount(*kind[3:]), basis=kind[0], reason=kind[1], has_number=kind[2])
        found.refused.update(_refused(posted.read(tile, ["refused"])))
    found.rejects.update(Rejects(into).rows()["reason"].to_pylist())
    return found


def _kinds(limits: pa.Table, roads: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield basis, reason, whether there is a number, and how much road there is of each such kind."""
    metres = roads["length_m"].take(pc.index_in(limits["segment_id"], value_set=roads["segment_id"]))
    km = pc.divide(metres, 1000.0)
    is_sure = pc.is_valid(limits["confidence"])
    told = {
        "basis": limits["basis"],
        "reason": limits["reason"],
        "has_number": pc.or_(*(pc.is_valid(limits[name]) for name in NUMBERS)),
        "km": km,
        "sure_km": pc.if_else(is_sure, km, 0.0),
        "sureness": pc.if_else(is_sure, pc.multiply(km, limits["confidence"]), 0.0),
    }
    keys, sums = ["basis", "reason", "has_number"], ["km", "sure_km", "sureness"]
    grouped = pa.table(told).group_by(keys).aggregate([("km", "count"), *((name, "sum") for name in sums)])
    wanted = [*keys, "km_count", *(f"{name}_sum" for name in sums)]
    yield from zip(*(grouped[name].to_pylist() for name in wanted), strict=True)


def _refused(posted: pa.Table) -> Iterator[str]:
    """Yield the tags that cannot be read, one for each segment that has it, as one line each."""
    for tag in pc.list_flatten(posted["refused"]).to_pylist():
        told = f"{tag['key']}={tag['value']}"
        shown = "".join(letter if letter.isprintable() else " " for letter in told)
        yield shown if len(shown) <= MOST_LETTERS else f"{shown[: MOST_LETTERS - 1]}…"


def table_lines(folder: str | Path, contracts: Sequence[Contract]) -> list[str]:
    """Return a line for each table of a folder, and one for each reason of a reject.

    Raises
    ------
    TableError
        If there are none.
    """
    lines = []
    for contract in contracts:
        receipts = table_in(contract, folder).receipts().values()
        if receipts:
            rows, metres = sum(each.rows_out for each in receipts), sum(each.metres for each in receipts)
            size = f"{rows:>12,} rows {len(receipts):>6,} tiles"
            km = f" {metres / 1000:>12,.1f} km" if metres else ""
            lines.append(f"{contract.name:<17} v{contract.version} {size}{km}")
    if not lines:
        raise TableError(f"{folder}: no tables: run a flow into it first")
    rejects = Rejects(folder).rows()
    lines.append(f"{REJECT.name:<17} v{REJECT.version} {rejects.num_rows:>12,} rows")
    counts = Counter(zip(rejects["task"].to_pylist(), rejects["reason"].to_pylist(), strict=True))
    return lines + [f"{count:>33,} {task}: {reason}" for (task, reason), count in counts.most_common()]


def summary_lines(summary: Summary, seconds: float | None = None) -> list[str]:
    r"""Return the summary as lines for a terminal.

    Examples
    --------
    >>> made = Summary()
    >>> made.add(Amount(1, 1.5, 1.5, 1.5), basis="posted", reason=None, has_number=True)
    >>> made.add(Amount(1, 0.5), basis=None, reason="no_law", has_number=False)
    >>> print("\n".join(summary_lines(made, 1.0)))
    2 segments, 2.0 km, 1.0 s
      basis           segments               km  confidence
      posted          1   50.0 %      1.5   75.0 %  1.00
      no_law          1   50.0 %      0.5   25.0 %
    a number: 50.0 % of the segments, 75.0 % of the km, mean confidence 1.00
    no number: 1 no_law (0.5 km)
    no tags refused
    no rejects
    """
    whole = summary.whole
    took = "" if seconds is None else f", {seconds:.1f} s"
    return [
        f"{whole.segments:,} segments, {whole.km:,.1f} km{took}",
        *_basis_lines(summary),
        *_coverage_lines(summary),
        _counted("tags refused", summary.refused),
        _counted("rejects", summary.rejects),
    ]


def _basis_lines(summary: Summary) -> Iterator[str]:
    whole = summary.whole
    yield f"  {'basis':<14} {'segments':>9} {'km':>16}  confidence"
    for name, each in sorted(summary.by_basis.items(), key=lambda pair: -pair[1].km):
        shares = _percent(each.segments, whole.segments), _percent(each.km, whole.km)
        sure = "" if each.confidence is None else f"  {each.confidence:.2f}"
        yield f"  {name:<10} {each.segments:>6,} {shares[0]:>8} {each.km:>8,.1f} {shares[1]:>8}{sure}"


def _coverage_lines(summary: Summary) -> Iterator[str]:
    whole, number = summary.whole, summary.number
    sure = "" if number.confidence is None else f", mean confidence {number.confidence:.2f}"
    shares = _percent(number.segments, whole.segments), _percent(number.km, whole.km)
    yield f"a number: {shares[0]} of the segments, {shares[1]} of the km{sure}"
    if summary.by_reason:
        without = sorted(summary.by_reason.items(), key=lambda pair: -pair[1].km)
        yield "no number: " + ", ".join(f"{each.segments:,} {name} ({each.km:,.1f} km)" for name, each in without)


def _counted(what: str, counts: Counter[str]) -> str:
    """Return counts in one line, the most frequent by name."""
    if not counts:
        return f"no {what}"
    named = [f"{count:,} {name}" for name, count in counts.most_common(MOST_REFUSED)]
    others = counts.total() - sum(count for _, count in counts.most_common(MOST_REFUSED))
    return f"{what}: {', '.join([*named, *([f'{others:,} others'] if others else [])])}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / (whole or 1):.1f} %"
