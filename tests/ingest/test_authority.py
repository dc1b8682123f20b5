"""Asking an authority over HTTP, and what comes instead of an answer."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evidence.errors import SettingsError, UnavailableError, VidneError
from hashing.timestamps import TimeStampError, make_request
from ingest.authority import MOST_BYTES, ask_authority
from tests.tsa import Answer, authority, openssl_accepts, send, serving, stamping

NOTE = b"vidne.example/log\n1\nroot\n"
QUERY = make_request(NOTE).der
Handler = http.server.BaseHTTPRequestHandler


def refused(answer: Answer, *, seconds: float = 10) -> VidneError:
    with serving(answer) as url, pytest.raises(VidneError) as error:
        ask_authority(url, QUERY, seconds=seconds)
    assert url in error.value.what
    assert error.value.advice
    return error.value


def test_the_answer_is_given_as_it_came(tmp_path: Path) -> None:
    tsa = authority(tmp_path)
    with serving(stamping(tsa)) as url:
        answer = ask_authority(url, QUERY)
    assert openssl_accepts(answer, NOTE, tsa.roots, tmp_path)


def test_an_authority_that_is_down_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with pytest.raises(UnavailableError, match="could not be reached"):
            ask_authority(f"http://127.0.0.1:{taken.getsockname()[1]}/", QUERY)


def test_an_authority_whose_name_is_unknown_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        ask_authority("http://tsa.invalid/", QUERY)


def test_an_authority_that_hangs_is_given_up() -> None:
    release = threading.Event()

    def hang(_handler: Handler, _query: bytes) -> None:
        release.wait(20)

    started = time.monotonic()
    error = refused(hang, seconds=0.5)
    release.set()
    assert isinstance(error, UnavailableError)
    assert time.monotonic() - started < 5


def test_an_authority_that_drips_its_answer_is_given_up() -> None:
    def drip(handler: Handler, _query: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n")
        for _ in range(200):
            handler.wfile.write(b"X")
            handler.wfile.flush()
            time.sleep(0.1)

    started = time.monotonic()
    error = refused(drip, seconds=1)
    assert isinstance(error, UnavailableError)
    assert "no whole answer within 1 seconds" in error.what
    assert time.monotonic() - started < 5


def test_an_answer_of_ten_megabytes_is_not_read() -> None:
    sent = []

    def flood(handler: Handler, _query: bytes) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n")
        for _ in range(160):
            handler.wfile.write(bytes(65536))
            sent.append(65536)

    error = refused(flood)
    assert isinstance(error, TimeStampError)
    assert f"more than {MOST_BYTES} bytes" in error.what
    assert sum(sent) < 10 << 20


def test_an_answer_that_says_it_has_ten_megabytes_is_not_read() -> None:
    assert "more than" in refused(lambda handler, _: send(handler, bytes(10 << 20))).what


def test_a_page_instead_of_a_stamp_is_told() -> None:
    error = refused(lambda handler, _: send(handler, b"<html>", kind="text/html"))
    assert isinstance(error, TimeStampError)
    assert "text/html" in error.what


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_of_the_server_is_unavailability(status: int) -> None:
    error = refused(lambda handler, _: send(handler, b"", status=status))
    assert isinstance(error, UnavailableError)
    assert str(status) in error.what


def test_a_redirect_is_not_followed() -> None:
    asked: list[bytes] = []
    with serving(lambda _handler, query: asked.append(query)) as other:

        def redirect(handler: Handler, _query: bytes) -> None:
            handler.send_response(307)
            handler.send_header("Location", other)
            handler.end_headers()

        assert "Redirects are not followed" in refused(redirect).advice
    assert asked == []


@pytest.mark.parametrize(
    "raw", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"]
)
def test_what_is_no_http_is_unavailability(raw: bytes) -> None:
    with raw_server(raw) as url, pytest.raises(UnavailableError):
        ask_authority(url, QUERY, seconds=5)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/",
        "tsa.example.org",
        "http:///x",
        "http://x:port/",
        "http://a b/",
        "http://\u00e6/",
    ],
)
def test_only_http_and_https_are_asked(url: str) -> None:
    with pytest.raises(SettingsError):
        ask_authority(url, QUERY)


@contextmanager
def raw_server(raw: bytes) -> Iterator[str]:
    """Answers whatever it reads with `raw`, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()
