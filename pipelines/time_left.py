"""How long a stage will still take, told from the tiles it has done."""

from collections.abc import Iterator, Mapping
from itertools import islice

LEAST_SHARE = 0.05
"""Share of the work that must be done before its pace says anything."""


class TimeLeft:
    """Seconds left of a stage whose tiles several workers compute, the heaviest first.

    The pace is what a unit of work has taken so far, in seconds of a worker. Workers are taken to be as busy as they
    have been; of the heaviest tiles that are not done, one for each worker is taken to be half done, or to have run
    since the start if that is less. No stage ends before its heaviest tile could. When the end that was told has
    passed, what is left is told to be as long as it is late already.

    Parameters
    ----------
    work
        What there is to do in all, in any unit: metres, rows, or the seconds that it took before.
    weights
        How much of it each tile is, where that is known.
    workers
        How many tiles run side by side; without it the pace of the stage as a whole is all there is to go by.
    expected_s
        How long the stage should take by what was measured in earlier runs.
    """

    def __init__(
        self,
        work: float,
        *,
        weights: Mapping[str, float] | None = None,
        workers: int | None = None,
        expected_s: float | None = None,
    ) -> None:
        self._weights = dict(sorted((weights or {}).items(), key=lambda each: -each[1]))
        self._work = sum(self._weights.values()) or work
        self._workers, self._expected_s = workers, expected_s
        self._done = self._seconds = 0.0
        self._end: float | None = expected_s

    def add(self, tile: str, work: float, seconds: float, *, at: float) -> None:
        """Count a tile that took a worker `seconds`, `at` seconds after the start of the stage.

        `work` is what it was, for tiles without a weight.
        """
        self._done += self._weights.pop(tile, work)
        self._seconds += seconds
        if self._done >= LEAST_SHARE * self._work and self._done > 0 and at > 0:
            self._end = self._total(at)

    def left(self, at: float) -> float | None:
        """Return seconds left, `at` seconds after the start; None while nothing can be said."""
        if self._done >= self._work > 0:
            return 0.0
        return None if self._end is None else abs(self._end - at)

    def _total(self, at: float) -> float:
        """Return how long the stage takes in all."""
        if not self._workers or not self._seconds:
            return max(at, at * self._work / self._done)
        pace = self._seconds / self._done
        begun = sum(min(at, pace * weight) / 2 for weight in self._heaviest(self._workers))
        busy = min(1.0, (self._seconds + begun) / (self._workers * at))
        heaviest = next(self._heaviest(1), 0.0)
        return max(pace * self._work / self._workers / busy, pace * heaviest, at)

    def _heaviest(self, count: int) -> Iterator[float]:
        """Yield the weights of the heaviest tiles that are not done."""
        return islice(self._weights.values(), count)


def in_words(seconds: float) -> str:
    """Return a time as people say it: `40 s`, `3 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
