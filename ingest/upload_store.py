"""The uploads' spool in the object store, for many machines: one create-only object for each slice.

Keys hold the token of the request that put them, and the catalogue says in one transaction where a slice lies
and how far the upload is. So any machine goes on where another began, and what a stale request still puts is
an object that no row names.
"""

import fcntl
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from evidence.cases import new_id
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.upload_chunks import Chunk, chunks_of, drop_chunks, ended_with_chunks
from evidence.catalogue.uploads import EvictedError, Upload
from evidence.errors import NotFoundError
from evidence.files import make_durable_folders
from evidence.ports import NewObject, ObjectStore
from ingest.room import require_room
from ingest.upload_spool import WHAT, BytesLostError, Slice, UploadWriter, clear_errors
from retention.keys import UPLOADS, chunk_key, upload_prefix

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SLICE = 15 << 20  # with what the last piece adds to it the store takes it in one request (16 MiB)
_SLICE_S = 30.0


class StoreUploads:
    """UploadSpool in an object store; slices wait in a scratch folder of this machine until they are put."""

    slice_size = _SLICE
    slice_seconds = _SLICE_S

    def __init__(self, catalogue: Catalogue, store: ObjectStore, scratch: Path) -> None:
        """Nothing in `scratch` matters once the processes that work in it are gone."""
        self._catalogue = catalogue
        self._store = store
        self._scratch = _Scratch(scratch)

    def look_for_room(self, size: int) -> None:
        """See UploadSpool; a store does not say how much it has."""

    def writer(self, held: Upload, still_held: Callable[[], None]) -> UploadWriter:
        """See UploadSpool; it need not wait for whoever was evicted."""
        still_held()
        return _StoreWriter(self._store, self._scratch.folder(), held, self.slice_size)

    @contextmanager
    def finished(self, upload: Upload) -> Iterator[BinaryIO]:
        """See UploadSpool; two machines that file the same upload read it twice, and one of them files it."""
        with self._catalogue.read() as connection:
            chunks = chunks_of(connection, upload.id)
        with open_chunks(self._store, chunks, upload.id, upload.size) as stream:
            yield stream

    def place(self, upload_id: str) -> None:
        """See UploadSpool; they lie there."""

    def filed_name(self, upload_id: str) -> str:
        """See UploadSpool."""
        return f"{UPLOADS}{upload_id}"

    def release(self, upload_id: str, *, wanted: bool) -> None:
        """See UploadSpool; who seals the exhibit removes them."""
        if not wanted:
            self.remove(upload_id)

    def remove(self, upload_id: str) -> None:
        """See UploadSpool; also what stale requests put."""
        remove_chunks(self._catalogue, self._store, upload_id)

    def leftovers(self, *, thorough: bool) -> Sequence[str]:
        """See UploadSpool: those that rows name; where it is thorough, those that the store lists, too."""
        with self._catalogue.read() as connection:
            found = set(ended_with_chunks(connection))
        if thorough:
            self._scratch.sweep()
            found.update(key.split("/")[1] for key in self._store.list_keys(UPLOADS))
        return sorted(found)


