"""Tiles as bytes: read back by pyarrow alone."""

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.tile_bytes import encoded
from schemas.contract import Contract, field
from schemas.receipt import RECEIPT_KEY, Receipt

STEP = pa.struct([("at", pa.float64()), ("count", pa.int32()), ("when", pa.timestamp("us", tz="UTC"))])
NESTED = Contract(
    "nested", 1, "id",
    (
        field("id", pa.string(), "Id."),
        field("metres", pa.float32(), "Length.", unit="m", nullable=True),
        field("since", pa.map_(pa.string(), pa.timestamp("us", tz="UTC")), "Times."),
        field("steps", pa.list_(STEP), "Steps."),
    ),
)  # fmt: skip
ROW = {"id": "a", "metres": 1.5, "since": {"b": 5}, "steps": [{"at": 0.5, "count": 1, "when": 7}]}
REPEATING = {"id", "since.key_value.key", "steps.list.element.count"}


def test_a_dictionary_is_tried_for_what_may_repeat_and_not_for_measurements_and_times() -> None:
    rows = pa.Table.from_pylist([ROW, ROW], schema=NESTED.schema)
    receipt, content = encoded(NESTED, rows, Receipt("q0", "", "", 2, 0, 0, 0.0))
    file = pq.ParquetFile(pa.BufferReader(content))
    columns = [file.metadata.row_group(0).column(index) for index in range(file.metadata.num_columns)]
    assert {each.path_in_schema for each in columns if each.has_dictionary_page} == REPEATING
    assert {each.path_in_schema for each in columns} > REPEATING
    assert file.read().equals(rows)
    assert Receipt.from_json(file.metadata.metadata[RECEIPT_KEY]) == receipt
