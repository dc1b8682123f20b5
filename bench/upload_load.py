"""Many senders at once, and busy workers beside them: memory, answers, and every upload accounted for.

`python -m bench upload-load`; senders and server share the same two cores.
"""

import io
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

from tusclient.client import TusClient

from bench.measure import Spread, in_turn
from bench.spine import Row, folder
from bench.uploads import bare_server, expect, head_of, portal, resident, wait_filed
from tests.portal.site import Site
from tests.system.program import CASE, tree_of, wait_until
from tests.uploads.portal import OFFSET_TYPE, UNLIMITED, Sender

ACTIVE, ACTIVE_BYTES, PAIRS = 200, 16 << 20, 3
CLIENTS, CLIENT_BYTES, CLIENT_CHUNK = 200, 2 << 20, 256 << 10
SLOW, SLOW_S = 1000, 60
ASKED = 1000
FILMS, FILM_S = 6, 90


def rows() -> Iterator[Row]:
    """Every measurement under load."""
    _as_another_machine()
    yield active_senders()
    yield clients()
    yield from slow_senders()
    yield from busy_workers()


def active_senders() -> Row:
    """200 uploads at once, each in one PATCH, beside a thread for each that receives, hashes and syncs."""
    content = os.urandom(ACTIVE_BYTES)
    with folder() as here, portal(here) as (server, house):
        sender = Sender.begin(server.url, house.link(files=100_000))

        def ours() -> float:
            places = [sender.create(len(content)) for _ in range(ACTIVE)]
            heads = [head_of(sender, place, len(content)) for place in places]
            taken = _all_at_once(server.address, heads, content, b"HTTP/1.1 204 ")
            wait_filed(house, *places)
            return taken

        def bare() -> float:
            with bare_server(here / "bare", ACTIVE) as address:
                return _all_at_once(address, [b""] * ACTIVE, content, b"durable")

        mine, theirs, ratio = in_turn(ours, bare, PAIRS)
    speed = 1 / ratio.median
    return Row(
        f"{ACTIVE} uploads of {ACTIVE_BYTES >> 20} MiB at once, durable, beside as many bare loops (wall s)",
        str(mine),
        str(theirs),
        f"{speed:.2f} times the throughput",
        "at least 0.5 times",
        speed >= 0.5,
    )


def clients() -> Row:
    """tuspy, 200 at a time in many requests each: nothing fails, and what was acknowledged is an exhibit."""
    with folder() as here, portal(here) as (server, house):
        sender = Sender.begin(server.url, house.link(files=100_000))
        contents = [os.urandom(CLIENT_BYTES) for _ in range(CLIENTS)]

        def send(content: bytes) -> str:
            client = TusClient(f"{server.url}/files", headers={"Vidne-Link": sender.code})
            metadata = {"filename": "clip.mp4", "submission": sender.submission}
            # Without retries: an answer of 500 or more raises.
            sending = client.uploader(
                file_stream=io.BytesIO(content), metadata=metadata, chunk_size=CLIENT_CHUNK
            )
            sending.upload()
            return str(sending.url).rpartition("/")[2]

        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as threads:
            acknowledged = set(threads.map(send, contents))
        taken = time.perf_counter() - started
        wait_filed(house, *acknowledged)
        digests = {row[0] for row in house.rows("SELECT sha256 FROM upload WHERE state = 'filed'")}
        missing = len({sha256(content).hexdigest() for content in contents} - digests)
    each = f"{CLIENT_BYTES >> 20} MiB each, {CLIENT_CHUNK >> 10} KiB a request"
    return Row(
        f"{CLIENTS} tuspy clients at once, {each} (wall s)",
        f"{taken:.1f}",
        "-",
        f"{len(acknowledged)} acknowledged, {missing} of them missing, no answer of 500 or more",
        "none missing",
        len(acknowledged) == CLIENTS and not missing,
    )


def slow_senders() -> Iterator[Row]:
    """A thousand connections that send a little each half second: memory after ten seconds and at the end."""
    with folder() as here, portal(here) as (server, house), ExitStack() as stack:
        sender = Sender.begin(server.url, house.link(files=100_000))
        places = [sender.create(1 << 30) for _ in range(SLOW)]
        idle = Asking(server.address, sender).rounds()
        before = resident(server)
        connections = [stack.enter_context(socket.create_connection(server.address)) for _ in places]
        for connection, place in zip(connections, places, strict=True):
            connection.sendall(head_of(sender, place, 1 << 30))
        _trickle(connections, 10)
        early = resident(server)
        _trickle(connections, SLOW_S)
        late = resident(server)
        busy = Asking(server.address, sender).rounds()
    yield Row(
        f"{SLOW:,} senders of 4 KiB each half second: memory of the portal after {SLOW_S + 10} s (MB)",
        f"{late / 1e6:.0f}",
        f"{early / 1e6:.0f} after 10 s, {before / 1e6:.0f} before",
        f"{(late - early) / 1e6:+.0f} MB in {SLOW_S} s; {(late - before) / SLOW / 1e3:.0f} kB for each",
        "at most 20 MB more",
        late - early <= 20e6,
    )
    for kind, there in busy.items():
        yield Row(
            f"{kind} of an upload beside {SLOW:,} slow senders, and without them: 99 of 100 below (ms)",
            f"{there:.1f}",
            f"{idle[kind]:.1f}",
            f"ratio {there / idle[kind]:.1f}",
            "none",
            None,
        )


