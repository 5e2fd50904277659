"""One tile as the bytes of a Parquet file, with its receipt in the footer."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract import BBOX, Contract
from schemas.receipt import RECEIPT_KEY, Receipt
from tasks.fingerprint import digest
from tasks.tiling import total_box

COMPRESSION = "zstd"
COMPRESSION_LEVEL = 1

ROWS_PER_GROUP = 65_536
"""Rows of a file that are read together at least: parts of a large tile are found by the keys of its groups."""


def encoded(contract: Contract, ordered: pa.Table, receipt: Receipt) -> tuple[Receipt, memoryview]:
    """Return a tile, whose rows are sorted by key, as a Parquet file, with its receipt completed.

    The bytes follow from rows and receipt alone.
    """
    box = total_box(ordered.column(BBOX)) if BBOX in contract.names else None
    sink = BytesIO()
    with pq.ParquetWriter(
        sink,
        contract.schema,
        compression=COMPRESSION,
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=repeating(contract.schema),
    ) as writer:
        writer.write_table(ordered, row_group_size=ROWS_PER_GROUP)
        # all pages are written by now and only the footer is missing: the pages are the rows
        complete = replace(receipt, digest=digest(sink.getvalue()), rows_out=ordered.num_rows, bbox=box)
        writer.add_key_value_metadata({RECEIPT_KEY: complete.to_json()})
    return complete, sink.getbuffer()


def repeating(schema: pa.Schema) -> list[str]:
    """Return the leaf columns that a dictionary is tried for: all but measurements and times, which seldom repeat.

    A dictionary that has grown too large is given up only after it was made.

    Examples
    --------
    >>> repeating(pa.schema([("id", pa.string()), ("m", pa.float64()), ("tags", pa.map_(pa.string(), pa.int8()))]))
    ['id', 'tags.key_value.key', 'tags.key_value.value']
    """
    leaves = (leaf for each in schema for leaf in _leaves(each.name, each.type))
    return [path for path, kind in leaves if not (pa.types.is_floating(kind) or pa.types.is_temporal(kind))]


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Yield the columns that Parquet stores, as it names them, with their types."""
    if pa.types.is_struct(kind):
        for each in kind:
            yield from _leaves(f"{path}.{each.name}", each.type)
    elif pa.types.is_map(kind):
        yield from _leaves(f"{path}.key_value.key", kind.key_type)
        yield from _leaves(f"{path}.key_value.value", kind.item_type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path, kind
