import sys
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
    monkeypatch.setattr(fingerprint, "_source", lambda name: read(name) + "\nEDITED = 1" * (name == changed))
    assert (source_digest(["tasks.speed_limit"]) != before) == matters


CODE = '''\
"""How steep a road is."""

STEEP = 8.0
"""Percent."""


def steep(*, grade: float) -> bool:
    """Return whether it is steep."""
    return grade > STEEP  # uphill only
'''

EDITS = {
    "a docstring": ("whether it is steep", "True or False", False),
    "what a constant means": ("Percent", "Per cent", False),
    "a comment": ("uphill only", "never downhill", False),
    "the layout": ("grade > STEEP", "(grade\n        > STEEP)", False),
    "a constant": ("8.0", "9.0", True),
    "an operator": ("grade > STEEP", "grade >= STEEP", True),
    "a default": ("grade: float", "grade: float = 0.0", True),
    "a value that is a string": ("return grade > STEEP", "return 'grade' > 'STEEP'", True),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_no_value_rests_on_does_not_count(edit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, matters = EDITS[edit]
    assert old in CODE
    before = digest_of(tmp_path, monkeypatch, {"steepness_a.py": CODE})
    after = digest_of(tmp_path, monkeypatch, {"steepness_a.py": CODE.replace(old, new)})
    assert (before != after) == matters


def test_docstrings_count_where_the_code_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = CODE + "\nTOLD = steep.__doc__\n"
    before = digest_of(tmp_path, monkeypatch, {"steepness_b.py": reads})
    assert before != digest_of(tmp_path, monkeypatch, {"steepness_b.py": reads.replace("is steep.", "climbs.")})


BESIDE = {
    "mine.py": "import mine_slope\nfrom mine_parts import bend\nimport json\n",
    "mine_slope.py": "LIMIT = 1\n",
    "mine_parts/__init__.py": "",
    "mine_parts/bend.py": "from . import angle\n",
    "mine_parts/angle.py": "FULL = 360\n",
    "mine_other.py": "UNUSED = 1\n",
}


@pytest.mark.parametrize(
    ("edited", "matters"),
    [("mine_slope.py", True), ("mine_parts/bend.py", True), ("mine_parts/angle.py", True), ("mine_other.py", False)],
)
def test_modules_beside_one_s_own_count_when_imported(
    edited: str, matters: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_of(tmp_path, monkeypatch, BESIDE)
    after = digest_of(tmp_path, monkeypatch, BESIDE | {edited: BESIDE[edited] + "MORE = 1\n"})
    assert (before != after) == matters


def digest_of(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> str:
    """Write modules into a folder and return the digest of the first."""
    for name, code in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    if str(folder) not in sys.path:
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "mine_parts", raising=False)  # of another test's folder
    return source_digest([next(iter(files)).removesuffix(".py")])


def test_the_engine_never_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_digest(["pipelines.limit_stages"])
    read = fingerprint._source
    monkeypatch.setattr(fingerprint, "_source", lambda name: read(name) + "\nEDITED = 1" * (name == "pipelines.table"))
    assert source_digest(["pipelines.limit_stages"]) == before


def test_a_folder_is_its_files_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = file_digest(tmp_path)
    assert file_digest(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert file_digest(tmp_path) != before
