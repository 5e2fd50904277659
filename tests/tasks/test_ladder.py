"""Probabilities after witnesses: Bayes' rule by hand, and what true witnesses must never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vocabulary import Basis
from tasks.ladder import FLOOR, OTHERS, RELIABILITY, UNTOLD, Witness, carries, odds_against, posterior, strongest

LIMITS = ["20 km/h", "30 km/h", "50 km/h", "80 km/h", "none", "30 mph"]


@st.composite
def priors(draw: st.DrawFn) -> dict[str, float]:
    """Shares of some limits that add up to 1 or somewhat less, as odds without their tail do."""
    names = draw(st.lists(st.sampled_from(LIMITS), unique=True, max_size=5))
    parts = draw(st.lists(st.floats(1e-3, 1), min_size=len(names), max_size=len(names)))
    told = draw(st.floats(0.9, 1.0))
    return {name: told * part / sum(parts) for name, part in zip(names, parts, strict=True)}


witness = st.builds(Witness, st.sampled_from(sorted(RELIABILITY)), st.sampled_from(LIMITS), st.floats(0, 1))
witnesses = st.lists(witness, max_size=5)


@given(priors(), witnesses, witness)
def test_a_true_witness_never_lowers_the_probability_of_the_truth(
    prior: dict[str, float], heard: list[Witness], true: Witness
) -> None:
    before, after = posterior(prior, heard), posterior(prior, [*heard, true])
    assert after[true.limit] >= before.get(true.limit, 0.0) - 1e-12


@given(priors(), witness)
def test_a_true_witness_never_lowers_what_was_likely_before_any_was_heard(
    prior: dict[str, float], true: Witness
) -> None:
    assert posterior(prior, [true])[true.limit] >= prior.get(true.limit, 0.0) - 1e-12


@given(priors(), witnesses)
def test_probabilities_add_up_to_one_at_most(prior: dict[str, float], heard: list[Witness]) -> None:
    after = posterior(prior, heard)
    assert all(0 <= chance <= 1 for chance in after.values())
    assert sum(after.values()) <= 1 + 1e-9
    assert set(after) == {*prior, *(each.limit for each in heard)}


@given(priors(), st.permutations([0, 1, 2]), st.lists(witness, min_size=3, max_size=3))
def test_the_order_of_witnesses_does_not_matter(
    prior: dict[str, float], order: list[int], heard: list[Witness]
) -> None:
    assert posterior(prior, [heard[i] for i in order]) == pytest.approx(posterior(prior, heard))


def test_bayes_rule_by_hand() -> None:
    """Prior .8 and .2; a sign of reliability .9 for the second: .2 × .9 against .8 × .01."""
    after = posterior({"50 km/h": 0.8, "30 km/h": 0.2}, [Witness(Basis.SIGN, "30 km/h")])
    wrong = (1 - 0.9) / OTHERS
    assert after["30 km/h"] == pytest.approx(0.2 * 0.9 / (0.2 * 0.9 + 0.8 * wrong))


def test_a_limit_that_nobody_expected_starts_from_the_floor() -> None:
    after = posterior({"50 km/h": 1.0}, [Witness(Basis.POSTED, "20 km/h")])
    wrong = (1 - 0.98) / OTHERS
    assert after["20 km/h"] == pytest.approx(FLOOR * 0.98 / (FLOOR * 0.98 + wrong))


@pytest.mark.parametrize("basis", RELIABILITY)
def test_where_nothing_is_known_a_lone_witness_is_as_sure_as_its_kind(basis: Basis) -> None:
    assert posterior({}, [Witness(basis, "50 km/h")])["50 km/h"] == pytest.approx(RELIABILITY[basis])


def test_two_who_contradict_each_other_make_both_less_sure() -> None:
    one, other = Witness(Basis.POSTED, "50 km/h"), Witness(Basis.ZONE, "30 km/h")
    alone, both = (posterior({"50 km/h": 0.5, "30 km/h": 0.5}, heard) for heard in ([one], [one, other]))
    assert both["30 km/h"] > alone["30 km/h"]
    assert 0.5 < both["50 km/h"] < alone["50 km/h"]


def test_the_strongest_is_on_the_highest_rung_then_the_surest_then_the_first() -> None:
    sign, surer = Witness(Basis.SIGN, "30 km/h", 0.5), Witness(Basis.SIGN, "40 km/h", 0.9)
    implicit, posted = Witness(Basis.IMPLICIT, "50 km/h"), Witness(Basis.POSTED, "60 km/h", 0.1)
    assert strongest([implicit, sign, surer]) == surer
    assert strongest([implicit, sign, posted]) == posted
    assert strongest([sign, sign._replace(limit="70 km/h")]) == sign
    assert strongest([]) is None


probes = st.dictionaries(st.sampled_from(LIMITS), st.floats(1e-6, 1), max_size=6)


@given(priors(), witnesses, probes)
def test_with_probes_probabilities_still_add_up(
    prior: dict[str, float], heard: list[Witness], told: dict[str, float]
) -> None:
    after = posterior(prior, heard, told)
    assert all(0 <= chance <= 1 for chance in after.values())
    assert sum(after.values()) <= 1 + 1e-9
    assert set(after) == {*prior, *told, *(each.limit for each in heard)}


@given(priors(), witnesses, st.floats(0.01, 1))
def test_probes_that_tell_no_limit_from_another_change_nothing(
    prior: dict[str, float], heard: list[Witness], likelihood: float
) -> None:
    before, after = posterior(prior, heard), posterior(prior, heard, dict.fromkeys(prior, likelihood))
    assert after == pytest.approx(before)


@given(priors().filter(bool), probes.filter(bool), st.floats(2, 100))
def test_the_likelier_speeds_are_under_a_limit_the_likelier_it_is(
    prior: dict[str, float], told: dict[str, float], factor: float
) -> None:
    limit = next(iter(told))
    more = {each: chance / factor if each != limit else chance for each, chance in told.items()}
    assert posterior(prior, [], more)[limit] >= posterior(prior, [], told)[limit] - 1e-12


def test_bayes_rule_with_probes_by_hand() -> None:
    """.8 × .1 against .2 × 1, and 80 km/h, which the odds do not name."""
    after = posterior({"50 km/h": 0.8, "30 km/h": 0.2}, [], {"50 km/h": 0.1, "30 km/h": 1.0, "80 km/h": 0.5})
    total = 0.8 * 0.1 + 0.2 * 1.0 + UNTOLD * 0.5
    assert after == pytest.approx({"50 km/h": 0.08 / total, "30 km/h": 0.2 / total, "80 km/h": UNTOLD * 0.5 / total})


def test_odds_against_a_statement_by_hand() -> None:
    """Posted 50 at .98; if it is wrong each other limit is named instead by one in ten."""
    prior = {"50 km/h": 0.6, "30 km/h": 0.3, "80 km/h": 0.1}
    probes = {"50 km/h": 0.01, "30 km/h": 1.0, "80 km/h": 0.2}
    right, wrong = 0.6 * 0.98 * 0.01, (0.3 * 1.0 + 0.1 * 0.2) * 0.02 / OTHERS
    after = posterior(prior, [Witness(Basis.POSTED, "50 km/h")], probes)
    assert odds_against("50 km/h", prior, after, probes) == pytest.approx(wrong / right)
    assert odds_against("50 km/h", prior, after, {"50 km/h": 1.0}) == 0.0
    assert odds_against("50 km/h", prior, after, {"30 km/h": 1.0}) == 0.0


@pytest.mark.parametrize(("likelihood", "is_against"), [(0.3, True), (0.36, False)])
def test_a_limit_that_the_map_doubts_is_no_conflict_unless_speeds_speak_against_it(
    likelihood: float, is_against: bool
) -> None:
    """The other limit explains the speeds 3.3 and 2.8 times as well; without any probes the odds are 0.2."""
    prior, probes = {"50 km/h": 0.01, "30 km/h": 0.99}, {"50 km/h": likelihood, "30 km/h": 1.0}
    after = posterior(prior, [Witness(Basis.POSTED, "50 km/h")], probes)
    assert after["50 km/h"] < 0.9
    assert (odds_against("50 km/h", prior, after, probes) > 0) == is_against


@pytest.mark.parametrize(
    ("before", "after", "is_carried"),
    [
        ({"50 km/h": 0.7}, {"50 km/h": 0.98}, True),
        ({"50 km/h": 0.95}, {"50 km/h": 0.98}, False),
        ({"50 km/h": 0.4, "30 km/h": 0.3}, {"50 km/h": 0.45, "30 km/h": 0.3}, True),
        ({"50 km/h": 0.4, "30 km/h": 0.3}, {"50 km/h": 0.35, "30 km/h": 0.3}, False),
        ({"50 km/h": 0.4, "30 km/h": 0.5}, {"50 km/h": 0.6, "30 km/h": 0.3}, True),
        ({}, {"50 km/h": 0.3}, True),
    ],
)
def test_who_carries_the_odds(before: dict[str, float], after: dict[str, float], is_carried: bool) -> None:
    assert carries("50 km/h", before, after) == is_carried
