"""The real program with its portal on a free port, as `vidne serve` runs it, and links into a case."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers import free_ports
from tests.system.program import CASE, Program, kill_group

_READY_S = 60


@dataclass
class Site:
    """`vidne serve` on a data folder of its own; it may be killed and started again."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def program(self) -> Program:
        portal = {"VIDNE_PORTAL_LISTEN": f"127.0.0.1:{self.port}", "VIDNE_PORTAL_URL": self.url}
        return Program(self.folder / "data", portal | self.settings)

    def start(self) -> None:
        self.process = self.program.start("serve", said=self.folder / "serve.log")
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the portal did not come up: {self.said}")

    def kill(self) -> None:
        """As a power cut."""
        if self.process is not None:
            kill_group(self.process)
            self.process = None

    @property
    def said(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")[-4000:]

    def link(self, *options: str) -> dict[str, Any]:
        """A new link into the case: its url, code and reference."""
        made: dict[str, Any] = self.program.run("link", "create", "--case", CASE, "--json", *options).json
        return made

    def business_link(self, *options: str) -> dict[str, Any]:
        """A link with a request for what a camera recorded."""
        asked = {
            "--business": "Kiosken på Torvet",
            "--place": "Torvet 1, 8000 Aarhus C",
            "--camera": "Kamera 3, over døren",
            "--from": "2026-11-25 20:00",
            "--until": "2026-11-25 22:00",
            "--legal-basis": "TV-overvågningslovens § 4 c, stk. 1",
        }
        words = [word for pair in asked.items() for word in pair]
        return self.link("--kind", "business", *words, *options)


def padded(clip: Path, target: Path, size: int) -> Path:
    """`clip` with a box behind it that players skip (ISO/IEC 14496-12, free), so that it has `size` bytes."""
    raw = clip.read_bytes()
    room = size - len(raw)
    with target.open("wb") as out:
        out.write(raw + room.to_bytes(4, "big") + b"free")
        left = room - 8
        block = bytes(range(251)) * 4096
        for number in range(left // len(block) + 1):
            piece = number.to_bytes(8, "big") + block[8:]
            out.write(piece[: min(len(piece), left)])
            left -= min(len(piece), left)
    assert target.stat().st_size == size
    return target


def told(answer: httpx.Response) -> Any:
    return json.loads(answer.content)
