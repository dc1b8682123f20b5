"""The faults that can strike at any moment; each says how often it really happened."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from tests import faulty_http
from tests.disks import fill
from tests.faults.site import Engines, Site
from tests.system.program import CASE, kill_group

KILLED, CALLS, BROKER, AGAIN, STORE, DATABASE, DISK = (
    "worker killed",
    "killed at the n-th call",
    "broker",
    "message repeated",
    "store",
    "database",
    "disk",
)
EMBEDDED, ENGINES = "embedded", "engines"


@dataclass(frozen=True)
class Fault:
    """`act` makes it happen while work goes on, and leaves all servers up; it tells how often it did."""

    name: str
    line: str  # of security.md's table
    on: tuple[str, ...]
    act: Callable[[Site], int]


def kill_worker(site: Site) -> int:
    worker = site.worker()
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    return 1


def kill_machine(site: Site) -> int:
    site.kill()
    site.serve()
    return 1


def kill_at_call(site: Site) -> int:
    """The worker dies at its n-th write, sync, link or unlink: before the kernel does it."""
    calls = (
        ("sendto", "sendto", "unlink", "fsync")
        if site.engines
        else ("pwrite64", "pwrite64", "fsync,fdatasync", "link,linkat", "unlink", "rename,renameat")
    )
    call = site.draw.choice(calls)
    number = site.draw.randint(1, 40 if call in ("sendto", "pwrite64") else 6)
    worker = site.worker()
    with traced(site, worker, call, f"signal=KILL:when={number}"):
        _pause_until(lambda: not Path(f"/proc/{worker}").exists(), 6)
    return int("killed by SIGKILL" in _trace(site))


def submit_killed_at_call(site: Site) -> int:
    """Somebody else's `submit` of the same clip dies at its n-th write, sync or send."""
    calls = ("sendto", "fsync", "write") if site.engines else ("pwrite64", "fsync", "fdatasync", "write")
    call = site.draw.choice(calls)
    number = site.draw.randint(1, 30 if call in ("sendto", "pwrite64") else 4)
    strace = (
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:signal=KILL:when={number}",
    )
    traced = replace(site.program, prefix=("strace", *strace))  # without -f: its main thread alone
    done = traced.run("submit", site.draw.choice(site.clips), "--case", CASE, check=None, timeout=120)
    return int(done.code == -signal.SIGKILL)


def sync_fails(site: Site) -> int:
    """Three syncs of the worker end with EIO: of the catalogue, the spool or the store."""
    first = site.draw.randint(1, 12)
    with traced(site, site.worker(), "fsync,fdatasync", f"error=EIO:when={first}..{first + 2}"):
        _pause_until(lambda: _trace(site).count("INJECTED") >= 3, 6)
    return _trace(site).count("INJECTED")


class traced:  # noqa: N801 - used as a context manager function is
    """strace on a living process and all its threads, with something injected into its calls."""

    def __init__(self, site: Site, pid: int, calls: str, what: str) -> None:
        self._command = [
            *("strace", "-f", "-qq", "-p", str(pid), "-o", str(site.folder / "strace")),
            *("-e", f"trace={calls}", "-e", f"inject={calls}:{what}"),
        ]
        (site.folder / "strace").unlink(missing_ok=True)

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            kill_group(self._process)


def _trace(site: Site) -> str:
    path = site.folder / "strace"
    return path.read_text(errors="replace") if path.exists() else ""


def _pause_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _engines(site: Site) -> Engines:
    assert site.engines is not None
    return site.engines


def broker_emptied(site: Site) -> int:
    _engines(site).redis.client().flushall()
    return 1


def broker_restarted(site: Site) -> int:
    broker_away(site, 0)
    return 1


def broker_away_shortly(site: Site) -> int:
    return broker_away(site, site.draw.uniform(1, 6))


def broker_away(site: Site, seconds: float) -> int:
    redis = _engines(site).redis
    redis.kill()
    time.sleep(seconds)
    redis.start()
    return 1


