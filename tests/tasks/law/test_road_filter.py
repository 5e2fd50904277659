"""The language of filters, by the published tests of its reference implementation and by a slow second reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.law.road_filter import FilterError, read_filter
from tests.tasks.law.naive_filter import naive_test

PUBLISHED = [
    ({"shop": "yes"}, "'shop'", True),
    ({"shop": "yes"}, '"shop"', True),
    ({"shop": "yes"}, " \t shop \t ", True),
    ({"shop": "yes"}, "shop \t = \t yes", True),
    ({"shop": "yes", "fee": "yes"}, "shop and((fee=yes))", True),
    ({"shop": ""}, "shop = ''", True),
    ({'shop"': "yes"}, '"shop\\""', True),
    ({"shop'": "yes"}, "'shop\\''", True),
    ({"sh'op": "yes'"}, "sh\\'op = yes\\'", True),
    ({"with": "with"}, "'with'='with'", True),
    ({"orchard": "or"}, "orchard = or", True),
    ({"android": "and"}, "android = and", True),
    ({"highway": "residential or bla"}, 'highway = "residential or bla"', True),
    ({}, "!shop", True),
    ({"shop": "yes"}, "!  shop", False),
    ({}, "!~...", True),
    ({"abc": "yes"}, "!~...", False),
    ({"abc": "yes"}, "~   ...", True),
    ({"ab": "yes"}, "~...", False),
    ({"abc": "yes"}, "~...~...", True),
    ({"abc": "ye"}, "~  ...  ~  ...", False),
    ({"ab": "yes"}, "~...~...", False),
    ({"lit": "yes"}, "lit = yes", True),
    ({"lit": "yesnt"}, "lit=yes", False),
    ({"lit": "no"}, "lit   !=   yes", True),
    ({}, "lit!=yes", True),
    ({"lit": "yes"}, "lit ~ ...", True),
    ({"lit": "ye"}, "lit~...", False),
    ({"lit": "yesno"}, "lit~...", False),
    ({"lit": "ye"}, "lit !~ ...", True),
    ({"lit": "yes"}, "lit!~...", False),
    ({}, "lit!~...", True),
    ({"width": "5"}, "width>3.0", True),
    ({"width": "3"}, "width   >   3", False),
    ({"width": ".4"}, "width>.3", True),
    ({"width": "3"}, "width >= 3", True),
    ({"width": "2"}, "width>=3.0", False),
    ({"width": "2"}, "width < 3", True),
    ({"width": "3"}, "width<3.0", False),
    ({"width": ".3"}, "width<=.3", True),
    ({"width": "4"}, "width <= 3", False),
    ({}, "width < 3", False),
    ({"width": "wide"}, "width < 3", False),
    ({"maxspeed": "30.1 mph"}, "maxspeed > 30mph", True),
    ({"maxspeed": "48.3"}, "maxspeed > 30mph", True),
    ({"maxspeed": "48.3 km/h"}, "maxspeed > 30mph", True),
    ({"maxspeed": "30.0 mph"}, "maxspeed > 30mph", False),
    ({"maxspeed": "48.2"}, "maxspeed > 30mph", False),
    ({"maxwidth": "4 ft 7 in"}, "maxwidth > 4'6\"", True),
    ({"maxwidth": "4'7\""}, "maxwidth > 4'6\"", True),
    ({"maxwidth": "1.4m"}, "maxwidth > 4'6\"", True),
    ({"maxwidth": "4'6\""}, "maxwidth > 4'6\"", False),
    ({"maxwidth": "1.3"}, "maxwidth > 4'6\"", False),
    ({"a": "", "c": ""}, "(a or b) and c", True),
    ({"a": ""}, "(a or b) and c", False),
    ({"c": ""}, "a and b or c", True),
    ({"a": "", "d": ""}, "a and (b and c or d)", True),
    ({"b": "", "c": ""}, "a and (b and c or d)", False),
    ({"b": "", "c": "", "d": ""}, "(a or (b and c)) and d", True),
    ({"b": "", "c": ""}, "(a or (b and c)) and d", False),
]
"""Source: TagFilterExpressionParserTest of osm-legal-default-speeds (BSD-3-Clause); tags, filter, answer."""


@pytest.mark.parametrize(("tags", "text", "answer"), PUBLISHED)
def test_it_answers_as_published(tags: dict[str, str], text: str, answer: bool) -> None:
    assert read_filter(text).test(tags, lambda name: False) is answer


@pytest.mark.parametrize(
    ("text", "asked"),
    [("{placeholder}", "placeholder"), ("{stuff $§%&\"'()or}", "stuff $§%&\"'()or"), ("a or {b}", "b")],
)
def test_it_asks_for_other_road_types(text: str, asked: str) -> None:
    found = read_filter(text)
    assert found.roads == {asked}
    assert found.test({}, lambda name: name == asked)
    assert not found.test({}, lambda name: name != asked)
    assert read_filter(f"!{{{asked}}}").test({}, lambda name: name != asked)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("shop andfail", 5, "and"),
        ("'shop'and fail", 6, "and"),
        ("~speed > 3", 7, "~"),
        ("speed > walk", 8, "a number such as"),
        ("or = yes", 0, "a key"),
        ("and = yes", 0, "a key"),
        ('highway = "residential or bla', 10, "a value"),
        ("highway=", 8, "a value"),
        ("highway and", 11, "a key"),
        ("highway or ", 11, "a key"),
        ("shop = yes '", 11, "the end"),
        ("shop = yes and !", 16, "a key"),
        ("(highway", 8, ")"),
        ("(highway = service and (service = alley)", 40, ")"),
        ("highway)", 7, "the end"),
        ("highway what is this", 8, "= or !="),
        ("width >  '3'", 9, "a number such as"),
        ("width <=x", 8, "a number such as"),
        ("!highway=residential", 8, "and"),
        ("!highway!~residential", 8, "and"),
        ("{my placeholder", 15, "}"),
        ("", 0, "a key"),
        ("lit=yes and ref~(US|AL", 16, "a regular expression"),
        ('lit=yes and ref~"(US|AL"', 17, "a regular expression"),
        ("lit=yes and lanes==2", 18, "a value"),
    ],
)
def test_it_says_where_a_filter_is_broken(text: str, offset: int, expected: str) -> None:
    with pytest.raises(FilterError) as raised:
        read_filter(text)
    assert raised.value.offset == offset
    assert expected in str(raised.value).partition("expected ")[2]
    assert (text[offset : offset + 20].strip("'\"") or "the end") in str(raised.value)


KEYS = st.sampled_from(["highway", "lanes", "maxspeed:type", "ref"])
VALUES = st.sampled_from(["1", "2", "3.5", "trunk", "primary", "US 20", "no"])
WORDS = st.sampled_from(["trunk", "1", '"US 20"', "trunk|primary", '".*(2|0)"', "[0-9]+"])
TAGS = st.dictionaries(KEYS, VALUES)
ATOMS = st.one_of(
    KEYS,
    KEYS.map("!{}".format),
    st.tuples(KEYS, st.sampled_from(["=", "!=", "~", "!~", " ~ "]), WORDS).map("".join),
    st.tuples(KEYS, st.sampled_from(["<", "<=", ">", ">= "]), st.sampled_from(["1", "2.5", "2"])).map("".join),
    st.sampled_from(["{rural}", "!{rural}", "~la.*", "!~.*way", "~.*~trunk"]),
)
FILTERS = st.recursive(
    ATOMS,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" and ", " or ", "  and\t"]), inner).map("".join)
        | inner.map("({})".format)
        | inner.map("( {} )".format)
    ),
    max_leaves=8,
)


@given(FILTERS, TAGS, st.booleans())
def test_it_answers_as_the_slow_reader(text: str, tags: dict[str, str], is_rural: bool) -> None:
    assert read_filter(text).test(tags, lambda name: is_rural) == naive_test(text, tags, lambda name: is_rural)


@given(FILTERS, TAGS, st.booleans())
def test_tags_of_other_keys_do_not_matter(text: str, tags: dict[str, str], is_rural: bool) -> None:
    found = read_filter(text)
    seen = tags if found.key_patterns else {key: value for key, value in tags.items() if key in found.keys}
    assert found.test(tags, lambda name: is_rural) == found.test(seen, lambda name: is_rural)
