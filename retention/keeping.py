"""Rolling retention: what is to be kept stays locked, because its lock is moved on before it ends.

Locks reach only some days ahead, so that an exhibit can be disposed of once the law says so: it is no longer
extended, and a while later the store lets it go. A round goes over all objects a third of those days after
the last one began; so two thirds of them are left for a worker that stands still.
"""

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.retention import (
    RetentionRound,
    begin_round,
    last_round,
    locked_objects,
    note_progress,
)
from evidence.clock import Clock, timestamp
from evidence.errors import UnavailableError, VidneError
from evidence.ports import ObjectStore
from hashing.publication import locked_keys
from retention.keys import LOCKED_ROLES

log = logging.getLogger("vidne.keeping")

_PAGE = 500
_AT_ONCE = 4
_SOON = timedelta(hours=6)  # after which a round is repeated in which something could not be extended
_SWEPT_AFTER = timedelta(days=1)  # no put takes as long


def is_due(last: RetentionRound | None, now: datetime, days: timedelta) -> bool:
    """Whether a round has to begin; also where the last one began in what is the future by now."""
    if last is None:
        return True
    pause = min(_SOON, days / 3) if last.failed else days / 3
    return not timedelta(0) <= now - datetime.fromisoformat(last.started_at) < pause


class Keeper:
    """Extends the locks of one store; one at a time, as the sequencer."""

    def __init__(
        self, catalogue: Catalogue, store: ObjectStore, *, days: int, prefix: str, clock: Clock
    ) -> None:
        """`days` are those of the settings, `prefix` is what the published log's keys begin with."""
        self._catalogue = catalogue
        self._store = store
        self._days = timedelta(days=days)
        self._prefix = prefix
        self._clock = clock

    def run_once(self) -> int:
        """Do what is due, from where it was stopped; how many locks were extended.

        What puts left that were cut short is swept on the way. Raises UnavailableError where the store goes
        away: the next call goes on. An object that cannot be extended is told, and stops no other.
        """
        now = self._clock()
        with self._catalogue.read() as connection:
            found = last_round(connection)
        if found is None or found.finished_at is not None:
            if not is_due(found, now, self._days):
                return 0
            if swept := self._store.sweep(now - _SWEPT_AFTER):
                log.info("swept what %d puts left that were cut short", swept)
            with self._catalogue.write() as connection:
                found = begin_round(connection, timestamp(now))
        return self._go_on(found) if self._store.is_worm else self._finish(found)

    def _go_on(self, found: RetentionRound) -> int:
        before = found.extended
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="keeper") as threads:
            if not found.last_object:  # the log is small beside the objects, and begun anew
                found = self._noted(
                    found, threads.map(self._extend_current, locked_keys(self._store, self._prefix))
                )
            while True:
                with self._catalogue.read() as connection:
                    page = locked_objects(connection, LOCKED_ROLES, after=found.last_object, limit=_PAGE)
                if not page:
                    return self._finish(found) - before
                done = threads.map(lambda item: self._extend(item.key, item.version_id), page)
                found = self._noted(replace(found, last_object=page[-1].row), done)

    def _noted(self, found: RetentionRound, done: Iterable[bool]) -> RetentionRound:
        results = list(done)
        extended = results.count(True)
        found = replace(
            found,
            extended=found.extended + extended,
            failed=found.failed + len(results) - extended,
        )
        with self._catalogue.write() as connection:
            note_progress(connection, found)
        return found

    def _finish(self, found: RetentionRound) -> int:
        with self._catalogue.write() as connection:
            note_progress(connection, replace(found, finished_at=timestamp(self._clock())))
        return found.extended

    def _extend_current(self, key: str) -> bool:
        there = self._store.stat(key)
        if there is None:
            log.warning("%s is missing from the store: run vidne verify archive", key)
            return False
        return self._extend(key, there.version_id)

    def _extend(self, key: str, version_id: str) -> bool:
        try:
            self._store.retain(key, version_id, self._clock() + self._days)
        except UnavailableError:
            raise
        except VidneError as error:
            log.warning("the lock of %s was not extended: %s", key, error)
            return False
        return True
