"""Flows and lifts that stand in a file of one's own: found by name, and called with the words of a command line."""

import argparse
import importlib
import inspect
import json
import sys
import traceback
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from prefect import Flow

from pipelines.call import CallError
from pipelines.settings import Settings
from pipelines.shipping import OURS, ship
from pipelines.table import Table
from tasks.lift import PerRow
from tasks.tile_lift import PerTile

SCALARS = (str, int, float, bool, Path)
"""Types of parameters that one word can give."""

GIVEN = "given:"
"""What stands before the name of a parameter among the options of a call, so that it is none of the command's own."""


def load(file: Path) -> ModuleType:
    """Return the module in a file, whose folder modules are looked for in first; its code goes to the workers.

    Raises
    ------
    CallError
        If there is no such file, or it cannot be imported.
    """
    if not file.is_file():
        raise CallError(f"{file}: no such file")
    _check_name(file)
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    ship(file.resolve().parent)
    try:
        return importlib.import_module(file.stem)
    except SyntaxError as error:
        raise CallError(f"{error.filename}:{error.lineno}: {error.msg}") from None
    except Exception as error:
        raise CallError(f"{file}:{_line_in(file, error)}: {type(error).__name__}: {error}") from error


def _check_name(file: Path) -> None:
    """Refuse a file that Python cannot import by its name, or that would stand for another module."""
    if not file.stem.isidentifier():
        raise CallError(f"{file}: {file.stem!r} is no name of a module: use letters, digits and _")
    loaded = sys.modules.get(file.stem)
    if loaded and Path(getattr(loaded, "__file__", None) or "").resolve() == file.resolve():
        return
    if loaded or file.stem in OURS or file.stem in sys.stdlib_module_names:
        raise CallError(f"{file}: another module has the name {file.stem!r}: give the file another one")


def _line_in(file: Path, error: BaseException) -> int:
    """Return the line of a file in which an error arose."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno or 0 for frame in frames if Path(frame.filename).resolve() == file.resolve()]
    return lines[-1] if lines else 0


def flow_named(named: str) -> Flow[..., Any]:
    """Return the flow of `FILE.py:NAME`; the name may be left out where the file has one flow.

    Raises
    ------
    CallError
        If there is no such file or flow.
    """
    path, _, name = named.partition(":")
    module = load(Path(path))
    own = {key: each for key, each in vars(module).items() if isinstance(each, Flow) and _is_own(each, module)}
    if name in own:
        return own[name]
    if not name and len(own) == 1:
        return next(iter(own.values()))
    told = f"its flows are {', '.join(own)}" if own else "it has none: a flow is a function with @flow before it"
    if name and hasattr(module, name):
        raise CallError(f"{path}: {name!r} is no flow but a {type(getattr(module, name)).__name__}; {told}")
    raise CallError(f"{path}: no flow {name!r}; {told}" if name else f"{path}: which flow? {told}")


def _is_own(flow: Flow[..., Any], module: ModuleType) -> bool:
    """Whether a flow was written in a module, and not imported into it."""
    return flow.fn.__module__ == module.__name__


def lift_named(named: str) -> PerRow:
    """Return the lift over rows of `FILE.py:NAME`: NAME is its variable, its task or its contract.

    Raises
    ------
    CallError
        If there is no such file or lift, or it sees whole tiles.
    """
    path, _, name = named.partition(":")
    found = [(key, each) for key, each in vars(load(Path(path))).items() if isinstance(each, PerRow | PerTile)]
    fitting = [each for key, each in found if name in ("", key, each.task.__name__, each.writes.name)]
    if len(fitting) == 1 and isinstance(fitting[0], PerRow):
        return fitting[0]
    told = ", ".join(f"{key} ({type(each).__name__})" for key, each in found)
    raise CallError(
        f"{path}: {f'no PerRow {name!r}' if name else 'which lift?'}: expected one at the top of the file; "
        + (f"there are {told}" if told else "there is none")
    )


@dataclass(frozen=True)
class Parameter:
    """A parameter of a flow, or a field of one, as a word of the command line."""

    name: str
    """`params`, or `params.by` for a field."""
    hint: Any
    default: Any
    """MISSING where the call must give it."""

    @property
    def flag(self) -> str:
        """The word that stands before its value."""
        return f"--{self.name.replace('_', '-')}"

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Let a parser read it."""
        wanted: dict[str, Any] = {
            "dest": GIVEN + self.name,
            "required": self.default is MISSING,
            "default": argparse.SUPPRESS,
        }
        if self.hint is bool:
            wanted["action"] = argparse.BooleanOptionalAction
        else:
            wanted |= self._reading()
        if self.default is not MISSING and self.default is not None and not is_dataclass(self.hint):
            wanted["help"] = f"{wanted.get('help', '')} ({self.default})".strip().replace("%", "%%")
        try:
            parser.add_argument(self.flag, **wanted)
        except argparse.ArgumentError:
            raise CallError(f"parameter {self.name!r}: {self.flag} means something else to every flow") from None

    def _reading(self) -> dict[str, Any]:
        if element := _element_of(self.hint):
            return {"nargs": "+", "type": element, "metavar": element.__name__.upper()}
        if is_dataclass(self.hint):
            return {"type": _json_object, "metavar": "JSON", "help": "or its fields one by one"}
        return {"type": self.hint, "metavar": self.hint.__name__.upper()}


