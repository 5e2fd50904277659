import argparse
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.call import CallError
from pipelines.cli import main
from pipelines.shipping import users_modules
from pipelines.user_flow import GIVEN, arguments, flow_named, lift_named, load, parameters, settings_parameter

TASK = '''\
"""A flow of one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from prefect import flow

from pipelines.settings import DEFAULTS, Settings
from schemas.contract import Contract, field
from schemas.road import ROAD_SEGMENT
from tasks.lift import PerRow

WIDTH = Contract(
    name="width", version=1, key="segment_id",
    fields=(field("segment_id", pa.string(), "Id."), field("metres", pa.float64(), "Width.", unit="m")),
)


@dataclass(frozen=True)
class Lanes:
    width_m: float = 3.5
    kinds: list[str] = ()
    is_wide: bool = False


class Width(NamedTuple):
    metres: float


def width_of(*, length_m: float, params: Lanes) -> Width:
    return Width(length_m * params.width_m)


LIFT = PerRow(width_of, reads=ROAD_SEGMENT, writes=WIDTH, params=Lanes())


@flow
def widths(
    roads: list[str],
    into: str,
    box: list[float] | None = None,
    most: int = 3,
    share: float = 0.5,
    note: Path | None = None,
    is_dry: bool = False,
    params: Lanes = Lanes(),
    settings: Settings = DEFAULTS,
) -> object:
    """How wide roads are.

    The second line.
    """
    return (roads, into, box, most, share, note, is_dry, params, settings)
'''

MINE = "widths_of_mine"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with one flow, whose module is forgotten afterwards."""
    return written(tmp_path, monkeypatch, TASK)


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, name: str = MINE) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, name, None)  # so that whatever is loaded is taken out again
    del sys.modules[name]
    (folder / f"{name}.py").write_text(code)
    return folder / f"{name}.py"


def parsed(file: Path, *words: str) -> dict[str, Any]:
    """What the flow of a file is called with."""
    parser, flow = argparse.ArgumentParser(exit_on_error=False), flow_named(str(file))
    for each in parameters(flow):
        each.add_to(parser)
    given = vars(parser.parse_args(words))
    return arguments(flow, {name.removeprefix(GIVEN): value for name, value in given.items()})


def test_the_signature_of_a_flow_is_its_flags(file: Path) -> None:
    lanes = load(file).Lanes
    least = ("--roads", "a", "b", "--into", "s3://c/d")
    assert parsed(file, *least) == {"roads": ["a", "b"], "into": "s3://c/d"}
    said = "--box 1 2.5 --most 7 --share 1 --note x/y --is-dry --params.width-m 3 --params.is-wide"
    told = parsed(file, *least, *said.split())
    assert told["box"] == [1.0, 2.5]
    assert (told["most"], told["share"], told["note"], told["is_dry"]) == (7, 1.0, Path("x/y"), True)
    assert told["params"] == lanes(width_m=3.0, is_wide=True)
    json = parsed(file, *least, "--params", '{"width_m": 2, "kinds": ["a"]}', "--params.width-m", "4")
    assert json["params"] == lanes(width_m=4.0, kinds=["a"])
    assert settings_parameter(flow_named(str(file))) == "settings"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--params", '{"width": 2}'], "--params: no field 'width', expected width_m, kinds, is_wide"),
        (["--params", '{"width_m": "2"}'], "--params.width_m: '2' is a str, not a float"),
        (["--params", '{"is_wide": 1}'], "--params.is_wide: 1 is a int, not a bool"),
    ],
)
def test_a_wrong_field_is_told(file: Path, words: list[str], said: str) -> None:
    with pytest.raises(CallError) as raised:
        parsed(file, "--roads", "a", "--into", "b", *words)
    assert str(raised.value) == said


def test_a_dataclass_without_defaults_must_be_told_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = TASK.replace("width_m: float = 3.5", "width_m: float").replace("Lanes = Lanes()", "Lanes")
    code = code.replace("    params: Lanes,\n", "").replace("into: str,", "into: str,\n    params: Lanes,")
    file = written(tmp_path, monkeypatch, code.replace("LIFT = ", "# "))
    least = ("--roads", "a", "--into", "b")
    with pytest.raises(CallError, match=r"--params: .*missing 1 required positional argument: 'width_m'"):
        parsed(file, *least)
    assert parsed(file, *least, "--params.width-m", "2")["params"].width_m == 2.0


def failed(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that a wrong call prints."""
    assert main([str(word) for word in words]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    return error.removeprefix("waysmith: ").strip()


BROKEN = {
    "a bracket that is open": ("def f(:\n", ":1: invalid syntax"),
    "a name that is not there": ("x = 1\ny = z\n", ":2: NameError: name 'z' is not defined"),
    "a module that is not there": ("\nimport no_such_module\n", ":2: ModuleNotFoundError: No module named"),
    "no flow": ("def widths(): ...\n", ": 'widths' is no flow but a function; it has none"),
    "another flow": (TASK.replace("def widths(", "def lanes("), ": no flow 'widths'; its flows are lanes"),
    "a lift that asks for too much": (
        TASK.replace("*, length_m", "*, breadth"), ":36: TypeError: width_of takes 'breadth', not in road_segment"
    ),
    "a parameter that no word can say": (
        TASK.replace("roads: list[str]", "roads: dict[str, int]"), "'roads' is a dict[str, int], which no word"
    ),
    "a flag that all flows have": (TASK.replace("most: int", "address: int"), "parameter 'address': --address means"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_cannot_be_used_is_one_line(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = BROKEN[what]
    file = written(tmp_path, monkeypatch, code)
    assert said in failed(capsys, "run", f"{file}:widths", "--into", "x")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.py:x", "absent.py: no such file"),
        ("json.py:x", "another module has the name 'json'"),
        ("tasks.py", "another module has the name 'tasks'"),
        ("my-task.py:x", "'my-task' is no name of a module"),
    ],
)
def test_a_file_that_python_cannot_import_is_told(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not name.startswith("absent"):
        (tmp_path / name.partition(":")[0]).write_text("")
    assert said in failed(capsys, "run", tmp_path / name)


def test_an_unknown_flow_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "speed-limit", "--roads", "a", "--into", "b"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "'speed-limit' is none of speed-limits, road-segments, probes, and no FILE.py:NAME" in said


def test_help_shows_the_flow(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", f"{file}:widths", "--help"])
    said = capsys.readouterr().out
    for part in ("How wide roads are.", "The second line.", "--params.width-m", "(3.5)", "--time-limit", "--memory"):
        assert part in said


def test_a_required_parameter_is_required(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", f"{file}:widths", "--roads", "x"])
    assert ended.value.code == 2
    assert "required: --into" in capsys.readouterr().err


def test_a_lift_is_found_by_variable_task_or_contract(file: Path) -> None:
    found = [lift_named(f"{file}:{name}") for name in ("LIFT", "width_of", "width")]
    assert found[0].task.__name__ == "width_of"
    assert found[1:] == [found[0], found[0]]
    assert lift_named(str(file)) == found[0]
    with pytest.raises(
        CallError, match=r"no PerRow 'x': expected one at the top of the file; there are LIFT \(PerRow\)"
    ):
        lift_named(f"{file}:x")


def test_the_module_goes_to_the_workers_by_value(file: Path) -> None:
    load(file)
    assert MINE in {module.__name__ for module in users_modules()}


def test_what_is_beside_the_file_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lanes_of_mine.py").write_text("WIDTH = 3.5\n")
    file = written(tmp_path, monkeypatch, "from lanes_of_mine import WIDTH\n")
    assert load(file).WIDTH == 3.5
