"""Progress of a stage in tiles and kilometres of road; silent where the output is not a terminal."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from schemas.receipt import Receipt

KM = 1000.0


class Progress:
    """A bar for one stage: `with Progress(name, tiles, metres) as progress: progress.add(receipt)`."""

    def __init__(self, stage: str, *, tiles: int, metres: float) -> None:
        console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[tiles]}/{task.fields[of]} tiles  {task.completed:,.0f}/{task.total:,.0f} km"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._row = self._bars.add_task(stage, total=metres / KM, tiles=0, of=tiles)
        self._tiles = 0

    def add(self, receipt: Receipt) -> None:
        """Count a finished tile."""
        self._tiles += 1
        self._bars.update(self._row, advance=receipt.metres / KM, tiles=self._tiles)

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
