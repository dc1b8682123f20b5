"""Writing a package's files: each compared, durable, and none of it seen before all of it is there."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from disclosure.selection import PackagedObject
from evidence.errors import (
    ConflictError,
    IncompleteError,
    IntegrityError,
    NotFoundError,
    StorageFullError,
    UnreadableError,
)
from evidence.ports import ObjectStore
from evidence.text import printable
from hashing.digests import Progress, chunks, same_digest

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """A folder beside `output` that takes its name when the block ends well, and is gone when it does not.

    Raises ConflictError where `output` exists, NotFoundError where the folder that it is to lie in does not,
    StorageFullError where the disk is full.
    """
    shown, parent = printable(str(output), limit=4096), output.absolute().parent
    if os.path.lexists(output):
        raise ConflictError(f"{shown} exists already.", advice="Name a folder that is not there with -o.")
    if not parent.is_dir():
        raise NotFoundError(
            f"There is no folder {printable(str(parent), limit=4096)}.", advice="Make it first."
        )
    draft = parent / f".{output.name[:100]}.part-{os.urandom(6).hex()}"
    try:
        draft.mkdir(mode=0o700)
        yield draft
        draft.rename(output)  # refused where something with content came there meanwhile
        _sync(parent)
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(
                f"There is no room for the package {shown}. Nothing of it was left there.",
                advice="Free some space, or name another disk with -o.",
            ) from error
        raise UnreadableError(
            f"The package {shown} could not be written: {error.strerror or error}. Nothing was left there.",
            advice="See to the disk and the permissions.",
        ) from error
    finally:
        if draft.exists():
            shutil.rmtree(draft)


@dataclass
class Writer:
    """Writes files below `folder`, each once, and keeps their digests by path."""

    folder: Path
    progress: Progress | None = None
    digests: dict[str, str] = field(default_factory=dict)
    _folded: set[str] = field(default_factory=set)

    def copy(self, store: ObjectStore, item: PackagedObject) -> None:
        """Copy an object out of the store, comparing size and digest on the way.

        Raises IntegrityError for other bytes, IncompleteError where it is gone.
        """
        digest, size = sha256(), 0
        with _opened(store, item) as stream, self._create(item.path) as file:
            for chunk in chunks(stream):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
                if self.progress:
                    self.progress(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        if size != item.digests.size or not same_digest(digest.hexdigest(), item.digests.sha256):
            raise IntegrityError(
                f"The stored {item.path} is not what was filed: its SHA-256 differs. Nothing was made.",
                advice="Run vidne verify case on its case.",
            )
        self.digests[item.path] = digest.hexdigest()

    def write(self, path: str, raw: bytes, mode: int = 0o644) -> None:
        """Write a small file."""
        with self._create(path, mode) as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        self.digests[path] = sha256(raw).hexdigest()

    def sync_folders(self) -> None:
        """Make the names durable, too."""
        for folder in (self.folder, *(item for item in self.folder.rglob("*") if item.is_dir())):
            _sync(folder)

    def _create(self, path: str, mode: int = 0o644) -> BinaryIO:
        if path.casefold() in self._folded:
            raise IntegrityError(f"Two files of the package would be called {path}.")
        self._folded.add(path.casefold())
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # The mode from the start: a stick with FAT on it takes none afterwards.
        return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")


def _opened(store: ObjectStore, item: PackagedObject) -> BinaryIO:
    try:
        return store.open(item.key, item.version_id)
    except NotFoundError as error:
        raise IncompleteError(
            f"The stored {item.path} is missing from the store: {error.what} Nothing was made.",
            advice="Run vidne verify case on its case.",
        ) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
