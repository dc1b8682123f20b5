"""Uploads of the public beside a bare program that receives, hashes and syncs."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import in_turn
from bench.spine import GIB, PAIRS, Row, folder
from tests.system.program import wait_until
from tests.uploads.portal import House, Portal, Sender

_PIECE = 1 << 20


def throughput() -> Row:
    """1 GiB in one PATCH to the answer that it is durable, beside a loop of recv, SHA-256, write, fsync."""
    content = memoryview(os.urandom(_PIECE) * (GIB // _PIECE))
    with folder() as here, portal(here) as (server, house):
        sender = Sender.begin(server.url, house.link())

        def ours() -> float:
            place = sender.create(len(content))
            started = time.perf_counter()
            with socket.create_connection(server.address) as connection:
                connection.sendall(head_of(sender, place, len(content)))
                connection.sendall(content)
                expect(connection, b"HTTP/1.1 204 ")
            taken = time.perf_counter() - started
            wait_filed(house, place)
            return taken

        def bare() -> float:
            with bare_server(here / "bare") as address:
                started = time.perf_counter()
                with socket.create_connection(address) as connection:
                    connection.sendall(content)
                    connection.shutdown(socket.SHUT_WR)
                    expect(connection, b"durable")
                return time.perf_counter() - started

        mine, theirs, ratio = in_turn(ours, bare, PAIRS)
    speed = 1 / ratio.median
    return Row(
        "1 GiB in one PATCH, durable, beside a loop of recv, SHA-256, write and one fsync (wall s)",
        str(mine),
        str(theirs),
        f"{speed:.2f} times the throughput",
        "at least 0.5 times",
        speed >= 0.5,
    )


@contextmanager
def portal(here: Path) -> Iterator[tuple[Portal, House]]:
    """A portal on a data folder of its own, with an open case."""
    server = Portal(here / "data").start()
    try:
        yield server, House.of(server)
    finally:
        server.close()


def head_of(sender: Sender, place: str, size: int) -> bytes:
    """The head of a PATCH from the beginning."""
    lines = (
        f"PATCH {place} HTTP/1.1",
        "Host: portal",
        f"Vidne-Link: {sender.code}",
        "Tus-Resumable: 1.0.0",
        "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
        f"Content-Length: {size}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def expect(connection: socket.socket, beginning: bytes) -> None:
    """Wait for an answer that begins so."""
    said = connection.recv(65536)
    if not said.startswith(beginning):
        raise RuntimeError(f"it answered {said[:200]!r}")


def wait_filed(house: House, *places: str) -> None:
    """Until the digests of uploads are made, so that they are not made beside the next run."""
    wanted = {place.rpartition("/")[2] for place in places}
    filed = "SELECT id FROM upload WHERE state = 'filed'"
    wait_until(lambda: wanted <= {row[0] for row in house.rows(filed)}, 120, "uploads to be filed")


def resident(server: Portal) -> int:
    """Bytes of memory that the portal's process has."""
    if server.process is None:
        raise RuntimeError("the portal does not run")
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def bare_server(target: Path, count: int = 1) -> Iterator[tuple[str, int]]:
    """Receives the bytes of `count` connections, each into a file `target`N, hashed and synced."""
    paths = [target.with_name(f"{target.name}{number}") for number in range(count)]
    with socket.create_server(("127.0.0.1", 0), backlog=count) as listening:
        threads = [threading.Thread(target=_receive, args=(listening, path)) for path in paths]
        for thread in threads:
            thread.start()
        host, port = listening.getsockname()
        yield str(host), int(port)
        for thread in threads:
            thread.join()
    for path in paths:
        path.unlink()


def _receive(listening: socket.socket, target: Path) -> None:
    connection, _ = listening.accept()
    digest, buffer = hashlib.sha256(), bytearray(256 << 10)
    view = memoryview(buffer)
    with connection, target.open("wb", buffering=0) as file:
        while count := connection.recv_into(buffer):
            digest.update(view[:count])
            file.write(view[:count])
        os.fsync(file.fileno())
        digest.hexdigest()
        connection.sendall(b"durable")