def parameters(flow: Flow[..., Any]) -> list[Parameter]:
    """Return what a flow may be given, fields of dataclasses included; how it is carried out is left out.

    Raises
    ------
    CallError
        If it needs something that no word can say.
    """
    hints = typing.get_type_hints(flow.fn)
    found: list[Parameter] = []
    for name, each in inspect.signature(flow.fn).parameters.items():
        hint = _known(hints.get(name, str))
        default = MISSING if each.default is inspect.Parameter.empty else each.default
        if hint is Settings:
            continue
        if hint in SCALARS or _element_of(hint):
            found.append(Parameter(name, hint, default))
        elif is_dataclass(hint) and isinstance(hint, type):
            found += _of_dataclass(name, hint, default)
        elif default is MISSING:
            raise CallError(f"{flow.name}: parameter {name!r} is a {hint}, which no word of a call can give")
    return found


def _of_dataclass(name: str, hint: type, default: Any) -> Iterator[Parameter]:
    """Yield a parameter that is a dataclass, and its fields."""
    yield Parameter(name, hint, None if default is MISSING else default)
    hints = typing.get_type_hints(hint)
    for each in fields(hint):
        inner = _known(hints[each.name])
        if inner in SCALARS or _element_of(inner):
            usual = None if each.default is MISSING else each.default
            yield Parameter(f"{name}.{each.name}", inner, getattr(default, each.name, usual))


def settings_parameter(flow: Flow[..., Any]) -> str | None:
    """Return the parameter that says how a flow is carried out, if it has one."""
    hints = typing.get_type_hints(flow.fn)
    return next((name for name, hint in hints.items() if name != "return" and _known(hint) is Settings), None)


def arguments(flow: Flow[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a flow is called with, out of what was given for its `parameters`.

    Raises
    ------
    CallError
        If a dataclass lacks a field, or is given one that it has not.
    """
    made: dict[str, Any] = {}
    for each in parameters(flow):
        if "." not in each.name and each.name in given and not is_dataclass(each.hint):
            made[each.name] = given[each.name]
        elif "." not in each.name and is_dataclass(each.hint):
            single = {key.partition(".")[2]: value for key, value in given.items() if key.startswith(f"{each.name}.")}
            told = {**given.get(each.name, {}), **single}
            if told or each.default is None:
                made[each.name] = _filled(each, told)
    return made


def _filled(parameter: Parameter, told: Mapping[str, Any]) -> Any:
    """Return a dataclass, its default changed by what was told."""
    hints = typing.get_type_hints(parameter.hint)
    for name, value in told.items():
        if name not in hints:
            raise CallError(f"{parameter.flag}: no field {name!r}, expected {', '.join(hints)}")
        wanted = _known(hints[name])
        if wanted in SCALARS and not _fits(value, wanted):
            raise CallError(f"{parameter.flag}.{name}: {value!r} is a {type(value).__name__}, not a {wanted.__name__}")
    try:
        return parameter.hint(**told) if parameter.default is None else replace(parameter.default, **told)
    except (TypeError, ValueError) as error:
        raise CallError(f"{parameter.flag}: {str(error).removeprefix(parameter.hint.__name__)}") from error


def _fits(value: Any, wanted: type) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _json_object(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return told


def _known(hint: Any) -> Any:
    """Return a type without `| None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [each for each in typing.get_args(hint) if each is not types.NoneType]
        return others[0] if len(others) == 1 else hint
    return hint


def _element_of(hint: Any) -> type | None:
    """Return the type of the elements of a list of words or numbers."""
    of = typing.get_args(hint)
    return of[0] if typing.get_origin(hint) is list and of and of[0] in (str, int, float, Path) else None


def told_of(made: object) -> Iterator[str]:
    """Yield a line for each table that a flow returned, or what else it returned."""
    for each in made if isinstance(made, tuple | list) else (made,):
        if isinstance(each, Table):
            receipts = each.receipts().values()
            rows, metres = sum(one.rows_out for one in receipts), sum(one.metres for one in receipts)
            km = f", {metres / 1000:,.1f} km" if metres else ""
            yield f"{each.contract.name}: {rows:,} rows in {len(receipts):,} tiles{km}: {each.uri}"
        elif each is not None:
            yield str(each)
