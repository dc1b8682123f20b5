"""Room on the disk: asked for before something is written, so that a full disk stops no record half way."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from pathlib import Path

from evidence.errors import StorageFullError
from evidence.text import human_size

RESERVE = 16 << 20  # left free for the catalogue


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise StorageFullError unless `size` bytes and the reserve are free where `folder` lies.

    `what` begins the message, as in "clip.mp4 was not received".
    """
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free < size + RESERVE:
        raise StorageFullError(
            f"{what}: {human_size(size + RESERVE)} have to be free in {folder}, and are not.",
            advice="Make room on that disk.",
        )


@contextmanager
def full_disk_said(what: str) -> Iterator[None]:
    """Turn the disk's refusal into a StorageFullError; `what` begins it, as in `require_room`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (ENOSPC, EDQUOT):
            raise
        raise StorageFullError(
            f"{what}: the disk of the data folder is full.", advice="Make room and submit it again."
        ) from error
