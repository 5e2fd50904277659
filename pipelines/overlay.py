"""What a plan would write, kept in memory over what lies in a store: reads see it, the store stays as it is."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.fingerprint import digest

if TYPE_CHECKING:
    from pipelines.store import Content, Store

Kept = dict[str, bytes | None]
"""The files written, by their whole path or URI; None for those removed."""

_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def nothing_written() -> Iterator[Kept]:
    """Keep in memory what is written through stores opened from here on."""
    kept: Kept = {}
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def laid_over(store: "Store") -> "Store":
    """Return the store itself, or while nothing may be written a copy that writes to memory."""
    kept = _kept.get()
    return store if kept is None else Overlay(store, kept)


@dataclass(frozen=True)
class Overlay:
    """A store whose files come from memory where something was written there, else from the store below."""

    below: "Store"
    kept: Kept

    @property
    def uri(self) -> str:
        """Absolute path of the folder, or URI."""
        return self.below.uri

    @property
    def is_local(self) -> bool:
        """Whether it is a folder that this machine sees."""
        return self.below.is_local

    def _named(self, name: str) -> str:
        return f"{self.uri}/{name}"

    def _here(self) -> dict[str, bytes | None]:
        """Return what was written directly here, by name."""
        start = self._named("")
        inside = {path.removeprefix(start): content for path, content in self.kept.items() if path.startswith(start)}
        return {name: content for name, content in inside.items() if "/" not in name}

    def child(self, name: str) -> "Overlay":
        """Return the place of this name below."""
        return Overlay(self.below.child(name), self.kept)

    def make(self) -> None:
        """Make nothing: a folder that no file is written to is not needed."""

    def is_there(self) -> bool:
        """Whether the folder exists, or a file would be written there."""
        return any(content is not None for content in self._here().values()) or self.below.is_there()

    def check_writable(self) -> None:
        """Raise nothing: memory can be written."""

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises FileNotFoundError where there is none."""
        if self._named(name) not in self.kept:
            return self.below.read(name)
        content = self.kept[self._named(name)]
        if content is None:
            raise FileNotFoundError(self._named(name))
        return content

    def open(self, name: str) -> pa.NativeFile:
        """Return a file to read parts of. Raises FileNotFoundError where there is none."""
        return pa.BufferReader(self.read(name)) if self._named(name) in self.kept else self.below.open(name)

    def write(self, name: str, content: "Content") -> None:
        """Keep the content."""
        self.kept[self._named(name)] = bytes(content)

    def write_together(self, files: "Iterable[tuple[str, Content]]") -> None:
        """Keep the contents, all or none."""
        self.kept.update({self._named(name): bytes(content) for name, content in files})

    def names(self) -> list[str]:
        """Return the names of the files directly here, sorted."""
        return sorted(self.versions())

    def versions(self) -> dict[str, str]:
        """Return the names with a word on each file that changes with its content."""
        found = self.below.versions()
        for name, content in self._here().items():
            if content is None:
                found.pop(name, None)
            else:
                found[name] = f"{len(content)}-planned-{digest(content)}"
        return found

    def remove(self, names: Iterable[str]) -> None:
        """Hide files."""
        self.kept.update({self._named(name): None for name in names})

    def remove_drafts(self) -> None:
        """Leave what lies in the store."""
