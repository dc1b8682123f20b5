"""The progress bar that a person sees."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from evidence.text import human_size


class _Amount(ProgressColumn):
    """`12.3 MB of 1.1 GB, 210.0 MB/s` or `12 of 36 jobs`."""

    def render(self, task: Task) -> Text:
        done, total, unit = int(task.completed), int(task.total or 0), task.fields["unit"]
        if unit != "bytes":
            return Text(f"{done} of {total} {unit}")
        speed = f", {human_size(int(task.speed))}/s" if task.speed else ""
        return Text(f"{human_size(done)} of {human_size(total)}{speed}")


class Bar:
    """apps.cli.meter.Meter as a bar with bytes and speed, or with jobs."""

    def __init__(self, progress: Progress) -> None:
        """`progress` is running."""
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, description: str, total: int, unit: str = "bytes") -> None:
        """See Meter."""
        self._task = self._progress.add_task(description, total=total, unit=unit, note="")

    def advance(self, count: int) -> None:
        """See Meter."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def reach(self, count: int) -> None:
        """See Meter."""
        if self._task is not None:
            self._progress.update(self._task, completed=count)

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
        _Amount(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)
