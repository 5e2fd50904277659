"""Contracts: what validation refuses, what Parquet files say of themselves, and their golden files."""

import importlib
import json
import pkgutil
from pathlib import Path

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

import schemas
from schemas.contract import Contract, ContractError, as_json, field
from schemas.geometry import BBOX_FIELD, GEOMETRY_FIELD

GOLDEN = Path(__file__).parents[1] / "golden"

MODULES = [importlib.import_module(f"schemas.{module.name}") for module in pkgutil.iter_modules(schemas.__path__)]
CONTRACTS = {value.name: value for module in MODULES for value in vars(module).values() if isinstance(value, Contract)}

GRADE = Contract(
    name="grade",
    version=2,
    key="segment_id",
    fields=(
        field("segment_id", pa.string(), "Stable id."),
        field("mean", pa.float32(), "From first to last height.", unit="%"),
        field("note", pa.string(), "Words.", nullable=True),
    ),
)
PLACE = Contract(
    name="place",
    version=1,
    key="id",
    fields=(field("id", pa.string(), "Id."), GEOMETRY_FIELD, BBOX_FIELD),
    geometry_types=("Point",),
)


def grades(**columns: object) -> pa.Table:
    given = {"segment_id": ["a", "b"], "mean": pa.array([1.0, 2.0], pa.float32()), "note": pa.nulls(2, pa.string())}
    return pa.table(given | columns)


def test_a_table_that_keeps_its_promise_passes() -> None:
    GRADE.validate(grades())


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (grades().drop_columns(["mean"]), "grade v2: no column 'mean'"),
        (grades(mean=[1.0, 2.0]), "grade v2: 'mean' is double, not float"),
        (grades(mean=pa.array([1.0, None], pa.float32())), "grade v2: 1 nulls in 'mean'"),
        (grades(segment_id=["a", "a"]), "grade v2: segment_id 'a' stands more than once"),
    ],
)
def test_a_broken_promise_is_told_in_one_line(table: pa.Table, words: str) -> None:
    with pytest.raises(ContractError, match=rf"^{words}$"):
        GRADE.validate(table)


def test_a_key_may_repeat_where_the_contract_says_so() -> None:
    readings = Contract(name="r", version=1, key="segment_id", fields=GRADE.fields, is_key_unique=False)
    readings.validate(grades(segment_id=["a", "a"]))


def test_conform_orders_casts_and_drops_columns() -> None:
    told = pa.table({"extra": [0], "note": ["x"], "mean": [1.5], "segment_id": ["a"]})
    shaped = GRADE.conform(told)
    assert shaped.schema.equals(GRADE.schema, check_metadata=True)
    assert shaped.to_pylist() == [{"segment_id": "a", "mean": 1.5, "note": "x"}]


def test_conform_names_the_missing_column() -> None:
    with pytest.raises(ContractError, match="no column 'mean'"):
        GRADE.conform(grades().drop_columns(["mean"]))


def test_fields_carry_meaning_and_unit() -> None:
    assert GRADE["mean"].arrow.metadata == {b"meaning": b"From first to last height.", b"unit": b"%"}
    with pytest.raises(KeyError, match="grade v2 has no field 'worst'"):
        GRADE["worst"]


def test_metadata_name_the_contract() -> None:
    assert json.loads(GRADE.metadata[b"waysmith"]) == {"contract": "grade", "version": 2, "key": "segment_id"}
    assert b"geo" not in GRADE.metadata


def test_a_table_with_geometry_is_geoparquet(tmp_path: Path) -> None:
    point = shapely.Point(24.9, 60.1)
    box = {"xmin": 24.9, "ymin": 60.1, "xmax": 24.9, "ymax": 60.1}
    table = PLACE.conform(pa.table({"id": ["a"], "geometry": [point.wkb], "bbox": pa.array([box], PLACE["bbox"].type)}))
    pq.write_table(table, tmp_path / "place.parquet")
    frame = geopandas.read_parquet(tmp_path / "place.parquet", bbox=(24, 60, 25, 61))
    assert list(frame.geometry) == [point]
    assert frame.crs.equals("OGC:CRS84")
    assert geopandas.read_parquet(tmp_path / "place.parquet", bbox=(0, 0, 1, 1)).empty


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_an_empty_table_keeps_the_promise(contract: Contract) -> None:
    contract.validate(contract.empty())


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_golden(contract: Contract, update_golden: bool) -> None:
    file = GOLDEN / f"{contract.name}.json"
    if update_golden:
        file.write_text(json.dumps(as_json(contract), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    told = json.loads(file.read_text(encoding="utf-8"))
    assert as_json(contract) == told, "a field changed: raise `version`, then run pytest --update-golden"
