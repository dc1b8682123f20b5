"""The spool: received files that are not sealed yet, each locked while it is being received."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from evidence.cases import new_id
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import is_spooled
from evidence.errors import UnreadableError, VidneError
from evidence.exhibits import Digests
from hashing.digests import Digester

_THREAD_FROM = 4 << 20  # below this a thread costs more than it saves
_START_EACH = 16 << 20


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file of the spool, open for writing."""

    path: Path
    handle: int


class SpoolWriter:
    """Writes chunks in a thread of its own while they are hashed, and has the disk begin at once.

    A chunk must stay unchanged until the next `write`, as those of hashing.digests.chunks do. Leaving the
    block waits for what was given; an OSError of the disk comes out of the next `write` or of the block.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None
        self._given = self._written = self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._settle()
        finally:
            if self._thread is not None:
                self._thread.shutdown()

    def write(self, chunk: memoryview) -> None:
        """Take the next chunk."""
        self._settle()
        self._given += len(chunk)
        if self._given < _THREAD_FROM:
            self._write(chunk)
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._running = self._thread.submit(self._write, chunk)

    def _settle(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def _write(self, chunk: memoryview) -> None:
        while chunk:
            count = os.write(self._handle, chunk)
            self._written += count
            chunk = chunk[count:]
        if self._written - self._started >= _START_EACH:
            # Linux begins to write such a range out: the fsync at the end finds little left to do.
            os.posix_fadvise(
                self._handle, self._started, self._written - self._started, os.POSIX_FADV_DONTNEED
            )
            self._started = self._written


def fill(spooled: Spooled, chunks: Iterable[bytes | memoryview]) -> Digests:
    """Write the chunks, hashing them on the way; durable when it returns.

    A chunk must stay unchanged until the one after the next is asked for.
    """
    digester = Digester()
    with SpoolWriter(spooled.handle) as writer:
        for chunk in chunks:
            writer.write(memoryview(chunk))
            digester.update(chunk)
    os.fsync(spooled.handle)
    return digester.finish()


@contextmanager
def new_spool_file(catalogue: Catalogue, spool: Path) -> Iterator[Spooled]:
    """A new file in the spool, locked inside the block; gone again if that fails and no exhibit needs it."""
    spooled = _create(spool)
    try:
        yield spooled
    except BaseException:
        # An interruption may come just after the commit: then the row is there, and the file must stay.
        with suppress(VidneError):
            remove_unless_needed(catalogue, spooled.path)
        raise
    finally:
        os.close(spooled.handle)


def _create(spool: Path) -> Spooled:
    while True:
        path = spool / new_id()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return Spooled(path, handle)
        os.close(handle)  # a sweep came between making it and locking it


def remove_unless_needed(catalogue: Catalogue, path: Path) -> bool:
    """Remove a spool file unless an exhibit that is not sealed needs it; whether it was removed."""
    with catalogue.read() as connection:
        if is_spooled(connection, path.name):
            return False
    path.unlink(missing_ok=True)
    return True


def sweep_spool(catalogue: Catalogue, spool: Path) -> list[str]:
    """Remove what a killed program left half received, or sealed and not removed; returns the names."""
    swept = []
    for path in sorted(spool.iterdir()) if spool.is_dir() else []:
        # Whoever receives a file may remove it at any moment.
        with suppress(FileNotFoundError), path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody is receiving it
            # Only now: until the lock was free, its row may not have been written.
            if remove_unless_needed(catalogue, path):
                swept.append(path.name)
    return swept


def spool_file(spool: Path, name: str | None) -> Path:
    """The spool file of an exhibit that is not sealed; raises UnreadableError where it is gone."""
    if name is None or not (spool / name).is_file():
        raise UnreadableError(
            f"The received file {name} is not in {spool}.",
            advice="Submit the same file to the same case again: it takes the place of the lost one.",
        )
    return spool / name
