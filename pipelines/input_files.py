"""Bring the files that parameters name to machines that do not share a disk: by way of the store of the run."""

import os
import shutil
import tempfile
from functools import cache, partial
from pathlib import Path, PurePosixPath

from pipelines.store import Content, Store, TableError, is_local, open_store
from tasks.fingerprint import file_digest
from tasks.input_file import InputFile, Params, with_files

FOLDER = "_files"
"""Folder of a run that holds the files of parameters, each below its digest."""


def published(params: Params, store: Store) -> Params:
    """Return parameters whose local files lie in the store of the run too, for workers that do not see this disk.

    Where the run lies on a disk its workers see that disk, and nothing is copied. A folder is copied with the files
    directly in it.

    Raises
    ------
    TableError
        If a file cannot be read or written.
    """
    return params if store.is_local else with_files(params, partial(_published, store=store))


def _published(file: InputFile, *, store: Store) -> InputFile:
    if not is_local(file.uri):
        return file
    there = store.child(FOLDER).child(file.digest)
    name = file.path.name
    folder = there.child(name)
    if file.path.is_dir() and not folder.is_there():
        folder.write_together(_contents(file.path))
    elif not file.path.is_dir() and name not in there.names():
        there.write(name, _content(file.path))
    return InputFile(file.digest, folder.uri)


def _contents(folder: Path) -> list[tuple[str, Content]]:
    return [(file.name, _content(file)) for file in sorted(folder.iterdir()) if file.is_file()]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise TableError(f"{file}: {error.strerror}") from error


def localized(params: Params) -> Params:
    """Return parameters whose files all lie on this machine; what does not is fetched, once for all processes.

    Raises
    ------
    TableError
        If a file is not there, or its content is not what the parameters say.
    """
    return with_files(params, _localized)


def _localized(file: InputFile) -> InputFile:
    return file if is_local(file.uri) else InputFile(file.digest, str(_fetched(file.uri, file.digest)))


@cache
def _fetched(uri: str, digest: str) -> Path:
    """Return where the file of this digest lies on this machine.

    Many processes may fetch it at once: each writes a folder of its own, and the first to be done gives it the name.
    """
    place = cache_folder() / digest
    name = PurePosixPath(uri).name
    if not place.exists():
        draft = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="draft-"))
        try:
            _fetch(uri, draft / name)
            if file_digest(draft / name) != digest:
                raise TableError(f"{uri}: its content has changed, expected that of digest {digest}: run again")
            draft.replace(place)
        except OSError as error:
            if not place.exists():  # else another process was faster
                raise TableError(f"{uri}: cannot be kept in {place}: {error.strerror}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return next(place.iterdir())


def _fetch(uri: str, to: Path) -> None:
    """Copy a file, or the files of a folder, out of a store."""
    above, _, name = uri.rpartition("/")
    if name in (store := open_store(above)).names():
        to.write_bytes(store.read(name))
        return
    folder = open_store(uri)
    names = folder.names()
    if not names:
        raise TableError(f"{uri}: no such file or folder")
    to.mkdir()
    for each in names:
        (to / each).write_bytes(folder.read(each))


def cache_folder() -> Path:
    """Return the folder of this machine and user that keeps files by their digest, made if absent."""
    folder = Path(tempfile.gettempdir()) / f"waysmith-files-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise TableError(f"{folder}: belongs to another user: remove it or set TMPDIR")
    return folder
