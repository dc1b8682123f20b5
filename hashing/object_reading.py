"""Looking at stored objects: small ones ahead of the checks that ask for them, several at once.

A store answers several at once; and a ledger's entries take about as long to check as small objects do to
read. Where this machine holds many of them, a process beside reads them meanwhile.
"""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from typing import NamedTuple

from evidence.errors import NotFoundError, VidneError
from evidence.exhibits import Digests
from evidence.ports import ObjectStore
from hashing.digests import PIECE_SIZE, Progress, digest_file

_SMALL = 1 << 20
_AT_ONCE, _BATCH, _AHEAD = 4, 32, 1000  # threads, objects for one of them at most, batches ahead
_MANY = 1000  # from so many on a process is worth its start


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """What the catalogue says of a stored object: current or superseded, it has to be there.

    `exhibit` is the label that ledger entries use (`EX-0001`); `version_id` is None while it is being stored.
    """

    exhibit: str
    role: str
    name: str
    key: str
    version_id: str | None
    digests: Digests

    @property
    def subject(self) -> str:
        """What a report calls it."""
        return f"{self.exhibit} {self.name}"


class Wanted(NamedTuple):
    """An object to be looked at: read, or only looked for."""

    item: ExpectedObject
    is_read: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store has of an object: the version on top (None: none, or a delete marker), and its digests.

    Without `is_read` it was only looked for. `error` is why it could not be.
    """

    is_read: bool
    on_top: str | None
    found: Digests | None = None
    error: VidneError | None = None


class Reader:
    """Gives what the store has of each object that it was made for, in their order."""

    def __init__(self, store: ObjectStore, small: Iterator[Seen]) -> None:
        """`small` gives what was seen of the small ones."""
        self._store = store
        self._small = small

    def look(self, wanted: Wanted, progress: Progress | None) -> Seen:
        """Look at the next object; `progress` gets the length of each run of bytes read."""
        if not _is_small(wanted):
            return _look(self._store, wanted, progress)
        seen = next(self._small)
        if progress and seen.found:
            progress(seen.found.size)
        return seen


@contextmanager
def reading(store: ObjectStore, wanted: Sequence[Wanted]) -> Iterator[Reader]:
    """A reader that has begun with the small ones of `wanted` when the block begins."""
    small = [one for one in wanted if _is_small(one)]
    # A fork takes no other thread along, and whatever that one held stays locked.
    beside = store.is_local and len(small) >= _MANY and threading.active_count() == 1
    with (_process if beside else _threads)(store, small) as seen:
        yield Reader(store, seen)


def _is_small(wanted: Wanted) -> bool:
    return not wanted.is_read or wanted.item.digests.size <= _SMALL


@contextmanager
def _threads(store: ObjectStore, wanted: Sequence[Wanted]) -> Iterator[Iterator[Seen]]:
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="read")
    try:
        yield (seen for batch in _batches_ahead(pool, store, wanted) for seen in batch)
    finally:
        pool.shutdown(cancel_futures=True)


def _batches_ahead(
    pool: ThreadPoolExecutor, store: ObjectStore, wanted: Sequence[Wanted]
) -> Iterator[list[Seen]]:
    """What was seen of all in `wanted`, batch by batch; the first are begun at once."""
    begun = (pool.submit(_look_at_all, store, batch) for batch in _batches(wanted))
    ahead = deque(islice(begun, _AHEAD))

    def in_order() -> Iterator[list[Seen]]:
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(islice(begun, 1))

    return in_order()


def _batches(wanted: Sequence[Wanted]) -> Iterator[Sequence[Wanted]]:
    """Parts of `wanted`, so small that every thread has some."""
    size = max(1, min(_BATCH, len(wanted) // (4 * _AT_ONCE)))
    return (wanted[first : first + size] for first in range(0, len(wanted), size))


@contextmanager
def _process(store: ObjectStore, wanted: Sequence[Wanted]) -> Iterator[Iterator[Seen]]:
    receiving, sending = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_send_all, args=(receiving, sending, store, wanted), daemon=True)
    process.start()
    sending.close()
    try:
        yield (
            seen for batch in _batches(wanted) for seen in _received(receiving) or _look_at_all(store, batch)
        )
    finally:
        receiving.close()  # which ends it where it is still reading
        process.join()


def _received(receiving: Connection) -> list[Seen] | None:
    """The next batch; None where the process was ended by somebody."""
    try:
        batch: list[Seen] = receiving.recv()
    except EOFError:
        return None
    return batch


def _send_all(
    receiving: Connection, sending: Connection, store: ObjectStore, wanted: Sequence[Wanted]
) -> None:
    """The process beside. It ends where nobody receives any more, by whatever the other was ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the other one ends us
    receiving.close()
    pool = ThreadPoolExecutor(_AT_ONCE)
    with suppress(BrokenPipeError):
        for batch in _batches_ahead(pool, store, wanted):
            sending.send(batch)
    pool.shutdown(cancel_futures=True)


def _look_at_all(store: ObjectStore, batch: Sequence[Wanted]) -> list[Seen]:
    return [_look(store, wanted, None) for wanted in batch]


def _look(store: ObjectStore, wanted: Wanted, progress: Progress | None) -> Seen:
    item, is_read = wanted
    on_top = None
    try:
        if item.version_id is None:
            raise NotFoundError("It is being stored.")
        current = store.stat(item.key)
        on_top = current.version_id if current else None
        if not is_read and current:
            return Seen(is_read, on_top)
        with store.open(item.key, item.version_id) as stream:
            size = _piece_size(item.digests)
            found = digest_file(stream, progress, piece_size=size) if is_read else None
    except VidneError as error:
        return Seen(is_read, on_top, error=error)
    return Seen(is_read, on_top, found)


def _piece_size(digests: Digests) -> int:
    """The recorded piece size, where it fits the recorded pieces: a row may have been meddled with."""
    size, count = digests.piece_size, len(digests.pieces_blake3)
    return size if size > 0 and count == -(-digests.size // size) else PIECE_SIZE
