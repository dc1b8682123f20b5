"""The uploads' spool in a folder of one machine: a file for each, which is locked by whoever writes into it.

Under that lock the catalogue is asked whether the upload is still theirs, and only then the file is cut to
what is durable: another request could have gone on in the meantime.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from evidence.catalogue.uploads import EvictedError, Upload
from evidence.files import fsync_folder, make_durable_folders
from ingest.room import require_room
from ingest.upload_spool import WHAT, BusyError, BytesLostError, Slice, UploadWriter, clear_errors

_SLICE = 8 << 20
_SLICE_S = 10.0
_LOCK_S, _LOCK_LOOK_S = 10.0, 0.02
_REMOVING = "An upload's bytes cannot be removed"


class FolderUploads:
    """UploadSpool in a folder of this machine: `<folder>/<upload>`, linked into the spool once whole."""

    slice_size = _SLICE
    slice_seconds = _SLICE_S

    def __init__(self, folder: Path, spool: Path) -> None:
        """`spool` is where received files wait to be sealed, on the same disk."""
        self._folder = folder
        self._spool = spool

    def look_for_room(self, size: int) -> None:
        """See UploadSpool."""
        with clear_errors(WHAT):
            make_durable_folders(self._folder)
            require_room(self._folder, size, "The upload was not begun")

    def writer(self, held: Upload, still_held: Callable[[], None]) -> UploadWriter:
        """See UploadSpool."""
        path = self._folder / held.id
        with clear_errors(WHAT):
            make_durable_folders(self._folder)
            flags = os.O_RDWR | os.O_CLOEXEC | (0 if held.offset else os.O_CREAT)
            try:
                handle = os.open(path, flags, 0o600)
            except FileNotFoundError as error:
                still_held()
                raise _lost(held, 0) from error
            try:
                _lock(handle)
                still_held()  # only now: before, another could have gone on from here
                _require_whole(handle, held)
                os.ftruncate(handle, held.offset)
                return _FileWriter(handle, self._folder, held, self.slice_size)
            except BaseException:
                os.close(handle)
                raise

    @contextmanager
    def finished(self, upload: Upload) -> Iterator[BinaryIO]:
        """See UploadSpool."""
        with self._opened(upload) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError("The upload is being filed already.") from error
            if (size := os.fstat(stream.fileno()).st_size) != upload.size:
                raise _lost(upload, size)
            yield stream

    def _opened(self, upload: Upload) -> BinaryIO:
        path = self._folder / upload.id
        with clear_errors("A received file cannot be read"):
            if not upload.size:  # nobody wrote anything
                make_durable_folders(self._folder)
                path.touch(0o600)
            try:
                return path.open("rb", buffering=0)
            except FileNotFoundError as error:
                raise _lost(upload, 0) from error

    def place(self, upload_id: str) -> None:
        """See UploadSpool."""
        with clear_errors("A received file cannot be filed"):
            make_durable_folders(self._spool)
            with suppress(FileExistsError):  # of a filing that was cut short: the very same file
                # A second name, not another one: without its row a sweep of the spool removes the file.
                (self._spool / upload_id).hardlink_to(self._folder / upload_id)
            fsync_folder(self._spool)

    def filed_name(self, upload_id: str) -> str:
        """See UploadSpool."""
        return upload_id

    def release(self, upload_id: str, *, wanted: bool) -> None:
        """See UploadSpool."""
        with clear_errors(_REMOVING):
            if not wanted:
                (self._spool / upload_id).unlink(missing_ok=True)
        self.remove(upload_id)

    def remove(self, upload_id: str) -> None:
        """See UploadSpool."""
        with clear_errors(_REMOVING):
            (self._folder / upload_id).unlink(missing_ok=True)

    def leftovers(self, *, thorough: bool) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        """See UploadSpool: all files that there are."""
        with clear_errors("Uploads cannot be looked at"):
            return sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []


class _FileWriter:
    """UploadWriter into a file that is locked."""

    def __init__(self, handle: int, folder: Path, held: Upload, slice_size: int) -> None:
        self._handle = handle
        # The same open file: what the kernel could not write is told to both.
        self._synced = os.dup(handle)
        self._folder = folder
        self._size = held.size
        self._slice_size = slice_size
        self._is_new = held.offset == 0
        self._written = self._cut = self._roomy = held.offset
        self._writing, self._settling = threading.Lock(), threading.Lock()
        self._closed = False

    def write(self, data: bytes) -> None:
        """See UploadWriter."""
        with self._writing, clear_errors(WHAT):
            self._require_open()
            self._look_for_room(self._written + len(data))
            view = memoryview(data)
            while view:
                count = os.pwrite(self._handle, view, self._written)
                self._written += count
                view = view[count:]

    def _look_for_room(self, end: int) -> None:
        """Asked once for each slice, so that the catalogue has its reserve when the disk gets full."""
        if end > self._roomy:
            slice_end = min(max(end, self._written + self._slice_size), self._size)
            require_room(self._folder, slice_end - self._written, WHAT)
            self._roomy = slice_end

    def cut(self) -> Slice | None:
        """See UploadWriter."""
        with self._writing:
            if self._written == self._cut:
                return None
            part = Slice(self._cut, self._written)
            self._cut = self._written
            return part

    def settle(self, part: Slice) -> None:  # noqa: ARG002 - the port's signature
        """See UploadWriter."""
        with self._settling, clear_errors(WHAT):
            self._require_open()
            os.fdatasync(self._synced)
            if self._is_new:
                fsync_folder(self._folder)
                self._is_new = False

    def close(self) -> None:
        """See UploadWriter."""
        with self._writing, self._settling:
            if not self._closed:
                self._closed = True
                os.close(self._synced)
                os.close(self._handle)

    def _require_open(self) -> None:
        if self._closed:
            raise EvictedError("The request that brought these bytes has ended.")


def _lock(handle: int) -> None:
    """Wait for the lock a while: whoever was evicted lets go of it soon."""
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise BusyError("An earlier request of this upload has not ended yet.") from error
            time.sleep(_LOCK_LOOK_S)
        else:
            return


def _require_whole(handle: int, held: Upload) -> None:
    size = os.fstat(handle).st_size
    if size < held.offset:
        raise _lost(held, size)


def _lost(upload: Upload, size: int) -> BytesLostError:
    return BytesLostError(
        f"Of the {upload.offset} bytes received of upload {upload.id}, {size} are there.",
        advice="Look at the disk of the data folder. The sender has to send the file again.",
    )
