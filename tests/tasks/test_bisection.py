import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.bisection import Found, culprits


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), max_size=9))))
def test_exactly_the_rows_that_break_alone_are_found(drawn: tuple[int, set[int]]) -> None:
    count, bad = drawn
    tried: list[range] = []

    def breaks(part: range) -> bool:
        tried.append(part)
        return not bad.isdisjoint(part)

    if count > 1:
        assert culprits(breaks, count) == Found(sorted(bad), [])
        assert len(tried) <= 2 * max(1, len(bad)) * math.ceil(math.log2(count))
        assert all(0 <= part.start < part.stop <= count for part in tried)


@given(st.integers(2, 300), st.integers(0, 40))
def test_tries_are_bounded_and_what_is_left_is_told(count: int, most_tries: int) -> None:
    tried: list[range] = []

    def breaks(part: range) -> bool:
        tried.append(part)
        return True

    found = culprits(breaks, count, most_tries=most_tries)
    assert len(tried) <= most_tries + 1
    assert sorted(found.culprits + found.undecided) == list(range(count))


@given(st.integers(2, 300), st.data())
def test_rows_that_break_only_together_are_not_blamed(count: int, data: st.DataObject) -> None:
    pair = data.draw(st.sets(st.integers(0, count - 1), min_size=2, max_size=2))
    found = culprits(lambda part: pair <= set(part), count)
    assert found == Found([], [])


@pytest.mark.parametrize(("count", "found"), [(0, Found([], [])), (1, Found([0], []))])
def test_one_row_needs_no_try(count: int, found: Found) -> None:
    def untried(part: range) -> bool:
        raise AssertionError(part)

    assert culprits(untried, count) == found
