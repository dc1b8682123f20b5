"""What a submitted path stands for, and opening it: nothing is followed that nobody named."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from evidence.errors import UnreadableError
from evidence.text import printable
from hashing.digests import chunks


def files_below(path: Path) -> Iterator[tuple[Path, str]]:
    """The files that `path` stands for, in order: (path, name with the folder's own name in front).

    A link that is named itself is followed. Links inside a folder are not, so that an export cannot pull in
    files from elsewhere; they are given as they are, as are folders that cannot be read, and receiving them
    says why they are not taken.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        yield path, path.name
        return
    top = path.resolve()
    if not stat.S_ISDIR(mode):
        yield top if path.is_symlink() else path, path.name
        return
    unread: list[OSError] = []
    for folder, folders, names in os.walk(top, onerror=unread.append):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield _named(Path(folder) / name, top)
    for error in unread:
        yield _named(Path(os.fsdecode(error.filename)), top)


def _named(found: Path, top: Path) -> tuple[Path, str]:
    return found, str(Path(top.name) / found.relative_to(top))


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file that is no link; raises UnreadableError for anything else."""
    shown = printable(str(path), limit=4096)
    try:
        # Looked at before it is opened: opening a device can set it off.
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise _link(path, shown)
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a folder comes here for the reason it is closed
            raise _not_regular(shown)
        # Non-blocking: a pipe put in the file's place must not wait for a writer that never comes.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW)
    except OSError as error:
        raise UnreadableError(
            f"{shown} cannot be read: {error.strerror}.",
            advice="See to the path and its permissions, and submit it again.",
        ) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_regular(shown)
    return os.fdopen(handle, "rb", buffering=0)


def _not_regular(shown: str) -> UnreadableError:
    return UnreadableError(f"{shown} is not a regular file.", advice="Submit files, or folders of files.")


def _link(path: Path, shown: str) -> UnreadableError:
    if not path.exists():
        return UnreadableError(f"{shown} is a symbolic link that leads nowhere.", advice="Submit the file.")
    return UnreadableError(
        f"{shown} is a symbolic link: links in a folder are not followed.",
        advice="If what it points to belongs to the case, submit that by its own path.",
    )


def readable(stream: BinaryIO, path: Path) -> Iterator[memoryview]:
    """The chunks of an open file; raises UnreadableError where the medium fails on the way."""
    parts = chunks(stream)
    while True:
        try:
            chunk = next(parts, None)
        except OSError as error:
            raise UnreadableError(
                f"{printable(str(path), limit=4096)} could not be read to its end: {error.strerror}.",
                advice="Image the medium with a tool that goes on after errors, and submit the image.",
            ) from error
        if chunk is None:
            return
        yield chunk
