"""Digests of a run of bytes, made in one read: SHA-256, BLAKE3, and BLAKE3 of each piece.

SHA-256 is the anchor and by far the slowest, so it runs in a helper thread while the caller's thread does
BLAKE3 and reads or writes what comes next; both libraries release the interpreter's lock.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hmac import compare_digest
from mmap import mmap
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from blake3 import blake3

from evidence.errors import IntegrityError, UnreadableError
from evidence.exhibits import Digests

# About one second of 4K phone video: damage is placed to a second, for 17 kB of digests per GiB.
PIECE_SIZE = 4 * 1024 * 1024
CHUNK_SIZE = 4 * 1024 * 1024
# A copy that was cut before its first whole piece is looked for by the longest of these that it has.
HEADS = (4 * 1024, 64 * 1024, 1024 * 1024)
_THREAD_FROM = CHUNK_SIZE  # below this a thread costs more than it saves
_SMALL, _SMALL_READS = 64 * 1024, 4
_EMPTY_SHA256 = hashlib.sha256().hexdigest()

Progress = Callable[[int], None]


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


class Digester:
    """Digests of bytes given chunk by chunk.

    A mutable buffer given to `update` must stay unchanged until the next `update` or `finish`: its SHA-256
    may still be running. `chunks` gives buffers that keep to this.
    """

    def __init__(self, piece_size: int = PIECE_SIZE) -> None:
        if piece_size < 1:
            raise ValueError(f"a piece cannot have {piece_size} bytes")
        self._piece_size = piece_size
        self._sha256 = hashlib.sha256()
        self._blake3 = blake3()
        self._piece = self._blake3  # the first piece's digest is the whole's, taken at its end
        self._piece_left = piece_size
        self._pieces: list[str] = []
        self._heads: list[tuple[int, str]] = []
        self._size = self._hashed = 0
        self._helper: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    @property
    def size(self) -> int:
        """How many bytes were given so far."""
        return self._size

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes, of any length."""
        self._settle()
        view = memoryview(data)
        self._size += len(view)
        if self._size > _THREAD_FROM and len(view) >= _SMALL:
            if self._helper is None:
                self._helper = ThreadPoolExecutor(1, thread_name_prefix="sha256")
            self._running = self._helper.submit(self._sha256.update, view)
        else:
            self._sha256.update(view)
        self._update_blake3(view)

    def finish(self) -> Digests:
        """The digests of all bytes given; the digester takes no more after it."""
        self._settle()
        if self._helper is not None:
            self._helper.shutdown()
        if self._piece_left < self._piece_size:
            self._pieces.append(self._piece.hexdigest())
        digests = Digests(
            size=self._size,
            sha256=self._sha256.hexdigest(),
            blake3=self._blake3.hexdigest(),
            piece_size=self._piece_size,
            pieces_blake3=tuple(self._pieces),
            heads=tuple(self._heads),
        )
        require_not_empty(digests.sha256, digests.size)
        return digests

    def _settle(self) -> None:
        if self._running is not None:
            self._running.result()
            self._running = None

    def _update_blake3(self, view: memoryview) -> None:
        while len(view):
            head = HEADS[len(self._heads)] if len(self._heads) < len(HEADS) else 0
            part = view[: min(self._piece_left, head - self._hashed) if head else self._piece_left]
            if self._piece is not self._blake3:
                self._blake3.update(part)
            self._piece.update(part)
            self._piece_left -= len(part)
            self._hashed += len(part)
            if self._hashed == head:
                self._heads.append((head, self._blake3.hexdigest()))
            if not self._piece_left:
                self._pieces.append(self._piece.hexdigest())
                self._piece, self._piece_left = blake3(), self._piece_size
            view = view[len(part) :]


def chunks(source: BinaryIO) -> Iterator[memoryview]:
    """The bytes of `source` from where it stands, up to 4 MiB at a time.

    Two buffers take turns: a chunk stays as it is until the one after the next is asked for.
    """
    if not isinstance(source, io.RawIOBase | io.BufferedIOBase):
        while data := source.read(CHUNK_SIZE):
            yield memoryview(data)
        return
    # Large buffers cost a small file more than its digests do.
    for _ in range(_SMALL_READS):
        small = source.read(_SMALL)
        if not small:
            return
        yield memoryview(small)
    buffers = [memoryview(mmap(-1, CHUNK_SIZE)), memoryview(mmap(-1, CHUNK_SIZE))]
    while count := source.readinto(buffers[0]):
        yield buffers[0][:count]
        buffers.reverse()


