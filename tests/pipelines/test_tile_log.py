import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress

import pytest

from pipelines.tile_log import MOST_CHARACTERS, MOST_LINES, LogLine, relay, tile_log

MINE = logging.getLogger("my.task")


def heard(say: Callable[[], object]) -> list[tuple[int, str, str]]:
    """Level, logger and text of what is taken down while `say` runs."""
    with tile_log("speed_limit", "q03") as log:
        say()
    assert all(line.tile == "q03" and line.stage == "speed_limit" for line in log.records)
    return [line[:3] for line in log.records]


def fail() -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        MINE.exception("odd")


def test_records_warnings_and_prints_are_heard() -> None:
    assert heard(lambda: MINE.info("%d signs", 3)) == [(20, "my.task", "3 signs")]
    assert heard(lambda: MINE.debug("no")) == []
    assert heard(lambda: print("one", 1, "\ntwo", end="")) == [(20, "print", "one 1 "), (20, "print", "two")]
    with pytest.warns(UserWarning, match="old"):
        [(level, logger, text)] = heard(lambda: warnings.warn("old", UserWarning, stacklevel=1))
    assert (level, logger) == (30, "warnings")
    assert text.startswith("UserWarning: old (test_tile_log.py:")
    [(level, _, text)] = heard(fail)
    assert level == 40
    assert text.splitlines()[0] == "odd"
    assert text.splitlines()[-1] == "ValueError: boom"


@pytest.mark.parametrize("name", ["ray.data", "urllib3.connectionpool", "botocore", "numba.core"])
def test_libraries_that_talk_of_themselves_are_not_heard(name: str) -> None:
    assert heard(lambda: logging.getLogger(name).error("no")) == []


def test_a_warning_is_heard_once_in_each_tile() -> None:
    def warn_often() -> None:
        for _ in range(9):
            warnings.warn("again", UserWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert [len(heard(warn_often)) for _ in range(2)] == [1, 1]


def test_a_talkative_tile_is_cut_short() -> None:
    def talk() -> None:
        for number in range(MOST_LINES + 7):
            MINE.info("%d", number)

    lines = heard(talk)
    assert len(lines) == MOST_LINES + 1
    assert lines[-2][2] == str(MOST_LINES - 1)
    assert lines[-1] == (30, "pipelines.tile_log", "and 7 more lines")
    [(_, _, text)] = heard(lambda: MINE.info("a" * 9000 + "the end"))
    assert 0 <= MOST_CHARACTERS - len(text) < 2
    assert text.endswith("the end")
    [(_, _, text)] = heard(lambda: [print("b" * 999, end="") for _ in range(999)])
    assert 0 <= MOST_CHARACTERS - len(text) < 2


def test_what_cannot_be_formatted_does_not_fail_the_tile() -> None:
    code = """
import logging
from pipelines.tile_log import tile_log
with tile_log("speed_limit", "q0") as log:
    logging.getLogger("my.task").warning("%d", "x")
assert [line.text for line in log.records] == ["'%d' with ('x',)"]
"""
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 0


def test_all_is_as_before_when_the_tile_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.WARNING)
    before = (root.level, list(root.handlers), warnings.showwarning, sys.stdout, list(warnings.filters))
    with suppress(ValueError), tile_log("speed_limit", "q0"):
        print("said anyway")
        raise ValueError("stop")
    assert (root.level, list(root.handlers), warnings.showwarning, sys.stdout, list(warnings.filters)) == before
    assert capsys.readouterr().out == "said anyway\n"


def test_a_dying_worker_leaves_its_last_words_in_its_own_log() -> None:
    code = """
import logging, os, sys, warnings
from pipelines.tile_log import tile_log
with tile_log("speed_limit", "q0"):
    logging.getLogger("my.task").warning("a record"); warnings.warn("a warning"); print("a print"); sys.stdout.flush()
    os._exit(3)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 3
    assert ended.stdout == "a print\n"
    assert "a record" in ended.stderr
    assert "UserWarning: a warning" in ended.stderr


def test_lines_pass_as_json_and_are_repeated_outside_of_a_run(caplog: pytest.LogCaptureFixture) -> None:
    line = LogLine(30, "my.task", "three signs of %s", "q03", "speed_limit")
    with caplog.at_level(logging.INFO, "waysmith"):
        relay(json.loads(json.dumps([line])))
    assert caplog.record_tuples == [("waysmith", 30, "speed_limit q03: three signs of %s")]


def test_workers_need_no_prefect() -> None:
    code = "import sys, pipelines.tile_log; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
