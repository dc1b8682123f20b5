"""Asking a time-stamp authority over HTTP (RFC 3161, section 3.4): one question, one answer, no redirects."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from evidence.errors import SettingsError, UnavailableError
from evidence.text import printable
from hashing.timestamps import TimeStampError

TIMEOUT_S = 15.0
MOST_BYTES = 256 * 1024  # a token with its chain takes some 6,000
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


def ask_authority(url: str, query: bytes, *, seconds: float = TIMEOUT_S) -> bytes:
    """The answer of the authority at `url` to a TimeStampReq, as it came; it is not verified here.

    Connecting may take `seconds`, and all that follows as long again. Raises UnavailableError where there is
    no answer, TimeStampError where it cannot be one.
    """
    parts = urlsplit(url)
    kind = _CONNECTIONS.get(parts.scheme)
    if kind is None or not parts.hostname:
        raise SettingsError(f"{url!r} is no address of a time-stamp authority.", advice="Use http or https.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = kind(parts.hostname, parts.port, timeout=seconds)
    try:
        connection.connect()
        with _deadline(connection.sock, seconds):
            connection.request("POST", target, query, {"Content-Type": _QUERY, "Accept": _REPLY})
            with connection.getresponse() as response:
                return _answer(url, response)
    except (OSError, HTTPException) as error:
        raise UnavailableError(
            f"{url} could not be reached: {str(error) or type(error).__name__}.",
            advice="It is asked again by itself.",
        ) from error
    finally:
        connection.close()


def _answer(url: str, response: HTTPResponse) -> bytes:
    if response.status != 200:
        said = printable(f"{response.status} {response.reason}", limit=100)
        raise UnavailableError(
            f"{url} answered {said}.", advice="It is asked again by itself. Redirects are not followed."
        )
    kind = response.headers.get_content_type()
    if kind != _REPLY:
        said = printable(kind, limit=100)
        raise TimeStampError(f"{url} answered with {said}, not with a time stamp.", advice="See its address.")
    raw = response.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise TimeStampError(f"{url} answered with more than {MOST_BYTES} bytes.", advice="See its address.")
    return raw


@contextmanager
def _deadline(connected: socket.socket, seconds: float) -> Iterator[None]:
    """End the connection after `seconds`: a timeout of its own starts anew with every byte that drips in."""
    has_passed = threading.Event()

    def end() -> None:
        has_passed.set()
        with suppress(OSError):  # it has ended by itself
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if has_passed.is_set():
            raise TimeoutError(f"no whole answer within {seconds:g} seconds")
