"""Asking a time-stamp authority over HTTP (RFC 3161, section 3.4): one question, one answer, no redirects.

The lists of revoked certificates are fetched the same way.
"""

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
MOST_BYTES_OF_LIST = 4 << 20
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


def ask_authority(url: str, query: bytes, *, seconds: float = TIMEOUT_S) -> bytes:
    """The answer of the authority at `url` to a TimeStampReq, as it came; it is not verified here.

    Connecting may take `seconds`, and all that follows as long again. Raises UnavailableError where there is
    no answer, TimeStampError where it cannot be one.
    """
    headers = {"Content-Type": _QUERY, "Accept": _REPLY}
    kind, raw = _exchange(url, "POST", query, headers, seconds, MOST_BYTES)
    if kind != _REPLY:
        said = printable(kind, limit=100)
        raise TimeStampError(f"{url} answered with {said}, not with a time stamp.", advice="See its address.")
    return raw


def fetch_list(url: str, *, seconds: float = TIMEOUT_S) -> bytes:
    """The revocation list at `url`, as it came; times and errors as for `ask_authority`."""
    return _exchange(url, "GET", None, {}, seconds, MOST_BYTES_OF_LIST)[1]


def _exchange(
    url: str, method: str, body: bytes | None, headers: dict[str, str], seconds: float, most: int
) -> tuple[str, bytes]:
    """Content type and content, at most `most` bytes."""
    connection, target = _connection(url, seconds)
    try:
        connection.connect()
        with _deadline(connection.sock, seconds):
            connection.request(method, target, body, headers)
            with connection.getresponse() as response:
                return _answer(url, response, most)
    except (OSError, HTTPException) as error:
        raise UnavailableError(
            f"{url} could not be reached: {str(error) or type(error).__name__}.",
            advice="It is asked again by itself.",
        ) from error
    finally:
        connection.close()


def _connection(url: str, seconds: float) -> tuple[HTTPConnection, str]:
    """A connection that is not open yet, and what to ask for on it."""
    try:
        parts = urlsplit(url if url.isascii() else "")
        host = parts.hostname or "\0"  # none is refused as a wrong one is
        connection = _CONNECTIONS[parts.scheme](host, parts.port, timeout=seconds)
    except (ValueError, LookupError, HTTPException) as error:
        raise SettingsError(
            f"{printable(url, limit=200)} cannot be asked.", advice="Use an address with http or https."
        ) from error
    return connection, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _answer(url: str, response: HTTPResponse, most: int) -> tuple[str, bytes]:
    if response.status != 200:
        said = printable(f"{response.status} {response.reason}", limit=100)
        raise UnavailableError(
            f"{url} answered {said}.", advice="It is asked again by itself. Redirects are not followed."
        )
    raw = response.read(most + 1)
    if len(raw) > most:
        raise TimeStampError(f"{url} answered with more than {most} bytes.", advice="See its address.")
    return response.headers.get_content_type(), raw


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
