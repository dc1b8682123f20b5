"""A core for who sends: while the portal is busy, worker and parsers leave it one (ADR 29)."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

_LOOK_S = 1.0
_BUSY = 0.03  # seconds of the portal's CPU in each second, which the kernel tells in hundredths
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
            # Until nothing is left to move: what was being started at the last look may have been missed.
            moved = self._move(self._cores - {min(self._cores)} if is_busy else self._cores)
            self._is_reserved = is_busy or moved

    def give_back(self) -> None:
        """Let the worker have all of them, once."""
        self._move(self._cores)

    def _has_worked(self) -> bool:
        pid = self._portal()
        if pid is None:
            return False
        with suppress(psutil.Error, OSError):
            times = psutil.Process(pid).cpu_times()
            (of, before), self._used = self._used, (pid, times.user + times.system)
            return of == pid and self._used[1] - before >= _BUSY
        return False

    def _move(self, cores: set[int]) -> bool:
        """Bind every thread of the worker's processes; whether one was bound to others before."""
        pid, moved = self._worker(), False
        if pid is None:
            return False
        with suppress(psutil.Error, OSError):
            worker = psutil.Process(pid)
            for process in (worker, *worker.children(recursive=True)):
                with suppress(psutil.Error, OSError):  # it has ended
                    moved = _bind(process, cores) or moved
        return moved


def _bind(process: psutil.Process, cores: set[int]) -> bool:
    moved = False
    for thread in process.threads():
        with suppress(OSError):  # it has ended
            if os.sched_getaffinity(thread.id) != cores:
                os.sched_setaffinity(thread.id, cores)
                moved = True
    return moved


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
        core.give_back()
