"""The worker process: dramatiq's threads, fed from the catalogue, and the ledger's sequencer.

Started by a supervisor, which holds worker.lock and hands it down; it dies with its parent.
"""

import argparse
import ctypes
import logging
import os
import shutil
import signal
import threading
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

import dramatiq
from dramatiq.brokers.stub import StubBroker

from apps.wiring import Application
from evidence.catalogue.jobs import Lane
from evidence.errors import VidneError
from evidence.settings import Settings
from ingest.actors import declare_actors, sender
from ingest.feeder import LEASE, Feeder
from ingest.pipeline import Pipeline
from ingest.receive import sweep_spool

log = logging.getLogger("vidne.worker")

_IDLE_S = 0.05
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run until told to stop."""
    options = argparse.ArgumentParser(prog="vidne-worker")
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--owner", required=True)
    options.add_argument("--parent", type=int, required=True)
    given = options.parse_args()
    _die_with(given.parent)
    application = Application(Settings.from_environment(data=given.data))
    _log_to(application.settings.data / "worker.log")
    Worker(application, given.owner).run()


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=3)
    logging.basicConfig(
        level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("dramatiq").setLevel(logging.WARNING)


class Worker:
    """Feeds, sequences and renews from the main thread, while jobs run in dramatiq's threads."""

    def __init__(self, application: Application, owner: str) -> None:
        """`owner` names this process in its leases."""
        settings = application.settings
        self._application = application
        slots = {Lane.FAST: settings.fast_slots, Lane.SLOW: settings.slow_slots}
        self._broker = StubBroker(middleware=[])
        self._wake = threading.Event()
        self._stopping = False
        self._pipeline = Pipeline(
            application.catalogue,
            application.store,
            spool=settings.spool_path,
            work=application.work_folder,
            clock=application.clock,
        )
        actors = declare_actors(self._broker, self._run_job)
        self._feeder = Feeder(application.catalogue, owner, slots, sender(actors), application.clock)
        self._threads = sum(slots.values())

    def run(self) -> None:
        """Work until SIGTERM; what is then in hand is given back."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which then says so
        self._clean_up()
        queues = dramatiq.Worker(self._broker, worker_threads=self._threads, worker_timeout=100)
        queues.start()
        log.info("worker %d started", os.getpid())
        renewed = time.monotonic()
        while not self._stopping:
            busy = self._turn()
            if time.monotonic() - renewed > LEASE.total_seconds() / 4:
                self._feeder.renew()
                renewed = time.monotonic()
            if not busy:
                self._wake.wait(_IDLE_S)
                self._wake.clear()
        self._feeder.release()
        log.info("worker %d stopped", os.getpid())
        # A thread may sit in a parser for minutes: its lease is given back, its child dies with us.
        os._exit(0)

    def _turn(self) -> bool:
        try:
            return bool(self._feeder.step()) | bool(self._application.sequencer.run_once())
        except VidneError as error:
            # A full disk or a locked catalogue passes; a tampered ledger must not stop the intake of footage.
            log.warning("%s", error)
            time.sleep(1)
            return False

    def _run_job(self, job_id: int, token: int) -> None:
        self._pipeline.run(job_id, token)
        self._wake.set()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._wake.set()

    def _clean_up(self) -> None:
        """What a killed worker left: its leases, its scratch space, half received files."""
        settings = self._application.settings
        given_back = self._feeder.take_over()
        shutil.rmtree(self._application.work_folder, ignore_errors=True)
        swept = sweep_spool(self._application.catalogue, settings.spool_path)
        if given_back or swept:
            log.info("took over %d jobs, removed %d left spool files", given_back, len(swept))


if __name__ == "__main__":
    main()
