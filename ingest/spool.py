"""The spool: received files that are not sealed yet, each locked while it is being received."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from evidence.cases import new_id
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import is_spooled
from evidence.errors import UnreadableError, VidneError


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file of the spool, open for writing."""

    path: Path
    handle: int


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
