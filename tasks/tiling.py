"""Tiles: quadkey cells of an adaptive grid, each feature owned by exactly one of them.

A cell is named by its quadkey behind a `q`: `q` is the world, `q0` its north-west quarter, and so on
(Web Mercator square, digits as in Bing's tile system). Inside, a cell is the run of Morton codes at
`DEEPEST` zoom that begin with its quadkey, so that finding the owner of a point is one binary search.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyproj

DEEPEST = 20
"""Zoom of the smallest cell: about 38 m wide at the equator."""

MAX_LATITUDE = 85.05112877980659
"""Where the Web Mercator square ends; what lies beyond belongs to the outermost row of cells."""

NEAR_POLE = 89.9
"""Latitude beyond which a degree of longitude is too short to widen by."""

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


def cell_codes(lon: Floats, lat: Floats) -> Codes:
    """Return the Morton code at zoom `DEEPEST` of points in degrees; shape (n,).

    Examples
    --------
    >>> cell_codes(np.array([-180.0, 179.9999]), np.array([85.1, -85.1])).tolist() == [0, 4**DEEPEST - 1]
    True
    """
    side = 1 << DEEPEST
    sine = np.sin(np.radians(np.clip(lat, -MAX_LATITUDE, MAX_LATITUDE)))
    x = (lon / 360 + 0.5) * side
    y = (0.5 - np.arctanh(sine) / (2 * np.pi)) * side
    across = np.clip(x, 0, side - 1).astype(np.int64)
    down = np.clip(y, 0, side - 1).astype(np.int64)
    return _spread_bits(across) | (_spread_bits(down) << 1)


def _spread_bits(values: Codes) -> Codes:
    """Put a zero before every bit of 32-bit values (the "magic numbers" of Morton coding)."""
    spread = values
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        spread = (spread | (spread << shift)) & mask
    return spread


@dataclass(frozen=True)
class Grid:
    """A partition of the world into quadkey cells, in quadkey order."""

    tiles: tuple[str, ...]

    def __post_init__(self) -> None:
        ends = [_first_code(tile) + _code_count(tile) for tile in self.tiles]
        starts = [_first_code(tile) for tile in self.tiles]
        if not starts or starts[0] != 0 or starts[1:] != ends[:-1] or ends[-1] != 4**DEEPEST:
            raise ValueError("a grid must cover the world once, in quadkey order")

    def owners(self, lon: Floats, lat: Floats) -> npt.NDArray[np.intp]:
        """Return for each point (degrees) the index in `tiles` of the one cell that owns it."""
        starts = np.array([_first_code(tile) for tile in self.tiles], dtype=np.int64)
        return np.searchsorted(starts, cell_codes(lon, lat), side="right") - 1


def _first_code(tile: str) -> int:
    digits = tile[1:]
    return int(digits or "0", 4) << 2 * (DEEPEST - len(digits))


def _code_count(tile: str) -> int:
    return int(4 ** (DEEPEST - len(tile) + 1))


def grid_by_weight(codes: Codes, weights: Floats, *, most: float) -> Grid:
    """Return the coarsest grid whose cells each hold at most `most` weight, down to the deepest zoom.

    Where the weight does not change, the grid does not change: an edit in one place leaves the other cells alone.

    Examples
    --------
    >>> points = cell_codes(np.array([-90.0, 90.0, 91.0]), np.array([45.0, 45.0, 45.0]))
    >>> grid_by_weight(points, np.ones(3), most=2).tiles
    ('q0', 'q1', 'q2', 'q3')
    """
    weighed = _Weighed(codes, weights)
    done: list[str] = []
    stack = ["q"]
    while stack:
        tile = stack.pop()
        if weighed.of(tile) > most and len(tile) <= DEEPEST:
            stack.extend(reversed(_children(tile)))
        else:
            done.append(tile)
    return Grid(tuple(done))


def grid_by_count(codes: Codes, weights: Floats, *, count: int) -> Grid:
    """Return a grid with `count` cells that are not empty, by always splitting the heaviest that fits.

    A cell that would bring more than the missing number of cells is passed over; where none fits there are fewer.
    """
    weighed = _Weighed(codes, weights)
    filled, empty = ["q"], []
    while len(filled) < count:
        missing = count - len(filled)
        for tile in sorted(filled, key=lambda each: (-weighed.of(each), each)):
            if len(tile) > DEEPEST:
                continue
            children = _children(tile)
            heavy = [child for child in children if weighed.of(child) > 0]
            if len(heavy) <= missing + 1:
                break
        else:
            break
        filled = [each for each in filled if each != tile] + heavy
        empty += [child for child in children if weighed.of(child) == 0]
    return Grid(tuple(sorted(filled + empty)))


def _children(tile: str) -> list[str]:
    return [tile + digit for digit in "0123"]


class _Weighed:
    """Weight in any cell, from points sorted by code and a running sum."""

    def __init__(self, codes: Codes, weights: Floats) -> None:
        order = np.argsort(codes, kind="stable")
        self.codes = codes[order]
        self.sums = np.concatenate([[0.0], np.cumsum(weights[order])])

    def of(self, tile: str) -> float:
        first = _first_code(tile)
        low, high = np.searchsorted(self.codes, [first, first + _code_count(tile)])
        return float(self.sums[high] - self.sums[low])


def box_centres(boxes: pa.ChunkedArray | pa.StructArray) -> tuple[Floats, Floats]:
    """Return longitude and latitude of the centres of a `bbox` column: the points that decide who owns a feature."""
    west, south, east, north = box_sides(boxes)
    return (west + east) / 2, (south + north) / 2


def box_sides(boxes: pa.ChunkedArray | pa.StructArray) -> tuple[Floats, Floats, Floats, Floats]:
    """Return west, south, east and north of a `bbox` column in degrees."""
    whole = boxes.combine_chunks() if isinstance(boxes, pa.ChunkedArray) else boxes
    west, south, east, north = (whole.field(side).to_numpy() for side in ("xmin", "ymin", "xmax", "ymax"))
    return west, south, east, north


def total_box(boxes: pa.ChunkedArray | pa.StructArray) -> Box | None:
    """Return the box around all boxes of a column, or None for an empty column."""
    if len(boxes) == 0:
        return None
    west, south, east, north = box_sides(boxes)
    return float(west.min()), float(south.min()), float(east.max()), float(north.max())


def widened(box: Box, metres: float) -> Box:
    """Return `box` widened by at least `metres` on every side, in degrees; it may reach past 180°, not past a pole.

    Longitudes widen by what `metres` take on the edge nearest a pole, latitudes by the shortest degree on WGS 84.
    """
    west, south, east, north = box
    dlat = metres / 110_574  # the shortest degree of latitude, at the equator
    pole_side = max(abs(south), abs(north)) + dlat
    dlon = 180.0  # around a pole all longitudes are near
    if pole_side < NEAR_POLE:
        degree = pyproj.Geod(ellps="WGS84").inv(0, pole_side, 1, pole_side)[2]
        dlon = min(metres / degree * 1.0001, 180.0)  # a geodesic is shorter than its parallel
    return west - dlon, max(south - dlat, -90), east + dlon, min(north + dlat, 90)


def rows_meeting(boxes: pa.ChunkedArray | pa.StructArray, box: Box) -> npt.NDArray[np.bool_]:
    """Return which boxes of a column share a point with `box`, across the antimeridian too."""
    west, south, east, north = box_sides(boxes)
    turns = (-360.0, 0.0, 360.0)
    beside = np.logical_or.reduce([(west + turn <= box[2]) & (east + turn >= box[0]) for turn in turns])
    met: npt.NDArray[np.bool_] = beside & (south <= box[3]) & (north >= box[1])
    return met


def boxes_meet(one: Box, other: Box) -> bool:
    """Whether two boxes share a point, across the antimeridian too."""
    beside = any(one[0] + turn <= other[2] and other[0] <= one[2] + turn for turn in (-360.0, 0.0, 360.0))
    return beside and one[1] <= other[3] and other[1] <= one[3]
