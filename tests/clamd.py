"""A server on a real socket that speaks clamd's protocol and finds one made-up signature."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

WORD = b"made-up-malware"
VERSION = "ClamAV 9.9.9/1/Thu Nov 26 08:00:00 2026"


@dataclass
class FakeClamd:
    """Answers zVERSION and zINSTREAM; `most` bytes of a stream are taken, `breaks` cuts each stream off."""

    path: Path
    most: int = 1 << 30
    breaks: bool = False
    streams: list[int] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed: the test is over
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        command = b""
        while not command.endswith(b"\0"):
            got = reader.read(1)
            if not got:
                return
            command += got
        if command == b"zVERSION\0":
            connection.sendall(VERSION.encode() + b"\0")
        elif command == b"zINSTREAM\0":
            reply = self._look(reader)
            if reply:
                connection.sendall(reply + b"\0")
        else:
            connection.sendall(b"UNKNOWN COMMAND\0")

    def _look(self, reader: BinaryIO) -> bytes:
        raw = b""
        while size := int.from_bytes(reader.read(4), "big"):
            raw += reader.read(size)
            if self.breaks:
                return b""
            if len(raw) > self.most:
                return b"INSTREAM size limit exceeded. ERROR"
        self.streams.append(len(raw))
        return b"stream: Made.Up-1 FOUND" if WORD in raw else b"stream: OK"


@contextmanager
def fake_clamd(path: Path, *, most: int = 1 << 30, breaks: bool = False) -> Iterator[FakeClamd]:
    """A started server at a socket of the file system."""
    server = FakeClamd(path, most, breaks)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=server.serve, args=(listening,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink()
