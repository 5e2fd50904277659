"""What lies beside the roads, on the grid of the roads."""

from pathlib import Path

import pytest
import shapely

from pipelines import map_features as module
from pipelines.map_features import commit_features, drawn_in, map_features, read_features_into_tiles, seen_from
from pipelines.road_segments import grid_of, read_into_tiles
from pipelines.table import Rejects, Table
from schemas.map_feature import MAP_FEATURE
from schemas.reject import REJECT
from tasks.built_up_model.evidence import REACH_M, drawn, seen_in
from tasks.readers.features import FeatureReading, read_features
from tasks.readers.reading import ReadError
from tasks.readers.roads import read_roads
from tests.pipelines.local import all_rows
from tests.roads import GEOD
from tests.tasks.readers.osm_files import Way, converted, write

TOWN = Path(__file__).parents[2] / "infra/demo/helsinki.osm.pbf"


def roads_of(file: Path, into: Path, tiles: int | None = None) -> Table:
    return read_into_tiles.fn([file], str(into), None, None, tiles, 20_000)


def features_of(file: Path, segments: Table, into: Path, box: tuple[float, float, float, float] | None = None) -> Table:
    return read_features_into_tiles.fn([file], segments, str(into), box)


@pytest.mark.parametrize("tiles", [1, 5])
def test_every_feature_is_in_one_tile_of_the_roads(tiles: int, tmp_path: Path) -> None:
    segments = roads_of(TOWN, tmp_path, tiles)
    made = features_of(TOWN, segments, tmp_path)
    whole = read_features([TOWN]).features.sort_by("feature_id")
    assert all_rows(tmp_path, MAP_FEATURE).equals(whole)
    assert set(made.tiles()) <= set(grid_of(segments).tiles)
    assert len(segments.tiles()) == tiles
    for tile in made.tiles():
        rows = made.read(tile)
        MAP_FEATURE.validate(rows)
        receipt = made.receipt(tile)
        assert receipt is not None
        assert (receipt.rows_in, receipt.rows_out) == (rows.num_rows, rows.num_rows)


def test_what_the_map_draws_is_noted(tmp_path: Path) -> None:
    """The same as from the tables themselves."""
    made = features_of(TOWN, roads_of(TOWN, tmp_path), tmp_path)
    roads, features = read_roads([TOWN]).segments, read_features([TOWN]).features
    assert drawn_in(made) == drawn(seen_in(roads["class"].to_pylist(), roads["length_m"].to_numpy(), features))


def test_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = roads_of(TOWN, tmp_path)
    calls = []

    def counted(files: list[Path], *, bbox: object) -> FeatureReading:
        calls.append(bbox)
        return read_features(files, bbox=bbox)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "read_features", counted)
    made = features_of(TOWN, segments, tmp_path)
    before = {tile: made.path(tile).stat().st_mtime_ns for tile in made.tiles()}
    assert features_of(TOWN, segments, tmp_path).tiles() == list(before)
    assert {tile: made.path(tile).stat().st_mtime_ns for tile in made.tiles()} == before
    assert calls == [None]
    box = (24.93, 60.165, 24.94, 60.175)
    features_of(TOWN, segments, tmp_path, box)
    assert calls == [None, box]
    assert all_rows(tmp_path, MAP_FEATURE).equals(read_features([TOWN], bbox=box).features.sort_by("feature_id"))


@pytest.mark.usefixtures("prefect")
def test_of_a_clipped_map_all_within_reach_of_its_roads_is_read(tmp_path: Path) -> None:
    """Roads that meet the box are kept whole: what is built up along them must not end at the box."""
    clip = (24.935, 60.168, 24.936, 60.169)
    segments = read_into_tiles.fn([TOWN], str(tmp_path), clip, None, None, 20_000)
    box = seen_from(segments)
    assert box is not None
    ends = shapely.total_bounds(shapely.from_wkb(segments.rows()["geometry"].to_numpy()))
    corners = [(box[0], ends[1], ends[0], ends[1]), (ends[2], ends[3], box[2], ends[3])]
    corners += [(ends[0], box[1], ends[0], ends[1]), (ends[2], ends[3], ends[2], box[3])]
    away = [GEOD.inv(*corner)[2] for corner in corners]
    assert all(REACH_M <= metres < 1.2 * REACH_M for metres in away)
    made = map_features.fn([str(TOWN)], segments, str(tmp_path), list(clip))
    assert made.rows().num_rows == read_features([TOWN], bbox=box).features.num_rows
    assert made.rows().num_rows > read_features([TOWN], bbox=clip).features.num_rows


def test_another_grid_leaves_no_tile_of_the_old_one(tmp_path: Path) -> None:
    features_of(TOWN, roads_of(TOWN, tmp_path, 5), tmp_path)
    segments = roads_of(TOWN, tmp_path, 2)
    made = features_of(TOWN, segments, tmp_path)
    assert set(made.tiles()) <= set(grid_of(segments).tiles)
    assert made.rows().num_rows == read_features([TOWN]).features.num_rows


def test_roads_alone_have_nothing_beside_them(tmp_path: Path) -> None:
    nodes = {1: (9.50, 47.10), 2: (9.51, 47.10)}
    file = write(tmp_path / "roads.osm", nodes, [Way(1, [1, 2])])
    made = features_of(file, roads_of(file, tmp_path / "out"), tmp_path / "out")
    assert made.tiles() == []
    assert made.rows().num_rows == 0
    drawn_in(made)


def test_xml_holds_what_pbf_does(tmp_path: Path) -> None:
    xml = converted(TOWN, tmp_path / "town.osm")
    for file, name in ((TOWN, "pbf"), (xml, "xml")):
        features_of(file, roads_of(file, tmp_path / name, 3), tmp_path / name)
    assert all_rows(tmp_path / "xml", MAP_FEATURE).equals(all_rows(tmp_path / "pbf", MAP_FEATURE))


def test_what_was_refused_is_told_and_forgotten_with_the_next_reading(tmp_path: Path) -> None:
    grid = grid_of(roads_of(TOWN, tmp_path))
    row = {"key": ["w1"], "task": ["read_features"], "reason": ["bad_geometry"], "message": ["no ring"]}
    refused = REJECT.empty().from_pydict(row, schema=REJECT.schema)
    commit_features(FeatureReading(MAP_FEATURE.empty(), refused, 1), grid, tmp_path)
    assert Rejects(tmp_path).rows()["key"].to_pylist() == ["w1"]
    commit_features(FeatureReading(MAP_FEATURE.empty(), REJECT.empty(), 0), grid, tmp_path)
    assert Rejects(tmp_path).rows().num_rows == 0


def test_a_file_that_is_no_map_is_told(tmp_path: Path) -> None:
    segments = roads_of(TOWN, tmp_path)
    bad = tmp_path / "bad.osm.pbf"
    bad.write_bytes(TOWN.read_bytes()[:20_000])
    with pytest.raises(ReadError, match=r"bad\.osm\.pbf"):
        features_of(bad, segments, tmp_path)
    assert Table(MAP_FEATURE, tmp_path / "map_feature").tiles() == []
