"""Progress on standard error: a bar where a person watches, nothing where a script does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Meter(Protocol):
    """Something that shows how far a task has come."""

    def begin(self, description: str, total: int | None) -> None:
        """Start the next task; `total` bytes, or None where there is nothing to weigh."""
        ...

    def advance(self, count: int) -> None:
        """`count` more bytes are done."""
        ...

    def note(self, text: str) -> None:
        """Say beside the bar how the jobs stand."""
        ...


class _Silent:
    def begin(self, description: str, total: int | None) -> None:
        pass

    def advance(self, count: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass


@contextmanager
def meter() -> Iterator[Meter]:
    """A meter for the block; its bar is gone afterwards."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from apps.cli.bar import bar  # noqa: PLC0415 - rich is slow to import, and only a person sees it

    with bar() as shown:
        yield shown
