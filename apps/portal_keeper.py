"""Keeps the portal going beside the worker: the socket is ours, so that a restart of it refuses nobody."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from evidence.errors import UnreadableError
from evidence.setting_checks import check_listen
from evidence.settings import Settings

log = logging.getLogger("vidne.portal")

_WATCH_S = 0.2
_RESTART_S = 0.5
_QUICK_S = 20.0
_QUICK_DEATHS = 5
_STOP_S = 25.0  # the process itself gives requests in hand 20 s
_BACKLOG = 2048


class PortalKeeper:
    """Runs the portal's process, and starts it again whenever it dies."""

    def __init__(self, settings: Settings) -> None:
        """Binds the socket of VIDNE_PORTAL_LISTEN; raises UnreadableError where it is taken."""
        self._settings = settings
        host, port = check_listen("VIDNE_PORTAL_LISTEN", settings.portal_listen)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise UnreadableError(
                f"The portal cannot listen at {settings.portal_listen}: {error.strerror}.",
                advice="Set VIDNE_PORTAL_LISTEN to an address of this machine and a free port.",
            ) from error
        self._stop = threading.Event()
        self.process: int | None = None  # its pid, while one runs
        self.gave_up = ""

    @property
    def port(self) -> int:
        """The port that it listens at: another than in the settings where these say 0."""
        return int(self._socket.getsockname()[1])

    def stop(self) -> None:
        """Make `run` end; requests in hand are answered before."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`, or until it cannot be started."""
        deaths = 0
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                child = self._start()
                self.process = child.pid
                try:
                    while child.poll() is None and not self._stop.wait(_WATCH_S):
                        pass
                finally:
                    self.process = None
                    _end(child)
                if self._stop.is_set():
                    return
                log.warning("the portal's process died (%d)", child.returncode)
                deaths = deaths + 1 if time.monotonic() - began < _QUICK_S else 0
                if deaths >= _QUICK_DEATHS:
                    self.gave_up = "The portal cannot start; see what it said."
                    log.error("%s", self.gave_up)
                    return
                self._stop.wait(_RESTART_S)
        finally:
            self._socket.close()

    def _start(self) -> subprocess.Popen[bytes]:
        data, handle = str(self._settings.data.absolute()), self._socket.fileno()
        arguments = ["--data", data, "--socket", str(handle), "--parent", str(os.getpid())]
        # A Ctrl-C goes to the whole group, and is for us: we then end the process in good order.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "apps.portal.server", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(handle,),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def kept_portal(settings: Settings) -> Iterator[PortalKeeper]:
    """The portal, kept going by a thread while the block runs; where it cannot be, SIGTERM comes to us."""
    keeper = PortalKeeper(settings)

    def run() -> None:
        keeper.run()
        if keeper.gave_up:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run, name="portal")
    thread.start()
    try:
        yield keeper
    finally:
        keeper.stop()
        thread.join()


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
