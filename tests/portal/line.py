"""A phone's line: a TCP relay in front of the site that carries so many bytes a second, and can be cut."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_PIECE = 1 << 16


@dataclass
class Line:
    """`speed` holds for what goes to the server, all connections together; what comes back is not held up."""

    upstream: tuple[str, int]
    speed: float
    port: int = 0
    carried: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: float = 0.0

    def through(self, url: str) -> str:
        """The same address over this line."""
        return url.replace(f":{self.upstream[1]}/", f":{self.port}/", 1)

    def cut(self) -> None:
        """Every connection ends at once; new ones are carried."""
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def serve(self, listening: socket.socket) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.upstream)
        except OSError:  # the server is down: the client is told so
            client.close()
            return
        ends = {client, server}
        with self._lock:
            self._open |= ends
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        with suppress(OSError):
            while data := client.recv(_PIECE):
                self._wait(len(data))
                server.sendall(data)
        with self._lock:
            self._open -= ends
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join()
        for end in ends:
            end.close()

    def _wait(self, count: int) -> None:
        with self._lock:
            self.carried += count
            self._free_at = max(self._free_at, time.monotonic()) + count / self.speed
            free_at = self._free_at
        time.sleep(max(0.0, free_at - time.monotonic()))


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(port: int, speed: float) -> Iterator[Line]:
    """A line to a port of 127.0.0.1."""
    made = Line(("127.0.0.1", port), speed)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        made.port = listening.getsockname()[1]
        threading.Thread(target=made.serve, args=(listening,), daemon=True).start()
        yield made
        made.cut()
        listening.shutdown(socket.SHUT_RDWR)
