import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.match_kernel import Records
from tasks.match_lattice import track_of
from tasks.match_motion import DRIVEN_M2_S3, QUICKEST_MS, motion_room, restore, scatter_m, smooth

Floats = npt.NDArray[np.float64]
WEST, SOUTH, METRE = 9.0, 47.0, 1 / 111_194.9


def track(seconds: Floats, east: Floats, north: Floats) -> Records:
    """Points at metres from the south-west, which come out as such again within the accuracy of their own metres."""
    nothing = np.full(len(seconds), np.nan)
    lon = WEST + east * METRE / np.cos(np.radians(SOUTH))
    made = track_of((seconds * 1e6).astype(np.int64), lon, SOUTH + north * METRE, nothing, nothing, nothing)
    made["kx"], made["ky"] = np.cos(np.radians(SOUTH)) / METRE, 1 / METRE
    return made


def metres(points: Records) -> tuple[Floats, Floats]:
    return (points["lon"] - WEST) * np.cos(np.radians(SOUTH)) / METRE, (points["lat"] - SOUTH) / METRE


def bend(seconds: Floats) -> tuple[Floats, Floats]:
    """A drive of 10 m/s along a wide circle."""
    return 300 * np.sin(seconds / 30), 300 * np.cos(seconds / 30)


def lasting(count: int, seconds: float, rng: np.random.Generator) -> Floats:
    """Errors of a first-order Gauss–Markov process seen every second, of unit variance."""
    keep = np.exp(-1 / seconds) if seconds else 0.0
    made = rng.standard_normal(count)
    for place in range(1, count):
        made[place] = keep * made[place - 1] + np.sqrt(1 - keep * keep) * made[place]
    return made


def most_probable(seconds: Floats, seen: Floats, scatter: float) -> tuple[Floats, float]:
    """Return the most probable places along one axis and their mean variance: all equations at once, as they are."""
    count = len(seconds)
    precision, target = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
    for point in range(count):
        precision[2 * point, 2 * point] += scatter**-2
        target[2 * point] += scatter**-2 * seen[point]
    precision[1, 1] += QUICKEST_MS**-2
    for point, t in enumerate(np.diff(seconds)):
        noise = DRIVEN_M2_S3 * np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
        step = np.array([[-1, -t, 1, 0], [0, -1, 0, 1]])
        span = slice(2 * point, 2 * point + 4)
        precision[span, span] += step.T @ np.linalg.inv(noise) @ step
    places: Floats = np.linalg.solve(precision, target)[::2]
    return places, float(np.linalg.inv(precision).diagonal()[::2].mean())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 20.0))
def test_places_are_the_most_probable(seed: int, scatter: float) -> None:
    rng = np.random.default_rng(seed)
    seconds: Floats = np.round(np.cumsum(rng.uniform(0.5, 3.0, 30)), 6)
    east, north = (each + 0.5 * scatter * rng.standard_normal(30) for each in bend(seconds))
    points = track(seconds, east, north)
    left, every = smooth(points, 0, 30, scatter, motion_room(30).phase)
    for found, seen in zip(metres(points), (east, north), strict=True):
        expected, variance = most_probable(seconds, seen, scatter)
        assert found == pytest.approx(expected, abs=1e-4)
        assert left == pytest.approx(variance, rel=1e-6)
    assert every == pytest.approx(np.diff(seconds).mean())


def test_points_of_other_pieces_stay() -> None:
    seconds = np.arange(40.0)
    points = track(seconds, *(each + 3 * lasting(40, 0, np.random.default_rng(1)) for each in bend(seconds)))
    before = points.copy()
    room = motion_room(40)
    smooth(points, 10, 30, 5.0, room.phase)
    assert (points["lon"][10:30] != before["lon"][10:30]).all()
    assert points[:10].tobytes() == before[:10].tobytes()
    assert points[30:].tobytes() == before[30:].tobytes()
    restore(points, 10, 30, room.phase)
    assert points.tobytes() == before.tobytes()


def test_one_wild_point_pulls_others_little() -> None:
    seconds = np.arange(60.0)
    east, north = bend(seconds)
    wild = north.copy()
    wild[30] += 500
    points = track(seconds, east, wild)
    smooth(points, 0, 60, 5.0, motion_room(60).phase)
    assert np.abs(metres(points)[1] - north).max() < 25


@pytest.mark.parametrize(("sigma", "seconds"), [(4.0, 0.0), (10.0, 0.0), (5.0, 10.0), (8.0, 60.0), (0.0, 0.0)])
def test_scatter_is_what_neighbours_do_not_share(sigma: float, seconds: float) -> None:
    """A third difference of a process that keeps r a second has (20 - 30 r + 12 r² - 2 r³) times its variance."""
    rng = np.random.default_rng(5)
    keep = np.exp(-1 / seconds) if seconds else 0.0
    clock = np.arange(2000.0)
    points = track(clock, *(each + sigma * lasting(2000, seconds, rng) for each in bend(clock)))
    expected = sigma * np.sqrt(1 - 1.5 * keep + 0.6 * keep**2 - 0.1 * keep**3)
    assert scatter_m(points, 0, 2000, motion_room(1).sample) == pytest.approx(expected, rel=0.2, abs=0.01)


@pytest.mark.parametrize("seconds", [np.arange(300.0) * 10, np.cumsum(np.tile([1.0, 2.0, 3.0], 100)), np.arange(12.0)])
def test_scatter_of_points_far_apart_uneven_or_few_is_unknown(seconds: Floats) -> None:
    rng = np.random.default_rng(5)
    points = track(seconds, *(each + 5 * rng.standard_normal(len(seconds)) for each in bend(seconds)))
    assert scatter_m(points, 0, len(seconds), motion_room(1).sample) == 0
