"""Text by owner as numbers: against the text itself, owner by owner."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.grouped import owned
from tasks.grouped_words import grouped_words

WORDS = st.lists(st.tuples(st.sampled_from("abcx"), st.sampled_from(["", "b", "é", "Z", "aa", None])), max_size=30)


@given(WORDS, st.permutations("abc"), st.integers(1, 9))
def test_each_owner_gets_its_words_in_order(rows: list[tuple[str, str | None]], keys: list[str], size: int) -> None:
    """Rows of an owner that is not among the keys are left out; chunks make no difference."""
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    owners, texts = (pa.chunked_array([[row[i] for row in part] for part in parts], pa.string()) for i in (0, 1))
    made = grouped_words(texts, owned(owners, pa.chunked_array([keys])))
    expected = [[text for owner, text in rows if owner == key] for key in keys]
    assert made.text(np.arange(len(made.codes))).to_pylist() == [text for each in expected for text in each]
    assert [each.to_pylist() for each in made] == expected
    assert made.count.tolist() == [len(each) for each in expected]
    assert [keys[place] for place in made.owners] == [key for key in keys for owner, _ in rows if owner == key]
    for word in ("b", "absent"):
        assert made.is_word(word).tolist() == [text == word for each in expected for text in each]


@given(WORDS)
def test_numbers_ascend_as_words_do(rows: list[tuple[str, str | None]]) -> None:
    texts = [text for _, text in rows]
    made = grouped_words(
        pa.chunked_array([pa.array(texts, pa.string())]),
        owned(*(pa.chunked_array([["a"] * n]) for n in (len(rows), 1))),
    )
    known = sorted({text for text in texts if text is not None}, key=str.encode)
    assert made.words.to_pylist() == known
    assert made.codes.tolist() == [known.index(text) if text is not None else -1 for text in texts]
