"""The installed program, run as its users run it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

VIDNE = Path(sys.executable).parent / "vidne"
CASE = "0100-10293-00001-26"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """`vidne` on a data folder of its own."""

    data: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # a command that runs it, such as setpriv

    def run(self, *args: str | Path, timeout: float = 600, check: int | None = 0) -> Done:
        done = subprocess.run(
            self.command(*args), capture_output=True, timeout=timeout, check=False, env=self.environment()
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        if check is not None:
            assert result.code == check, f"{args}: {result.code}\n{result.out[-3000:]}\n{result.err[-3000:]}"
        return result

    def start(self, *args: str | Path, said: Path = Path(os.devnull)) -> subprocess.Popen[bytes]:
        """The program in a session of its own; its standard error goes to the file `said`."""
        with said.open("wb") as stderr:
            return subprocess.Popen(
                self.command(*args),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=self.environment(),
                start_new_session=True,
            )

    def command(self, *args: str | Path) -> list[bytes]:
        return [os.fsencode(part) for part in (*self.prefix, VIDNE, "--data", self.data, *args)]

    def environment(self) -> dict[str, str]:
        return {**environment(), **self.settings}

    def open_case(self, number: str = CASE) -> None:
        self.run("case", "open", number)

    def exhibits(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.run("exhibit", "list", "--json").json
        return listed

    def show(self, exhibit: str) -> dict[str, Any]:
        known: dict[str, Any] = self.run("exhibit", "show", exhibit, "--json").json
        return known

    def shows_what_was_filed(self, number: str = CASE) -> None:
        """What the catalogue shows of a case is what its events say."""
        report = self.run("verify", "case", number, "--json", check=None).json
        [check] = [check for check in report["checks"] if check["name"] == "catalogue"]
        assert check["status"] == "pass", check["defects"]

    @property
    def catalogue_url(self) -> str:
        url = self.settings.get("VIDNE_CATALOGUE_URL")
        return url.replace(":", "+psycopg:", 1) if url else f"sqlite:///{self.data / 'catalogue.sqlite3'}"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        engine = create_engine(self.catalogue_url)
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text(sql))]
        engine.dispose()
        return rows

    def execute(self, sql: str, **values: object) -> None:
        """Meddle with the catalogue, as somebody with access to the machine can."""
        engine = create_engine(self.catalogue_url)
        with engine.begin() as connection:
            connection.execute(text(sql), values)
        engine.dispose()

    def objects(self) -> list[Path]:
        """Those of the cases; the published log lies beside them."""
        return sorted(path for path in (self.data / "objects" / "cases").rglob("*") if path.is_file())


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VIDNE_")}


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the whole program at once, as a power cut is."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # Its children are not ours to wait for: as long as one of them dies, it holds its locks.
    wait_until(lambda: not living_of(process.pid), 30, "all that was killed to be gone")


def living_of(group: int) -> list[int]:
    """The processes of a group, without those that are dead and not waited for yet."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(int(path.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return False


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task")
    found: list[int] = []
    for task in path.iterdir() if path.exists() else []:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def tree_of(pid: int) -> list[int]:
    """A process and all that are below it."""
    found = [pid]
    for each in found:
        found += children_of(each)
    return found


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.02)