def busy_workers() -> Iterator[Row]:
    """Answers while the worker encodes on every core, beside those while it has nothing to do."""
    busy, idle = zip(*(_busy_and_idle() for _ in range(PAIRS)), strict=True)
    for kind in busy[0]:
        pairs = [(there[kind], here[kind]) for there, here in zip(busy, idle, strict=True)]
        ratio = Spread.of([there / here for there, here in pairs])
        yield Row(
            f"{kind} of an upload beside a worker that encodes, and beside an idle one: 99 of 100 below (ms)",
            str(Spread.of([there for there, _ in pairs])),
            str(Spread.of([here for _, here in pairs])),
            f"ratio {ratio}",
            "at most 3",
            ratio.median <= 3,
        )


def _busy_and_idle() -> tuple[dict[str, float], dict[str, float]]:
    with folder() as here:
        site = Site(here, UNLIMITED)
        site.program.open_case()
        site.start()
        try:
            sender = Sender.begin(site.url, str(site.link("--files", "10000")["code"]))
            address = ("127.0.0.1", site.port)
            idle = Asking(address, sender).rounds()
            site.program.run("submit", *(_film(here, number) for number in range(FILMS)), "--case", CASE)
            wait_until(lambda: _is_encoding(site), 120, "a film to be encoded")
            busy = Asking(address, sender).rounds()
            if not _is_encoding(site):
                raise RuntimeError("the worker was idle before the answers were measured")
        finally:
            site.kill()
    return busy, idle


def _as_another_machine() -> None:
    """Senders do not share the server's cores elsewhere; here they come first, where the kernel lets us."""
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("-15")


class Asking:
    """Creation, HEAD and PATCH of 1 kB over one connection that stays."""

    def __init__(self, address: tuple[str, int], sender: Sender) -> None:
        self._connection = HTTPConnection(*address, timeout=60)
        self._sender = sender

    def rounds(self) -> dict[str, float]:
        """Milliseconds below which 99 of 100 answers came, by kind of request."""
        taken: dict[str, list[float]] = {"creation": [], "HEAD": [], "PATCH": []}
        for _ in range(ASKED):
            # Larger than what is sent: nothing is completed, and the worker gets nothing to do from it.
            sized = {"Upload-Length": str(1 << 20), **self._sender.metadata()}
            place = self._timed(taken["creation"], "POST", "/files", sized, 201)
            self._timed(taken["HEAD"], "HEAD", place, {}, 200)
            patch = {"Upload-Offset": "0", "Content-Type": OFFSET_TYPE}
            self._timed(taken["PATCH"], "PATCH", place, patch, 204, bytes(1000))
        return {kind: statistics.quantiles(times, n=100)[98] for kind, times in taken.items()}

    def _timed(
        self,
        taken: list[float],
        method: str,
        path: str,
        headers: dict[str, str],
        wanted: int,
        body: bytes = b"",
    ) -> str:
        known = {"Vidne-Link": self._sender.code, "Tus-Resumable": "1.0.0", **headers}
        started = time.perf_counter()
        self._connection.request(method, path, body, known)
        answer = self._connection.getresponse()
        answer.read()
        taken.append(1000 * (time.perf_counter() - started))
        if answer.status != wanted:
            raise RuntimeError(f"{method} was answered {answer.status}")
        return answer.headers.get("Location", "")


def _all_at_once(address: tuple[str, int], heads: list[bytes], content: bytes, wanted: bytes) -> float:
    """Seconds from the first byte until the last of these connections has its answer."""

    def send(head: bytes) -> None:
        with socket.create_connection(address) as connection:
            connection.sendall(head)
            connection.sendall(content)
            if not head:
                connection.shutdown(socket.SHUT_WR)
            expect(connection, wanted)

    started = time.perf_counter()
    with ThreadPoolExecutor(len(heads)) as threads:
        list(threads.map(send, heads))
    return time.perf_counter() - started


def _trickle(connections: list[socket.socket], seconds: float) -> None:
    ended = time.monotonic() + seconds
    while time.monotonic() < ended:
        for connection in connections:
            connection.sendall(bytes(4096))
        time.sleep(0.5)


def _film(here: Path, number: int) -> Path:
    """MPEG-4 part 2, which no browser plays: it is encoded anew."""
    path = here / f"film{number}.avi"
    source = f"testsrc2=size=1280x720:rate=25:duration={FILM_S},hue=h={number}"
    options: list[str | Path] = ["-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-q:v", "4", path]
    subprocess.run(["ffmpeg", "-v", "error", *options], check=True, stdin=subprocess.DEVNULL)
    return path


def _is_encoding(site: Site) -> bool:
    """Whether a process of the program encodes video now."""
    if site.process is None:
        raise RuntimeError("the program does not run")
    return any(b"libx264" in _command_of(pid) for pid in tree_of(site.process.pid))


def _command_of(pid: int) -> bytes:
    with suppress(OSError):  # it has ended
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
