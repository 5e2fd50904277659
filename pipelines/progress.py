"""Progress of a stage in tiles and kilometres of road: a bar on a terminal, elsewhere a line in the log at times."""

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from pipelines.run_log import run_logger
from pipelines.time_left import TimeLeft, in_words
from schemas.receipt import Measured, Receipt

KM = 1000.0

SECONDS_PER_LINE = 30.0
"""How often a line is logged where there is no terminal; a stage shorter than that logs none."""

Words = Callable[[], str]
"""Says how far a stage is now."""


class Progress:
    """Shows how far a stage is: `with Progress(name, tiles=…, metres=…) as progress: progress.add(receipt, measured)`.

    Parameters
    ----------
    tiles, metres
        What there is to do; tiles count as equal where there are no metres.
    expected_s
        How long the stage should take by what earlier runs have cost.
    weights
        Work of each tile in any one unit: its rows, or the seconds that it took before.
    workers
        How many tiles run side by side.
    """

    def __init__(
        self,
        stage: str,
        *,
        tiles: int,
        metres: float,
        expected_s: float | None = None,
        weights: Mapping[str, float] | None = None,
        workers: int | None = None,
    ) -> None:
        self._tiles, self._metres = tiles, metres
        self._left = TimeLeft(metres or tiles, weights=weights, workers=workers, expected_s=expected_s)
        self._done, self._done_metres = 0, 0.0
        self._started = time.monotonic()
        console = Console(stderr=True)
        self._shown = _Bar(stage, self.words, console) if console.is_terminal else _Lines(stage, self.words)

    def add(self, receipt: Receipt, measured: Measured) -> None:
        """Count a finished tile."""
        self._done += 1
        self._done_metres += receipt.metres
        work = receipt.metres if self._metres else 1.0
        self._left.add(receipt.tile, work, measured.seconds, at=self._elapsed_s())
        self._shown.update(self._share())

    def words(self) -> str:
        """Return how much of how much is done, and how long the rest will take."""
        road = f"{self._done_metres / KM:,.0f}/{self._metres / KM:,.0f} km" if self._metres else ""
        seconds = None if self._done >= self._tiles else self._left.left(self._elapsed_s())
        left = "" if seconds is None else f"{in_words(seconds)} left"
        return "  ".join(part for part in (f"{self._done:,}/{self._tiles:,} tiles", road, left) if part)

    def _share(self) -> float:
        of, done = (self._metres, self._done_metres) if self._metres else (self._tiles, self._done)
        return min(1.0, done / of)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def __enter__(self) -> "Progress":
        self._started = time.monotonic()
        self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown.stop()


class _Bar:
    """A bar on the terminal; its words are asked for ten times a second."""

    def __init__(self, stage: str, words: Words, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), _WordsColumn(words), TimeElapsedColumn())
        self._bars = Bars(*columns, console=console)
        self._row = self._bars.add_task(stage, total=1.0)

    def start(self) -> None:
        self._bars.start()

    def update(self, share: float) -> None:
        self._bars.update(self._row, completed=share)

    def stop(self) -> None:
        self._bars.stop()


class _WordsColumn(ProgressColumn):
    """Words beside a bar."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words

    def render(self, task: Task) -> Text:  # noqa: ARG002  the one row of its stage
        return Text(self._words())


class _Lines:
    """A line in the log of the run every `SECONDS_PER_LINE`, and one at the end if there was one before."""

    def __init__(self, stage: str, words: Words) -> None:
        self._stage, self._words = stage, words
        self._logger = run_logger()  # here, since another thread knows of no run
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True, name=f"progress of {stage}")
        self._has_spoken = False

    def start(self) -> None:
        self._thread.start()

    def update(self, share: float) -> None:
        """Wait for the next line; a bar has no such patience."""

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()
        if self._has_spoken:
            self._say()

    def _go_on(self) -> None:
        while not self._is_over.wait(SECONDS_PER_LINE):
            self._has_spoken = True
            self._say()

    def _say(self) -> None:
        self._logger.info("%s: %s", self._stage, self._words())
