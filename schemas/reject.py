"""REJECT: rows that a stage refused or failed on."""

import pyarrow as pa

from schemas.contract import Contract, field

REJECT = Contract(
    name="reject",
    version=1,
    key="key",
    is_key_unique=False,
    fields=(
        field("key", pa.string(), "Key of the refused row: segment_id, or the source record (`w123@4`)."),
        field("task", pa.string(), "Task that refused it."),
        field("reason", pa.string(), "Coded reason; `RejectReason` lists them."),
        field("message", pa.string(), "The same in words, with the value and what was expected."),
    ),
)
