"""The forest: what scikit-learn says, from our own arrays."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier

from tasks.limit_model import forest
from tasks.limit_model.forest import Forest, grow


def lesson(count: int, limits: int, seed: int) -> tuple[np.ndarray, list[int], np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (count, 4)).astype(np.float32).astype(np.float64)
    return rows, rng.integers(0, limits, count).tolist(), rng.uniform(0.1, 500, count)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 60), st.integers(1, 5), st.integers(0, 1000))
def test_shares_are_those_of_scikit_learn(count: int, limits: int, seed: int) -> None:
    rows, chosen, weights = lesson(count, limits, seed)
    asked = np.random.default_rng(seed + 1).normal(0, 1, (30, 4))
    theirs = ExtraTreesClassifier(
        forest.TREES, min_samples_leaf=forest.LEAST_IN_LEAF, max_features=forest.SHARE_TRIED, random_state=7
    ).fit(rows.astype(np.float32), chosen, sample_weight=weights)
    expected = np.zeros((30, limits))
    expected[:, theirs.classes_] = theirs.predict_proba(asked.astype(np.float32))
    found = grow(rows, chosen, weights, count=limits, seed=7).predict(asked)
    assert found == pytest.approx(expected, abs=1e-5)
    assert found.sum(axis=1) == pytest.approx(np.ones(30))


def test_a_forest_survives_its_table_and_parquet() -> None:
    rows, chosen, weights = lesson(50, 3, 0)
    grown = grow(rows, chosen, weights, count=4)
    sink = pa.BufferOutputStream()
    pq.write_table(grown.to_table(), sink, row_group_size=7)
    back = Forest.from_table(pq.read_table(pa.BufferReader(sink.getvalue())))
    for name in Forest.__dataclass_fields__:
        one, other = getattr(grown, name), getattr(back, name)
        assert one.dtype == other.dtype, name
        assert np.array_equal(one, other), name
    assert np.array_equal(grown.predict(rows), back.predict(rows))
    assert not back.predict(rows)[:, 3].any()


def test_a_row_is_answered_alike_by_itself_and_among_others() -> None:
    rows, chosen, weights = lesson(80, 3, 1)
    grown = grow(rows, chosen, weights, count=3)
    whole = grown.predict(rows)
    assert all(np.array_equal(grown.predict(rows[i : i + 1])[0], whole[i]) for i in range(80))
    assert grown.predict(rows[:0]).shape == (0, 3)


def test_a_forest_follows_from_its_seed() -> None:
    rows, chosen, weights = lesson(60, 3, 2)
    one, again, other = (grow(rows, chosen, weights, count=3, seed=seed).predict(rows) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
