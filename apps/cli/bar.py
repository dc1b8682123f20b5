"""The progress bar that a person sees."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn


class Bar:
    """apps.cli.meter.Meter as a bar with bytes, speed and the state of the jobs."""

    def __init__(self, progress: Progress) -> None:
        """`progress` is running."""
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, description: str, total: int | None) -> None:
        """See Meter."""
        self._task = self._progress.add_task(description, total=total, note="")

    def advance(self, count: int) -> None:
        """See Meter."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def note(self, text: str) -> None:
        """See Meter."""
        if self._task is not None:
            self._progress.update(self._task, note=text)


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar on standard error."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)
