"""The worker process: dramatiq's threads, fed from the catalogue, and the ledger's sequencer.

Started by a supervisor, which holds worker.lock and hands it down; it dies with its parent.
"""

import argparse
import gc
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Protocol

import dramatiq

from apps.broker import open_broker, surely
from apps.child import die_with
from apps.cosigning import start_asking
from apps.logs import log_to
from apps.wiring import Application
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import owner_name
from evidence.errors import UnavailableError, VidneError
from evidence.settings import Settings
from evidence.text import printable
from hashing.sequencer import BATCH
from ingest.actors import declare_actors, sender
from ingest.feeder import LEASE, Feeder
from ingest.pipeline import Pipeline
from ingest.spool import sweep_spool

log = logging.getLogger("vidne.worker")

# Behind whoever answers the public on this machine, and before its own encoders, which come after this.
_NICENESS = 10
# How often the catalogue is looked at. While jobs are in hand, what they end with wakes us at once.
_IDLE_S, _BUSY_S = 0.05, 0.25
_LOOK_S = 1.0
# Events are sequenced in batches: each costs a signature and a transaction. Many come while jobs are done.
# Full batches follow one another at once.
_SEQUENCE_S, _BUSY_SEQUENCE_S = 1.0, 5.0
_STAMP_LOOK_S, _STAMP_PAUSE_S = 5.0, 60.0  # the pause follows a store or catalogue that failed
_KEEP_LOOK_S, _KEEP_PAUSE_S = 3600.0, 60.0
_SCAN_LOOK_S, _SCAN_PAUSE_S = 5.0, 60.0
_UPLOADS_LOOK_S = 60.0


def main() -> None:
    """Run until told to stop."""
    options = argparse.ArgumentParser(prog="vidne-worker")
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--owner", required=True)
    options.add_argument("--parent", type=int, required=True)
    options.add_argument("--shown", action="store_true", help="say warnings on standard error, too")
    given = options.parse_args()
    die_with(given.parent)
    os.nice(_NICENESS)
    try:
        application = Application(Settings.from_environment(data=given.data))
        _log_to(application.settings, is_shown=given.shown)
        _await_catalogue(application)
        Worker(application, given.owner).run()
    except (VidneError, OSError) as error:
        sys.exit(f"The worker cannot work: {printable(str(error), limit=2000)}")


def _await_catalogue(application: Application) -> None:
    """A database server that is not up yet stops no worker: machines start in any order."""
    while True:
        try:
            application.catalogue  # noqa: B018 - opened by being asked for
        except UnavailableError as error:
            log.warning("%s", error)
            time.sleep(1)
        else:
            return


def _log_to(settings: Settings, *, is_shown: bool) -> None:
    handlers: list[logging.Handler] = [
        RotatingFileHandler(settings.data / "worker.log", maxBytes=10_000_000, backupCount=3)
    ]
    if is_shown:  # a container's log is what it says
        handlers.append(logging.StreamHandler())
        handlers[-1].setLevel(logging.WARNING)
    log_to(settings, "%(asctime)s %(levelname)s %(name)s %(message)s", *handlers)
    logging.raiseExceptions = False  # on a full disk: a traceback on somebody's terminal helps nobody
    logging.getLogger("dramatiq").setLevel(logging.WARNING)


class Beside(Protocol):
    """What a thread of its own looks after."""

    def run_once(self) -> int:
        """Do what is due; how much was done."""
        ...


