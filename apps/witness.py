"""The witness over HTTP: a small server for another authority's machine, which needs the core alone."""

import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from apps.lock import WorkerLock
from evidence.errors import ConflictError, UnreadableError, VidneError
from evidence.text import printable
from hashing.witness import MOST_BYTES, Answer, Witness

log = logging.getLogger("vidne.witness")

_REQUEST_S = 20.0  # from the answer before, or from the connection, to the last byte of a request
_CONNECTIONS = 64
_SUBMIT, _LAST = "/add-checkpoint", "/checkpoint"


class WitnessServer(ThreadingMixIn, TCPServer):
    """Serves one witness; a thread for each connection, and a limited number of them."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _CONNECTIONS

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        """Port 0 takes a free one. Raises OSError where the address cannot be had."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.witness = witness
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it can be reached; what stands in front of it may give it another name."""
        host, port = self.server_address[:2]
        name = host if isinstance(host, str) else host.decode()
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """A connection beyond the limit is closed: the log tries again later."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system gives no more threads: the place is free again
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or a defect of ours: told here, and the connection is closed."""
        del request
        log.warning("the connection of %s ended badly", client_address[0], exc_info=True)


class _InTime(io.RawIOBase):
    """What a client sends, up to a time that is set anew for each request."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # a log keeps its connection
    server_version, sys_version = "vidne", ""
    error_message_format, error_content_type = "%(code)d %(message)s\n", "text/plain; charset=utf-8"
    server: WitnessServer

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._in_time = _InTime(self.connection)
        self.rfile = io.BufferedReader(self._in_time)

    def handle_one_request(self) -> None:
        self._in_time.until = time.monotonic() + _REQUEST_S
        super().handle_one_request()

    def do_POST(self) -> None:
        lengths = self.headers.get_all("Content-Length", [])
        length = lengths[0] if len(lengths) == 1 and "Transfer-Encoding" not in self.headers else ""
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "Say the length of the body, once.")
        elif int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{MOST_BYTES} bytes are the most.")
        elif self.path != _SUBMIT:
            self._refuse(HTTPStatus.NOT_FOUND, f"Checkpoints are posted to {_SUBMIT}.")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):  # else nobody is there any more
                self._answer(lambda: self.server.witness.add_checkpoint(body))

    def do_GET(self) -> None:
        if self.path.endswith(_LAST):
            origin_hash = self.path.removeprefix("/").removesuffix(_LAST)
            self._answer(lambda: self.server.witness.checkpoint(origin_hash))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"A log's checkpoint is at /<origin hash>{_LAST}.")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        """Answer without the body having been read, which is why the connection ends."""
        self.close_connection = True
        self._send(Answer(status, f"{why}\n".encode()))

    def _answer(self, ask: Callable[[], Answer]) -> None:
        try:
            answer = ask()
        except (VidneError, OSError):
            log.exception("a request could not be answered")
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"The witness cannot do its work at present.\n")
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(_REQUEST_S)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        log.info("%s %s", self.client_address[0], printable(format % args, limit=200))


@contextmanager
def witness_server(folder: Path, host: str, port: int) -> Iterator[WitnessServer]:
    """A server for the witness on `folder`, which no other process may serve meanwhile.

    Raises ConflictError where one does, TrustMaterialError where there is no key, UnreadableError where the
    address cannot be had.
    """
    witness = Witness(folder)
    lock = WorkerLock(folder / "lock")
    try:
        if not lock.acquire():
            raise ConflictError(
                f"The witness in {folder} is being served already.", advice="One process may do so at a time."
            )
        try:
            server = WitnessServer(host, port, witness)
        except OSError as error:
            raise UnreadableError(
                f"{host}:{port} cannot be listened on: {error.strerror}.",
                advice="Name another with --listen.",
            ) from error
        with server:
            yield server
    finally:
        lock.close()
