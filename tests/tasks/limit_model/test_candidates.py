"""What speaks for each limit: shares by hand, and rows that do not look at each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.limit_model.candidates import FEATURES, GROUNDS, Segments, candidates, limits_of
from tasks.limit_model.habits import Habits, habits_of
from tests.tasks.limit_model.lessons import LIMITS, examples, random_attributes, witness

HABITS = habits_of(examples())
EXACT = {"limit": "50 km/h", "certainty": "exact"}
LAW = [{"urban": EXACT, "rural": {"limit": "100 km/h", "certainty": "fuzzy"}}]
NO_LAW = [{"urban": {"limit": None, "certainty": "fallback"}, "rural": {"limit": None, "certainty": "fallback"}}]


def segments(count: int, **given_: object) -> Segments:
    columns: dict = {
        "attributes": random_attributes(count),
        "classes": ["primary"] * count,
        "subclasses": [None] * count,
        "built_up": np.full(count, 0.8),
        "witnesses": [[] for _ in range(count)],
        "legal": [[] for _ in range(count)],
        "is_mph": False,
    }
    return Segments(**(columns | given_))


def said(
    of: Segments, habits: Habits | None, common: tuple[str, ...] = LIMITS
) -> tuple[list[str], dict[str, np.ndarray]]:
    limits, allowed = limits_of(of, common)
    made = candidates(of, habits, limits, allowed)
    return limits, {name: made[:, :, i] for i, name in enumerate(FEATURES)}


def test_limits_are_those_of_the_place_of_the_law_and_of_the_surroundings() -> None:
    of = segments(3, witnesses=[[witness("30 mph")], [], None], legal=[[], LAW, NO_LAW])
    limits, allowed = limits_of(of, ["80 km/h"])
    assert limits == ["30 mph", "50 km/h", "80 km/h", "100 km/h"]
    assert allowed.tolist() == [[True, False, True, False], [False, True, True, True], [False, False, True, False]]


def test_nothing_is_known_of_no_limit() -> None:
    limits, allowed = limits_of(segments(2), [])
    assert (limits, allowed.shape) == ([], (2, 0))


def test_the_law_speaks_as_far_as_its_area_is_likely() -> None:
    limits, made = said(segments(1, legal=[LAW]), HABITS)
    urban, rural = limits.index("50 km/h"), limits.index("100 km/h")
    assert (made["law"][0, urban], made["law"][0, rural]) == pytest.approx((0.8, 0.2))
    assert (made["law_sure"][0, urban], made["law_sure"][0, rural]) == pytest.approx((0.8, 0.0))
    assert (made["law_urban"][0, urban], made["law_rural"][0, urban]) == (1.0, 0.0)


def test_grounds_lean_on_weaker_ones() -> None:
    """Along the road 0.45 says 30 and 0.15 says 50 on a ground of .15: far = (weight + .15 × named) / .75."""
    told = [[witness("30 km/h", far=0.45), witness("50 km/h", far=0.15)]]
    limits, made = said(segments(1, witnesses=told), HABITS)
    weights = np.array([{"30 km/h": 0.45, "50 km/h": 0.15}.get(limit, 0.0) for limit in limits])
    assert made["far"][0] == pytest.approx((weights + 0.15 * made["named"][0]) / 0.75)
    assert made["named"][0] == pytest.approx(made["alike"][0])
    assert made["alike"][0] == pytest.approx(made["kind"][0])
    assert made["kind"][0] == pytest.approx(HABITS.of_kinds(["primary"])[0])


@pytest.mark.parametrize("habits", [HABITS, None, Habits((), {}, None)], ids=["habits", "none", "empty"])
def test_each_ground_is_a_share(habits: Habits | None) -> None:
    told = [[witness("30 km/h", far=0.5, near=0.2, named=0.1, alike=2.0, around=3.0)], []]
    _, made = said(segments(2, witnesses=told, legal=[LAW, []]), habits)
    for name in GROUNDS:
        assert made[name].sum(axis=1) == pytest.approx(np.ones(2)), name
        assert (made[name] >= 0).all(), name
    assert all(np.isfinite(each).all() for each in made.values())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["30 km/h", "65 km/h", "none", "20 mph"]), st.floats(0, 3)), max_size=4),
    st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=12),
    st.sampled_from([HABITS, None]),
)
def test_a_segment_is_weighed_alike_by_itself_and_among_others(
    told: list[tuple[str, float]], legal: list[int], habits: Habits | None
) -> None:
    """To the last bit, whatever limits the others bring: tiles do not matter."""
    count = len(legal)
    mine = [witness(limit, far=weight, around=weight) for limit, weight in dict(told).items()]
    witnesses = [mine if i % 2 else [witness("50 km/h", far=0.3)] for i in range(count)]
    of = segments(count, witnesses=witnesses, legal=[([], LAW, NO_LAW)[i] for i in legal])
    limits, allowed = limits_of(of, LIMITS)
    whole = candidates(of, habits, limits, allowed)
    for i in range(count):
        one = segments(
            1, attributes=of.attributes[i : i + 1], witnesses=witnesses[i : i + 1], legal=of.legal[i : i + 1],
            built_up=of.built_up[i : i + 1],
        )  # fmt: skip
        own_limits, own_allowed = limits_of(one, LIMITS)
        places = [limits.index(limit) for limit in own_limits]
        assert allowed[i, places].all()
        assert allowed[i].sum() == len(places)
        assert own_allowed.all()
        assert np.array_equal(candidates(one, habits, own_limits, own_allowed)[0], whole[i, places])
