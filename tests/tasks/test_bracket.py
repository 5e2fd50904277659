import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.bracket import split_outside, unwrapped


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a;b", ["a", "b"]),
        ("(a;b);c", ["(a;b)", "c"]),
        ("a[b;(c;d)];e", ["a[b;(c;d)]", "e"]),
        ('"a;b";c', ['"a;b"', "c"]),
        ('"(";c', ['"("', "c"]),
        ("", [""]),
        (";", ["", ""]),
    ],
)
def test_separators_inside_brackets_do_not_count(text: str, parts: list[str]) -> None:
    assert split_outside(text, ";") == parts


@pytest.mark.parametrize("text", ["(", ")", "a)(b", '"', "[a;b", "(()"])
def test_a_lone_half_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="without its other half"):
        split_outside(text, ";")


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("(a)", "a"),
        ("((a))", "a"),
        ("(a)-(b)", "(a)-(b)"),
        ("((a)-(b))", "(a)-(b)"),
        ("a", "a"),
        ("()", ""),
        ("(", "("),
    ],
)
def test_brackets_around_the_whole_are_taken_off(text: str, inner: str) -> None:
    assert unwrapped(text) == inner


@given(st.text(alphabet="ab; ", max_size=20))
def test_without_brackets_it_splits_as_ever(text: str) -> None:
    assert split_outside(text, ";") == [part.strip() for part in re.split(";", text)]
