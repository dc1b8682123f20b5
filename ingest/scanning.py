"""Malware scans of what came through links: the result is kept and the evidence too, whatever it is.

It looks at sealed originals, beside the jobs: nothing waits for it. Where the scanner is away, it is recorded
once for each file, and it is tried again until there is a result.
"""

import logging
from collections import Counter

from evidence.cases import exhibit_label
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger import is_filed
from evidence.catalogue.objects import stored_original
from evidence.catalogue.scans import Unscanned, put_scan, unscanned_uploads
from evidence.clock import Clock, timestamp
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import UnavailableError
from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from evidence.ports import ObjectStore
from ingest.custody import record
from ingest.malware import Clamd, Scan

log = logging.getLogger("vidne.scanning")

SCANNER = "scanner"
_PAGE = 100
_ATTEMPTS = 3  # that broke off in the middle of the same file


class Scanning:
    """Has clamd look at uploads; one at a time, where this machine sequences."""

    def __init__(self, catalogue: Catalogue, store: ObjectStore, clamd: Clamd, *, clock: Clock) -> None:
        self._catalogue = catalogue
        self._store = store
        self._clamd = clamd
        self._clock = clock
        self._broken: Counter[str] = Counter()

    def run_once(self) -> int:
        """Look at what waits; how many files were looked at. Raises UnavailableError where clamd is away."""
        with self._catalogue.read() as connection:
            waiting = unscanned_uploads(connection, _PAGE)
        if not waiting:
            return 0
        try:
            self._clamd.version()
        except UnavailableError as error:
            self._note_absence(waiting, str(error))
            raise
        for item in waiting:
            self._look_at(item)
        return len(waiting)

    def _look_at(self, item: Unscanned) -> None:
        with self._catalogue.read() as connection:
            where = stored_original(connection, item.exhibit_id)
        if where is None:  # between the two looks it was taken away: the next one tells
            return
        with self._store.open(*where) as stream:
            try:
                found = self._clamd.scan(stream)
            except UnavailableError as error:
                self._broken[item.upload_id] += 1
                if self._broken[item.upload_id] < _ATTEMPTS:
                    raise
                found = Scan("failed", str(error), "")
        del self._broken[item.upload_id]
        if found.result != "clean":
            log.warning("the malware scanner says of exhibit %s: %s", item.exhibit_id, found.result)
        now = timestamp(self._clock())
        told: JsonObject = {"result": found.result, "detail": found.detail, "scanner": found.scanner}
        with self._catalogue.write() as connection:
            put_scan(connection, item.upload_id, {**told, "at": now})
            record(connection, _event(item, "file.scanned", now, told))

    def _note_absence(self, waiting: list[Unscanned], why: str) -> None:
        now = timestamp(self._clock())
        with self._catalogue.write() as connection:
            for item in waiting:
                event = _event(item, "file.not-scanned", now, {"reason": why})
                if not is_filed(connection, event.event_id):
                    record(connection, event)


def _event(item: Unscanned, kind: str, now: str, told: JsonObject) -> CustodyEvent:
    thing = EventObject(exhibit_label(item.number), Role.ORIGINAL, item.sha256, item.size)
    body: JsonObject = {"submission": item.submission_id, "ordinal": item.ordinal, **told}
    return CustodyEvent(f"{item.upload_id}:{kind}", kind, now, SCANNER, item.case_id, (thing,), body)
