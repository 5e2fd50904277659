"""Rows put aside by owner: in memory or on disk, what comes back is what came, in its order."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.row_spill import RowSpill
from pipelines.table import TableError

SCHEMA = pa.schema([("name", pa.string()), ("values", pa.list_(pa.int64()))])


def table_of(numbers: list[int]) -> pa.Table:
    return pa.table({"name": [f"row {i}" for i in numbers], "values": [list(range(i % 4)) for i in numbers]}, SCHEMA)


@pytest.mark.parametrize("heap", [1, 400, 10**9])
@given(batches=st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=8))
def test_rows_of_an_owner_keep_their_order(
    heap: int, batches: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    spill = RowSpill(tmp_path_factory.mktemp("spill"), "row", 6, SCHEMA, heap)
    count = 0
    expected: dict[int, list[int]] = {owner: [] for owner in range(6)}
    for owners in batches:
        numbers = list(range(count, count + len(owners)))
        spill.add(table_of(numbers), np.array(owners, dtype=np.int64))
        for owner, number in zip(owners, numbers, strict=True):
            expected[owner].append(number)
        count += len(owners)
    spill.close()
    for owner, numbers in expected.items():
        assert spill.of(owner).equals(table_of(numbers))


def test_heaps_lie_on_disk(tmp_path: Path) -> None:
    spill = RowSpill(tmp_path, "row", 2, SCHEMA, 1000)
    for _ in range(4):
        spill.add(table_of(list(range(20))), np.arange(20) % 2)
    assert len(list(tmp_path.iterdir())) == len(spill.done) > 1


def test_a_full_disk_is_told(small_disk: Path) -> None:
    spill = RowSpill(small_disk, "row", 1, SCHEMA, 1)
    noise = np.random.default_rng(0).bytes(1_500_000).hex()  # does not pack below the half of it
    rows = pa.table({"name": [noise], "values": [[1]]}, SCHEMA)
    with pytest.raises(TableError, match=r"row-0.arrow: cannot write \d+ bytes of rows put aside"):
        spill.add(rows, np.zeros(1, dtype=np.int64))
