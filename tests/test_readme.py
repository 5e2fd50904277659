"""What the README tells people to type."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.probes import probes
from pipelines.speed_limits import speed_limits
from tests.pipelines.local import written
from tests.pipelines.run_folder import inferred_folder
from tests.roads import random_roads

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


@pytest.mark.ray
def test_the_task_of_one_s_own_runs_as_printed(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.+?)```", README, re.DOTALL)
    assert code
    script = tmp_path / "winding.py"
    script.write_text(code[1], encoding="utf-8")
    into = tmp_path / "out"
    written(random_roads(20), into, tiles=3)
    env = os.environ | {"PYTHONPATH": str(PROJECT), "PREFECT_HOME": str(tmp_path / "prefect")}
    done = subprocess.run([sys.executable, script, into], env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("turn_per_km") == 3


def test_the_query_of_the_readme_runs(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    query = re.search(r"```sql\n(.+?)```", README, re.DOTALL)
    assert query
    roads = random_roads(40)
    inferred_folder(roads, tmp_path, tiles=3)
    rows = duckdb.sql(query[1].replace("out/demo", str(tmp_path))).fetchall()
    assert sum(row[3] for row in rows) == pytest.approx(sum(roads["length_m"].to_pylist()) / 1000, abs=0.2)


def test_the_deployments_name_flows_and_their_parameters() -> None:
    told = yaml.safe_load((PROJECT / "infra/prefect.yaml").read_text())["deployments"]
    for each, flow in zip(told, (speed_limits, probes), strict=True):
        assert each["entrypoint"] == f"{flow.fn.__module__}.{flow.fn.__name__}"
        flow.validate_parameters(each["parameters"])
        assert all((PROJECT / file).exists() for file in each["parameters"]["roads"])


def test_the_three_names_come_from_this_checkout() -> None:
    import pipelines
    import schemas
    import tasks

    for package in (pipelines, schemas, tasks):
        assert Path(package.__file__).parents[1] == PROJECT
