from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.simulate_drive import ASIDE, CREEP_MS, FASTER, SLOWER, drive, seen, track
from tasks.simulate_network import Network, drive_network
from tests.grid_town import grid_town

Legs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def legs(draw: st.DrawFn) -> Legs:
    """Metres, azimuths, wanted speeds and waits."""
    count = draw(st.integers(1, 6))
    metres = draw(st.lists(st.sampled_from([0.0, 3.0, 20.0, 150.0, 700.0]), min_size=count, max_size=count))
    azimuth = draw(st.lists(st.floats(0, 360), min_size=count, max_size=count))
    wanted = draw(st.lists(st.floats(3, 35), min_size=count, max_size=count))
    waits = draw(st.lists(st.sampled_from([0.0, 0.0, 7.0]), min_size=count + 1, max_size=count + 1))
    return np.array([*metres, 40.0]), np.array([*azimuth, 0.0]), np.array([*wanted, 9.0]), np.array([*waits, 0.0])


def naive_seconds(metres: np.ndarray, wanted: np.ndarray, caps: np.ndarray, waits: np.ndarray) -> float:
    """Integrate time over the road in steps of a centimetre, each reached from those beside it."""
    count = np.maximum(np.rint(metres / 0.01).astype(int), 0)
    limit = np.full(count.sum() + 1, np.inf)
    bounds = np.concatenate([[0], np.cumsum(count)])
    for leg, (low, high) in enumerate(pairwise(bounds)):
        if high > low:
            limit[low : high + 1] = np.minimum(limit[low : high + 1], wanted[leg])
    for vertex, at in enumerate(bounds):
        limit[at] = min(limit[at], caps[vertex])
    squares = (limit**2).tolist()
    for at in range(1, len(squares)):
        squares[at] = min(squares[at], squares[at - 1] + 2 * FASTER * 0.01)
    for at in range(len(squares) - 2, -1, -1):
        squares[at] = min(squares[at], squares[at + 1] + 2 * SLOWER * 0.01)
    speed = np.sqrt(squares)
    return float((0.01 / ((speed[1:] + speed[:-1]) / 2)).sum() + waits[1:].sum())


@given(legs())
def test_time_is_that_of_a_naive_integration(drawn: Legs) -> None:
    metres, azimuth, wanted, waits = drawn
    motion = drive(metres, azimuth, wanted, waits)
    expected = naive_seconds(metres, wanted, corner_caps(metres, azimuth, waits), waits)
    assert motion.arrive[-1] == pytest.approx(expected, rel=2e-3, abs=0.05)


def corner_caps(metres: np.ndarray, azimuth: np.ndarray, waits: np.ndarray) -> np.ndarray:
    """The speeds at which an arc that begins `cut` metres before the vertex is passed, by its radius."""
    caps = np.full(len(metres) + 1, np.inf)
    caps[0] = caps[-1] = 0.0
    real = np.flatnonzero(metres > 0)
    for one, other in pairwise(real):
        turn = abs((azimuth[other] - azimuth[one] + 180) % 360 - 180)
        cut = min(metres[one], metres[other], max(20.0, 120 - turn / 0.9))
        radius = cut / (2 * np.tan(np.radians(min(turn, 178)) / 2)) if turn else np.inf
        caps[one + 1 : other + 1] = max(np.sqrt(ASIDE * radius), CREEP_MS)
    caps[waits > 0] = 0.0
    return caps


@given(legs())
def test_vehicles_keep_to_their_speed_and_acceleration(drawn: Legs) -> None:
    metres, azimuth, wanted, waits = drawn
    motion = drive(metres, azimuth, wanted, waits)
    moments = np.linspace(0, motion.arrive[-1], 800)
    found = seen(metres, motion, moments)
    assert (found.speed <= wanted[found.leg] + 1e-6).all()
    place = (np.cumsum(metres) - metres)[found.leg] + found.share * metres[found.leg]
    tick = moments[1] - moments[0]
    assert (np.diff(place) >= -1e-9).all()
    assert np.allclose(np.diff(place) / tick, (found.speed[1:] + found.speed[:-1]) / 2, atol=tick * (FASTER + SLOWER))
    change = np.diff(found.speed) / tick
    assert change.max() <= FASTER + 1e-6
    assert change.min() >= -SLOWER - 1e-6
    assert place[-1] == pytest.approx(metres.sum())


def test_standing_takes_its_time() -> None:
    metres, azimuth, wanted = np.array([100.0, 100.0]), np.zeros(2), np.full(2, 10.0)
    motion = drive(metres, azimuth, wanted, np.array([0.0, 20.0, 0.0]))
    assert motion.depart[1] - motion.arrive[1] == 20.0
    found = seen(metres, motion, motion.arrive[1] + np.array([0.0, 5.0, 19.9, 25.0]))
    assert found.speed[:3].tolist() == [0.0, 0.0, 0.0]
    assert (found.leg.tolist(), found.share[:3].tolist()) == ([0, 0, 0, 1], [1.0, 1.0, 1.0])


def test_sharp_corners_are_slow() -> None:
    metres, wanted, waits = np.array([300.0, 300.0]), np.full(2, 20.0), np.zeros(3)
    speeds = [drive(metres, np.array([0.0, turn]), wanted, waits).speed[1] for turn in (0.0, 10.0, 90.0, 180.0)]
    assert speeds[0] == speeds[1] == 20.0
    assert speeds[2] == pytest.approx(np.sqrt(2.0 * 10.0))
    assert speeds[3] == 2.5


def backward_way(network: Network) -> np.ndarray:
    back = int(np.flatnonzero((network.edges.segment == 0) & ~network.edges.is_forward)[2])
    return np.array([back, network.follow.edge[network.follow.starts[back]]])


def test_tracks_follow_their_segments() -> None:
    network = drive_network(grid_town())
    way = backward_way(network)
    line = track(network, way, np.ones(2), first=0.25, last=0.5)
    assert line.metres.sum() == pytest.approx(0.75 * network.edges.metres[way[0]] + 0.5 * network.edges.metres[way[1]])
    begin, end = network.edges.begin[way], network.edges.end[way]
    assert line.start[0] == pytest.approx(begin[0] + 0.25 * (end[0] - begin[0]))
    assert line.fraction[-1] == pytest.approx(begin[1] + 0.5 * (end[1] - begin[1]))
    assert sorted(set(line.edge.tolist())) == [0, 1]
    assert line.halt.tolist() == [np.count_nonzero(line.edge == 0), len(line.edge)]


def test_tracks_have_a_vertex_where_vehicles_stand() -> None:
    network = drive_network(grid_town())
    way = backward_way(network)
    plain = track(network, way, np.ones(2), first=0.25, last=1.0)
    line = track(network, way, np.array([0.9, 0.7]), first=0.25, last=1.0)
    assert len(line.lon) == len(plain.lon) + 2
    assert line.metres.sum() == pytest.approx(plain.metres.sum())
    left = 0.1 * network.edges.metres[way[0]]
    assert line.metres[line.halt[0] : np.count_nonzero(line.edge == 0)].sum() == pytest.approx(left)
    begun = track(network, way, np.array([0.2, 0.7]), first=0.25, last=0.6)
    assert begun.metres[: begun.halt[0]].tolist() == [0.0]
    assert begun.halt[1] == len(begun.metres)


def test_ways_do_not_end_before_they_begin() -> None:
    network = drive_network(grid_town())
    with pytest.raises(ValueError, match=r"begins at 0.5 of it and ends at 0.25"):
        track(network, np.array([0]), np.ones(1), first=0.5, last=0.25)
