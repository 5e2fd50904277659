"""Tables in object stores: a file is written by one PUT, so it is there whole or not at all, and nothing is renamed."""

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from io import RawIOBase
from itertools import islice
from typing import TYPE_CHECKING

import obstore
import pyarrow as pa
from obstore.exceptions import BaseError
from obstore.store import from_url

from pipelines.store import Content, TableError, store_environment

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

TAIL = 64 * 1024
"""Bytes at the end of a file that are read when it is opened: the footer of most tiles, and the whole of small ones."""

WRITERS = 8
"""Files that are on their way at a time when several are written together."""

PATIENCE: "RetryConfig" = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {
        "init_backoff": timedelta(seconds=0.2),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
}
"""How long a server may be busy or away: 6 s in all; a run that gives up goes on from its committed tiles."""

PROBE = "_writable.draft"

KEYS = ("AWS_ACCESS_KEY_ID", "GOOGLE_SERVICE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME")
"""Environment variables that begin what is known of who asks; those that belong to each are obstore's to name."""

NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|specified bucket does not exist")
REFUSED = re.compile("AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|Forbidden|Unauthorized|ExpiredToken")
NO_CREDENTIALS = re.compile(
    "169.254.169.254|metadata|credential|Missing AccessKeyId|Missing SecretAccessKey", re.IGNORECASE
)
AWAY = re.compile("error sending request|HTTP error|timed out|onnection|error decoding response", re.IGNORECASE)

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


