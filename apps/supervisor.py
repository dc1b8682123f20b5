"""The supervisor: elected by worker.lock, keeps one worker child going and counts its crashes."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from apps.lock import WorkerLock
from evidence.cases import new_id
from evidence.errors import VidneError
from evidence.settings import Settings

log = logging.getLogger("vidne.supervisor")

_ELECTION_S = 0.2
_WATCH_S = 0.2
_STOP_S = 10.0
# Who kills the whole program kills us a moment after our worker: that is nobody's crash.
_GRACE_S = 0.3
_RESTART_S = 0.5
_QUICK_S = 20.0  # a slow machine needs seconds to start one that then cannot work
_QUICK_DEATHS = 5


class Supervisor:
    """Waits for the lock, then runs a worker and starts it again whenever it dies."""

    def __init__(self, settings: Settings, *, shows: bool = False) -> None:
        """Opens the lock file; nothing else happens before `run`. Raises UnreadableError.

        With `shows` the worker's warnings go to standard error, too.
        """
        self._settings = settings
        self._options = ["--shown"] if shows else []
        self._lock = WorkerLock(settings.worker_lock_path)
        self._stop = threading.Event()
        self._quick_deaths = 0
        self.worker: int | None = None  # its pid, while one runs
        self.gave_up = ""

    def stop(self) -> None:
        """Make `run` end: the worker gives back what it holds."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`: wait to be the one, then supervise."""
        try:
            while not self._stop.is_set():
                if self._lock.acquire():
                    self._supervise()
                    return
                self._stop.wait(_ELECTION_S)
        except (VidneError, OSError) as error:
            self._give_up(f"The worker cannot be supervised: {error}")
        finally:
            self._lock.close()

    def _supervise(self) -> None:
        while not self._stop.is_set():
            owner = new_id()
            started = time.monotonic()
            child = self._start(owner)
            self.worker = child.pid
            try:
                while child.poll() is None and not self._stop.wait(_WATCH_S):
                    pass
            finally:
                stopped = child.poll() is None
                self.worker = None
                _end(child)
            if not stopped:
                self._count(child.returncode, owner)
            self._rest_after(time.monotonic() - started)

    def _start(self, owner: str) -> subprocess.Popen[bytes]:
        arguments = [
            "--data",
            str(self._settings.data.absolute()),
            "--owner",
            owner,
            "--parent",
            str(os.getpid()),
            *self._options,
        ]
        # A Ctrl-C goes to the whole group, and is for us: the worker inherits that it is blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "apps.worker", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(self._lock.fd,),  # as long as it lives, nobody else is elected
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _count(self, code: int, owner: str) -> None:
        time.sleep(_GRACE_S)
        # Imported only now: a command's worker starts while the command itself is still loading.
        from apps.wiring import Application  # noqa: PLC0415
        from evidence.catalogue.leases import owner_name  # noqa: PLC0415
        from ingest.crashes import worker_died  # noqa: PLC0415

        application = Application(self._settings)
        try:
            name = owner_name(application.home, owner)
            held = worker_died(application.catalogue, name, application.clock)
            application.catalogue.close()
        except VidneError as error:  # a full disk, say: the next worker takes over what this one held
            log.warning("a worker died (%d), and its jobs could not be told: %s", code, error)
            return
        log.warning("a worker died (%d); it held %d jobs", code, len(held))
        if held:
            self._quick_deaths = 0

    def _rest_after(self, lived_s: float) -> None:
        """A worker that cannot even start holds no job that could be blamed: stop trying at some point."""
        if lived_s > _QUICK_S or self._stop.is_set():
            self._quick_deaths = 0
            return
        self._quick_deaths += 1
        if self._quick_deaths >= _QUICK_DEATHS:
            self._give_up(f"The worker cannot start; see what it said, and {self._settings.data}/worker.log.")
        self._stop.wait(_RESTART_S)

    def _give_up(self, why: str) -> None:
        self.gave_up = why
        log.error("%s", why)
        self._stop.set()


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def supervised(settings: Settings) -> Iterator[Supervisor]:
    """A supervisor in a thread of its own, for a command that has something else to do meanwhile."""
    supervisor = Supervisor(settings)
    thread = threading.Thread(target=supervisor.run, name="supervisor")
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()
        thread.join()
