"""How many segments a second and a core the stages from roads to limits take, and how much memory a worker.

Run as `python -m tests.benchmarks.test_limit_stages [SEGMENTS …]`; before the clock starts Ray is up and the code
compiled.
"""

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely
from prefect import flow

from pipelines.costs import Costs
from pipelines.map_features import commit_features, drawn_in
from pipelines.reading import write_note
from pipelines.road_segments import lay_grid
from pipelines.settings import DEFAULTS
from pipelines.speed_limits import Sources, infer_limits
from pipelines.table import Table
from schemas.geometry import BOX
from schemas.map_feature import MAP_FEATURE
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from tasks.built_up_model.evidence import seen_in
from tasks.readers.features import FeatureReading, read_features
from tests.benchmarks.shifted_roads import DEGREES_APART, EXTRACT, base_roads, lay_out

CORES = multiprocessing.cpu_count()


def base_features() -> pa.Table:
    """What lies beside the roads of the real extract; nothing where it is absent."""
    return read_features([EXTRACT]).features if EXTRACT.exists() else MAP_FEATURE.empty()


def shifted(base: pa.Table, copy: int) -> pa.Table:
    """Copy number `copy` of features, moved as the roads are."""
    off = np.array((DEGREES_APART * (copy % 20), -DEGREES_APART * (copy // 20)))
    shapes = shapely.transform(shapely.from_wkb(base.column("geometry").to_numpy()), lambda xy: xy + off)
    moved = dict(zip(("xmin", "ymin", "xmax", "ymax"), shapely.bounds(shapes).T, strict=True))
    boxes = pa.StructArray.from_arrays([pa.array(moved[side.name]) for side in BOX], fields=list(BOX))
    ids = pc.binary_join_element_wise(base.column("feature_id"), f"c{copy}", "-")
    columns = {"feature_id": ids, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()), "bbox": boxes}
    for name, values in columns.items():
        base = base.set_column(base.column_names.index(name), MAP_FEATURE[name].arrow, values)
    return base


def lay_out_all(count: int, into: Path) -> tuple[Table, Table]:
    """Commit at least `count` segments and what lies beside them."""
    roads, features = base_roads(), base_features()
    segments = lay_out(roads, count, into)
    whole = segments.rows(["bbox"])
    copies = whole.num_rows // roads.num_rows
    beside = pa.concat_tables(
        [MAP_FEATURE.empty(), *(shifted(features, copy) for copy in range(copies) if len(features))]
    )
    table = commit_features(
        FeatureReading(beside, REJECT.empty(), beside.num_rows), lay_grid(whole, None, 20_000), into
    )
    seen = seen_in(roads.column("class").to_pylist(), roads.column("length_m").to_numpy(), features)
    write_note(table, None, seen=seen)
    return segments, table


def infer(segments: Table, features: Table, into: Path) -> dict[str, float]:
    """Run all stages; return seconds, segments, and the peak memory of a worker."""
    drawn_in(features)
    started = time.perf_counter()
    limits = flow(infer_limits, name="benchmark", validate_parameters=False)(
        segments, features, str(into), Sources("US-OH"), DEFAULTS
    )
    seconds = time.perf_counter() - started
    count = sum(receipt.rows_out for receipt in limits.receipts().values())
    peak = max(tile.peak_mb for tile in Costs(limits).tiles.values())
    return {"segments": count, "seconds": seconds, "peak_mb": peak}


@pytest.mark.ray
@pytest.mark.bench
@pytest.mark.usefixtures("cluster", "prefect")
def test_all_stages_give_every_segment_a_limit(tmp_path: Path) -> None:
    segments, features = lay_out_all(2_000, tmp_path)
    measured = infer(segments, features, tmp_path)
    assert measured["segments"] == segments.rows([ROAD_SEGMENT.key]).num_rows


def main(counts: list[int]) -> None:
    from pipelines.stage import connect

    connect(DEFAULTS)
    with tempfile.TemporaryDirectory() as folder:
        infer(*lay_out_all(1_000, Path(folder) / "warm"), Path(folder) / "warm")  # compiles, and starts all services
        for count in counts:
            into = Path(folder) / str(count)
            measured = infer(*lay_out_all(count, into), into)
            pace = measured["segments"] / measured["seconds"] / CORES
            print(
                f"{measured['segments']:>10,} segments {measured['seconds']:8.1f} s  {pace:7,.0f} segments/s/core  "
                f"{measured['peak_mb']:6.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [250_000, 1_000_000])