@dataclass(frozen=True)
class Bucket:
    """A place in an object store, given by its URI. Who asks is read from the environment of the process."""

    uri: str

    is_local = False

    @property
    def _client(self) -> "ObjectStore":
        if _user() != os.getpid():
            raise TableError(f"{self.uri}: not to be reached from a fork of a process that has reached it")
        scheme, _, rest = self.uri.partition("://")
        return _client_of(f"{scheme}://{rest.partition('/')[0]}", tuple(store_environment().items()))

    @property
    def _prefix(self) -> str:
        """What stands before the names of the files here."""
        inside = self.uri.partition("://")[2].partition("/")[2]
        return f"{inside}/" if inside else ""

    def child(self, name: str) -> "Bucket":
        """Return the place of this name below."""
        return Bucket(f"{self.uri}/{name}")

    def make(self) -> None:
        """Do nothing: there are no folders."""

    def is_there(self) -> bool:
        """Whether any file lies here or below."""
        with self._told():
            return any(len(part) for part in obstore.list(self._client, self._prefix, chunk_size=1))

    def check_writable(self) -> None:
        """Write an empty file and remove it."""
        self.write(PROBE, b"")
        self.remove([PROBE])

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self._told(name):
            return bytes(obstore.get(self._client, self._prefix + name).bytes())

    def open(self, name: str) -> pa.NativeFile:
        """Return a file of which only those parts are fetched that are read."""
        return pa.PythonFile(_Ranges(self, name), mode="r")

    def ranged(self, name: str, start: int | None, end: int, version: str | None) -> tuple[bytes, int, str | None]:
        """Return bytes of a file from `start` to before `end`, or its last `end` bytes; its size; its version.

        Raises
        ------
        TableError
            If the file is no longer of the version asked for: somebody has written it while it was read.
        """
        with self._told(name):
            wanted = {"suffix": end} if start is None else (start, end)
            options = {"range": wanted} | ({"if_match": version} if version else {})
            got = obstore.get(self._client, self._prefix + name, options=options)  # type: ignore[arg-type]
            return bytes(got.bytes()), got.meta["size"], got.meta["e_tag"]

    def write(self, name: str, content: Content) -> None:
        """Write a file by one PUT."""
        with self._told(name, is_written=True):
            obstore.put(self._client, self._prefix + name, content, use_multipart=False)

    def write_together(self, files: Iterable[tuple[str, Content]]) -> None:
        """Write files, several at a time; those that were written stay when one cannot be."""
        waiting = iter(files)
        with ThreadPoolExecutor(WRITERS) as pool:
            while some := list(islice(waiting, WRITERS)):
                list(pool.map(lambda each: self.write(*each), some))

    def names(self) -> list[str]:
        """Return the names of the files directly here, by one LIST for each 1000."""
        return list(self.versions())

    def versions(self) -> dict[str, str]:
        """Return size and entity tag of each file; the tag follows from the content."""
        with self._told():
            found = obstore.list_with_delimiter(self._client, self._prefix or None)["objects"]
            told = {each["path"].removeprefix(self._prefix): f"{each['size']}-{each['e_tag']}" for each in found}
            return {name: told[name] for name in sorted(told) if not name.endswith(".draft")}

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, many by one request."""
        paths = [self._prefix + name for name in names]
        with self._told():
            try:
                if paths:
                    obstore.delete(self._client, paths)
            except FileNotFoundError as error:  # not of Amazon: a file that is not there is an error
                if NO_BUCKET.search(str(error)):
                    raise
                self._remove_one_by_one(paths)

    def _remove_one_by_one(self, paths: Iterable[str]) -> None:
        for path in paths:
            try:
                obstore.delete(self._client, path)
            except FileNotFoundError:
                continue

    def remove_drafts(self) -> None:
        """Do nothing: what was not sent whole is not there."""

    @contextmanager
    def _told(self, name: str = "", *, is_written: bool = False) -> Iterator[None]:
        """Turn what the server or the way to it refuses into one line; an absent file stays FileNotFoundError."""
        try:
            yield
        except FileNotFoundError as error:
            if is_written or not name or NO_BUCKET.search(str(error)):
                raise TableError(f"{self._named(name)}: {_reason(str(error))}") from None
            raise FileNotFoundError(self._named(name)) from None
        except (BaseError, OSError) as error:
            raise TableError(f"{self._named(name)}: {_reason(str(error))}") from None

    def _named(self, name: str) -> str:
        return f"{self.uri}/{name}" if name and name != PROBE else self.uri


def _reason(told: str) -> str:
    """Return in a few words why a request failed, and what to do about it."""
    server = next((os.environ[name] for name in ENDPOINTS if name in os.environ), "the object store")
    if NO_BUCKET.search(told):
        return "no such bucket: make it first"
    if "Precondition" in told:
        return "was written while it was read: does another run write here?"
    if REFUSED.search(told) and any(name in os.environ for name in KEYS):
        return f"{server} refuses this access: check the credentials in {' or '.join(KEYS)}"
    if REFUSED.search(told) or NO_CREDENTIALS.search(told):
        return f"no credentials: set {' or '.join(KEYS)}, or AWS_SKIP_SIGNATURE=true for a public bucket"
    if AWAY.search(told):
        return f"{server} does not answer"
    return told.splitlines()[0][:300]


@cache
def _user() -> int:
    """Return the process that uses clients first; in its forks they would hang, since their threads are not there."""
    return os.getpid()


@lru_cache(maxsize=16)
def _client_of(root: str, environment: tuple[tuple[str, str], ...]) -> "ObjectStore":  # noqa: ARG001  (obstore reads it)
    """Return the client of a bucket; it reads endpoint, region and credentials from the environment."""
    is_plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
    options: ClientConfig = {"connect_timeout": "5s", "timeout": "120s", "allow_http": is_plain}
    try:
        return from_url(root, client_options=options, retry_config=PATIENCE)
    except (BaseError, ValueError) as error:
        raise TableError(f"{root}: {_reason(str(error))}") from None


class _Ranges(RawIOBase):
    """A file of a bucket that fetches its end when opened, then what is read, always of one version."""

    def __init__(self, bucket: Bucket, name: str) -> None:
        self._bucket, self._name, self._at = bucket, name, 0
        self._tail, self._size, self._version = bucket.ranged(name, None, TAIL, None)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = self._size if count < 0 else min(self._at + count, self._size)
        start, self._at = self._at, max(self._at, end)
        first = self._size - len(self._tail)
        if start >= first:
            return self._tail[start - first : end - first]
        return self._bucket.ranged(self._name, start, end, self._version)[0]
