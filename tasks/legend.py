"""In which classes a map shows speed limits: by limit, by what it rests on, by confidence; with colours and lengths."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import Basis, SpeedReason

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class Colour(NamedTuple):
    """One colour for a light page and its counterpart for a dark one."""

    light: str
    dark: str


class Entry(NamedTuple):
    """One class of a view: its words, its colour, and how much road is in it."""

    label: str
    colour: Colour
    segments: int
    metres: float


class View(NamedTuple):
    """One way to colour the map: its entries, and for each segment the index of its entry."""

    name: str
    entries: list[Entry]
    codes: list[int]
    sides: Sequence[int] = ()
    """Where both headings are told apart: of each of them the index of its entry."""


STATED = frozenset({Basis.POSTED, Basis.SIGN, Basis.ZONE, Basis.IMPLICIT})
"""What the map says of the segment itself; on all other grounds a limit is inferred."""

LIMIT_EDGES = (20, 30, 40, 50, 60, 80, 100, 120)
"""Highest limit (km/h, rounded) of each class but the last; multiples of 5 mph fall well inside a class."""

CONFIDENCE_EDGES = (0.5, 0.7, 0.8, 0.9, 1.0)
"""Lowest confidence of each class but the first."""

RAMP = (
    Colour("#f68e44", "#8f0da3"),
    Colour("#e87158", "#aa2494"),
    Colour("#d7566c", "#c13c80"),
    Colour("#c03b81", "#d5536d"),
    Colour("#a72197", "#e56b5c"),
    Colour("#8607a6", "#f2854a"),
    Colour("#6400a7", "#fba238"),
    Colour("#3d039b", "#fdc128"),
    Colour("#0c0786", "#f7e225"),
)
"""Low to high, even to colour-blind eyes: matplotlib's plasma (CC0), the high end always far from the page's colour."""

KINDS = (
    Colour("#0072b2", "#4aa8e0"),
    Colour("#d55e00", "#ff8c3f"),
    Colour("#009e73", "#2fc79c"),
    Colour("#cc79a7", "#e69cc4"),
    Colour("#b08900", "#f0e442"),
    Colour("#332288", "#a79bf0"),
    Colour("#882255", "#e0709f"),
    Colour("#117733", "#6cc487"),
    Colour("#661100", "#d08a70"),
    Colour("#008b9a", "#7fe0ea"),
)
"""Colours that colour-blind eyes tell apart: Okabe and Ito's, then Paul Tol's muted ones."""

GREY = Colour("#9a9a9a", "#6f7680")
"""No number."""

NO_LIMIT = Colour("#008b9a", "#5fe0ea")
"""No limit at all: knowledge, so not grey."""


def limit_view(kmh: Floats, reasons: Sequence[str | None], metres: Floats) -> View:
    """Return the segments by their limit in km/h; NaN is no number, which may mean that there is no limit.

    Examples
    --------
    >>> view = limit_view(np.array([50.0, np.nan, 40.2336]), [None, "unlimited", None], np.array([10.0, 20.0, 30.0]))
    >>> [(entry.label, entry.metres) for entry in view.entries], view.codes
    ([('31–40', 30.0), ('41–50', 10.0), ('no limit', 20.0)], [1, 2, 0])
    """
    between = [f"{low + 1}–{high}" for low, high in pairwise(LIMIT_EDGES)]
    labels = [f"up to {LIMIT_EDGES[0]}", *between, f"over {LIMIT_EDGES[-1]}", "no limit", "no number"]
    is_unlimited = np.array([reason == SpeedReason.UNLIMITED for reason in reasons], dtype=bool)
    codes = np.searchsorted(LIMIT_EDGES, np.round(kmh), side="left")
    codes = np.where(np.isnan(kmh), np.where(is_unlimited, len(RAMP), len(RAMP) + 1), codes)
    return _view("Limit, km/h", labels, (*_spread(codes), NO_LIMIT, GREY), codes, metres)


def _spread(codes: Codes) -> list[Colour]:
    """Return a colour for each class of limits; those in use are spread over the whole ramp, to be told apart."""
    used = np.unique(codes[codes < len(RAMP)]).tolist()
    spread = np.linspace(0, len(RAMP) - 1, max(len(used), 1)).round().astype(int)
    places = dict(zip(used, spread.tolist(), strict=False))
    return [RAMP[places.get(code, code)] for code in range(len(RAMP))]


def basis_view(bases: Sequence[str | None], reasons: Sequence[str | None], metres: Floats) -> View:
    """Return the segments by what their limit rests on or, without a number, by the reason for that."""
    found = [basis or reason or "unknown" for basis, reason in zip(bases, reasons, strict=True)]
    grounds = _in_order(Basis, (basis for basis in bases if basis))
    causes = _in_order(SpeedReason, (word for word in found if word not in grounds))
    words = [*grounds, *(cause for cause in causes if cause not in grounds)]
    is_gap = {SpeedReason.NOT_POSTED.value, "unknown"}
    kinds = iter(KINDS * (len(words) // len(KINDS) + 1))
    colours = [GREY if word in is_gap else next(kinds) for word in words]
    code = {word: index for index, word in enumerate(words)}
    codes = np.array([code[word] for word in found], dtype=np.int64)
    return _view("Basis", [word.replace("_", " ") for word in words], colours, codes, metres)


def confidence_view(confidence: Floats, metres: Floats) -> View:
    """Return the segments by confidence (0–1); NaN is none."""
    shown = [f"{100 * edge:.0f}" for edge in CONFIDENCE_EDGES]
    between = [f"{low}–{high} %" for low, high in pairwise(shown)]
    labels = [f"under {shown[0]} %", *between, f"{shown[-1]} %", "none"]
    colours = [*(RAMP[i] for i in (0, 2, 3, 5, 6, 8)), GREY]
    codes = np.searchsorted(CONFIDENCE_EDGES, confidence, side="right")
    codes = np.where(np.isnan(confidence), len(labels) - 1, codes)
    return _view("Confidence", labels, colours, codes, metres)


def inferred(bases: Sequence[str | None]) -> list[bool]:
    """Return of each segment whether its limit is inferred: it has one, and the map does not state it.

    Examples
    --------
    >>> inferred(["posted", "learned", None])
    [False, True, False]
    """
    return [basis is not None and basis not in STATED for basis in bases]


def _in_order(words: Iterable[str], found: Iterable[str]) -> list[str]:
    """Return the words found, first those of a vocabulary in its order, then others by name."""
    known, seen = [str(word) for word in words], set(found)
    return [*(word for word in known if word in seen), *sorted(seen.difference(known))]


def _view(name: str, labels: Sequence[str], colours: Sequence[Colour], codes: Codes, metres: Floats) -> View:
    """Return a view of the classes that hold a segment."""
    counts = np.bincount(codes, minlength=len(labels))
    lengths = np.bincount(codes, weights=metres, minlength=len(labels))
    used = np.flatnonzero(counts).tolist()
    entries = [Entry(labels[i], colours[i], int(counts[i]), float(lengths[i])) for i in used]
    return View(name, entries, np.searchsorted(used, codes).tolist())
