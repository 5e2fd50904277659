"""The language in which the law table tells roads apart, such as `{rural} and lanes>=2 and ref~"(US|AL).*"`.

`key` holds where the tag is there, `!key` where it is not; `=` and `!=` compare the whole value, `~` and `!~` match all
of it with a regular expression; `<`, `<=`, `>` and `>=` compare numbers, with units where they are written. `~key` and
`~key~value` look for any tag whose key matches. `{name}` and `!{name}` ask for another road type. `and` binds closer
than `or`. Words with blanks or brackets stand in quotes. Of an absent tag only `!=` and `!~` hold.

Source: OpenStreetMap wiki, "Default speed limits", section "Road types to tag filters".
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from tasks.law.quantity import read_quantity

Tags = Mapping[str, str]
Holds = Callable[[str], bool]
"""Answers whether the road is of the type of that name."""
Test = Callable[[Tags, Holds], bool]

GRAMMAR = r"""
?start: either
either: every (OR every)*
every: one (AND one)*
?one: "(" either ")"
    | "{" NAME "}"            -> is_road
    | NOT "{" NAME "}"        -> is_no_road
    | key                     -> has
    | NOT key                 -> has_not
    | key (OPERATOR | LIKE | UNLIKE) word -> compares_word
    | key COMPARISON NUMBER   -> compares_number
    | LIKE key                -> has_like
    | (NOT LIKE | UNLIKE) key -> has_not_like
    | LIKE key LIKE word      -> has_tag_like
