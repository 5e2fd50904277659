"""The weights of the evidence out of named maps: what `weights.json` is made by, and how well it does on others."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from scipy.special import expit
from scipy.stats import rankdata

from schemas.vocabulary import FeatureKind
from tasks.built_up_model.evidence import NOTHING_DRAWN, Roads, drawn, evidence, seen_in
from tasks.built_up_model.surroundings import Floats
from tasks.built_up_model.truth import Statement, statement
from tasks.built_up_model.weights import Weights, as_json, learn
from tasks.columns import array_values
from tasks.jurisdiction import JurisdictionParams, jurisdiction
from tasks.posted_limit import posted_limit
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads

Flags = npt.NDArray[np.bool_]

MOST_PER_MAP = 300.0
"""What the examples of one map count together at most, so that a large one does not decide alone."""
URBAN_SHARE = 0.6
"""Share of built-up segments that the weights are made for: maps of towns, where most limits are tagged, have more."""
BARE_SHARE = 0.5
"""How much of each example is learned without buildings and land use, as maps have it that draw none."""


class Examples(NamedTuple):
    """Segments of one map of which the map says whether they are built up."""

    evidence: Floats
    bare: Floats
    """The same segments in a map that draws roads alone."""
    is_built_up: Flags
    counts: Floats


class Score(NamedTuple):
    """How well weights do on a map that they were not learned from."""

    examples: int
    urban: float
    """Share of them that are built up."""
    log_loss: float
    """Mean over built up and not, so that the rarer of them counts as much."""
    auc: float
    """Chance that of a built-up and another segment the former has the higher probability; NaN without both."""
    accuracy: float


class Trained(NamedTuple):
    """Weights, the text of their file, and their scores on maps left out, with and without buildings."""

    weights: Weights
    text: str
    scores: dict[str, tuple[Score, Score]]


def train(files: Sequence[Path]) -> Trained:
    """Return weights learned from map files, each a map of its own, and how they do on each of them left out.

    Raises
    ------
    ReadError
        If a file cannot be read.
    ValueError
        If no map says of a segment that it is built up, or of none that it is not.
    """
    maps = {file.name: _read(file) for file in sorted(files, key=lambda file: file.name)}
    told = np.concatenate([each.is_built_up for each in maps.values()])
    if told.all() or not told.any():
        raise ValueError(f"{len(told)} segments say whether they are built up, expected some that are and some not")
    weights = learn_from(list(maps.values()))
    inputs = [{"file": f.name, "sha256": hashlib.sha256(f.read_bytes()).hexdigest()} for f in sorted(files)]
    source = {"made by": "tasks.built_up_model.training.train", "inputs": inputs, "examples": len(told)}
    return Trained(weights, as_json(weights, source), left_out(maps))


def _read(file: Path) -> Examples:
    return examples(read_roads([file]).segments, read_features([file]).features)


def examples(segments: pa.Table, map_feature: pa.Table) -> Examples:
    """Return the evidence and the truth of those segments of a map that state it."""
    roads = roads_of(segments)
    stated = _statements(segments, roads, map_feature)
    is_told = np.array([each is not None for each in stated], dtype=bool)
    known = [each for each in stated if each is not None]
    is_sign = pc.equal(map_feature.column("kind"), str(FeatureKind.TRAFFIC_SIGN))
    how_drawn = drawn(seen_in(roads.class_, roads.length_m, map_feature))
    return Examples(
        evidence(roads, map_feature, how_drawn)[is_told],
        evidence(roads, map_feature.filter(is_sign), NOTHING_DRAWN)[is_told],
        np.array([each.is_built_up for each in known], dtype=bool),
        np.array([each.weight for each in known], dtype=np.float64),
    )


def roads_of(segments: pa.Table) -> Roads:
    """Return the columns of ROAD_SEGMENT that the evidence is read from."""
    lines = shapely.from_wkb(segments.column("geometry").to_numpy())
    return Roads(
        geometry=lines,
        length_m=segments.column("length_m").to_numpy(),
        class_=segments.column("class").to_pylist(),
        subclass=segments.column("subclass").to_pylist(),
        name=segments.column("name").to_pylist(),
        tags=list(array_values(segments.column("tags"))),
    )


def _statements(segments: pa.Table, roads: Roads, map_feature: pa.Table) -> list[Statement | None]:
    places = jurisdiction(geometry=roads.geometry, map_feature=map_feature, params=JurisdictionParams())
    stated = []
    rules = segments.column("speed_limits").to_pylist()
    for class_, tags, limits, parts in zip(roads.class_, roads.tags, rules, places.jurisdictions, strict=True):
        found = posted_limit(tags=dict(tags or {}), speed_limits=limits)
        posted = found.forward or found.backward
        number = (int(posted["value"]), str(posted["unit"])) if posted else None
        country = parts[0]["code"][:2] if parts else None
        codes = [each["code"] for each in found.codes]
        stated.append(statement(class_=class_, codes=codes, posted=number, country=country))
    return stated


def learn_from(maps: Sequence[Examples]) -> Weights:
    """Return the weights that several maps teach, each example with and without what lies beside the road."""
    counts = np.concatenate([_counts(each) for each in maps])
    is_built_up = np.concatenate([each.is_built_up for each in maps])
    counts = _balanced(counts, is_built_up)
    rows = np.concatenate([*(each.evidence for each in maps), *(each.bare for each in maps)])
    shares = np.concatenate([counts * (1 - BARE_SHARE), counts * BARE_SHARE])
    return learn(rows, np.tile(is_built_up, 2), shares)


def _counts(each: Examples) -> Floats:
    total = each.counts.sum()
    counts: Floats = each.counts * (min(total, MOST_PER_MAP) / max(total, 1.0))
    return counts


def _balanced(counts: Floats, is_built_up: Flags) -> Floats:
    """Return counts of which built-up examples have their share, none of them raised."""
    inside, outside = counts[is_built_up].sum(), counts[~is_built_up].sum()
    total = min(inside / URBAN_SHARE, outside / (1 - URBAN_SHARE))
    scales = (total * URBAN_SHARE / max(inside, 1e-9), total * (1 - URBAN_SHARE) / max(outside, 1e-9))
    balanced: Floats = counts * np.where(is_built_up, *scales)
    return balanced


def left_out(maps: Mapping[str, Examples]) -> dict[str, tuple[Score, Score]]:
    """Return for each map the scores, with and without buildings, of weights that all other maps taught."""
    scores = {}
    for name, each in maps.items():
        if not len(each.is_built_up) or len(maps) < 2:
            continue
        weights = learn_from([other for key, other in maps.items() if key != name])
        truth = each.is_built_up
        scores[name] = score(weights, each.evidence, truth), score(weights, each.bare, truth)
    return scores


def score(weights: Weights, rows: Floats, is_built_up: Flags) -> Score:
    """Return how well weights tell built-up segments from others.

    Examples
    --------
    >>> from tasks.built_up_model.evidence import PIECES
    >>> rows = np.zeros((2, len(PIECES)))
    >>> score(Weights(0.0, (0.0,) * len(PIECES)), rows, np.array([True, False])).auc
    0.5
    """
    odds = weights.log_odds(rows)
    losses = np.logaddexp(0, np.where(is_built_up, -odds, odds))
    per_kind = [losses[is_built_up == kind].mean() for kind in (True, False) if (is_built_up == kind).any()]
    accuracy = ((expit(odds) > 0.5) == is_built_up).mean()
    return Score(
        len(rows), float(is_built_up.mean()), float(np.mean(per_kind)), _auc(odds, is_built_up), float(accuracy)
    )


def _auc(odds: Floats, is_built_up: Flags) -> float:
    inside, outside = int(is_built_up.sum()), int((~is_built_up).sum())
    if not inside or not outside:
        return float("nan")
    ranks = rankdata(odds)[is_built_up].sum()
    return float((ranks - inside * (inside + 1) / 2) / (inside * outside))