class _StoreWriter:
    """UploadWriter that puts each slice as an object."""

    def __init__(self, store: ObjectStore, scratch: Path, held: Upload, slice_size: int) -> None:
        self._store = store
        self._scratch = scratch
        self._held = held
        self._slice_size = slice_size
        self._written = self._cut = held.offset
        self._writing = threading.Lock()
        self._open: io.FileIO | None = None
        self._digest = sha256()
        self._waiting: set[Path] = set()
        self._closed = False

    def write(self, data: bytes) -> None:
        """See UploadWriter."""
        with self._writing, clear_errors(WHAT):
            if self._closed:
                raise EvictedError("The request that brought these bytes has ended.")
            view = memoryview(data)
            while view:
                count = self._scratch_file().write(view)
                self._digest.update(view[:count])
                self._written += count
                view = view[count:]

    def _scratch_file(self) -> io.FileIO:
        if self._open is None:
            require_room(self._scratch, min(self._slice_size, self._held.size - self._cut), WHAT)
            path = self._scratch / f"{self._held.id}-{self._held.token}-{self._cut}"
            self._open = io.FileIO(path, "x")
            self._waiting.add(path)
            self._digest = sha256()
        return self._open

    def cut(self) -> Slice | None:
        """See UploadWriter."""
        with self._writing, clear_errors(WHAT):
            if self._open is None or self._written == self._cut:
                return None
            part = Slice(self._cut, self._written, self._digest.hexdigest(), Path(str(self._open.name)))
            self._open.close()
            self._open, self._cut = None, self._written
            return part

    def settle(self, part: Slice) -> Chunk:
        """See UploadWriter."""
        size = part.end - part.start
        key = chunk_key(self._held.id, part.start, self._held.token)
        (stored,) = self._store.put([NewObject(key, part.scratch, part.sha256, size)])
        self._drop(part.scratch)
        return Chunk(part.start, size, stored.key, stored.version_id)

    def close(self) -> None:
        """See UploadWriter; a put that is under way goes on, and counts for nothing."""
        with self._writing:
            self._closed = True
            if self._open is not None:
                self._open.close()
                self._open = None
            for path in list(self._waiting):
                self._drop(path)

    def _drop(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._waiting.discard(path)


class _Scratch:
    """A folder of this process below one that several have; whoever is gone holds no lock on theirs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._own: Path | None = None
        self._handle = -1
        self._making = threading.Lock()

    def folder(self) -> Path:
        """This process's own, made when it is first asked for."""
        with self._making, clear_errors(WHAT):
            while self._own is None:
                make_durable_folders(self._root)
                path = self._root / new_id()
                path.mkdir(mode=0o700)
                # A sweep may come between making it and locking it.
                with suppress(FileNotFoundError, BlockingIOError):
                    self._handle = _locked_folder(path)  # as long as the process lives
                    self._own = path if path.is_dir() else None
            return self._own

    def sweep(self) -> None:
        """Remove those of processes that are gone."""
        with clear_errors("What is left of uploads cannot be removed"):
            found = list(self._root.iterdir()) if self._root.is_dir() else []
            for path in found:
                if path == self._own or not path.is_dir():
                    continue
                # Another sweep may be first, and who holds the lock is alive.
                with suppress(FileNotFoundError, BlockingIOError):
                    handle = _locked_folder(path)
                    shutil.rmtree(path, ignore_errors=True)
                    os.close(handle)


def _locked_folder(path: Path) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


class _ChunkStream(io.RawIOBase):
    """The bytes of chunks one behind the other, each as long as its row says."""

    def __init__(self, store: ObjectStore, chunks: Sequence[Chunk]) -> None:
        self._store = store
        self._next = iter(chunks)
        self._chunk: Chunk | None = None
        self._stream: BinaryIO | None = None
        self._left = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """As io.RawIOBase; raises BytesLostError for a chunk that is gone, or shorter."""
        view = memoryview(buffer).cast("B")
        while not self._left:
            self._end()
            self._chunk = next(self._next, None)
            if self._chunk is None:
                return 0
            self._stream = self._opened(self._chunk)
            self._left = self._chunk.size
        count = cast(io.RawIOBase, self._stream).readinto(view[: self._left]) or 0
        if not count:
            key = self._chunk.key if self._chunk else ""
            raise BytesLostError(f"{key} ends {self._left} bytes early.", advice="Look at the store.")
        self._left -= count
        return count

    def _opened(self, chunk: Chunk) -> BinaryIO:
        try:
            return self._store.open(chunk.key, chunk.version_id)
        except NotFoundError as error:
            raise BytesLostError(
                f"Bytes of an upload are not in the store: {error}",
                advice="Look at the store. The sender has to send the file again.",
            ) from error

    def close(self) -> None:
        """Close what is open."""
        self._end()
        super().close()

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


@contextmanager
def open_chunks(store: ObjectStore, chunks: Sequence[Chunk], upload_id: str, size: int) -> Iterator[BinaryIO]:
    """The bytes of an upload, read in sequence; raises BytesLostError where rows or objects are missing."""
    at = 0
    for chunk in chunks:
        if chunk.start != at:
            break
        at += chunk.size
    if at != size:
        raise BytesLostError(
            f"Of the {size} bytes of upload {upload_id} the catalogue can place {at}.",
            advice="Look at the catalogue. The sender has to send the file again.",
        )
    with _ChunkStream(store, chunks) as stream:
        yield cast(BinaryIO, stream)


def remove_chunks(catalogue: Catalogue, store: ObjectStore, upload_id: str) -> None:
    """Remove what the store has of an upload, and forget it; raises VidneError where the store keeps it."""
    with catalogue.read() as connection:
        known = {chunk.key: chunk.version_id for chunk in chunks_of(connection, upload_id)}
    for key in store.list_keys(upload_prefix(upload_id)):
        there = None if key in known else store.stat(key)
        if there is not None:
            known[key] = there.version_id
    for key, version_id in known.items():
        store.delete(key, version_id)
    with catalogue.write() as connection:
        drop_chunks(connection, upload_id)
