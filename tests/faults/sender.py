"""Somebody who sends files through a link while faults strike, and writes down what is acknowledged."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256

import httpx

from tests.faults.oracle import Journal, Verdict, judge
from tests.faults.site import Site
from tests.system.program import CASE, wait_until
from tests.uploads.network import free_port
from tests.uploads.portal import UNLIMITED, Sender, pieces

PIECE = 256 << 10
Body = Callable[[bytes], "bytes | Iterable[bytes]"]


def slowly(rest: bytes) -> Iterable[bytes]:
    """So that a fault can fall into its middle."""
    return pieces(rest, PIECE, 0.004)


def at_walking_pace(rest: bytes) -> Iterable[bytes]:
    """So that several faults can fall into it."""
    return pieces(rest, PIECE, 0.02)


class Public:
    """The public side of an installation, and one person who sends."""

    def __init__(self, site: Site) -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        portal = {
            "VIDNE_PORTAL_LISTEN": f"127.0.0.1:{port}",
            "VIDNE_PORTAL_URL": url,
            **UNLIMITED,
        }
        site.program = replace(site.program, settings={**site.program.settings, **portal})
        self.site = site
        self.url = url
        self.journal = Journal(site.folder / "journal")
        self.seen = site.folder / "checkpoint-seen"
        self.statuses: list[int] = []
        self.cuts = 0
        site.program.open_case()
        self.seen.write_text(site.program.run("ledger", "head").out)
        code = site.program.run("link", "create", "--case", CASE, "--json").json["code"]
        self.serve()
        self.sender = Sender.begin(url, code)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 0

    def serve(self) -> None:
        self.site.serve()
        wait_until(self._answers, 60, "the portal")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def create(self, size: int) -> str:
        """The place of a new upload, however often it has to be asked for."""
        while True:
            try:
                reply = self.sender.try_create(size)
            except httpx.TransportError:
                continue
            if self._noted(reply) == 201:
                return str(reply.headers["Location"])

    def send(self, content: bytes, place: str = "", body: Body = slowly, url: str = "") -> None:
        """Send a file to its end as a browser does: ask how far it is, go on from there, again and again."""
        place = place or self.create(len(content))
        through = replace(self.sender, url=url or self.url)
        acknowledged = 0
        deadline = time.monotonic() + 300
        while acknowledged < len(content):
            assert time.monotonic() < deadline, f"it stands at {acknowledged}"
            try:
                offset = int(self.sender.head(place).headers.get("Upload-Offset", -1))
                if offset < 0:
                    time.sleep(0.1)
                    continue
                assert offset >= acknowledged, f"{acknowledged} were acknowledged, {offset} are there"
                acknowledged = offset
                if offset < len(content):
                    reply = through.patch(place, offset, body(content[offset:]))
                    if self._noted(reply) == 204:
                        acknowledged = max(acknowledged, int(reply.headers["Upload-Offset"]))
            except httpx.TransportError:
                self.cuts += 1
        self.journal.note_upload(len(content), sha256(content).hexdigest())

    def _noted(self, reply: httpx.Response) -> int:
        self.statuses.append(reply.status_code)
        if reply.status_code in (503, 507):
            assert int(reply.headers["Retry-After"]) > 0
            time.sleep(0.5)  # sooner than it says: the test is shorter
        return reply.status_code

    def judge(self, files: int) -> Verdict:
        """Once all is at its end: nothing lost, nothing twice, nothing left where uploads come in."""
        self.site.settle(files)
        wait_until(lambda: not self._left(), 120, f"nothing to be left: {self._left()}")
        uploads = self.site.program.query("SELECT id, state FROM upload WHERE state <> 'filed'")
        self.site.kill()
        verdict = judge(self.site, self.journal, self.seen)
        verdict.wrong += [f"upload {upload} is {state}" for upload, state in uploads]
        return verdict

    def _left(self) -> list[str]:
        """Bytes where uploads come in, read past the program."""
        folder = self.site.program.data / "uploads"
        left = [str(path) for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        engines = self.site.engines
        if engines is not None:
            objects = engines.s3.client().list_objects(engines.bucket, "uploads/", recursive=True)
            left += [str(item.object_name) for item in objects]
        return left


def film(draw: random.Random, size: int) -> bytes:
    """Bytes of which no two stretches are alike."""
    return draw.randbytes(size)
