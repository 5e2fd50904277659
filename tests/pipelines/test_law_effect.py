"""Which segments another law moves; oracle: the limits of two whole runs."""

from pathlib import Path

import pytest

from pipelines import law_effect as module
from pipelines.law_effect import Change, Says, _change, effect_lines, law_effect
from pipelines.table import TableError
from schemas.speed_limit import SPEED_LIMIT
from tasks.readers.features import read_features
from tasks.readers.roads import read_roads
from tasks.segment_law import LawFile
from tests.pipelines.local import all_rows
from tests.pipelines.run_folder import inferred_folder
from tests.roads import road_row, road_table

TOWN = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"

LAW = """\
[road_type.urban]
exact = "zone:traffic=urban"
[road_type.rural]
exact = "zone:traffic=rural"
[road_type.motorway]
exact = "highway=motorway"

[jurisdiction.XA]
date = 2025-01-31
source = "Act 5"

[[jurisdiction.XA.road]]
type = "motorway"
maxspeed = "none"

[[jurisdiction.XA.road]]
type = "urban"
maxspeed = "{urban}"

[[jurisdiction.XA.road]]
maxspeed = "{rural}"

[jurisdiction.FI]
date = 2025-01-31
source = "Act 6"

[[jurisdiction.FI.road]]
type = "motorway"
maxspeed = "{motorway}"

[[jurisdiction.FI.road]]
type = "urban"
maxspeed = "{urban}"

[[jurisdiction.FI.road]]
maxspeed = "{rural}"
"""


def law(folder: Path, *, urban: str = "50", rural: str = "80", motorway: str = "none") -> LawFile:
    file = folder / f"{urban}-{rural}-{motorway}.toml"
    file.write_text(LAW.format(urban=urban, rural=rural, motorway=motorway), encoding="utf-8")
    return LawFile.of(file)


ROADS = {
    "w1:n1-n2": {},
    "w2:n2-n3": {"tags": {"maxspeed": "60"}},
    "w3:n3-n4": {"tags": {"maxspeed": "FI:urban"}, "name": "Named"},
    "w4:n4-n5": {"tags": {"maxspeed": "FI:rural"}},
    "w5:n5-n6": {"class_": "motorway", "tags": {"highway": "motorway"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Roads of one kind each in the emptiness of Lapland."""
    into = tmp_path_factory.mktemp("run")
    lines = ([(25 + i / 10, 68.0), (25.01 + i / 10, 68.0)] for i in range(len(ROADS)))
    rows = [road_row(key, line, **given) for (key, given), line in zip(ROADS.items(), lines, strict=True)]
    inferred_folder(road_table(rows), into, tiles=2, law=law(into))
    return into


@pytest.mark.parametrize(
    ("new", "moved", "stated"),
    [
        ({}, {}, 0),
        ({"rural": "90"}, {"w1:n1-n2": ("80 km/h", "90 km/h"), "w4:n4-n5": ("80 km/h", "90 km/h")}, 1),
        ({"urban": "40"}, {"w3:n3-n4": ("50 km/h", "40 km/h")}, 0),
        ({"motorway": "120"}, {"w5:n5-n6": ("unlimited", "120 km/h")}, 0),
        ({"motorway": "walk"}, {"w5:n5-n6": ("unlimited", "walking pace")}, 0),
    ],
)
def test_who_is_moved(
    folder: Path, tmp_path: Path, new: dict[str, str], moved: dict[str, tuple[str, str]], stated: int
) -> None:
    """`stated`: segments whose law changes as well, but whose limit is posted."""
    effect = law_effect(folder, law(tmp_path), law(tmp_path, **new))
    assert {each.segment_id: (each.old, each.new) for each in effect.first} == moved
    assert (effect.whole.segments, effect.moved.segments, effect.stated.segments) == (5, len(moved), stated)
    assert effect.moved.km == pytest.approx(sum(each.km for each in effect.first))


@pytest.mark.parametrize(
    ("basis", "is_moved"),
    [
        ("posted", False),
        ("sign", False),
        ("zone", False),
        ("implicit", False),
        ("continuity", True),
        ("law", True),
        ("learned", True),
        ("fuzzy", True),
        (None, True),
    ],
)
def test_what_a_limit_rests_on_decides(basis: str | None, is_moved: bool) -> None:
    assert (_change(basis, Says("a", "b"), Says("c", "b")) is not None) == is_moved
    assert _change(basis, Says("a", "b"), Says("a", "b")) is None
    assert (_change(basis, Says("a", "b"), Says("a", "c")) is not None) == (basis == "implicit")
    wanted = ("b", "d") if basis == "implicit" else ("a", "c") if is_moved else None
    assert _change(basis, Says("a", "b"), Says("c", "d")) == wanted


def test_the_first_are_listed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTED", 1)
    lines = effect_lines(law_effect(folder, law(tmp_path), law(tmp_path, rural="90")))
    assert lines == [
        "2 of 5 segments (0.8 of 2.1 km) rest on a law that says something else",
        "  w1:n1-n2  80 km/h -> 90 km/h",
        "  and 1 more",
        "1 more (0.4 km) have a limit on signs or in the map, which stays",
    ]


def test_whose_limit_is_another_in_the_next_run_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTED", 10_000)
    segments, features = read_roads([TOWN]).segments, read_features([TOWN]).features
    old, new = law(tmp_path), law(tmp_path, urban="30", rural="20")
    limits = []
    for each in (old, new):
        into = tmp_path / each.digest
        inferred_folder(segments, into, features=features, law=each)
        rows = all_rows(into, SPEED_LIMIT)
        limits.append(dict(zip(rows["segment_id"].to_pylist(), rows["max_speed_forward_kmh"].to_pylist(), strict=True)))
    changed = {key for key, value in limits[0].items() if limits[1][key] != value}
    effect = law_effect(tmp_path / old.digest, old, new)
    named = {each.segment_id for each in effect.first}
    assert changed
    assert changed <= named
    assert len(named) + effect.stated.segments == effect.whole.segments == 928


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such table: run a flow"):
        law_effect(tmp_path, law(tmp_path), law(tmp_path))


def test_a_change_is_told_with_its_name() -> None:
    effect = module.Effect(first=[Change("w1", "Street", 1.0, "no law", "50 km/h")], moved=module.Count(1, 1.0))
    assert effect_lines(effect)[1] == "  w1  no law -> 50 km/h  Street"
