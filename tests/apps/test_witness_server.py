"""The witness over HTTP: real sockets, each status code, and clients that mean harm."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps import witness as served
from apps.witness import WitnessServer, witness_server
from evidence.errors import ConflictError, TrustMaterialError, UnreadableError
from hashing.note_keys import Signer
from hashing.notes import Checkpoint, sign_checkpoint
from hashing.witness import origin_hash
from tests.hashing.test_witness import LEAVES, ORIGIN, forked, growth, new_witness, note_over, request
from tests.system.program import VIDNE, environment, wait_until

LAST = f"/{origin_hash(ORIGIN)}/checkpoint"


@contextmanager
def running(folder: Path) -> Iterator[WitnessServer]:
    with witness_server(folder, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WitnessServer]:
    with running(new_witness(tmp_path / "w")) as server:
        yield server


def address(server: WitnessServer) -> tuple[str, int]:
    return "127.0.0.1", int(server.server_address[1])


def connect(server: WitnessServer) -> HTTPConnection:
    return HTTPConnection(*address(server), timeout=10)


def ask(
    server: WitnessServer, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes, HTTPResponse]:
    with closing(connect(server)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read(), response


def post(server: WitnessServer, body: bytes) -> int:
    return ask(server, "POST", "/add-checkpoint", body)[0]


def test_each_answer_has_the_status_of_the_specification(server: WitnessServer) -> None:
    unknown, thief = Signer.generate("vidne.example/other"), Signer.generate(ORIGIN)
    of_other = sign_checkpoint(Checkpoint(unknown.name, 1, bytes(32)), unknown)
    assert ask(server, "GET", LAST)[0] == 404
    assert post(server, growth(0, 5)) == 200
    assert post(server, b"old five\n\n" + note_over(LEAVES[:5])) == 400
    assert post(server, request(9, [], note_over(LEAVES[:8]))) == 400
    assert post(server, request(5, [], note_over(LEAVES[:8], thief))) == 403
    assert post(server, request(5, [], note_over(LEAVES[:8]).replace(b"\n8\n", b"\n9\n"))) == 403
    assert post(server, request(0, [], of_other)) == 404
    assert post(server, request(5, [], note_over(forked(8)))) == 422
    status, body, response = ask(server, "POST", "/add-checkpoint", growth(0, 8))
    assert (status, body, response.headers["Content-Type"]) == (409, b"5\n", "text/x.tlog.size")
    status, line, _ = ask(server, "POST", "/add-checkpoint", growth(5, 8))
    assert (status, line[:3].decode()) == (200, "\N{EM DASH}")
    status, last, response = ask(server, "GET", LAST)
    assert (status, last) == (200, note_over(LEAVES[:8]) + line)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_connection_serves_many_requests(server: WitnessServer) -> None:
    with closing(connect(server)) as connection:
        for old, size in [(0, 3), (3, 5), (3, 6), (5, 6)]:
            connection.request("POST", "/add-checkpoint", growth(old, size))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == (409 if (old, size) == (3, 6) else 200)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404), ("POST", "/add-checkpoint/", 404), ("POST", "/sign-subtree", 404),
        ("GET", "/", 404), ("GET", "/add-checkpoint", 404), ("GET", "/checkpoint", 404),
        ("GET", "/../witness.skey", 404), ("GET", "/..%2f..%2fwitness.skey/checkpoint", 404),
        ("GET", "/../../witness.skey/checkpoint", 404), ("GET", "//checkpoint", 404),
        ("GET", "/" + "a" * 64 + "/checkpoint", 404), ("PUT", "/add-checkpoint", 501), ("HEAD", LAST, 501),
        ("DELETE", LAST, 501), ("GET", "/" + "x" * 60_000, 404), ("GET", "/" + "x" * 70_000, 414),
    ],
)  # fmt: skip
def test_nothing_else_is_served(server: WitnessServer, method: str, path: str, status: int) -> None:
    found, body, _ = ask(server, method, path, b"" if method == "POST" else None)
    assert (found, b"PRIVATE" in body) == (status, False)


def raw(server: WitnessServer, *pieces: bytes, pause: float = 0) -> bytes:
    """What comes back for these bytes, up to the end of the connection; empty where it was cut."""
    answer = b""
    with socket.create_connection(address(server), timeout=10) as connection, suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        with suppress(OSError):  # it was cut already
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    return answer


POST = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (POST + b"\r\n", 411),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 411),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 411),
        (POST + b"Content-Length: -5\r\n\r\n", 411),
        (POST + b"Content-Length: +5\r\n\r\nhello", 411),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 411),
        (POST + b"Content-Length: 131073\r\n\r\n", 413),
        (POST + b"Content-Length: 0\r\n\r\n", 400),
        (POST + b"X: y\r\n" * 200 + b"\r\n", 431),
        (POST + b"X: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_a_request_beyond_the_limits_is_refused(server: WitnessServer, sent: bytes, status: int) -> None:
    answer = raw(server, sent)
    assert str(status).encode() in answer.splitlines()[0].split()
    assert b"Traceback" not in answer
    assert post(server, growth(0, 5)) == 200, "and the next one is served"


def test_a_body_that_is_cut_short_is_no_request(server: WitnessServer) -> None:
    body = growth(0, 5)
    head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    assert raw(server, head + body[:-1]) == b""
    assert ask(server, "GET", LAST)[0] == 404


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.booleans())
def test_whatever_comes_in_the_next_request_is_served(
    server: WitnessServer, noise: bytes, as_body: bool
) -> None:
    head = POST + b"Content-Length: %d\r\n\r\n" % len(noise) if as_body else b""
    assert b"Traceback" not in raw(server, head + noise)
    assert ask(server, "GET", LAST)[0] == 404


def test_a_client_that_dawdles_is_cut_off(server: WitnessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_REQUEST_S", 0.4)
    body = growth(0, 5)
    pieces = [POST, b"Content-Length: %d\r\n\r\n" % len(body), *(body[at : at + 1] for at in range(20))]
    began = time.monotonic()
    assert raw(server, *pieces, pause=0.1) == b""
    assert time.monotonic() - began < 4
    assert ask(server, "GET", LAST)[0] == 404


def test_connections_beyond_the_limit_are_closed_and_the_others_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "_CONNECTIONS", 3)
    with running(new_witness(tmp_path / "w")) as server:
        idle = [socket.create_connection(address(server), timeout=10) for _ in range(3)]
        wait_until(lambda: raw(server, b"GET / HTTP/1.1\r\n\r\n") == b"", 5, "three connections are held")
        for connection in idle:
            connection.close()

        def is_served() -> bool:
            return b"404" in raw(server, b"GET / HTTP/1.1\r\n\r\n")

        wait_until(is_served, 5, "a place is free again")


def test_what_cannot_be_answered_is_told_without_its_insides(server: WitnessServer, tmp_path: Path) -> None:
    assert post(server, growth(0, 5)) == 200
    (tmp_path / "w" / "logs" / origin_hash(ORIGIN) / "checkpoint").write_bytes(b"damaged")
    status, body, _ = ask(server, "POST", "/add-checkpoint", growth(5, 8))
    assert (status, body) == (500, b"The witness cannot do its work at present.\n")


def test_of_submissions_at_once_one_is_cosigned(server: WitnessServer) -> None:
    bodies = [growth(0, size) for size in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: post(server, body), bodies))
    assert sorted(statuses) == [200] + [409] * 7
    won = note_over(LEAVES[: statuses.index(200) + 1])
    assert ask(server, "GET", LAST)[1].startswith(won)


def test_a_witness_is_served_once_at_a_time(tmp_path: Path) -> None:
    folder = new_witness(tmp_path / "w")
    with running(folder), pytest.raises(ConflictError, match="served already"), running(folder):
        pass
    with running(folder):
        pass


def test_what_cannot_be_served_says_why(tmp_path: Path) -> None:
    with pytest.raises(TrustMaterialError), witness_server(tmp_path, "127.0.0.1", 0):
        pass
    folder = new_witness(tmp_path / "w")
    with running(folder) as server:
        other = new_witness(tmp_path / "other")
        taken = address(server)
        with pytest.raises(UnreadableError, match="cannot be listened on"), witness_server(other, *taken):
            pass


DIES = """
import os, signal, sys
from pathlib import Path
from apps.witness import WitnessServer
from hashing.witness import Witness

