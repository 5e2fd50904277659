"""Overture's buildings, base and divisions, written in code after the published schema."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from tasks.readers.features import read_features
from tasks.readers.reading import ReadError

SQUARE = shapely.to_wkb(shapely.box(9.0, 48.0, 9.001, 48.001))
POINT = shapely.to_wkb(shapely.Point(9.0, 48.0))
NAMES = pa.struct([("primary", pa.string())])


def parquet(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def found(*files: Path) -> list[tuple[Any, ...]]:
    rows = read_features(files).features.to_pylist()
    return [(row["feature_id"], row["kind"], row["value"], dict(row["tags"])) for row in rows]


def test_buildings(tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "a.parquet",
        id=["b1", "b2", "b3"],
        geometry=[SQUARE, SQUARE, SQUARE],
        version=[1, 1, 1],
        subtype=pa.array(["residential", "residential", None]),
        **{"class": pa.array(["house", None, None], pa.string())},
        has_parts=[False, False, False],
    )
    assert found(file) == [
        ("b1", "building", "house", {}),
        ("b2", "building", "residential", {}),
        ("b3", "building", "yes", {}),
    ]
    row = read_features([file]).features.to_pylist()[0]
    assert shapely.from_wkb(row["geometry"]).equals_exact(shapely.Point(9.0005, 48.0005), 1e-9)


def test_base_rows_are_told_by_their_words_where_the_file_does_not_say(tmp_path: Path) -> None:
    columns = {
        "id": ["l1", "l2", "l3", "l4", "l5"],
        "geometry": [SQUARE, SQUARE, SQUARE, POINT, POINT],
        "subtype": ["residential", "forest", "agriculture", "pedestrian", "power"],
        "class": ["residential", "forest", "farmland", "street_lamp", "power_pole"],
    }
    # The subtype `forest` is one of land cover (theme base, type land), no land use.
    assert found(parquet(tmp_path / "a.parquet", **columns)) == [
        ("l1", "land_use", "residential", {}),
        ("l3", "land_use", "farmland", {}),
        ("l4", "street_lamp", "street_lamp", {}),
    ]


def test_divisions_and_their_areas(tmp_path: Path) -> None:
    divisions = parquet(
        tmp_path / "theme=divisions/type=division/a.parquet",
        id=["d1", "d2", "d3"],
        geometry=[POINT] * 3,
        subtype=["locality", "neighborhood", "country"],
        names=pa.array([{"primary": "Tübingen"}, None, {"primary": "Deutschland"}], NAMES),
        population=pa.array([90_000, None, None]),
        **{"class": pa.array(["town", None, None], pa.string())},
    )
    areas = parquet(
        tmp_path / "theme=divisions/type=division_area/a.parquet",
        id=["a1", "a2", "a3"],
        geometry=[SQUARE] * 3,
        subtype=["country", "region", "locality"],
        country=["US", "US", "US"],
        region=pa.array([None, "US-OR", "US-OR"], pa.string()),
        **{"class": ["land", "land", "land"]},
    )
    assert divisions != areas
    assert found(tmp_path) == [
        ("a1", "boundary", "US", {}),
        ("a2", "boundary", "US-OR", {}),
        ("d1", "place", "town", {"name": "Tübingen", "population": "90000"}),
        ("d2", "place", "neighbourhood", {}),
    ]


def test_roads_give_none(shared_data: Path) -> None:
    assert found(shared_data / "overture/boulder.parquet") == []


@pytest.mark.parametrize(
    ("geometry", "name", "reason", "message"),
    [
        (b"\x01\x02", "b1", "bad_geometry", "cannot be read"),
        (None, "b1", "bad_geometry", "missing"),
        (shapely.to_wkb(shapely.box(179, 91, 179.1, 91.1)), "b1", "bad_coordinate", "within ±90°"),
        (shapely.to_wkb(shapely.Point(float("nan"), 1)), "b1", "bad_coordinate", "expected"),
        (
            *(shapely.to_wkb(shapely.from_wkt("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")), "b1"),
            *("bad_geometry", "Self-intersection"),
        ),
        (shapely.to_wkb(shapely.box(-179.9, 10, 179.9, 11)), "b1", "crosses_antimeridian", "180°"),
        (SQUARE, None, "bad_value", "GERS id"),
    ],
)
def test_bad_rows_are_refused(
    tmp_path: Path, geometry: bytes | None, name: str | None, reason: str, message: str
) -> None:
    file = parquet(
        tmp_path / "a.parquet",
        id=["b0", name],
        geometry=pa.array([SQUARE, geometry], pa.binary()),
        has_parts=[False, False],
    )
    reading = read_features([file])
    assert reading.features["feature_id"].to_pylist() == ["b0"]
    (row,) = reading.rejects.to_pylist()
    assert (row["key"], row["reason"]) == (name or "", reason)
    assert message in row["message"]
    assert reading.records == 2


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", id=["b0"], geometry=[SQUARE], has_parts=[False])
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ReadError, match=r"a\.parquet: .*expected") as caught:
        read_features([file])
    assert "\n" not in str(caught.value)
