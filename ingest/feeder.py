"""The feeder: takes ready jobs from the catalogue as far as slots are free, and sends their ids on."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import (
    Lease,
    LeaseLostError,
    expire_leases,
    postpone_job,
    release_leases,
    renew_leases,
    take_jobs,
)
from evidence.clock import Clock, timestamp
from evidence.errors import UnavailableError

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
_RESEND_S = 10.0  # a message that nobody began on was lost: the broker restarted empty
_EXPIRE_S = 5.0
# After an outage of the catalogue the living renew their leases first; only then are others' judged.
_STEADY_S, _GAP_S = 10.0, 3.0


@dataclass
class _Sent:
    """A lease in its slot: when its message was last sent, and whether a thread has begun on it."""

    lease: Lease
    at: float
    begun: bool = False


class Feeder:
    """One worker's link between the job table, which is the truth, and the queue, which is a hint."""

    def __init__(
        self,
        catalogue: Catalogue,
        owner: str,
        slots: Mapping[Lane, int],
        send: Callable[[Lease], None],
        clock: Clock,
        *,
        home: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`owner` names the worker process in the leases, `home` the data folder whose spool it has.

        `send` puts a message into the queue; raises UnavailableError where the broker is away.
        """
        self._catalogue = catalogue
        self._owner = owner
        self._home = home
        self._slots = slots
        self._send = send
        self._clock = clock
        self._monotonic = monotonic
        self._in_hand: dict[int, _Sent] = {}
        self._met = self._steady = self._expired = monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether a job that was sent is still in its slot."""
        return bool(self._in_hand)

    def take_over(self) -> int:
        """Give back what a worker of this data folder held before.

        Only for who knows that it is gone (worker.lock).
        """
        with self._catalogue.write() as connection:
            return release_leases(connection, timestamp(self._clock()), keep=self._owner)

    def step(self) -> int:
        """Lease and send what fits, and send again what was lost; returns how many jobs are new."""
        self._send_again()
        held = Counter(sent.lease.stage.lane for sent in self._in_hand.copy().values())
        if all(held[lane] >= most for lane, most in self._slots.items()):
            return 0
        now = self._clock()
        with self._catalogue.write() as connection:
            if self._may_expire() and (count := expire_leases(connection, timestamp(now))):
                log.warning("%d leases ran out: whoever held them is gone", count)
            until = timestamp(now + LEASE)
            leases = take_jobs(connection, self._owner, self._slots, timestamp(now), until, self._home)
        for lease in leases:
            self._in_hand[lease.job_id] = _Sent(lease, self._monotonic())
        for lease in leases:
            self._pass_on(lease)
        return len(leases)

    def begin(self, job_id: int, token: int) -> bool:
        """Whether a message is to be acted on: not where it came twice or is of an earlier worker."""
        sent = self._in_hand.get(job_id)
        if sent is None or sent.lease.token != token or sent.begun:
            return False
        sent.begun = True
        return True

    def done(self, job_id: int) -> None:
        """Say that a job that was sent has left its slot; from any thread."""
        self._in_hand.pop(job_id, None)

    def renew(self) -> None:
        """Say that this worker lives, well before its leases run out."""
        with self._catalogue.write() as connection:
            renew_leases(connection, self._owner, timestamp(self._clock() + LEASE))

    def release(self) -> None:
        """Give back, without blame, what this worker holds."""
        with self._catalogue.write() as connection:
            release_leases(connection, timestamp(self._clock()), owner=self._owner)

    def _may_expire(self) -> bool:
        """Whether the catalogue has answered for a while without a gap, and it is time to look."""
        now = self._monotonic()
        if now - self._met > _GAP_S:
            self._steady = now
        self._met = now
        if now - self._steady < _STEADY_S or now - self._expired < _EXPIRE_S:
            return False
        self._expired = now
        return True

    def _send_again(self) -> None:
        now = self._monotonic()
        for sent in list(self._in_hand.values()):
            if not sent.begun and now - sent.at > _RESEND_S:
                log.warning("the message of job %d was lost and is sent again", sent.lease.job_id)
                sent.at = now
                self._pass_on(sent.lease)

    def _pass_on(self, lease: Lease) -> None:
        """Send a lease's message; where the broker is away, give the job back for others to take."""
        try:
            self._send(lease)
        except UnavailableError as error:
            self._in_hand.pop(lease.job_id, None)
            now = timestamp(self._clock())
            with self._catalogue.write() as connection:
                try:
                    postpone_job(connection, lease, now, now, str(error), blameless=True)
                except LeaseLostError:
                    log.info("job %d was taken over meanwhile", lease.job_id)
            raise