def messages_again(site: Site) -> int:
    """Every message that passes within four seconds comes ten times more."""
    client: Any = _engines(site).redis.client()
    copied: set[bytes] = set()
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        for key in client.keys("vidne:*.msgs"):
            for name, message in client.hgetall(key).items():
                if name in copied:
                    continue
                for copy in range(10):
                    again = name[:-2] + f"{copy:02}".encode()
                    copied.add(again)
                    client.hset(key, again, message.replace(name, again))
                    client.rpush(key.removesuffix(b".msgs"), again)
                copied.add(name)
        time.sleep(0.005)
    return len(copied)


def store_misbehaves(
    kind: faulty_http.Fault, most: int, methods: tuple[str, ...] = ("PUT ", "PUT ", "GET ")
) -> Callable[[Site], int]:
    """Up to `most` requests about exhibits, of one method, meet the fault within six seconds."""

    def act(site: Site) -> int:
        proxy, times = _engines(site).proxy, site.draw.randint(1, most)
        method = site.draw.choice(methods)
        proxy.on(f"{method}/{_engines(site).bucket}/cases/", kind, times)
        _pause_until(lambda: not proxy.faults, 6)
        met = times - len(proxy.faults)
        proxy.faults.clear()
        return met

    return act


def database_crashes(site: Site) -> int:
    postgres = _engines(site).postgres
    postgres.stop(signal.SIGQUIT)
    time.sleep(site.draw.uniform(0, 2))
    postgres.start()
    return 1


def database_locked(site: Site) -> int:
    """Nobody can read or write for some seconds."""
    seconds = site.draw.uniform(1, 6)
    if site.engines:
        url = site.program.settings["VIDNE_CATALOGUE_URL"]
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE job, exhibit, stored_object IN ACCESS EXCLUSIVE MODE")
            time.sleep(seconds)
            connection.rollback()
        return 1
    lock = sqlite3.connect(site.program.data / "catalogue.sqlite3", isolation_level=None, timeout=30)
    lock.execute("BEGIN EXCLUSIVE")
    time.sleep(seconds)
    lock.execute("ROLLBACK")
    lock.close()
    return 1


def disk_full(site: Site) -> int:
    assert site.disk is not None
    ballast = fill(site.disk, leave=site.draw.choice((0, 0, 4096, 1 << 20)))
    time.sleep(site.draw.uniform(2, 5))
    ballast.unlink()
    return 1


BOTH = (EMBEDDED, ENGINES)
FAULTS = (
    Fault("SIGKILL of the worker", KILLED, BOTH, kill_worker),
    Fault("SIGKILL of the whole machine", KILLED, BOTH, kill_machine),
    Fault("SIGKILL of the worker at its n-th write, sync, link, unlink, send", CALLS, BOTH, kill_at_call),
    Fault("SIGKILL of submit at its n-th write, sync, send", CALLS, BOTH, submit_killed_at_call),
    Fault("broker emptied", BROKER, (ENGINES,), broker_emptied),
    Fault("broker restarted, empty", BROKER, (ENGINES,), broker_restarted),
    Fault("broker away for seconds", BROKER, (ENGINES,), broker_away_shortly),
    Fault("each message ten times more", AGAIN, (ENGINES,), messages_again),
    Fault("store answers 503", STORE, (ENGINES,), store_misbehaves(faulty_http.busy, 8)),
    Fault("store is a second late", STORE, (ENGINES,), store_misbehaves(faulty_http.slow, 4)),
    Fault("store cuts its answers", STORE, (ENGINES,), store_misbehaves(faulty_http.cut, 4, ("GET ",))),
    Fault("store loses its replies", STORE, (ENGINES,), store_misbehaves(faulty_http.lose_reply, 4)),
    Fault("database crashes and restarts", DATABASE, (ENGINES,), database_crashes),
    Fault("database locked", DATABASE, BOTH, database_locked),
    Fault("disk full", DISK, (EMBEDDED,), disk_full),
    Fault("fsync fails (EIO)", DISK, (EMBEDDED,), sync_fails),
)