class Dies(Witness):
    def keep(self, log, note):
        super().keep(log, note)
        if b"\\n8\\n" in note:
            os.kill(os.getpid(), signal.SIGKILL)

server = WitnessServer("127.0.0.1", 0, Dies(Path(sys.argv[1])))
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def test_killed_between_keeping_and_answering_the_log_goes_on_from_what_was_kept(tmp_path: Path) -> None:
    folder = new_witness(tmp_path / "w")
    with subprocess.Popen([sys.executable, "-c", DIES, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("POST", "/add-checkpoint", growth(0, 5))
            assert connection.getresponse().read()
            connection.request("POST", "/add-checkpoint", growth(5, 8))
            with pytest.raises(ConnectionError):
                connection.getresponse()
        assert process.wait(10) == -signal.SIGKILL
    with running(folder) as server:
        assert ask(server, "POST", "/add-checkpoint", growth(5, 8))[:2] == (409, b"8\n")
        assert post(server, request(8, [], note_over(forked(8)))) == 422
        assert post(server, growth(8, 8)) == 200


CORE = """
import sys
for name in ("sqlalchemy", "alembic", "minio", "dramatiq", "numpy", "cv2", "PIL", "ffmpeg", "rich"):
    sys.modules[name] = None
from apps.cli.main import run
run()
"""


def test_a_witness_needs_the_core_packages_alone(tmp_path: Path) -> None:
    def vidne(*args: str) -> str:
        command = [sys.executable, "-c", CORE, "ledger", "witness", *args]
        return subprocess.run(command, capture_output=True, check=True, env=environment()).stdout.decode()

    folder = str(tmp_path / "w")
    vkey = vidne("init", folder, "--name", "witness.example/w1")
    assert vkey.startswith("witness.example/w1+")
    assert ORIGIN in vidne("trust", folder, Signer.generate(ORIGIN).verifier.vkey)
    command = [sys.executable, "-c", CORE, "ledger", "witness", "serve", folder]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        host, port = process.stdout.readline().decode().strip().removeprefix("http://").split(":")
        with closing(HTTPConnection(host, int(port), timeout=10)) as connection:
            connection.request("POST", "/add-checkpoint", growth(0, 5))
            assert connection.getresponse().status == 403, "the log is known, this key is not its own"
        again = subprocess.run(
            [VIDNE, "ledger", "witness", "serve", folder], capture_output=True, check=False, env=environment()
        )
        assert (again.returncode, b"served already" in again.stderr) == (2, True)
        process.terminate()
        assert process.wait(10) == 0
