"""What a call names: files, a code, a law table, a model. All is checked before anything is read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.readers.reading import ReadError

if TYPE_CHECKING:
    from pipelines.speed_limits import Sources

EXPECTED = "expected a combiner.json that waysmith train has made"


class CallError(ValueError):
    """The words of a call name something that cannot be used, or do not go together."""


def is_in_file(named: str) -> bool:
    """Whether the name of a flow or task leads to a file: `my_task.py` or `my_task.py:name`.

    Examples
    --------
    >>> is_in_file("./my_task.py:comfort"), is_in_file("speed-limits")
    (True, False)
    """
    return named.partition(":")[0].endswith(".py")


def check_files(files: Sequence[Path]) -> None:
    """Refuse at once what is not there; all else is the reader's to say.

    Raises
    ------
    ReadError
        If a file is missing.
    """
    for file in files:
        if not file.exists():
            raise ReadError(f"{file}: no such file or folder")


def check_apart(into: str, folders: Sequence[Path]) -> None:
    """Refuse to write into a folder that is read: the next run would take what this one made for probes.

    Raises
    ------
    CallError
        If the folder of the run is one of them or lies in one.
    """
    if "://" in into:
        return
    place = Path(into).resolve()
    for folder in folders:
        if place.is_relative_to(folder.resolve()):
            raise CallError(f"--into {into}: lies in {folder}, which is read: expected a folder outside of it")


def check_model(file: Path) -> None:
    """Refuse what is not a model that this version can ask.

    Raises
    ------
    CallError
        If the file cannot be read, is of another kind, or weighs other things than this version knows.
    """
    from schemas.vocabulary import SpeedUnit
    from tasks.limit_model.candidates import FEATURES
    from tasks.limit_model.combiner import Combiner

    try:
        combiner = Combiner.from_json(file.read_text(encoding="utf-8"))
        units = set(combiner.calibration)
    except OSError as error:
        raise CallError(f"{file}: {error.strerror}, {EXPECTED}") from None
    except json.JSONDecodeError as error:
        raise CallError(f"{file}:{error.lineno}:{error.colno}: {error.msg}, {EXPECTED}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CallError(f"{file}: {type(error).__name__} {error}, {EXPECTED}") from None
    named = _weighed(combiner.trees)
    if tuple(named) != FEATURES or not units >= set(SpeedUnit):
        differing = sorted(set(named) ^ set(FEATURES)) or sorted(set(SpeedUnit) - units) or ["their order"]
        raise CallError(f"{file}: a model of another version, which differs in {', '.join(differing)}: train it again")


def _weighed(trees: str) -> list[str]:
    """Return the names of what trees weigh, as LightGBM writes them."""
    key = "feature_names="
    return next((line.removeprefix(key).split(" ") for line in trees.splitlines() if line.startswith(key)), [])


def check_sources(jurisdiction: str | None, law: Path | None, model: Path | None) -> None:
    """Refuse at once what limits cannot be inferred from.

    Raises
    ------
    UnknownJurisdiction
        If no place has the code.
    LawError
        If the law table cannot be used.
    CallError
        If the model cannot be used.
    """
    from tasks.borders.place import place_named
    from tasks.law.law_table import read_law

    if jurisdiction is not None:
        place_named(jurisdiction)
    read_law(law)
    for file in _models(model):
        check_model(file)


def sources_of(jurisdiction: str | None, law: Path | None, model: Path | None, *, relearn: bool = False) -> "Sources":
    """Return what limits are inferred from, with full paths, since workers may stand elsewhere."""
    from pipelines.speed_limits import Sources

    return Sources(jurisdiction, _full(law), _full(model), relearn=relearn)


def _models(model: Path | None) -> list[Path]:
    """Return the files of a model: one, or all in a folder of models that each left one map out."""
    if model is None:
        return []
    files = sorted(model.glob("*.json")) if model.is_dir() else [model]
    if not files:
        raise CallError(f"{model}: no .json file in this folder, {EXPECTED}")
    return files


def _full(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None
