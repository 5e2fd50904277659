import numpy as np
import pytest

from tasks.match_cell import Cells, cells_of
from tasks.match_kernel import Records, records
from tasks.match_stretch import CHORD


def chords(seed: int, *, count: int = 60, spread: float = 0.01) -> Records:
    rng = np.random.default_rng(seed)
    made = {name: rng.normal(0, spread / 8, count) for name in ("dlon", "dlat")}
    made |= {"lon": 9 + rng.uniform(0, spread, count), "lat": 47 + rng.uniform(0, spread, count)}
    metres = np.where(rng.random(count) < 0.2, 0.0, 1.0)
    return records(CHORD, **made, along=np.zeros(count), metres=metres, stretch=np.arange(count))


def naive(cells: Cells, all_of_them: Records, x: int, y: int) -> list[int]:
    """Numbers of the chords whose box touches a cell, by looking at all."""
    found = []
    for one in all_of_them[all_of_them["metres"] > 0]:
        west, east = sorted([one["lon"], one["lon"] + one["dlon"]])
        south, north = sorted([one["lat"], one["lat"] + one["dlat"]])
        left, right = (int((each - cells.west) / cells.width) for each in (west, east))
        low, high = (int((each - cells.south) / cells.height) for each in (south, north))
        if left <= x <= min(right, cells.across - 1) and low <= y <= min(high, cells.down - 1):
            found.append(int(one["stretch"]))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_cells_hold_the_chords_that_touch_them_in_their_order(seed: int) -> None:
    some = chords(seed)
    cells = cells_of(some)
    for y in range(cells.down):
        for x in range(cells.across):
            cell = y * cells.across + x
            held = cells.chord["stretch"][cells.start[cell] : cells.start[cell + 1]].tolist()
            assert held == naive(cells, some, x, y)
    assert cells.start[-1] == len(cells.chord)


def test_cells_are_sixty_metres_wide_and_grow_where_roads_are_few() -> None:
    near, far = cells_of(chords(1)), cells_of(chords(1, spread=3.0))
    assert near.height * 110_574 == pytest.approx(60)
    assert near.width * 111_320 * np.cos(np.radians(47)) == pytest.approx(60, rel=0.02)
    assert far.across * far.down < 1.1 * (16 * 60 + 4096)


def test_no_chords_have_one_empty_cell() -> None:
    cells = cells_of(chords(1)[:0])
    assert (cells.across, cells.down, cells.start.tolist(), len(cells.chord)) == (1, 1, [0, 0], 0)
