"""Files of parameters: published beside a run, fetched by digest on machines that do not have them."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipelines.input_files import _fetched, localized, published
from pipelines.store import TableError, open_store
from tasks.input_file import InputFile, params_digest
from tests.pipelines.s3 import everything, new_bucket, served


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with served():
        yield


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of temporary files of a machine that has fetched nothing yet."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    _fetched.cache_clear()
    return folder


@dataclass(frozen=True)
class Inner:
    table: InputFile
    number: int = 3


@dataclass(frozen=True)
class Params:
    inner: Inner
    folder: InputFile
    none: InputFile | None = None


@pytest.fixture
def params(tmp_path: Path) -> Params:
    """A file, and a folder of two."""
    (tmp_path / "law.toml").write_text("law")
    (tmp_path / "habits").mkdir()
    for name in ("FI", "SE"):
        (tmp_path / "habits" / name).write_text(name)
    return Params(Inner(InputFile.of(tmp_path / "law.toml")), InputFile.of(tmp_path / "habits"))


def test_files_come_to_a_machine_that_does_not_have_them(server: None, elsewhere: Path, params: Params) -> None:
    store = open_store(f"{new_bucket()}/run")
    sent = published(params, store)
    assert sent.inner.table.uri.startswith(store.uri)
    assert sent.folder.uri.startswith(store.uri)
    assert (sent, params_digest(sent)) == (params, params_digest(params))
    here = localized(sent)
    assert here.inner.table.path.read_text() == "law"
    assert here.inner.table.path.name == "law.toml"
    assert {each.name: each.read_text() for each in here.folder.path.iterdir()} == {"FI": "FI", "SE": "SE"}
    assert here.folder.path.is_relative_to(elsewhere)
    assert localized(here) == here
    assert localized(sent).folder.uri == here.folder.uri


def test_what_is_published_already_is_not_sent_again(server: None, params: Params) -> None:
    bucket = new_bucket()
    store = open_store(bucket)
    sent = published(params, store)
    before = everything(bucket)
    assert len(before) == 3
    open_store(sent.inner.table.uri.rpartition("/")[0]).write("law.toml", b"as it was sent")
    assert published(params, store) == sent
    assert everything(bucket) != before
    assert published(sent, store).folder.uri == sent.folder.uri


def test_on_a_disk_nothing_is_copied(tmp_path: Path, params: Params) -> None:
    assert published(params, open_store(tmp_path / "run")) is params
    assert localized(params) is params
    assert published(None, open_store(tmp_path)) is None


def test_many_fetch_at_once(server: None, elsewhere: Path, params: Params) -> None:
    sent = published(params, open_store(new_bucket()))
    fetch = _fetched.__wrapped__
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: fetch(sent.folder.uri, sent.folder.digest), range(16)))
    assert len(found) == 1
    assert len(list(found.pop().iterdir())) == 2
    assert not list(elsewhere.glob("*/draft-*"))


def test_what_is_not_what_was_sent_is_told(server: None, elsewhere: Path, params: Params) -> None:
    sent = published(params, open_store(new_bucket())).folder
    open_store(sent.uri).write("FI", b"other")
    with pytest.raises(TableError, match="its content has changed"):
        localized(sent)
    gone = replace(sent, uri=f"{sent.uri}s")
    with pytest.raises(TableError, match="no such file or folder"):
        localized(gone)
    assert not list(elsewhere.glob("*/*"))
