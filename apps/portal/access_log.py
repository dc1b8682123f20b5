"""The portal's own log: a line for each request, without a code, a name, a word of a sender or a query.

A path that no route knows is not written either: somebody may have put a code into it.
"""

import logging
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("vidne.portal")

_FRAMES = 8
_UNKNOWN = "-"
_QUIET = ("/healthz",)  # asked every other second, and worth a line where it is not well
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
Broken = Callable[[Scope, Receive, Send], Awaitable[None]]


class AccessLog:
    """ASGI middleware at the edge: what went wrong inside ends here, told by its place alone."""

    def __init__(self, app: ASGIApp, broken: Broken) -> None:
        """`broken` answers where the application failed before it began to."""
        self._app = app
        self._broken = broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and write the line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        began = time.monotonic()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - the portal's edge: it must neither end nor tell values
            log.error("request %s failed: %s", request_id, where(error))  # noqa: TRY400 - without its text
            if not status:
                await self._broken(scope, receive, noted)
        finally:
            took = round(1000 * (time.monotonic() - began))
            method = scope["method"] if scope["method"] in _METHODS else _UNKNOWN
            route = template(scope)
            level = logging.DEBUG if route in _QUIET and status == HTTPStatus.OK else logging.INFO
            log.log(level, "%s %s %s %d ms %s", method, route, status, took, request_id)


def template(scope: Scope) -> str:
    """The route of a request with names in place of what stood there: `/api/submissions/{submission}/end`."""
    if "endpoint" not in scope:
        return str(scope.get("portal.template", _UNKNOWN))
    parts = str(scope["path"]).split("/")
    named = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(named.get(part, part) for part in parts)


def where(error: BaseException) -> str:
    """The kind of an error and where it came from; never its text, which may hold what somebody sent."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    way = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{type(error).__name__} in {way}"
