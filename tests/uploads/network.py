"""A network that breaks: a TCP relay in front of a server, which cuts connections after so many bytes."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Relay:
    """`allowance` tells after how many bytes from its client a new connection is cut; None: never."""

    upstream: tuple[str, int]
    allowance: Callable[[], int | None]
    address: tuple[str, int] = ("", 0)
    cuts: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def serve(self, listening: socket.socket) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = listening.accept()
                with self._lock:
                    left = self.allowance()
                threading.Thread(target=self._relay, args=(client, left), daemon=True).start()

    def _relay(self, client: socket.socket, left: int | None) -> None:
        server = socket.create_connection(self.upstream)
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        with suppress(OSError):
            while data := client.recv(65536 if left is None else min(65536, left) or 1):
                if left is not None and len(data) >= left:
                    server.sendall(data[:left])
                    with self._lock:
                        self.cuts += 1
                    break
                server.sendall(data)
                left = None if left is None else left - len(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def relay(upstream: tuple[str, int], allowance: Callable[[], int | None]) -> Iterator[Relay]:
    """A relay on a free port of 127.0.0.1."""
    made = Relay(upstream, allowance)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        host, port = listening.getsockname()
        made.address = str(host), int(port)
        threading.Thread(target=made.serve, args=(listening,), daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)
