"""Uploads of the public beside a bare program that receives, hashes and syncs; a thousand slow senders."""

import hashlib
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import in_turn
from bench.spine import GIB, PAIRS, Row, folder
from tests.uploads.portal import House, Portal, Sender

CONNECTIONS, SLOW_S = 1000, 60
ASKED = 100
_PIECE = 1 << 20


def rows() -> Iterator[Row]:
    """Every measurement of uploads."""
    yield throughput()
    yield from slow_senders()


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


def slow_senders() -> Iterator[Row]:
    """A thousand connections that send a little each second: the memory that takes, and the answers."""
    with folder() as here, portal(here) as (server, house):
        sender = Sender.begin(server.url, house.link(files=100_000))
        places = [sender.create(1 << 30) for _ in range(CONNECTIONS)]
        idle = answers(sender)
        before = resident(server)
        connections = [socket.create_connection(server.address) for _ in places]
        for connection, place in zip(connections, places, strict=True):
            connection.sendall(head_of(sender, place, 1 << 30))
        ended = time.monotonic() + SLOW_S
        while time.monotonic() < ended:
            for connection in connections:
                connection.sendall(bytes(4096))
            time.sleep(0.5)
        most = resident(server)
        busy = answers(sender)
        for connection in connections:
            connection.close()
    growth = (most - before) / 1e6
    yield Row(
        f"{CONNECTIONS:,} senders of 4 KiB each half second for {SLOW_S} s: memory of the portal (MB)",
        f"{growth:.0f} more",
        f"{before / 1e6:.0f} before",
        f"{growth / CONNECTIONS * 1000:.0f} kB each",
        "at most 300 MB more",
        growth <= 300,
    )
    yield Row(
        "creation, HEAD and PATCH of 1 kB beside these senders, and without them (99 of 100 below, ms)",
        f"{busy:.0f}",
        f"{idle:.0f}",
        f"{busy / idle:.1f} times",
        "-",
        None,
    )


def answers(sender: Sender) -> float:
    """Milliseconds below which 99 of 100 answers came."""
    taken = []
    for _ in range(ASKED):
        calls: list[Callable[[], object]] = [lambda: sender.create(1000)]
        place = sender.create(1000)
        calls += [lambda: sender.head(place), lambda: sender.patch(place, 0, bytes(1000))]  # noqa: B023 - called at once
        for call in calls:
            started = time.perf_counter()
            call()
            taken.append(1000 * (time.perf_counter() - started))
    return statistics.quantiles(taken, n=100)[98]


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


def wait_filed(house: House, place: str) -> None:
    """Until its digests are made, so that they are not made beside the next run."""
    upload_id = place.rpartition("/")[2]
    while (upload_id, "filed") not in house.rows("SELECT id, state FROM upload"):
        time.sleep(0.05)


def resident(server: Portal) -> int:
    """Bytes of memory that the portal's process has."""
    if server.process is None:
        raise RuntimeError("the portal does not run")
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def bare_server(target: Path) -> Iterator[tuple[str, int]]:
    """Receives one connection's bytes into `target`, hashed and synced."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_receive, args=(listening, target))
        thread.start()
        host, port = listening.getsockname()
        yield str(host), int(port)
        thread.join()
    target.unlink()


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
