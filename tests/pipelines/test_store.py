"""Stores keep files whole, on a disk and in an object store alike; what goes wrong is told in one line, and soon."""

import os
import pickle
import time
from collections.abc import Callable, Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.store import Store, TableError, location, open_store
from tests.pipelines.s3 import ASKING, new_bucket, served

FEW_SECONDS = 15


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with served():
        yield


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        made = open_store(tmp_path / "run")
        made.make()
        return made
    request.getfixturevalue("server")
    return open_store(f"{new_bucket()}/run")


def test_what_was_written_is_read_and_removed(store: Store) -> None:
    assert not store.child("deeper").is_there()
    store.write("b.txt", b"old")
    store.write_together([("b.txt", b"two"), ("a.txt", memoryview(b"one"))])
    deeper = store.child("deeper")
    deeper.make()
    deeper.write("c.txt", b"three")
    assert store.names() == ["a.txt", "b.txt"]
    assert (store.read("a.txt"), store.read("b.txt"), deeper.read("c.txt")) == (b"one", b"two", b"three")
    assert store.is_there()
    assert deeper.is_there()
    store.remove(["a.txt", "none.txt"])
    assert store.names() == ["b.txt"]
    store.remove([])


def test_many_files_are_listed_and_removed(store: Store) -> None:
    """More than a server tells in one answer."""
    names = [f"q{i:04}" for i in range(1100)]
    store.write_together((name, b"") for name in names)
    assert store.names() == names
    store.remove(names[1:])
    assert store.names() == names[:1]


def test_what_is_not_there_is_not_found(store: Store) -> None:
    for ask in (store.read, store.open):
        with pytest.raises(FileNotFoundError):
            ask("none.txt")
    nowhere = store.child("nowhere")
    assert (nowhere.names(), nowhere.versions(), nowhere.is_there()) == ([], {}, False)


def test_a_store_can_be_written_and_that_leaves_nothing(store: Store) -> None:
    store.check_writable()
    assert store.names() == []


def test_a_version_changes_with_the_content_and_holds_the_size(store: Store) -> None:
    store.write("a", b"one")
    first = store.versions()
    assert first == store.versions()
    store.write("a", b"two")
    assert store.versions()["a"] != first["a"]
    assert store.versions()["a"].startswith("3-")


def test_a_store_goes_to_other_processes(store: Store) -> None:
    store.write("a", b"one")
    assert pickle.loads(pickle.dumps(store)).read("a") == b"one"


def test_parts_of_a_file_are_read(store: Store) -> None:
    content = np.random.default_rng(1).bytes(300_000)
    store.write("a", content)
    with store.open("a") as file:
        for start, count in [(0, 10), (299_990, 10), (150_000, 50_000), (200_000, 100_000), (299_995, 100)]:
            file.seek(start)
            assert file.read(count) == content[start : start + count]


def test_two_columns_of_a_file_are_read_by_ranges(server: None) -> None:
    """30 columns of 80 kB: two of them and the footer are a fraction of the file."""
    store = open_store(new_bucket())
    rows = pa.table({f"c{i}": np.random.default_rng(i).random(10_000) for i in range(30)})
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    content = sink.getvalue().to_pybytes()
    store.write("a.parquet", content)
    fetched: list[int] = []
    bucket = type(store)
    plain = bucket.ranged

    def counted(self: Store, *args: object) -> tuple[bytes, int, str | None]:
        got = plain(self, *args)
        fetched.append(len(got[0]))
        return got

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket, "ranged", counted)
        with store.open("a.parquet") as file:
            read = pq.ParquetFile(file, pre_buffer=True).read(columns=["c3", "c20"])
    assert read.equals(rows.select(["c3", "c20"]))
    assert len(fetched) <= 3
    assert sum(fetched) < 300_000 < len(content) / 5


def test_a_file_that_is_written_while_it_is_read_is_told(server: None) -> None:
    store = open_store(new_bucket())
    store.write("a", bytes(200_000))
    with store.open("a") as file:
        store.write("a", bytes(range(200)) * 1000)
        with pytest.raises(TableError, match="was written while it was read"):
            file.read(100)


def test_nothing_is_renamed_on_the_way_to_a_bucket(server: None) -> None:
    """However large, a file is one PUT: it has the entity tag of its content, not one of parts."""
    store = open_store(new_bucket())
    store.write("a", bytes(12_000_000))
    assert store.versions()["a"] == f'12000000-"{md5(bytes(12_000_000)).hexdigest()}"'


WORDS = ("names", "versions", "is_there", "check_writable")


def told(store: Store, ask: str) -> str:
    """What a store says of something that cannot be done."""
    asked: dict[str, Callable[[], object]] = {
        "read": lambda: store.read("a"),
        "open": lambda: store.open("a"),
        "write": lambda: store.write("a", b""),
        "write_together": lambda: store.write_together([("a", b"")]),
        "remove": lambda: store.remove(["a"]),
    } | {word: getattr(store, word) for word in WORDS}
    started = time.monotonic()
    with pytest.raises(TableError) as caught:
        asked[ask]()
    assert time.monotonic() - started < FEW_SECONDS
    assert "\n" not in str(caught.value)
    return str(caught.value)


ALL = ["read", "open", "write", "write_together", "remove", *WORDS]


@pytest.mark.parametrize("ask", ALL)
def test_a_bucket_that_is_not_there_is_told(server: None, ask: str) -> None:
    assert told(open_store("s3://no-such-bucket/run"), ask).endswith("no such bucket: make it first")


@pytest.mark.parametrize("ask", ["read", "write", "names"])
def test_a_server_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, ask: str) -> None:
    for name, value in (ASKING | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    assert told(open_store("s3://maps/run"), ask).endswith("http://127.0.0.1:9 does not answer")


@pytest.mark.parametrize(
    ("key", "answer", "words"),
    [
        ("me", "<Error><Code>AccessDenied</Code></Error>", "refuses this access: check the credentials"),
        ("me", "<Error><Code>SignatureDoesNotMatch</Code></Error>", "refuses this access: check the credentials"),
        (None, "<Error><Code>AccessDenied</Code></Error>", "no credentials: set AWS_ACCESS_KEY_ID"),
    ],
)
def test_who_may_not_ask_is_told(monkeypatch: pytest.MonkeyPatch, key: str | None, answer: str, words: str) -> None:
    """A server that answers every request with 403."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        if key:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        else:
            for name in ASKING:
                monkeypatch.delenv(name, raising=False)
        assert words in told(open_store("s3://maps/run"), "names")
        server.shutdown()


def test_a_fork_of_a_process_that_uses_a_client_is_told_and_does_not_hang(server: None) -> None:
    store = open_store(new_bucket())
    store.write("a", b"")
    child = os.fork()
    if not child:
        try:
            store.read("a")
        except TableError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("ftp://maps/run", "expected a folder, or a URI with s3://, gs:// or az://"),
        ("s3://", "expected the name of a bucket behind s3://"),
        ("file://maps", "expected a folder, or a URI"),
    ],
)
def test_what_is_no_place_is_told(place: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        open_store(place)


def test_a_place_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert location("out/x") == location(Path("out/x")) == location(f"file://{tmp_path}/out/x") == f"{tmp_path}/out/x"
    assert location("s3://maps/run/") == "s3://maps/run"
