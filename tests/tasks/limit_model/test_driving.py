"""How a country drives: learned from made drivers whose ways are known, and likelihoods beside those of SciPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_t

from tasks.limit_model.driving import (
    COMMON,
    COMMON_MEANS,
    FREEDOM,
    LEAST_VARIANCE,
    ROAD_CONTEXT,
    Driven,
    Driving,
    Expected,
    design_of,
    deviation_of,
    driven_as,
    driven_of,
    joint_logs,
    standard_errors,
    usual_scatter,
)
from tasks.limit_model.driving_fit import TRUST, Lesson, fitted, learn_from

LIMITS = ("30 km/h", "50 km/h", "80 km/h", "100 km/h")
MEANS = {"30 km/h": 38.0, "50 km/h": 50.0, "80 km/h": 71.0, "100 km/h": 84.0}
"""Drivers who are too fast in zones of 30 km/h and slower than allowed outside towns."""


def told(speed: float, *, traces: int = 30, spread: float = 7.0, p85: float | None = None) -> dict[str, Any]:
    return {
        "traces": traces,
        "free_flow_kmh": speed,
        "spread_kmh": spread,
        "p85_kmh": speed * 1.1 if p85 is None else p85,
    }


def driven(speeds: Sequence[float], kinds: Sequence[str] | str = "primary", **given_: Any) -> Driven:
    named = [kinds] * len(speeds) if isinstance(kinds, str) else kinds
    return driven_of(named, np.zeros((len(speeds), len(ROAD_CONTEXT))), [told(each, **given_) for each in speeds])


def lesson(count: int, *, seed: int = 0, alike: float = 0.0, parts: int = 1) -> Lesson:
    """Roads of each limit; residential ones 5 km/h slower; what parts of a record have in common, as a share."""
    rng = np.random.default_rng(seed)
    limits = [LIMITS[i // parts % len(LIMITS)] for i in range(count)]
    kinds = [("primary", "residential")[i // parts // len(LIMITS) % 2] for i in range(count)]
    roads = np.repeat(rng.normal(0, 1, -(-count // parts)), parts)[:count]
    noise = 4 * (np.sqrt(alike) * roads + np.sqrt(1 - alike) * rng.normal(0, 1, count))
    means = np.array([MEANS[limit] for limit in limits]) - 5 * np.array([kind == "residential" for kind in kinds])
    return Lesson(driven((means + noise).tolist(), kinds), limits, [f"w{i // parts}" for i in range(count)])


def best(driving: Driving, speed: float, kind: str = "primary", **given_: Any) -> str:
    shares = driving.likelihood(driven([speed], kind, **given_), driving.limits)[0]
    return driving.limits[int(shares.argmax())]


def test_drivers_are_known_after_a_thousand_roads() -> None:
    made = learn_from(lesson(1000))
    for limit, mean in MEANS.items():
        for kind, slower in (("primary", 0.0), ("residential", 5.0)):
            missed = made.expected(driven([mean - slower], kind), [limit]).missed[0, 0]
            assert missed == pytest.approx(0.0, abs=1.0)
        assert best(made, mean) == limit
    assert made.examples == 1000


def test_without_examples_a_country_is_taken_to_drive_at_its_limits() -> None:
    made = learn_from(Lesson(driven([]), [], []), LIMITS)
    assert (made.limits, made.examples, made.trust) == (LIMITS, 0, TRUST)
    assert [best(made, speed) for speed in (30.0, 50.0, 80.0, 100.0)] == list(LIMITS)


@pytest.mark.parametrize("count", [4, 40, 400])
def test_more_examples_draw_further_from_the_prior(count: int) -> None:
    """Zones of 30 km/h are driven at 38: the mean goes from 30 to 38 as examples come in."""
    few, more = (fitted(lesson(each)).expected(driven([38.0]), ["30 km/h"]) for each in (count, 10 * count))
    assert abs(more.missed[0, 0]) < abs(few.missed[0, 0]) + 0.5
    assert more.unsure[0, 0] < few.unsure[0, 0]


def test_means_are_those_of_ridge_regression() -> None:
    """Examples of one limit each at fixed weights: beta = (P + X'WX)^-1 (P b + X'Wy), written out without places."""
    taught = lesson(200)
    made = fitted(taught)
    rows = [design_of(made.names, row_of(taught, i), [taught.limits[i]]) for i in range(200)]
    matrix = np.zeros((200, len(made.names)))
    for i, each in enumerate(rows):
        for place, value in zip(each.places[0, 0], each.values[0, 0], strict=True):
            matrix[i, place] += value
    prior = np.diag([deviation_of(name) ** -2 for name in made.names])
    start = np.concatenate([COMMON_MEANS, np.zeros(len(made.names) - len(COMMON))])
    scatter = np.array([made.scatter[each] for each in taught.limits])
    missed = taught.driven.speeds - matrix @ made.means
    variance = scatter**2 + standard_errors(taught.driven) ** 2
    weights = (FREEDOM + 1) / (FREEDOM + missed**2 / variance) / variance
    expected = np.linalg.solve(
        prior + matrix.T * weights @ matrix, prior @ start + matrix.T * weights @ taught.driven.speeds
    )
    assert made.means == pytest.approx(expected, abs=0.02)


def row_of(taught: Lesson, row: int) -> Driven:
    kinds, *columns = taught.driven
    return Driven([kinds[row]], *(np.asarray(each)[[row]] for each in columns))


def test_what_parts_of_a_road_share_is_seen() -> None:
    apart, together = (fitted(lesson(1200, alike=share, parts=4)).alike for share in (0.0, 0.8))
    assert apart < 0.2
    assert together == pytest.approx(0.8, abs=0.15)


def with_false_limits(count: int, false: int, *, parts: int = 1, stated: str = "30 km/h") -> tuple[Lesson, Lesson]:
    """Primary roads of 100 km/h and residential ones of 30 and 50; of the primary ones some state another limit.

    The second lesson lacks these.
    """
    rng = np.random.default_rng(1)
    true = [("primary", "100 km/h"), ("residential", "30 km/h"), ("residential", "50 km/h")]
    roads = [(*true[i % 3], f"w{i}") for i in range(count)]
    roads += [("primary", stated, f"x{i}") for i in range(false) for _ in range(parts)]
    means = [MEANS[true[i % 3][1]] for i in range(count)] + [MEANS["100 km/h"]] * (false * parts)
    speeds, kinds, limits, records = (rng.normal(means, 4).tolist(), *map(list, zip(*roads, strict=True)))
    whole = Lesson(driven(speeds, kinds), limits, records)
    return whole, Lesson(driven(speeds[:count], kinds[:count]), limits[:count], records[:count])


def means_of(made: Driving, kind: str) -> npt.NDArray[np.float64]:
    """The mean speeds of a kind of road under each limit."""
    means: npt.NDArray[np.float64] = 50.0 - made.expected(driven([50.0], kind), LIMITS).missed[0]
    return means


@pytest.mark.parametrize(("false", "parts"), [(1, 1), (1, 30), (5, 1), (5, 4)])
def test_roads_whose_limit_is_false_teach_little(false: int, parts: int) -> None:
    whole, without = with_false_limits(150, false, parts=parts)
    made, naive, clean = learn_from(whole, LIMITS), fitted(whole), learn_from(without, LIMITS)
    moved, before = (abs(means_of(each, "primary") - means_of(clean, "primary")) for each in (made, naive))
    assert moved.max() < 0.35 * before.max()
    assert moved[-1] < 0.5
    assert means_of(made, "residential") == pytest.approx(means_of(clean, "residential"), abs=1.0)
    shares = made.likelihood(driven([MEANS["100 km/h"]]), LIMITS)[0]
    assert shares[0] < 2 * clean.likelihood(driven([MEANS["100 km/h"]]), LIMITS)[0][0]


def test_a_road_does_not_bear_itself_out() -> None:
    """The only trunk road states 30 km/h in eight parts and is driven at 84: its kind would explain all of that."""
    whole, without = with_false_limits(150, 1, parts=8)
    driven_there = whole.driven._replace(kinds=[*whole.driven.kinds[:150], *["trunk"] * 8])
    taught = whole._replace(driven=driven_there)
    clean = means_of(learn_from(without, LIMITS), "trunk")[0]
    moved, before = (abs(means_of(each, "trunk")[0] - clean) for each in (learn_from(taught, LIMITS), fitted(taught)))
    assert before > 30
    assert moved < 0.5 * before


def test_a_rare_limit_that_is_driven_as_such_teaches() -> None:
    """Five of 55 primary roads are zones of 30 km/h, and driven at 38 as zones are."""
    whole, _ = with_false_limits(150, 5)
    speeds = np.r_[whole.driven.speeds[:150], 37.0, 39.0, 38.0, 40.0, 36.0]
    taught = whole._replace(driven=whole.driven._replace(speeds=speeds))
    made, clean = learn_from(taught, LIMITS), fitted(taught)
    assert means_of(made, "primary")[0] == pytest.approx(means_of(clean, "primary")[0], abs=0.5)


def test_what_false_limits_say_of_probes_does_not_lower_the_trust_in_them() -> None:
    whole, without = with_false_limits(150, 12)
    assert learn_from(whole).trust == learn_from(without).trust == 1.0


def test_the_file_holds_all(tmp_path: Any) -> None:
    made = learn_from(lesson(100), ["20 km/h"])
    again = Driving.from_table(made.to_table())
    asked = driven([33.0, 61.0], ["residential", "motorway"])
    assert again.likelihood(asked, made.limits).tolist() == made.likelihood(asked, made.limits).tolist()
    assert (again.limits, again.trust, again.alike, again.examples) == (made.limits, made.trust, made.alike, 100)


def test_the_order_of_examples_does_not_matter() -> None:
    taught = lesson(300)
    order = np.random.default_rng(1).permutation(300)
    kinds, *columns = taught.driven
    mixed = Lesson(
        Driven([kinds[i] for i in order], *(np.asarray(each)[order] for each in columns)),
        [taught.limits[i] for i in order],
        [taught.records[i] for i in order],
    )
    assert learn_from(mixed).means == pytest.approx(learn_from(taught).means, abs=1e-4)


@given(st.integers(1, 5), st.floats(0, 1), st.integers(0, 99))
def test_joint_likelihood_is_that_of_scipy(count: int, alike: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    expected = Expected(
        rng.normal(0, 9, (count, 2)),
        rng.uniform(0, 9, (count, 2)),
        rng.uniform(1, 9, count),
        np.array([16.0, 81.0]),
        alike,
    )
    logs = joint_logs(expected, np.arange(count))
    naive = [multivariate_t.logpdf(expected.missed[:, i], shape=covariance(expected, i), df=FREEDOM) for i in range(2)]
    assert logs[0] - logs[1] == pytest.approx(naive[0] - naive[1], abs=1e-7)


def covariance(expected: Expected, limit: int) -> npt.NDArray[np.float64]:
    """What segments have in common everywhere, and what is their own on the diagonal."""
    least, scatter = expected.errors.min(), expected.scatter[limit]
    common = expected.alike * scatter + least + expected.unsure[:, limit].mean()
    own = (1 - expected.alike) * scatter + expected.errors - least + LEAST_VARIANCE
    whole: npt.NDArray[np.float64] = np.diag(own) + common
    return whole


def test_fewer_traces_say_less_and_one_next_to_nothing() -> None:
    made = learn_from(lesson(400))
    shares = [made.likelihood(driven([50.0], traces=traces), LIMITS)[0] for traces in (1, 3, 5, 10, 40)]
    flattest = [float(each.min()) for each in shares]
    assert flattest == sorted(flattest, reverse=True)
    assert flattest[0] > 0.7
    assert flattest[1] > 0.1
    assert flattest[-1] < 0.01


def test_the_wider_drivers_spread_the_less_is_said() -> None:
    made = learn_from(lesson(400))
    narrow, wide = (made.likelihood(driven([50.0], traces=8, spread=spread), LIMITS)[0].min() for spread in (4.0, 30.0))
    assert wide > narrow


@pytest.mark.parametrize("spread", [np.nan, 0.0])
def test_a_spread_that_is_unknown_or_nought_is_not_taken_for_certainty(spread: float) -> None:
    errors = standard_errors(driven([50.0], traces=4, spread=spread))
    assert 1.0 < errors[0] < 6.0


def test_speeds_far_beyond_all_limits_still_speak() -> None:
    shares = learn_from(lesson(400)).likelihood(driven([0.0, 400.0]), LIMITS)
    assert np.isfinite(shares).all()
    assert [LIMITS[i] for i in shares.argmax(axis=1)] == ["30 km/h", "100 km/h"]


def test_the_same_row_is_told_the_same_whoever_else_is_asked() -> None:
    made = learn_from(lesson(400))
    speeds = np.linspace(20, 120, 33).tolist()
    alone = [made.likelihood(driven([each]), LIMITS)[0].tolist() for each in speeds]
    assert made.likelihood(driven(speeds), LIMITS).tolist() == alone


def test_roads_without_a_limit_are_driven_as_the_recommended_speed() -> None:
    assert driven_as("none") == 130.0
    assert usual_scatter("none") > usual_scatter("30 mph")
