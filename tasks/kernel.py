"""Loops that Numba compiles, their machine code kept for the next process.

Numba looks at the file of a function alone to tell whether kept code still holds, and not at the files of the functions
that it calls. So code is kept below a digest of all files with compiled functions: none of it outlives a change.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from tasks.fingerprint import digest

F = TypeVar("F", bound=Callable[..., Any])

MARK = b"compiled"
"""Word that stands in every file with compiled functions."""


def compiled(function: F) -> F:
    """Return a function that Numba compiles; other threads run beside it."""
    with _kept_apart():
        return cast(F, numba.njit(cache=True, nogil=True)(function))


def compiled_bare(function: F) -> F:
    """Return the same without counts of references to arrays, and without checks of divisors.

    A count is an atomic addition, and every call takes one for each array that it is given: in small functions half of
    all time. Neither such a function nor what it calls may make an array, or a view of one; all room is made before.
    Division by zero gives inf or NaN, as NumPy has it.
    """
    njit: Any = numba.njit  # whose published types do not know `_nrt`
    with _kept_apart():
        return cast(F, njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function))


@contextmanager
def _kept_apart() -> Iterator[None]:
    """Let Numba keep code in the folder of these sources, unless the user has named a folder."""
    options: Any = numba.config
    before, folder = options.CACHE_DIR, _folder()
    options.CACHE_DIR = before or folder
    try:
        yield
    finally:
        options.CACHE_DIR = before


@cache
def _folder() -> str:
    """Return the folder for the code of these sources, empty where none can be made: then Numba finds one."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "waysmith" / f"kernels-{sys.implementation.cache_tag}" / _digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


def _digest() -> str:
    files = sorted(Path(__file__).parent.rglob("*.py"))
    contents = ((str(file), file.read_bytes()) for file in files)
    return digest(*(part for name, content in contents if MARK in content for part in (name, content)))[:16]
