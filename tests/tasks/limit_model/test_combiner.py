"""The combiner: monotone where it promises to be, probabilities that stay probabilities, there and back as text."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.limit_model.candidates import FEATURES, RISING
from tasks.limit_model.combiner import Combiner, calibration_of, fit, read_combiner, scores

SHIPPED = read_combiner()
CURVE = [[0.2, 0.5, 0.9], [0.1, 0.6, 0.97]]
UNITS = ["km/h", "mph"]


@pytest.fixture(scope="module")
def trees() -> str:
    """Trees of random lessons in which three of the features tell the truth, against their promised direction too."""
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, (4000, len(FEATURES)))
    tells = [FEATURES.index(name) for name in ("near", "law", "learned")]
    against = FEATURES.index("around")
    hits = (rows[:, tells].sum(axis=1) - rows[:, against] + rng.normal(0, 0.3, 4000) > 1.2).astype(np.float64)
    return fit(rows, hits, rng.uniform(1, 500, 4000))


def test_more_of_what_speaks_for_a_limit_never_lowers_its_score(trees: str) -> None:
    rng = np.random.default_rng(1)
    rows = rng.uniform(0, 1, (400, len(FEATURES)))
    before = scores(trees, rows)
    changed = 0
    for name in sorted(RISING):
        more = rows.copy()
        more[:, FEATURES.index(name)] += rng.uniform(0, 1, 400)
        after = scores(trees, more)
        assert (after >= before - 1e-12).all(), name
        changed += int((after > before).sum())
    assert changed > 400


def test_the_shipped_combiner_keeps_that_promise_too() -> None:
    rng = np.random.default_rng(2)
    rows = rng.uniform(0, 1, (200, len(FEATURES)))
    before = scores(SHIPPED.trees, rows)
    for name in sorted(RISING):
        more = rows.copy()
        more[:, FEATURES.index(name)] += rng.uniform(0, 1, 200)
        assert (scores(SHIPPED.trees, more) >= before - 1e-12).all(), name


def test_the_shipped_combiner_names_what_it_was_made_from() -> None:
    assert SHIPPED.source["made by"] == "waysmith train"
    assert all({"file", "sha256"} <= set(each) for each in SHIPPED.source["inputs"])
    for unit in UNITS:
        stated, true = SHIPPED.calibration[unit]
        assert stated == sorted(stated)
        assert true == sorted(true)
        assert 0 <= min(true) <= max(true) <= 1


def test_the_trees_know_the_features_by_name(trees: str) -> None:
    """A combiner of other features must not be asked in silence."""
    for text in (trees, SHIPPED.trees):
        (line,) = [line for line in text.splitlines() if line.startswith("feature_names=")]
        assert tuple(line.removeprefix("feature_names=").split()) == FEATURES


def test_a_combiner_survives_its_text(trees: str) -> None:
    made = Combiner(trees, dict.fromkeys(UNITS, CURVE), {"made by": "a test"})
    text = made.to_json()
    assert json.loads(text)["source"] == {"made by": "a test"}
    back = Combiner.from_json(text)
    assert back.to_json() == text
    rows = np.random.default_rng(3).uniform(0, 1, (50, len(FEATURES)))
    assert np.array_equal(scores(back.trees, rows), scores(trees, rows))


def test_the_same_lesson_gives_the_same_trees() -> None:
    rng = np.random.default_rng(4)
    rows, hits = rng.uniform(0, 1, (500, len(FEATURES))), rng.integers(0, 2, 500).astype(np.float64)
    assert fit(rows, hits, np.ones(500)) == fit(rows, hits, np.ones(500))


SHARES = st.integers(1, 6).flatmap(
    lambda limits: arrays(np.float64, st.tuples(st.integers(0, 5), st.just(limits)), elements=st.floats(0.001, 1))
).map(lambda rows: rows / rows.sum(axis=1, keepdims=True))  # fmt: skip
CURVES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5).map(
    lambda points: [sorted(x for x, _ in points), sorted(y for _, y in points)]
)


@settings(deadline=None)
@given(SHARES, CURVES)
def test_calibration_keeps_rows_at_one_and_the_likeliest_likeliest(
    shares: np.ndarray, curve: list[list[float]]
) -> None:
    known = Combiner("", {"km/h": curve}, {}).calibrated(shares, "km/h")
    assert known.shape == shares.shape
    assert (known >= 0).all()
    assert known.sum(axis=1) == pytest.approx(np.ones(len(shares)))
    top = shares.argmax(axis=1)
    assert (known[np.arange(len(known)), top] == known.max(axis=1)).all()


@settings(deadline=None)
@given(SHARES, CURVES)
def test_calibration_keeps_the_order_of_the_others(shares: np.ndarray, curve: list[list[float]]) -> None:
    known = Combiner("", {"km/h": curve}, {}).calibrated(shares, "km/h")
    for before, after in zip(shares, known, strict=True):
        others = np.arange(len(before)) != before.argmax()
        order = np.argsort(before[others], kind="stable")
        assert (np.diff(after[others][order]) >= -1e-9).all()


def test_the_likeliest_is_worth_what_the_curve_says() -> None:
    """Three limits at .6, .3, .1: the curve has .6 at .5 and .97 at .9, so .6925; the others share the rest 3 to 1."""
    known = Combiner("", {"km/h": CURVE}, {}).calibrated(np.array([[0.3, 0.6, 0.1]]), "km/h")
    worth = 0.6 + (0.97 - 0.6) * 0.1 / 0.4
    assert known == pytest.approx(np.array([[(1 - worth) * 0.75, worth, (1 - worth) * 0.25]]))


def test_limits_that_are_out_of_question_have_none() -> None:
    rows = np.random.default_rng(5).uniform(0, 1, (3, 4, len(FEATURES)))
    allowed = np.array([[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=bool)
    shares = SHIPPED.probabilities(rows, allowed)
    assert not shares[~allowed].any()
    assert shares.sum(axis=1) == pytest.approx([1, 1, 0])
    known = SHIPPED.calibrated(shares, "km/h")
    assert known[:2].sum(axis=1) == pytest.approx([1, 1])
    assert not known[2].any()
    assert SHIPPED.probabilities(rows[:, :0], allowed[:, :0]).shape == (3, 0)
    assert SHIPPED.probabilities(rows[:0], allowed[:0]).shape == (0, 4)


def test_other_limits_in_question_for_other_segments_change_nothing() -> None:
    """A row beside which more columns stand, all of them out of question, is the same to the last bit."""
    rng = np.random.default_rng(6)
    for width in (2, 5, 9, 17):
        rows = rng.uniform(0, 1, (4, width, len(FEATURES)))
        is_own = np.insert(np.ones((4, width), dtype=bool), sorted(rng.integers(0, width, 6)), False, axis=1)
        places = np.flatnonzero(is_own[0])
        wide = np.full((4, width + 6, len(FEATURES)), 0.5)
        wide[:, places] = rows
        alone = SHIPPED.calibrated(SHIPPED.probabilities(rows, np.ones((4, width), dtype=bool)), "km/h")
        among = SHIPPED.calibrated(SHIPPED.probabilities(wide, is_own), "km/h")
        assert np.array_equal(alone, among[:, places])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(1, 500)), min_size=1, max_size=40))
def test_the_curve_of_examples_rises_and_never_promises_certainty(examples: list[tuple[float, bool, float]]) -> None:
    stated, right, metres = (np.array(column, dtype=np.float64) for column in zip(*examples, strict=True))
    points, worth = calibration_of(stated, right, metres)
    assert points == sorted(points)
    assert worth == sorted(worth)
    assert 0 <= worth[0] <= worth[-1] < 1
