"""worker.lock: whoever holds it is the one that works on a data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence.errors import UnreadableError
from evidence.files import make_private_folder


class WorkerLock:
    """The lock file, open. The lock lives as long as any process has this file open."""

    def __init__(self, path: Path) -> None:
        """Open (and create) the lock file; `acquire` asks for the lock. Raises UnreadableError."""
        try:
            make_private_folder(path.parent)
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnreadableError(
                f"The data folder {path.parent} cannot be used: {error.strerror}.",
                advice="Name another with --data or VIDNE_DATA, or see to its permissions.",
            ) from error

    def acquire(self) -> bool:
        """Take the lock if nobody has it."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Close the file; the lock is free once a worker that inherited it is gone as well."""
        os.close(self.fd)


@contextmanager
def try_worker_lock(path: Path) -> Iterator[bool]:
    """Whether the lock was free; it is held inside the block."""
    lock = WorkerLock(path)
    try:
        yield lock.acquire()
    finally:
        lock.close()
