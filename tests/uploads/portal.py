"""A portal under test: the real server in a process of its own, and somebody who sends files to it."""

import base64
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from apps.wiring import Application
from evidence.catalogue.cases import find_case, open_case
from evidence.clock import timestamp
from evidence.links import LinkKind
from evidence.settings import Settings
from ingest import links
from ingest.links import NewLink
from tests.system.program import environment

CASE = "0100-10293-00001-26"
OFFSET_TYPE = "application/offset+octet-stream"
UNLIMITED = {f"VIDNE_PORTAL_{name}_RATE": "0" for name in ("LINK", "ADDRESS", "NEW")}
_READY_S = 60


@dataclass
class Portal:
    """One server process on a data folder; killed and started again it has the same address."""

    data: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1024)
        self.data.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._socket.getsockname()
        return str(host), int(port)

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    @property
    def said(self) -> Path:
        """What it wrote to its log."""
        return self.data.with_name(f"{self.data.name}.said")

    def environment(self) -> dict[str, str]:
        return {**environment(), **UNLIMITED, "VIDNE_PORTAL_URL": self.url, **self.settings}

    def start(self) -> "Portal":
        command = [sys.executable, "-P", "-m", "apps.portal.server", "--data", str(self.data)]
        command += ["--socket", str(self._socket.fileno()), "--parent", str(os.getpid())]
        with self.said.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                pass_fds=(self._socket.fileno(),),
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_S
        while True:
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, "the portal did not come up"
            try:
                if httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut does."""
        self.stop(signal.SIGKILL)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def close(self) -> None:
        self.stop(signal.SIGKILL)
        self._socket.close()

    def application(self) -> Application:
        """The same installation, from inside this process."""
        return Application(Settings.from_environment(self.environment(), data=self.data))


@dataclass
class House:
    """An installation with an open case, worked on from inside this process."""

    application: Application

    @classmethod
    def of(cls, portal: Portal) -> "House":
        application = portal.application()
        with application.catalogue.write() as connection:
            open_case(connection, CASE, timestamp(datetime.now(UTC)))
        return cls(application)

    def link(self, *, files: int = 1000, size: int = 1 << 40, days: int = 7) -> str:
        """The code of a new link."""
        now = datetime.now(UTC)
        new = NewLink(LinkKind.PERSONAL, ("da",), timestamp(now + timedelta(days=days)), 1000, files, size)
        with self.application.catalogue.write() as connection:
            case_id = find_case(connection, CASE).id
            return links.create(connection, case_id, new, "tester", timestamp(now))[1]

    def revoke(self, code: str) -> None:
        now = timestamp(datetime.now(UTC))
        with self.application.catalogue.write() as connection:
            links.revoke(connection, links.open_link(connection, code, now), "test", "tester", now)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.application.catalogue.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def await_exhibit(self, content: bytes, seconds: float = 60) -> None:
        """Wait until the bytes are an exhibit of the case."""
        wanted = hashlib.sha256(content).hexdigest(), len(content)
        deadline = time.monotonic() + seconds
        while wanted not in self.rows("SELECT sha256, size FROM exhibit"):
            assert time.monotonic() < deadline, self.rows("SELECT id, state, size FROM upload")
            time.sleep(0.05)


@dataclass
class Sender:
    """Somebody who holds a link and has begun a submission."""

    url: str
    code: str
    submission: str = ""
    receipt: str = ""

    @classmethod
    def begin(cls, url: str, code: str) -> "Sender":
        sender = cls(url, code)
        reply = sender.ask("POST", "/api/submissions", json={"language": "da", "declaration": "1"})
        assert reply.status_code == 201, reply.text
        told = reply.json()
        return cls(url, code, told["submission"], told["receipt"])

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        known = {"Vidne-Link": self.code, **(headers or {})}
        return httpx.request(method, httpx.URL(self.url).join(path), headers=known, timeout=120, **more)

    def tus(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        return self.ask(method, path, {"Tus-Resumable": "1.0.0", **(headers or {})}, **more)

    def metadata(self, name: str = "clip.mp4") -> dict[str, str]:
        pairs = {"filename": name, "submission": self.submission}
        encoded = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        return {"Upload-Metadata": ",".join(encoded)}

    def try_create(self, size: int, body: bytes | None = None, **headers: str) -> httpx.Response:
        """A creation, with `body` one with upload; further headers with _ for -."""
        known = {"Upload-Length": str(size), **self.metadata()}
        if body is not None:
            known["Content-Type"] = OFFSET_TYPE
        known |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.tus("POST", "/files", known, content=body)

    def create(self, size: int) -> str:
        """The place of a new upload."""
        reply = self.try_create(size)
        assert reply.status_code == 201, reply.text
        return str(reply.headers["Location"])

    def patch(self, place: str, offset: int, body: bytes | Iterable[bytes], **headers: str) -> httpx.Response:
        known = {"Upload-Offset": str(offset), "Content-Type": OFFSET_TYPE}
        known |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.tus("PATCH", place, known, content=body)

    def head(self, place: str) -> httpx.Response:
        return self.tus("HEAD", place)

    def offset(self, place: str) -> int:
        reply = self.head(place)
        assert reply.status_code == 200, reply.status_code
        return int(reply.headers["Upload-Offset"])

    def send(self, content: bytes) -> str:
        """A whole file in one creation and one request."""
        place = self.create(len(content))
        assert self.patch(place, 0, content).status_code == 204
        return place


def pieces(content: bytes, size: int, pause: float = 0.0) -> Iterator[bytes]:
    """A body that comes in pieces."""
    for at in range(0, len(content), size):
        yield content[at : at + size]
        time.sleep(pause)


def checksum(algorithm: str, content: bytes) -> str:
    """The header Upload-Checksum."""
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"
