"""Files that a task reads as a parameter, known by what is in them and not by where they lie."""

from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path

from tasks.fingerprint import digest, file_digest


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
        return {name: _told(getattr(value, name)) for name in asdict(value)}
    return value
