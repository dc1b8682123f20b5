"""A reverse HTTP proxy in front of a real server, which misbehaves as it is told."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[["_Handler"], None]


@dataclass
class FaultyProxy:
    """Forwards to `upstream` (host:port); each fault waits for a request whose line holds its text."""

    upstream: str
    endpoint: str = ""
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    always: Fault | None = None  # what a request meets that no other fault waits for
    requests: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, text: str, fault: Fault, times: int = 1) -> None:
        """The next `times` requests whose line (`PUT /bucket/key HTTP/1.1`) holds `text` meet the fault."""
        self.faults += [(text, fault)] * times

    def fault_of(self, line: str) -> Fault:
        with self._lock:
            self.requests.append(line)
            for place, (text, fault) in enumerate(self.faults):
                if text in line:
                    del self.faults[place]
                    return fault
        return self.always or forward


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[FaultyProxy]:
    """A proxy on a free port of 127.0.0.1."""
    proxy = FaultyProxy(upstream)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    proxy.endpoint = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.fault_of(self.requestline)(self)
        self.wfile.flush()

    def ask(self) -> tuple[http.client.HTTPResponse, bytes]:
        upstream = http.client.HTTPConnection(self.proxy.upstream)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(self.body)
        reply = upstream.getresponse()
        body = reply.read()
        upstream.close()
        return reply, body

    def answer(self, reply: http.client.HTTPResponse, body: bytes, *, length: int | None = None) -> None:
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        size = reply.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", size or "0")
        self.end_headers()
        self.wfile.write(body[:length])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Nothing."""


def forward(handler: _Handler) -> None:
    """No fault."""
    handler.answer(*handler.ask())


def busy(handler: _Handler) -> None:
    """503, and nothing done."""
    handler.send_response_only(503, "Slow Down")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def lose_reply(handler: _Handler) -> None:
    """Done by the server; the client never hears of it."""
    handler.ask()
    handler.close_connection = True


def cut(handler: _Handler) -> None:
    """Half of the reply's body."""
    reply, body = handler.ask()
    handler.answer(reply, body, length=len(body) // 2)
    handler.close_connection = True


def cut_to_nothing(handler: _Handler) -> None:
    """The reply's head alone."""
    handler.answer(*handler.ask(), length=0)
    handler.close_connection = True


def answering(status: int, body: str = "") -> Fault:
    """The server never hears of the request; the answer is made up, of a version `made-up`."""

    def answer(handler: _Handler) -> None:
        handler.send_response_only(status)
        handler.send_header("Content-Type", "application/xml")
        handler.send_header("x-amz-version-id", "made-up")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


def late(seconds: float) -> Fault:
    """Done as it should be, after `seconds`."""

    def answer(handler: _Handler) -> None:
        time.sleep(seconds)
        forward(handler)

    return answer


slow = late(1.0)
