"""Which code goes to the workers of a cluster with a job: Waysmith's own packages, and a folder of the user's."""

import atexit
import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pipelines.store import store_environment

OURS = ("schemas", "tasks", "pipelines")

_folders: list[Path] = []


def ship(folder: Path) -> None:
    """Let the modules of a user's folder go to the workers."""
    if folder.resolve() not in _folders:
        _folders.append(folder.resolve())


def ship_module(name: str) -> None:
    """Ship the folder of a module that is a file by itself, as those of users are, and not of an installed library."""
    file: str | None = getattr(sys.modules.get(name), "__file__", None)
    libraries = {sysconfig.get_paths()[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")}
    if "." not in name and name != "__main__" and file and str(Path(file).resolve().parent) not in libraries:
        ship(Path(file).parent)


def users_modules() -> list[ModuleType]:
    """Return the modules loaded from shipped folders."""
    return [module for module in list(sys.modules.values()) if _is_shipped(module)] if _folders else []


def _is_shipped(module: ModuleType) -> bool:
    file: str | None = getattr(module, "__file__", None)
    name = getattr(module, "__name__", "").partition(".")[0]
    return file is not None and name not in OURS and Path(os.path.realpath(file)).parent in _folders


def runtime_env() -> dict[str, Any]:
    """Return what Ray sets up on the nodes of a cluster, which may share no disk with this machine.

    All code is one working directory. As `py_modules`, with no working directory, Ray would put this process's own
    folders before them in the path of every worker, where an older checkout may lie.
    """
    return {"working_dir": str(_gathered(tuple(_folders))), "env_vars": store_environment()}


@cache
def _gathered(folders: tuple[Path, ...]) -> Path:
    """Return a new folder, there until this process ends, with our packages and the modules of the user's folders."""
    gathered = Path(tempfile.mkdtemp(prefix="waysmith-code-"))
    atexit.register(shutil.rmtree, gathered, ignore_errors=True)
    for name in OURS:
        shutil.copytree(_package_folder(name), gathered / name, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in folders:
        for file in folder.glob("*.py"):
            shutil.copy(file, gathered / file.name)
    return gathered


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"package {name!r} is not where Python looks")
    return Path(next(iter(spec.submodule_search_locations)))