class Worker:
    """Feeds, sequences and renews from the main thread, while jobs run in dramatiq's threads."""

    def __init__(self, application: Application, owner: str) -> None:
        """`owner` names this process in its leases."""
        settings = application.settings
        self._application = application
        self._is_watched = bool(application.witnesses)  # a setting that cannot be meant is told at once
        slots = {Lane.FAST: settings.fast_slots, Lane.SLOW: settings.slow_slots}
        self._broker, self._queue_ms = open_broker(settings)
        self._watch = application.catalogue.watch()
        self._looked = self._sequenced = 0.0
        self._unsequenced = self._freed = True
        self._is_behind = False  # more events wait than one batch takes
        self._wake: SimpleQueue[None] = SimpleQueue()  # a signal handler may put into it, too
        self._stopping = False
        self._pipeline = Pipeline(
            application.catalogue,
            application.store,
            spool=settings.spool_path,
            work=settings.work_path,
            clock=application.clock,
            home=application.home,
        )
        home = application.home
        send = surely(sender(declare_actors(self._broker, self._run_job, home)), settings)
        name = owner_name(home, owner)
        self._feeder = Feeder(application.catalogue, name, slots, send, application.clock, home=home)
        self._threads = sum(slots.values())

    def run(self) -> None:
        """Work until SIGTERM; what is then in hand is given back."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which then says so
        self._until_done(self._clean_up)  # first: who started us may have nothing to do, and stop us at once
        self._until_done(self._application.require_store)
        queues = dramatiq.Worker(self._broker, worker_threads=self._threads, worker_timeout=self._queue_ms)
        queues.start()
        if self._is_watched:
            self._try(lambda: start_asking(self._application.cosignings, lambda: self._application.led_last))
        # What is loaded stays: without this the collector would go over it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000)
        if self._application.settings.time_authorities:
            # In a thread of its own: an authority that hangs holds up nothing else.
            self._go_along("stamper", lambda: self._application.stamper, _STAMP_LOOK_S, _STAMP_PAUSE_S)
        self._go_along("uploads", lambda: self._application.uploads.sweep, _UPLOADS_LOOK_S, _UPLOADS_LOOK_S)
        self._go_along("keeper", lambda: self._application.keeper, _KEEP_LOOK_S, _KEEP_PAUSE_S)
        if self._application.settings.clamav_socket:
            self._go_along("scanner", lambda: self._application.scanning, _SCAN_LOOK_S, _SCAN_PAUSE_S)
        log.info("worker %d started", os.getpid())
        renewed = time.monotonic()
        while not self._stopping:
            self._try(self.turn)
            if time.monotonic() - renewed > LEASE.total_seconds() / 4 and self._try(self._feeder.renew):
                renewed = time.monotonic()
            with suppress(Empty):
                self._wake.get(timeout=self._rest_s())
                self._freed = True
        self._try(self._application.sequence_all)
        self._try(self._feeder.release)  # else the next worker takes over what is held
        log.info("worker %d stopped", os.getpid())
        # A thread may sit in a parser for minutes: its lease is given back, its child dies with us.
        os._exit(0)

    def _until_done(self, action: Callable[[], object]) -> None:
        while not self._try(action) and not self._stopping:
            pass

    def turn(self) -> None:
        """Feed, and sequence, where something changed; jobs that were put off are looked for each second."""
        now = time.monotonic()
        freed, self._freed = self._freed, False
        if self._watch.changed() or freed or now - self._looked > _LOOK_S:
            self._looked, self._unsequenced = now, True
            self._try(self._feeder.step)  # a broker that is away must not hold up the ledger
        pause = _BUSY_SEQUENCE_S if self._feeder.is_busy else _SEQUENCE_S
        if self._is_behind or (self._unsequenced and now - self._sequenced > pause):
            self._sequenced = now  # also where it fails: feeding goes on between
            taken = self._application.sequence()
            self._unsequenced, self._is_behind = taken > 0, taken >= BATCH

    def _rest_s(self) -> float:
        if self._is_behind:
            return 0.0
        return _BUSY_S if self._feeder.is_busy else _IDLE_S

    def _try(self, action: Callable[[], object]) -> bool:
        """Whether `action` ended well and did not say False; a pause follows what may pass.

        A full disk or a locked catalogue passes; a tampered ledger must not stop the intake of footage.
        """
        try:
            return action() is not False
        except VidneError as error:
            log.warning("%s", error)
            time.sleep(1)
            return False

    def _go_along(self, name: str, part: Callable[[], "Beside"], look_s: float, pause_s: float) -> None:
        """Have a part of the application work beside the jobs, where this machine sequences, to the end."""

        def run() -> None:
            try:
                while True:
                    is_ours = self._application.led_last
                    is_well = not is_ours or self._try(lambda: part().run_once() >= 0)
                    time.sleep(look_s if is_ours and is_well else pause_s)
            except BaseException:
                log.exception("The %s does nothing any more until the worker is started again.", name)
                raise

        threading.Thread(target=run, name=name, daemon=True).start()

    def _run_job(self, job_id: int, token: int) -> None:
        if not self._feeder.begin(job_id, token):
            log.info("a message of job %d came twice, or late", job_id)
            return
        try:
            self._pipeline.run(job_id, token)
        finally:
            self._feeder.done(job_id)
            self._wake.put(None)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._wake.put(None)

    def _clean_up(self) -> None:
        """What a killed worker left: its leases, its scratch space, half received files."""
        settings = self._application.settings
        given_back = self._feeder.take_over()
        shutil.rmtree(settings.work_path, ignore_errors=True)
        swept = sweep_spool(self._application.catalogue, settings.spool_path)
        if given_back or swept:
            log.info("took over %d jobs, removed %d left spool files", given_back, len(swept))


if __name__ == "__main__":
    main()
