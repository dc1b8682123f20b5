"""Time stamps over checkpoints: which are due, asking for them, keeping and publishing what came.

A stamp is asked for in the catalogue before an authority is: whatever dies, the row is tried again.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from cryptography.x509 import Certificate

from evidence.catalogue import timestamps
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.timestamps import Stamping
from evidence.clock import Clock, timestamp
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import VidneError
from evidence.ports import ObjectStore
from hashing.publication import checkpoint_path, put_objects, revocation_list_path, timestamp_path
from hashing.revocation import LIST_ROLE, RevokedError, check_not_revoked, list_address
from hashing.revocation_checks import STAMPED_EVENT
from hashing.timestamps import STAMP_ROLE, TimeStamp, load_roots_file, make_request, verify_response
from ingest.authority import TIMEOUT_S, ask_authority, fetch_list
from ingest.custody import record
from ingest.events import WORKER

log = logging.getLogger("vidne.stamping")

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_BETWEEN_RENEWALS = timedelta(days=1)  # until the authority has a certificate that lives longer


class Stamper:
    """Has the newest checkpoint stamped by each authority; of two at once the first answer is kept."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: ObjectStore,
        *,
        authorities: Sequence[str],
        roots: str,
        interval: timedelta,
        renewal: timedelta,
        prefix: str,
        work: Path,
        clock: Clock,
        timeout: float = TIMEOUT_S,
    ) -> None:
        """`roots` names the PEM file of trusted roots, `prefix` is what the published log's keys begin with.

        A new checkpoint is stamped when the last stamp is `interval` old, or expires within `renewal`.
        """
        self._catalogue = catalogue
        self._store = store
        self._authorities = authorities
        self._roots = roots
        self._interval, self._renewal = interval, renewal
        self._prefix, self._work = prefix, work
        self._clock = clock
        self._timeout = timeout

    def run_once(self) -> int:
        """Ask each authority for what is due, and publish what came; how many stamps there are more.

        An authority that does not answer, or not rightly, is noted and asked again later. Raises VidneError
        where catalogue or store fail; the next call goes on.
        """
        count = sum(self._stamp(due) is None for url in self._authorities if (due := self._due(url)))
        self._publish()
        return count

    def run_now(self) -> dict[str, VidneError]:
        """As `run_once`, whatever interval or pause: the newest checkpoint, where it says something new.

        Gives of each authority (its URL) that did not stamp why not. May be called beside a worker.
        """
        failed: dict[str, VidneError] = {}
        for url in self._authorities:
            for _ in range(2):  # what waits for an answer may be over an older checkpoint
                due = self._due(url, at_once=True)
                error = self._stamp(due) if due else None
                if error:
                    failed[url] = error
                if error or not due:
                    break
        self._publish()
        return failed

    def _due(self, authority: str, *, at_once: bool = False) -> Stamping | None:
        """The row to be stamped now, made where it is new; with `at_once` no pause is kept."""
        now = self._clock()
        with self._catalogue.read() as connection:
            last = timestamps.last_asked(connection, authority)
            newest = timestamps.newest_size(connection)
            if last and last.response is None:
                return last if at_once or _has_come(now, last.next_try, LONGEST_PAUSE) else None
            if newest == 0 or (last and last.size >= newest):
                return None
            has_news = last is None or timestamps.has_news(connection, last.size)
            if last and not (has_news if at_once else self._is_old(last, now, has_news=has_news)):
                return None
        if self._store.stat(self._prefix + checkpoint_path(newest)) is None:
            return None  # it is about to be: what is stamped can be read beside the stamp
        with self._catalogue.write() as connection:
            timestamps.ask(connection, newest, authority, timestamp(now))
            asked = timestamps.last_asked(connection, authority)
        return asked if asked and asked.response is None else None  # else another one was first

    def _is_old(self, last: Stamping, now: datetime, *, has_news: bool) -> bool:
        """Whether it is time for another: for new entries, or because the last one's chain will expire."""
        is_expiring = (last.expires or "") < timestamp(now + self._renewal)
        pause = self._interval if has_news else max(self._interval, _BETWEEN_RENEWALS)
        asked = datetime.fromisoformat(last.asked_at)
        return (has_news or is_expiring) and _has_come(now, timestamp(asked + pause), pause)

    def _stamp(self, due: Stamping) -> VidneError | None:
        """Ask and keep; else why there is no stamp: it is noted when to try again."""
        try:
            roots = load_roots_file(self._roots)
            request = make_request(due.note)
            response = ask_authority(due.authority, request.der, seconds=self._timeout)
            stamp = verify_response(response, due.note, roots, at=self._clock(), nonce=request.nonce)
            found = [self._fetch_list(*pair) for pair in pairwise(stamp.chain)]
            lists = [raw for raw in found if raw is not None]
            paths = {revocation_list_path(sha256(raw).hexdigest()): raw for raw in lists}
            put_objects(self._store, self._prefix, self._work, paths)
        except VidneError as error:
            pause = min(FIRST_PAUSE * 2 ** min(due.attempts, 10), LONGEST_PAUSE)
            next_try = timestamp(self._clock() + pause)
            with self._catalogue.write() as connection:
                timestamps.put_off(connection, due.size, due.authority, error=str(error), next_try=next_try)
            log.warning("no time stamp over %d entries by %s: %s", due.size, due.authority, error)
            return error
        self._keep(due, response, stamp, lists)
        return None

    def _fetch_list(self, certificate: Certificate, issuer: Certificate) -> bytes | None:
        """The revocation list for a certificate, where there is one; RevokedError where it names it."""
        try:
            url = list_address(certificate)
            if url is None:
                return None
            raw = fetch_list(url, seconds=self._timeout)
            check_not_revoked(raw, certificate, issuer, self._clock())
        except RevokedError:
            raise
        except VidneError as error:
            # The stamp says what it says without it: what a missing list means is for its reader to weigh.
            log.warning("no revocation list for %s: %s", certificate.subject.rfc4514_string(), error)
            return None
        return raw

    def _keep(self, due: Stamping, response: bytes, stamp: TimeStamp, lists: Sequence[bytes]) -> None:
        with self._catalogue.write() as connection:
            is_new = timestamps.keep(
                connection,
                due.size,
                due.authority,
                response=response,
                chain=stamp.chain_pem,
                gen_time=timestamp(stamp.time),
                expires=timestamp(stamp.expires),
            )
            # In the log, so that the next stamp covers this one: it still counts when its chain has expired.
            if is_new:
                now = timestamp(self._clock())
                record(connection, stamped_event(due, response, stamp, lists, now))

    def _publish(self) -> None:
        """Put stamps into the store that are not there yet; raises the last error once all were tried."""
        with self._catalogue.read() as connection:
            waiting = timestamps.unpublished(connection)
        failed: VidneError | None = None
        for row in waiting:
            path = timestamp_path(row.size, row.authority)
            try:
                put_objects(self._store, self._prefix, self._work, {path: row.response or b""})
            except VidneError as error:
                failed = error
                continue
            with self._catalogue.write() as connection:
                timestamps.set_published(connection, row.size, row.authority)
        if failed:
            raise failed


def stamped_event(
    due: Stamping, response: bytes, stamp: TimeStamp, lists: Sequence[bytes], now: str
) -> CustodyEvent:
    """`checkpoint.stamped`, of the log itself: a time stamp was received, what it says, what was fetched."""
    kept = [(STAMP_ROLE, response), *((LIST_ROLE, raw) for raw in lists)]
    objects = [EventObject("", role, sha256(raw).hexdigest(), len(raw)) for role, raw in kept]
    return CustodyEvent(
        event_id=f"{timestamps.RECORD_PREFIX}{due.size}:{objects[0].sha256}",
        type=STAMPED_EVENT,
        at=now,
        actor=WORKER,
        case="",
        objects=tuple(objects),
        body={
            "size": due.size,
            "url": due.authority,
            "authority": stamp.authority,
            "time": timestamp(stamp.time),
            "serial": str(stamp.serial),
            "policy": stamp.policy,
            "expires": timestamp(stamp.expires),
        },
    )


def _has_come(now: datetime, then: str, most: timedelta) -> bool:
    """Whether it is `then`; also where it is further away than it can be, as after a clock that jumped."""
    return not now < datetime.fromisoformat(then) <= now + most
