"""A filter read the slow way, token after token, to compare with: no grammar, no closures, nothing of the project's."""

import re
from collections.abc import Callable, Mapping

TOKEN = re.compile(
    r"""\s*(?:(?P<left>\()|(?P<right>\))|(?P<word>(?:and|or)(?=[\s(]))|(?P<road>!?\{[^}]+\})|"""
    r"""(?P<tag>!?~?(?:"[^"]*"|[^\s()=!~<>{}]+)(?:\s*(?:!=|!~|<=|>=|=|~|<|>)\s*(?:"[^"]*"|[^\s)]+))?))"""
)
TAG = re.compile(r"""(!?~?)("[^"]*"|[^\s()=!~<>{}]+)\s*(?:(!=|!~|<=|>=|=|~|<|>)\s*("[^"]*"|.+))?""")


def naive_test(text: str, tags: Mapping[str, str], holds: Callable[[str], bool]) -> bool:
    """Return whether a filter holds, by turning it into Python and letting Python judge."""
    python, place = [], 0
    while place < len(text.rstrip()):
        match = TOKEN.match(text, place)
        assert match, text[place:]
        place = match.end()
        kind, token = match.lastgroup, match[0].strip()
        if kind == "road":
            truth = holds(token.strip("!{}")) != token.startswith("!")
        elif kind == "tag":
            truth = _tag_holds(token, tags)
        python.append(str(truth) if kind in ("road", "tag") else token)
    return bool(eval(" ".join(python)))


def _tag_holds(token: str, tags: Mapping[str, str]) -> bool:
    match = TAG.fullmatch(token)
    assert match, token
    prefix, key, sign, value = match[1], match[2].strip('"'), match[3], (match[4] or "").strip('"')
    if prefix.endswith("~"):
        found = any(
            re.fullmatch(key, each) and (not sign or re.fullmatch(value, tags[each])) is not None for each in tags
        )
        return found != prefix.startswith("!")
    own = tags.get(key)
    if sign is None:
        return (own is not None) != (prefix == "!")
    if sign in ("=", "!="):
        return (own == value) == (sign == "=")
    if sign in ("~", "!~"):
        return (own is not None and re.fullmatch(value, own) is not None) == (sign == "~")
    number = re.fullmatch(r"([0-9]*\.?[0-9]+)(?: (m|ft))?", own or "")
    return bool(number and eval(f"{float(number[1]) * (0.3048 if number[2] == 'ft' else 1)} {sign} {float(value)}"))
