"""Speed profiles as Valhalla reads them: one row for each edge of its graph, one CSV file for each of its tiles."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from schemas.speed_profile import WEEK_BINS
from tasks.valhalla_edge import EdgeParts
from tasks.week_profile import DAY_BINS, hours_of_week

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Coefficients = npt.NDArray[np.int16]

COEFFICIENTS = 200
"""Coefficients of a week that Valhalla keeps (`kCoefficientCount` in its baldr/predictedspeeds.h)."""
SLOWEST_KMH = 5.0
"""Valhalla's `kMinSpeedKph`: what lies below is not believed."""
FASTEST_KMH = 252.0
"""Its `kMaxAssumedSpeed`, and what fits into the byte of a free-flow speed."""
LEAST_SHARE = 0.5
"""Share of a bin's speed that it must keep when the week is unpacked; waves around a short dip may undercut it."""
ROUNDS = 8
"""Times that dips are filled before the whole week is flattened instead."""
BLOCK = 4096
"""Edges at a time: their weeks take 66 MB."""


class ValhallaSpeeds(NamedTuple):
    """Speeds of edges of Valhalla's graph."""

    edge: Ints
    """Its GraphId as a number."""
    free_flow_kmh: Ints
    constrained_kmh: Ints
    """By day, from 7 to 19 o'clock."""
    week: list[str]
    """The week from Sunday 0:00 on, packed."""


def edge_speeds(
    parts: EdgeParts, *, row: Ints, is_backward: npt.NDArray[np.bool_], free_flow_kmh: Floats, week_kmh: Floats
) -> ValhallaSpeeds:
    """Return the speeds of the edges, at least half of whose metres lie on segments with a profile.

    Shape: (n,) for each column of profiles, `week_kmh` (n, 2016); `row` names the segment as `parts` does. On an edge
    that several profiles share the time to drive it is the sum of theirs: speeds are harmonic means by metres.

    Examples
    --------
    >>> parts = EdgeParts(np.array([8]), np.array([0]), np.array([False]), np.array([70.0]), np.array([100.0]))
    >>> week = np.full((1, 2016), 40.0)
    >>> made = edge_speeds(
    ...     parts, row=np.array([0]), is_backward=np.array([False]), free_flow_kmh=np.array([50.0]), week_kmh=week
    ... )
    >>> made.edge.tolist(), made.free_flow_kmh.tolist(), made.constrained_kmh.tolist(), made.week[0][:6]
    ([8], [50], [40], 'BwQAAA')
    """
    profile = _profile_of(parts, row, is_backward)
    stretch = _known_half(parts, profile >= 0)
    edges, starts = np.unique(parts.edge[stretch], return_index=True)
    starts = np.append(starts, len(stretch))
    made = [
        _joined(parts, stretch[starts[i] : starts[min(i + BLOCK, len(edges))]], profile, free_flow_kmh, week_kmh)
        for i in range(0, len(edges), BLOCK)
    ]
    free, constrained, weeks = ([each[i] for each in made] for i in range(3))
    nothing = [np.empty(0, dtype=np.int64)]
    return ValhallaSpeeds(
        edges,
        np.concatenate(free or nothing),
        np.concatenate(constrained or nothing),
        [text for block in weeks for text in block],
    )


def _known_half(parts: EdgeParts, has_profile: npt.NDArray[np.bool_]) -> Ints:
    """Return the parts with a profile, by edge, of edges that such parts cover by half or more."""
    edges, place = np.unique(parts.edge, return_inverse=True)
    known = np.bincount(place, np.where(has_profile, parts.metres, 0.0), len(edges))
    stretch = np.flatnonzero(has_profile & (known[place] >= parts.edge_m / 2))
    return stretch[np.argsort(place[stretch], kind="stable")]


def _joined(
    parts: EdgeParts, stretch: Ints, profile: Ints, free_flow_kmh: Floats, week_kmh: Floats
) -> tuple[Ints, Ints, list[str]]:
    """Return free-flow speeds, those by day and packed weeks of the edges that some parts belong to."""
    _, place = np.unique(parts.edge[stretch], return_inverse=True)
    metres = parts.metres[stretch]
    share = metres / np.bincount(place, metres)[place]
    week = _harmonic(week_kmh, profile[stretch], place, share)
    free = _harmonic(free_flow_kmh[:, None], profile[stretch], place, share)
    by_day = (hours_of_week() >= 7) & (hours_of_week() < 19)
    constrained = 1 / np.mean(1 / week[:, by_day], axis=1)
    return _whole(free[:, 0]), _whole(constrained), packed(compressed(week))


def _profile_of(parts: EdgeParts, row: Ints, is_backward: npt.NDArray[np.bool_]) -> Ints:
    """Return the place of the profile of each part, -1 where it has none."""
    made = np.full(len(parts.row), -1, dtype=np.int64)
    if len(row):
        keys, sought = 2 * row + is_backward, 2 * parts.row + parts.is_backward
        order = np.argsort(keys)
        place = np.minimum(np.searchsorted(keys, sought, sorter=order), len(keys) - 1)
        is_found = keys[order[place]] == sought
        made[is_found] = order[place[is_found]]
    return made


def _harmonic(speed_kmh: Floats, profile: Ints, place: Ints, share: Floats) -> Floats:
    """Return for each edge the harmonic mean of the profiles of its parts, by share of metres."""
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    pace: Floats = np.add.reduceat(share[:, None] / np.maximum(speed_kmh[profile], SLOWEST_KMH), starts, axis=0)
    return 1 / pace