key: KEY | QUOTED
word: WORD | QUOTED
AND: /(?<=[\s)}])and(?=[\s(]|$)/
OR: /(?<=[\s)}])or(?=[\s(]|$)/
NOT: "!"
LIKE: "~"
UNLIKE: "!~"
OPERATOR: "=" | "!="
COMPARISON: ">=" | "<=" | ">" | "<"
NAME: /[^}]+/
QUOTED: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/
KEY: /(?!(?:and|or)(?:[\s)]|$))(?![!~({"'])(?:(?!!?[=~]|[<>])[^\s)])+/
WORD: /(?!["'=~])[^\s)]+/
NUMBER: /[^\s)]+/
%ignore /\s+/
"""
"""Words in quotes may hold `\"` and `\'`; `and` and `or` are words of their own between blanks or brackets."""

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
SPOKEN = {
    "AND": "and",
    "OR": "or",
    "NOT": "!",
    "OPERATOR": "= or !=",
    "LIKE": "~",
    "UNLIKE": "!~",
    "COMPARISON": "< <= > or >=",
    "KEY": "a key",
    "WORD": "a value",
    "NUMBER": "a number",
    "NAME": "the name of a road type",
    "LPAR": "(",
    "RPAR": ")",
    "LBRACE": "{",
    "RBRACE": "}",
    "$END": "the end",
}
"""How the tokens of the grammar are called in messages; those that are not named go without saying."""


class FilterError(ValueError):
    """A filter that cannot be read; `offset` is where in it, counted from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class RoadFilter(NamedTuple):
    """A filter that was read: a test, and what it looks at."""

    text: str
    test: Test
    keys: frozenset[str]
    """Keys of tags that it looks at."""
    key_patterns: frozenset[str]
    """Regular expressions of keys that it looks at."""
    roads: frozenset[str]
    """Names of the road types that it refers to."""


def read_filter(text: str) -> RoadFilter:
    """Return a filter as a test of tags.

    Raises
    ------
    FilterError
        If it is not of the language; the message says what was expected, and `offset` where.

    Examples
    --------
    >>> found = read_filter("highway~primary|trunk and (!lanes or lanes>=2) and {rural}")
    >>> found.test({"highway": "trunk", "lanes": "4"}, lambda name: name == "rural")
    True
    >>> sorted(found.keys), sorted(found.roads)
    (['highway', 'lanes'], ['rural'])
    >>> read_filter("lanes>=two")
    Traceback (most recent call last):
    ...
    tasks.law.road_filter.FilterError: found 'two', expected a number such as 3, 7.5 or 30mph
    """
    reader = _Reader()
    try:
        test = reader.transform(_parser().parse(text))
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        raise _filter_error(text, error) from None
    return RoadFilter(text, test, frozenset(reader.keys), frozenset(reader.key_patterns), frozenset(reader.roads))


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="contextual")


def _filter_error(text: str, error: UnexpectedInput) -> FilterError:
    token = getattr(error, "token", None)
    is_end = token is not None and token.type == "$END"
    place = len(text) if is_end else int(error.pos_in_stream or 0)
    found = repr(text[place : place + 20]) if text[place:] else "the end"
    expected = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None)
    words = [SPOKEN[name] for name in SPOKEN if name in (expected or ())]
    return FilterError(f"found {found}, expected {', '.join(words)}", place)


@v_args(inline=True)
class _Reader(Transformer[Token, Test]):
    """Makes a test of each rule of the grammar, and gathers what the tests look at."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()
        self.key_patterns: set[str] = set()
        self.roads: set[str] = set()

    def key(self, token: Token) -> Token:
        return _unquoted(token)

    word = key

    def either(self, *parts: Test | Token) -> Test:
        return _any_of([part for part in parts if not isinstance(part, Token)])

    def every(self, *parts: Test | Token) -> Test:
        return _all_of([part for part in parts if not isinstance(part, Token)])

    def is_road(self, name: Token) -> Test:
        self.roads.add(str(name))
        return lambda _, holds: holds(name)

    def is_no_road(self, _: Token, name: Token) -> Test:
        self.roads.add(str(name))
        return lambda _, holds: not holds(name)

    def has(self, key: Token) -> Test:
        self.keys.add(str(key))
        return lambda tags, _: key in tags

    def has_not(self, _: Token, key: Token) -> Test:
        self.keys.add(str(key))
        return lambda tags, _: key not in tags

    def compares_word(self, key: Token, sign: Token, word: Token) -> Test:
        self.keys.add(str(key))
        return _word_test(str(key), str(sign), word)

    def compares_number(self, key: Token, sign: Token, number: Token) -> Test:
        self.keys.add(str(key))
        return _number_test(str(key), COMPARISONS[sign], number)

    def has_like(self, _: Token, key: Token) -> Test:
        self.key_patterns.add(str(key))
        matches = _matcher(key)
        return lambda tags, _: any(map(matches, tags))

    def has_not_like(self, *tokens: Token) -> Test:
        key = tokens[-1]
        self.key_patterns.add(str(key))
        matches = _matcher(key)
        return lambda tags, _: not any(map(matches, tags))

    def has_tag_like(self, _: Token, key: Token, __: Token, word: Token) -> Test:
        self.key_patterns.add(str(key))
        is_key, is_value = _matcher(key), _matcher(word)
        return lambda tags, _: any(is_key(key) and is_value(value) for key, value in tags.items())


def _any_of(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda tags, holds: any(test(tags, holds) for test in tests)


def _all_of(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda tags, holds: all(test(tags, holds) for test in tests)


def _word_test(key: str, sign: str, word: Token) -> Test:
    if sign == "=":
        return lambda tags, _: tags.get(key) == word
    if sign == "!=":
        return lambda tags, _: tags.get(key) != word
    matches = _matcher(word)
    if sign == "~":
        return lambda tags, _: key in tags and matches(tags[key])
    return lambda tags, _: key not in tags or not matches(tags[key])


def _number_test(key: str, compare: Callable[[float, float], bool], token: Token) -> Test:
    bound = read_quantity(token)
    if bound is None:
        raise FilterError(f"found {str(token)!r}, expected a number such as 3, 7.5 or 30mph", token.start_pos or 0)

    def test(tags: Tags, _: Holds) -> bool:
        number = read_quantity(tags.get(key, ""))
        return number is not None and compare(number, bound)

    return test


def _matcher(token: Token) -> Callable[[str], bool]:
    """Return whether a text matches from first to last character."""
    try:
        fullmatch = re.compile(token).fullmatch
    except re.error as error:
        message = f"found {str(token)!r}, expected a regular expression: {error.msg}"
        start = (token.start_pos or 0) + (token.type == "QUOTED")
        raise FilterError(message, start + (error.pos or 0)) from None
    return lambda text: fullmatch(text) is not None


def _unquoted(token: Token) -> Token:
    text = token[1:-1] if token.type == "QUOTED" else str(token)
    return token.update(value=re.sub(r"\\(['\"])", r"\1", text))
