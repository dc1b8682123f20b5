"""The portal as one ASGI application: pages, API and uploads behind limits, headers and a log.

From the outside in: the headers, the log, the limits; then tus for /files, and Starlette for all else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.portal import api, pages, sending
from apps.portal.access_log import AccessLog
from apps.portal.app import Portal
from apps.portal.headers import SecurityHeaders
from apps.portal.limits import Limits
from apps.portal.problems import Problems
from apps.portal.tus import tus_application
from evidence.catalogue.jobs import oldest_unsealed
from evidence.errors import VidneError

_FILES = "/files"
_RESERVED_THREADS = 4  # for what must be answered when the public has taken all of its own


def application_of(portal: Portal) -> ASGIApp:
    """What a server of ASGI runs."""
    problems = Problems(portal)
    threads = portal.settings.portal_threads
    tus = tus_application(portal.uploads, lambda code: sending.authorise(portal, code), threads=threads)

    reserved = CapacityLimiter(_RESERVED_THREADS)

    async def healthz(_request: Request) -> Response:
        await anyio.to_thread.run_sync(_ask, portal, limiter=reserved)
        return PlainTextResponse("ok\n")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        upkeep = asyncio.create_task(tus.upkeep())
        yield
        upkeep.cancel()
        with suppress(asyncio.CancelledError):
            await upkeep
        await tus.close()

    inner = Starlette(
        routes=[*api.routes(portal), *pages.routes(portal), Route("/healthz", healthz, methods=["GET"])],
        exception_handlers={
            VidneError: problems.of_error,
            ClientDisconnect: problems.of_absence,
            HTTPException: problems.of_status,
            Exception: problems.of_anything,
        },
        lifespan=lifespan,
    )
    inner.router.redirect_slashes = False  # it would lead to whatever host the request named
    limited = Limits(_Dispatch(inner, tus), portal.settings, problems.busy)
    return SecurityHeaders(AccessLog(limited, problems.broken), portal.settings)


class _Dispatch:
    """Uploads to tus, with and without a slash, and all else to the pages: a redirect would lose a body."""

    def __init__(self, inner: ASGIApp, tus: ASGIApp) -> None:
        self._inner = inner
        self._tus = tus

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == _FILES or path.startswith(f"{_FILES}/")):
            await self._inner(scope, receive, send)
            return
        scope["portal.template"] = _FILES if path.rstrip("/") == _FILES else f"{_FILES}/{{upload}}"
        await self._tus({**scope, "root_path": _FILES}, receive, send)


def _ask(portal: Portal) -> None:
    with portal.application.catalogue.read() as connection:
        oldest_unsealed(connection)
