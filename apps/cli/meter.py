"""Progress on standard error: a bar where a person watches, nothing where a script does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol


class Meter(Protocol):
    """Something that shows how far a task has come."""

    def begin(self, description: str, total: int, unit: str = "bytes") -> None:
        """Start the next task, of `total` bytes or, with another `unit`, of so many of that."""
        ...

    def advance(self, count: int) -> None:
        """So many more are done."""
        ...

    def reach(self, count: int) -> None:
        """So many are done in all."""
        ...

    def note(self, text: str) -> None:
        """Say something beside the bar."""
        ...


class _Silent:
    def begin(self, description: str, total: int, unit: str = "bytes") -> None:
        pass

    def advance(self, count: int) -> None:
        pass

    def reach(self, count: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass


@contextmanager
def meter() -> Iterator[Meter]:
    """A meter for the block; its bar is gone afterwards."""
    if not sys.stderr.isatty() or find_spec("rich") is None:  # the core alone has no rich
        yield _Silent()
        return
    from apps.cli.bar import bar  # noqa: PLC0415 - rich is slow to import, and only a person sees it

    with bar() as shown:
        yield shown
