"""Texts of tags that hold brackets: taken apart only where no bracket is open."""

import re

OPEN, CLOSED = "([", ")]"


def split_outside(text: str, separator: str) -> list[str]:
    """Return the stripped parts of a text between separators (a pattern) that stand outside brackets and quotes.

    Raises
    ------
    ValueError
        If a bracket or a quote lacks its other half.

    Examples
    --------
    >>> split_outside("60 @ (Mo; PH off); 80 @ wet", ";")
    ['60 @ (Mo; PH off)', '80 @ wet']
    """
    pattern = re.compile(separator, re.IGNORECASE)
    depths = _depths(text)
    parts, start = [], 0
    for found in pattern.finditer(text):
        if depths[found.start()] == 0:
            parts.append(text[start : found.start()].strip())
            start = found.end()
    return [*parts, text[start:].strip()]


def _depths(text: str) -> list[int]:
    """Return how many brackets and quotes are open at each place."""
    depth, is_quoted, depths = 0, False, []
    for sign in text:
        depths.append(depth + is_quoted)
        is_quoted ^= sign == '"'
        if not is_quoted:
            depth += (sign in OPEN) - (sign in CLOSED)
        if depth < 0:
            break
    if depth or is_quoted:
        raise ValueError(f"{text!r} has a bracket or quote without its other half")
    return depths


def unwrapped(text: str) -> str:
    """Return a text without the round brackets around the whole of it.

    Examples
    --------
    >>> unwrapped(" ((a) AND (b)) ")
    '(a) AND (b)'
    """
    inner = text.strip()
    while inner.startswith("(") and inner.endswith(")") and min(_depths(inner)[1:]) > 0:
        inner = inner[1:-1].strip()
    return inner
