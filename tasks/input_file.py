"""Files that a task reads as a parameter, known by what is in them and not by where they lie."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tasks.fingerprint import digest, file_digest

Params = TypeVar("Params")


@dataclass(frozen=True)
class InputFile:
    """A file, or a folder of files, that a task reads; the engine brings it to the machine where the task runs."""

    digest: str
    """Digest of its content: all that counts for equality and for the fingerprint of a tile."""
    uri: str = field(compare=False, repr=False)
    """Where it lies: on a worker always a path of that machine."""

    @classmethod
    def of(cls, path: str | Path) -> "InputFile":
        """Return a local file or folder with its digest."""
        return cls(file_digest(Path(path)), str(Path(path).absolute()))

    @property
    def path(self) -> Path:
        """The local path; meant for tasks."""
        return Path(self.uri)


def params_digest(params: object | None) -> str:
    """Return the digest of the parameters of a task; of a file only its content counts, not its place."""
    return digest(repr(_told(params)))


def _told(value: object) -> object:
    if isinstance(value, InputFile):
        return value.digest
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _told(getattr(value, each.name)) for each in fields(value)}
    return value


def with_files(params: Params, change: Callable[[InputFile], InputFile]) -> Params:
    """Return parameters with each of their files changed; those of dataclasses within them and in tuples too.

    Examples
    --------
    >>> moved = with_files((InputFile("d1", "/maps/law.toml"), 7), lambda file: InputFile(file.digest, "/tmp/law.toml"))
    >>> moved[0].uri
    '/tmp/law.toml'
    """
    changed: Any = params
    if isinstance(params, InputFile):
        changed = change(params)
    elif isinstance(params, tuple) and type(params) is tuple:
        changed = tuple(with_files(each, change) for each in params)
    elif is_dataclass(params) and not isinstance(params, type):
        given = {each.name: getattr(params, each.name) for each in fields(params) if each.init}
        new = {name: with_files(value, change) for name, value in given.items()}
        if any(new[name] is not given[name] for name in given):
            changed = replace(params, **new)
    same: Params = changed
    return same
