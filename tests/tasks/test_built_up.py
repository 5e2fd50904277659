"""Built up or not: what must raise it, what must not move it, and how well it does on maps it never saw."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.map_feature import MAP_FEATURE
from schemas.vocabulary import FeatureKind
from tasks.area import areas
from tasks.built_up import REACH_M, SURE, BuiltUp, BuiltUpParams, built_up
from tasks.built_up_model.evidence import NAMES, PIECES, Drawn, Roads, Seen, drawn, evidence, junctions, seen_in
from tasks.built_up_model.surroundings import MOST_STEPS, Around, Ground, samples_of
from tasks.built_up_model.training import Examples, left_out, train
from tasks.built_up_model.truth import Statement, statement
from tasks.built_up_model.weights import FILE, Weights, learn, read_weights
from tasks.measure import GEOD, lengths
from tasks.readers.line import boxes
from tests.tasks.readers.osm_files import Way, write

DRAWN = BuiltUpParams(Drawn(1.0, 1.0))
METRE = 1 / 111_195
"""Degrees of latitude in a metre, nearly."""


def features(*rows: tuple[FeatureKind, str, shapely.Geometry]) -> pa.Table:
    if not rows:
        return MAP_FEATURE.empty()
    shapes = [shape for _, _, shape in rows]
    columns = {
        "feature_id": [f"n{number}" for number in range(len(rows))],
        "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
        "bbox": boxes(shapely.bounds(shapes)),
        "kind": [str(kind) for kind, _, _ in rows],
        "value": [value for _, value, _ in rows],
        "area_m2": areas(shapes),
        "tags": pa.array([[] for _ in rows], MAP_FEATURE["tags"].type),
    }
    return MAP_FEATURE.conform(pa.table(columns))


def asked(lines: list[shapely.LineString], beside: pa.Table | None = None, **columns: Any) -> BuiltUp:
    count = len(lines)
    given = {
        "geometry": np.array(lines, dtype=object),
        "length_m": lengths(lines),
        "class_": ["secondary"] * count,
        "subclass": [None] * count,
        "name": [None] * count,
        "tags": [{}] * count,
        "codes": [[]] * count,
        "map_feature": features() if beside is None else beside,
        "params": DRAWN,
    }
    return built_up(**(given | columns))


def straight(lon: float = 9.0, lat: float = 48.0, metres: float = 200.0) -> shapely.LineString:
    return shapely.LineString([(lon, lat), (lon, lat + metres * METRE)])


def houses(count: int, metres_east: float, lat: float = 48.0009) -> list[tuple[FeatureKind, str, shapely.Geometry]]:
    east = metres_east * METRE / np.cos(np.radians(lat))
    return [(FeatureKind.BUILDING, "house", shapely.Point(9.0 + east, lat + i * METRE)) for i in range(count)]


LAND = shapely.box(8.99, 47.99, 9.01, 48.01)
AT_ROAD = shapely.Point(9.0001, 48.0009)


@pytest.mark.parametrize(
    ("row", "sign"),
    [
        ((FeatureKind.LAND_USE, "residential", LAND), 1),
        ((FeatureKind.LAND_USE, "farmland", LAND), -1),
        ((FeatureKind.LAND_USE, "cemetery", LAND), 0),
        ((FeatureKind.PLACE, "village", AT_ROAD), 1),
        ((FeatureKind.PLACE, "island", AT_ROAD), 0),
        ((FeatureKind.PLACE, "town", LAND), 1),
        ((FeatureKind.STREET_LAMP, "street_lamp", AT_ROAD), 1),
        ((FeatureKind.CROSSING, "marked", AT_ROAD), 1),
        ((FeatureKind.TRAFFIC_CALMING, "hump", AT_ROAD), 1),
    ],
)
def test_what_lies_at_the_road_moves_the_odds_the_way_it_should(row: Any, sign: int) -> None:
    (before,), (after,) = asked([straight()]).built_up, asked([straight()], features(row)).built_up
    assert np.sign(round(after - before, 9)) == sign


@pytest.mark.parametrize(
    ("tags", "sign"),
    [
        ({"lit": "yes"}, 1),
        ({"lit": "24/7"}, 1),
        ({"lit": "no"}, -1),
        ({"sidewalk": "both"}, 1),
        ({"sidewalk:right": "separate"}, 1),
        ({"sidewalk": "no"}, -1),
        ({"surface": "gravel"}, -1),
        ({"surface": "asphalt"}, 0),
    ],
)
def test_tags_move_the_odds_the_way_they_should(tags: dict[str, str], sign: int) -> None:
    (before,), (after,) = asked([straight()]).built_up, asked([straight()], tags=[tags]).built_up
    assert np.sign(round(after - before, 9)) == sign


@given(st.lists(st.tuples(st.integers(1, 8), st.floats(5, 600)), max_size=6), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_more_houses_never_make_it_less_likely(groups: list[tuple[int, float]], share: float) -> None:
    rows: list[Any] = []
    told = []
    for count, away in [(0, 0.0), *groups]:
        rows += houses(count, away)
        told.append(asked([straight()], features(*rows), params=BuiltUpParams(Drawn(share, share))).built_up[0])
    assert told == sorted(told)


def test_every_weight_has_the_sign_of_its_piece() -> None:
    for piece, weight in zip(PIECES, read_weights().pieces, strict=True):
        assert weight * piece.sign >= 0, piece.name
    known = dict(zip(NAMES, read_weights().pieces, strict=True))
    assert min(known["buildings_60"], known["built_land"], known["streets_400"], known["is_lit"]) > 0.1


def test_a_map_without_buildings_says_nothing_by_it() -> None:
    (unknown,) = asked([straight()], params=BuiltUpParams(Drawn(0.0, 0.0))).built_up
    (none_there,) = asked([straight()], params=BuiltUpParams(Drawn(1.0, 1.0))).built_up
    assert none_there < unknown - 0.01


def test_nothing_beyond_the_reach_counts() -> None:
    far = (REACH_M + 20) * METRE
    row = [
        (kind, value, shapely.Point(9.0, 48.0 - far))
        for kind, value in [
            (FeatureKind.BUILDING, "yes"),
            (FeatureKind.PLACE, "town"),
            (FeatureKind.STREET_LAMP, "street_lamp"),
        ]
    ]
    road = shapely.LineString([(8.999, 48.0 - far), (9.001, 48.0 - far)])
    alone = asked([straight()]).built_up[0]
    assert asked([straight(), road], features(*row), class_=["secondary", "residential"]).built_up[0] == alone


def test_a_law_that_the_map_names_decides() -> None:
    codes = [
        [{"key": "zone:traffic", "code": code, "heading": None} for code in row]
        for row in (["DE:urban"], ["DE:rural"], ["DE:motorway"], ["DE:urban", "DE:rural"], [])
    ]
    told = asked([straight(9.0 + i / 10) for i in range(5)], codes=codes)
    assert told.built_up[:2] == [SURE, 1 - SURE]
    assert told.built_up[2] == told.built_up[4]
    assert told.built_up[3] == told.built_up[4]
    assert told.built_up_note[0].startswith("the map names DE:urban")


def test_the_note_names_the_strongest_first() -> None:
    (note,) = asked([straight()], features(*houses(30, 20))).built_up_note
    assert note.startswith("for: buildings within 60 m")
    assert "against: " in note


def town(seed: int) -> tuple[list[shapely.LineString], list[str], pa.Table]:
    """Make a made-up town: streets of a crooked grid, houses along some of them, a few areas."""
    random = np.random.default_rng(seed)
    corners = {
        (i, j): (9 + i * 0.0017 + random.normal(0, 2e-4), 48 + j * 0.0011 + random.normal(0, 1e-4))
        for i in range(9)
        for j in range(9)
    }
    pairs = [((i, j), (i + 1, j)) for i in range(8) for j in range(9)] + [
        ((i, j), (i, j + 1)) for i in range(9) for j in range(8)
    ]
    lines = [shapely.LineString([corners[a], corners[b]]) for a, b in pairs if random.random() < 0.8]
    classes = random.choice(["residential", "service", "secondary", "track"], len(lines)).tolist()
    rows = [
        (FeatureKind.BUILDING, "yes", shapely.Point(9 + x * 0.014, 48 + y * 0.009)) for x, y in random.random((300, 2))
    ]
    rows += [(FeatureKind.PLACE, "village", shapely.Point(9.004, 48.004))]
    rows += [
        (FeatureKind.LAND_USE, value, shapely.box(9 + x, 48 + y, 9 + x + 0.003, 48 + y + 0.003))
        for value, x, y in [("residential", 0.001, 0.001), ("forest", 0.006, 0.002), ("retail", 0.004, 0.005)]
    ]
    return lines, classes, features(*rows)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("cut", [9.004, 9.0071])
def test_tiles_with_their_halo_give_the_same(seed: int, cut: float) -> None:
    lines, classes, beside = town(seed)
    whole = asked(lines, beside, class_=classes)
    boxes_of = shapely.bounds(lines)
    is_west = boxes_of[:, 0] < cut
    for is_own in (is_west, ~is_west):
        halo = (REACH_M + 10) * METRE / np.cos(np.radians(48.02))
        west, south, east, north = shapely.total_bounds(np.array(lines)[is_own])
        box = shapely.box(west - halo, south - halo, east + halo, north + halo)
        rows = np.flatnonzero(shapely.intersects(lines, box))
        near = beside.filter(pa.array(shapely.intersects(shapely.from_wkb(beside["geometry"].to_numpy()), box)))
        part = asked([lines[i] for i in rows], near, class_=[classes[i] for i in rows])
        answers = dict(zip(rows.tolist(), zip(part.built_up, part.built_up_note, strict=True), strict=True))
        for i in np.flatnonzero(is_own).tolist():
            assert answers[i] == (whole.built_up[i], whole.built_up_note[i])
        assert all((part.surroundings[k] == whole.surroundings[i]).all() for k, i in enumerate(rows) if is_own[i])


@given(st.permutations(range(6)))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    lines = [straight(9.0 + i * 1e-3) for i in range(6)]
    classes = ["residential", "service", "secondary", "track", "residential", "primary"]
    rows = [*houses(7, 30), (FeatureKind.PLACE, "village", AT_ROAD)]
    plain = asked(lines, features(*rows), class_=classes).built_up
    mixed = asked([lines[i] for i in order], features(*reversed(rows)), class_=[classes[i] for i in order]).built_up
    assert mixed == [plain[i] for i in order]


def test_turning_a_line_round_changes_nothing() -> None:
    lines, classes, beside = town(3)
    turned = asked([shapely.reverse(line) for line in lines], beside, class_=classes)
    assert turned.built_up == pytest.approx(asked(lines, beside, class_=classes).built_up, abs=1e-6)


def test_no_segments_are_no_trouble() -> None:
    told = asked([], features(*houses(3, 10)))
    assert (told.built_up, told.built_up_note, len(told.surroundings)) == ([], [], 0)


def test_counts_are_those_of_geodesic_distances() -> None:
    random = np.random.default_rng(7)
    for lat in (0.0, 47.0, -60.0):
        points = np.column_stack([9 + random.random(60) * 0.02, lat + random.random(60) * 0.01])
        others = np.column_stack([9 + random.random(80) * 0.02, lat + random.random(80) * 0.01])
        (found,) = Around(points).counts(others, 300)
        for (lon, here), count in zip(points, found, strict=True):
            away = GEOD.inv(np.full(80, lon), np.full(80, here), others[:, 0], others[:, 1])[2]
            assert np.sum(away < 297) <= count <= np.sum(away < 303)  # the sphere is off by up to 0.6 %


def test_samples_are_few_and_covers_are_those_of_shapely() -> None:
    lines = np.array([straight(metres=metres) for metres in (5, 121, 100_000)])
    samples = samples_of(lines, lengths(lines))
    assert np.diff(samples.starts).tolist() == [1, 2, MOST_STEPS]
    shapes = np.array([shapely.box(8.9, 48.0, 9.1, 48.001), shapely.box(8.9, 48.5, 9.1, 48.6)])
    expected = [any(shape.intersects(shapely.Point(xy)) for shape in shapes) for xy in samples.xy]
    assert Ground(samples.xy).covered(shapes).tolist() == expected


def test_junctions_are_ends_and_crossings_but_not_places_where_a_road_goes_on() -> None:
    lines = shapely.from_wkt(
        ["LINESTRING (0 0, 1 0)", "LINESTRING (1 0, 2 0)", "LINESTRING (2 0, 3 0)", "LINESTRING (2 0, 2 1)"]
    )
    assert junctions(lines).tolist() == [[0, 0], [2, 0], [2, 1], [3, 0]]


def test_how_much_a_map_draws_adds_up_over_its_parts() -> None:
    lines, classes, beside = town(1)
    metres = lengths(lines)
    parts = [
        seen_in(classes[:40], metres[:40], beside.slice(0, 100)),
        seen_in(classes[40:], metres[40:], beside.slice(100)),
    ]
    whole = seen_in(classes, metres, beside)
    assert parts[0] + parts[1] == pytest.approx(whole)
    assert whole.buildings == 300
    assert drawn(Seen(0.0, 0, 0.0)) == Drawn(0.0, 0.0)


@pytest.mark.parametrize(
    ("class_", "codes", "posted", "country", "expected"),
    [
        ("primary", ["DE:urban"], (70, "km/h"), "DE", Statement(True, 1.0)),
        ("primary", ["DE:zone30"], None, "DE", Statement(True, 1.0)),
        ("primary", ["DE:rural"], (50, "km/h"), "DE", Statement(False, 1.0)),
        ("primary", ["DE:motorway"], None, "DE", None),
        ("primary", [], (50, "km/h"), "DE", Statement(True, 0.5)),  # § 3 StVO: 50 inside, 100 outside
        ("primary", [], (60, "km/h"), "DE", None),
        ("primary", [], (100, "km/h"), "DE", Statement(False, 0.5)),
        ("motorway", [], (50, "km/h"), "DE", None),
        ("primary", [], (30, "km/h"), "US", None),
        ("primary", [], (25, "mph"), "US", Statement(True, 0.5)),
        ("primary", [], (55, "mph"), "US", Statement(False, 0.5)),
        ("primary", [], (50, "km/h"), "XX", None),
        ("primary", [], (50, "km/h"), None, None),
        ("primary", [], None, "DE", None),
    ],
)
def test_the_truth_is_what_the_map_states(class_: str, codes: Any, posted: Any, country: Any, expected: Any) -> None:
    assert statement(class_=class_, codes=codes, posted=posted, country=country) == expected


def test_weights_are_found_again_in_data_made_from_them() -> None:
    random = np.random.default_rng(5)
    rows = random.random((20_000, len(PIECES)))
    true = np.array([1.5 if piece.sign >= 0 else -1.5 for piece in PIECES])
    odds = rows @ true - (true.sum() / 2)
    is_built_up = random.random(len(rows)) < 1 / (1 + np.exp(-odds))
    found = learn(rows, is_built_up, np.ones(len(rows)))
    assert np.array(found.pieces) == pytest.approx(true, abs=0.35)


def test_a_sign_that_a_piece_may_not_have_becomes_nothing() -> None:
    rows = np.zeros((400, len(PIECES)))
    rows[:200, NAMES.index("town")] = 1
    found = learn(rows, rows[:, NAMES.index("town")] == 0, np.ones(400))
    assert found.pieces[NAMES.index("town")] == 0


def test_weights_that_differ_from_the_evidence_are_told(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text('{"intercept": 0, "weights": {"moon": 1}}')
    with pytest.raises(ValueError, match=r"w\.json: .*moon"):
        read_weights(tmp_path / "w.json")


def test_the_weights_of_the_project_are_learned_from_the_files_they_name(shared_data: Path) -> None:
    told = json.loads(FILE.read_text())
    files = [next(shared_data.rglob(each["file"])) for each in told["source"]["inputs"]]
    trained = train(files[::-1])
    again = json.loads(trained.text)
    assert again["source"] == told["source"]
    assert again["weights"] == pytest.approx(told["weights"], abs=0.02)
    for name in ("liechtenstein.osm.pbf", "north-bayreuth.osm.gz", "columbus.osm.pbf", "boulder.parquet"):
        full, bare = trained.scores[name]  # of weights that never saw this map
        assert full.auc > 0.9
        assert full.accuracy >= 0.85
        assert full.log_loss <= bare.log_loss + 0.03


def test_nothing_to_learn_from_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.osm", {1: (9.0, 48.0), 2: (9.001, 48.0)}, [Way(1, [1, 2])])
    with pytest.raises(ValueError, match="expected some that are and some not"):
        train([file])


def test_a_map_alone_has_no_others_to_be_judged_by() -> None:
    one = Examples(np.zeros((2, len(PIECES))), np.zeros((2, len(PIECES))), np.array([True, False]), np.ones(2))
    assert left_out({"a": one}) == {}


def test_evidence_lies_between_0_and_1() -> None:
    lines, classes, beside = town(4)
    blank: list[Any] = [None] * len(lines)
    rows = evidence(Roads(np.array(lines), lengths(lines), classes, blank, blank, blank), beside, Drawn(1.0, 1.0))
    assert rows.shape == (len(lines), len(PIECES))
    assert rows.min() >= 0
    assert rows.max() <= 1
    assert Weights(0.0, (0.0,) * len(PIECES)).log_odds(rows).tolist() == [0.0] * len(lines)