def digest_file(
    source: Path | BinaryIO, progress: Progress | None = None, *, piece_size: int = PIECE_SIZE
) -> Digests:
    """Digests of a file, or of what is left of a stream; `progress` gets the length of each chunk.

    Raises UnreadableError where it cannot be read to its end, IntegrityError where a file shrank to nothing.
    """
    digester = Digester(piece_size)
    try:
        with _opened(source) as stream:
            for chunk in chunks(stream):
                digester.update(chunk)
                if progress:
                    progress(len(chunk))
    except OSError as error:
        raise _unreadable(source, error) from error
    return digester.finish()


def sha256_file(source: Path | BinaryIO, progress: Progress | None = None) -> str:
    """SHA-256 alone, lower-case hex, of a file or of what is left of a stream; raises UnreadableError."""
    return _digested(hashlib.sha256(), source, progress)


def blake3_file(source: Path | BinaryIO) -> str:
    """BLAKE3 of the whole alone, lower-case hex: three times as fast; raises UnreadableError."""
    return _digested(blake3(), source, None)


def _digested(digest: _Hash, source: Path | BinaryIO, progress: Progress | None) -> str:
    try:
        with _opened(source) as stream:
            for chunk in chunks(stream):
                digest.update(chunk)
                if progress:
                    progress(len(chunk))
    except OSError as error:
        raise _unreadable(source, error) from error
    return digest.hexdigest()


def require_not_empty(sha256: str, size: int) -> None:
    """Raise IntegrityError where the digest of no bytes stands for a file that has some, or the reverse."""
    if (sha256 == _EMPTY_SHA256) != (size == 0):
        raise IntegrityError(
            f"The digest {sha256} does not belong to {size} bytes.",
            advice="The bytes were not read; read them again.",
        )


def same_digest(one: str, other: str) -> bool:
    """Whether two hex digests are equal, in constant time."""
    return compare_digest(one.encode(), other.encode())


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a copy first departs from what was recorded: bytes `start` to `end` (not included).

    `kind` is `changed`, `truncated` (the copy ends inside or at the start of the range), `extended` (bytes
    after the recorded end) or `unplaced` (the whole differs, no piece does: the record contradicts itself).
    """

    kind: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.kind}: bytes {self.start} to {self.end}"


def first_difference(expected: Digests, found: Digests | BinaryIO) -> Difference | None:
    """The first byte range in which `found` departs from `expected`, or None where they are the same.

    A stream is read to its end. Where `found` is Digests, its pieces must be of the expected size.
    """
    if not isinstance(found, Digests):
        found = digest_file(found, piece_size=expected.piece_size)
    if found.piece_size != expected.piece_size:
        raise ValueError("digests over pieces of different sizes cannot be compared")
    # Only pieces that both have in full length can be compared.
    common = min(expected.size, found.size)
    comparable = len(expected.pieces_blake3) if found.size == expected.size else common // expected.piece_size
    pairs = zip(expected.pieces_blake3[:comparable], found.pieces_blake3, strict=False)
    for number, (one, other) in enumerate(pairs):
        if not same_digest(one, other):
            start = number * expected.piece_size
            return Difference("changed", start, min(start + expected.piece_size, expected.size))
    if found.size < expected.size:
        return Difference("truncated", comparable * expected.piece_size, expected.size)
    if found.size > expected.size:
        return Difference("extended", comparable * expected.piece_size, found.size)
    if same_digest(expected.sha256, found.sha256) and same_digest(expected.blake3, found.blake3):
        return None
    return Difference("unplaced", 0, expected.size)


def _opened(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, Path):
        return cast("AbstractContextManager[BinaryIO]", source.open("rb", buffering=0))
    return nullcontext(source)


def _unreadable(source: Path | BinaryIO, error: OSError) -> UnreadableError:
    name = repr(str(source)) if isinstance(source, Path) else "A stream"
    return UnreadableError(
        f"{name} could not be read: {error.strerror or error}.",
        advice="Check the path, its rights and the disk.",
    )
