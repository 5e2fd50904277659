"""Whether a segment runs through a built-up area: a probability out of all that the map shows around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
from scipy.special import expit

from tasks.built_up_model.evidence import NOTHING_DRAWN, PIECES, REACH_M, Drawn, Roads, evidence
from tasks.built_up_model.weights import FILE, Weights, read_weights
from tasks.speed_code import find_code, is_built_up

__all__ = ["REACH_M", "BuiltUp", "BuiltUpParams", "built_up"]

Code = Mapping[str, Any]
Floats = npt.NDArray[np.float64]

SURE = 0.99
"""Probability of what the map states itself; it is wrong now and then."""
SPOKEN = 3
"""Pieces of evidence that a note names at most."""
LEAST_ODDS = 0.1
"""Log-odds below which a piece is not worth a word."""


@dataclass(frozen=True)
class BuiltUpParams:
    """What the task needs to know of the whole reading."""

    drawn: Drawn = NOTHING_DRAWN
    """How far the map draws buildings and settlements: what it does not draw says nothing by its absence."""
    weights: Weights = field(default_factory=lambda: read_weights(FILE))


class BuiltUp(NamedTuple):
    """For each segment the probability that the law of built-up areas holds (0 to 1), why in words, and in numbers."""

    built_up: list[float]
    built_up_note: list[str]
    surroundings: Floats
    """Shape (n, pieces)."""


def built_up(
    *,
    geometry: "npt.NDArray[shapely.LineString]",
    length_m: Floats,
    class_: Sequence[str],
    subclass: Sequence[str | None],
    name: Sequence[str | None],
    tags: Sequence[Mapping[str, str] | None],
    codes: Sequence[Sequence[Code] | None],
    map_feature: pa.Table,
    params: BuiltUpParams,
) -> BuiltUp:
    """Return how likely each segment runs through a built-up area, and what speaks for it.

    A law of built-up areas, or of others, that the map names for the segment decides. Else the evidence adds up:
    buildings, land use, places, lamps, sidewalks, junctions and streets around. What the map does not draw anywhere
    counts as unknown. Nothing farther than `REACH_M` counts, so that the answer does not depend on the tiles.

    Parameters
    ----------
    geometry
        Lines in WGS 84, with those of the neighbours within `REACH_M`.
    codes
        Laws that the map names, as in POSTED_LIMIT.
    map_feature
        Rows of MAP_FEATURE within `REACH_M`, in any order.

    Examples
    --------
    >>> from schemas.map_feature import MAP_FEATURE
    >>> told = built_up(
    ...     geometry=np.array([shapely.LineString([(9, 48), (9, 48.02)])]), length_m=np.array([2224.0]),
    ...     class_=["primary"], subclass=[None], name=[None], tags=[{}], codes=[[]],
    ...     map_feature=MAP_FEATURE.empty(), params=BuiltUpParams(),
    ... )
    >>> told.built_up[0] < 0.1, told.built_up_note
    (True, ['against: class primary, long between junctions, hardly any other road within 400 m'])
    """
    found = evidence(Roads(geometry, length_m, class_, subclass, name, tags), map_feature, params.drawn)
    chances = expit(params.weights.log_odds(found)).tolist()
    notes = _notes(found * np.array(params.weights.pieces))
    for row, stated in enumerate(codes):
        for code, is_inside in _stated(stated or ()):
            chances[row] = SURE if is_inside else 1 - SURE
            notes[row] = f"the map names {code}; beside that {notes[row]}"
            break
    return BuiltUp(chances, notes, found)


def _stated(codes: Sequence[Code]) -> list[tuple[str, bool]]:
    """Return the codes that say whether a segment is built up, if they agree."""
    told = []
    for each in codes:
        code = find_code(each["code"])
        is_inside = None if code is None else is_built_up(code)
        if is_inside is not None:
            told.append((str(each["code"]), is_inside))
    return told if len({is_inside for _, is_inside in told}) == 1 else []


def _notes(added: Floats) -> list[str]:
    """Return for each row what adds most to the log-odds and takes most from them, in words."""
    strongest = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :SPOKEN]
    odds = np.take_along_axis(added, strongest, axis=1)
    signed = np.where(np.abs(odds) < LEAST_ODDS, 0, np.sign(odds)).astype(np.int64)
    keys, which = np.unique(np.hstack([strongest, signed]), axis=0, return_inverse=True)
    words = [_words(key[:SPOKEN], key[SPOKEN:]) for key in keys.tolist()]
    return [words[place] for place in which.reshape(-1).tolist()]


def _words(pieces: list[int], signs: list[int]) -> str:
    parts = []
    for sign, word in ((1, "for"), (-1, "against")):
        named = [PIECES[piece].words for piece, each in zip(pieces, signs, strict=True) if each == sign]
        if named:
            parts.append(f"{word}: {', '.join(named)}")
    return "; ".join(parts) or "nothing known speaks for or against it"
