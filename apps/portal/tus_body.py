"""The body of one request on its way into an upload: piece by piece, with a bound on what is not durable.

Nothing that blocks runs on the event loop. The next piece is asked for once the last one is written: a fast
sender waits in its own network buffers; while a slice is made durable, the next one is received.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from starlette.types import Message, Receive

from apps.portal.errors import RequestError
from evidence.catalogue.uploads import EvictedError
from evidence.errors import StorageFullError, UnreadableError
from ingest.receiving import Checksum, QuotaError, Receiving
from ingest.upload_spool import Slice

_LOOK_S = 5.0
_SILENT_S = 60.0  # after which a sender who still has the connection is told to come back
_LEAVE_S = 15.0

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Pools:
    """Threads for what blocks, in lots, so that who waits for a disk or a lock holds up nobody else.

    Few take in bytes, which wait for nothing: each more costs a switch between threads for every piece.
    """

    for_bytes: ThreadPoolExecutor
    for_disk: ThreadPoolExecutor
    for_rows: ThreadPoolExecutor

    async def with_bytes(
        self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run what takes in bytes, and does not wait until they are durable."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.for_bytes, partial(call, *args, **kwargs))

    async def with_disk(
        self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run what waits for a disk, a store, or the lock of a file."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.for_disk, partial(call, *args, **kwargs))

    async def with_rows(
        self, call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run what asks the catalogue."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.for_rows, partial(call, *args, **kwargs))


class Body:
    """Takes a request's body into an upload that it was given; `run` it once."""

    def __init__(
        self,
        receiving: Receiving,
        receive: Receive,
        pools: Pools,
        *,
        still_allowed: Callable[[], object],
        checksum: Checksum | None,
    ) -> None:
        """`still_allowed` blocks, and raises LinkError once the sender may not go on; for each slice."""
        self.token = receiving.upload.token
        self._receiving = receiving
        self._receive = receive
        self._pools = pools
        self._still_allowed = still_allowed
        self._checksum = checksum
        self._loop = asyncio.get_running_loop()
        self._evicted: asyncio.Future[None] = self._loop.create_future()
        self._left = asyncio.Event()
        self._flushing: asyncio.Task[None] | None = None
        self._unverified: list[Slice] = []
        self._has_gap = False  # a slice was not counted, so none behind it can be
        self._cut_to = receiving.received
        self._cut_at = self._loop.time()

    async def evict(self) -> None:
        """Have `run` end, whatever its sender does; returns when it has let go of the upload."""
        if not self._evicted.done():
            self._evicted.set_result(None)
        try:
            await asyncio.wait_for(self._left.wait(), _LEAVE_S)
        except TimeoutError:
            return  # a disk or store that hangs; the upload's token and its lock keep it from doing harm

    async def run(self) -> bool:
        """Whether the body came to its end; False where its sender went away, and what came is kept.

        Raises EvictedError, LinkError, ChecksumError, QuotaError, RequestError, StorageFullError,
        UnavailableError, UnreadableError. What is durable by then stays.
        """
        try:
            await self._pools.with_disk(self._receiving.open, self._checksum)
            try:
                whole = await self._read()
            except (StorageFullError, UnreadableError, QuotaError, RequestError):
                await self._keep(whole=False)
                raise
            await self._keep(whole=whole)
            return whole
        finally:
            try:
                if self._flushing is not None:
                    await asyncio.gather(self._flushing, return_exceptions=True)
                await asyncio.shield(self._pools.with_disk(self._receiving.close))
            finally:
                self._left.set()

    async def _read(self) -> bool:
        heard = self._loop.time()
        coming = asyncio.ensure_future(self._receive())
        try:
            while True:
                message = await self._next(coming)
                if message is None:
                    if self._loop.time() - heard >= _SILENT_S:
                        raise RequestError("silent", HTTPStatus.REQUEST_TIMEOUT)
                    await self._flush_if_due()
                    continue
                if message["type"] == "http.disconnect":
                    return False
                heard = self._loop.time()
                if data := message.get("body", b""):
                    await self._pools.with_bytes(self._receiving.write, data)
                if not message.get("more_body", False):
                    return True
                await self._flush_if_due()
                coming = asyncio.ensure_future(self._receive())
        finally:
            coming.cancel()

    async def _next(self, coming: "asyncio.Future[Message]") -> Message | None:
        """The next message; None where none comes for a while."""
        await asyncio.wait((coming, self._evicted), timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        if self._evicted.done():
            raise EvictedError("Another request goes on with this upload.")
        return coming.result() if coming.done() else None

    async def _flush_if_due(self) -> None:
        """Begin to make a slice durable, once the one before it is."""
        waiting = self._receiving.received - self._cut_to
        is_old = self._loop.time() - self._cut_at >= self._receiving.slice_seconds
        if waiting < self._receiving.slice_size and not (waiting and is_old):
            return
        await self._flushed()
        part = await self._cut()
        if part is not None and self._checksum is not None:
            self._unverified.append(part)
        elif part is not None:
            self._flushing = asyncio.create_task(self._flush(part))

    async def _cut(self) -> Slice | None:
        part = await self._pools.with_bytes(self._receiving.cut)
        self._cut_to, self._cut_at = self._receiving.received, self._loop.time()
        return part

    async def _flushed(self) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            await flushing

    async def _flush(self, part: Slice) -> None:
        if self._has_gap:
            return
        self._has_gap = True
        chunk = await self._pools.with_disk(self._receiving.settle, part)

        def count() -> None:
            self._still_allowed()
            self._receiving.advance(part, chunk)

        await self._pools.with_rows(count)
        self._has_gap = False

    async def _keep(self, *, whole: bool) -> None:
        """Make durable and count what was written; what a checksum is of, only if it is right."""
        await self._flushed()
        if self._checksum is not None and not whole:
            return
        self._receiving.verify()
        last = await self._cut()
        for part in (*self._unverified, *(() if last is None else (last,))):
            await self._flush(part)
