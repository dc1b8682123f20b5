"""Resumable uploads over HTTP: a server of tus 1.0 (https://tus.io/protocols/resumable-upload).

Core, creation, creation-with-upload, expiration, checksum (sha1, sha256) and termination. Who may do what is
asked before one byte of a body is read, and an answer speaks of durable bytes alone.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from apps.portal.errors import RequestError, answer_of, problem_of
from apps.portal.languages import accepted_language
from apps.portal.tus_body import Body, Pools
from apps.portal.tus_request import TusRequest
from evidence.catalogue.uploads import EvictedError, Upload
from evidence.errors import LinkError, StorageFullError, UnreadableError, VidneError
from evidence.links import Grant
from evidence.text import base64_text
from ingest.receiving import Checksum, ChecksumError, QuotaError, Receiving
from ingest.uploads import Uploads

log = logging.getLogger("vidne.portal.tus")

VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
_SWEEP_S = 60.0
_FILED_AT_ONCE = 2
_FILING_NICENESS = 10  # the digests of a long film must not hold up who is sending
# A body that nobody wants is read to its end where it is short, so that its sender comes to read the answer.
_PASSED_OVER = 32 << 20
_PASSED_OVER_OF_STRANGERS = 64 << 10


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer without a body."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...] = ()


class TusApplication:
    """An ASGI application below the path where it is mounted: uploads are made there and lie below it."""

    def __init__(self, uploads: Uploads, authorise: Callable[[str], Grant], *, threads: int = 24) -> None:
        """`authorise` blocks, and raises LinkError; `threads` are those that requests may take at once."""
        self._uploads = uploads
        self._authorise = authorise
        bytes_, disk, rows = (max(1, threads // part) for part in (6, 3, 2))
        self._pools = Pools(
            ThreadPoolExecutor(bytes_, thread_name_prefix="upload-bytes"),
            ThreadPoolExecutor(disk, thread_name_prefix="upload-disk"),
            ThreadPoolExecutor(rows, thread_name_prefix="upload-rows"),
        )
        self._filing = ThreadPoolExecutor(
            _FILED_AT_ONCE, thread_name_prefix="upload-filing", initializer=_be_nice
        )
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="upload-upkeep", initializer=_be_nice)
        self._bodies: dict[str, Body] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = TusRequest.of(scope)
        try:
            reply = await self._reply(request, receive)
        except VidneError as error:
            await self._refuse(request, error, send)
            return
        headers = [("tus-resumable", VERSION), *reply.headers]
        if reply.status is HTTPStatus.CREATED:
            headers.append(("content-length", "0"))
        await _send(send, reply.status, [(n.encode(), v.encode("latin-1")) for n, v in headers])

    async def upkeep(self) -> None:
        """Until it is cancelled: take up what a kill left, now and every minute."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._upkeep, self._uploads.sweep.run_once)
            except VidneError as error:
                log.warning("the sweep over uploads was stopped: %s", error)
            except Exception:  # a fault of ours: told each time, and what else the portal does goes on
                log.exception("The sweep over uploads failed; it is tried again.")
            await asyncio.sleep(_SWEEP_S)

    async def close(self) -> None:
        """Let go of the threads; what is not filed is filed after the next start."""
        pools = self._pools
        for pool in (pools.for_bytes, pools.for_disk, pools.for_rows, self._filing, self._upkeep):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _reply(self, request: TusRequest, receive: Receive) -> _Reply:
        if request.method == "OPTIONS":
            return _Reply(
                HTTPStatus.NO_CONTENT,
                (
                    ("tus-version", VERSION),
                    ("tus-extension", _EXTENSIONS),
                    ("tus-checksum-algorithm", "sha1,sha256"),
                ),
            )
        if request.headers.get("tus-resumable") != VERSION:
            raise RequestError("version", HTTPStatus.PRECONDITION_FAILED)
        if request.upload_id and request.method in ("HEAD", "PATCH"):
            # In one go: on a busy machine each change of threads waits its turn.
            grant, found = await self._pools.with_rows(self._find, request)
            if request.method == "HEAD":
                return _state_of(found)
            return await self._patch(request, receive, grant, found)
        grant = await self._pools.with_rows(self._authorise, request.code)
        if not request.upload_id and request.method == "POST":
            return await self._create(request, receive, grant)
        if request.upload_id and request.method == "DELETE":
            return await self._terminate(request, grant)
        raise RequestError("method", HTTPStatus.METHOD_NOT_ALLOWED)

    def _find(self, request: TusRequest) -> tuple[Grant, Upload]:
        grant = self._authorise(request.code)
        return grant, self._uploads.find(grant, request.upload_id)

    async def _create(self, request: TusRequest, receive: Receive, grant: Grant) -> _Reply:
        if "upload-defer-length" in request.headers:
            raise RequestError("defer")
        if request.has_body:
            request.require_offset_type()
        size = request.number("upload-length")
        name, submission = request.metadata()
        checksum = request.checksum()
        _require_fitting(request.body_length or 0, size)
        upload = await self._pools.with_rows(self._uploads.create, grant, submission, name, size)
        durable, expires_at = 0, upload.expires_at
        if not size:
            self._file_soon(upload.id)
        elif request.has_body:
            durable, expires_at = await self._first_bytes(request, receive, grant, upload, checksum)
        headers = [("location", f"{request.prefix}/{upload.id}"), ("upload-expires", _http_date(expires_at))]
        if request.has_body:
            headers.append(("upload-offset", str(durable)))
        return _Reply(HTTPStatus.CREATED, tuple(headers))

    async def _first_bytes(
        self,
        request: TusRequest,
        receive: Receive,
        grant: Grant,
        upload: Upload,
        checksum: Checksum | None,
    ) -> tuple[int, str]:
        """What came with the creation: how much is durable, and when the upload expires.

        Where there is no room or no server, the upload is there all the same, for its sender to go on with.
        """
        taken = await self._pools.with_rows(self._uploads.take, grant, upload.id, 0)
        try:
            await self._take_in(request, receive, taken, checksum)
        except ChecksumError:
            await self._pools.with_rows(self._uploads.terminate, grant, upload.id)
            raise
        except (StorageFullError, UnreadableError) as error:
            log.warning("upload %s stands at %d: %s", upload.id, taken.durable, error)
        return taken.durable, taken.expires_at

    async def _patch(self, request: TusRequest, receive: Receive, grant: Grant, found: Upload) -> _Reply:
        request.require_offset_type()
        offset = request.number("upload-offset")
        checksum = request.checksum()
        if found.state.is_received and offset == found.offset and not request.has_body:
            return _Reply(HTTPStatus.NO_CONTENT, (("upload-offset", str(offset)),))
        if offset == found.offset:
            _require_fitting(request.body_length or 0, found.size - offset)
        taken = await self._pools.with_rows(self._uploads.take, grant, request.upload_id, offset)
        await self._take_in(request, receive, taken, checksum)
        headers = [("upload-offset", str(taken.durable))]
        if not taken.is_complete:
            headers.append(("upload-expires", _http_date(taken.expires_at)))
        return _Reply(HTTPStatus.NO_CONTENT, tuple(headers))

    async def _take_in(
        self, request: TusRequest, receive: Receive, taken: Receiving, checksum: Checksum | None
    ) -> None:
        """Receive the body into an upload that this request was given, once the one before has left it."""
        upload_id = taken.upload.id
        allowed = partial(self._authorise, request.code)
        body = Body(taken, receive, self._pools, still_allowed=allowed, checksum=checksum)
        earlier = self._bodies.get(upload_id)
        if earlier is not None and earlier.token > body.token:
            raise EvictedError("A later request goes on with this upload.")
        self._bodies[upload_id] = body
        try:
            if earlier is not None:
                await earlier.evict()
            await body.run()
        finally:
            if self._bodies.get(upload_id) is body:
                del self._bodies[upload_id]
            if taken.is_complete:
                self._file_soon(upload_id)

    async def _terminate(self, request: TusRequest, grant: Grant) -> _Reply:
        await self._pools.with_rows(self._uploads.terminate, grant, request.upload_id)
        if (body := self._bodies.get(request.upload_id)) is not None:
            await body.evict()
        return _Reply(HTTPStatus.NO_CONTENT)

    def _file_soon(self, upload_id: str) -> None:
        """Nobody waits for it: the sender was told that the bytes are durable, and no more."""
        self._filing.submit(self._uploads.file, upload_id).add_done_callback(
            partial(_say_if_unfiled, upload_id)
        )

    async def _refuse(self, request: TusRequest, error: VidneError, send: Send) -> None:
        problem = problem_of(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("%s %s: %s", request.method, problem.code, error)
        answer = answer_of(problem, accepted_language(request.headers.get("accept-language", "")))
        headers = [(b"tus-resumable", VERSION.encode()), *answer.headers, *_closing(request, error)]
        if problem.code == "version":
            headers.append((b"tus-version", VERSION.encode()))
        body = b"" if request.method == "HEAD" else answer.body
        headers.append((b"content-length", str(len(body)).encode()))
        await _send(send, answer.status, headers, body)


def tus_application(
    uploads: Uploads, authorise: Callable[[str], Grant], *, threads: int = 24
) -> TusApplication:
    """See TusApplication."""
    return TusApplication(uploads, authorise, threads=threads)


def _state_of(upload: Upload) -> _Reply:
    named = f"filename {base64_text(upload.name)},submission {base64_text(upload.submission_id.encode())}"
    headers = [
        ("upload-offset", str(upload.offset)),
        ("upload-length", str(upload.size)),
        ("upload-metadata", named),
        ("cache-control", "no-store"),
    ]
    if not upload.state.is_received:
        headers.append(("upload-expires", _http_date(upload.expires_at)))
    return _Reply(HTTPStatus.OK, tuple(headers))


def _require_fitting(length: int, room: int) -> None:
    if length > room:
        raise QuotaError("length", f"The body has {length} bytes, where {room} are to come.")


def _closing(request: TusRequest, error: VidneError) -> list[tuple[bytes, bytes]]:
    """Whether the connection is closed on a body that nobody reads."""
    most = _PASSED_OVER_OF_STRANGERS if isinstance(error, LinkError) else _PASSED_OVER
    if request.has_body and (request.body_length is None or request.body_length > most):
        return [(b"connection", b"close")]
    return []


def _http_date(timestamp: str) -> str:
    return format_datetime(datetime.fromisoformat(timestamp), usegmt=True)


def _say_if_unfiled(upload_id: str, filed: "Future[bool]") -> None:
    if filed.cancelled():
        return
    error = filed.exception()
    if error is not None:
        log.warning("upload %s is filed by a later sweep: %s", upload_id, error, exc_info=error)


def _be_nice() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _FILING_NICENESS)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
