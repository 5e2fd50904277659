from pathlib import Path

import pytest

from tasks import fingerprint
from tasks.fingerprint import file_digest, source_digest


@pytest.mark.parametrize(
    ("changed", "matters"),
    [("tasks.speed_limit", True), ("tasks.maxspeed", True), ("schemas.vocabulary", True), ("tasks.tiling", False)],
)
def test_a_task_is_its_source_and_what_it_imports_of_ours(
    monkeypatch: pytest.MonkeyPatch, changed: str, matters: bool
) -> None:
    before = source_digest(["tasks.speed_limit"])
    read = fingerprint._source
    monkeypatch.setattr(fingerprint, "_source", lambda name: read(name) + "\n# edited" * (name == changed))
    assert (source_digest(["tasks.speed_limit"]) != before) == matters


def test_a_folder_is_its_files_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = file_digest(tmp_path)
    assert file_digest(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert file_digest(tmp_path) != before
