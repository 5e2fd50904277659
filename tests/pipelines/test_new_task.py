import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.call import CallError
from pipelines.cli import main
from pipelines.found_table import contract_named
from pipelines.new_task import KINDS, MOST_LETTERS, write_task
from pipelines.user_flow import load
from tests.pipelines.test_cli import TOWN, failed

PROJECT = Path(__file__).parents[2]
NAMES = {"row": "bendiness", "tile": "crowding"}


def called(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder."""
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["zug", "road_noise_2", "m" * MOST_LETTERS])
def test_the_files_are_as_ruff_wants_them(kind: str, name: str, tmp_path: Path) -> None:
    write_task(name, kind, tmp_path)
    rules = ["--select=E,F,I,B,UP,SIM,RUF,N,C4", "--ignore=RUF001,RUF002", "--line-length=120", "--no-cache"]
    checked = called(tmp_path, "ruff", "check", "--isolated", *rules, ".")
    assert checked.returncode == 0, checked.stdout
    laid_out = called(tmp_path, "ruff", "format", "--isolated", "--line-length=120", "--no-cache", "--diff", ".")
    assert laid_out.returncode == 0, laid_out.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_pass_and_can_fail(kind: str, tmp_path: Path) -> None:
    """All but the one that starts an engine; without a turn of the code, and with one."""
    name = NAMES[kind]
    code, test = write_task(name, kind, tmp_path)
    words = ("pytest", "-q", "-p", "no:cacheprovider", "-k", "not flow", test.name)
    done = called(tmp_path, *words)
    assert done.returncode == 0, done.stdout
    broken = {"row": ("% 360 - 180", "% 360"), "tile": ("dwithin", "intersects")}[kind]
    text = code.read_text()
    assert broken[0] in text
    code.write_text(text.replace(*broken).replace(", distance=reach", ", distance=None"))
    assert called(tmp_path, *words).returncode == 1


def test_the_task_of_the_docs_passes_the_tests_of_the_docs(tmp_path: Path) -> None:
    page = (PROJECT / "docs/first_task.md").read_text(encoding="utf-8")
    code, test = re.findall(r"```python\n(.+?)```", page, re.DOTALL)[:2]
    (tmp_path / "bend_speed.py").write_text(code, encoding="utf-8")
    (tmp_path / "test_bend_speed.py").write_text(test, encoding="utf-8")
    done = called(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_bend_speed.py")
    assert done.returncode == 0, done.stdout
    assert "24 passed" in done.stdout


@pytest.mark.ray
@pytest.mark.usefixtures("cluster", "prefect")
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_task_runs_unchanged(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = NAMES[kind]
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    assert main(["new-task", name, "--per", kind]) == 0
    assert f"waysmith run {name}.py:{name} --roads" in capsys.readouterr().out
    assert main(["run", f"./{name}.py:{name}", "--roads", str(TOWN), "--into", "out", "--time-limit", "60"]) == 0
    assert f"{name}: 928 rows in 1 tiles, 26.6 km" in capsys.readouterr().out
    found, own = contract_named("out", name), getattr(load(Path(f"{name}.py")), name.upper())
    assert (found.name, found.version, found.key, found.fields) == (own.name, own.version, own.key, own.fields)
    assert main(["tables", "out"]) == 0
    assert f"{name} " in capsys.readouterr().out
    assert main(["export", "out", name, "--to", "t.gpkg"]) == 0
    assert main(["plan", f"./{name}.py:{name}", "--roads", str(TOWN), "--into", "out"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to compute"


@pytest.mark.parametrize(
    "name", ["Road", "road-noise", "2fast", "json", "tasks", "run", "road_segments", "table", "test_it", "x" * 25, "_a"]
)
def test_a_name_that_would_clash_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert repr(name) in failed(capsys, "new-task", name, "--into", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("there", ["noise.py", "test_noise.py"])
def test_what_is_there_is_never_overwritten(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(CallError, match=f"{there}: is there already"):
        write_task("noise", "row", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"
