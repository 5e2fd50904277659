"""Where tables lie: a folder on a disk or a place in an object store; files appear there whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol

import pyarrow as pa

from pipelines.overlay import laid_over

Content = bytes | memoryview

OBJECT_SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss")
"""Schemes of URIs that lead to object stores: of Amazon and those that speak its protocol, of Google, of Azure."""

CREDENTIALS = ("AWS_", "GOOGLE_", "AZURE_")
"""How the names of environment variables begin that say how object stores are reached."""

OF_THIS_MACHINE = ("_BUNDLE", "_FILE", "_PROFILE")
"""How those of them end that name files which other machines lack."""


class TableError(ValueError):
    """What a table lies in cannot be used as it is; the message names the place and says what to do."""


class Store(Protocol):
    """A place for files, none of which is ever seen half written. Picklable; holds no connection."""

    @property
    def uri(self) -> str:
        """Absolute path of the folder, or URI."""

    @property
    def is_local(self) -> bool:
        """Whether it is a folder that this machine sees."""

    def child(self, name: str) -> "Store":
        """Return the place of this name below."""

    def make(self) -> None:
        """Make the folder; object stores need none. Raises `TableError` if that fails."""

    def is_there(self) -> bool:
        """Whether the folder exists; in an object store, whether it holds a file."""

    def check_writable(self) -> None:
        """Raise `TableError` unless files can be written here."""

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises FileNotFoundError where there is none."""

    def open(self, name: str) -> pa.NativeFile:
        """Return a file to read parts of, as Parquet readers do. Raises FileNotFoundError where there is none."""

    def write(self, name: str, content: Content) -> None:
        """Write a file whole or not at all. Raises `TableError`; what was there before is untouched then."""

    def write_together(self, files: Iterable[tuple[str, Content]]) -> None:
        """Write files; on a disk none appears under its name before all are written."""

    def names(self) -> list[str]:
        """Return the names of the files directly here, sorted; drafts are not among them."""

    def versions(self) -> dict[str, str]:
        """Return the names with a word on each file that begins with its size and changes when it is written again."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are fine."""

    def remove_drafts(self) -> None:
        """Remove what processes that were killed have left."""


def open_store(place: str | Path) -> Store:
    """Return the store at a folder or URI; nothing is asked of it yet.

    Raises
    ------
    TableError
        If nothing can be stored at such a URI.

    Examples
    --------
    >>> open_store("file:///maps/run").uri
    '/maps/run'
    >>> open_store("s3://maps/run/").child("road_segment").uri
    's3://maps/run/road_segment'
    >>> open_store("ftp://maps/run")
    Traceback (most recent call last):
        ...
    pipelines.store.TableError: ftp://maps/run: expected a folder, or a URI with s3://, gs:// or az://
    """
    scheme, mark, rest = str(place).partition("://")
    if not mark:
        return laid_over(LocalStore(Path(place).absolute()))  # workers may stand elsewhere
    if scheme == "file" and rest.startswith("/"):
        return laid_over(LocalStore(Path(rest)))
    if scheme not in OBJECT_SCHEMES:
        raise TableError(f"{place}: expected a folder, or a URI with s3://, gs:// or az://")
    if not rest.strip("/"):
        raise TableError(f"{place}: expected the name of a bucket behind {scheme}://")
    from pipelines.bucket import Bucket  # those who work on a disk need not load a client

    return laid_over(Bucket(f"{scheme}://{rest.rstrip('/')}"))


def is_local(place: str | Path) -> bool:
    """Whether a place is a folder and not a URI of an object store."""
    return "://" not in str(place) or str(place).startswith("file:///")


def location(place: str | Path) -> str:
    """Return a place in the one way in which it is written: an absolute path, or a URI without a slash at its end."""
    return open_store(place).uri


def store_environment() -> dict[str, str]:
    """Return the environment variables that workers need to reach the object stores that this process reaches."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(CREDENTIALS) and not name.endswith(OF_THIS_MACHINE)
    }


@dataclass(frozen=True)
class LocalStore:
    """A folder on a disk: a file is written as a hidden draft, then renamed."""

    folder: Path

    is_local = True

    @property
    def uri(self) -> str:
        """The absolute path."""
        return str(self.folder)

    def child(self, name: str) -> "LocalStore":
        """Return the folder of this name below."""
        return LocalStore(self.folder / name)

    def make(self) -> None:
        """Make the folder, and those that it lies in."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TableError(f"{self.folder}: cannot make this folder: {error.strerror}") from error

    def is_there(self) -> bool:
        """Whether the folder exists."""
        return self.folder.is_dir()

    def check_writable(self) -> None:
        """Make the folder and a nameless file in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise TableError(f"{self.folder}: cannot write into this folder: {error.strerror}") from error

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with _told(self.folder / name):
            return (self.folder / name).read_bytes()

    def open(self, name: str) -> pa.NativeFile:
        """Return a file to read parts of."""
        with _told(self.folder / name):
            return pa.OSFile(str(self.folder / name))

    def write(self, name: str, content: Content) -> None:
        """Write a file whole or not at all."""
        write_together([(self.folder / name, content)])

    def write_together(self, files: Iterable[tuple[str, Content]]) -> None:
        """Write files so that none appears before all are written."""
        write_together((self.folder / name, content) for name, content in files)

    def names(self) -> list[str]:
        """Return the names of the files here; none where the folder is not there."""
        return sorted(entry.name for entry in self._entries())

    def versions(self) -> dict[str, str]:
        """Return size, time of writing (ns) and inode of each file: a draft renamed over a file changes them."""
        found = {}
        for entry in self._entries():
            with _told(self.folder / entry.name):
                told = entry.stat()
                found[entry.name] = f"{told.st_size}-{told.st_mtime_ns}-{told.st_ino}"
        return dict(sorted(found.items()))

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        with _told(self.folder):
            try:
                entries = list(os.scandir(self.folder))
            except FileNotFoundError:
                return
            yield from (each for each in entries if not each.name.endswith(".draft") and each.is_file())

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        for name in names:
            with _told(self.folder / name):
                (self.folder / name).unlink(missing_ok=True)

    def remove_drafts(self) -> None:
        """Remove hidden drafts."""
        self.remove(draft.name for draft in self.folder.glob(".*.draft"))


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Turn what the system refuses into one line; that a file is not there is left to the caller."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TableError(f"{file}: {error.strerror or error}") from error


def write_whole(file: Path, content: Content) -> None:
    """Write a file so that it appears under its name whole or not at all; errors as in `write_together`."""
    write_together([(file, content)])


def write_together(files: Iterable[tuple[Path, Content]]) -> None:
    """Write files so that none appears under its name before all are written.

    Raises
    ------
    TableError
        If the disk is full or a folder cannot be written; what was there before is untouched.
    """
    drafts: list[tuple[Path, Path]] = []
    try:
        for file, content in files:
            draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
            drafts.append((draft, file))
            _write(draft, file, content)
        for draft, file in drafts:
            draft.replace(file)
    except OSError as error:
        raise TableError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)


def _write(draft: Path, file: Path, content: Content) -> None:
    try:
        draft.write_bytes(content)
    except OSError as error:
        raise TableError(f"{file}: cannot write {len(content)} bytes: {error.strerror}") from error
