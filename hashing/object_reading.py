"""Looking at stored objects: small ones ahead of the checks that ask for them, several at once.

A store answers several at once; and a ledger's entries take about as long to check as small objects do to
read. Where this machine holds many of them, a process beside reads them meanwhile.
"""

import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from evidence.errors import NotFoundError, VidneError
from evidence.exhibits import Digests
from evidence.ports import ObjectStore
from hashing.digests import PIECE_SIZE, Progress, digest_file

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

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


@contextmanager
def reading(
    store: ObjectStore, wanted: Sequence[Wanted], progress: Progress | None = None
) -> Iterator[Iterator[Seen]]:
    """What the store has of each object, in their order; the small ones are begun with when the block begins.

    `progress` gets the length of each run of bytes read.
    """
    small = [one for one in wanted if _is_small(one)]
    is_folder = not store.bucket
    # A fork takes no other thread along (a progress bar has one), and what that one held stays locked.
    beside = is_folder and len(small) >= _MANY and threading.active_count() == 1
    with (_process if beside else _threads)(store, small) as seen:
        yield _in_order(store, wanted, seen, progress)


def _in_order(
    store: ObjectStore, wanted: Sequence[Wanted], small: Iterator[Seen], progress: Progress | None
) -> Iterator[Seen]:
    for one in wanted:
        if not _is_small(one):
            yield _look(store, one, progress)
            continue
        seen = next(small)
        if progress and seen.found:
            progress(seen.found.size)
        yield seen


def _is_small(wanted: Wanted) -> bool:
    return not wanted.is_read or wanted.item.digests.size <= _SMALL


@contextmanager
def _threads(store: ObjectStore, wanted: Sequence[Wanted]) -> Iterator[Iterator[Seen]]:
    with _Ahead(store, wanted) as batches:
        yield (seen for batch in batches for seen in batch)


class _Ahead:
    """Looks at all in `wanted` with several threads, batch by batch, from its start on."""

    def __init__(self, store: ObjectStore, wanted: Sequence[Wanted]) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="read")
        self._stop = threading.Event()
        self._begun = (self._pool.submit(self._look_at_all, batch) for batch in _batches(wanted))

    def __enter__(self) -> Iterator[list[Seen]]:
        return self._batches_of(deque(islice(self._begun, _AHEAD)))

    def __exit__(self, *_: object) -> None:
        self._stop.set()  # of a store that does not answer, one object is waited for, not a batch
        self._pool.shutdown(cancel_futures=True)

    def _batches_of(self, ahead: "deque[Future[list[Seen]]]") -> Iterator[list[Seen]]:
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(islice(self._begun, 1))

    def _look_at_all(self, batch: Sequence[Wanted]) -> list[Seen]:
        return [_look(self._store, one, None) for one in batch if not self._stop.is_set()]


def _batches(wanted: Sequence[Wanted]) -> Iterator[Sequence[Wanted]]:
    """Parts of `wanted`, so small that every thread has some."""
    size = max(1, min(_BATCH, len(wanted) // (4 * _AT_ONCE)))
    return (wanted[first : first + size] for first in range(0, len(wanted), size))


@contextmanager
def _process(store: ObjectStore, wanted: Sequence[Wanted]) -> Iterator[Iterator[Seen]]:
    import multiprocessing  # noqa: PLC0415 - few commands read so many

    receiving, sending = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_send_all, args=(receiving, sending, store, wanted), daemon=True)
    process.start()
    sending.close()
    try:
        yield _received(receiving, store, wanted)
    finally:
        process.kill()  # it only reads: nothing is lost, whatever it waits for
        process.join()
        receiving.close()


def _received(receiving: "Connection", store: ObjectStore, wanted: Sequence[Wanted]) -> Iterator[Seen]:
    """What the process sends; where somebody ended it, the rest is looked at here."""
    for batch in _batches(wanted):
        try:
            seen: list[Seen] = receiving.recv()
        except (EOFError, OSError):  # perhaps in the middle of a batch; from then on each time
            seen = [_look(store, one, None) for one in batch]
        yield from seen


def _send_all(
    receiving: "Connection", sending: "Connection", store: ObjectStore, wanted: Sequence[Wanted]
) -> None:
    """The process beside. It ends where nobody receives any more, by whatever the other was ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the other one ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not what the command made of it
    receiving.close()
    with suppress(BrokenPipeError), _Ahead(store, wanted) as batches:
        for batch in batches:
            sending.send(batch)


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