def _whole(speed_kmh: Floats) -> Ints:
    return np.minimum(np.rint(speed_kmh), FASTEST_KMH).astype(np.int64)


def compressed(week_kmh: npt.NDArray[np.floating]) -> Coefficients:
    """Return weeks of speeds, from Monday 0:00 on, as Valhalla's coefficients of weeks from Sunday 0:00 on.

    Shape: (n, 2016) to (n, 200). They are the first of the orthonormal discrete cosine transform (DCT-II), rounded. Few
    coefficients make waves around a short dip, which may undercut it: such dips are filled, and where that does not
    help the week is flattened, until no bin unpacks to less than half its speed or less than 5 km/h.

    References
    ----------
    `compress_speed_buckets` in Valhalla's baldr/predictedspeeds.cc; its documentation, mjolnir/historical_traffic.md.

    Examples
    --------
    >>> compressed(np.full((1, 2016), 50.0))[0, :3].tolist()
    [2245, 0, 0]
    """
    week = np.clip(np.roll(week_kmh, DAY_BINS, axis=1).astype(np.float64), SLOWEST_KMH, FASTEST_KMH)
    floor = np.maximum(LEAST_SHARE * week, SLOWEST_KMH)
    made = _transformed(week)
    for _ in range(ROUNDS):
        lack = floor - _back(made)
        low = np.flatnonzero((lack > 0).any(axis=1))
        if not len(low):
            return made
        week[low] += np.maximum(lack[low], 0) * 1.5
        made[low] = _transformed(week[low])
    return _flattened(made, floor)


def _flattened(made: Coefficients, floor: Floats) -> Coefficients:
    """Draw weeks that still unpack too low toward their mean."""
    unpacked = _back(made)
    mean = np.maximum(unpacked.mean(axis=1, keepdims=True), SLOWEST_KMH + 1)
    fall = np.maximum(mean - unpacked, 1e-9)
    keep = np.clip(((mean - np.minimum(floor, mean)) / fall).min(axis=1), 0.0, 1.0)
    is_low = (unpacked < floor).any(axis=1)
    left = made.astype(np.float64)
    left[is_low, 1:] *= keep[is_low, None]
    return np.trunc(left).astype(np.int16)


def _transformed(week: Floats) -> Coefficients:
    coefficients = scipy.fft.dct(week, type=2, norm="ortho", axis=1)[:, :COEFFICIENTS]
    made: Coefficients = np.rint(coefficients).astype(np.int16)
    return made


def _back(coefficients: Coefficients) -> Floats:
    """Return weeks from Sunday on as Valhalla unpacks them."""
    full = np.zeros((len(coefficients), WEEK_BINS))
    full[:, :COEFFICIENTS] = coefficients
    week: Floats = scipy.fft.idct(full, type=2, norm="ortho", axis=1)
    return week


def unpacked(texts: Sequence[str]) -> Floats:
    """Return the weeks of speeds (km/h, from Monday 0:00 on) that Valhalla reads from packed ones; shape (n, 2016)."""
    raw = [np.frombuffer(base64.b64decode(text, validate=True), dtype=">i2") for text in texts]
    return np.roll(_back(np.array(raw, dtype=np.int16).reshape(-1, COEFFICIENTS)), -DAY_BINS, axis=1)


def packed(coefficients: Coefficients) -> list[str]:
    """Return coefficients as text: 16-bit integers, high byte first, in Base64.

    Examples
    --------
    >>> packed(np.array([[2245, -1] + [0] * 198], dtype=np.int16))[0][:8]
    'CMX//wAA'
    """
    return [base64.b64encode(row.tobytes()).decode() for row in coefficients.astype(">i2")]


def csv_files(speeds: ValhallaSpeeds) -> Mapping[str, str]:
    r"""Return what stands in each file, by its path in the folder that `valhalla_add_predicted_traffic` reads.

    Examples
    --------
    >>> csv_files(ValhallaSpeeds(np.array([201299956122]), np.array([50]), np.array([40]), ["AQ0="]))
    {'2/000/864/819.csv': '2/864819/5999,50,40,AQ0=\n'}
    """
    files: dict[str, list[str]] = {}
    columns = speeds.edge.tolist(), speeds.free_flow_kmh.tolist(), speeds.constrained_kmh.tolist(), speeds.week
    for edge, free, constrained, week in sorted(zip(*columns, strict=True)):
        files.setdefault(tile_path(edge), []).append(f"{graph_id(edge)},{free},{constrained},{week}\n")
    return {path: "".join(lines) for path, lines in files.items()}


def graph_id(edge: int) -> str:
    """Return a GraphId as level/tile/number: 3 bits, 22 bits and 21 bits of the number, lowest first.

    Examples
    --------
    >>> graph_id(201299956122)
    '2/864819/5999'
    """
    return f"{edge & 7}/{edge >> 3 & 0x3FFFFF}/{edge >> 25}"


def tile_path(edge: int) -> str:
    """Return the path of the CSV file of an edge's tile; tiles have 6 digits on levels 0 and 1, 9 on level 2.

    Examples
    --------
    >>> tile_path(433633), tile_path(201299956122)
    ('1/054/204.csv', '2/000/864/819.csv')
    """
    level, tile = edge & 7, edge >> 3 & 0x3FFFFF
    digits = str(tile).zfill(9 if level == 2 else 6)
    return "/".join([str(level), *(digits[i : i + 3] for i in range(0, len(digits), 3))]) + ".csv"


def write_speeds(speeds: ValhallaSpeeds, into: Path) -> int:
    """Write the files into a folder; return how many there are."""
    files = csv_files(speeds)
    for path, text in files.items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_text(text)
    return len(files)
