"""A running child: its output, its watchdog, and what it used."""

import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import BinaryIO, Literal

from evidence.errors import SandboxError
from evidence.text import printable

_STDERR_KEPT = 64 * 1024
_SETUP_FAILED = (b"bwrap: ", b"prlimit: ")
_ADVICE = "Parsers do not run without it: install bubblewrap and allow user namespaces (docs/deploy.md)."

Stop = Literal["", "time", "output", "caller"]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended.

    `returncode` is negative for a signal, or 128 plus its number where the sandbox saw it; `stderr` is the
    tail of what it said, made printable; `cpu_s` and `wall_s` are seconds of all its processes; `stopped`
    tells why we ended it, if we did.
    """

    returncode: int
    stdout: bytes
    stderr: str
    cpu_s: float
    wall_s: float
    stopped: Stop

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with 0."""
        return self.returncode == 0 and not self.stopped

    @property
    def timed_out(self) -> bool:
        """Whether the watchdog ended it."""
        return self.stopped == "time"

    def explain(self) -> str:
        """Why it failed, as a sentence: the limit it met, or its exit code and last words."""
        if self.stopped == "time":
            return f"It was stopped after {self.wall_s:.0f} s."
        if self.stopped == "output":
            return "It was stopped for saying too much."
        last = next((line for line in reversed(self.stderr.splitlines()) if line.strip()), "it said nothing")
        return f"It ended with code {self.returncode}: {last}"


class Child:
    """A started process in its own group; one thread drains its standard error and keeps the wall clock."""

    def __init__(self, process: "subprocess.Popen[bytes]", wall_s: float) -> None:
        """`process` was started with pipes for output and error, in a group of its own."""
        if process.stdout is None or process.stderr is None:
            raise ValueError("the process has no pipes")
        self.stdout: BinaryIO = process.stdout  # type: ignore[assignment]  # IO[bytes] is a BinaryIO here
        self._process = process
        self._stderr = bytearray()
        self._head = b""
        self._stopped: Stop = ""
        self._cpu_s = 0.0
        self._began = time.monotonic()
        self._ended = self._began
        self._pidfd = os.pidfd_open(process.pid)
        self._lock = threading.Lock()
        self._watchdog = threading.Thread(target=self._watch, args=(wall_s,), daemon=True)
        self._watchdog.start()

    def kill(self, *, because: Stop = "caller") -> None:
        """End it and all its children at once, if it still runs."""
        with self._lock:
            if self._process.returncode is None:
                self._stopped = self._stopped or because
                # The group holds the sandbox; whatever runs inside dies with that.
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self, *, stdout: bytes = b"") -> Finished:
        """Wait for its end; `stdout` is what the caller read. Raises SandboxError if it never began."""
        self._watchdog.join()
        returncode = self._process.returncode
        if returncode != 0 and self._head.startswith(_SETUP_FAILED):
            said = printable(self._head.decode("utf-8", "replace").strip())
            raise SandboxError(f"The sandbox could not be set up: {said}.", advice=_ADVICE)
        return Finished(
            returncode=returncode,
            stdout=stdout,
            stderr=_readable(bytes(self._stderr)),
            cpu_s=self._cpu_s,
            wall_s=self._ended - self._began,
            stopped=self._stopped,
        )

    def close(self) -> None:
        """Release pipes and thread; the child has ended."""
        self._watchdog.join()
        self.stdout.close()

    def _watch(self, wall_s: float) -> None:
        stderr = self._process.stderr
        if stderr is None:
            raise ValueError("the process has no pipe for its errors")
        poll = select.poll()
        poll.register(stderr.fileno(), select.POLLIN)
        poll.register(self._pidfd, select.POLLIN)
        ended = False
        while not ended:
            remaining = self._began + wall_s - time.monotonic()
            if remaining <= 0:
                self.kill(because="time")
                remaining = wall_s
            for descriptor, _event in poll.poll(remaining * 1000):
                if descriptor == self._pidfd:
                    ended = True
                elif not self._drain(stderr.fileno()):
                    poll.unregister(descriptor)
        os.set_blocking(stderr.fileno(), False)
        while self._drain(stderr.fileno()):
            pass
        stderr.close()
        self._reap()

    def _drain(self, descriptor: int) -> bool:
        try:
            chunk = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        if len(self._head) < 512:
            self._head += chunk[:512]
        self._stderr += chunk
        del self._stderr[:-_STDERR_KEPT]
        return bool(chunk)

    def _reap(self) -> None:
        with self._lock:
            _pid, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
        self._ended = time.monotonic()
        self._cpu_s = usage.ru_utime + usage.ru_stime
        os.close(self._pidfd)


def _readable(raw: bytes) -> str:
    """Untrusted output for a log: line by line, control characters as escapes."""
    lines = raw.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return "\n".join(printable(line.strip(), limit=500) for line in lines if line.strip())
