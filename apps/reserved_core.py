"""A core for who sends: while the portal has something to do, worker and parsers leave it one (ADR 29)."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

_LOOK_S = 1.0
_BUSY = 0.02  # seconds of the portal's CPU in each second; idle, it takes a fortieth of that
_KEPT_S = 60.0  # a sender's pause between two files is no end

ProcessId = Callable[[], int | None]


class ReservedCore:
    """Watches the portal's process, and moves the worker's with all that are below it."""

    def __init__(self, portal: ProcessId, worker: ProcessId, *, kept_s: float = _KEPT_S) -> None:
        """`portal` and `worker` give the pid of the process that runs now, or None."""
        self._portal, self._worker = portal, worker
        self._kept_s = kept_s
        self._cores = os.sched_getaffinity(0)
        self._used: tuple[int, float] = (0, 0.0)  # the portal's pid, and its seconds of CPU
        self._busy_until = 0.0
        self._is_reserved = False

    def look(self) -> None:
        """Look what the portal did since the last time; to be called each second."""
        now = time.monotonic()
        if self._has_worked():
            self._busy_until = now + self._kept_s
        is_busy = now < self._busy_until
        if is_busy or self._is_reserved:
            # Each time: what was being started at the last look may have been missed.
            self._move(self._cores - {min(self._cores)} if is_busy else self._cores)
        self._is_reserved = is_busy

    def _has_worked(self) -> bool:
        pid = self._portal()
        if pid is None:
            return False
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            (of, before), self._used = self._used, (pid, times.user + times.system)
            return of == pid and self._used[1] - before >= _BUSY
        return False

    def _move(self, cores: set[int]) -> None:
        pid = self._worker()
        if pid is None:
            return
        with suppress(psutil.Error):
            worker = psutil.Process(pid)
            for process in (worker, *worker.children(recursive=True)):
                with suppress(psutil.Error):  # it has ended
                    _bind(process, cores)


def _bind(process: psutil.Process, cores: set[int]) -> None:
    for thread in process.threads():
        with suppress(OSError):  # it has ended
            if os.sched_getaffinity(thread.id) != cores:
                os.sched_setaffinity(thread.id, cores)


@contextmanager
def core_reserved(portal: ProcessId, worker: ProcessId) -> Iterator[None]:
    """Do so in a thread while the block runs; on a machine of one core there is nothing to share out."""
    if len(os.sched_getaffinity(0)) < 2:
        yield
        return
    stop = threading.Event()
    core = ReservedCore(portal, worker)

    def run() -> None:
        while not stop.wait(_LOOK_S):
            core.look()

    thread = threading.Thread(target=run, name="reserved-core")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
