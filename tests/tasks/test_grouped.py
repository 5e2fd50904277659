"""Values by owner: against NumPy, group by group."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.group_kernel import CHUNK, LANES, MOST, counted_order, counted_starts
from tasks.grouped import FEW, Grouped, column_array, owned, owned_by_place, places
from tasks.threads import MUCH

NAMES = ["a", "b", "c", "d"]
OWNERS = st.lists(st.sampled_from([*NAMES, "x", None]), max_size=40)
SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 5, 48, 50, MOST - 1, MOST, MOST + 1, 3000]), min_size=1, max_size=5)
PERCENT = st.lists(st.sampled_from([0, 3, 15, 50, 85, 99.9, 100]) | st.floats(0, 100), min_size=1, max_size=6)


def in_chunks(values: list[object], kind: pa.DataType, size: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values[i : i + size], kind) for i in range(0, len(values), size)], kind)


@given(owners=OWNERS, keys=st.permutations(NAMES), size=st.integers(1, 9), is_sorted=st.booleans())
def test_each_owner_gets_its_values_in_order(
    owners: list[str | None], keys: list[str], size: int, is_sorted: bool
) -> None:
    if is_sorted:
        keys, owners = sorted(keys), sorted(owners, key=lambda each: each or "")
    column = in_chunks(owners, pa.string(), size)
    made = owned(column, pa.chunked_array([keys])).grouped(np.arange(len(owners)))
    assert [each.tolist() for each in made] == [[i for i, own in enumerate(owners) if own == key] for key in keys]
    assert made.count.tolist() == [owners.count(key) for key in keys]
    assert [keys[place] for place in made.owners] == [owners[i] for i in made.values]


@settings(deadline=None)  # compiles
@given(st.lists(st.integers(-1, 9), max_size=60))
def test_counting_is_stable_sorting(numbers: list[int]) -> None:
    rows = np.array(numbers, dtype=np.int32)
    starts = counted_starts(rows, 10)
    order = counted_order(rows, starts)
    assert order.tolist() == [i for place in range(10) for i in range(len(rows)) if rows[i] == place]
    assert np.diff(starts).tolist() == [numbers.count(place) for place in range(10)]


def test_many_rows_are_ordered_as_few_are() -> None:
    rows = np.random.default_rng(0).integers(-1, 50, FEW + 1).astype(np.int32)
    made = owned_by_place(rows, 50)
    assert np.array_equal(made.order, np.argsort(rows, kind="stable")[(rows < 0).sum() :])


@given(st.lists(st.integers(-1, 5), max_size=300), st.integers(1, 100))
def test_places_are_the_same_whether_keys_stand_together_or_not(numbers: list[int], size: int) -> None:
    keys = pa.chunked_array([pa.array([5, 3, 0, 1], pa.int64())])
    for each in (numbers, sorted(numbers), sorted(numbers, reverse=True)):
        made = places(in_chunks(each, pa.int64(), size), keys)
        assert made.tolist() == [{5: 0, 3: 1, 0: 2, 1: 3}.get(number, -1) for number in each]


def test_a_sorted_table_is_not_moved() -> None:
    values = np.arange(6.0)
    made = owned_by_place(np.array([-1, -1, 0, 0, 2, 2], dtype=np.int32), 4).grouped(values)
    assert np.shares_memory(made.values, values)
    assert [each.tolist() for each in made] == [[2, 3], [], [4, 5], []]


def test_values_are_read_only_and_known_by_place() -> None:
    made = owned_by_place(np.array([1, 0], dtype=np.int32), 2).grouped(np.array([1.0, 2.0]))
    assert (made[0].tolist(), made[-1].tolist()) == ([2.0], [1.0])
    with pytest.raises(ValueError, match="read-only"):
        made[0].sort()
    with pytest.raises(IndexError, match="owner 2 of 2"):
        made[2]


@st.composite
def groups(draw: st.DrawFn) -> Grouped:
    """Groups of all sizes, some of equal values, some with values that are not numbers."""
    sizes = draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    values = rng.normal(0, 1, sum(sizes)).astype(draw(st.sampled_from([np.float32, np.float64])))
    if draw(st.booleans()):
        values = np.round(values)
    if len(values) and draw(st.booleans()):
        values[rng.integers(len(values))] = np.nan
    return Grouped(values, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))


@settings(deadline=None)  # compiles
@given(groups(), PERCENT)
def test_percentiles_are_those_of_numpy_to_the_last_bit(given: Grouped, percent: list[float]) -> None:
    expected = [np.percentile(each.astype(float), percent) if len(each) else [np.nan] * len(percent) for each in given]
    assert np.array_equal(given.percentile(*percent), np.array(expected), equal_nan=True)


def test_every_group_of_many_is_sorted_in_its_own_lane() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.permutation(np.r_[np.zeros(50), rng.integers(1, 40, 2 * CHUNK + LANES // 2), rng.integers(1, 400, 90)])
    starts = np.concatenate([[0], np.cumsum(sizes.astype(int))])
    given, percent = Grouped(rng.choice(rng.normal(0, 9, 99), starts[-1]), starts), [50, 100 / 3, 0, 100]
    wanted = [np.percentile(each, percent) if len(each) else np.full(4, np.nan) for each in given]
    assert np.array_equal(given.percentile(*percent), wanted, equal_nan=True)


def test_infinite_values_are_the_outermost_ones() -> None:
    made = Grouped(np.array([np.inf, 1.0, -np.inf, np.inf, 2.0]), np.array([0, 3, 5])).percentile(0, 50, 100)
    assert made[0].tolist() == [-np.inf, 1.0, np.inf]
    assert made[1, [0, 2]].tolist() == [2.0, np.inf]


@pytest.mark.parametrize("order", ["rising", "falling", "equal", "organ pipe"])
def test_large_groups_in_bad_orders(order: str) -> None:
    count = 100_001
    rising = np.arange(count, dtype=float)
    pipe = np.minimum(rising, rising[::-1])
    values = {"rising": rising, "falling": rising[::-1], "equal": np.ones(count), "organ pipe": pipe}[order]
    made = Grouped(values, np.array([0, count])).percentile(15, 50, 85)
    assert np.array_equal(made[0], np.percentile(values, [15, 50, 85]))


def test_a_percentage_beyond_100_is_told() -> None:
    with pytest.raises(ValueError, match="percentile 150 is not between 0 and 100"):
        Grouped(np.ones(1), np.array([0, 1])).percentile(50, 150)


@given(groups())
def test_means_do_not_depend_on_the_neighbours(given: Grouped) -> None:
    alone = [Grouped(each, np.array([0, len(each)])).mean()[0] for each in given]
    assert np.array_equal(given.mean(), alone, equal_nan=True)
    assert np.allclose(alone, [each.mean(dtype=float) if len(each) else np.nan for each in given], equal_nan=True)


@pytest.mark.parametrize(
    ("kind", "values", "is_nullable", "expected"),
    [
        (pa.int32(), [1, 2], False, np.array([1, 2], np.int32)),
        (pa.int32(), [1, 2], True, np.array([1.0, 2.0])),
        (pa.float32(), [1, None], True, np.array([1.0, np.nan])),
        (pa.string(), ["a", None], True, np.array(["a", None], object)),
        (pa.timestamp("s"), [0, 1], False, np.array([0, 1], "datetime64[s]")),
    ],
)
def test_the_type_of_a_column_does_not_depend_on_its_values(
    kind: pa.DataType, values: list[object], is_nullable: bool, expected: np.ndarray
) -> None:
    made = column_array(pa.chunked_array([pa.array(values, kind)]), is_nullable=is_nullable)
    assert made.dtype == expected.dtype
    assert [str(each) for each in made] == [str(each) for each in expected]


def test_many_values_are_shared_out_among_threads_and_come_out_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    keys = pa.chunked_array([pa.array(rng.permutation(1000))])
    owners, speeds = pa.chunked_array([pa.array(rng.integers(-5, 1000, MUCH + 1))]), rng.random(MUCH + 1)
    made = {}
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        grouped = owned(owners, keys).grouped(speeds)
        made[threads] = grouped, grouped.percentile(15, 50, 85)
    assert np.array_equal(made["1"][1], made["3"][1])
    assert np.array_equal(made["1"][0].values, made["3"][0].values)
    chosen = np.asarray(owners) == keys[17].as_py()
    assert np.array_equal(made["3"][0][17], speeds[chosen])
    assert np.array_equal(made["3"][1][17], np.percentile(speeds[chosen], [15, 50, 85]))
