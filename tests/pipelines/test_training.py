"""Training the combiner: from named maps, with one left out to measure; the same maps make the same file."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipelines import training
from pipelines.training import Trained, train
from tasks.evaluation.hiding import EvaluationError
from tasks.limit_model.combiner import Combiner
from tests.tasks.readers.osm_files import Way, write

MAPS = {"a.osm": 1, "b.osm": 2}
CLASSES = ("primary", "residential", "tertiary", "residential", "service")
LIMITS = {"primary": "80", "residential": "30", "tertiary": "50", "service": "20"}


def grid_town(path: Path, seed: int, *, stated: float = 0.7) -> Path:
    """A map of streets in a grid, 12 by 9 of them 300 m apart; most have the limit of their class."""
    rng = np.random.default_rng(seed)
    nodes = {100 * x + y: (24.9 + 0.0054 * x, 60.1 + 0.0027 * y) for x in range(12) for y in range(9)}
    ways = []
    for x in range(12):
        for y in range(9):
            for kind, (dx, dy) in enumerate(((1, 0), (0, 1))):
                if 100 * (x + dx) + y + dy not in nodes:
                    continue
                highway = CLASSES[(y if dx else x) % len(CLASSES)]
                tags = {"highway": highway, "name": f"Street {kind} {y if dx else x}"}
                if rng.random() < stated:
                    tags["maxspeed"] = LIMITS[highway] if rng.random() < 0.85 else "40"
                ways.append(Way(len(ways) + 1, [100 * x + y, 100 * (x + dx) + y + dy], tags))
    return write(path, nodes, ways)


@pytest.fixture
def maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two towns, and one draw of hidden cells for each."""
    monkeypatch.setattr(training, "SEEDS", (0,))
    return [grid_town(tmp_path / name, seed) for name, seed in MAPS.items()]


def test_the_same_maps_make_the_same_combiner_in_any_order(maps: list[Path]) -> None:
    one, other = train(maps), train(maps[::-1])
    assert one.combiner.to_json() == other.combiner.to_json()
    assert set(one.exact) == set(MAPS)
    assert all(0.1 < share <= 1 for share in one.exact.values())
    assert_named(one, maps)


def assert_named(made: Trained, maps: list[Path]) -> None:
    told = made.combiner.source
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(maps)]
    assert [each["file"] for each in told["inputs"]] == sorted(MAPS)
    assert [each["sha256"] for each in told["inputs"]] == digests
    assert told["left_out_exact"] == made.exact
    again = Combiner.from_json(made.combiner.to_json())
    for stated, true in again.calibration.values():
        assert len(stated) == len(true)
        assert true == sorted(true)
    assert set(again.calibration) == {"km/h", "mph"}


def test_one_map_alone_is_refused(maps: list[Path]) -> None:
    with pytest.raises(EvaluationError, match=r"1 map to train on, expected two or more"):
        train(maps[:1])


def test_a_map_without_limits_is_refused_in_words(maps: list[Path], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="limits are stated in no cell at zoom 15 alone"):
        train([*maps, grid_town(tmp_path / "c.osm", 3, stated=0.0)])


def test_what_follows_the_class_is_learned(maps: list[Path]) -> None:
    """The commonest limit holds on a third of the roads, that of the class on 85 % of them."""
    assert all(share > 0.6 for share in train(maps).exact.values())


def test_a_map_is_measured_by_trees_that_never_saw_it(maps: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fitted: once without each map, at last from all of them."""
    fitted, seen = training._fitted, []

    def watched(learned: Sequence[training.Lesson]) -> str:
        seen.append(sorted({lesson.file for lesson in learned}))
        return fitted(learned)

    monkeypatch.setattr(training, "_fitted", watched)
    train(maps)
    assert seen == [["b.osm"], ["a.osm"], ["a.osm", "b.osm"]]
