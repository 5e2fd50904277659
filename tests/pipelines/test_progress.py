import logging
import time

import pytest

from pipelines import progress
from pipelines.progress import Progress
from schemas.receipt import Measured, Receipt


def done(tile: str, metres: float) -> tuple[Receipt, Measured]:
    return Receipt(tile, "", "", 10, 10, 0, metres), Measured(tile, 10, 0.1, 100.0)


def test_tiles_kilometres_and_time_left_are_told() -> None:
    with Progress("speed_limit", tiles=3, metres=9_000_000.0, workers=1) as shown:
        assert shown.words() == "0/3 tiles  0/9,000 km"
        time.sleep(0.1)
        shown.add(*done("q0", 6_000_000.0))
        assert shown.words() == "1/3 tiles  6,000/9,000 km  0 s left"
        shown.add(*done("q1", 1_000_000.0))
        shown.add(*done("q2", 2_000_000.0))
        assert shown.words() == "3/3 tiles  9,000/9,000 km"


def test_tiles_without_a_length_count_alike() -> None:
    with Progress("map_feature", tiles=2, metres=0.0, expected_s=600.0) as shown:
        assert shown.words() == "0/2 tiles  10 min left"
        time.sleep(0.1)
        shown.add(*done("q0", 0.0))
        assert shown.words() == "1/2 tiles  0 s left"


def test_a_short_stage_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "waysmith"), Progress("speed_limit", tiles=1, metres=1.0) as shown:
        shown.add(*done("q0", 1.0))
    assert caplog.records == []


def test_a_long_stage_logs_lines_even_while_no_tile_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_PER_LINE", 0.2)
    with caplog.at_level(logging.INFO, "waysmith"), Progress("speed_limit", tiles=2, metres=2000.0) as shown:
        time.sleep(0.5)
        shown.add(*done("q0", 1000.0))
        shown.add(*done("q1", 1000.0))
    first, *_, last = [record.getMessage() for record in caplog.records]
    assert first == "speed_limit: 0/2 tiles  0/2 km"
    assert last == "speed_limit: 2/2 tiles  2/2 km"


def test_a_bar_stands_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress("speed_limit", tiles=2, metres=3000.0) as shown:
        shown.add(*done("q0", 1000.0))
    bar = capsys.readouterr().err
    assert "speed_limit" in bar
    assert "1/2 tiles  1/3 km" in bar
    assert set("╸╺") & set(bar)  # where the bar ends
