"""A first file for a task of one's own: its contract, the task, its flow, and a test that passes."""

import ast
import builtins
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template

from pipelines.call import CallError
from pipelines.shipping import OURS

TEMPLATES = Path(__file__).parent / "templates"

KINDS = ("row", "tile")
"""What a task is given: one segment after another, or a tile with what lies around it."""


MOST_LETTERS = 24
"""Letters of a name, so that the lines of the files stay short."""


def write_task(name: str, kind: str, into: Path) -> list[Path]:
    """Write `NAME.py` and `test_NAME.py` into a folder and return them.

    Raises
    ------
    CallError
        If the name cannot be one of a module and a flow, or a file of that name is there.
    """
    texts = {f"{name}.py": f"{kind}_task.txt", f"test_{name}.py": f"{kind}_test.txt"}
    check_name(name, kind)
    files = [into / file for file in texts]
    for file in files:
        if file.exists():
            raise CallError(f"{file}: is there already: give the task another name, or another folder with --into")
    try:
        into.mkdir(parents=True, exist_ok=True)
        for file, template in zip(files, texts.values(), strict=True):
            file.write_text(filled(template, name), encoding="utf-8")
    except OSError as error:
        raise CallError(f"{error.filename or into}: cannot write here: {error.strerror}") from error
    return files


def filled(template: str, name: str) -> str:
    """Return a template with the name of the task put in: as it is, in capitals, and as a class is written."""
    text = Template((TEMPLATES / template).read_text(encoding="utf-8"))
    return text.substitute(name=name, NAME=name.upper(), Name=class_name(name))


def class_name(name: str) -> str:
    """Return a name as classes are written.

    Examples
    --------
    >>> class_name("road_noise")
    'RoadNoise'
    """
    return "".join(part.capitalize() for part in name.split("_"))


def check_name(name: str, kind: str) -> None:
    """Refuse a name that Python, the file itself or Waysmith uses for something else.

    Raises
    ------
    CallError
        If it is such a name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > MOST_LETTERS:
        what = f"at most {MOST_LETTERS} small letters, digits and _, such as road_noise"
        raise CallError(f"{name!r}: expected a name of {what}")
    taken = {*keyword.kwlist, *dir(builtins), *sys.stdlib_module_names, *sys.modules, *OURS, "road_segment"}
    used = set(_names(filled(f"{kind}_task.txt", "a0"))) | set(_names(filled(f"{kind}_test.txt", "a0")))
    made = {name, name.upper(), class_name(name)}
    if len(made) < 3 or made & (taken | used) or name.startswith("test_"):
        raise CallError(f"{name!r}: this name means something else already: take another one")


def _names(source: str) -> Iterator[str]:
    """Yield the names that a module gives to anything."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name | ast.FunctionDef | ast.ClassDef):
            yield node.id if isinstance(node, ast.Name) else node.name
        elif isinstance(node, ast.arg):
            yield node.arg
