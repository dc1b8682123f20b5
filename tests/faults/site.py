"""An installation under test: the program, what it stands on, and the client that hands files in."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.databases import PostgresServer, RedisServer
from tests.faulty_http import FaultyProxy
from tests.servers import S3Server
from tests.system.program import Program, children_of, kill_group, wait_until

FINAL = {"processed", "partial", "unplayable", "refused", "quarantined"}


@dataclass
class Engines:
    """The servers of many machines, the store behind a proxy that misbehaves as it is told."""

    postgres: PostgresServer
    redis: RedisServer
    s3: S3Server
    proxy: FaultyProxy
    bucket: str


@dataclass
class Site:
    """One installation; `engines` is None where all lies in the data folder."""

    name: str
    folder: Path  # of the test: what the client has lies there
    program: Program
    draw: random.Random
    engines: Engines | None = None
    disk: Path | None = None  # a small one that holds the data folder
    serving: "subprocess.Popen[bytes] | None" = None
    clips: list[Path] = field(default_factory=list)  # what the client hands in
    others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def serve(self) -> None:
        """Start `vidne serve`, as a machine that boots does, and wait for its worker."""
        self.serving = self.program.start("serve", said=self.folder / "said")
        log = self.program.data / "worker.log"
        before = log.read_text().count("started") if log.exists() else 0
        wait_until(
            lambda: log.exists() and log.read_text().count("started") > before, 120, "a worker to start"
        )

    def worker(self) -> int:
        """The pid of the worker process, once there is one."""
        return self._child("apps.worker")

    def portal(self) -> int:
        """The pid of the portal's process, once there is one."""
        return self._child("apps.portal.server")

    def _child(self, module: str) -> int:
        serving = self.serving
        assert serving is not None

        def found() -> list[int]:
            return [pid for pid in children_of(serving.pid) if module in _command_of(pid)]

        wait_until(lambda: bool(found()), 60, f"a process of {module}")
        return found()[0]

    def kill(self) -> None:
        """The machine loses its power."""
        if self.serving and self.serving.poll() is None:
            kill_group(self.serving)
        self.serving = None

    def end(self) -> None:
        """Leave nothing running."""
        self.kill()
        for process in self.others:
            if process.poll() is None:
                kill_group(process)

    def states(self) -> list[str]:
        return [state for (state,) in self.program.query("SELECT state FROM exhibit ORDER BY number")]

    def settle(self, count: int, seconds: float = 240) -> list[str]:
        """Wait until each of `count` exhibits came to its end; what a quarantine holds is one."""

        def settled() -> bool:
            states = self.states()
            return len(states) == count and set(states) <= FINAL

        wait_until(settled, seconds, f"{count} exhibits to come to an end")
        return self.states()

    def stored(self) -> Iterator[tuple[str, str, bytes]]:
        """Key, version and bytes of every object of the cases, read past the program."""
        if self.engines is None:
            root = self.program.data / "objects"
            for path in self.program.objects():
                if not path.name.startswith(".put-"):
                    yield path.relative_to(root).as_posix(), "0", path.read_bytes()
            return
        client, bucket = self.engines.s3.client(), self.engines.bucket
        for item in client.list_objects(bucket, "cases/", recursive=True, include_version=True):
            assert item.object_name
            reply = client.get_object(bucket, item.object_name, version_id=item.version_id)
            with reply:
                yield item.object_name, str(item.version_id), reply.read()


def _command_of(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""
