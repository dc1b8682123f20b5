"""One machine beside two on the same servers: jobs that wait for the store, and jobs that compute.

`python -m bench machines`; each machine is a process with a data folder and a core of its own. The servers
run on the same two cores, so that two machines cannot be twice as fast where both compute.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from bench.spine import Row
from samples.generator import clip
from tests.databases import PostgresServer, postgres_server
from tests.faulty_http import faulty_proxy, late
from tests.servers import S3Server, s3_server
from tests.system.program import CASE, Program, wait_until

NOTES, CLIPS, CLIP_S = 120, 24, 12
LATE_S = 0.25
PAIRS = 3
_MOST_S = 600
_PROCESSED = text("SELECT count(*) FROM exhibit WHERE state IN ('processed', 'refused')")
Made = Callable[[Path], list[Path]]


def rows() -> Iterator[Row]:
    """Both kinds of job."""
    with tempfile.TemporaryDirectory(prefix="vidne-bench-", dir=Path.cwd()) as name:
        here = Path(name)
        with s3_server(here / "s3") as s3, postgres_server() as postgres:
            site = _Site(here, s3, postgres)
            yield _row(
                site, f"{NOTES} files, the store {LATE_S} s late each time", _notes, 1.9, late_s=LATE_S
            )
            yield _row(site, f"{CLIPS} clips that are encoded", _clips, 1.5)


class _Site:
    """The servers, on which each run has a catalogue and a bucket of its own."""

    def __init__(self, folder: Path, s3: S3Server, postgres: PostgresServer) -> None:
        self.folder = folder
        self._s3 = s3
        self._postgres = postgres
        self._runs = 0

    @contextmanager
    def machines(self, count: int, late_s: float) -> Iterator[list[Program]]:
        """So many machines on an empty installation, each on a core of its own."""
        self._runs += 1
        here = self.folder / f"run{self._runs}"
        here.mkdir()
        bucket = self._s3.new_bucket()
        with ExitStack() as stack:
            settings = {
                **self._s3.settings(bucket, here / "secret"),
                "VIDNE_CATALOGUE_URL": self._postgres.new_database(),
                "VIDNE_LEDGER_KEY_FILE": str(here / "ledger.skey"),
            }
            if late_s:
                proxy = stack.enter_context(faulty_proxy(self._s3.endpoint))
                proxy.always = late(late_s)
                settings["VIDNE_STORE_URL"] = f"s3+http://{proxy.endpoint}/{bucket}"
            cores = sorted(os.sched_getaffinity(0))
            yield [
                Program(here / str(n), settings, prefix=("taskset", "-c", str(cores[n % len(cores)])))
                for n in range(count)
            ]


def _row(site: _Site, what: str, make: Made, target: float, *, late_s: float = 0.0) -> Row:
    ratios, taken = [], []
    for _ in range(PAIRS):
        alone, together = (_seconds(site, count, make, late_s) for count in (1, 2))
        ratios.append(alone / together)
        taken.append((alone, together))
    alone, together = sorted(taken)[len(taken) // 2]
    ratio = sorted(ratios)[len(ratios) // 2]
    return Row(
        f"two machines beside one: {what} (wall s)",
        f"{together:.1f}",
        f"one machine {alone:.1f}",
        f"{ratio:.2f} times as fast ({min(ratios):.2f}-{max(ratios):.2f})",
        f"at least {target} times",
        ratio >= target,
    )


def _seconds(site: _Site, count: int, make: Made, late_s: float) -> float:
    """From the first byte that is handed in until all is processed, shared between `count` machines."""
    with site.machines(count, late_s) as machines, ExitStack() as stack:
        files = make(site.folder)
        machines[0].open_case()
        for machine in machines:
            stack.enter_context(_running(machine, "serve"))
            wait_until(partial(_has_worker, machine), 120, "a worker")  # as on a machine that runs all day
        catalogue = stack.enter_context(create_engine(machines[0].catalogue_url).connect())
        started = time.perf_counter()
        handed_in = [
            stack.enter_context(_running(machine, "submit", *files[number::count], "--case", CASE, "--wait"))
            for number, machine in enumerate(machines)
        ]
        # Not until `submit` ends: it looks every two seconds at last.
        while _processed(catalogue) < len(files):
            _require_no_failure({process.poll() for process in handed_in})
            if time.perf_counter() - started > _MOST_S:
                raise RuntimeError(f"not all was processed in {_MOST_S} s")
            time.sleep(0.1)
        taken = time.perf_counter() - started
        _require_no_failure({process.wait(timeout=60) for process in handed_in})
        return taken


@contextmanager
def _running(machine: Program, *command: str | Path) -> "Iterator[subprocess.Popen[bytes]]":
    process = machine.start(*command)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=120)


def _has_worker(machine: Program) -> bool:
    log = machine.data / "worker.log"
    return log.exists() and "started" in log.read_text()


def _processed(catalogue: Connection) -> int:
    found: int = catalogue.execute(_PROCESSED).scalar_one()
    catalogue.rollback()
    return found


def _require_no_failure(codes: set[int | None]) -> None:
    if codes - {None, 0, 3}:  # 3: a note is no footage
        raise RuntimeError(f"a submission ended {codes}")


def _notes(folder: Path) -> list[Path]:
    paths = [folder / f"note{number}.txt" for number in range(NOTES)]
    for path in paths:
        path.write_text(f"{path.name} {os.urandom(8).hex()}\n")
    return paths


def _clips(folder: Path) -> list[Path]:
    return [_clip(folder / f"clip{number}.avi", number) for number in range(CLIPS)]


def _clip(path: Path, seed: int) -> Path:
    """MPEG-4 part 2, which no browser plays."""
    if not path.exists():
        source = clip(path.with_suffix(".mp4"), seconds=CLIP_S, seed=seed)
        command: list[str | Path] = [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            source,
            "-c:v",
            "mpeg4",
            "-q:v",
            "4",
            "-an",
            path,
        ]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path
